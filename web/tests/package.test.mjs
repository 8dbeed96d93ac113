// Worker, images, calls and what goes wrong in them, in a browser with a stand-in for the WASM module.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { launch } from './chromium.mjs';
import { context, got, loaded, model, MODEL, page, pretendHardware, server, serveWith, site, visit } from './package.mjs';
import { CSP } from './server.mjs';

for (const worker of [true, false]) {
  test(`every kind of image gives its pixels, and the caller keeps its own (${worker ? 'worker' : 'page'})`, async () => {
    const { thread } = await loaded(page, { worker });
    assert.equal(thread, worker ? 'worker' : 'page');
    const results = await page.evaluate(async () => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 9, height: 7 });
      const paint = (context) => {
        context.fillStyle = 'rgb(10, 200, 30)';
        context.fillRect(0, 0, 9, 7);
        return context;
      };
      const data = paint(canvas.getContext('2d')).getImageData(0, 0, 9, 7);
      const offscreen = new OffscreenCanvas(9, 7);
      paint(offscreen.getContext('2d'));
      const bitmap = await createImageBitmap(canvas);
      const frame = new VideoFrame(canvas, { timestamp: 0 });
      const png = await new Promise((done) => canvas.toBlob(done, 'image/png'));
      const webp = await new Promise((done) => canvas.toBlob(done, 'image/webp', 1));
      // Not loaded yet when it is classified: that waits.
      const img = Object.assign(new Image(), { src: '/green.png' });
      const images = { img, canvas, data, offscreen, bitmap, frame, png, file: new File([png], 'a.png'), webp };
      const found = {};
      for (const [name, image] of Object.entries(images)) {
        for (let again = 0; again < 2; again += 1) {
          const { logits, exact, classes } = await classifier.classify(image);
          found[name] = [[...logits], exact, classes[0].label];
        }
      }
      const batch = await classifier.classifyBatch([data, canvas, bitmap]);
      found.batch = batch.map(({ logits }) => [...logits]);
      found.kept = [bitmap.width, frame.displayWidth, data.data.length];
      return found;
    });
    const green = [[10, 200, 30], false, 'g'];
    for (const name of ['img', 'canvas', 'data', 'offscreen', 'bitmap', 'frame']) assert.deepEqual(results[name], green, name);
    // A file that the module decodes is handed over as it is: the stand-in gives its last byte, that of IEND's checksum.
    assert.deepEqual([results.png, results.file], [[[0x82, 0, 0], true, 'r'], [[0x82, 0, 0], true, 'r']]);
    assert.equal(results.webp[1], false);
    results.webp[0].forEach((value, at) => assert.ok(Math.abs(value - green[0][at]) < 12, `webp ${results.webp[0]}`));
    assert.deepEqual(results.batch, [green[0], green[0], green[0]]);
    assert.deepEqual(results.kept, [9, 9, 252]);
    assert.deepEqual(page.problems, []);
  });
}

test('a decoder that cannot be fetched is an error with its address, and is fetched again for the next file', async () => {
  const DECODER = '/intformer/wasm/intformer_web_decoder_bg.wasm';
  await loaded(page);
  assert.equal(got(DECODER).length, 0, 'nobody has needed it yet');
  const classify = () => page.evaluate(() => {
    const file = new Blob([Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 7)]);
    return classifier.classify(file).then(({ logits }) => [...logits], ({ name, message }) => `${name}: ${message}`);
  });
  server.fault(DECODER, { status: 404 });
  assert.match(await classify(), /^NetworkError: .*intformer_web_decoder_bg\.wasm: the server answered 404/);
  server.fault(DECODER, { body: Buffer.from('<!doctype html>') });
  assert.match(await classify(), /^NetworkError: .*expected a WASM module, found something else.*set decoderUrl/);
  server.heal();
  assert.deepEqual(await classify(), [7, 0, 0]);
  assert.equal((await page.evaluate(() => classifier.memory())).wasm, 65536 + 600);
});

