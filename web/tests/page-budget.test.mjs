// What a first visit costs: requests and bytes, each with a budget; how long it takes is printed. `node web/tests/visit.mjs` prints a table.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './chromium.mjs';
import { SLOW } from './server.mjs';
import { firstVisit } from './visit.mjs';

/** Bodies as a host with gzip sends them; a little above what was measured. */
const BUDGET = {
  answered: { requests: 11, bytes: 916_000 },
  all: { requests: 66, bytes: 1_126_000 },
};

let browser;
before(async () => {
  browser = await launch({ webgpu: false });
});
after(() => browser.close());

const within = (found, budget, what) => {
  for (const [name, limit] of Object.entries(budget)) assert.ok(found[name] <= limit, `${what}: ${found[name]} ${name}, more than ${limit}`);
};

test('a first visit stays within its budget and fetches no file twice', async () => {
  const { answered, all, verdict } = await firstVisit(browser);
  assert.equal(verdict, 'equal', 'the first answer is that of the native command');
  within(answered, BUDGET.answered, 'until the first answer');
  within(all, BUDGET.all, 'in all');
  assert.deepEqual(all.twice, []);
  const decoder = '/intformer/wasm/intformer_web_decoder_bg.wasm';
  assert.ok(!answered.paths.includes(decoder), 'the first answer needs no decoder');
  assert.ok(all.paths.includes(decoder), 'later answers do, without a network too');
});

test('on a slow line something is seen long before the first answer', async (context) => {
  const found = await firstVisit(browser, { line: SLOW });
  context.diagnostic(`first paint ${Math.round(found.paint)} ms, first answer ${Math.round(found.answer)} ms`);
  // A busy machine slows both.
  assert.ok(found.paint < found.answer / 3, `painted after ${found.paint} of ${found.answer} ms`);
});
