// The package in a real browser under the strict policy, with a stand-in for the WASM module: what is shown here is
// the work of the package alone (worker, cache, download, image kinds, recovery).
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import { WASM_BYTES } from '../package/dist/wasm/size.js';
import { launch } from './chromium.mjs';
import { CSP, serve } from './server.mjs';

const here = new URL('.', import.meta.url).pathname;
const MODEL = '/m.safetensors';
let browser, site, server, context, page;

/** A WASM module of that size with nothing in it but a custom section. */
function wasm(size) {
  const bytes = Buffer.alloc(size);
  // Magic, version, section 0 with its length in five bytes of seven bits, a name of one letter.
  bytes.set([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0]);
  const length = size - 14;
  for (let at = 0; at < 5; at += 1) bytes[9 + at] = ((length >> (7 * at)) & 0x7f) | (at < 4 ? 0x80 : 0);
  bytes.set([1, 0x78], 14);
  return bytes;
}

/** A PNG file of one colour. */
function png(width, height, colour) {
  const chunk = (name, data) => {
    const named = Buffer.concat([Buffer.from(name), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length);
    ends.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const row = Buffer.from([0, ...Array.from({ length: width }, () => colour).flat()]);
  const rows = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

/** A model of 3 MB. */
function model(more = {}) {
  const facts = { digest: 'a'.repeat(64), classes: 3, labels: ['r', 'g', 'b'], logitScale: 0.1, formatVersion: 1, ...more };
  return Buffer.from(JSON.stringify(facts).padEnd(3_000_000));
}

before(async () => {
  site = await mkdtemp(join(tmpdir(), 'intformer-'));
  await cp(join(here, '../package/dist'), join(site, 'intformer'), { recursive: true });
  await cp(join(here, 'standin'), join(site, 'intformer/wasm'), { recursive: true });
  await writeFile(join(site, 'intformer/wasm/intformer_web_bg.wasm'), wasm(WASM_BYTES));
  await writeFile(join(site, 'intformer/wasm/intformer_web_decoder_bg.wasm'), wasm(1000));
  await writeFile(join(site, 'index.html'), '<!doctype html><title>test</title><script type="module" src="page.js"></script>');
  await writeFile(join(site, 'page.js'), "globalThis.intformer = await import('./intformer/index.js');\n");
  await writeFile(join(site, 'green.png'), png(9, 7, [10, 200, 30]));
  browser = await launch();
});
after(async () => {
  await browser.close();
  await rm(site, { recursive: true });
});
beforeEach(async () => {
  server = await serve({ root: site });
  server.fault(MODEL, { body: model() });
  context = await browser.newContext();
  page = await visit(context);
});
afterEach(async () => {
  await context.close();
  await server.close();
});

async function visit(where, path = '/') {
  const fresh = await where.newPage();
  fresh.problems = [];
  fresh.on('pageerror', (error) => fresh.problems.push(error.message));
  await fresh.goto(server.url + path, { waitUntil: 'load' });
  await fresh.evaluate(() => new Promise((done) => {
    const look = () => (globalThis.intformer ? done() : setTimeout(look, 5));
    look();
  }));
  return fresh;
}

/** Loads the model in a page and gives what can be told of it. `use` runs in the page with the classifier. */
function loaded(where, options = {}, use = null) {
  return where.evaluate(async ([url, given, body]) => {
    const progress = [];
    const lost = [];
    const found = { progress, lost };
    try {
      const classifier = await intformer.load(url, {
        ...given, onProgress: (event) => progress.push(event), onDeviceLost: (event) => lost.push(event),
      });
      globalThis.classifier = classifier;
      const { executor, fallback, thread, threadNote, cacheNote, times, adapter } = classifier;
      Object.assign(found, { executor, fallback, thread, threadNote, cacheNote, times, adapter });
      found.value = body === null ? null : await globalThis[body](classifier);
    } catch (error) {
      const { name, message, kind, status, received, expected } = error;
      found.error = { name, message, kind, status, received, expected };
    }
    return found;
  }, [MODEL, options, use]);
}
/** Waits until the workers of a page are gone, which is told a moment after they are. */
async function noWorkers(where) {
  for (let tries = 0; where.workers().length > 0 && tries < 50; tries += 1) await new Promise((done) => setTimeout(done, 20));
  assert.equal(where.workers().length, 0);
}
const got = (path = MODEL) => server.requests.filter((request) => request.path === path && request.method === 'GET');

test('a worker by default, under the strict policy, with one exact total from the first event', async () => {
  const { thread, threadNote, executor, adapter, progress, times, error } = await loaded(page);
  assert.equal(error, undefined);
  assert.deepEqual([thread, threadNote, executor], ['worker', null, 'webgpu']);
  assert.match(adapter.description, /\(WebGPU, software\)/);
  assert.equal(page.workers().length, 1);
  const total = WASM_BYTES + 3_000_000;
  assert.deepEqual(progress[0], { stage: 'runtime', loaded: 0, total, fromCache: false });
  assert.deepEqual(progress.at(-1), { stage: 'prepare', loaded: total, total, fromCache: false });
  for (let i = 1; i < progress.length; i += 1) {
    assert.ok(progress[i].loaded >= progress[i - 1].loaded && progress[i].total === total);
  }
  assert.equal(times.fromCache, false);
  assert.ok(times.total >= times.download && times.total >= times.prepare, JSON.stringify(times));
  assert.deepEqual(page.problems, []);
  await page.evaluate(() => classifier.dispose());
  await noWorkers(page);
});

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
  assert.match(await classify(), /^RuntimeError: The image decoder did not start/);
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
  assert.match(found[0][0], /^ImageError: Expected a PNG, .* found image\/avif, 8 bytes/);
  for (const said of found[0].slice(1)) assert.match(said, /^ImageError/);
});

for (const worker of [true, false]) {
  test(`the second visit asks for no model; the cache can be seen and cleared (${worker ? 'worker' : 'page'})`, async () => {
    assert.equal((await loaded(page, { worker })).cacheNote, null);
    await page.close();
    const again = await visit(context);
    const { times, progress } = await loaded(again, { worker });
    assert.deepEqual([times.fromCache, progress[0].fromCache, got().length], [true, true, 1]);
    const kept = await again.evaluate(async () => {
      const [entry] = await intformer.cache.list();
      const size = await intformer.cache.size();
      await intformer.cache.clear();
      return [entry.url, entry.bytes, entry.complete, entry.digest, entry.stored instanceof Date, size, (await intformer.cache.list()).length];
    });
    assert.deepEqual(kept, [server.url + MODEL, 3_000_000, true, 'a'.repeat(64), true, 3_000_000, 0]);
  });
}

test('a connection cut in mid-download is resumed', async () => {
  server.fault(MODEL, { body: model(), cut: 1_000_000, times: 1, trickle: { bytes: 100_000, milliseconds: 10 } });
  const { error, progress } = await loaded(page);
  assert.equal(error, undefined);
  assert.equal(got().length, 2);
  // What the browser had not handed over when the connection went is lost with it.
  const from = Number(/^bytes=(\d+)-$/.exec(got()[1].range)[1]);
  assert.ok(from >= 500_000 && from <= 1_000_000, `resumed at ${from}`);
  assert.match(got()[1].ifRange, /^"/);
  for (let i = 1; i < progress.length; i += 1) assert.ok(progress[i].loaded >= progress[i - 1].loaded);
});

test('a connection that is always cut is a network error; the next visit resumes', async () => {
  server.fault(MODEL, { body: model(), cut: 1_000_000, trickle: { bytes: 100_000, milliseconds: 10 } });
  const { error } = await loaded(page);
  assert.deepEqual([error.name, error.kind, error.expected], ['NetworkError', 'network', 3_000_000]);
  assert.ok(error.received >= 500_000 && error.received <= 1_000_000, `${error.received} bytes`);
  await noWorkers(page);
  server.fault(MODEL, { body: model() });
  await page.close();
  const again = await visit(context);
  const { error: second, times } = await loaded(again);
  assert.equal(second, undefined);
  assert.deepEqual([times.fromCache, got().at(-1).range], [false, `bytes=${error.received}-`]);
});

test('a page closed in mid-download is resumed by the next one', async () => {
  server.fault(MODEL, { body: model(), trickle: { bytes: 100_000, milliseconds: 30 } });
  await page.evaluate(([url, bytes]) => new Promise((done) => {
    void intformer.load(url, { onProgress: ({ loaded }) => loaded > bytes && done() });
  }), [MODEL, WASM_BYTES + 2_300_000]);
  await page.close();
  server.fault(MODEL, { body: model() });
  const again = await visit(context);
  const { error, cacheNote } = await loaded(again);
  assert.deepEqual([error, cacheNote], [undefined, null]);
  const from = Number(/^bytes=(\d+)-$/.exec(got().at(-1).range)[1]);
  assert.ok(from >= 1_000_000, `resumed at ${from}`);
});

test('an aborted load rejects with the reason, ends the worker and keeps the part', async () => {
  server.fault(MODEL, { body: model(), trickle: { bytes: 100_000, milliseconds: 20 } });
  const found = await page.evaluate(async ([url, bytes]) => {
    const stop = new AbortController();
    const onProgress = ({ loaded }) => loaded > bytes && stop.abort();
    const name = await intformer.load(url, { signal: stop.signal, onProgress }).catch((error) => error.name);
    return [name, (await intformer.cache.list())[0]];
  }, [MODEL, WASM_BYTES + 1_500_000]);
  assert.equal(found[0], 'AbortError');
  assert.ok(found[1].bytes >= 1_000_000 && !found[1].complete, JSON.stringify(found[1]));
  await noWorkers(page);
  server.fault(MODEL, { body: model() });
  assert.equal((await loaded(page)).error, undefined);
  assert.notEqual(got().at(-1).range, 'bytes=0-');
});

test('two tabs that load the same model at once both work, and one copy is kept', async () => {
  server.fault(MODEL, { body: model(), trickle: { bytes: 300_000, milliseconds: 30 } });
  const other = await visit(context);
  const both = await Promise.all([loaded(page), loaded(other)]);
  assert.deepEqual(both.map(({ error, cacheNote }) => [error, cacheNote]), [[undefined, null], [undefined, null]]);
  assert.deepEqual(both.map(({ times }) => times.fromCache).sort(), [false, true]);
  assert.equal(got().length, 1);
});

test('a corrupt byte is refused, not kept, and the page goes on', async () => {
  server.fault(MODEL, { body: model(), corrupt: 5 });
  const { error } = await loaded(page);
  assert.deepEqual([error.name, error.kind], ['ModelFileError', 'model-file']);
  assert.equal(await page.evaluate(() => intformer.cache.size()), 0);
  server.fault(MODEL, { body: model({ formatVersion: 9 }) });
  assert.equal((await loaded(page)).error.name, 'NewerFormatError');
  // A newer version of the page may read that one: it stays until it is cleared.
  assert.equal(await page.evaluate(() => intformer.cache.clear().then(() => intformer.cache.size())), 0);
  server.fault(MODEL, { body: model() });
  assert.equal((await loaded(page)).error, undefined);
  assert.deepEqual(page.problems, []);
});

test('a page whose policy forbids workers runs the model itself and says so', async () => {
  await server.close();
  server = await serve({ root: site, csp: `${CSP}; worker-src 'none'` });
  server.fault(MODEL, { body: model() });
  const strict = await visit(context);
  const { thread, threadNote, error } = await loaded(strict);
  assert.deepEqual([thread, error], ['page', undefined]);
  assert.match(threadNote, /worker could not start.*runs in the page/);
});

test('a lost device is replaced, and the page sees the new state when it is told', async () => {
  server.fault(MODEL, { body: model({ script: { lostAt: 1 } }) });
  await loaded(page, { executor: 'auto' });
  const found = await page.evaluate(async () => {
    const { logits } = await classifier.classify(new ImageData(new Uint8ClampedArray([4, 5, 6, 255]), 1));
    return [[...logits], classifier.executor, classifier.fallback];
  });
  // The stand-in loses every device at its first run, so that WASM is what is left.
  assert.deepEqual(found.slice(0, 2), [[4, 5, 6], 'wasm']);
  assert.match(found[2], /lost/);
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
    const { executor, fallback } = await loaded(without);
    assert.equal(executor, 'wasm');
    assert.match(fallback, /^WebGPU could not be used: /);
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

test('a picked file is loaded, and kept nowhere', async () => {
  const found = await page.evaluate(async (text) => {
    const file = new File([text], 'mine.safetensors');
    const progress = [];
    const classifier = await intformer.load(file, { onProgress: (event) => progress.push(event) });
    const bytes = new TextEncoder().encode(text);
    const second = await intformer.load(bytes);
    return [classifier.model.labels, second.model.labels, bytes.length, progress[0].total, await intformer.cache.size()];
  }, model().toString());
  assert.deepEqual(found, [['r', 'g', 'b'], ['r', 'g', 'b'], 3_000_000, WASM_BYTES + 3_000_000, 0]);
});

test('the WASM module is named when it is missing, something else, or forbidden by the policy', async () => {
  const WASM = '/intformer/wasm/intformer_web_bg.wasm';
  server.fault(WASM, { status: 404 });
  assert.match((await loaded(page)).error.message, /intformer_web_bg\.wasm: the server answered 404/);
  server.fault(WASM, { body: Buffer.from('<!doctype html>') });
  assert.match((await loaded(page)).error.message, /expected a WASM module, found something else/);
  server.fault(WASM, { body: wasm(2000).subarray(0, 1000) });
  assert.equal((await loaded(page)).error.name, 'RuntimeError');
  await server.close();
  server = await serve({ root: site, csp: "default-src 'self'; script-src 'self'" });
  server.fault(MODEL, { body: model() });
  const strict = await visit(context);
  for (const worker of [true, false]) {
    const { error } = await loaded(strict, { worker });
    assert.equal(error.name, 'RuntimeError');
    assert.match(error.message, /'wasm-unsafe-eval'/);
  }
});

test('a model of another origin is resumed too, with CORS, and an error that says what to check without', async () => {
  await server.close();
  server = await serve({ root: site, csp: null });
  const other = await serve({ csp: null, cors: true });
  const closed = await serve({ csp: null });
  try {
    const open = await visit(context);
    const trickle = { bytes: 100_000, milliseconds: 10 };
    other.fault(MODEL, { body: model(), cut: 1_000_000, times: 1, trickle });
    const found = await open.evaluate(async (url) => {
      const progress = [];
      const { times } = await intformer.load(url, { onProgress: (event) => progress.push(event) });
      return [times.fromCache, progress[0].total];
    }, other.url + MODEL);
    assert.deepEqual(found, [false, WASM_BYTES + 3_000_000]);
    const gets = other.requests.filter(({ method }) => method === 'GET');
    assert.equal(gets.length, 2);
    assert.ok(gets[1].range !== 'bytes=0-' && gets[1].ifRange === null, JSON.stringify(gets));
    closed.fault(MODEL, { body: model() });
    const error = await open.evaluate((url) => intformer.load(url).catch(({ name, status, message }) => [name, status, message]), closed.url + MODEL);
    assert.deepEqual(error.slice(0, 2), ['NetworkError', 0]);
    assert.match(error[2], /CORS/);
  } finally {
    await other.close();
    await closed.close();
  }
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
