import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { QueuedModel } from '../dist/model.js';
import { loadEngine } from '../dist/engine-load.js';
import * as errors from '../dist/errors.js';
import { serve } from '../../tests/server.mjs';
import { FakeFolder, installOpfs } from './fake-opfs.mjs';
import { fakeRuntime, modelBytes, options, surroundings } from './fake-runtime.mjs';

globalThis.ImageData ??= class ImageData {
  constructor(data, width) {
    Object.assign(this, { data, width, height: data.length / 4 / width, colorSpace: 'srgb' });
  }
};
const image = (...rgba) => new ImageData(Uint8ClampedArray.from(rgba), 1);

async function loaded({ script = {}, support, signal = new AbortController().signal, source = modelBytes(), ...more } = {}) {
  const fake = fakeRuntime(script);
  const told = { progress: [], lost: [], moved: [] };
  const hooks = { progress: (event) => told.progress.push(event), lost: (event) => told.lost.push(event), moved: (event) => told.moved.push(event) };
  const load = loadEngine({ source, options: options(more) }, signal, hooks, surroundings(fake, support));
  return load.then(
    (engine) => ({ classifier: new QueuedModel(engine, null, performance.now()), told, ...fake }),
    (error) => Promise.reject(Object.assign(error, { log: fake.log })),
  );
}
const settle = () => new Promise((done) => setTimeout(done, 5));

test('a load tells its progress and what it found', async () => {
  const { classifier, told, log } = await loaded();
  const total = 10 + modelBytes().length;
  assert.equal(told.progress[0].loaded, 0);
  assert.ok(told.progress.every((event) => event.total === total));
  assert.deepEqual(told.progress.at(-1), { stage: 'prepare', loaded: total, total, fromCache: false });
  const { executor, fallback, adapter, thread, cacheNote, threadNote } = classifier;
  assert.deepEqual({ executor, fallback, adapter, thread, cacheNote, threadNote }, {
    executor: 'webgpu', fallback: null, adapter: { description: 'fake (WebGPU, hardware)', software: false },
    thread: 'page', cacheNote: null, threadNote: null,
  });
  assert.deepEqual([classifier.model.labels, log.prepared, log.probe], [['x', 'y', 'z'], [1], 250]);
});

test('measuring kernels takes no time on a software adapter, and as long as told elsewhere', async () => {
  assert.equal((await loaded({ support: { software: true } })).log.probe, 0);
  assert.equal((await loaded({ support: { software: true }, probeMilliseconds: 70 })).log.probe, 70);
});

test('an image gives classes, logits and digest', async () => {
  const { classifier } = await loaded();
  const result = await classifier.classify(image(1, 2, 3, 4), { top: 2 });
  assert.deepEqual(result.classes.map(({ label }) => label), ['z', 'y']);
  assert.deepEqual([[...result.logits], result.digest, result.exact], [[10, 20, 30], 'digest of 10,20,30', false]);
  assert.deepEqual([result.executor, result.hint, result.notes, result.pixels], ['webgpu', null, [], null]);
  const file = new Blob([Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 5, 6, 7, 8)]);
  const decoded = await classifier.classify(file);
  assert.deepEqual([decoded.exact, [...decoded.logits]], [true, [26, 52, 78]]);
});

test('a batch is one run, and each image gets its own logits', async () => {
  const { classifier, log } = await loaded();
  const results = await classifier.classifyBatch([image(1, 0, 0, 0), image(0, 2, 0, 0), image(0, 0, 3, 0)]);
  assert.deepEqual(results.map(({ logits }) => [...logits]), [[1, 2, 3], [2, 4, 6], [3, 6, 9]]);
  assert.deepEqual([log.runs, log.prepared], [1, [1, 3]]);
  await classifier.classifyBatch([image(1, 0, 0, 0), image(1, 0, 0, 0)]);
  assert.deepEqual(log.prepared, [1, 3], 'there was room already');
  assert.deepEqual(await classifier.classifyBatch([]), []);
});

