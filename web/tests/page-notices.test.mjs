// What the page says, where it says it, and what it leaves in place: on a phone and on a desktop.
import assert from 'node:assert/strict';
import { after as afterAll, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './chromium.mjs';
import { after, first, open, ready, sample, says, shown, started } from './page.mjs';
import { modelBytes, PACKED, real } from './real.mjs';

const SCREENS = {
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  desktop: { viewport: { width: 1280, height: 800 } },
};
const BAD = { name: 'note.png', mimeType: 'image/png', buffer: Buffer.from('no picture') };

let browser, server, context, page;

before(async () => {
  browser = await launch({ webgpu: false });
});
afterAll(() => browser.close());
beforeEach(async () => {
  server = await real();
});
afterEach(async () => {
  await context.close();
  await server.close();
});

async function begin(screen, query) {
  context = await browser.newContext(SCREENS[screen]);
  page = await open(context, server, query);
  await started(page);
}

/** Whether the message is in the window with nothing over it, and how the answer looks and reads. */
const look = () => page.evaluate(() => {
  const box = document.getElementById('alert').getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return {
    inSight: box.height > 20 && box.top >= 0 && box.bottom <= innerHeight && top?.id === 'alert',
    standing: document.getElementById('standing').textContent,
    colour: getComputedStyle(document.getElementById('answer')).color,
    opacity: Number(getComputedStyle(document.getElementById('preview')).opacity),
  };
});

for (const screen of Object.keys(SCREENS)) {
  test(`${screen}: an error is in sight from anywhere, and the answer of before looks and reads old`, async () => {
    await begin(screen);
    const fresh = await look();
    for (const place of ['#pad', '#model-url', '#source']) {
      await page.locator(place).scrollIntoViewIfNeeded();
      await page.locator('#file').setInputFiles(BAD);
      await says(page, 'alert', /./);
      const { inSight, standing, colour, opacity } = await look();
      assert.ok(inSight, `the message is in sight at ${place}`);
      assert.match(standing, /^Former answer/);
      assert.notEqual(colour, fresh.colour);
      assert.ok(opacity < 0.6);
      assert.deepEqual([(await shown(page)).standing, (await shown(page)).answer], ['former', first.label]);
      await page.locator('#dismiss').click();
      assert.deepEqual([(await shown(page)).alert, (await look()).standing], ['', fresh.standing]);
    }
    await page.locator('#file').setInputFiles(BAD);
    await says(page, 'alert', /./);
    const { alert, standing } = await after(page, () => page.locator('#file').setInputFiles(sample('R')));
    assert.deepEqual([alert, standing], ['', 'current']);
    assert.equal((await look()).opacity, 1);
  });

  test(`${screen}: while another model comes, the answer is that of the former`, async () => {
    await begin(screen);
    server.fault('/slow.safetensors', { body: await modelBytes(), trickle: { bytes: 100_000, milliseconds: 200 } });
    await page.locator('#model-url').fill('slow.safetensors');
    await page.locator('#model-load').click();
    await page.waitForSelector('#result[data-answer="former"]');
    assert.match((await look()).standing, /under way/);
    await page.waitForSelector('#result[data-answer="current"]');
    await ready(page);
    assert.match(await says(page, 'model-info', /slow/), /slow\.safetensors/);
  });
}

/** Where everything is that a visitor sees. */
const places = () => page.evaluate(() => [...document.querySelectorAll('main *, header *')]
  // A box that is as large as the words in it is none that moves.
  .filter((each) => each.checkVisibility() && !each.closest('.bars') && !each.matches('.says'))
  .map((each) => [each.tagName, each.id, ...['x', 'y', 'width', 'height'].map((side) => Math.round(each.getBoundingClientRect()[side]))].join(' ')));

test('phone: nothing moves while a finger is down, whatever is said meanwhile', async () => {
  await begin('phone', '');
  const touch = await context.newCDPSession(page);
  const { x, y } = await page.locator('#pad').boundingBox();
  const finger = (type, at) => touch.send('Input.dispatchTouchEvent', { type, touchPoints: at ? [{ x: x + at[0], y: y + at[1] }] : [] });
  await after(page, async () => {
    await finger('touchStart', [100, 80]);
    await finger('touchMove', [100, 120]);
  });
  const before = await places();
  const sentence = 'A long sentence that would take several lines on a phone and push everything below it down. '.repeat(3);
  for (const id of ['note', 'alert']) {
    await page.evaluate(([name, text]) => (document.getElementById(name).textContent = text), [id, sentence]);
    assert.deepEqual(await places(), before, `${id} says something`);
  }
  await page.evaluate(() => (document.getElementById('update').hidden = false));
  assert.deepEqual(await places(), before, 'a new version is told');
  await after(page, () => finger('touchMove', [100, 200]));
  await page.evaluate(() => ['note', 'alert'].forEach((id) => (document.getElementById(id).textContent = '')));
  await after(page, () => finger('touchMove', [200, 280]));
  // The words of the answer and the figures are others by now.
  const still = (all) => all.filter((each) => !/explain|standing|answer|chart|run-time|decode-time|SPAN/.test(each));
  assert.deepEqual(still(await places()), still(before));
  await finger('touchEnd');
  await ready(page);
  // One stroke: taking it back leaves nothing.
  await page.locator('#undo').click();
  assert.ok(await page.locator('#clear').isDisabled());
});

test('phone: nothing moves when the model is ready, so a stroke begun before goes on', async () => {
  context = await browser.newContext(SCREENS.phone);
  server.fault(PACKED, { trickle: { bytes: 60_000, milliseconds: 100 } });
  page = await open(context, server);
  await says(page, 'progress-text', /Loading: \d/);
  const before = await page.locator('#pad').boundingBox();
  assert.ok(await page.locator('#progress').isVisible());
  const touch = await context.newCDPSession(page);
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: before.x + 90, y: before.y + 60 }] });
  await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: before.x + 90, y: before.y + 200 }] });
  await started(page);
  assert.deepEqual(await page.locator('#pad').boundingBox(), before);
  await after(page, () => touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: before.x + 200, y: before.y + 200 }] }));
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await page.locator('#undo').click();
  assert.ok(await page.locator('#clear').isDisabled(), 'it was one stroke');
  assert.deepEqual(page.problems, []);
});

test('while a picture takes long, the answer of before is not passed off as its own', async () => {
  await begin('desktop');
  await page.evaluate(() => {
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, transfer) {
      setTimeout(() => post.call(this, message, transfer), message.ask?.ask === 'classify' ? 800 : 0);
    };
  });
  await page.locator('#file').setInputFiles(sample('R'));
  await page.waitForSelector('#result[data-answer="former"]');
  assert.equal((await shown(page)).answer, first.label);
  await page.waitForSelector('#result[data-answer="current"]');
  assert.equal((await shown(page)).answer, 'R');
});
