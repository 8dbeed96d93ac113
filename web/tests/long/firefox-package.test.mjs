// The package in Firefox under the strict policy: what is kept, what is resumed, and what a private window says.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { launch, PRIVATE } from '../firefox.mjs';
import { MODEL, modelBytes, real, visit } from '../real.mjs';
import { CSP } from '../server.mjs';

/** Pieces of the model, so that what came before a cut has arrived. */
const SLOWLY = { bytes: 20_000, milliseconds: 40 };

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

/** Loads the model and classifies a sample; what is told of it, or the error. */
function loaded(where, options = {}) {
  return where.evaluate(async ([url, given]) => {
    try {
      const classifier = await intformer.load(url, { executor: 'wasm', ...given });
      const sample = await (await fetch('samples/A.png')).blob();
      const { classes } = await classifier.classify(sample);
      const { thread, threadNote, cacheNote, times } = classifier;
      classifier.dispose();
      return { label: classes[0].label, thread, threadNote, cacheNote, fromCache: times.fromCache };
    } catch (error) {
      return { name: error.name, kind: error.kind, message: error.message };
    }
  }, [MODEL, options]);
}

const kept = (where) => where.evaluate(() => intformer.cache.list());
const asked = () => server.requests.filter(({ method, path }) => method === 'GET' && path === MODEL);
/** Where the last download began. */
const from = () => Number(/^bytes=(\d+)-/.exec(asked().at(-1).range)?.[1] ?? 0);

for (const worker of [true, false]) {
  const thread = worker ? 'worker' : 'page';
  test(`the model is kept for the second visit, which asks for none of it (${thread})`, async () => {
    const first = await loaded(page, { worker });
    assert.deepEqual(first, { label: 'A', thread, threadNote: null, cacheNote: null, fromCache: false });
    const { length } = await modelBytes();
    const [entry] = await kept(page);
    assert.deepEqual([entry.url, entry.bytes, entry.complete], [server.url + MODEL, length, true]);
    const before = asked().length;
    await page.close();
    const again = await visit(context, server);
    assert.deepEqual(await loaded(again, { worker }), { ...first, fromCache: true });
    assert.equal(asked().length, before);
    assert.equal(await again.evaluate(() => intformer.cache.clear().then(() => intformer.cache.size())), 0);
    assert.deepEqual([page.problems, again.problems], [[], []]);
  });
}

/** Half of the model has come: the total is that of the WASM module and of the model together. */
const HALFWAY = 300_000;

test('an aborted download is kept in part, and resumed', async () => {
  server.fault(MODEL, { trickle: SLOWLY });
  const name = await page.evaluate(async ([url, left]) => {
    const stop = new AbortController();
    const onProgress = ({ loaded, total }) => loaded > total - left && stop.abort();
    return intformer.load(url, { executor: 'wasm', signal: stop.signal, onProgress }).then(() => 'loaded', (error) => error.name);
  }, [MODEL, HALFWAY]);
  assert.equal(name, 'AbortError');
  const [part] = await kept(page);
  assert.ok(part.bytes >= 100_000 && !part.complete, JSON.stringify(part));
  server.fault(MODEL, {});
  assert.equal((await loaded(page)).label, 'A');
  assert.equal(from(), part.bytes);
  assert.deepEqual(page.problems, []);
});

test('a page closed in mid-download is resumed by the next one', async () => {
  // What is kept without an abort comes in pieces of a megabyte: the model is filled up to three.
  const body = await filledUp(3_000_000);
  server.fault(MODEL, { body, trickle: { bytes: 100_000, milliseconds: 30 } });
  await page.evaluate(([url, left]) => new Promise((done) => {
    void intformer.load(url, { executor: 'wasm', onProgress: ({ loaded, total }) => loaded > total - left && done() });
  }), [MODEL, HALFWAY]);
  await page.close();
  server.fault(MODEL, { body });
  const again = await visit(context, server);
  const { label, cacheNote } = await loaded(again);
  assert.deepEqual([label, cacheNote], ['A', null]);
  assert.ok(from() >= 1_000_000, `resumed at ${from()}`);
});

/** The model with spaces after the text of its header, which the format allows. */
async function filledUp(size) {
  const bytes = await modelBytes();
  const text = Number(bytes.readBigUInt64LE(0));
  const more = Buffer.alloc(size - bytes.length, ' ');
  const header = Buffer.alloc(8);
  header.writeBigUInt64LE(BigInt(text + more.length));
  return Buffer.concat([header, bytes.subarray(8, 8 + text), more, bytes.subarray(8 + text)]);
}

test('a connection cut in mid-download is resumed; one always cut is an error that says so', async () => {
  server.fault(MODEL, { cut: 200_000, trickle: SLOWLY, times: 1 });
  assert.equal((await loaded(page)).label, 'A');
  assert.ok(from() >= 100_000 && from() <= 200_000, `resumed at ${from()}`);
  await page.evaluate(() => intformer.cache.clear());
  server.fault(MODEL, { cut: 200_000, trickle: SLOWLY });
  const { name, message } = await loaded(page);
  assert.equal(name, 'NetworkError');
  assert.match(message, /\d/);
  server.heal();
  assert.equal((await loaded(page)).label, 'A');
});

test('the strict policy is in force, and one without WebAssembly is named in the error', async () => {
  const policy = await page.evaluate(async () => (await fetch('empty.html')).headers.get('content-security-policy'));
  assert.equal(policy, CSP);
  const evaluated = await page.evaluate(() => new Promise((done) => {
    document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective), { once: true });
    const script = document.createElement('script');
    script.textContent = 'globalThis.inline = true';
    document.head.append(script);
  }));
  assert.match(evaluated, /^script-src/);
  const none = await real({ csp: "default-src 'self'; script-src 'self'" });
  try {
    const strict = await visit(context, none);
    for (const worker of [true, false]) {
      const { name, message } = await loaded(strict, { worker });
      assert.equal(name, 'RuntimeError');
      assert.match(message, /'wasm-unsafe-eval'/);
    }
  } finally {
    await none.close();
  }
});

/** Does something with a page of another Firefox. */
async function elsewhere(preferences, use) {
  const other = await launch({ preferences });
  try {
    const where = await other.newContext();
    await use(await visit(where, server), where);
  } finally {
    await other.close();
  }
}

test('a private window has no private file system: the model is kept in the Cache API until it is closed', async () => {
  await elsewhere(PRIVATE, async (first, window) => {
    const files = await first.evaluate(() => navigator.storage.getDirectory().then(() => 'there', (error) => error.name));
    assert.equal(files, 'SecurityError', 'the window is a private one');
    assert.deepEqual(await loaded(first), { label: 'A', thread: 'worker', threadNote: null, cacheNote: null, fromCache: false });
    await first.close();
    const second = await visit(window, server);
    assert.equal((await loaded(second)).fromCache, true);
    assert.deepEqual([first.problems, second.problems], [[], []]);
  });
});

test('where there is no room the model works, and the note says why it is not kept', async () => {
  await elsewhere({ 'dom.quotaManager.temporaryStorage.fixedLimit': 300 }, async (first) => {
    const { label, cacheNote } = await loaded(first);
    assert.equal(label, 'A');
    assert.match(cacheNote ?? 'no note', /no room .* not cached/);
    console.log(`Firefox with room for 300 kB: ${cacheNote}`);
    assert.equal((await loaded(first)).fromCache, false);
  });
});
