// The page when something goes wrong with the model while an image is on its way to it.
import assert from 'node:assert/strict';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { after, native, open, ready, says, shown, started } from './page.mjs';
import { modelBytes, PACKED, real } from './real.mjs';

let browser, server, context, page;

before(async () => {
  browser = await launch({ webgpu: false });
});
afterAll(() => browser.close());
beforeEach(async () => {
  server = await real();
  context = await browser.newContext();
  // Between page and worker: `hold` keeps the next image from the worker, `stops` are workers that end at an image.
  await context.addInitScript(() => {
    Object.assign(globalThis, { hold: false, held: 0, stops: 0 });
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, transfer) {
      const image = message.ask?.ask === 'classify';
      if (image && hold) {
        held += 1;
      } else if (image && stops > 0) {
        stops -= 1;
        queueMicrotask(() => this.dispatchEvent(new ErrorEvent('error', { message: 'unreachable', cancelable: true })));
      } else {
        post.call(this, message, transfer);
      }
    };
  });
  page = await open(context, server);
  page.setDefaultTimeout(10_000);
  await started(page);
});
afterEach(async () => {
  await context.close();
  await server.close();
});
const take = (at) => page.locator('#samples button').nth(at).click();

test('an image that is on its way when another model comes is named by that one', async () => {
  await page.evaluate(() => void (globalThis.hold = true));
  await take(3);
  await page.waitForFunction(() => held === 1);
  await page.evaluate(() => void (globalThis.hold = false));
  const file = { name: 'own.safetensors', mimeType: 'application/octet-stream', buffer: await modelBytes() };
  const { answer, digest, command, alert } = await after(page, () => page.locator('#model-file').setInputFiles(file));
  assert.deepEqual([answer, digest, alert], [native.images[3].label, native.images[3].digest, '']);
  assert.match(command, /classify own\.safetensors /);
  assert.deepEqual(page.problems, []);
});

test('a runtime that stopped is started again by the page, and the image is named', async () => {
  await page.evaluate(() => void (globalThis.stops = 1));
  const { answer, alert, verdict } = await after(page, () => take(2));
  assert.deepEqual([answer, alert, verdict], [native.images[2].label, '', 'equal']);
  await says(page, 'note', /stopped, and the model was loaded again/);
  assert.equal((await after(page, () => take(4))).answer, native.images[4].label);
  assert.deepEqual(page.problems, []);
});

test('one that stops again is said, and tried again by the button', async () => {
  await page.evaluate(() => void (globalThis.stops = 2));
  await take(2);
  await page.waitForSelector('html[data-state="error"]');
  assert.match((await shown(page)).alert, /The worker stopped: unreachable/);
  const { alert, verdict } = await after(page, () => page.locator('#retry').click());
  assert.deepEqual([alert, verdict], ['', 'equal']);
  assert.ok(await page.locator('#retry').isHidden());
  assert.equal((await after(page, () => take(5))).answer, native.images[5].label);
});

test('a model that cannot be loaded again is said, and tried again by the button', async () => {
  await page.evaluate(() => caches.keys().then(() => navigator.storage.getDirectory()).then((root) => root.removeEntry('intformer', { recursive: true })));
  server.fault(PACKED, { status: 404 });
  await page.evaluate(() => void (globalThis.stops = 1));
  await take(2);
  await page.waitForSelector('html[data-state="error"]');
  assert.match((await shown(page)).alert, /404/);
  server.heal();
  const { answer, alert } = await after(page, () => page.locator('#retry').click());
  assert.deepEqual([answer, alert], [native.images[2].label, ''], 'the image that waited has its turn');
});

test('a webcam that is allowed when nobody looks does not start', async () => {
  const live = await page.evaluate(async () => {
    const stream = document.createElement('canvas').captureStream();
    let allow;
    navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => (allow = () => resolve(stream)));
    document.getElementById('webcam').click();
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
    allow();
    await new Promise((done) => setTimeout(done, 300));
    return [stream.getTracks()[0].readyState, document.getElementById('webcam').ariaPressed, document.getElementById('camera').hidden];
  });
  assert.deepEqual(live, ['ended', 'false', true]);
  await ready(page);
  assert.deepEqual(page.problems, []);
});
