// The page of scenes in a browser: masks of two models, digests of the native command, times side by side.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { open, ready, says } from './page.mjs';
import { BINARY, real, SITE } from './real.mjs';

const native = JSON.parse(await readFile(`${SITE}/scenes.json`, 'utf8'));
const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

let browser, server, context, page;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await real();
  context = await browser.newContext();
});
afterEach(async () => {
  await context.close();
  await server.close();
});

const digests = () => page.locator('#models code').allTextContents();
const verdicts = () => page.locator('#models .verdict').evaluateAll((all) => all.map((one) => one.dataset.verdict));

/** Does something that changes the answer, and waits for it. */
async function answered(action) {
  const runs = () => page.evaluate(() => Number(document.getElementById('result').dataset.runs ?? 0));
  const before = await runs();
  await action();
  await page.waitForFunction((least) => Number(document.getElementById('result').dataset.runs ?? 0) > least, before);
}

for (const executor of ['wasm', 'webgpu']) {
  test(`each sample has the native digest of both models on ${executor}`, async () => {
    page = await open(context, server, `scenes.html?executor=${executor}`);
    await ready(page);
    await page.waitForSelector('#result[data-runs]');
    for (const [at, image] of native.images.entries()) {
      await answered(() => page.locator('#samples button').nth(at).click());
      assert.deepEqual(await digests(), image.digests);
      assert.deepEqual(await verdicts(), ['equal', 'equal']);
    }
    assert.deepEqual(page.problems, []);
  });
}

test('the masks are those of the native command', async () => {
  page = await open(context, server, 'scenes.html?executor=wasm');
  await ready(page);
  const file = root(`models/${native.images[0].file}`);
  const found = await page.evaluate(async ({ model, image }) => {
    const { load } = await import('./intformer/index.js');
    const segmenter = await load(model, { kind: 'image-segmenter', executor: 'wasm', worker: false });
    const answer = await segmenter.segment(image);
    const refused = await segmenter.classify(image).catch((error) => `${error.name}: ${error.message}`);
    segmenter.dispose();
    return { mask: [...answer.mask], size: [answer.height, answer.width], labels: segmenter.model.labels, refused, digest: answer.digest };
  }, { model: native.models[0].model, image: native.images[0].file });
  const options = ['segment', root(native.models[0].model), file, '--executor', 'reference', '--json', '--quiet'];
  const expected = JSON.parse(execFileSync(BINARY, options, { encoding: 'utf8' })).images[0];
  assert.equal(found.digest, expected.executors[0].digest);
  assert.deepEqual(found.size, [64, 64]);
  for (const { label, share } of expected.classes) {
    const pixels = found.mask.filter((index) => found.labels[index] === label).length;
    assert.equal(pixels / found.mask.length, share, label);
  }
  assert.match(found.refused, /ImageError: Expected a model that classifies, found one that tells the classes of pixels/);
});

test('a picture of one\'s own is shown, the classes can be taken off, and both are measured', async () => {
  page = await open(context, server, 'scenes.html?executor=wasm');
  await ready(page);
  await page.waitForSelector('#result[data-runs]');
  await answered(() => page.setInputFiles('#file', root('models/samples/7.png')));
  assert.deepEqual(await verdicts(), ['none', 'none']);
  await says(page, 'command', /^intformer segment scenes.safetensors 7.png --executor reference --out masks$/);
  await answered(() => page.locator('#samples button').first().click());
  const pixels = () => page.evaluate(() => [...document.querySelector('#models canvas').getContext('2d').getImageData(0, 0, 64, 64).data]);
  const painted = await pixels();
  await page.uncheck('#overlay');
  const plain = await pixels();
  assert.notDeepEqual(painted, plain);
  assert.ok(plain.every((value, at) => at % 4 === 3 || value === plain[at - (at % 4)]), 'the picture is grey');
  await page.click('#measure');
  await says(page, 'measured', /^Medians of 15 runs in turn: whole .*, pruned .* % of the time for .* % of the multiply-adds\.$/);
  await page.setInputFiles('#file', root('web/package.json'));
  await page.waitForFunction(() => document.getElementById('alert').textContent !== '');
  assert.deepEqual(page.problems, []);
});

test('what fails can be tried again', async () => {
  server.fault('/scenes.json', { status: 500 });
  page = await open(context, server, 'scenes.html?executor=nonsense');
  await page.waitForSelector('html[data-state="error"]');
  await says(page, 'alert', /scenes.json: status 500/);
  server.fault('/scenes.json', { times: 0 });
  await page.click('#retry');
  await page.waitForSelector('#models .verdict[data-verdict="equal"]');
});

for (const [name, width, height, scheme] of [['wide', 1280, 900, 'light'], ['narrow', 390, 844, 'dark']]) {
  test(`it is whole and accessible, ${name}`, async () => {
    await context.close();
    context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    page = await open(context, server, 'scenes.html?executor=wasm');
    await ready(page);
    await page.waitForSelector('#models .verdict[data-verdict="equal"]');
    await mkdir(`${SITE}/../screenshots`, { recursive: true });
    await page.screenshot({ path: `${SITE}/../screenshots/scenes-${name}.png`, fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${wide} pixels too wide`);
    // The policy of the page forbids scripts put into it; the debugger may run them.
    await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    const found = await page.evaluate(async () => {
      const { violations } = await axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
    });
    assert.deepEqual(found, []);
  });
}
