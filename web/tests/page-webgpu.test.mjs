// The page where there is WebGPU, on a software adapter, and where there is none.
import assert from 'node:assert/strict';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { after, native, open, ready, says, shown, started } from './page.mjs';
import { real } from './real.mjs';

let server, browser, page;

before(async () => {
  server = await real();
});
afterAll(() => server.close());
beforeEach(() => (browser = undefined));
afterEach(() => browser?.close());

/** Opens the page in a browser of its own. */
async function begin(options, query) {
  browser = await launch(options);
  page = await open(await browser.newContext(), server, query);
}

test('the page starts on WebGPU, says what takes long, and goes on when the device is lost', async () => {
  await begin({}, '');
  await says(page, 'progress-text', /Compiling the model's kernels for WebGPU \(.*software adapter: this takes some seconds\)/);
  await started(page);
  const { executor, verdict, digest } = await shown(page);
  assert.deepEqual([executor, verdict, digest], ['webgpu', 'equal', native.images[0].digest]);
  assert.ok(await page.locator('#software').isVisible());
  await says(page, 'chart-text', /WebGPU: 1 run/);
  assert.deepEqual(page.problems, []);

  const control = await browser.newBrowserCDPSession();
  await control.send('Browser.crashGpuProcess').catch(() => {});
  await page.waitForTimeout(500);
  const later = await after(page, () => page.locator('#samples button').nth(1).click());
  assert.deepEqual([later.verdict, later.alert], ['equal', '']);
  await says(page, 'note', /The GPU device was lost .* The model goes on on/);
});

test('the switch moves the model to the other executor, with the same digests', async () => {
  await begin({}, '?executor=wasm');
  await started(page);
  const moved = await after(page, async () => {
    await page.locator('#executors input[value=webgpu]').check();
    await says(page, 'note', /Compiling the model's kernels/);
    assert.ok(await page.locator('#executors input[value=wasm]').isDisabled());
  });
  assert.deepEqual([moved.executor, moved.verdict, moved.digest], ['webgpu', 'equal', native.images[0].digest]);
  assert.equal(await page.evaluate(() => document.activeElement.value), 'webgpu', 'the focus is where it was');
  await says(page, 'adapter', /swiftshader/i);
  const back = await after(page, () => page.locator('#executors input[value=wasm]').check());
  assert.deepEqual([back.executor, back.verdict], ['wasm', 'equal']);
  await says(page, 'chart-text', /WebGPU: 1 run.* WASM: 2 runs/);
  assert.deepEqual(page.problems, []);
});

test('all samples have equal digests on both executors', async () => {
  await begin({}, '?executor=wasm');
  await started(page);
  await page.locator('#compare').click();
  const number = native.images.length;
  const text = await says(page, 'comparison', /digests equal/);
  assert.ok(text.startsWith(`${2 * number} of ${2 * number} digests equal: ${number} images on WASM and on WebGPU.`), text);
  await ready(page);
  assert.deepEqual(page.problems, []);
});

test('without WebGPU the page says so, runs on WASM, and refuses the switch in a sentence', async () => {
  await begin({ webgpu: false }, '');
  await started(page);
  const { executor, verdict } = await shown(page);
  assert.deepEqual([executor, verdict], ['wasm', 'equal']);
  await says(page, 'fallback', /WebGPU/);
  assert.ok(await page.locator('#fallback').isVisible());
  await page.locator('#executors input[value=webgpu]').click();
  await says(page, 'alert', /WebGPU/);
  await ready(page);
  assert.equal((await shown(page)).executor, 'wasm');
  await page.locator('#compare').click();
  const number = native.images.length;
  await says(page, 'comparison', new RegExp(`^${number} of ${number} digests equal: ${number} images on WASM\\..* WebGPU did not take part: `));
});