test('the decoder is started afresh after a large image and after one that ended it; its memory is given back', async () => {
  await loaded(page);
  const after = (last) => page.evaluate(async (byte) => {
    const file = new Blob([Uint8Array.of(0x89, 0x50, 0x4e, 0x47, byte)]);
    const said = await classifier.classify(file).then(() => 'named', ({ name, message }) => `${name}: ${message}`);
    return [said, (await classifier.memory()).wasm - 65536];
  }, last);
  assert.deepEqual(await after(7), ['named', 600]);
  assert.deepEqual(await after(8), ['named', 700], 'it is kept as long as images are small');
  assert.deepEqual(await after(67), ['named', 500]);
  await after(7);
  const [said, memory] = await after(66);
  assert.match(said, /^ImageError: The image decoder stopped \(unreachable\).*use a smaller image\.$/);
  assert.equal(memory, 500);
  assert.deepEqual(await after(7), ['named', 600]);
});

test('an image that is damaged or empty is an image error, and the classifier goes on', async () => {
  await loaded(page);
  const found = await page.evaluate(async () => {
    const bad = [new Blob(['no image'], { type: 'image/avif' }), document.createElement('video'), new Image(), 5];
    const said = [];
    for (const image of bad) said.push(await classifier.classify(image).catch(({ name, message }) => `${name}: ${message}`));
    const good = await classifier.classify(new ImageData(new Uint8ClampedArray([1, 2, 3, 255]), 1));
    return [said, [...good.logits]];
  });
  assert.deepEqual(found[1], [1, 2, 3]);
  assert.match(found[0][0], /^ImageError: Expected a PNG, .* found a damaged file or no picture \(image\/avif, 8 bytes\)/);
  for (const said of found[0].slice(1)) assert.match(said, /^ImageError/);
});

test('a page whose policy forbids workers runs the model itself and says so', async () => {
  await serveWith({ csp: `${CSP}; worker-src 'none'` });
  server.fault(MODEL, { body: model() });
  const strict = await visit(context);
  const { thread, threadNote, error } = await loaded(strict);
  assert.deepEqual([thread, error], ['page', undefined]);
  assert.match(threadNote, /worker could not start.*runs in the page/);
});

test('a lost device is replaced, and the page sees the new state when it is told', async () => {
  server.fault(MODEL, { body: model({ script: { lostAt: 4, wasmTime: 20 } }) });
  await pretendHardware(page);
  await loaded(page, { executor: 'auto', worker: false });
  const found = await page.evaluate(async () => {
    if ((await moved).to !== 'webgpu') throw new Error('the GPU did not take over');
    const { logits } = await classifier.classify(new ImageData(new Uint8ClampedArray([4, 5, 6, 255]), 1));
    return [[...logits], classifier.executor, classifier.fallback];
  });
  // After the three runs that measure it the device is lost, and so is every fresh one: WASM is what is left.
  assert.deepEqual(found.slice(0, 2), [[4, 5, 6], 'wasm']);
  assert.match(found[2], /lost/);
});

test('auto takes no GPU of software; one of hardware takes over from WASM once its kernels are compiled', async () => {
  const software = await loaded(page, { executor: 'auto' });
  assert.equal(software.executor, 'wasm');
  assert.match(software.fallback, /one of software.*slower than WASM/);
  server.fault(MODEL, { body: model({ script: { wasmTime: 20, compiling: 3000 } }) });
  await page.evaluate(() => intformer.cache.clear());
  await pretendHardware(page);
  const hardware = await loaded(page, { executor: 'auto', worker: false });
  assert.deepEqual([hardware.executor, /kernels for the GPU/.test(hardware.fallback)], ['wasm', true]);
  const found = await page.evaluate(async () => {
    const image = new ImageData(new Uint8ClampedArray([4, 5, 6, 255]), 1);
    const first = await classifier.classify(image);
    const { from, to } = await moved;
    const second = await classifier.classify(image);
    return [first.executor, from, to, second.executor, classifier.executor, classifier.fallback, first.digest === second.digest];
  });
  assert.deepEqual(found, ['wasm', 'wasm', 'webgpu', 'webgpu', 'webgpu', null, true]);
});

