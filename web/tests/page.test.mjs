// What a visitor can do on the page, in headless Chromium on WASM, under the strict policy and without a complaint.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { after, digestOf, first, L, native, open, ready, sample, says, scribble, shown, started } from './page.mjs';
import { MODEL, modelBytes, PACKED, real, SITE } from './real.mjs';

let browser, server, context, page;

before(async () => {
  browser = await launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  server = await real();
  context = await browser.newContext();
});
afterEach(async () => {
  await context.close();
  await server.close();
});

/** Opens the page and waits for the first sample. */
async function begin() {
  page = await open(context, server);
  await started(page);
}

test('the first sample is named at once, with five bars and the native digest', async () => {
  await begin();
  const { answer, digest, verdict, bars, command, alert } = await shown(page);
  assert.deepEqual([answer, digest, verdict, alert], [first.label, first.digest, 'equal', '']);
  assert.equal(bars.length, 5);
  assert.match(bars[0], /\d\.\d %$/);
  assert.equal(command, 'intformer classify glyphs.safetensors A.png --executor reference --json');
  for (const id of ['run-time', 'decode-time', 'cold-time']) assert.match(await says(page, id, /\d/), /\d m?s/);
  await says(page, 'chart-text', /WASM: 1 run, median .*fastest .*slowest/);
  await says(page, 'memory', /WASM memory/);
  await says(page, 'spoken', new RegExp(`${first.label}, \\d`));
  assert.deepEqual(page.problems, []);
});

test('every sample has its native digest', async () => {
  await begin();
  for (const [at, image] of native.images.entries()) {
    const button = page.locator('#samples button').nth(at);
    const { answer, digest, verdict } = await after(page, () => button.click());
    assert.deepEqual([answer, digest, verdict], [image.label, image.digest, 'equal'], image.file);
    assert.equal(await button.getAttribute('aria-pressed'), 'true');
  }
  assert.deepEqual(page.problems, []);
});

const drawL = () => scribble(page, L);

test('what the mouse draws is named, undone and cleared', async () => {
  await begin();
  assert.ok(await page.locator('#undo').isDisabled());
  const { answer, verdict } = await after(page, drawL);
  assert.deepEqual([answer, verdict], ['L', 'none']);
  await says(page, 'verdict', /Save the image/);
  await page.locator('#undo').click();
  assert.equal((await shown(page)).answer, '…');
  await after(page, drawL);
  await page.locator('#clear').click();
  assert.deepEqual((await shown(page)).bars, []);
  assert.deepEqual(page.problems, []);
});

test('what the keyboard draws is named, and the pen is announced', async () => {
  await begin();
  const pad = page.locator('#pad');
  await pad.focus();
  const press = async (key, times) => {
    for (let at = 0; at < times; at += 1) await page.keyboard.press(key);
  };
  await press('Shift+ArrowUp', 3);
  await press('ArrowLeft', 8);
  await says(page, 'pen-state', /^Pen up, 33 % from the left, 24 % from the top/);
  const { answer } = await after(page, async () => {
    await press(' ', 1);
    await press('Shift+ArrowDown', 6);
    await press('Shift+ArrowRight', 4);
    await says(page, 'pen-state', /^Pen down/);
    await press(' ', 1);
  });
  await says(page, 'pen-state', /^Pen up/);
  assert.equal(answer, 'L');
  await press('Delete', 1);
  assert.equal((await shown(page)).answer, '…');
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => document.activeElement.id), 'pad', 'Tab leaves the drawing area');
});

/** A file as it is dropped or pasted. */
async function transfer(where, path) {
  return where.evaluateHandle(([data, name]) => {
    const made = new DataTransfer();
    made.items.add(new File([new Uint8Array(data)], name, { type: name.endsWith('.png') ? 'image/png' : '' }));
    return made;
  }, [[...await readFile(path)], basename(path)]);
}

