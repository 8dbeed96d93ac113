// What a visitor does on the page, in Firefox on WASM, under the strict policy and without a complaint.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, saved } from '../firefox.mjs';
import { after, digestOf, native, open, ready, sample, says, shown, started } from '../page.mjs';
import { modelBytes, nativeDigests, real } from '../real.mjs';

const FOLDER = fileURLToPath(new URL('../../../target/web/screenshots/', import.meta.url));
let browser, server, context, page;

before(async () => {
  await mkdir(FOLDER, { recursive: true });
  // The clipboard without the menu in which a person allows it.
  browser = await launch({ preferences: { 'dom.events.testing.asyncClipboard': true } });
});
afterAll(() => browser.close());
beforeEach(async () => {
  server = await real();
});
afterEach(async () => {
  await context.close();
  await server.close();
});

/** Opens the page and waits for the first answer. */
async function begin(query, options = {}) {
  context = await browser.newContext(options);
  page = await open(context, server, query);
  await started(page);
}

/** An L drawn with the mouse. */
async function drawL() {
  await page.locator('#pad').scrollIntoViewIfNeeded();
  const box = await page.locator('#pad').boundingBox();
  const at = (x, y) => page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 8 });
  await at(0.35, 0.2);
  await page.mouse.down();
  await at(0.35, 0.8);
  await at(0.7, 0.8);
  await page.mouse.up();
}

/** The native digest of the sample of a class. */
const expected = (answer) => native.images.find(({ label }) => label === answer)?.digest;

for (const [screen, options] of Object.entries({
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
})) {
  test(`a first visit shows an answer with its native digest, and fits the ${screen}`, async () => {
    await begin('', options);
    const { answer, digest, verdict, bars, executor, alert } = await shown(page);
    assert.deepEqual([digest, verdict, executor, alert], [expected(answer), 'equal', 'wasm', '']);
    assert.equal(bars.length, 5);
    const [screenWidth, wide, width] = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return [innerWidth, scrollWidth, clientWidth];
    });
    assert.equal(screenWidth, options.viewport.width);
    assert.equal(wide, width, 'nothing is wider than the screen');
    assert.equal((await after(page, drawL)).answer, 'L', 'the pad is where the pointer is');
    assert.deepEqual(page.problems, []);
    // After the look at the complaints: a screenshot tries to bring a style of its own, which the policy forbids.
    await page.screenshot({ path: `${FOLDER}firefox-${screen}.png` });
    await page.screenshot({ path: `${FOLDER}firefox-${screen}-whole.png`, fullPage: true });
  });
}

test('every sample has its native digest', async () => {
  await begin();
  const buttons = page.locator('#samples button');
  assert.equal(await buttons.count(), native.images.length);
  for (const [at, image] of native.images.entries()) {
    const { answer, digest, verdict } = await after(page, () => buttons.nth(at).click());
    assert.deepEqual([answer, digest, verdict], [image.label, image.digest, 'equal'], image.file);
  }
  assert.deepEqual(page.problems, []);
});

test('what the mouse and the keyboard draw is named, undone and cleared', async () => {
  await begin();
  const { answer, verdict } = await after(page, drawL);
  assert.deepEqual([answer, verdict], ['L', 'none']);
  await page.locator('#undo').click();
  assert.equal((await shown(page)).answer, '…');
  const pad = page.locator('#pad');
  await pad.focus();
  const press = async (key, times) => {
    for (let at = 0; at < times; at += 1) await page.keyboard.press(key);
  };
  await press('Shift+ArrowUp', 3);
  await press('ArrowLeft', 8);
  const typed = await after(page, async () => {
    await press(' ', 1);
    await press('Shift+ArrowDown', 6);
    await press('Shift+ArrowRight', 4);
    await says(page, 'pen-state', /^Pen down/);
    await press(' ', 1);
  });
  assert.equal(typed.answer, 'L');
  await page.locator('#clear').click();
  assert.deepEqual((await shown(page)).bars, []);
  assert.deepEqual(page.problems, []);
});

