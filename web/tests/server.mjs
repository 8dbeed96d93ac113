// A static server that can misbehave on purpose. Used by the browser tests, and by hand:
//
//   node web/tests/server.mjs --root target/web/site --port 0 [--no-csp] [--cors] [--slow] [--brotli]
//
// prints its address; --slow is a line of 50 kB/s with 400 ms before each answer. In a test: `const server = await serve({ root })`, then `server.fault(path, { cut: 1000 })`.
// By hand: POST /__faults with { "path": "/models/glyphs.safetensors", "cut": 1000, "times": 1 }, or with {} to clear
// all; GET /__requests lists what was asked.
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** The strictest policy that the package promises to work under. */
export const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ts': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
};
const COMPRESSED = new Set(['.css', '.html', '.js', '.json', '.map', '.mjs', '.svg', '.wasm', '.webmanifest']);

/** A slow line: Lighthouse's slow 4G has more, a train less. */
export const SLOW = { bytesPerSecond: 50_000, latency: 400 };

/**
 * What may go wrong with a path. `times` says for how many requests (default: all).
 *
 * @typedef {object} Fault
 * @property {number} [status] answer with this status and no file
 * @property {number} [cut] cut the connection before this byte of the file
 * @property {number} [corrupt] flip this byte of the file
 * @property {number} [delay] milliseconds before the answer
 * @property {{ bytes: number, milliseconds: number }} [trickle] send pieces of so many bytes, so far apart
 * @property {boolean} [hideLength] neither Content-Length nor ranges
 * @property {boolean} [noRanges] ignore Range
 * @property {boolean} [gzip] encode, even what is asked for by range
 * @property {string | null} [etag] another ETag, or none
 * @property {boolean} [noDate] no Last-Modified
 * @property {number} [announce] claim that the file has so many bytes
 * @property {Buffer} [body] serve these bytes in place of the file (from a test only)
 * @property {number} [times] how many requests go wrong
 */

/**
 * Starts a server on this machine.
 *
 * @param {object} [options]
 * @param {string} [options.root] folder to serve; without one, only paths with a `body` fault exist
 * @param {number} [options.port] port, 0 for any
 * @param {string | null} [options.csp] Content-Security-Policy of every answer, null for none
 * @param {boolean} [options.cors] let other origins read everything
 * @param {boolean} [options.brotli] compress by Brotli where the browser takes it, as some hosts do, else by gzip
 * @param {{ bytesPerSecond: number, latency: number } | null} [options.line] a line that all connections share, with
 *   milliseconds before each answer; unlike a browser's own throttling it reaches workers too
 */
