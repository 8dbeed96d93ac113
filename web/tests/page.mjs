// The page in a browser, for the tests of the page.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { SITE } from './real.mjs';

/** What the native command printed when the site was built. */
export const native = JSON.parse(await readFile(`${SITE}/native.json`, 'utf8'));

/** The sample that a visit starts with. */
export const first = native.images.find((image) => image.file === 'samples/A.png');

/** The path of a sample. */
export const sample = (label) => fileURLToPath(new URL(`../../models/samples/${label}.png`, import.meta.url));

/** The native digest of a sample. */
export const digestOf = (label) => native.images.find((image) => image.file === `samples/${label}.png`).digest;

/** Opens the page on an executor; what it complains of is in `problems`. */
export async function open(context, server, query = '?executor=wasm') {
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && page.problems.push(`${message.text()} (${message.location().url})`));
  page.setDefaultTimeout(60_000);
  await page.goto(server.url + '/' + query);
  return page;
}

/** Waits until a model is loaded and nothing is under way. */
export const ready = (page) => page.waitForSelector('html[data-state="ready"]');

/** Waits for the first answer. */
export async function started(page) {
  await page.waitForSelector('#result[data-runs]');
  await ready(page);
}

/** Does something that shows an image; waits for the answer to it, and says what the page then shows. */
export async function after(page, action) {
  const runs = () => page.evaluate(() => Number(document.getElementById('result').dataset.runs ?? 0));
  const before = await runs();
  await action();
  await page.waitForFunction((least) => Number(document.getElementById('result').dataset.runs ?? 0) > least, before);
  await ready(page);
  return shown(page);
}

/** Draws lines with the mouse; points are shares of the drawing area. */
export async function scribble(page, lines) {
  await page.locator('#pad').scrollIntoViewIfNeeded();
  const box = await page.locator('#pad').boundingBox();
  for (const [start, ...rest] of lines) {
    const to = ([x, y], steps) => page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps });
    await to(start, 1);
    await page.mouse.down();
    for (const point of rest) await to(point, 8);
    await page.mouse.up();
  }
}

/** An L, where a hand may draw it. */
export const L = [[[0.35, 0.2], [0.35, 0.8], [0.7, 0.8]]];

/** What the page shows. */
export const shown = (page) => page.evaluate(() => {
  const text = (id) => document.getElementById(id).textContent;
  return {
    answer: text('answer'), digest: text('digest-here'), native: text('digest-native'), alert: text('alert'),
    verdict: document.getElementById('verdict').dataset.verdict, command: text('command'),
    standing: document.getElementById('result').dataset.answer,
    executor: document.querySelector('#executors input:checked')?.value,
    bars: [...document.querySelectorAll('#top li')].map((bar) => bar.textContent),
  };
});

/** Waits until an element holds text that matches; the text. */
export async function says(page, id, pattern) {
  await page.waitForFunction(([name, source]) => new RegExp(source).test(document.getElementById(name).textContent), [id, pattern.source]);
  return page.locator(`#${id}`).textContent();
}
