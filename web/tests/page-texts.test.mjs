// The page of texts in a browser: classes, nearest lines, digests of the native command, without a network.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { open, ready, says } from './page.mjs';
import { BINARY, real, SITE } from './real.mjs';

const native = JSON.parse(await readFile(`${SITE}/texts.json`, 'utf8'));
const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const ENCODER = root('tests/fixtures/models/encoder.safetensors');

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

const text = (id) => page.locator(`#${id}`).textContent();
const verdict = () => page.locator('#verdict').getAttribute('data-verdict');

/** Does something that changes the answer, and waits for it. */
async function answered(action) {
  const runs = () => page.evaluate(() => Number(document.getElementById('result').dataset.runs ?? 0));
  const before = await runs();
  await action();
  await page.waitForFunction((least) => Number(document.getElementById('result').dataset.runs ?? 0) > least, before);
}

for (const executor of ['wasm', 'webgpu']) {
  test(`each sample has the native class and digest on ${executor}`, async () => {
    page = await open(context, server, `texts.html?executor=${executor}`);
    await ready(page);
    for (const sample of native.texts) {
      await answered(() => page.fill('#text', sample.text));
      await page.waitForFunction((digest) => document.getElementById('digest-here').textContent === digest, sample.digest);
      assert.deepEqual([await text('answer'), await verdict()], [sample.label, 'equal']);
    }
    assert.deepEqual(page.problems, []);
  });
}

test('what is typed is answered, and the command has it quoted', async () => {
  page = await open(context, server, 'texts.html?executor=wasm');
  await ready(page);
  await answered(() => page.fill('#text', "Where's the nearest library?"));
  assert.equal(await text('answer'), 'location');
  assert.equal(await verdict(), 'none');
  const command = await text('command');
  assert.equal(command, `intformer classify questions.safetensors --text 'Where'\\''s the nearest library?' --executor reference --json`);
  const found = JSON.parse(execFileSync('sh', ['-c', command.replace(/^intformer/, `'${BINARY}'`)], { cwd: root('models'), encoding: 'utf8' }));
  assert.equal(await text('digest-here'), found.texts[0].executors[0].digest);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.click('#copy-command');
  await page.waitForFunction(() => document.getElementById('note').textContent !== '');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), command);
  assert.equal(await text('alert'), '');
  await answered(() => page.fill('#text', '-5 degrees in Vienna?'));
  assert.match(await text('command'), / --text='-5 degrees/);
  // Nothing, then far too much.
  await page.fill('#text', '');
  await says(page, 'tokens', /Nothing is written/);
  await answered(() => page.fill('#text', 'why '.repeat(500)));
  await says(page, 'tokens', /^64 tokens; 438 more are not seen$/);
  assert.deepEqual(page.problems, []);
});

test('a model that embeds finds the nearest lines; pictures are refused', async () => {
  page = await open(context, server, 'texts.html?executor=wasm');
  await ready(page);
  await page.setInputFiles('#model-file', root('models/glyphs.safetensors'));
  await says(page, 'alert', /takes pictures/);
  await page.setInputFiles('#model-file', root('web/package.json'));
  await page.waitForFunction(() => /package.json|expected|Expected/.test(document.getElementById('alert').textContent));
  await page.setInputFiles('#model-file', ENCODER);
  await page.waitForSelector('#compared:not([hidden])');
  await ready(page);
  await answered(() => page.fill('#lines', 'a b c\n\nthe quick brown fox\nhello'));
  await answered(() => page.fill('#text', 'hello'));
  assert.equal(await text('answer'), 'hello');
  assert.equal(await page.locator('#top li').count(), 3);
  assert.equal(await page.locator('#top li .percent').first().textContent(), '1.000');
  const options = ['embed', ENCODER, '--text', 'hello', '--executor', 'reference', '--json', '--quiet'];
  const expected = JSON.parse(execFileSync(BINARY, options, { encoding: 'utf8' }));
  assert.equal(await text('digest-here'), expected.digests[0]);
  await answered(() => page.click('#shipped'));
  assert.equal(await page.locator('#compared').isHidden(), true);
  assert.deepEqual(page.problems, []);
});

test('what fails can be tried again, and the latest of two models stays', async () => {
  server.fault('/texts.json', { status: 500 });
  page = await open(context, server, 'texts.html?executor=nonsense');
  await page.waitForSelector('html[data-state="error"]');
  await says(page, 'alert', /texts.json: status 500/);
  assert.equal(await text('shipped'), 'Try again');
  server.fault('/texts.json', { times: 0 });
  await page.click('#shipped');
  await page.waitForSelector('#verdict[data-verdict="equal"]');
  // The shipped one would come after the other, which is opened later.
  server.fault('/models/questions.safetensors.gz', { trickle: { bytes: 20_000, milliseconds: 50 } });
  await page.setInputFiles('#model-file', ENCODER);
  await page.waitForSelector('#compared:not([hidden])');
  await page.click('#shipped');
  await page.setInputFiles('#model-file', ENCODER);
  await ready(page);
  await answered(() => page.fill('#text', 'hello'));
  assert.equal(await page.locator('#compared').isHidden(), false);
  assert.equal(await page.locator('#save').isHidden(), true);
});

test('after a visit it works without a network, and the two pages lead to each other', async () => {
  page = await open(context, server, '?executor=wasm');
  await ready(page);
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
  await page.click('nav a[href="texts.html"]');
  await ready(page);
  await page.waitForSelector('#result[data-runs]');
  await context.setOffline(true);
  await page.reload();
  await ready(page);
  await page.waitForSelector('#verdict[data-verdict="equal"]');
  await page.goto(`${server.url}/texts.html?executor=wasm`);
  await page.waitForSelector('#verdict[data-verdict="equal"]');
  await page.click('nav a[href="./"]');
  await ready(page);
  assert.deepEqual(page.problems, []);
});

for (const [name, width, height, scheme] of [['wide', 1280, 900, 'light'], ['narrow', 390, 844, 'dark']]) {
  test(`it is whole and accessible, ${name}`, async () => {
    await context.close();
    context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    page = await open(context, server, 'texts.html?executor=wasm');
    await ready(page);
    await page.waitForSelector('#verdict[data-verdict="equal"]');
    await mkdir(`${SITE}/../screenshots`, { recursive: true });
    await page.screenshot({ path: `${SITE}/../screenshots/texts-${name}.png`, fullPage: true });
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
