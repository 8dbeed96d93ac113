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
    // A page that runs the model itself imports the same script.
    const script = await readFile(join(SITE, 'intformer/worker.js'), 'utf8');
    server.fault('/intformer/worker.js', { body: Buffer.from(script + hook) });
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
});
