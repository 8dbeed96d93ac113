// The page where there is WebGPU, on a software adapter, and where there is none.
import assert from 'node:assert/strict';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { after, first, native, open, ready, says, shown, started } from './page.mjs';
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

/** How the two executors look, and what they say of themselves. */
const look = () => page.evaluate(() => [...document.querySelectorAll('#executors label')].map((label) => ({
  struck: getComputedStyle(label.querySelector('.name')).textDecorationLine.includes('line-through'),
  cursor: getComputedStyle(label).cursor,
  lacks: label.dataset.unavailable,
})));

test('the page starts on WebGPU, says what takes long, and goes on when the device is lost', async () => {
  await begin({}, '?executor=webgpu');
  await says(page, 'progress-text', /Compiling the model's kernels for WebGPU \(.*software adapter: this takes some seconds\)/);
  await started(page);
  const { executor, verdict, digest } = await shown(page);
  assert.deepEqual([executor, verdict, digest], ['webgpu', 'equal', first.digest]);
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
    // Busy neither reads nor looks like missing.
    await says(page, 'executor-busy', /^Busy$/);
    const looks = await look();
    assert.deepEqual(looks.map(({ struck, lacks }) => [struck, lacks]), [[false, 'false'], [false, 'false']]);
    assert.equal(looks[0].cursor, 'progress');
  });
  assert.equal(await page.locator('#executor-busy').textContent(), '');
  assert.deepEqual([moved.executor, moved.verdict, moved.digest], ['webgpu', 'equal', first.digest]);
  assert.equal(await page.evaluate(() => document.activeElement.value), 'webgpu', 'the focus is where it was');
  await says(page, 'adapter', /swiftshader/i);
  // No figure of the executor before is left.
  assert.match(await says(page, 'chart-text', /WebGPU/), /^WebGPU: 1 run, [^:]*$/);
  assert.match(await page.locator('#cold-time').textContent(), /to change: to WebGPU/);
  assert.match(await page.locator('#run-time').textContent(), /, the first$/);
  await after(page, () => page.locator('#samples button').nth(1).click());
  assert.match(await page.locator('#run-time').textContent(), /^[\d.]+ m?s$/);
  await after(page, () => page.locator(`#samples img[src="${first.file}"]`).click());
  const back = await after(page, () => page.locator('#executors input[value=wasm]').check());
  assert.deepEqual([back.executor, back.verdict], ['wasm', 'equal']);
  assert.match(await says(page, 'chart-text', /WASM: 2 runs/), /^WASM: 2 runs, [^:]*$/);
  assert.match(await page.locator('#cold-time').textContent(), /to change: to WASM/);
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
  await says(page, 'webgpu-lacks', /^not available$/);
  assert.deepEqual((await look()).map(({ struck, lacks }) => [struck, lacks]), [[true, 'true'], [false, 'false']]);
  assert.ok(await page.locator('#executors input[value=webgpu]').isEnabled(), 'choosing it says why');
  await page.locator('#executors input[value=webgpu]').click();
  await says(page, 'alert', /WebGPU/);
  await ready(page);
  assert.equal((await shown(page)).executor, 'wasm');
  await page.locator('#compare').click();
  const number = native.images.length;
  await says(page, 'comparison', new RegExp(`^${number} of ${number} digests equal: ${number} images on WASM\\..* WebGPU did not take part: `));
});

test('where auto moves the model to the GPU, the figures of WASM go and the image is named again', async () => {
  browser = await launch({ webgpu: false });
  const context = await browser.newContext();
  // No machine of the tests has a GPU that auto would take: its worker's word is forged, with every answer after it.
  await context.addInitScript(() => {
    globalThis.moved = false;
    const state = (of) => Object.assign(of, { executor: 'webgpu', adapter: { description: 'some GPU', software: false }, fallback: null });
    globalThis.Worker = class extends Worker {
      set onmessage(hear) {
        globalThis.move = () => {
          moved = true;
          hear({ data: { event: 'moved', change: { from: 'wasm', to: 'webgpu', reason: 'It is faster.' }, state: { ...this.state } } });
        };
        super.onmessage = (event) => {
          if (event.data.state) this.state = moved ? state(event.data.state) : state({ ...event.data.state });
          for (const each of moved && Array.isArray(event.data.value) ? event.data.value : []) each.executor = 'webgpu';
          hear(event);
        };
      }
    };
  });
  page = await open(context, server, '');
  await started(page);
  await says(page, 'chart-text', /^WASM: 1 run/);
  const { digest, executor } = await after(page, () => page.evaluate(() => move()));
  assert.deepEqual([digest, executor], [first.digest, 'webgpu']);
  assert.match(await says(page, 'chart-text', /WebGPU/), /^WebGPU: 1 run, [^:]*$/);
  await says(page, 'note', /The model runs on WebGPU now\. It is faster\./);
  assert.match(await page.locator('#cold-time').textContent(), /to WebGPU/);
  assert.match(await page.locator('#run-time').textContent(), /, the first$/);
  assert.equal(await page.locator('#adapter').textContent(), 'some GPU');
});
