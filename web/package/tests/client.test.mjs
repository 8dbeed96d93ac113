import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../dist/client.js';
import { DisposedError, ImageError, RuntimeError } from '../dist/errors.js';
import { load } from '../dist/index.js';
import { startWorker } from '../dist/thread.js';

const STATE = { executor: 'wasm', adapter: { description: 'a', software: false }, fallback: null, cacheNote: null, times: {} };

/** A worker that answers as `answers` says, by what is asked. */
class FakeWorker {
  asked = [];
  moved = [];
  terminated = false;
  constructor(answers = {}) {
    this.answers = { load: () => ({ labels: ['x'] }), ...answers };
  }
  postMessage(message, transfer) {
    this.asked.push(message);
    this.moved.push(transfer);
    if ('abort' in message) return void this.answers.abort?.(this);
    const answer = this.answers[message.ask.ask];
    if (answer === undefined) return;
    queueMicrotask(() => {
      const { error, value } = wrapped(() => answer(message.ask, this));
      if (error !== undefined) this.say({ event: 'error', id: message.id, error, state: null });
      else this.say({ event: 'answer', id: message.id, value, state: this.state ?? STATE });
    });
  }
  say = (data) => this.onmessage({ data });
  terminate = () => void (this.terminated = true);
}
const wrapped = (work) => {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
};
const hooks = (told = []) => ({ progress: (event) => told.push(event), lost: (event) => told.push(event) });
const started = (answers, told) => Client.load(new FakeWorker(answers), {}, undefined, hooks(told));
const plain = (kind) => ({ kind, name: 'ImageError', message: 'No pixels.', transfer: null, digests: null });

test('answers reach their calls, errors their classes, and the state follows', async () => {
  const worker = new FakeWorker({
    memory: (_ask, self) => {
      self.state = { ...STATE, executor: 'webgpu' };
      return { wasm: 1, device: 2 };
    },
    classify: () => {
      throw plain('image');
    },
  });
  const client = await Client.load(worker, {}, undefined, hooks());
  assert.deepEqual([client.model, client.state.executor], [{ labels: ['x'] }, 'wasm']);
  const both = await Promise.allSettled([client.classify([], 5), client.memory()]);
  assert.ok(both[0].reason instanceof ImageError);
  assert.deepEqual([both[1].value, client.state.executor], [{ wasm: 1, device: 2 }, 'webgpu']);
});

test('pixels are moved and not copied a second time', async () => {
  const worker = new FakeWorker({ classify: () => [] });
  const client = await Client.load(worker, {}, undefined, hooks());
  const data = new Uint8ClampedArray(4);
  await client.classify([{ kind: 'raw', image: { data, width: 1, height: 1 } }], { top: 5, keepPixels: false });
  assert.deepEqual(worker.moved.at(-1), [data.buffer]);
});

test('the page hears of a lost device when the state is the new one already', async () => {
  const seen = [];
  const worker = new FakeWorker();
  const client = await Client.load(worker, {}, undefined, { progress: () => undefined, lost: () => seen.push(client.state.executor) });
  worker.say({ event: 'lost', loss: {}, state: { ...STATE, executor: 'webgpu' } });
  assert.deepEqual(seen, ['webgpu']);
});

test('a load that fails ends the worker', async () => {
  const worker = new FakeWorker({
    load: () => {
      throw plain('image');
    },
  });
  await assert.rejects(Client.load(worker, {}, undefined, hooks()), ImageError);
  assert.equal(worker.terminated, true);
});

test('an aborted load lets the worker put its files away, but does not wait for one that hangs', async () => {
  for (const hangs of [false, true]) {
    const stop = new AbortController();
    const worker = new FakeWorker({
      load: undefined,
      abort: (self) => hangs || setTimeout(() => self.say({ event: 'error', id: 1, error: plain('image'), state: null }), 20),
    });
    const loading = Client.load(worker, {}, stop.signal, hooks());
    const began = performance.now();
    stop.abort(new Error('enough'));
    await assert.rejects(loading, /enough/);
    const took = performance.now() - began;
    assert.ok(hangs ? took >= 900 && took < 2000 : took >= 15 && took < 500, `${took} ms`);
    assert.deepEqual([worker.asked.at(-1), worker.terminated], [{ abort: true }, true]);
  }
});

test('a worker that dies rejects what waits and what comes', async () => {
  for (const end of [(worker) => worker.onerror({ message: 'out of memory', preventDefault: () => undefined }), (worker) => worker.onmessageerror()]) {
    const worker = new FakeWorker({ classify: undefined });
    const client = await Client.load(worker, {}, undefined, hooks());
    const waiting = client.classify([], 5);
    end(worker);
    const stopped = (error) => error instanceof RuntimeError && /Load the model again/.test(error.message);
    await assert.rejects(waiting, stopped);
    await assert.rejects(client.memory(), stopped);
    assert.equal(worker.terminated, true);
    client.dispose();
  }
});

test('a disposed client ends the worker', async () => {
  const worker = new FakeWorker();
  const client = await Client.load(worker, {}, undefined, hooks());
  const waiting = client.memory();
  client.dispose();
  await assert.rejects(waiting, DisposedError);
  assert.equal(worker.terminated, true);
});

test('without workers the reason is said', async () => {
  assert.match(await startWorker(null, undefined), /own address; set the option workerUrl/);
  assert.match(await startWorker('worker.js', undefined), /no workers/);
  globalThis.Worker = class {
    constructor() {
      throw new DOMException('not allowed', 'SecurityError');
    }
  };
  assert.match(await startWorker('worker.js', undefined), /could not start: not allowed/);
  let last;
  globalThis.Worker = class extends FakeWorker {
    constructor() {
      super();
      last = this;
    }
  };
  await assert.rejects(startWorker('worker.js', AbortSignal.abort(new Error('enough'))), /enough/);
  assert.equal(last.terminated, true);
  delete globalThis.Worker;
});

test('options are checked before anything is fetched', async () => {
  const bytes = new Uint8Array(1);
  await assert.rejects(load(bytes, { executor: 'cuda' }), /Expected the executor "auto", "webgpu" or "wasm", found "cuda"/);
  await assert.rejects(load(bytes, { kind: 'pictures' }), /Expected the kind "image-classifier", .*, found "pictures"/);
  await assert.rejects(load(bytes, { digest: 'abc' }), /64 hexadecimal digits/);
  await assert.rejects(load(bytes, { probeMilliseconds: -1 }), RangeError);
  await assert.rejects(load(bytes, { signal: AbortSignal.abort(new Error('before')) }), /before/);
});
