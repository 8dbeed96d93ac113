// What "Save the image" writes gives the digest on the screen, by the native command; and the command that is copied
// runs where the image and the model were saved.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './chromium.mjs';
import { after, L, open, says, scribble, shown, started } from './page.mjs';
import { BINARY, MODEL, modelBytes, nativeDigests, real, SITE } from './real.mjs';
import { CSP, serve } from './server.mjs';

const fixture = (name) => fileURLToPath(new URL(`../../tests/fixtures/images/${name}`, import.meta.url));
const FILES = [
  'rgb.png', 'rgba.png', 'rgba16.png', 'grey16.png', 'la16.png', 'key.png', 'palette.png', 'onebit.png', 'photo.jpg', 'turned.jpg',
  'cmyk.jpg', 'photo.webp', 'clear.webp', 'palette.gif', 'clear.gif', 'rgb.bmp', 'rgba.bmp', 'palette.bmp', 'clear.avif',
].map(fixture);
const TYPES = { png: 'image/png', jpg: 'image/jpeg', webp: 'image/webp', gif: 'image/gif', bmp: 'image/bmp', avif: 'image/avif', svg: 'image/svg+xml' };

let browser, server, folder, context, page;

before(async () => {
  browser = await launch({ webgpu: false, flags: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] });
  server = await real();
});
afterAll(async () => {
  await browser.close();
  await server.close();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'page-save-'));
  context = await browser.newContext();
});
afterEach(async () => {
  await context.close();
  await rm(folder, { recursive: true });
});

async function begin(query, where = server) {
  page = await open(context, where, query);
  await started(page);
}

/** The download that a click on the button begins. */
async function clicked(timeout) {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout }), page.locator('#save').click()]);
  return download;
}

/** Saves the image on show; where it is, and the digest on the screen. */
async function save(count) {
  const { digest } = await shown(page);
  const download = await clicked(20_000).catch((error) => {
    // A browser that is busy begins none once in many runs.
    console.error(`no download: ${error.message}; asked again`);
    return clicked(60_000);
  });
  const file = join(folder, `${count}-${download.suggestedFilename()}`);
  await download.saveAs(file);
  return { digest, file };
}

/** The native command finds in every saved file the digest that was on the screen. */
function sameDigests(saved) {
  const found = nativeDigests(saved.map(({ file }) => file));
  assert.deepEqual(Object.fromEntries(saved.map(({ file }, at) => [basename(file), found[at]])), Object.fromEntries(saved.map(({ file, digest }) => [basename(file), digest])));
}

/** Gives the page a file by each way in that takes files. */
const WAYS = {
  pick: (file) => page.locator('#file').setInputFiles(file),
  drop: async (file) => page.dispatchEvent('main', 'drop', { dataTransfer: await transfer(file) }),
  paste: async (file) => page.evaluate((clipboardData) => {
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, await transfer(file)),
};

const transfer = ({ name, mimeType, buffer }) => page.evaluateHandle(([data, fileName, type]) => {
  const made = new DataTransfer();
  made.items.add(new File([new Uint8Array(data)], fileName, { type }));
  return made;
}, [[...buffer], name, mimeType]);

/** A file as it is on the disk. */
const onDisk = async (path) => ({ name: basename(path), mimeType: TYPES[path.split('.').pop()], buffer: await readFile(path) });

/** A picture larger than what the page shrinks, partly transparent, written by the browser. */
async function large(type, side) {
  const bytes = await page.evaluate(async ([mime, size]) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: size, height: size - 301 });
    const pen = canvas.getContext('2d');
    const colours = pen.createLinearGradient(0, 0, size, size);
    ['#f008', '#0f0f', '#00f3', '#000f'].forEach((colour, at) => colours.addColorStop(at / 3, colour));
    pen.fillStyle = colours;
    pen.fillRect(100, 50, size - 300, size - 500);
    pen.font = `${size / 2}px serif`;
    pen.fillText('R', size / 4, size / 2);
    const file = await new Promise((done) => canvas.toBlob(done, mime, 0.8));
    return [...new Uint8Array(await file.arrayBuffer())];
  }, [type, side]);
  return { name: `large-${side}.${type.split('/')[1]}`, mimeType: type, buffer: Buffer.from(bytes) };
}

for (const [way, give] of Object.entries(WAYS)) {
  test(`${way}: the saved file has the digest on the screen, in every format`, async () => {
    await begin();
    const saved = [];
    for (const path of FILES) {
      const file = await onDisk(path);
      const { alert } = await after(page, () => give(file));
      assert.equal(alert, '', file.name);
      saved.push(await save(saved.length));
    }
    sameDigests(saved);
    assert.deepEqual(page.problems, []);
  });
}