test('a picked and a pasted picture have the native digest, and what is no picture is refused in a sentence', async () => {
  await begin();
  const picked = await after(page, () => page.locator('#file').setInputFiles(sample('R')));
  assert.deepEqual([picked.answer, picked.digest], ['R', digestOf('R')]);
  await page.locator('#file').setInputFiles({ name: 'note.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await says(page, 'alert', /.{20,}/);
  // The clipboard of a headless Firefox takes no pictures: the event brings one as the browser would.
  const pasted = await after(page, () => page.evaluate(async () => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([await (await fetch('samples/Z.png')).blob()], 'image.png', { type: 'image/png' }));
    const event = new ClipboardEvent('paste', { bubbles: true, cancelable: true });
    document.body.dispatchEvent(Object.defineProperty(event, 'clipboardData', { value: clipboardData }));
  }));
  assert.deepEqual([pasted.answer, pasted.digest, pasted.alert], ['Z', digestOf('Z'), '']);
  await page.evaluate(() => navigator.clipboard.writeText('no picture'));
  await page.locator('#paste').click();
  await says(page, 'alert', /Expected .*found /);
  assert.deepEqual(page.problems, []);
});

test('the result is copied as JSON', async () => {
  await begin();
  const { digest } = await shown(page);
  await page.locator('#share').click();
  await says(page, 'share', /^Copied$/);
  const result = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual([result.digest, result.native, result.executor], [digest, digest, 'wasm']);
  assert.match(result.userAgent, /Firefox/);
});

test('saved images have the digest on the screen by the native command', async () => {
  await begin();
  const found = [];
  const save = async (what) => {
    const { digest } = await shown(page);
    found.push({ what, digest, file: await saved(page, () => page.locator('#save').click()) });
  };
  await save('the first sample');
  await after(page, () => page.locator('#file').setInputFiles(sample('K')));
  await save('a picked PNG file');
  await after(page, drawL);
  await save('a drawing');
  const digests = nativeDigests(found.map(({ file }) => file));
  for (const [at, { what, digest }] of found.entries()) assert.equal(digests[at], digest, what);
  assert.equal(new Set(digests).size, found.length, 'these are different pictures');
  assert.deepEqual(page.problems, []);
});

test('the switch to WebGPU, which this Firefox has not, is refused in a sentence; the model stays on WASM', async () => {
  await begin();
  assert.equal(await page.evaluate(() => 'gpu' in navigator), false, 'by default there is no WebGPU on this system');
  await page.locator('#executors input[value=webgpu]').click();
  await says(page, 'alert', /This browser has no WebGPU/);
  await ready(page);
  assert.equal((await shown(page)).executor, 'wasm');
  const { verdict, alert } = await after(page, () => page.locator('#samples button').nth(1).click());
  assert.deepEqual([verdict, alert], ['equal', '']);
  assert.deepEqual(page.problems, []);
});

test('a wrong model file shows an error, and the model of before goes on; one of one\'s own is taken', async () => {
  await begin();
  const file = { name: 'own.safetensors', mimeType: 'application/octet-stream', buffer: await modelBytes() };
  await page.locator('#model-file').setInputFiles({ ...file, name: 'bad.safetensors', buffer: file.buffer.subarray(0, 5000) });
  await says(page, 'alert', /.{20,}/);
  await ready(page);
  const last = native.images.length - 1;
  const { digest } = await after(page, () => page.locator('#samples button').nth(last).click());
  assert.equal(digest, native.images[last].digest);
  const own = await after(page, () => page.locator('#model-file').setInputFiles(file));
  assert.deepEqual([own.digest, own.verdict], [native.images[last].digest, 'none']);
  assert.deepEqual(page.problems, []);
});

test('after the first visit the page opens offline, and when the server is gone', async () => {
  await begin();
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
  // What keeps the page for later starts after the first answer.
  await page.waitForFunction(async () => (await caches.keys()).some((name) => name.startsWith('intformer-page-')));
  await context.setOffline(true);
  await page.reload();
  await started(page);
  assert.equal(await page.evaluate(() => navigator.onLine), false);
  assert.equal((await shown(page)).verdict, 'equal');
  await says(page, 'cold-time', /from cache/);
  await context.setOffline(false);
  await server.close();
  await page.reload();
  await started(page);
  const { digest } = await after(page, () => page.locator('#samples button').nth(1).click());
  assert.equal(digest, native.images[1].digest);
  assert.deepEqual(page.problems, []);
});
