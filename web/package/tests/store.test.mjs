import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CacheError } from '../dist/errors.js';
import { alone, fileName } from '../dist/store.js';
import { CacheStore } from '../dist/store-cache.js';
import { OpfsStore } from '../dist/store-opfs.js';
import { FakeFolder } from './fake-opfs.mjs';

const URL_A = 'https://a.example/m.safetensors';
const head = (total) => ({ total, etag: '"v1"', lastModified: null });
const bytes = new Uint8Array(randomBytes(3_000_000));

for (const sync of [true, false]) {
  const where = sync ? 'a worker' : 'a page';

  test(`in ${where} a file is complete when it is finished, not before`, async () => {
    const folder = new FakeFolder({ sync });
    const store = new OpfsStore(folder);
    assert.equal(await store.read(URL_A), null);
    const writer = await store.write(URL_A);
    await writer.begin(head(bytes.length), 0);
    await writer.add(bytes.subarray(0, 2_000_000), 0);
    assert.equal((await store.list())[0].complete, false);
    await writer.add(bytes.subarray(2_000_000), 2_000_000);
    await writer.finish(bytes, head(bytes.length));
    await writer.close();
    await store.seal(URL_A, 'd'.repeat(64));
    const kept = await store.read(URL_A);
    assert.equal(Buffer.compare(kept.bytes, bytes), 0);
    const { complete, digest, etag, url, total } = kept.entry;
    assert.deepEqual({ complete, digest, etag, url, total }, {
      complete: true, digest: 'd'.repeat(64), etag: '"v1"', url: URL_A, total: bytes.length,
    });
    assert.equal(folder.open.size, 0);
  });

  test(`in ${where} a part that was let go is there again and is continued`, async () => {
    const store = new OpfsStore(new FakeFolder({ sync }));
    const first = await store.write(URL_A);
    await first.begin(head(bytes.length), 0);
    await first.add(bytes.subarray(0, 1_500_000), 0);
    await first.close();
    const part = await store.read(URL_A);
    assert.deepEqual([part.entry.complete, part.bytes.length], [false, 1_500_000]);
    await store.seal(URL_A, 'd'.repeat(64));
    assert.equal((await store.read(URL_A)).entry.digest, null, 'a part has no digest');
    const second = await store.write(URL_A);
    await second.begin(head(bytes.length), 1_500_000);
    await second.add(bytes.subarray(1_500_000), 1_500_000);
    await second.finish(bytes, head(bytes.length));
    await second.close();
    assert.equal(Buffer.compare((await store.read(URL_A)).bytes, bytes), 0);
  });

  test(`in ${where} a restart drops what was there`, async () => {
    const store = new OpfsStore(new FakeFolder({ sync }));
    const writer = await store.write(URL_A);
    await writer.begin(head(bytes.length), 0);
    await writer.add(bytes.subarray(0, 1_500_000), 0);
    await writer.begin(head(10), 0);
    await writer.add(bytes.subarray(0, 10), 0);
    await writer.finish(bytes.subarray(0, 10), head(10));
    await writer.close();
    const kept = await store.read(URL_A);
    assert.deepEqual([kept.entry.complete, kept.bytes.length], [true, 10]);
  });

  test(`in ${where} a full disk is an error of that name`, async () => {
    const store = new OpfsStore(new FakeFolder({ sync, room: 2_000_000 }));
    const writer = await store.write(URL_A);
    await writer.begin(head(bytes.length), 0);
    await assert.rejects(
      async () => {
        await writer.add(bytes, 0);
        await writer.finish(bytes, head(bytes.length));
      },
      { name: 'QuotaExceededError' },
    );
  });
}

test('in a page what is written counts every 8 MiB, for a page that is closed in the midst of it', async () => {
  const store = new OpfsStore(new FakeFolder({ sync: false }));
  const writer = await store.write(URL_A);
  await writer.begin(head(12_000_000), 0);
  for (let at = 0; at < 12_000_000; at += bytes.length) await writer.add(bytes, at);
  assert.equal((await store.read(URL_A)).bytes.length, 9_000_000);
  await writer.close();
  const { bytes: all } = await store.read(URL_A);
  for (let at = 0; at < 12_000_000; at += bytes.length) {
    assert.equal(Buffer.compare(all.subarray(at, at + bytes.length), bytes), 0, `from ${at}`);
  }
});

