import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as errors from '../dist/errors.js';
import { fromPlain, fromWasm, toPlain } from '../dist/wire.js';

const thrown = (kind, message = 'Expected this, found that.') => Object.assign(new Error(message), { kind });

test('each kind of the WASM module becomes its class', () => {
  const classes = {
    'model-file': errors.ModelFileError,
    'newer-format': errors.NewerFormatError,
    image: errors.ImageError,
    'no-webgpu': errors.NoWebGpuError,
    device: errors.DeviceError,
    'device-lost': errors.DeviceLostError,
    'out-of-memory': errors.OutOfMemoryError,
  };
  for (const [kind, type] of Object.entries(classes)) {
    const error = fromWasm(thrown(kind));
    assert.ok(error instanceof type && error instanceof errors.IntformerError, kind);
    assert.deepEqual([error.kind, error.name], [kind, type.name]);
    assert.ok(error.message.startsWith('Expected this, found that.'));
  }
});

test('too little memory says what to do, and a trap of the module is named', () => {
  assert.match(fromWasm(thrown('out-of-memory', 'No room.')).message, /^No room\. Use a smaller batch or a smaller model\.$/);
  assert.ok(fromWasm(new RangeError('allocation failed')) instanceof errors.OutOfMemoryError);
  assert.ok(fromWasm(new WebAssembly.RuntimeError('unreachable')) instanceof errors.RuntimeError);
  assert.ok(fromWasm(new RangeError('Maximum call stack size exceeded')) instanceof errors.RuntimeError);
  const own = new errors.DisposedError();
  assert.equal(fromWasm(own), own);
});

test('errors cross between worker and page with class, message and facts', () => {
  const transfer = { url: 'https://a.example/m', status: 206, received: 5, expected: 9 };
  const all = [
    new errors.ModelFileError('m'), new errors.NewerFormatError('m'), new errors.ImageError('m'),
    new errors.NoWebGpuError('m'), new errors.DeviceError('m'), new errors.DeviceLostError('m'),
    new errors.OutOfMemoryError('m'), new errors.RuntimeError('m'), new errors.CacheError('m'),
    new errors.NetworkError('m', transfer), new errors.DigestError('a', 'b'), new errors.DisposedError(),
  ];
  for (const error of all) {
    const back = fromPlain(structuredClone(toPlain(error)));
    assert.equal(back.constructor, error.constructor, error.name);
    assert.deepEqual({ ...back, message: back.message }, { ...error, message: error.message });
  }
  assert.equal(fromPlain(toPlain(new DOMException('stop', 'AbortError'))).name, 'AbortError');
  assert.equal(fromPlain(toPlain(new TypeError('odd'))).message, 'odd');
});
