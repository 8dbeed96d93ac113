// The digests of Firefox are those of the native command: on WASM, and on WebGPU where this Firefox has an adapter.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, WEBGPU } from '../firefox.mjs';
import { classified, images, MODEL, nativeDigests, real, visit } from '../real.mjs';

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

function equal(found, executor) {
  assert.deepEqual([found.executor, found.thread], [executor, 'worker']);
  for (const way of ['single', 'batch']) {
    assert.deepEqual(found[way].map((result) => result.digest), expected, way);
    assert.ok(found[way].every((result) => result.exact), `${way}: the native command decodes to the same pixels`);
  }
  console.log(`Firefox ${browser.version()}, ${files.length} images: ${executor} equals the native command`);
}

test('there are enough images, and they differ', () => {
  assert.ok(files.length >= 20, `${files.length} images`);
  assert.ok(new Set(expected).size >= 20, 'the digests of different images differ');
});

test('every image has the native digest on WASM, alone and in a batch', async () => {
  equal(await classified(page, 'wasm', files.length), 'wasm');
  assert.deepEqual(page.problems, []);
});

test('every image has the native digest on WebGPU, alone and in a batch', async (context) => {
  const withGpu = await launch({ preferences: WEBGPU });
  try {
    const gpuPage = await visit(await withGpu.newContext(), server);
    const support = await gpuPage.evaluate(() => intformer.webgpuSupport());
    console.log(`Firefox ${withGpu.version()} with WebGPU switched on: ${JSON.stringify(support)}`);
    if (!support.available) {
      console.log(`NOT RUN: WebGPU in Firefox was not tested, since it offers no adapter here (${support.reason})`);
      return context.skip('Firefox offers no WebGPU adapter here');
    }
    equal(await classified(gpuPage, 'webgpu', files.length), 'webgpu');
    assert.deepEqual(gpuPage.problems, []);
  } finally {
    await withGpu.close();
  }
});

test('a canvas, its ImageData, its bitmap and its PNG file have one digest', async () => {
  const digests = await page.evaluate(async (url) => {
    const classifier = await intformer.load(url, { executor: 'wasm' });
    const canvas = Object.assign(document.createElement('canvas'), { width: 61, height: 47 });
    const drawing = canvas.getContext('2d');
    drawing.fillStyle = '#fff';
    drawing.fillRect(0, 0, 61, 47);
    drawing.fillStyle = '#102030';
    drawing.fillRect(11, 7, 9, 31);
    const file = await new Promise((done) => canvas.toBlob(done, 'image/png'));
    const results = {};
    const kinds = { canvas, data: drawing.getImageData(0, 0, 61, 47), file, bitmap: await createImageBitmap(canvas) };
    for (const [name, kind] of Object.entries(kinds)) results[name] = (await classifier.classify(kind)).digest;
    drawing.fillRect(0, 0, 3, 3);
    results.other = (await classifier.classify(canvas)).digest;
    classifier.dispose();
    return results;
  }, MODEL);
  const { other, ...same } = digests;
  assert.equal(new Set(Object.values(same)).size, 1, JSON.stringify(same));
  assert.notEqual(other, same.canvas, 'another picture has another digest');
});

test('GIF and WebP files come from the browser, as a file and as a bitmap alike', async () => {
  const names = ['palette.gif', 'photo.webp', 'clear.webp'];
  const paths = names.map((name) => fileURLToPath(new URL(`../../../tests/fixtures/images/${name}`, import.meta.url)));
  const native = nativeDigests(paths);
  for (const [at, path] of paths.entries()) server.fault(`/${names[at]}`, { body: await readFile(path) });
  const found = await page.evaluate(async ([url, files]) => {
    const classifier = await intformer.load(url, { executor: 'wasm' });
    const results = [];
    for (const name of files) {
      const blob = await (await fetch(name)).blob();
      const bitmap = await createImageBitmap(blob, { premultiplyAlpha: 'none', colorSpaceConversion: 'none' });
      const [file, same] = [await classifier.classify(blob), await classifier.classify(bitmap)];
      results.push({ name, file: file.digest, bitmap: same.digest, exact: file.exact || same.exact });
    }
    classifier.dispose();
    return results;
  }, [MODEL, names]);
  for (const { name, file, bitmap, exact } of found) {
    assert.equal(bitmap, file, name);
    assert.equal(exact, false, `${name}: nothing is promised of another decoder's pixels`);
  }
  // A palette leaves a decoder no choice; of WebP Firefox has the decoder of everybody.
  assert.equal(found[0].file, native[0], 'palette.gif');
  assert.equal(found[1].file, native[1], 'photo.webp');
  console.log(`clear.webp: ${found[2].file === native[2] ? 'equal to' : 'other than'} the native command`);
});
