// Texts in headless Chromium, on WebGPU and on WASM: the digests of the native command, alone and in any batch.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { launch } from './chromium.mjs';
import { BINARY, real, visit } from './real.mjs';

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const file = (name) => root(`tests/fixtures/models/${name}.safetensors`);
const LINES = root('tests/fixtures/lines.txt');

let browser, server, page, lines;

before(async () => {
  lines = String(await readFile(LINES)).split('\n').filter((line) => line.trim() !== '').map((line) => line.trim());
  server = await real();
  for (const name of ['encoder', 'sorter']) server.fault(`/${name}.safetensors`, { body: await readFile(file(name)) });
  browser = await launch();
  page = await visit(await browser.newContext(), server);
});
after(async () => {
  await browser.close();
  await server.close();
});

/** What the native command says of the lines. */
function native(command, name) {
  const options = [command, file(name), '--text-file', LINES, '--executor', 'reference', '--json', '--quiet'];
  return JSON.parse(execFileSync(BINARY, options, { encoding: 'utf8', maxBuffer: 1 << 26 }));
}

for (const executor of ['webgpu', 'wasm']) {
  test(`texts have the native digests on ${executor}`, async () => {
    const embedded = native('embed', 'encoder');
    const sorted = native('classify', 'sorter').texts;
    const found = await page.evaluate(async ([name, all]) => {
      const encoder = await intformer.load('encoder.safetensors', { executor: name });
      const batch = await encoder.embed(all);
      const turned = (await encoder.embed([...all].reverse())).reverse();
      const alone = [];
      for (const text of all.slice(0, 4)) alone.push((await encoder.embed([text]))[0]);
      const digests = (list) => list.map(({ digest }) => digest);
      const value = {
        executor: batch[0].executor, vector: [...batch[0].vector], scale: batch[0].scale, tokens: batch.map(({ tokens }) => tokens),
        cut: batch.map(({ cut }) => cut), batch: digests(batch), turned: digests(turned), alone: digests(alone),
        same: intformer.similarity(batch[0], batch[0]),
      };
      encoder.dispose();
      const sorter = await intformer.load('sorter.safetensors', { executor: name, kind: 'text-classifier' });
      value.kinds = [encoder.kind, sorter.kind];
      const other = { executor: name, kind: 'image-classifier' };
      value.other = await intformer.load('sorter.safetensors', other).catch(({ name, message }) => `${name}: ${message}`);
      const classes = await sorter.classifyBatch(all, { top: 3 });
      value.classes = classes.map(({ digest, classes }) => [digest, classes.map(({ label }) => label)]);
      value.refused = await sorter.embed(['x']).catch(({ name, message }) => `${name}: ${message}`);
      sorter.dispose();
      return value;
    }, [executor, lines]);
    assert.equal(found.executor, executor);
    assert.deepEqual(found.vector, embedded.embeddings[0]);
    assert.deepEqual([found.scale, found.tokens, found.cut], [embedded.scale, embedded.tokens, embedded.cut]);
    assert.deepEqual(found.batch, embedded.digests);
    assert.deepEqual(found.turned, embedded.digests);
    assert.deepEqual(found.alone, embedded.digests.slice(0, 4));
    assert.equal(found.same, 1);
    const expected = sorted.map(({ top, executors }) => [executors[0].digest, top.map(({ label }) => label)]);
    assert.deepEqual(found.classes, expected);
    assert.match(found.refused, /^TextError: Expected a model that embeds texts, found one that classifies texts/);
    assert.deepEqual(found.kinds, ['text-embedder', 'text-classifier']);
    assert.match(found.other, /^ModelFileError: Expected a model that classifies images, found one that classifies texts/);
    assert.deepEqual(page.problems, []);
    console.log(`${lines.length} texts: ${executor} equals the native command`);
  });
}