test('calls made together are queued: one run at a time', async () => {
  const { classifier, log } = await loaded();
  const sums = await Promise.all([1, 2, 3, 4].map((value) => classifier.classify(image(value, 0, 0, 0))));
  assert.deepEqual(sums.map(({ logits }) => logits[0]), [1, 2, 3, 4]);
  assert.equal(log.runs, 4);
});

test('without WebGPU auto takes WASM and says why; webgpu alone is refused', async () => {
  const support = { available: false, reason: 'This browser has no WebGPU.' };
  const { classifier, log, told } = await loaded({ support, executor: 'auto' });
  assert.deepEqual([classifier.executor, classifier.fallback], ['wasm', 'This browser has no WebGPU.']);
  assert.equal((await classifier.classify(image(1, 0, 0, 0))).logits[0], 1);
  await settle();
  assert.deepEqual([log.opened, told.moved], [['wasm'], []]);
  await assert.rejects(loaded({ support, executor: 'webgpu' }), (error) => {
    assert.deepEqual([error.log.models, error.log.sessions], [0, 0], 'nothing is left');
    return error instanceof errors.NoWebGpuError && error.message === 'This browser has no WebGPU.';
  });
});

test('a GPU of software is never taken by auto', async () => {
  const { classifier, log } = await loaded({ support: { software: true }, executor: 'auto' });
  await settle();
  assert.deepEqual([classifier.executor, log.opened], ['wasm', ['wasm']]);
  assert.match(classifier.fallback, /one of software \(fake\), which is slower/);
});

test('auto answers by WASM at once and moves to the GPU when its kernels are compiled', async () => {
  let compiled;
  const script = { webgpu: () => new Promise((resolve) => (compiled = resolve)), cost: { wasm: 9, webgpu: 2 } };
  const { classifier, told, log } = await loaded({ script, executor: 'auto' });
  const first = await classifier.classify(image(7, 0, 0, 0));
  assert.deepEqual([first.executor, first.logits[0], classifier.executor], ['wasm', 7, 'wasm']);
  assert.match(classifier.fallback, /while the kernels for the GPU are compiled/);
  compiled();
  await settle();
  assert.deepEqual(told.moved, [{ from: 'wasm', to: 'webgpu', reason: '2.0 ms an image on WebGPU, 9.0 ms on WASM.' }]);
  const second = await classifier.classify(image(7, 0, 0, 0));
  assert.deepEqual([second.executor, second.logits[0]], ['webgpu', 7]);
  assert.deepEqual([classifier.executor, classifier.fallback, log.sessions], ['webgpu', null, 1]);
});

test('auto stays on WASM where that is faster, or the GPU fails, and says so', async () => {
  const slow = await loaded({ script: { cost: { wasm: 1, webgpu: 3 } }, executor: 'auto' });
  await settle();
  assert.deepEqual([slow.classifier.executor, slow.log.sessions], ['wasm', 1]);
  assert.equal(slow.classifier.fallback, 'WASM is the faster one here: 3.0 ms an image on WebGPU, 1.0 ms on WASM.');
  assert.deepEqual(slow.told.moved.map(({ from, to }) => [from, to]), [['wasm', 'wasm']]);
  const refuse = (name) => {
    if (name === 'webgpu') throw Object.assign(new Error('Limits too low.'), { kind: 'no-webgpu' });
  };
  for (const script of [{ prepare: refuse }, { run: refuse }]) {
    const { classifier, log } = await loaded({ script, executor: 'auto' });
    await settle();
    assert.match(classifier.fallback, /Limits too low/);
    assert.deepEqual([classifier.executor, log.sessions, log.opened], ['wasm', 1, ['wasm', 'webgpu']]);
    assert.equal((await classifier.classify(image(3, 0, 0, 0))).logits[0], 3);
  }
});