test('a drawing in SVG, where the policy lets pages make pictures of one; elsewhere it is said', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="70"><rect x="9" width="40" height="60" fill="#a0f8"/></svg>';
  const file = { name: 'shape.svg', mimeType: TYPES.svg, buffer: Buffer.from(svg) };
  await begin();
  await WAYS.pick(file);
  await says(page, 'alert', /SVG .*Save it as PNG/);
  const lax = await serve({ root: SITE, csp: CSP.replace('default-src', "img-src 'self' blob:; default-src") });
  try {
    await begin('?executor=wasm', lax);
    const saved = [];
    for (const give of Object.values(WAYS)) {
      assert.equal((await after(page, () => give(file))).alert, '');
      saved.push(await save(saved.length));
    }
    sameDigests(saved);
    assert.deepEqual(page.problems, []);
  } finally {
    await lax.close();
  }
});

test('pictures larger than what the page takes whole', async () => {
  await begin();
  const saved = [];
  for (const [type, side] of [['image/webp', 3001], ['image/webp', 2049], ['image/png', 2500], ['image/jpeg', 2500]]) {
    const file = await large(type, side);
    assert.equal((await after(page, () => WAYS.pick(file))).alert, '');
    saved.push(await save(saved.length));
  }
  sameDigests(saved);
});

test('a drawing, with and without centring, and a sample', async () => {
  await begin();
  const saved = [await save(0)];
  assert.equal(saved[0].digest, (await shown(page)).native);
  await after(page, () => scribble(page, L));
  saved.push(await save(1));
  await after(page, () => page.locator('#centre').uncheck());
  saved.push(await save(2));
  assert.notEqual(saved[1].digest, saved[2].digest);
  for (const at of [0, 5]) {
    await after(page, () => page.locator('#samples button').nth(at).click());
    saved.push(await save(3 + at));
  }
  sameDigests(saved);
});

test('the webcam: the frame that is saved is the one that is named', async () => {
  await begin();
  await page.locator('#webcam').click();
  await says(page, 'camera-text', /images a second/);
  const saved = [];
  for (let at = 0; at < 6; at += 1) {
    // The last one after the webcam is off: an answer may still come.
    if (at === 5) await page.locator('#webcam').click();
    // In one go: answers come all the time.
    const [download, digest] = await Promise.all([page.waitForEvent('download'), page.evaluate(() => {
      document.getElementById('save').click();
      return document.getElementById('digest-here').textContent;
    })]);
    const file = join(folder, `${at}-${download.suggestedFilename()}`);
    await download.saveAs(file);
    saved.push({ digest, file });
    await page.waitForTimeout(200);
  }
  sameDigests(saved);
});

const NAMES = ["it's a \"picture\".webp", '-n.png', '--help me.gif', '$(touch broken) `x`.png', '  two  spaces .jpg', 'a\\b:c*?.png', '.hidden.png', 'Ünïcode 字.png', 'plain.png'];
const MODELS = ['-m.safetensors', "my 'own' model; $HOME.safetensors", '"quoted" model.safetensors'];

test('the command that is copied runs in the folder of the saved files, whatever they are called', async () => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
  await begin();
  const [source, model] = [await readFile(fixture('photo.jpg')), await modelBytes()];
  for (const [at, name] of NAMES.entries()) {
    await after(page, () => WAYS.drop({ name, mimeType: 'image/jpeg', buffer: source }));
    const own = at < MODELS.length ? MODELS[at] : null;
    if (own !== null) await after(page, () => page.locator('#model-file').setInputFiles({ name: own, mimeType: '', buffer: model }));
    else if (await page.locator('#shipped').isVisible()) await after(page, () => page.locator('#shipped').click());
    await runs(own);
  }
});

/** Saves image and model under the names that the browser gives them, and runs what is copied. */
async function runs(ownModel) {
  const place = await mkdtemp(join(folder, 'place-'));
  const { digest } = await shown(page);
  const take = async (id) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator(id).click()]);
    await copyFile(await download.path(), join(place, download.suggestedFilename()));
  };
  await take('#save');
  if (ownModel === null) await take('#save-model');
  else await copyFile(SITE + MODEL, join(place, ownModel));
  assert.equal(await page.locator('#save-model').isVisible(), ownModel === null);
  await page.locator('#copy-command').click();
  await says(page, 'copy-command', /^Copied$/);
  const command = await page.evaluate(() => navigator.clipboard.readText());
  const PATH = `${dirname(BINARY)}${delimiter}${process.env.PATH}`;
  const answer = JSON.parse(execFileSync('bash', ['-c', command], { cwd: place, env: { ...process.env, PATH }, encoding: 'utf8' }));
  assert.equal(answer.images[0].executors[0].digest, digest, command);
}
