// How the page looks: no serious finding of axe-core, light and dark, desktop and phone; screenshots to look at.
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after as afterAll, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './chromium.mjs';
import { open, says, started } from './page.mjs';
import { real } from './real.mjs';

const FOLDER = fileURLToPath(new URL('../../target/web/screenshots/', import.meta.url));
const SCREENS = {
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};

let browser, server, axe;

before(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await mkdir(FOLDER, { recursive: true });
  server = await real();
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

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

for (const [screen, options] of Object.entries(SCREENS)) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${screen}, ${colorScheme}`, async () => {
      const context = await browser.newContext({ ...options, colorScheme, reducedMotion: 'reduce' });
      const page = await open(context, server);
      await started(page);
      await says(page, 'chart-text', /median/);
      await page.screenshot({ path: `${FOLDER}${screen}-${colorScheme}.png`, fullPage: screen === 'desktop' });
      if (screen === 'phone') await page.screenshot({ path: `${FOLDER}${screen}-${colorScheme}-whole.png`, fullPage: true });
      assert.deepEqual(await findings(page), []);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, 'nothing is wider than the screen');

      // Also with a complaint and a note in sight.
      await page.locator('#file').setInputFiles({ name: 'note.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
      await says(page, 'alert', /./);
      await page.locator('#pad').focus();
      await page.keyboard.press('ArrowUp');
      assert.deepEqual(await findings(page), []);
      assert.deepEqual(page.problems, []);
      await context.close();
    });
  }
}

test('a finger draws on a phone', async () => {
  const context = await browser.newContext(SCREENS.phone);
  const page = await open(context, server);
  await started(page);
  await page.locator('#pad').tap({ position: { x: 100, y: 100 } });
  await page.waitForFunction(() => !document.getElementById('undo').disabled);
  await says(page, 'verdict', /Save the image/);
  await context.close();
});