test('a caller who never rests does not keep auto from a fair measurement', async () => {
  let compiled;
  const script = { webgpu: () => new Promise((resolve) => (compiled = resolve)), cost: { wasm: 9, webgpu: 2 } };
  const { classifier, told } = await loaded({ script, executor: 'auto' });
  let going = true;
  const caller = (async () => {
    while (going) {
      const next = classifier.classify(image(1, 0, 0, 0));
      // Timers have to have their turn.
      await new Promise((done) => setImmediate(done));
      await next;
    }
  })();
  await settle();
  compiled();
  await settle();
  going = false;
  await caller;
  assert.deepEqual(told.moved, [{ from: 'wasm', to: 'webgpu', reason: '2.0 ms an image on WebGPU, 9.0 ms on WASM.' }]);
});

test('an abort while WebGPU is asked for frees all once the session that comes late is here', async () => {
  let available, open;
  const fake = fakeRuntime({ webgpu: () => new Promise((resolve) => (open = resolve)) });
  const around = { ...surroundings(fake), support: () => new Promise((resolve) => (available = resolve)) };
  const stop = new AbortController();
  const hooks = { progress: () => undefined, lost: () => undefined, moved: () => undefined };
  const load = loadEngine({ source: modelBytes(), options: options({ executor: 'auto' }) }, stop.signal, hooks, around);
  await settle();
  stop.abort(new Error('enough'));
  await assert.rejects(load, /enough/);
  available({ available: true, reason: null, adapter: 'fake', software: false });
  await settle();
  assert.equal(fake.log.models, 1, 'a session on it is being made');
  open();
  await settle();
  assert.deepEqual([fake.log.sessions, fake.log.models], [0, 0]);
});

test('a GPU that comes late takes over neither after a choice nor after the end, and waits for a run', async () => {
  const late = async (meanwhile) => {
    let compiled;
    const script = { webgpu: (count) => (count === 1 ? new Promise((resolve) => (compiled = resolve)) : undefined), cost: { wasm: 9 } };
    const found = await loaded({ script, executor: 'auto' });
    await meanwhile(found.classifier, script);
    compiled();
    await settle();
    return found;
  };
  const chosen = await late((classifier) => classifier.switchTo('wasm'));
  assert.deepEqual([chosen.classifier.executor, chosen.classifier.fallback, chosen.log.sessions, chosen.told.moved], ['wasm', null, 1, []]);
  const ended = await late((classifier) => classifier.dispose());
  assert.deepEqual([ended.log.sessions, ended.log.models], [0, 0]);
  let end, running;
  const busy = await late(async (classifier, script) => {
    await classifier.classify(image(1, 0, 0, 0));
    script.slowly = new Promise((resolve) => (end = resolve));
    running = classifier.classify(image(2, 0, 0, 0));
    await settle();
  });
  assert.deepEqual([busy.classifier.executor, busy.log.sessions], ['wasm', 2]);
  end();
  assert.deepEqual([(await running).executor, (await running).logits[0]], ['wasm', 2]);
  await settle();
  assert.deepEqual([busy.classifier.executor, busy.log.sessions], ['webgpu', 1]);
});

const lose = (error) => Object.assign(new Error(error), { kind: 'device-lost' });

test('a lost device: a fresh one, the call again, and the page is told', async () => {
  const script = { run: (_name, count) => { if (count === 1) throw lose('gone'); } };
  const { classifier, told, log } = await loaded({ script });
  assert.equal((await classifier.classify(image(7, 0, 0, 0))).logits[0], 7);
  assert.deepEqual(told.lost, [{ message: 'gone', recovered: true, executor: 'webgpu' }]);
  assert.deepEqual([log.opened, log.sessions, classifier.fallback], [['webgpu', 'webgpu'], 1, null]);
});

