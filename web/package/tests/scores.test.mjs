import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkedTop, likeliest } from '../dist/scores.js';

const model = { labels: ['a', 'b', 'c', 'd'], logitScale: 0.5 };

test('the likeliest classes come first, of equal ones the lower index', () => {
  const scores = likeliest(Int32Array.of(2, 4, 4, -2), model, 3);
  assert.deepEqual(scores.map(({ index, label, score }) => [index, label, score]), [[1, 'b', 2], [2, 'c', 2], [0, 'a', 1]]);
  const sum = Math.exp(1) + 2 * Math.exp(2) + Math.exp(-1);
  assert.ok(Math.abs(scores[0].probability - Math.exp(2) / sum) < 1e-12);
});

test('probabilities add up to one, and huge logits overflow nothing', () => {
  const scores = likeliest(Int32Array.of(2147483647, -2147483648, 2147483646, 0), { ...model, logitScale: 1 }, 9);
  assert.equal(scores.length, 4);
  const sum = scores.reduce((all, { probability }) => all + probability, 0);
  assert.ok(Math.abs(sum - 1) < 1e-12);
  assert.ok(scores.every(({ probability }) => probability >= 0 && probability <= 1));
});

test('top is a whole number of at least 1', () => {
  assert.equal(checkedTop(undefined), 5);
  assert.equal(checkedTop(1), 1);
  for (const bad of [0, -1, 1.5, NaN, '3']) assert.throws(() => checkedTop(bad), RangeError);
});
