import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CSP, serve } from './server.mjs';

let root, server;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'intformer-'));
  await mkdir(join(root, 'site'));
  await writeFile(join(root, 'secret.txt'), 'secret');
  await writeFile(join(root, 'site/index.html'), 'hello');
  await writeFile(join(root, 'site/a.bin'), '0123456789');
  server = await serve({ root: join(root, 'site') });
});
after(async () => {
  await server.close();
  await rm(root, { recursive: true });
});

/** One request as it is, with nothing done for it: status, headers, bytes, and whether the connection was cut. */
function ask(path, headers = {}, { url } = server) {
  return new Promise((done) => {
    const { port } = new URL(url);
    request({ port, path, headers }, (response) => {
      const pieces = [];
      const end = (cut) => done({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces).toString(), cut });
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => end(false));
      response.on('error', () => end(true));
    }).end();
  });
}

test('files, the policy, and nothing above the folder', async () => {
  const index = await ask('/');
  assert.deepEqual([index.status, index.body, index.headers['content-security-policy']], [200, 'hello', CSP]);
  assert.match(index.headers['content-type'], /^text\/html/);
  for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/none']) {
    assert.equal((await ask(path)).status, 404, path);
  }
});

test('ranges, and only of the same version', async () => {
  const { headers } = await ask('/a.bin');
  const part = await ask('/a.bin', { range: 'bytes=4-' });
  assert.deepEqual([part.status, part.body, part.headers['content-range']], [206, '456789', 'bytes 4-9/10']);
  assert.equal((await ask('/a.bin', { range: 'bytes=2-3' })).body, '23');
  assert.equal((await ask('/a.bin', { range: 'bytes=4-', 'if-range': headers.etag })).status, 206);
  assert.equal((await ask('/a.bin', { range: 'bytes=4-', 'if-range': '"other"' })).body, '0123456789');
  assert.equal((await ask('/a.bin', { range: 'bytes=10-' })).status, 416);
  assert.equal((await ask('/a.bin', { 'if-none-match': headers.etag })).status, 304);
});

test('faults: each does what it says, for as many requests as it says', async () => {
  server.fault('/a.bin', { cut: 4, times: 1 });
  const cut = await ask('/a.bin');
  assert.deepEqual([cut.body, cut.cut, cut.headers['content-length']], ['0123', true, '10']);
  assert.equal((await ask('/a.bin')).body, '0123456789');
  server.fault('/a.bin', { corrupt: 1 });
  assert.equal((await ask('/a.bin')).body.length > 0 && (await ask('/a.bin')).body[0], '0');
  assert.notEqual((await ask('/a.bin')).body, '0123456789');
  server.fault('/a.bin', { hideLength: true });
  const hidden = await ask('/a.bin', { range: 'bytes=4-' });
  assert.deepEqual([hidden.status, hidden.body, hidden.headers['content-length']], [200, '0123456789', undefined]);
  server.fault('/a.bin', { gzip: true });
  assert.equal((await ask('/a.bin')).headers['content-encoding'], 'gzip');
  server.fault('/a.bin', { status: 503 });
  assert.equal((await ask('/a.bin')).status, 503);
  server.heal();
  assert.equal((await ask('/a.bin')).body, '0123456789');
});

test('faults by request, for a server that runs by itself', async () => {
  await fetch(`${server.url}/__faults`, { method: 'POST', body: JSON.stringify({ path: '/a.bin', status: 404 }) });
  assert.equal((await ask('/a.bin')).status, 404);
  await fetch(`${server.url}/__faults`, { method: 'POST', body: '{}' });
  assert.equal((await ask('/a.bin')).status, 200);
  const list = await (await fetch(`${server.url}/__requests`)).json();
  assert.equal(list.at(-1).path, '/a.bin');
});

test('a slow line: all connections share it, and each answer comes late', async () => {
  const line = { bytesPerSecond: 200_000, latency: 100 };
  const slow = await serve({ root: join(root, 'site'), line });
  slow.fault('/b.bin', { body: Buffer.alloc(100_000) });
  slow.fault('/c.bin', { body: Buffer.alloc(50_000) });
  try {
    const timed = async (path) => {
      const began = performance.now();
      await ask(path, {}, slow);
      return performance.now() - began;
    };
    // A line that was idle lets 100 ms through at once.
    const alone = await timed('/b.bin');
    assert.ok(alone > 490 && alone < 1_000, `100 kB alone take 600 ms, found ${alone}`);
    const [long, short] = await Promise.all([timed('/b.bin'), timed('/c.bin')]);
    assert.ok(long > 740, `100 kB beside 50 kB take 850 ms, found ${long}`);
    assert.ok(short > 440 && short < long, `50 kB beside 100 kB take 600 ms, found ${short} and ${long}`);
    assert.deepEqual(slow.requests.map(({ bytes }) => bytes), [100_000, 100_000, 50_000]);
  } finally {
    await slow.close();
  }
});

test('Brotli where it is asked for and taken', async () => {
  const other = await serve({ root: join(root, 'site'), brotli: true });
  try {
    const encoding = async (accepted) => (await ask('/', { 'accept-encoding': accepted }, other)).headers['content-encoding'];
    assert.deepEqual([await encoding('gzip, br'), await encoding('gzip'), await encoding('')], ['br', 'gzip', undefined]);
    assert.equal((await ask('/', { 'accept-encoding': 'gzip, br' })).headers['content-encoding'], 'gzip');
  } finally {
    await other.close();
  }
});
