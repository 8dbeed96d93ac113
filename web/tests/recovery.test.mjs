// The package with the real modules after something went wrong: the answers have the native command's digest still.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { MODEL, real, SITE, visit } from './real.mjs';

const SCRIPT = Buffer.from(`
  /** Loads in place of what was loaded, and classifies a sample: what came of both. */
  globalThis.attempt = async (options) => {
    globalThis.classifier?.dispose();
    globalThis.classifier = await intformer.load('${MODEL}', options);
    return look();
  };
  globalThis.look = async () => {
    const { executor, fallback, thread, times } = classifier;
    const file = await (await fetch('samples/A.png')).blob();
    const { digest, exact } = await classifier.classify(file);
    return { executor, fallback, thread, fromCache: times.fromCache, digest, exact };
  };
`);

let browser, context, native, page, server;
before(async () => {
  const { images } = JSON.parse(await readFile(join(SITE, 'native.json'), 'utf8'));
  native = images.find(({ file }) => file === 'samples/A.png').digest;
  browser = await launch();
});
after(() => browser?.close());
beforeEach(async () => {
  server = await real();
  server.fault('/attempt.js', { body: SCRIPT });
  context = await browser.newContext();
  page = await visit(context, server);
  await page.addScriptTag({ url: '/attempt.js' });
});
afterEach(async () => {
  await context.close();
  await server.close();
});

/** A load in the same page and an answer with the native digest. */
async function goesOn(options) {
  // WASM where the executor does not matter: a software GPU takes seconds to compile shaders.
  const found = await page.evaluate((given) => globalThis.attempt(given), { executor: 'wasm', ...options });
  assert.deepEqual([found.digest, found.exact], [native, true]);
  return found;
}

test('worker and page give the native digest', async () => {
  for (const worker of [true, false]) assert.equal((await goesOn({ worker })).thread, worker ? 'worker' : 'page');
});

test('a cached copy that rots is fetched anew', async () => {
  await goesOn();
  await page.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('intformer');
    for await (const [name, handle] of folder.entries()) {
      if (!name.endsWith('.model')) continue;
      const stream = await handle.createWritable({ keepExistingData: true });
      await stream.write({ type: 'write', position: 5000, data: new Uint8Array([1, 2, 3]) });
      await stream.close();
    }
  });
  assert.equal((await goesOn()).fromCache, false);
  assert.equal((await goesOn()).fromCache, true);
});

for (const worker of [true, false]) {
  test(`a device that is destroyed is replaced and the answer is the same (${worker ? 'worker' : 'page'})`, async () => {
    const hook = `{
      const request = GPUAdapter.prototype.requestDevice;
      globalThis.devices = [];
      GPUAdapter.prototype.requestDevice = async function (...given) {
        const device = await request.apply(this, given);
        devices.push(device);
        return device;
      };
    }\n`;
    const script = await readFile(join(SITE, 'intformer/worker.js'), 'utf8');
    server.fault('/intformer/worker.js', { body: Buffer.from(script + hook) });
    server.fault('/hook.js', { body: Buffer.from(hook) });
    if (!worker) await page.addScriptTag({ url: '/hook.js' });
    await goesOn({ worker, executor: 'webgpu' });
    const place = worker ? page.workers()[0] : page;
    for (const count of [1, 2]) {
      assert.equal(await place.evaluate(() => globalThis.devices.length), count);
      await place.evaluate(() => globalThis.devices.at(-1).destroy());
      const found = await page.evaluate(() => globalThis.look());
      assert.deepEqual([found.digest, found.executor, found.fallback], [native, 'webgpu', null]);
    }
  });
}

for (const executor of ['wasm', 'webgpu']) {
  test(`too large a batch is refused, and one image goes on (${executor})`, async () => {
    await goesOn({ executor });
    const found = await page.evaluate(async () => {
      const image = new ImageData(new Uint8ClampedArray([4, 5, 6, 255]), 1);
      // Four gigabytes of intermediate tensors: more than WASM can address and any GPU binds at once.
      const length = Math.ceil(2 ** 32 / classifier.model.arenaBytes);
      const images = Array.from({ length }, () => image);
      return classifier.classifyBatch(images).then(() => null, ({ name, message }) => [name, message]);
    });
    assert.equal(found?.[0], 'OutOfMemoryError', JSON.stringify(found));
    assert.match(found[1], /smaller batch/);
    assert.equal((await page.evaluate(() => globalThis.look())).digest, native);
  });
}

