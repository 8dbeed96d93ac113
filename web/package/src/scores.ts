import type { ModelInfo, Score } from './types.js';

/** The `top` likeliest classes by their integer logits, likeliest first; of equal ones the lower index first. */
export function likeliest(logits: Int32Array, model: Pick<ModelInfo, 'labels' | 'logitScale'>, top: number): Score[] {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (const logit of logits) sum += Math.exp((logit - most) * model.logitScale);
  const order = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  return order.slice(0, top).map((index) => ({
    index,
    label: model.labels[index] ?? String(index),
    score: logits[index]! * model.logitScale,
    probability: Math.exp((logits[index]! - most) * model.logitScale) / sum,
  }));
}

/** How many classes to name: 5 unless told. */
export function checkedTop(top: number | undefined): number {
  if (top === undefined) return 5;
  if (Number.isInteger(top) && top >= 1) return top;
  throw new RangeError(`Expected top to be a whole number of at least 1, found ${top}.`);
}
