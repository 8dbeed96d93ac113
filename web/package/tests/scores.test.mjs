import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkedTop, scores } from '../dist/scores.js';

test('classes have their names, or their numbers where there are none', () => {
  const found = scores(Float64Array.of(1, 0.5, 0.9, 2, -1, 0.1), ['a', 'b']);
  assert.deepEqual(found, [
    { index: 1, label: 'b', score: 0.5, probability: 0.9 },
    { index: 2, label: '2', score: -1, probability: 0.1 },
  ]);
  assert.deepEqual(scores(new Float64Array(), []), []);
});

test('top is a whole number of at least 1', () => {
  assert.equal(checkedTop(undefined), 5);
  assert.equal(checkedTop(1), 1);
  for (const bad of [0, -1, 1.5, NaN, '3']) assert.throws(() => checkedTop(bad), RangeError);
});