export async function serve({ root, port = 0, csp = CSP, cors = false, brotli = false, line = null } = {}) {
  /** @type {Map<string, Fault>} */
  const faults = new Map();
  /** @type {{ method: string, path: string, range: string | null, ifRange: string | null, status: number, bytes: number, at: number }[]} */
  const requests = [];
  const pace = line === null ? null : shared(line.bytesPerSecond);

  async function find(path, fault) {
    if (fault.body !== undefined) return { bytes: fault.body, modified: new Date(0), extension: extname(path) };
    if (root === undefined) return null;
    const base = resolve(root);
    let file = resolve(base, `.${path}`);
    if (file !== base && !file.startsWith(base + sep)) return null;
    try {
      let found = await stat(file);
      if (found.isDirectory()) found = await stat((file = join(file, 'index.html')));
      return { bytes: await readFile(file), modified: found.mtime, extension: extname(file) };
    } catch {
      return null;
    }
  }

  function taken(path) {
    const fault = faults.get(path);
    if (fault === undefined) return {};
    if (fault.times !== undefined) {
      if (fault.times <= 0) return fault.body === undefined ? {} : { body: fault.body };
      fault.times -= 1;
    }
    return fault;
  }

  async function answer(request, response) {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    if (path.startsWith('/__')) return control(path, request, response);
    const fault = taken(path);
    const entry = {
      method: request.method, path, range: request.headers.range ?? null, ifRange: request.headers['if-range'] ?? null, status: 0,
      bytes: 0, at: Date.now(),
    };
    requests.push(entry);
    if (line !== null) await sleep(line.latency);
    if (fault.delay !== undefined) await sleep(fault.delay);
    const headers = { 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff', Vary: 'Accept-Encoding' };
    if (csp !== null) headers['Content-Security-Policy'] = csp;
    if (cors) Object.assign(headers, CORS);
    const send = (status, more = {}) => {
      entry.status = status;
      response.writeHead(status, { ...headers, ...more });
    };
    if (request.method === 'OPTIONS') return void (send(204), response.end());
    if (request.method !== 'GET' && request.method !== 'HEAD') return void (send(405), response.end());
    if (fault.status !== undefined) return void (send(fault.status), response.end(`${fault.status}\n`));
    const found = await find(path, fault);
    if (found === null) return void (send(404), response.end('404\n'));

    let whole = found.bytes;
    if (fault.corrupt !== undefined && fault.corrupt < whole.length) {
      whole = Buffer.from(whole);
      whole[fault.corrupt] ^= 0xff;
    }
    headers['Content-Type'] = TYPES[found.extension] ?? 'application/octet-stream';
    const etag = fault.etag !== undefined ? fault.etag : `"${createHash('sha256').update(whole).digest('hex').slice(0, 32)}"`;
    if (etag !== null) headers.ETag = etag;
    if (!fault.noDate) headers['Last-Modified'] = found.modified.toUTCString();
    if (etag !== null && request.headers['if-none-match'] === etag) return void (send(304), response.end());

    const ranged = !fault.noRanges && !fault.hideLength;
    if (ranged) headers['Accept-Ranges'] = 'bytes';
    const size = fault.announce ?? whole.length;
    const range = ranged ? asked(request.headers, etag, headers['Last-Modified'], whole.length) : null;
    if (range === 'unsatisfiable') {
      return void (send(416, { 'Content-Range': `bytes */${whole.length}` }), response.end());
    }
    const start = range?.start ?? 0;
    let body = whole.subarray(start, range === null ? undefined : range.end + 1);
    const takes = (encoding) => new RegExp(`\\b${encoding}\\b`).test(request.headers['accept-encoding'] ?? '');
    const accepts = takes('gzip');
    const encoded = fault.gzip || (range === null && accepts && COMPRESSED.has(found.extension) && !fault.hideLength);
    if (range !== null) headers['Content-Range'] = `bytes ${start}-${range.end}/${size}`;
    if (encoded) {
      const encoding = brotli && takes('br') ? 'br' : 'gzip';
      headers['Content-Encoding'] = encoding;
      body = compressed(body, encoding);
    }
    if (!fault.hideLength) headers['Content-Length'] = encoded ? body.length : body.length + size - whole.length;
    send(range === null ? 200 : 206);
    if (request.method === 'HEAD') return void response.end();
    return write(response, body, start, fault, entry, pace);
  }

  function control(path, request, response) {
    if (path === '/__requests') return void response.end(JSON.stringify(requests));
    let text = '';
    request.on('data', (piece) => (text += piece));
    request.on('end', () => {
      const { path: target, ...fault } = JSON.parse(text || '{}');
      if (target === undefined) faults.clear();
      else faults.set(target, fault);
      response.end('{}');
    });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    /** Makes a path misbehave, in place of what it did before. @param {string} path @param {Fault} fault */
    fault: (path, fault) => void faults.set(path, { ...fault }),
    /** All paths are well again. */
    heal: () => faults.clear(),
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Headers': 'Range, If-Range',
  'Access-Control-Expose-Headers': 'Content-Range, ETag',
};

/** The range a request asks for, null for the whole file. */
function asked(headers, etag, modified, size) {
  const match = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
  if (match === null) return null;
  const condition = headers['if-range'];
  if (condition !== undefined && condition !== etag && condition !== modified) return null;
  const start = Number(match[1]);
  const end = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  return start >= size || end < start ? 'unsatisfiable' : { start, end };
}

/** Lets through so many bytes a second: whoever comes waits until those before are through, and then for its own. */
function shared(bytesPerSecond) {
  let free = 0;
  return (bytes) => {
    // Timers come late: what was missed is made up for.
    free = Math.max(free, performance.now() - 100) + (1000 * bytes) / bytesPerSecond;
    return sleep(free - performance.now());
  };
}

/** Bytes that one connection sends on a slow line before it is another's turn. */
const PIECE = 1400;

async function write(response, body, start, fault, entry, pace) {
  response.flushHeaders();
  const end = fault.cut === undefined ? body.length : Math.max(0, Math.min(body.length, fault.cut - start));
  const step = fault.trickle?.bytes ?? (pace === null ? 64 * 1024 : PIECE);
  for (let at = 0; at < end && !response.destroyed; at += step) {
    const piece = body.subarray(at, Math.min(at + step, end));
    if (pace !== null) await pace(piece.length);
    entry.bytes += piece.length;
    if (!response.write(piece)) await drained(response);
    if (fault.trickle !== undefined) await sleep(fault.trickle.milliseconds);
  }
  if (end === body.length && fault.announce === undefined) return void response.end();
  // What was written must leave before the connection goes.
  await sleep(20);
  response.destroy();
}

/** Waits until more can be written, or nothing ever will. */
function drained(response) {
  return new Promise((done) => {
    const end = () => {
      response.off('drain', end);
      response.off('close', end);
      done();
    };
    response.on('drain', end);
    response.on('close', end);
  });
}

/** What was compressed before: by Brotli a module takes more than a second, which no host spends on each answer. */
const packed = new Map();

function compressed(body, encoding) {
  const name = `${encoding} ${createHash('sha256').update(body).digest('hex')}`;
  if (!packed.has(name)) packed.set(name, encoding === 'br' ? brotliCompressSync(body) : gzipSync(body));
  return packed.get(name);
}

function sleep(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const value = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
  const server = await serve({
    root: value('--root') ?? '.',
    port: Number(value('--port') ?? 0),
    csp: process.argv.includes('--no-csp') ? null : CSP,
    cors: process.argv.includes('--cors'),
    brotli: process.argv.includes('--brotli'),
    line: process.argv.includes('--slow') ? SLOW : null,
  });
  console.log(server.url);
}
