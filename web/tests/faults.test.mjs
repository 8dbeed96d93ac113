// Faults with the real module and the real model: each gives a message that helps, and the page goes on working with
// the native command's digests. Needs the built site (`cargo xtask web`); SITE names another folder.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { serve } from './server.mjs';

const SITE = process.env.SITE ?? new URL('../../target/web/site', import.meta.url).pathname;
const MODEL = '/models/glyphs.safetensors';
const PAGE = Buffer.from('<!doctype html><title>faults</title><script type="module" src="faults-page.js"></script>');
const SCRIPT = Buffer.from(`
  const intformer = await import('./intformer/index.js');
  /** Loads, and classifies a sample: what came of both. */
  globalThis.attempt = async (options = {}, source = '${MODEL}') => {
    const lost = (globalThis.lost = []);
    try {
      globalThis.classifier?.dispose();
      globalThis.classifier = await intformer.load(source, { ...options, onDeviceLost: (loss) => lost.push(loss) });
      return { ...(await look()), lost };
    } catch (error) {
      return { error: { name: error.name, message: error.message }, lost };
    }
  };
  globalThis.look = async () => {
    const { executor, fallback, thread, times } = classifier;
    const file = await (await fetch('samples/A.png')).blob();
    const { digest, exact } = await classifier.classify(file);
    return { executor, fallback, thread, fromCache: times.fromCache, digest, exact };
  };
  globalThis.ready = intformer;
`);

let browser, context, model, native, page, server;
before(async () => {
  model = await readFile(join(SITE, MODEL));
  const { images } = JSON.parse(await readFile(join(SITE, 'native.json'), 'utf8'));
  native = images.find(({ file }) => file === 'samples/A.png').digest;
  browser = await launch();
});
after(() => browser?.close());
beforeEach(async () => {
  server = await serve({ root: SITE });
  context = await browser.newContext();
  page = await visit(context);
});
afterEach(async () => {
  assert.deepEqual(page.problems, []);
  await context.close();
  await server.close();
});

async function visit(where) {
  server.fault('/faults.html', { body: PAGE });
  server.fault('/faults-page.js', { body: SCRIPT });
  const fresh = await where.newPage();
  fresh.problems = [];
  fresh.on('pageerror', (error) => fresh.problems.push(error.message));
  await fresh.goto(`${server.url}/faults.html`);
  await fresh.evaluate(() => new Promise((done) => {
    const look = () => (globalThis.ready ? done() : setTimeout(look, 5));
    look();
  }));
  return fresh;
}
// WASM where the fault has nothing to do with the executor: a software GPU takes seconds to compile shaders.
const attempt = (options) => page.evaluate((given) => globalThis.attempt(given), { executor: 'wasm', ...options });

/** The same page goes on: a load and an answer with the native digest. */
async function goesOn(options) {
  const found = await attempt(options);
  assert.deepEqual([found.error, found.digest, found.exact], [undefined, native, true]);
  return found;
}

test('nothing wrong: the native digest on both executors, in worker and page', async () => {
  for (const executor of ['webgpu', 'wasm']) {
    for (const worker of [true, false]) {
      const found = await goesOn({ executor, worker });
      assert.deepEqual([found.executor, found.thread], [executor, worker ? 'worker' : 'page']);
    }
  }
});

test('a connection cut in mid-download is resumed', async () => {
  server.fault(MODEL, { cut: Math.floor(model.length / 2), times: 1, trickle: { bytes: 20_000, milliseconds: 10 } });
  await goesOn();
  const ranges = server.requests.filter(({ path }) => path === MODEL).map(({ range }) => range);
  assert.equal(ranges.length, 2);
  assert.notEqual(ranges[1], 'bytes=0-');
});

test('a corrupt byte anywhere is refused, nothing of it is kept', async () => {
  for (const corrupt of [3, 2000, Math.floor(model.length / 2), model.length - 1]) {
    server.fault(MODEL, { corrupt });
    const { error } = await attempt();
    assert.equal(error?.name, 'ModelFileError', `byte ${corrupt}: ${error?.message}`);
    assert.ok(error.message.length > 30, error.message);
    assert.equal(await page.evaluate(() => globalThis.ready.cache.size()), 0);
  }
  server.fault(MODEL, {});
  await goesOn();
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

test('a model of a newer version is refused by its version', async () => {
  const at = model.indexOf('\\"format\\":1,');
  assert.ok(at > 0);
  const newer = Buffer.from(model);
  newer.write('9', at + '\\"format\\":'.length);
  server.fault(MODEL, { body: newer });
  const { error } = await attempt();
  assert.equal(error.name, 'NewerFormatError');
  assert.match(error.message, /9/);
  server.fault(MODEL, {});
  await goesOn();
});

test('an aborted load rejects and leaves the page as it was', async () => {
  server.fault(MODEL, { trickle: { bytes: 10_000, milliseconds: 30 } });
  const name = await page.evaluate((url) => {
    const stop = new AbortController();
    const onProgress = ({ loaded }) => loaded > 0 && stop.abort();
    return globalThis.ready.load(url, { signal: stop.signal, onProgress }).catch((error) => error.name);
  }, MODEL);
  assert.equal(name, 'AbortError');
  server.fault(MODEL, {});
  await goesOn();
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

test('a GPU process that crashes takes nothing with it', async () => {
  await goesOn({ executor: 'auto' });
  const session = await browser.newBrowserCDPSession();
  await session.send('Browser.crashGpuProcess');
  await session.detach();
  const found = await page.evaluate(async () => {
    const answer = await globalThis.look();
    return { ...answer, lost: globalThis.lost };
  });
  assert.equal(found.digest, native);
  // A crash that nobody noticed would show nothing.
  assert.deepEqual(found.lost.map(({ recovered }) => recovered), [true]);
});

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

test('a tab with no WebGPU runs on WASM with the same digest and says why', async () => {
  const plain = await launch({ webgpu: false });
  const usual = page;
  try {
    page = await visit(await plain.newContext());
    const found = await goesOn({ executor: 'auto' });
    assert.equal(found.executor, 'wasm');
    assert.match(found.fallback, /WebGPU/);
    assert.equal((await attempt({ executor: 'webgpu' })).error.name, 'NoWebGpuError');
    await goesOn();
  } finally {
    await plain.close();
    page = usual;
  }
});

test('without the server the cached model still answers', async () => {
  await goesOn();
  server.fault(MODEL, { status: 503 });
  const found = await goesOn();
  assert.equal(found.fromCache, true);
});
