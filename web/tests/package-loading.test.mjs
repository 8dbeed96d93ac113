// Where a model and the WASM module come from: network, cache, files; in a browser with a stand-in for the module.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WASM_BYTES } from '../package/dist/wasm/size.js';
import { launch } from './chromium.mjs';
import { context, got, loaded, model, MODEL, noWorkers, page, server, serveWith, visit, wasm } from './package.mjs';
import { serve } from './server.mjs';

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
  await serveWith({ csp: "default-src 'self'; script-src 'self'" });
  server.fault(MODEL, { body: model() });
  const strict = await visit(context);
  for (const worker of [true, false]) {
    const { error } = await loaded(strict, { worker });
    assert.equal(error.name, 'RuntimeError');
    assert.match(error.message, /'wasm-unsafe-eval'/);
  }
});

test('a model of another origin is resumed too, with CORS, and an error that says what to check without', async () => {
  await serveWith({ csp: null });
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

test('a page over plain http works on WASM, and says what http withholds', async () => {
  const open = await launch({ flags: ['--host-resolver-rules=MAP plain.test 127.0.0.1'] });
  try {
    const insecure = await open.newContext();
    const plain = await visit(insecure, '/', server.url.replace('127.0.0.1', 'plain.test'));
    assert.equal(await plain.evaluate(() => isSecureContext), false);
    const { executor, fallback, cacheNote, error } = await loaded(plain, { executor: 'auto' });
    assert.deepEqual([executor, error], ['wasm', undefined]);
    assert.match(fallback, /^This page came over http.*https pages alone\.$/);
    assert.match(cacheNote, /^This page came over http.*was not cached\.$/);
    const refused = await loaded(plain, { executor: 'webgpu' });
    assert.deepEqual([refused.error.name, refused.error.message], ['NoWebGpuError', fallback]);
  } finally {
    await open.close();
  }
});
