// The page without a network, and when there is a newer version of it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { after, native, open, says, shown, started } from './page.mjs';
import { real, SITE } from './real.mjs';

let browser, server, context, page;

before(async () => {
  browser = await launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  server = await real();
  context = await browser.newContext();
  page = await open(context, server);
  await started(page);
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
});
afterEach(async () => {
  await context.close();
  await server.close();
});

test('after the first visit the page works offline', async () => {
  await context.setOffline(true);
  await page.reload();
  await started(page);
  assert.equal((await shown(page)).verdict, 'equal');
  const last = native.images.length - 1;
  const { digest, alert } = await after(page, () => page.locator('#samples button').nth(last).click());
  assert.deepEqual([digest, alert], [native.images[last].digest, '']);
  await says(page, 'cold-time', /from cache/);
  await page.goto(`${server.url}/index.html?executor=wasm`);
  await started(page);
  assert.deepEqual(page.problems, []);
});

test('when the server is gone the page still opens', async () => {
  await server.close();
  await page.reload();
  await started(page);
  assert.equal((await shown(page)).verdict, 'equal');
});

test('a second visit takes no file of the page from the network', async () => {
  const before = server.requests.length;
  await page.reload();
  await started(page);
  const asked = server.requests.slice(before).map((request) => request.path);
  assert.deepEqual(asked.filter((path) => path !== '/files.json' && path !== '/sw.js'), []);
});

test('a newer version of the page is told, and comes by the button', async () => {
  assert.ok(await page.locator('#update').isHidden());
  const files = JSON.parse(await readFile(`${SITE}/files.json`, 'utf8'));
  server.fault('/files.json', { body: Buffer.from(JSON.stringify({ ...files, version: 'newer' })) });
  const style = await readFile(`${SITE}/style.css`, 'utf8');
  server.fault('/style.css', { body: Buffer.from(`${style}\n:root { --version: newer; }\n`) });
  const version = () => page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--version'));
  // Another tab shows the version of before.
  const other = await open(context, server);
  await started(other);
  await page.reload();
  await started(page);
  assert.equal(await version(), '', 'the version of before until the visitor wants the other');
  await Promise.all([other.waitForEvent('load'), page.waitForEvent('load'), page.locator('#reload').click()]);
  await started(page);
  await started(other);
  const there = await other.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--version'));
  assert.equal(there, 'newer', 'no tab goes on with scripts of one version and modules of another');
  assert.equal(await version(), 'newer');
  assert.ok(await page.locator('#update').isHidden());
  const kept = await page.evaluate(() => caches.keys());
  assert.deepEqual(kept.filter((name) => name.startsWith('intformer-page-')).map((name) => name.split(' ')[1]), ['newer']);
  assert.deepEqual(page.problems, []);
});

test('a version that the server has no more is not kept under its name', async () => {
  const [state, kept] = await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.register('sw.js?version=gone');
    const worker = registration.installing;
    await new Promise((done) => {
      worker.onstatechange = () => ['installed', 'activated', 'redundant'].includes(worker.state) && done();
    });
    return [worker.state, (await caches.keys()).filter((name) => name.endsWith(' gone'))];
  });
  assert.deepEqual([state, kept], ['redundant', []]);
});
