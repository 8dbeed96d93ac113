// A first visit to the page, measured: requests, bytes, and when the visitor sees something. By hand, a table of it:
//
//   node web/tests/visit.mjs            (SITE=folder for another build)
import { pathToFileURL } from 'node:url';
import { launch } from './chromium.mjs';
import { serve, SLOW } from './server.mjs';
import { SITE } from './real.mjs';

/**
 * Visits the page for the first time, in a browser with nothing kept.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {{ line?: typeof SLOW | null, brotli?: boolean }} [options] the server's
 */
export async function firstVisit(browser, options = {}) {
  const server = await serve({ root: SITE, ...options });
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    await page.addInitScript(observe);
    await page.goto(`${server.url}/`, { waitUntil: 'commit' });
    await page.waitForFunction(() => globalThis.visit?.answer !== undefined);
    const { paint, answer, at } = await page.evaluate(() => globalThis.visit);
    const verdict = await page.locator('#verdict').getAttribute('data-verdict');
    await settled(page, server);
    const { requests } = server;
    return { paint, answer, verdict, answered: total(requests.filter((request) => request.at <= at)), all: total(requests), requests };
  } finally {
    await context.close();
    await server.close();
  }
}

/** Notes in the page when something is painted and when the first answer is there. */
function observe() {
  const visit = (globalThis.visit = {});
  new PerformanceObserver((list) => {
    const paint = list.getEntries().find(({ name }) => name === 'first-contentful-paint');
    if (paint !== undefined) visit.paint = paint.startTime;
  }).observe({ type: 'paint', buffered: true });
  new MutationObserver(() => {
    if (document.querySelector('#result[data-runs]') === null || visit.answer !== undefined) return;
    Object.assign(visit, { answer: performance.now(), at: Date.now() });
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-runs'] });
}

/** Waits until the page is kept for working offline and nothing more is asked for. */
async function settled(page, server) {
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
  for (let [before, quiet] = [-1, 0]; quiet < 8; ) {
    const now = server.requests.reduce((sum, { bytes }) => sum + bytes + 1, 0);
    quiet = now === before ? quiet + 1 : 0;
    before = now;
    await new Promise((done) => setTimeout(done, 250));
  }
}

/** How much was asked for, and what of it more than once with a body. */
function total(requests) {
  const full = requests.filter(({ bytes }) => bytes > 0).map(({ path }) => path.replace(/\/$/, '/index.html'));
  return {
    requests: requests.length,
    bytes: requests.reduce((sum, { bytes }) => sum + bytes, 0),
    paths: requests.map(({ path }) => path),
    twice: [...new Set(full.filter((path, at) => full.indexOf(path) !== at))].sort(),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const browser = await launch({ webgpu: false });
  const rows = {};
  const lines = { 'this machine, gzip': {}, '50 kB/s and 400 ms, gzip': { line: SLOW }, '50 kB/s and 400 ms, Brotli': { line: SLOW, brotli: true } };
  // Hosts have compressed their files before; this server does it at the first request.
  await firstVisit(browser, { brotli: true });
  for (const [name, options] of Object.entries(lines)) {
    const { paint, answer, answered, all, requests } = await firstVisit(browser, options);
    rows[name] = {
      'first paint, s': (paint / 1000).toFixed(2), 'first answer, s': (answer / 1000).toFixed(2),
      'requests until then': answered.requests, 'kB until then': Math.round(answered.bytes / 1000),
      'requests in all': all.requests, 'kB in all': Math.round(all.bytes / 1000), 'files fetched twice': all.twice.length,
    };
    if (process.argv.includes('--list')) console.table(requests.map(({ path, status, bytes }) => ({ path, status, bytes })));
  }
  console.table(rows);
  await browser.close();
}