for (const worker of [true, false]) {
  test(`a module that trapped is said so, and the next load starts a fresh one (${worker ? 'worker' : 'page'})`, async () => {
    await loaded(page, { worker });
    const found = await page.evaluate(async () => {
      const image = (red) => new ImageData(new Uint8ClampedArray([red, 5, 6, 255]), 1);
      const said = [];
      for (const red of [66, 4]) said.push(await classifier.classify(image(red)).catch(({ name, message }) => `${name}: ${message}`));
      classifier.dispose();
      return said;
    });
    for (const said of found) assert.match(said, /^RuntimeError: The WASM runtime stopped.*load the model again/);
    const { error } = await loaded(page, { worker });
    assert.equal(error, undefined);
    const logits = await page.evaluate(async () => [...(await classifier.classify(new ImageData(new Uint8ClampedArray([4, 5, 6, 255]), 1))).logits]);
    assert.deepEqual(logits, [4, 5, 6]);
    assert.deepEqual(page.problems, []);
  });
}

test('too large a batch is refused with advice, and one image goes on', async () => {
  server.fault(MODEL, { body: model({ script: { room: 2 } }) });
  await loaded(page);
  const found = await page.evaluate(async () => {
    const image = new ImageData(new Uint8ClampedArray([4, 5, 6, 255]), 1);
    const { name, message } = await classifier.classifyBatch([image, image, image]).catch((error) => error);
    return [name, message, [...(await classifier.classify(image)).logits]];
  });
  assert.deepEqual([found[0], found[2]], ['OutOfMemoryError', [4, 5, 6]]);
  assert.match(found[1], /batch/);
});

test('without WebGPU the model runs on WASM and says why', async () => {
  const plain = await launch({ webgpu: false });
  try {
    const without = await visit(await plain.newContext());
    const { executor, fallback } = await loaded(without, { executor: 'auto' });
    assert.equal(executor, 'wasm');
    assert.match(fallback, /WebGPU/);
    assert.equal((await loaded(without, { executor: 'webgpu' })).error.name, 'NoWebGpuError');
    const support = await without.evaluate(() => intformer.webgpuSupport());
    assert.equal(support.available, false);
    assert.ok(support.reason.length > 10);
  } finally {
    await plain.close();
  }
});

test('what WebGPU offers is told, and that it is software', async () => {
  const support = await page.evaluate(() => intformer.webgpuSupport());
  assert.deepEqual([support.available, support.reason, support.software], [true, null, true], JSON.stringify(support));
});

test('a worker of the caller can load a model without a second worker', async () => {
  await writeFile(join(site, 'own.js'), `
    import { load } from './intformer/index.js';
    const classifier = await load('/m.safetensors');
    const image = new ImageData(new Uint8ClampedArray([4, 5, 6, 255]), 1);
    postMessage([classifier.thread, ...(await classifier.classify(image)).logits]);
  `);
  const said = await page.evaluate(() => new Promise((done) => {
    const own = new Worker('/own.js', { type: 'module' });
    own.onmessage = ({ data }) => done(data);
    own.onerror = ({ message }) => done(message);
  }));
  assert.deepEqual(said, ['page', 4, 5, 6]);
  assert.equal(page.workers().length, 1);
});

test('calls made together are answered in order, one that is aborted leaves the others alone', async () => {
  await loaded(page);
  const found = await page.evaluate(async () => {
    const image = (red) => new ImageData(new Uint8ClampedArray([red, 0, 0, 255]), 1);
    const stop = new AbortController();
    const calls = [1, 2, 3, 4].map((red) => classifier.classify(image(red), red === 2 ? { signal: stop.signal } : {}));
    stop.abort();
    const settled = await Promise.allSettled(calls);
    const memory = await classifier.memory();
    await classifier.switchTo('wasm');
    const executor = classifier.executor;
    classifier.dispose();
    const after = await classifier.classify(image(5)).catch(({ name }) => name);
    return [settled.map(({ value, reason }) => value?.logits[0] ?? reason.name), memory.device, executor, after];
  });
  assert.deepEqual(found, [[1, 'AbortError', 3, 4], 1000, 'wasm', 'DisposedError']);
});