test('a device lost for good: WASM takes over if that is allowed', async () => {
  const script = { run: (name, _count, _batch) => { if (name === 'webgpu' && script.gone) throw lose('gone'); }, cost: { wasm: 9 } };
  const { classifier, told, log } = await loaded({ script, executor: 'auto' });
  await settle();
  assert.equal(classifier.executor, 'webgpu');
  script.gone = true;
  assert.equal((await classifier.classify(image(7, 0, 0, 0))).logits[0], 7);
  assert.deepEqual(told.lost, [{ message: 'gone', recovered: true, executor: 'wasm' }]);
  assert.deepEqual([classifier.executor, log.sessions], ['wasm', 1]);
  assert.match(classifier.fallback, /lost and a fresh one failed/);
});

test('else it is an error, and the next call tries again', async () => {
  let refuse = true;
  const script = {
    run: (name) => { if (name === 'webgpu' && refuse) throw lose('gone'); },
    webgpu: (count) => { if (count > 1 && refuse) throw Object.assign(new Error('No adapter.'), { kind: 'no-webgpu' }); },
  };
  const { classifier, told, log } = await loaded({ script, executor: 'webgpu' });
  await assert.rejects(classifier.classify(image(7, 0, 0, 0)), (error) => {
    return error instanceof errors.DeviceLostError && /gone.*No adapter.*"wasm"/.test(error.message);
  });
  assert.deepEqual(told.lost, [{ message: 'gone', recovered: false, executor: 'webgpu' }]);
  assert.equal(log.sessions, 0);
  refuse = false;
  assert.equal((await classifier.classify(image(7, 0, 0, 0))).logits[0], 7);
  refuse = true;
  await assert.rejects(classifier.classify(image(7, 0, 0, 0)), errors.DeviceLostError);
  await classifier.switchTo('wasm');
  assert.equal((await classifier.classify(image(7, 0, 0, 0))).logits[0], 7);
});

test('after a switch by choice WASM does not take over unasked', async () => {
  const script = { run: (name) => { if (name === 'webgpu') throw lose('gone'); } };
  const { classifier } = await loaded({ script, executor: 'auto' });
  await classifier.switchTo('webgpu');
  await assert.rejects(classifier.classify(image(7, 0, 0, 0)), errors.DeviceLostError);
  assert.equal(classifier.executor, 'webgpu');
});

test('WebGPU that was missing at first is asked for again', async () => {
  const support = { available: false, reason: 'The driver restarts.' };
  const { classifier } = await loaded({ support, executor: 'auto' });
  assert.equal(classifier.executor, 'wasm');
  support.available = true;
  await classifier.switchTo('webgpu');
  assert.equal(classifier.executor, 'webgpu');
});

test('a load whose WASM module fails does not go on downloading the model', async () => {
  const real = globalThis.fetch;
  let ended = null;
  globalThis.fetch = (_url, { signal }) => new Promise((_, reject) => {
    ended = false;
    signal.addEventListener('abort', () => reject(((ended = true), signal.reason)));
  });
  try {
    const fake = fakeRuntime();
    const broken = { ...surroundings(fake), runtime: async () => Promise.reject(new errors.RuntimeError('No SIMD.')) };
    const hooks = { progress: () => undefined, lost: () => undefined, moved: () => undefined };
    const job = { source: 'http://127.0.0.1/m', options: options() };
    await assert.rejects(loadEngine(job, new AbortController().signal, hooks, broken), /No SIMD/);
    assert.equal(ended, true);
  } finally {
    globalThis.fetch = real;
  }
});

