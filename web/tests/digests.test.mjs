// The digests of the browser are those of the native command: in headless Chromium, on WebGPU and on WASM.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch } from './chromium.mjs';
import { classified, images, MODEL, nativeDigests, real, visit } from './real.mjs';

let browser, server, page, files, expected;

before(async () => {
  files = await images();
  expected = nativeDigests(files);
  server = await real();
  for (const [at, file] of files.entries()) server.fault(`/image-${at}`, { body: await readFile(file) });
  browser = await launch();
  page = await visit(await browser.newContext(), server);
});
after(async () => {
  await browser.close();
  await server.close();
});

test('there are enough images, and they differ', () => {
  assert.ok(files.length >= 20, `${files.length} images`);
  assert.ok(new Set(expected).size >= 20, 'the digests of different images differ');
});

for (const executor of ['webgpu', 'wasm']) {
  test(`every image has the native digest on ${executor}, alone and in a batch`, async () => {
    const found = await classified(page, executor, files.length);
    assert.equal(found.executor, executor);
    for (const way of ['single', 'batch']) {
      assert.ok(found[way].every((result) => result.exact && result.run > 0));
      assert.deepEqual(found[way].map((result) => result.digest), expected, way);
    }
    assert.deepEqual(page.problems, []);
    console.log(`${files.length} images: ${executor} equals the native command`);
  });
}

test('a canvas, its ImageData and its PNG file have one digest', async () => {
  const digests = await page.evaluate(async (url) => {
    const classifier = await intformer.load(url, { executor: 'wasm' });
    const canvas = Object.assign(document.createElement('canvas'), { width: 61, height: 47 });
    const context = canvas.getContext('2d');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, 61, 47);
    context.fillStyle = '#102030';
    context.fillRect(11, 7, 9, 31);
    const file = await new Promise((done) => canvas.toBlob(done, 'image/png'));
    const kinds = [canvas, context.getImageData(0, 0, 61, 47), file, await createImageBitmap(canvas)];
    const results = [];
    for (const kind of kinds) results.push((await classifier.classify(kind)).digest);
    classifier.dispose();
    return results;
  }, MODEL);
  assert.equal(new Set(digests).size, 1, digests.join(' '));
});
