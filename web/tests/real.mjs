// The built site with the real WASM modules, for tests of the package in a page without the demo.
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { serve } from './server.mjs';

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** What `cargo xtask web` built; the variable SITE names another folder. */
export const SITE = process.env.SITE ?? root('target/web/site');

/** The shipped model, as the site serves it. */
export const MODEL = '/models/glyphs.safetensors';

/** The same packed by gzip, which is what the page fetches. */
export const PACKED = `${MODEL}.gz`;

/** The bytes of the shipped model. */
export const modelBytes = () => readFile(SITE + MODEL);

/** The native command; the variable INTFORMER names another one. */
export const BINARY = process.env.INTFORMER ?? root('target/debug/intformer');

/** Serves the site and an empty page beside it with the package in `globalThis.intformer`. */
export async function real(options = {}) {
  const server = await serve({ root: SITE, ...options });
  server.fault('/empty.html', {
    body: Buffer.from('<!doctype html><title>test</title><link rel="icon" href="empty.svg"><script type="module" src="empty.js"></script>'),
  });
  server.fault('/empty.js', { body: Buffer.from("globalThis.intformer = await import('./intformer/index.js');\n") });
  server.fault('/empty.svg', { body: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') });
  return server;
}

/** Opens the empty page; what it complains of is in `problems`. */
export async function visit(context, server) {
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && page.problems.push(message.text()));
  await page.goto(`${server.url}/empty.html`);
  await page.evaluate(() => new Promise((done) => {
    const look = () => (globalThis.intformer ? done() : setTimeout(look, 5));
    look();
  }));
  return page;
}

/** Image files that the native command and the package decode by themselves: samples and fixtures. */
export async function images() {
  const found = [];
  for (const folder of ['models/samples', 'tests/fixtures/images']) {
    for (const name of (await readdir(root(folder))).sort()) {
      if (/\.(png|jpg)$/.test(name)) found.push(root(`${folder}/${name}`));
    }
  }
  return found;
}

/** What the package in a page says of the files `image-0` and on: one by one, and as a batch. */
export function classified(page, executor, count) {
  return page.evaluate(async ([url, name, number]) => {
    const classifier = await intformer.load(url, { executor: name });
    const blobs = await Promise.all(Array.from({ length: number }, async (_, at) => (await fetch(`image-${at}`)).blob()));
    const single = [];
    for (const blob of blobs) single.push(await classifier.classify(blob));
    const batch = await classifier.classifyBatch(blobs);
    const pick = (results) => results.map(({ digest, exact, times }) => ({ digest, exact, run: times.run }));
    const value = { executor: classifier.executor, thread: classifier.thread, single: pick(single), batch: pick(batch) };
    classifier.dispose();
    return value;
  }, [MODEL, executor, count]);
}

/** The digests that the native command prints for image files. */
export function nativeDigests(files) {
  const options = ['classify', SITE + MODEL, ...files, '--executor', 'reference', '--json'];
  const answer = JSON.parse(execFileSync(BINARY, options, { encoding: 'utf8', maxBuffer: 1 << 26 }));
  return answer.images.map((image) => image.executors[0].digest);
}