test('a module that traps: the call says to load again, later calls too, and nothing more is done with it', async () => {
  const trap = new WebAssembly.RuntimeError('unreachable');
  const places = {
    run: { run: (_name, count) => { if (count === 2) throw trap; } },
    prepare: { prepare: (_name, batch) => { if (batch === 2) throw trap; } },
    stack: { run: (_name, count) => { if (count === 2) throw new RangeError('Maximum call stack size exceeded'); } },
  };
  for (const [place, script] of Object.entries(places)) {
    for (const executor of ['wasm', 'webgpu']) {
      const { classifier, runtime, log } = await loaded({ script, executor });
      const again = /^The WASM runtime stopped.*load the model again\.$/;
      const stopped = (error) => error instanceof errors.RuntimeError && again.test(error.message);
      assert.equal((await classifier.classify(image(1, 0, 0, 0))).logits[0], 1);
      const calls = [classifier.classifyBatch([image(1, 0, 0, 0), image(1, 0, 0, 0)]), classifier.classify(image(1, 0, 0, 0))];
      for (const call of calls) await assert.rejects(call, stopped, place);
      // What a dead module holds goes with it: freeing it would reach into the one that comes after.
      assert.deepEqual([runtime.dead, log.models, log.sessions, log.runs], [true, 1, 1, place === 'prepare' ? 1 : 2], place);
      await assert.rejects(classifier.switchTo('wasm'), stopped);
      await assert.rejects(classifier.memory(), stopped);
      classifier.dispose();
      await settle();
      assert.deepEqual([log.models, log.sessions, log.opened.length], [1, 1, 1], 'nothing freed, and no other executor tried');
    }
  }
});

test('a session on WASM answers at once, and what it throws is no different', async () => {
  const { classifier, runtime } = await loaded({ executor: 'wasm' });
  runtime.Session.wasm = () => ({
    prepare: () => undefined,
    run: (_pixels, batch) => { if (batch > 1) throw new WebAssembly.RuntimeError('unreachable'); return Int32Array.of(1, 2, 3); },
    adapter: () => 'fake', memory: () => 0, free: () => { throw new WebAssembly.RuntimeError('still dead'); },
  });
  await classifier.switchTo('webgpu');
  await classifier.switchTo('wasm');
  assert.equal((await classifier.classify(image(1, 0, 0, 0))).logits[2], 3);
  await assert.rejects(classifier.classifyBatch([image(1, 0, 0, 0), image(1, 0, 0, 0)]), errors.RuntimeError);
  classifier.dispose();
  await settle();
});

test('too little memory is said with what to do, and the classifier goes on', async () => {
  const script = {
    prepare: (_name, batch) => { if (batch > 2) throw Object.assign(new Error('2 GiB are too much.'), { kind: 'out-of-memory' }); },
  };
  const { classifier, log } = await loaded({ script });
  const images = [1, 2, 3].map((value) => image(value, 0, 0, 0));
  await assert.rejects(classifier.classifyBatch(images), (error) => {
    return error instanceof errors.OutOfMemoryError && /smaller batch/.test(error.message);
  });
  assert.equal((await classifier.classify(images[0])).logits[0], 1);
  assert.deepEqual(log.prepared, [1, 3, 1], 'the session is prepared again');
});

test('switching frees the old session after the new one works; one that cannot run changes nothing', async () => {
  const support = { available: false, reason: 'None here.' };
  const { classifier, log } = await loaded({ support, executor: 'auto' });
  await assert.rejects(classifier.switchTo('webgpu'), errors.NoWebGpuError);
  assert.deepEqual([classifier.executor, log.sessions], ['wasm', 1]);
  assert.match(classifier.fallback, /None here/);
  assert.equal((await classifier.classify(image(3, 0, 0, 0))).logits[0], 3);
  const other = await loaded();
  await other.classifier.switchTo('wasm');
  assert.deepEqual([other.classifier.executor, other.log.sessions, other.classifier.fallback], ['wasm', 1, null]);
  assert.deepEqual(await other.classifier.memory(), { wasm: 66036, device: 0 });
  await other.classifier.switchTo('webgpu');
  assert.deepEqual(await other.classifier.memory(), { wasm: 66036, device: 1000 });
  await assert.rejects(other.classifier.switchTo('cuda'), TypeError);
});

