// How the page looks in every state: no serious finding of axe-core, light and dark, desktop and phone; screenshots to
// look at.
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after as afterAll, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './chromium.mjs';
import { open, says, scribble, shown, started } from './page.mjs';
import { modelBytes, PACKED, real } from './real.mjs';

const FOLDER = fileURLToPath(new URL('../../target/web/screenshots/', import.meta.url));
const SCREENS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};

let browser, axe;

before(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await mkdir(FOLDER, { recursive: true });
  browser = await launch();
});
afterAll(() => browser.close());

/** What axe-core finds, serious or worse, and where. */
async function findings(page) {
  // The policy of the page forbids scripts put into it; the debugger may run them.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
  });
}

const BAD = { name: 'note.png', mimeType: 'image/png', buffer: Buffer.from('no picture') };
const SLOW = { trickle: { bytes: 20_000, milliseconds: 300 } };

/** Brings the page into a state that stays for as long as it is looked at. */
const STATES = {
  async loading({ context, server }) {
    server.fault(PACKED, SLOW);
    const page = await open(context, server);
    await says(page, 'progress-text', /Loading: \d/);
    return page;
  },
  async answer({ context, server }) {
    const page = await open(context, server);
    await started(page);
    await says(page, 'chart-text', /median/);
    return page;
  },
  async drawing({ context, server }) {
    const page = await STATES.answer({ context, server });
    await scribble(page, [[[0.2, 0.2], [0.35, 0.5], [0.5, 0.2]], [[0.35, 0.5], [0.35, 0.8]]]);
    await says(page, 'answer', /^Y$/);
    return page;
  },
  async busy({ context, server }) {
    const page = await STATES.answer({ context, server });
    server.fault('/slow.safetensors', { body: await modelBytes(), ...SLOW });
    await page.evaluate(() => {
      document.getElementById('model-url').value = 'slow.safetensors';
      document.getElementById('model-load').click();
    });
    await page.waitForSelector('#result[data-answer="former"]');
    await says(page, 'note', /Loading: \d/);
    return page;
  },
  async error({ context, server }) {
    const page = await STATES.answer({ context, server });
    await page.locator('#file').setInputFiles(BAD);
    await says(page, 'alert', /./);
    return page;
  },
  async doubtful({ context, server }) {
    const page = await STATES.answer({ context, server });
    await page.locator('#pad').scrollIntoViewIfNeeded();
    const grey = Buffer.from('424d3a0000000000000036000000280000000100000001000000010018000000000004000000000000000000000000000000000000007777770000', 'hex');
    await page.locator('#file').setInputFiles({ name: 'grey.bmp', mimeType: 'image/bmp', buffer: grey });
    await says(page, 'answer', /^Probably none/);
    return page;
  },
  async failed({ context, server }) {
    server.fault(PACKED, { status: 500 });
    const page = await open(context, server);
    await page.waitForSelector('html[data-state="error"]');
    page.problems = page.problems.filter((problem) => !/status of 500/.test(problem));
    return page;
  },
  async offline({ context, server }) {
    const page = await STATES.answer({ context, server });
    await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
    await context.setOffline(true);
    await page.reload();
    await started(page);
    await page.locator('#model-url').fill('models/other.safetensors');
    await page.keyboard.press('Enter');
    await says(page, 'alert', /other\.safetensors/);
    page.problems = page.problems.filter((problem) => !/INTERNET_DISCONNECTED/.test(problem));
    return page;
  },
};

for (const [screen, options] of Object.entries(SCREENS)) {
  for (const colorScheme of ['light', 'dark']) {
    for (const [state, bring] of Object.entries(STATES)) {
      test(`${screen}, ${colorScheme}: ${state}`, async () => {
        const server = await real();
        const context = await browser.newContext({ ...options, colorScheme, reducedMotion: 'reduce' });
        try {
          const page = await bring({ context, server });
          const name = `${FOLDER}${screen}-${colorScheme}-${state}`;
          await page.screenshot({ path: `${name}.png` });
          if (state === 'answer') await page.screenshot({ path: `${name}-whole.png`, fullPage: true });
          assert.deepEqual(await findings(page), []);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.equal(wide, 0, 'nothing is wider than the screen');
          assert.deepEqual(page.problems, []);
        } finally {
          await context.close();
          await server.close();
        }
      });
    }
  }
}

test('the narrowest phones show all of it', async () => {
  const server = await real();
  const context = await browser.newContext({ ...SCREENS.phone, viewport: { width: 320, height: 568 } });
  const page = await STATES.error({ context, server });
  await page.screenshot({ path: `${FOLDER}narrow-light-error.png` });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0);
  await context.close();
  await server.close();
});

test('a finger draws on a phone', async () => {
  const server = await real();
  const context = await browser.newContext(SCREENS.phone);
  const page = await STATES.answer({ context, server });
  await page.locator('#pad').tap({ position: { x: 100, y: 100 } });
  await page.waitForFunction(() => !document.getElementById('undo').disabled);
  await says(page, 'verdict', /Save the image/);
  assert.equal((await shown(page)).verdict, 'none');
  await context.close();
  await server.close();
});