test('without the server the cached model still answers', async () => {
  await goesOn();
  server.fault(MODEL, { status: 503 });
  const found = await goesOn();
  assert.equal(found.fromCache, true);
=======
/** Loads the model; its error, or the label of a sample. */
function outcome(options = {}) {
  return page.evaluate(async ([url, given]) => {
    let classifier = null;
    try {
      classifier = await intformer.load(url, given);
      const sample = await (await fetch('samples/A.png')).blob();
      const { classes } = await classifier.classify(sample);
      return { label: classes[0].label, executor: classifier.executor, fallback: classifier.fallback };
    } catch (error) {
      return { name: error.constructor.name, kind: error.kind, message: error.message };
    } finally {
      classifier?.dispose();
    }
  }, [MODEL, options]);
}

/** The page still works. */
async function goesOn() {
  server.heal();
  const { label } = await outcome({ executor: 'wasm' });
  assert.equal(label, 'A');
}

test('a corrupt byte of the weights is found by the digest of the file', async () => {
  const { length } = await modelBytes();
  server.fault(MODEL, { corrupt: length - 1000 });
  const { name, message } = await outcome({ executor: 'wasm' });
  assert.equal(name, 'ModelFileError');
  assert.match(message, /expected the digest [0-9a-f]{64}, found [0-9a-f]{64}: the file is damaged/);
  server.fault(MODEL, {});
  assert.equal((await outcome({ executor: 'wasm' })).label, 'A');
});

test('a model of a newer format says so', async () => {
  const bytes = await modelBytes();
  const mark = Buffer.from('{\\"format\\":1');
  const at = bytes.indexOf(mark);
  assert.ok(at > 0, 'the file states its format');
  const newer = Buffer.from(bytes);
  newer[at + mark.length - 1] = '7'.charCodeAt(0);
  server.fault(MODEL, { body: newer });
  const { name, message } = await outcome({ executor: 'wasm' });
  assert.equal(name, 'NewerFormatError');
  assert.match(message, /expected format version 1, found 7/);
});

test('what is no model says so', async () => {
  server.fault(MODEL, { body: Buffer.from('<!doctype html><title>Not here</title>') });
  const { name, message } = await outcome({ executor: 'wasm' });
  assert.equal(name, 'ModelFileError');
  assert.match(message, /expected a safetensors file/);
});

test('a connection cut in mid-download is resumed; one cut again and again is an error', async () => {
  server.fault(MODEL, { cut: 200_000, times: 1 });
  assert.equal((await outcome({ executor: 'wasm' })).label, 'A');
  const ranges = server.requests.filter((request) => request.path === MODEL).map((request) => request.range);
  assert.ok(ranges.some((range) => /^bytes=[1-9]/.test(range)), `a later part was asked for: ${ranges}`);
  await page.evaluate(() => intformer.cache.clear());
  server.fault(MODEL, { cut: 100 });
  const { name, message } = await outcome({ executor: 'wasm' });
  assert.equal(name, 'NetworkError');
  assert.ok(message.length > 20, message);
  server.fault(MODEL, {});
  assert.equal((await outcome({ executor: 'wasm' })).label, 'A');
});

test('an aborted load rejects with AbortError, and a later load works', async () => {
  server.fault(MODEL, { trickle: { bytes: 1000, milliseconds: 20 } });
  const name = await page.evaluate(async (url) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    try {
      await intformer.load(url, { executor: 'wasm', signal: stop.signal });
      return 'loaded';
    } catch (error) {
      return error.name;
    }
  }, MODEL);
  assert.equal(name, 'AbortError');
  server.fault(MODEL, {});
  assert.equal((await outcome({ executor: 'wasm' })).label, 'A');
});

test('the GPU process dies: the next call goes on, on a fresh device or on WASM', async () => {
  await page.evaluate(async (url) => {
    globalThis.losses = [];
    globalThis.classifier = await intformer.load(url, { onDeviceLost: (loss) => losses.push(loss) });
    globalThis.sample = await (await fetch('samples/A.png')).blob();
    globalThis.first = await classifier.classify(sample);
  }, MODEL);
  assert.equal(await page.evaluate(() => classifier.executor), 'webgpu');
  const control = await browser.newBrowserCDPSession();
  await control.send('Browser.crashGpuProcess').catch(() => {});
  const found = await page.evaluate(async () => {
    await new Promise((done) => setTimeout(done, 500));
    const again = await classifier.classify(sample);
    const value = { equal: again.digest === first.digest, losses, executor: classifier.executor };
    classifier.dispose();
    return value;
  });
  assert.equal(found.equal, true);
  assert.equal(found.losses.length, 1);
  assert.equal(found.losses[0].recovered, true);
  assert.match(found.losses[0].message, /lost/);
  console.log(`after the loss: ${found.executor}`);
});

test('more images than the device has room for are refused, and fewer still run', async () => {
  for (const executor of ['webgpu', 'wasm']) {
    const found = await page.evaluate(async ([url, name]) => {
      const classifier = await intformer.load(url, { executor: name });
      const { arenaBytes, imageSize: [height, width] } = classifier.model;
      const image = new ImageData(width, height);
      // More than WebGPU binds at once here, and than WASM can address.
      const bytes = name === 'webgpu' ? 2 ** 28 : 2 ** 32;
      const many = Array.from({ length: Math.ceil(bytes / arenaBytes) }, () => image);
      try {
        await classifier.classifyBatch(many);
        return { error: 'none' };
      } catch (error) {
        const few = await classifier.classifyBatch([image, image]);
        return { error: error.constructor.name, message: error.message, few: few.length };
      } finally {
        classifier.dispose();
      }
    }, [MODEL, executor]);
    assert.equal(found.error, 'OutOfMemoryError', executor);
    assert.match(found.message, /batch/i);
    assert.equal(found.few, 2);
  }
});

test('without WebGPU, auto says why and runs on WASM; webgpu says what to do', async () => {
  const plain = await launch({ webgpu: false });
  try {
    page = await visit(await plain.newContext(), server);
    const found = await outcome();
    assert.deepEqual([found.label, found.executor], ['A', 'wasm']);
    assert.match(found.fallback, /WebGPU/);
    const { name, message } = await outcome({ executor: 'webgpu' });
    assert.equal(name, 'NoWebGpuError');
    assert.match(message, /wasm/);
    await goesOn();
  } finally {
    await plain.close();
  }
>>>>>>> main
});