test('dispose frees all when the run in progress has ended, rejects the rest, and may be called twice', async () => {
  let end;
  const script = { slow: new Promise((resolve) => (end = resolve)) };
  const { classifier, log } = await loaded({ script });
  const running = classifier.classify(image(1, 0, 0, 0));
  const waiting = classifier.classify(image(2, 0, 0, 0));
  await settle();
  classifier.dispose();
  classifier.dispose();
  await assert.rejects(running, errors.DisposedError);
  await assert.rejects(waiting, errors.DisposedError);
  await assert.rejects(classifier.classify(image(3, 0, 0, 0)), errors.DisposedError);
  await assert.rejects(classifier.switchTo('wasm'), errors.DisposedError);
  assert.deepEqual([log.sessions, log.models], [1, 1], 'the run still uses them');
  end();
  await settle();
  assert.deepEqual([log.sessions, log.models, log.runs], [0, 0, 1]);
});

test('an abort of one call leaves the others alone', async () => {
  const { classifier } = await loaded();
  const stop = new AbortController();
  const [first, second] = [classifier.classify(image(1, 0, 0, 0), { signal: stop.signal }), classifier.classify(image(2, 0, 0, 0))];
  stop.abort(new Error('enough'));
  await assert.rejects(first, /enough/);
  assert.equal((await second).logits[0], 2);
});

test('an abort while kernels are prepared ends the load, and what comes late is freed', async () => {
  let end;
  const stop = new AbortController();
  const script = { prepare: () => new Promise((resolve) => (end = resolve)) };
  const fake = fakeRuntime(script);
  const hooks = { progress: () => undefined, lost: () => undefined, moved: () => undefined };
  const load = loadEngine({ source: modelBytes(), options: options() }, stop.signal, hooks, surroundings(fake));
  await settle();
  stop.abort(new Error('enough'));
  await assert.rejects(load, /enough/);
  end();
  await settle();
  assert.deepEqual([fake.log.sessions, fake.log.models], [0, 0]);
});

test('bad images are image errors, and one of them rejects its batch', async () => {
  const { classifier, log } = await loaded();
  await assert.rejects(classifier.classify(new Blob(['text'], { type: 'text/plain' })), (error) => {
    return error instanceof errors.ImageError && /found text\/plain, 4 bytes/.test(error.message);
  });
  await assert.rejects(classifier.classify({ odd: true }), /Expected an image .* found Object/);
  await assert.rejects(classifier.classifyBatch([image(1, 0, 0, 0), {}]), errors.ImageError);
  assert.equal(log.runs, 0);
  await assert.rejects(classifier.classify(image(1, 0, 0, 0), { top: 0 }), RangeError);
  assert.equal((await classifier.classify(image(1, 0, 0, 0))).logits[0], 1);
});

test('files that are no models, and models of a newer version, are refused with nothing left', async () => {
  const cases = [[new TextEncoder().encode('no model'), errors.ModelFileError], [modelBytes({ formatVersion: 9 }), errors.NewerFormatError]];
  for (const [source, type] of cases) {
    await assert.rejects(loaded({ source }), (error) => error instanceof type && error.log.models === 0);
  }
  await assert.rejects(loaded({ digest: 'b'.repeat(64) }), (error) => {
    assert.deepEqual([error.expected, error.found, error.log.models], ['b'.repeat(64), 'a'.repeat(64), 0]);
    return error instanceof errors.DigestError;
  });
});

test('a model packed by gzip is kept packed and read from the cache; a damaged one is not kept', async () => {
  const folder = new FakeFolder();
  installOpfs(folder);
  const server = await serve();
  try {
    const body = gzipSync(modelBytes());
    server.fault('/m.safetensors.gz', { body });
    const source = `${server.url}/m.safetensors.gz`;
    for (const fromCache of [false, true]) {
      const { classifier } = await loaded({ source, cache: true });
      assert.deepEqual([classifier.model.digest[0], classifier.times.fromCache], ['a', fromCache]);
    }
    const kept = [...folder.files].find(([name]) => name.endsWith('.model'));
    assert.deepEqual(Buffer.from(kept[1]), body);
    folder.files.clear();
    server.fault('/m.safetensors.gz', { body, corrupt: 30 });
    await assert.rejects(loaded({ source, cache: true }), (error) => error instanceof errors.ModelFileError && /gzip/.test(error.message));
    assert.equal(folder.files.size, 0);
  } finally {
    await server.close();
    installOpfs(null);
  }
});

