// What a first visit shows: a plain answer, what the model knows, what it sees; and what a second visit finds again.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { transform } from 'esbuild';
import { launch } from './chromium.mjs';
import { after, first, native, open, ready, says, scribble, shown, started } from './page.mjs';
import { MODEL, modelBytes, real } from './real.mjs';

let browser, server, context, page;

before(async () => {
  browser = await launch({ webgpu: false });
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

async function begin(query) {
  page = await open(context, server, query);
  await started(page);
}

test('it starts with a plain A, says what the model knows, and that the answer equals the native one', async () => {
  await begin();
  const { answer, verdict, bars } = await shown(page);
  assert.deepEqual([answer, verdict], ['A', 'equal']);
  assert.ok(Number(/(\d+\.\d) %/.exec(bars[0])[1]) > 80, bars[0]);
  assert.match(await page.locator('.lead').textContent(), /capital letter or a digit/);
  assert.equal(await says(page, 'standing', /./), 'Equal to the native command');
  const [said, named] = [await page.locator('#standing').boundingBox(), await page.locator('#answer').boundingBox()];
  assert.ok(Math.abs(said.y - (named.y + named.height)) < 20 && said.x === named.x, 'beside the answer');
});

/** Characters as lines in a square of side 1. */
const CHARACTERS = {
  A: [[[0, 1], [0.4, 0], [0.8, 1]], [[0.15, 0.65], [0.65, 0.65]]],
  4: [[[0.5, 1], [0.5, 0], [0, 0.68], [0.7, 0.68]]],
  W: [[[0, 0], [0.25, 1], [0.5, 0.2], [0.75, 1], [1, 0]]],
  K: [[[0, 0], [0, 1]], [[0.65, 0], [0, 0.55]], [[0.2, 0.4], [0.7, 1]]],
};

test('what is drawn small and in a corner is centred and scaled, which is shown; a switch turns it off', async () => {
  await begin();
  const small = (lines) => lines.map((line) => line.map(([x, y]) => [0.08 + 0.2 * x, 0.08 + 0.2 * y]));
  for (const [name, lines] of Object.entries(CHARACTERS)) {
    const { answer } = await after(page, () => scribble(page, small(lines)));
    assert.equal(answer, name);
    const box = await seen();
    assert.ok(Math.abs(box.height - 0.65) < 0.03, `as high as in training: ${box.height}`);
    assert.ok(Math.abs(box.left - box.right) < 0.03 && Math.abs(box.top - box.bottom) < 0.03, 'in the middle');
    await page.locator('#clear').click();
  }
  await after(page, () => scribble(page, small(CHARACTERS.A)));
  const { digest } = await after(page, () => page.locator('#centre').uncheck());
  const box = await seen();
  assert.ok(box.left < 0.1 && box.right > 0.6, 'as it was drawn');
  assert.notEqual((await after(page, () => page.locator('#centre').check())).digest, digest);
});

/** The margins around the ink of what is shown beside the answer, and its height. */
const seen = () => page.evaluate(async () => {
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)));
  const { width, height } = document.getElementById('preview');
  const { data } = document.getElementById('preview').getContext('2d').getImageData(0, 0, width, height);
  const [xs, ys] = [[], []];
  for (let at = 0; at < data.length; at += 4) if (data[at] < 128) (xs.push((at / 4) % width), ys.push(Math.floor(at / 4 / width)));
  const [left, right, top, bottom] = [Math.min(...xs) / width, 1 - (Math.max(...xs) + 1) / width, Math.min(...ys) / height, 1 - (Math.max(...ys) + 1) / height];
  return { left, right, top, bottom, height: 1 - top - bottom };
});

test('a class of two characters is explained', async () => {
  await begin();
  assert.equal(await page.locator('#explain').textContent(), '');
  const at = native.images.findIndex((image) => image.label === '0O');
  await after(page, () => page.locator('#samples button').nth(at).click());
  assert.equal(await page.locator('#explain').textContent(), '0 and O look alike: for this model they are one class, 0O.');
});

/** A picture that the browser draws: its file. */
async function drawn(recipe) {
  const bytes = await page.evaluate(async (code) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 90, height: 90 });
    const pen = canvas.getContext('2d');
    if (code === 'grey') {
      pen.fillStyle = '#777';
      pen.fillRect(0, 0, 90, 90);
    } else {
      // Noise of the same kind every time.
      const noise = pen.createImageData(90, 90);
      for (let at = 0, seed = 1; at < noise.data.length; at += 1) {
        seed = (seed * 16807) % 2147483647;
        noise.data[at] = at % 4 === 3 ? 255 : seed % 256;
      }
      pen.putImageData(noise, 0, 0);
    }
    return [...new Uint8Array(await (await new Promise((done) => canvas.toBlob(done))).arrayBuffer())];
  }, recipe);
  return { name: `${recipe}.png`, mimeType: 'image/png', buffer: Buffer.from(bytes) };
}

test('a picture of one colour and one of noise get no proud answer', async () => {
  await begin();
  const proud = await page.evaluate(() => getComputedStyle(document.querySelector('.bars .fill')).backgroundColor);
  for (const [recipe, said] of [['grey', /one colour/], ['noise', /unlike/]]) {
    const { answer, standing, bars } = await after(page, async () => page.locator('#file').setInputFiles(await drawn(recipe)));
    assert.deepEqual([answer, standing, bars.length], ['Probably none of these', 'doubtful', 5], recipe);
    assert.match(await page.locator('#standing').textContent(), said);
    const fill = await page.evaluate(() => getComputedStyle(document.querySelector('.bars .fill')).backgroundColor);
    assert.notEqual(fill, proud);
    await says(page, 'spoken', new RegExp(`Probably none of these\\. .*${said.source}`));
  }
  const { standing } = await after(page, () => page.locator('#samples button').nth(1).click());
  assert.equal(standing, 'current');
});

