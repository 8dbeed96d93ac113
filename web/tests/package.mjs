// The package in a real browser under the strict policy, with a stand-in for the WASM module: what is shown so is the
// work of the package alone. Importing this starts a browser for the tests of a file, and a server and a page for each.
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import { WASM_BYTES } from '../package/dist/wasm/size.js';
import { launch } from './chromium.mjs';
import { serve } from './server.mjs';

const here = new URL('.', import.meta.url).pathname;
export const MODEL = '/m.safetensors';
export let site, server, context, page;
let browser;

/** A WASM module of that size with nothing in it but a custom section. */
export function wasm(size) {
  const bytes = Buffer.alloc(size);
  // Magic, version, section 0 with its length in five bytes of seven bits, a name of one letter.
  bytes.set([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0]);
  const length = size - 14;
  for (let at = 0; at < 5; at += 1) bytes[9 + at] = ((length >> (7 * at)) & 0x7f) | (at < 4 ? 0x80 : 0);
  bytes.set([1, 0x78], 14);
  return bytes;
}

/** A PNG file of one colour. */
function png(width, height, colour) {
  const chunk = (name, data) => {
    const named = Buffer.concat([Buffer.from(name), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length);
    ends.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const row = Buffer.from([0, ...Array.from({ length: width }, () => colour).flat()]);
  const rows = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

/** A model of 3 MB. */
export function model(more = {}) {
  const facts = {
    digest: 'a'.repeat(64), input: 'image', output: 'classes', tokens: null, outputs: 3, imageSize: [1, 1], channels: 3, classes: 3, labels: ['r', 'g', 'b'], logitScale: 0.1, formatVersion: 1, ...more,
  };
  return Buffer.from(JSON.stringify(facts).padEnd(3_000_000));
}

before(async () => {
  site = await mkdtemp(join(tmpdir(), 'intformer-'));
  await cp(join(here, '../package/dist'), join(site, 'intformer'), { recursive: true });
  await cp(join(here, 'standin'), join(site, 'intformer/wasm'), { recursive: true });
  await writeFile(join(site, 'intformer/wasm/intformer_web_bg.wasm'), wasm(WASM_BYTES));
  await writeFile(join(site, 'intformer/wasm/intformer_web_decoder_bg.wasm'), wasm(1000));
  await writeFile(join(site, 'index.html'), '<!doctype html><title>test</title><script type="module" src="page.js"></script>');
  await writeFile(join(site, 'page.js'), "globalThis.intformer = await import('./intformer/index.js');\n");
  await writeFile(join(site, 'green.png'), png(9, 7, [10, 200, 30]));
  browser = await launch();
});
after(async () => {
  await browser.close();
  await rm(site, { recursive: true });
});
beforeEach(async () => {
  server = await serve({ root: site });
  server.fault(MODEL, { body: model() });
  context = await browser.newContext();
  page = await visit(context);
});
afterEach(async () => {
  await context.close();
  await server.close();
});

/** Opens a page with the package in `globalThis.intformer`. */
export async function visit(where, path = '/', origin = server.url) {
  const fresh = await where.newPage();
  fresh.problems = [];
  fresh.on('pageerror', (error) => fresh.problems.push(error.message));
  await fresh.goto(origin + path, { waitUntil: 'load' });
  await fresh.evaluate(() => new Promise((done) => {
    const look = () => (globalThis.intformer ? done() : setTimeout(look, 5));
    look();
  }));
  return fresh;
}

/** Loads the model in a page, on WebGPU unless told, and gives what can be told of it. `use` runs in the page with the classifier. */
export function loaded(where, options = {}, use = null) {
  return where.evaluate(async ([url, given, body]) => {
    const progress = [];
    const lost = [];
    const found = { progress, lost };
    let tell;
    globalThis.moved = new Promise((done) => (tell = done));
    try {
      const classifier = await intformer.load(url, {
        executor: 'webgpu', ...given, onProgress: (event) => progress.push(event), onDeviceLost: (event) => lost.push(event), onExecutorChange: tell,
      });
      globalThis.classifier = classifier;
      const { executor, fallback, thread, threadNote, cacheNote, times, adapter } = classifier;
      Object.assign(found, { executor, fallback, thread, threadNote, cacheNote, times, adapter });
      found.value = body === null ? null : await globalThis[body](classifier);
    } catch (error) {
      const { name, message, kind, status, received, expected } = error;
      found.error = { name, message, kind, status, received, expected };
    }
    return found;
  }, [MODEL, options, use]);
}

/** Makes the page's own thread take its WebGPU adapter of software for hardware. */
export function pretendHardware(where) {
  return where.evaluate(() => {
    Object.defineProperty(GPUAdapter.prototype, 'info', { get: () => ({ description: 'pretended', isFallbackAdapter: false }) });
  });
}

/** Waits until the workers of a page are gone, which is told a moment after they are. */
export async function noWorkers(where) {
  for (let tries = 0; where.workers().length > 0 && tries < 50; tries += 1) await new Promise((done) => setTimeout(done, 20));
  assert.equal(where.workers().length, 0);
}

/** What was asked for a file. */
export const got = (path = MODEL) => server.requests.filter((request) => request.path === path && request.method === 'GET');

/** Serves the same in another way, as under another policy. */
export async function serveWith(options) {
  await server.close();
  server = await serve({ root: site, ...options });
}