test('a cached copy that is damaged or another model is fetched anew, once', async () => {
  const folder = new FakeFolder();
  installOpfs(folder);
  const server = await serve();
  try {
    const source = `${server.url}/m.safetensors`;
    server.fault('/m.safetensors', { body: Buffer.from(modelBytes()) });
    await loaded({ source, cache: true });
    assert.equal((await loaded({ source, cache: true })).classifier.times.fromCache, true);
    const name = [...folder.files.keys()].find((each) => each.endsWith('.model'));
    folder.files.get(name)[0] ^= 0xff;
    const mended = await loaded({ source, cache: true });
    assert.deepEqual([mended.classifier.times.fromCache, server.requests.length, mended.log.models], [false, 2, 1]);
    // The server has a newer model, and the caller asks for that one.
    server.fault('/m.safetensors', { body: Buffer.from(modelBytes({ digest: 'b'.repeat(64) })) });
    assert.equal((await loaded({ source, cache: true })).classifier.model.digest[0], 'a');
    assert.equal((await loaded({ source, cache: true, digest: 'b'.repeat(64) })).classifier.model.digest[0], 'b');
    assert.equal(server.requests.length, 3);
    assert.equal((await loaded({ source, cache: true })).classifier.model.digest[0], 'b', 'the new one took the place');
    // Neither has the one that is asked for: the copy stays.
    await assert.rejects(loaded({ source, cache: true, digest: 'c'.repeat(64) }), errors.DigestError);
    assert.equal(server.requests.length, 4, 'asked once more and no more');
    assert.equal((await loaded({ source, cache: true })).classifier.times.fromCache, true);
    // So it does if what comes instead is damaged, or nothing comes.
    server.fault('/m.safetensors', { body: Buffer.from(modelBytes()), corrupt: 0 });
    await assert.rejects(loaded({ source, cache: true, digest: 'c'.repeat(64) }), errors.ModelFileError);
    server.fault('/m.safetensors', { status: 404 });
    await assert.rejects(loaded({ source, cache: true, digest: 'c'.repeat(64) }), errors.NetworkError);
    assert.equal((await loaded({ source, cache: true })).classifier.times.fromCache, true);
    await (await folder.getDirectoryHandle()).removeEntry([...folder.files.keys()].find((each) => each.endsWith('.json')));
    server.requests.length = 0;
    // Damaged on the server: not asked twice, not kept.
    server.fault('/m.safetensors', { body: Buffer.from(modelBytes()), corrupt: 0 });
    await assert.rejects(loaded({ source, cache: true }), errors.ModelFileError);
    assert.deepEqual([server.requests.length, folder.files.size], [1, 0]);
  } finally {
    await server.close();
    installOpfs(null);
  }
});

test('what a download would not mend costs neither the cached copy nor a download', async () => {
  const folder = new FakeFolder();
  installOpfs(folder);
  const server = await serve();
  try {
    const source = `${server.url}/m.safetensors`;
    server.fault('/m.safetensors', { body: Buffer.from(modelBytes()) });
    await loaded({ source, cache: true });
    const refusals = [
      [Object.assign(new Error('Newer.'), { kind: 'newer-format' }), errors.NewerFormatError],
      [new RangeError('Invalid typed array length'), errors.OutOfMemoryError],
      [new WebAssembly.RuntimeError('unreachable'), errors.RuntimeError],
    ];
    for (const [thrown, type] of refusals) {
      const read = () => { throw thrown; };
      await assert.rejects(loaded({ source, cache: true, script: { read } }), type);
      assert.equal((await loaded({ source, cache: true })).classifier.times.fromCache, true, type.name);
    }
    assert.equal(server.requests.length, 1);
  } finally {
    await server.close();
    installOpfs(null);
  }
});
