import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { download, inquire } from '../dist/download.js';
import { ModelFileError, NetworkError } from '../dist/errors.js';
import { serve } from '../../tests/server.mjs';

const PATH = '/model.safetensors';
const body = randomBytes(300_000);
let server;
before(async () => (server = await serve()));
after(() => server.close());
beforeEach(() => (server.requests.length = 0));

/** Downloads and notes what was told. */
async function get(fault, more = {}) {
  server.fault(PATH, { body, ...fault });
  const told = { heads: [], pieces: [], first: null };
  const result = await download({
    url: server.url + PATH,
    backoff: () => 1,
    onHead: (head, offset) => {
      told.heads.push([head.total, offset]);
      told.first ??= told.pieces.length;
    },
    onBytes: (piece, offset) => void told.pieces.push([offset, offset + piece.length]),
    ...more,
  });
  return { ...result, told };
}
const same = (bytes) => Buffer.compare(Buffer.from(bytes), body) === 0;
const ranges = () => server.requests.map(({ range, status }) => `${range} ${status}`);

test('one request by range, the exact total before the first byte', async () => {
  const { bytes, head, told, resumed } = await get({});
  assert.ok(same(bytes));
  assert.deepEqual([head.total, told.heads, told.first, resumed], [body.length, [[body.length, 0]], 0, false]);
  assert.deepEqual(ranges(), ['bytes=0- 206']);
});