test('a note that is torn or of other bytes counts for nothing', async () => {
  const folder = new FakeFolder();
  const store = new OpfsStore(folder);
  const writer = await store.write(URL_A);
  await writer.begin(head(10), 0);
  await writer.add(bytes.subarray(0, 10), 0);
  await writer.finish(bytes.subarray(0, 10), head(10));
  await writer.close();
  const name = await fileName(URL_A);
  folder.files.set(`${name}.model`, bytes.subarray(0, 9));
  assert.equal((await store.read(URL_A)).entry.complete, false, 'a byte is missing');
  folder.files.set(`${name}.json`, new TextEncoder().encode('{"url": "https'));
  assert.equal(await store.read(URL_A), null);
  assert.deepEqual(await store.list(), []);
});

test('removing forgets all of it, nothing is no error, and a file in use says so', async () => {
  const folder = new FakeFolder();
  const store = new OpfsStore(folder);
  await store.remove(URL_A);
  const writer = await store.write(URL_A);
  await writer.begin(head(10), 0);
  await assert.rejects(store.remove(URL_A), (error) => error instanceof CacheError && /close other tabs/.test(error.message));
  await writer.close();
  await store.remove(URL_A);
  assert.equal(folder.files.size, 0);
});

test('a removal that is cut short leaves nothing that no list shows, and clearing takes what has no note', async () => {
  const folder = new FakeFolder();
  const store = new OpfsStore(folder);
  const writer = await store.write(URL_A);
  await writer.begin(head(10), 0);
  await writer.add(bytes.subarray(0, 10), 0);
  await writer.close();
  const remove = folder.removeEntry.bind(folder);
  let removed = 0;
  folder.removeEntry = (name) => ((removed += 1) > 1 ? new Promise(() => undefined) : remove(name));
  void store.remove(URL_A);
  await new Promise((done) => setTimeout(done, 20));
  assert.deepEqual([removed, (await store.list()).map(({ url, bytes: held }) => [url, held])], [2, [[URL_A, 0]]]);
  folder.removeEntry = remove;
  folder.files.set('abc.model', bytes);
  folder.files.set('def.json', Uint8Array.of(123));
  assert.equal((await store.list()).length, 1);
  await store.clear();
  assert.deepEqual([...folder.files.keys()], []);
});

test('the Cache API keeps whole files with the same facts', async () => {
  const held = new Map();
  const store = new CacheStore({
    keys: async () => [...held.keys()],
    match: async (key) => held.get(key)?.clone(),
    put: async (key, response) => void held.set(key, response),
    delete: async (key) => held.delete(key),
  });
  const writer = await store.write(URL_A);
  await writer.begin(head(bytes.length), 0);
  await writer.add(bytes, 0);
  assert.equal(await store.read(URL_A), null);
  await writer.finish(bytes, head(bytes.length));
  await store.seal(URL_A, 'e'.repeat(64));
  const kept = await store.read(URL_A);
  assert.equal(Buffer.compare(kept.bytes, bytes), 0);
  assert.deepEqual([kept.entry.complete, kept.entry.digest, kept.entry.etag], [true, 'e'.repeat(64), '"v1"']);
  assert.equal((await store.list())[0].bytes, bytes.length);
  await store.remove(URL_A);
  assert.deepEqual(await store.list(), []);
});

/** Locks as browsers have them: one holder, the others wait until it is done or their signal aborts. */
function installLocks() {
  let tail = Promise.resolve();
  const request = (_name, { signal }, work) => {
    const turn = new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      tail.then(resolve);
    });
    const done = turn.then(() => work({}));
    tail = done.catch(() => undefined);
    return done;
  };
  Object.defineProperty(globalThis, 'navigator', { value: { locks: { request } }, configurable: true });
}

test('tabs take turns; one that keeps the file for long is not waited for; an abort ends the wait', async () => {
  installLocks();
  let end;
  const held = alone(URL_A, undefined, () => new Promise((resolve) => (end = resolve)));
  await new Promise((done) => setTimeout(done, 5));
  assert.equal(await alone(URL_A, undefined, async (free) => free, 20), false);
  const stop = new AbortController();
  const waiting = alone(URL_A, stop.signal, async (free) => free, 60_000);
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  end();
  await held;
  assert.equal(await alone(URL_A, undefined, async (free) => free), true);
  await assert.rejects(alone(URL_A, undefined, async () => Promise.reject(new Error('inside'))), /inside/);
});