test('a picked, a dropped and a pasted file have the native digest', async () => {
  await begin();
  const picked = await after(page, () => page.locator('#file').setInputFiles(sample('R')));
  assert.deepEqual([picked.answer, picked.digest, picked.verdict], ['R', digestOf('R'), 'none']);
  assert.match(picked.command, / R\.png /);

  const dataTransfer = await transfer(page, sample('K'));
  await page.dispatchEvent('main', 'dragenter', { dataTransfer });
  assert.ok(await page.locator('#drop').isVisible());
  const dropped = await after(page, () => page.dispatchEvent('main', 'drop', { dataTransfer }));
  assert.equal(dropped.digest, digestOf('K'));
  assert.ok(await page.locator('#drop').isHidden());

  const pasted = await after(page, async () => page.evaluate((clipboardData) => {
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, await transfer(page, sample('Z'))));
  assert.equal(pasted.digest, digestOf('Z'));
  assert.deepEqual(page.problems, []);
});

test('the button pastes a picture, and says what to do without one', async () => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
  await begin();
  await page.evaluate(() => navigator.clipboard.writeText('no picture'));
  await page.locator('#paste').click();
  await says(page, 'alert', /Expected a picture, .*found the text “no picture”/);
  await page.evaluate(async () => {
    const png = await (await fetch('samples/G.png')).blob();
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
  });
  const { answer, alert } = await after(page, () => page.locator('#paste').click());
  assert.deepEqual([answer, alert], ['G', '']);
});

test('a file that is no image is refused in a sentence, and the page goes on', async () => {
  await begin();
  await page.locator('#file').setInputFiles({ name: 'note.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await says(page, 'alert', /.{20,}/);
  const { answer, alert } = await after(page, () => page.locator('#file').setInputFiles(sample('M')));
  assert.deepEqual([answer, alert], ['M', '']);
});

test('the result is copied as JSON', async () => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
  await begin();
  await page.locator('#share').click();
  await says(page, 'share', /^Copied$/);
  const result = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual([result.label, result.digest, result.native], [first.label, first.digest, first.digest]);
  assert.deepEqual([result.executor, result.top.length, result.model.digest], ['wasm', 5, native.digest]);
  await page.locator('#copy-command').click();
  await says(page, 'copy-command', /^Copied$/);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), (await shown(page)).command);
});

test('a model of one\'s own: by file, by address, a bad one, and back', async () => {
  await begin();
  server.fault('/other/mine.safetensors', { body: await modelBytes() });
  const file = { name: 'own.safetensors', mimeType: 'application/octet-stream', buffer: await modelBytes() };
  const own = await after(page, () => page.locator('#model-file').setInputFiles(file));
  assert.deepEqual([own.answer, own.verdict, own.native], [first.label, 'none', 'not known for this image']);
  assert.match(own.command, /classify own\.safetensors /);
  await says(page, 'model-info', /own\.safetensors.*Classes34/);

  await page.locator('#model-file').setInputFiles({ ...file, name: 'bad.safetensors', buffer: file.buffer.subarray(0, 5000) });
  await says(page, 'alert', /.{20,}/);
  await ready(page);
  await says(page, 'model-info', /own\.safetensors/);
  assert.equal((await after(page, () => page.locator('#samples button').nth(3).click())).answer, native.images[3].label);

  await page.locator('#model-url').fill('other/mine.safetensors');
  const byAddress = await after(page, () => page.locator('#model-load').click());
  assert.match(byAddress.command, /classify mine\.safetensors /);
  const size = Math.round(file.buffer.length / 1000);
  await says(page, 'cached', new RegExp(`mine\\.safetensors${size} kB`));

  await page.locator('#model-url').fill('nothing/here.safetensors');
  await page.keyboard.press('Enter');
  await says(page, 'alert', /404/);
  await ready(page);
  const back = await after(page, () => page.locator('#shipped').click());
  assert.deepEqual([back.verdict, back.alert], ['equal', '']);
  assert.ok(await page.locator('#shipped').isHidden());
  assert.deepEqual(page.problems.filter((problem) => !/status of 404/.test(problem)), []);
});

test('a model that is dropped is loaded', async () => {
  await begin();
  const dataTransfer = await transfer(page, SITE + MODEL);
  const { command, verdict } = await after(page, () => page.dispatchEvent('main', 'drop', { dataTransfer }));
  assert.match(command, /classify glyphs\.safetensors /);
  assert.equal(verdict, 'none');
  assert.ok(await page.locator('#shipped').isVisible());
});

