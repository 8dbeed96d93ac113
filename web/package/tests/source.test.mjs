import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { ModelFileError } from '../dist/errors.js';
import { obtain, plainSource } from '../dist/source.js';
import { openStores } from '../dist/store.js';
import { cache } from '../dist/cache.js';
import { serve } from '../../tests/server.mjs';
import { FakeFolder, installOpfs } from './fake-opfs.mjs';

const PATH = '/model.safetensors';
const body = randomBytes(2_500_000);
let server;
let folder;
before(async () => (server = await serve()));
after(() => server.close());
beforeEach(() => {
  server.requests.length = 0;
  server.fault(PATH, { body });
  folder = new FakeFolder();
  installOpfs(folder);
});

function wish(more = {}) {
  const told = [];
  const part = {
    expect: (total, fromCache = false) => told.push(`${total}${fromCache ? ' cached' : ''}`),
    at: () => undefined,
    done: () => undefined,
  };
  const signal = new AbortController().signal;
  return { source: server.url + PATH, cache: true, refresh: false, signal, part, told, ...more };
}
const same = (bytes) => Buffer.compare(Buffer.from(bytes), body) === 0;

test('the second load asks nobody', async () => {
  const first = await obtain(wish(), false);
  assert.ok(same(first.bytes));
  assert.deepEqual([first.fromCache, first.note, server.requests.length], [false, null, 1]);
  await first.seal('a'.repeat(64));
  const again = wish();
  const second = await obtain(again, false);
  assert.ok(same(second.bytes));
  assert.deepEqual([second.fromCache, server.requests.length, again.told], [true, 1, [`${body.length} cached`]]);
  const [kept] = await cache.list();
  assert.deepEqual([kept.url, kept.bytes, kept.complete, kept.digest], [server.url + PATH, body.length, true, 'a'.repeat(64)]);
  assert.ok(kept.stored instanceof Date && Date.now() - kept.stored < 60_000);
  assert.equal(await cache.size(), body.length);
  await cache.remove(server.url + PATH);
  assert.deepEqual(await cache.list(), []);
});

test('an aborted download leaves its part, and the next load asks for the rest', async () => {
  const stop = new AbortController();
  server.fault(PATH, { body, trickle: { bytes: 500_000, milliseconds: 15 } });
  const part = { ...wish().part, at: (loaded) => loaded >= 1_500_000 && stop.abort() };
  await assert.rejects(obtain(wish({ signal: stop.signal, part }), false), { name: 'AbortError' });
  const [left] = await cache.list();
  assert.ok(!left.complete && left.bytes >= 1_000_000, `${left.bytes} bytes were kept`);
  assert.equal(folder.open.size, 0, 'the file was let go');
  server.fault(PATH, { body });
  const { bytes, resumed } = await obtain(wish(), false);
  assert.ok(same(bytes));
  assert.deepEqual([resumed, server.requests[1].range], [true, `bytes=${left.bytes}-`]);
  assert.equal((await cache.list())[0].complete, true);
});

test('cache: false neither reads nor writes', async () => {
  await obtain(wish({ cache: false }), false);
  assert.equal(folder.files.size, 0);
  await obtain(wish(), false);
  await obtain(wish({ cache: false }), false);
  assert.equal(server.requests.length, 3);
});

test('refresh keeps a copy that is current, takes a new one, and goes on without a server', async () => {
  await obtain(wish(), false);
  const current = await obtain(wish({ refresh: true }), false);
  assert.deepEqual([current.fromCache, server.requests.map(({ method }) => method)], [true, ['GET', 'HEAD']]);
  const other = randomBytes(1000);
  server.fault(PATH, { body: other });
  const changed = await obtain(wish({ refresh: true }), false);
  assert.deepEqual([changed.fromCache, changed.bytes.length], [false, other.length]);
  assert.equal((await cache.list())[0].bytes, body.length, 'the copy stays until the new one was read');
  await changed.seal('b'.repeat(64));
  const [kept] = await cache.list();
  assert.deepEqual([kept.bytes, kept.complete, kept.digest], [other.length, true, 'b'.repeat(64)]);
  await server.close();
  try {
    const offline = await obtain(wish({ refresh: true }), false);
    assert.deepEqual([offline.fromCache, offline.bytes.length], [true, other.length]);
    assert.match(offline.note, /could not be asked/);
  } finally {
    server = await serve();
  }
});

test('a newer file that cannot be downloaded leaves the copy, which is used and said', async () => {
  await obtain(wish(), false);
  server.fault(PATH, { body: randomBytes(2_000_000), cut: 500_000 });
  const told = wish({ refresh: true });
  const { bytes, fromCache, note } = await obtain(told, false);
  assert.ok(same(bytes));
  assert.deepEqual([fromCache, told.told.at(-1)], [true, `${body.length} cached`]);
  assert.match(note, /could not be downloaded: the cached one is used/);
  assert.deepEqual([(await cache.list())[0].complete, folder.open.size], [true, 0]);
});

test('a full disk, no store at all, and a store that fails: the load goes on and says so', async () => {
  installOpfs((folder = new FakeFolder({ room: 1_200_000 })));
  const full = await obtain(wish(), false);
  assert.ok(same(full.bytes));
  assert.match(full.note, /no room left/);
  assert.equal(folder.files.size, 0, 'nothing half is left behind');
  installOpfs(null);
  const none = await obtain(wish(), false);
  assert.ok(same(none.bytes));
  assert.match(none.note, /keeps no files/);
  assert.deepEqual([await cache.list(), await cache.size()], [[], 0]);
  installOpfs((folder = new FakeFolder()));
  const [store] = await openStores();
  const holder = await store.write(server.url + PATH);
  const busy = await obtain(wish(), false);
  assert.ok(same(busy.bytes));
  assert.match(busy.note, /not cached/);
  await holder.close();
});

test('forgetting takes the copy out, and the next load fetches anew', async () => {
  const first = await obtain(wish(), false);
  await first.forget();
  assert.equal(folder.files.size, 0);
  assert.equal((await obtain(wish(), false)).fromCache, false);
});

test('anew leaves a complete copy aside', async () => {
  await obtain(wish(), false);
  const again = await obtain(wish(), true);
  assert.deepEqual([again.fromCache, again.resumed, server.requests.length], [false, false, 2]);
});

test('bytes and files are taken as they are, and the caller keeps its own', async () => {
  const mine = new Uint8Array([1, 2, 3]);
  const copy = plainSource(mine);
  copy[0] = 9;
  assert.equal(mine[0], 1);
  assert.deepEqual([...plainSource(mine.buffer)], [1, 2, 3]);
  const told = wish({ source: new Blob([mine]) });
  const file = await obtain(told, false);
  assert.deepEqual([[...file.bytes], file.fromCache, told.told], [[1, 2, 3], false, ['3']]);
  assert.equal(folder.files.size, 0);
  const gone = Object.assign(new Blob([mine]), { arrayBuffer: () => Promise.reject(new Error('NotReadable')) });
  await assert.rejects(obtain(wish({ source: gone }), false), (error) => error instanceof ModelFileError && /Pick it again/.test(error.message));
  assert.throws(() => plainSource(42), /Expected an address/);
  assert.throws(() => plainSource('http://'), /Expected the address of a model, found "http:/);
  assert.equal(plainSource('https://a.example/m#part'), 'https://a.example/m');
});
