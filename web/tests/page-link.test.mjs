// Links to the page: with a model, a sample, a drawing; and what stays on the device.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { after, first, L, native, open, ready, sample, says, scribble, shown, started } from './page.mjs';
import { modelBytes, real, SITE } from './real.mjs';

let browser, server, context, page;

before(async () => {
  browser = await launch({ webgpu: false });
});
afterAll(() => browser.close());
beforeEach(async () => {
  server = await real();
  context = await browser.newContext();
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
});
afterEach(async () => {
  await context.close();
  await server.close();
});

async function begin(query = '') {
  page = await open(context, server, query);
  await started(page);
}

/** Copies a link; the link and what is said of it. */
async function copied() {
  await page.locator('#copy-link').click();
  const told = await says(page, 'note', /Copied a link/);
  return { link: await page.evaluate(() => navigator.clipboard.readText()), told };
}

/** Opens a link as another visitor. */
async function visit(link) {
  const other = await browser.newContext();
  const there = await other.newPage();
  await there.goto(link);
  await started(there);
  return there;
}

test('a link with a model loads it, from the first answer on', async () => {
  server.fault('/other/mine.safetensors', { body: await modelBytes() });
  await begin('?model=other/mine.safetensors');
  const { answer, verdict, alert } = await shown(page);
  assert.deepEqual([answer, verdict, alert], [first.label, 'none', '']);
  await says(page, 'model-info', /^Modelother\/mine\.safetensors/);
  assert.ok(!server.requests.some(({ path }) => path.startsWith('/models/')), 'the shipped model is not loaded for nothing');
  await after(page, () => page.locator('#shipped').click());
  assert.equal(new URL(page.url()).search, '', 'a reload stays with what the visitor chose');
});

for (const [what, query, said] of [
  ['is not there', '?model=none.safetensors', /none\.safetensors, could not be loaded.*404.*own model is used/],
  ['is of another host', '?model=http://localhost:9/x.safetensors', /localhost:9\/x\.safetensors, could not be loaded.*Content-Security-Policy.*own model is used/],
  ['is none', '?model=base.css', /base\.css, could not be loaded\. .*own model is used/],
  ['has no address', '?model=http://', /http:\/\/, could not be loaded\. .*own model is used/],
]) {
  test(`a model that ${what} is said, and the shipped one works`, async () => {
    await begin(query);
    assert.match(await says(page, 'alert', /./), said);
    const { answer, verdict } = await after(page, () => page.locator('#samples button').nth(2).click());
    assert.deepEqual([answer, verdict], [native.images[2].label, 'equal']);
  });
}

test('a link to a sample opens that one; a name that is none is said', async () => {
  await begin();
  await after(page, () => page.locator('#samples button').nth(0).click());
  const { link, told } = await copied();
  assert.equal(link, `${server.url}/?sample=0O`);
  assert.match(told, /this sample/);
  await page.goto(link);
  await started(page);
  assert.equal((await shown(page)).digest, native.images[0].digest);
  await page.goto(`${server.url}/?sample=none`);
  await started(page);
  await says(page, 'alert', /Expected one of the samples 0O, .*none/);
  assert.equal((await shown(page)).answer, first.label);
});

test('a link to a drawing opens the same drawing, to the digest', async () => {
  await begin();
  await after(page, () => scribble(page, [...L, [[0.7, 0.3], [0.7, 0.3]]]));
  for (const centre of [true, false]) {
    if (!centre) await after(page, () => page.locator('#centre').uncheck());
    const { digest } = await shown(page);
    const { link, told } = await copied();
    assert.match(told, /this drawing/);
    assert.ok(link.length < 400, `${link.length} characters`);
    const there = await visit(link);
    const seen = await shown(there);
    assert.deepEqual([seen.digest, seen.alert], [digest, '']);
    assert.equal(await there.locator('#centre').isChecked(), centre);
    // Taken back stroke by stroke.
    await after(there, () => there.locator('#undo').click());
    await there.locator('#undo').click();
    assert.equal((await shown(there)).answer, '…');
    await there.context().close();
  }
});

test('a drawing with a model of an address: both are in the link', async () => {
  server.fault('/other/mine.safetensors', { body: await modelBytes() });
  await begin('?model=other/mine.safetensors');
  const { digest } = await after(page, () => scribble(page, L));
  const { link } = await copied();
  const there = await visit(link);
  assert.equal((await shown(there)).digest, digest);
  await says(there, 'model-info', /^Modelother\/mine\.safetensors/);
  await there.context().close();
});

test('a link to a drawing that is followed in the page draws it; a damaged one is said', async () => {
  await begin();
  await after(page, () => scribble(page, L));
  const { digest } = await shown(page);
  const { link } = await copied();
  await after(page, () => page.locator('#samples button').nth(1).click());
  const { digest: again } = await after(page, () => page.evaluate((address) => void (location.href = address), link));
  assert.equal(again, digest);
  const text = new URL(link).hash.slice('#draw='.length);
  for (const bad of [text.slice(0, -3), `${text}x`, '%%%', 'AAAA', '', 'AQE', 'AQH_____fwA']) {
    await page.evaluate((hash) => void (location.hash = hash), `draw=${bad}`);
    await says(page, 'alert', /link to this drawing is damaged/);
    await page.locator('#dismiss').click();
  }
  assert.deepEqual(page.problems, []);
});

test('a picture and a model file stay on the device, and that is said', async () => {
  await begin();
  await after(page, () => page.locator('#file').setInputFiles(sample('R')));
  const picture = await copied();
  assert.equal(picture.link, `${server.url}/`);
  assert.match(picture.told, /a picture stays on this device/);
  await after(page, async () => page.locator('#model-file').setInputFiles({ name: 'own.safetensors', mimeType: '', buffer: await modelBytes() }));
  await after(page, () => page.locator('#samples button').nth(0).click());
  const model = await copied();
  assert.equal(model.link, `${server.url}/?sample=0O`);
  assert.match(model.told, /Your own model stays on this device/);
});

test('the tags for links name a picture of the announced size; the source is that of the package', async () => {
  await begin();
  const tags = await page.evaluate(() => Object.fromEntries([...document.querySelectorAll('meta[property], meta[name^=twitter]')]
    .map((tag) => [tag.getAttribute('property') ?? tag.name, tag.content])));
  for (const name of ['og:title', 'og:description', 'og:image', 'og:image:alt', 'twitter:card', 'twitter:title', 'twitter:image']) assert.ok(tags[name], name);
  const size = await page.evaluate(async (address) => {
    const image = await createImageBitmap(await (await fetch(address)).blob());
    return [image.width, image.height];
  }, tags['og:image']);
  assert.deepEqual(size.map(String), [tags['og:image:width'], tags['og:image:height']]);
  const bytes = await readFile(`${SITE}/preview.png`);
  assert.ok(bytes.length < 100_000, `${bytes.length} bytes`);
  const { repository } = JSON.parse(await readFile(new URL('../package/package.json', import.meta.url), 'utf8'));
  assert.equal(await page.locator('#source').getAttribute('href'), repository.url.replace(/^git\+|\.git$/g, ''));
  await ready(page);
});