test('what was done to a picture is said', async () => {
  await begin();
  // Two pictures of a pixel each, black and white.
  const frame = [0x21, 0xf9, 4, 0, 10, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
  const gif = [...Buffer.from('GIF89a'), 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, ...frame, ...frame, 0x3b];
  await after(page, () => page.locator('#file').setInputFiles({ name: 'two.gif', mimeType: 'image/gif', buffer: Buffer.from(gif) }));
  assert.match(await page.locator('#explain').textContent(), /animated: its first picture/);
});

test('names of classes: numbers where there are none, no explanation where a name is a word', async () => {
  const { code } = await transform(await readFile(new URL('../demo/src/labels.ts', import.meta.url)), { loader: 'ts' });
  const { explained, label } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const letters = ['0O', '1I', 'A', 'B', 'C'];
  assert.equal(label(7, []), 'class 7');
  assert.match(explained(7, []), /no names: the number/);
  assert.match(explained(1, letters), /^1 and I look alike/);
  assert.deepEqual([explained(2, letters), explained(0, ['cat', 'dog']), explained(0, ['0O', 'cat', 'dog'])], ['', '', '']);
});

test('a model of one\'s own is there again after a reload, until one goes back', async () => {
  await begin();
  const file = { name: 'my own é.safetensors', mimeType: '', buffer: await modelBytes() };
  await after(page, () => page.locator('#model-file').setInputFiles(file));
  await says(page, 'cached', /my own é\.safetensors\d{3} kB, your own/);
  const again = async () => {
    await page.reload();
    await started(page);
    return page.locator('#model-info').textContent();
  };
  assert.match(await again(), /^Modelmy own é\.safetensors/);
  server.fault('/other/mine.safetensors', { body: file.buffer });
  await page.locator('#model-url').fill('other/mine.safetensors');
  await after(page, () => page.locator('#model-load').click());
  assert.match(await again(), /^Modelother\/mine\.safetensors/);
  await after(page, () => page.locator('#shipped').click());
  assert.match(await again(), /^Modelmodels\/glyphs\.safetensors/);
  assert.deepEqual(page.problems, []);
});

test('removing says what it breaks, before and after', async () => {
  await begin();
  await says(page, 'clear-help', /does not start offline\.$/);
  await after(page, async () => page.locator('#model-file').setInputFiles({ name: 'own.safetensors', mimeType: '', buffer: await modelBytes() }));
  await says(page, 'clear-help', /does not start offline\. own\.safetensors has to be opened again\.$/);
  await page.locator('#clear-cache').click();
  await says(page, 'note', /Removed/);
  assert.equal(await page.locator('#cached li').count(), 0);
  assert.ok(await page.locator('#clear-cache').isHidden());
  await page.reload();
  await started(page);
  await says(page, 'model-info', /^Modelmodels\/glyphs/);
});

test('a kept model that is of no use is said, and the page starts with its own', async () => {
  await begin();
  server.fault('/gone.safetensors', { body: await modelBytes() });
  await page.locator('#model-url').fill('gone.safetensors');
  await after(page, () => page.locator('#model-load').click());
  await page.evaluate(async () => {
    const { cache } = await import('./intformer/index.js');
    await cache.clear();
  });
  server.fault('/gone.safetensors', { status: 404 });
  await page.reload();
  await started(page);
  const { alert, answer, verdict } = await shown(page);
  assert.match(alert, /Your model gone\.safetensors, .*404/);
  assert.deepEqual([answer, verdict], [first.label, 'equal']);
});

test('hints of keyboard, dropping and Ctrl+V are for those who have them', async () => {
  await begin();
  for (const hint of await page.locator('.with-keyboard').all()) assert.ok(await hint.isVisible());
  assert.equal(await page.locator('.with-keyboard').count(), 2);
  const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  page = await open(phone, server);
  await started(page);
  for (const hint of await page.locator('.with-keyboard').all()) assert.ok(await hint.isHidden());
  assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /Ctrl|drop|arrow key/i);
  await phone.close();
});

/** Pastes text anywhere on the page. */
const paste = (text) => page.evaluate((pasted) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', pasted);
  document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}, text);

test('pasted text has an answer: an address is shown, other text gets a sentence', async () => {
  await begin();
  const { answer, command } = await after(page, () => paste(` ${server.url}/samples/R.png\n`));
  assert.equal(answer, 'R');
  assert.match(command, / R\.png /);
  await paste(`${server.url}/samples/none.png`);
  await says(page, 'alert', /none\.png cannot be fetched: the server answered 404/);
  await paste('http://localhost:9/elsewhere.png');
  await says(page, 'alert', /elsewhere\.png cannot be fetched\. .*another host/);
  await paste('Hello <b>world</b>');
  assert.match(await says(page, 'alert', /Expected a picture/), /found the text “Hello <b>world<\/b>”/);
  assert.equal((await shown(page)).standing, 'former');
  const model = await after(page, () => paste(server.url + MODEL));
  assert.match(model.command, /classify glyphs\.safetensors R\.png/);
  await ready(page);
  // What is pasted into the field is the field's.
  await page.locator('#model-url').focus();
  await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', 'models/x.safetensors');
    document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  });
  assert.equal((await shown(page)).alert, '');
});

test('an address that is dropped is shown', async () => {
  await begin();
  const dataTransfer = await page.evaluateHandle((address) => {
    const made = new DataTransfer();
    made.setData('text/uri-list', address);
    return made;
  }, `${server.url}/samples/Z.png`);
  const { answer } = await after(page, () => page.dispatchEvent('main', 'drop', { dataTransfer }));
  assert.equal(answer, 'Z');
});