test('a slow model can be cancelled', async () => {
  await begin();
  server.fault('/slow.safetensors', { body: await modelBytes(), trickle: { bytes: 1000, milliseconds: 50 } });
  await page.locator('#model-url').fill('slow.safetensors');
  await page.locator('#model-load').click();
  await says(page, 'note', /Loading: .* of /);
  await page.locator('#cancel').click();
  await ready(page);
  const { alert, verdict } = await after(page, () => page.locator('#samples button').nth(1).click());
  assert.deepEqual([alert, verdict], ['', 'equal']);
});

test('a load that failed is said, and tried again by the button', async () => {
  server.fault(PACKED, { status: 500 });
  page = await open(context, server);
  await page.waitForSelector('html[data-state="error"]');
  assert.match((await shown(page)).alert, /500/);
  server.heal();
  const { answer, alert } = await after(page, () => page.locator('#retry').click());
  assert.deepEqual([answer, alert], [first.label, '']);
  assert.ok(await page.locator('#retry').isHidden());
});

test('progress names the exact total, and a second visit says that the model is from the cache', async () => {
  server.fault(PACKED, { trickle: { bytes: 100_000, milliseconds: 100 } });
  page = await open(context, server);
  await says(page, 'progress-text', /Loading: [\d.]+ [kM]B of \d\.\d MB/);
  await started(page);
  server.fault(PACKED, {});
  await page.reload();
  await started(page);
  await says(page, 'cold-time', /from cache/);
  await says(page, 'cached', /glyphs\.safetensors/);
  await page.locator('#clear-cache').click();
  await page.waitForFunction(() => document.getElementById('cached').children.length === 0);
});

test('without a webcam the page says so', async () => {
  await begin();
  await page.locator('#webcam').click();
  await says(page, 'alert', /webcam/);
  assert.equal(await page.locator('#webcam').getAttribute('aria-pressed'), 'false');
});

test('the webcam is classified until it is stopped', async () => {
  const flags = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
  const withCamera = await launch({ webgpu: false, flags });
  try {
    page = await open(await withCamera.newContext({ permissions: ['camera'] }), server);
    await started(page);
    await page.locator('#webcam').click();
    await says(page, 'camera-text', /^\d+\.\d images a second$/);
    assert.ok(await page.locator('#camera').isVisible());
    await says(page, 'spoken', /^Webcam: /);
    await page.locator('#webcam').click();
    assert.ok(await page.locator('#camera').isHidden());
    await ready(page);
    await page.locator('#webcam').click();
    await says(page, 'camera-text', /images a second/);
    // Another image ends the webcam as well.
    await page.locator('#samples button').nth(2).click();
    await page.waitForSelector('#camera', { state: 'hidden' });
    await says(page, 'answer', new RegExp(`^${native.images[2].label}$`));
    assert.deepEqual(page.problems, []);
  } finally {
    await withCamera.close();
  }
});

test('a file that is a model of another kind is told from a picture, packed models are taken', async () => {
  await begin();
  const cases = [
    ['weights.pth', Buffer.from('PK\x03\x04zip'), /PyTorch.*intformer quantize/],
    ['model.safetensors', Buffer.from('<!doctype html>'), /page of HTML/],
    ['model.gguf', Buffer.from('GGUF\x03'), /GGUF/],
    ['a.safetensors.gz', Buffer.from('not packed at all'), /something else/],
  ];
  for (const [name, buffer, expected] of cases) {
    await page.locator('#file').setInputFiles({ name, mimeType: '', buffer });
    await says(page, 'alert', expected);
  }
  const buffer = await readFile(`${SITE}/models/glyphs.safetensors.gz`);
  await page.locator('#file').setInputFiles({ name: 'own.safetensors.gz', mimeType: 'application/gzip', buffer });
  await page.waitForFunction(() => document.getElementById('model-info').textContent.includes('own.safetensors.gz'));
  assert.equal(await page.locator('#alert').textContent(), '');
});
