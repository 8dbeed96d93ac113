import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkedTop } from '../dist/top.js';

test('top is a whole number of at least 1', () => {
  assert.equal(checkedTop(undefined), 5);
  assert.equal(checkedTop(1), 1);
  for (const bad of [0, -1, 1.5, NaN, '3']) assert.throws(() => checkedTop(bad), RangeError);
});
