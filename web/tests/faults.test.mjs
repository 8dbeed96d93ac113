// What can go wrong with the real modules: each gives an error that says so, and the page goes on working.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { MODEL, modelBytes, real, visit } from './real.mjs';

let browser, server, context, page;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await real();
  context = await browser.newContext();
  page = await visit(context, server);
});
afterEach(async () => {
  await context.close();
  await server.close();
});

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
      return { name: error.name, kind: error.kind, message: error.message };
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
  const mark = Buffer.from('{\\"format\\":2');
  const at = bytes.indexOf(mark);
  assert.ok(at > 0, 'the file states its format');
  const newer = Buffer.from(bytes);
  newer[at + mark.length - 1] = '7'.charCodeAt(0);
  server.fault(MODEL, { body: newer });
  const { name, message } = await outcome({ executor: 'wasm' });
  assert.equal(name, 'NewerFormatError');
  assert.match(message, /expected format version 4, found 7/);
});

test('what is no model says so', async () => {
  server.fault(MODEL, { body: Buffer.from('<!doctype html><title>Not here</title>') });
  const { name, message } = await outcome({ executor: 'wasm' });
  assert.equal(name, 'ModelFileError');
  assert.match(message, /found a page of HTML.*check the address/);
});

test('a connection cut in mid-download is resumed; one cut again and again is an error', async () => {
  // In pieces, so that what came before the cut has arrived.
  server.fault(MODEL, { cut: 200_000, trickle: { bytes: 20_000, milliseconds: 10 }, times: 1 });
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
    globalThis.classifier = await intformer.load(url, { executor: 'webgpu', onDeviceLost: (loss) => losses.push(loss) });
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

test('without WebGPU, auto says why and runs on WASM; webgpu says what to do', async () => {
  const plain = await launch({ webgpu: false });
  try {
    page = await visit(await plain.newContext(), server);
    const found = await outcome();
    assert.deepEqual([found.label, found.executor], ['A', 'wasm']);
    assert.match(found.fallback, /WebGPU/);
    const { name, message } = await outcome({ executor: 'webgpu' });
    assert.equal(name, 'NoWebGpuError');
    assert.match(message, /WebGPU/);
    await goesOn();
  } finally {
    await plain.close();
  }
});