test('a cut connection is resumed where it was cut, under the same version', async () => {
  const { bytes, resumed, told } = await get({ cut: 100_000, times: 1 });
  assert.ok(same(bytes));
  assert.equal(resumed, true);
  assert.deepEqual(ranges(), ['bytes=0- 206', 'bytes=100000- 206']);
  assert.match(server.requests[1].ifRange, /^"/);
  assert.deepEqual(told.heads, [[body.length, 0], [body.length, 100_000]]);
  for (let i = 1; i < told.pieces.length; i += 1) assert.equal(told.pieces[i][0], told.pieces[i - 1][1]);
});

test('a server that always cuts is given up after three tries without progress, with the facts', async () => {
  await assert.rejects(get({ cut: 100_000 }), (error) => {
    assert.ok(error instanceof NetworkError);
    assert.deepEqual([error.url, error.received, error.expected], [server.url + PATH, 100_000, body.length]);
    assert.match(error.message, /cut.*received 100000 of 300000 bytes/);
    return true;
  });
  // One try that brought bytes, and two more that brought none.
  assert.equal(server.requests.length, 3);
});

test('progress resets the count of tries', async () => {
  let cut = 50_000;
  server.fault(PATH, { body, cut });
  const bytes = await download({
    url: server.url + PATH,
    backoff: () => {
      cut += 50_000;
      server.fault(PATH, { body, cut });
      return 1;
    },
  });
  assert.ok(same(bytes.bytes));
  assert.ok(server.requests.length > 4, `${server.requests.length} requests`);
});

test('a server without ranges starts again from the first byte', async () => {
  let cuts = 0;
  server.fault(PATH, { body, noRanges: true, cut: 120_000 });
  const heads = [];
  const { bytes, resumed } = await download({
    url: server.url + PATH,
    onHead: (head, offset) => void heads.push(offset),
    backoff: () => {
      cuts += 1;
      server.fault(PATH, { body, noRanges: true });
      return 1;
    },
  });
  assert.ok(same(bytes));
  assert.deepEqual([cuts, heads, resumed], [1, [0, 0], false]);
  assert.deepEqual(ranges(), ['bytes=0- 200', 'bytes=120000- 200']);
});

test('a file that changed between two tries is taken anew, never mixed', async () => {
  const other = randomBytes(200_000);
  server.fault(PATH, { body, cut: 100_000 });
  const { bytes, head } = await download({
    url: server.url + PATH,
    backoff: () => {
      server.fault(PATH, { body: other });
      return 1;
    },
  });
  assert.equal(Buffer.compare(Buffer.from(bytes), other), 0);
  assert.equal(head.total, other.length);
  assert.deepEqual(ranges(), ['bytes=0- 206', 'bytes=100000- 200']);
});

test('an answer of another version to a range is not appended', async () => {
  // Across origins If-Range is not sent, and a server may ignore it: the answer is compared.
  const kept = { bytes: body.subarray(0, 1000), head: { total: body.length, etag: '"old"', lastModified: null } };
  globalThis.location = { origin: 'https://elsewhere.example', href: 'https://elsewhere.example/' };
  try {
    const { bytes, resumed } = await get({}, { kept });
    assert.ok(same(bytes));
    assert.equal(resumed, false);
  } finally {
    delete globalThis.location;
  }
  assert.deepEqual(ranges(), ['bytes=1000- 206', 'bytes=0- 206']);
  assert.equal(server.requests[0].ifRange, null);
});

test('what an earlier visit kept is resumed, and a finished part asks nothing', async () => {
  const { head } = await get({});
  server.requests.length = 0;
  const { bytes, resumed, told } = await get({}, { kept: { bytes: body.subarray(0, 250_000), head } });
  assert.ok(same(bytes));
  assert.deepEqual([resumed, told.heads], [true, [[body.length, 250_000]]]);
  assert.deepEqual(ranges(), ['bytes=250000- 206']);
  const whole = await get({}, { kept: { bytes: body, head } });
  assert.ok(same(whole.bytes));
  assert.equal(server.requests.length, 1);
});

test('a part longer than the file on the server starts again', async () => {
  const kept = { bytes: randomBytes(400_000), head: { total: null, etag: null, lastModified: null } };
  const { bytes } = await get({}, { kept });
  assert.ok(same(bytes));
  assert.deepEqual(ranges(), ['bytes=400000- 416', 'bytes=0- 206']);
});

test('behind gzip the size is unknown and the bytes are right', async () => {
  const { bytes, told } = await get({ gzip: true, noRanges: true });
  assert.ok(same(bytes));
  assert.deepEqual(told.heads, [[null, 0]]);
});

test('a gzip download that is cut is not resumed by counting decoded bytes', async () => {
  const { bytes, resumed } = await get({ gzip: true, cut: 100_000, times: 1 });
  assert.ok(same(bytes));
  assert.deepEqual([resumed, ranges()], [false, ['bytes=0- 206', 'null 200']]);
});

test('a hidden length gives no total, and all bytes', async () => {
  const { bytes, told, head } = await get({ hideLength: true });
  assert.ok(same(bytes));
  assert.deepEqual([told.heads, head.total], [[[null, 0]], body.length]);
});

test('a server that announces more than it sends is an error, not a short model', async () => {
  await assert.rejects(get({ announce: body.length + 5000 }), (error) => {
    assert.deepEqual([error.received, error.expected], [body.length, body.length + 5000]);
    return error instanceof NetworkError;
  });
});

test('more than 1 GiB is refused before a byte is read', async () => {
  await assert.rejects(get({ announce: 2 ** 31 }), (error) => error instanceof ModelFileError && /1 GiB/.test(error.message));
  assert.equal(server.requests.length, 1);
});

test('404 is an error at once, 503 after three tries', async () => {
  await assert.rejects(get({ status: 404 }), (error) => error instanceof NetworkError && error.status === 404);
  assert.equal(server.requests.length, 1);
  await assert.rejects(get({ status: 503 }), (error) => error instanceof NetworkError && error.status === 503);
  assert.equal(server.requests.length, 4);
  assert.ok(same((await get({ status: 503, times: 2 })).bytes));
});

test('no server at all: status 0 and what to check', async () => {
  const gone = await serve();
  await gone.close();
  await assert.rejects(download({ url: `${gone.url}/x`, backoff: () => 1 }), (error) => {
    assert.deepEqual([error.status, error.received, error.expected], [0, 0, null]);
    return error instanceof NetworkError && /connection.*Content-Security-Policy/.test(error.message);
  });
});

test('an abort ends the download with the reason, before, during and between tries', async () => {
  const reason = new Error('enough');
  await assert.rejects(get({}, { signal: AbortSignal.abort(reason) }), reason);
  const during = new AbortController();
  const slow = { trickle: { bytes: 10_000, milliseconds: 20 } };
  const onBytes = () => during.abort(reason);
  await assert.rejects(get(slow, { signal: during.signal, onBytes }), reason);
  const between = new AbortController();
  const backoff = () => (setTimeout(() => between.abort(reason), 5), 60_000);
  await assert.rejects(get({ status: 503 }, { signal: between.signal, backoff }), reason);
});

test('the server is asked about a file without its body', async () => {
  server.fault(PATH, { body });
  const head = await inquire(server.url + PATH, undefined);
  assert.equal(head.total, body.length);
  assert.match(head.etag, /^"/);
  assert.equal(server.requests[0].method, 'HEAD');
  const gone = await serve();
  await gone.close();
  assert.equal(await inquire(gone.url, undefined), null);
});

test('a server that gives less than was asked for is asked for the rest', async () => {
  const asked = [];
  const real = globalThis.fetch;
  globalThis.fetch = async (_url, { headers }) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.get('Range'))[1]);
    asked.push(start);
    const end = Math.min(start + 120_000, body.length);
    const given = { 'Content-Range': `bytes ${start}-${end - 1}/${body.length}`, ETag: '"v1"' };
    return new Response(body.subarray(start, end), { status: 206, headers: given });
  };
  try {
    assert.ok(same((await download({ url: server.url + PATH, backoff: () => 1 })).bytes));
  } finally {
    globalThis.fetch = real;
  }
  assert.deepEqual(asked, [0, 120_000, 240_000]);
});

test('a body that is refused in the midst of it is not read to its end', async () => {
  const real = globalThis.fetch;
  let [cancelled, sent] = [false, 0];
  globalThis.fetch = async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(10).fill((sent += 1))),
      cancel: () => void (cancelled = true),
    });
    return new Response(body, { headers: { 'Content-Length': '25' } });
  };
  try {
    await assert.rejects(download({ url: 'http://127.0.0.1/m', ranges: false }), /more than it announced/);
    assert.equal(cancelled, true);
    const onBytes = () => { throw new Error('no room'); };
    [cancelled, sent] = [false, 0];
    await assert.rejects(download({ url: 'http://127.0.0.1/m', ranges: false, onBytes }), /no room/);
    assert.equal(cancelled, true);
  } finally {
    globalThis.fetch = real;
  }
});
