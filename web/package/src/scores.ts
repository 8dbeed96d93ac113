import type { Score } from './types.js';

/** Scores from what the WASM module says of each class: its number, its logit and its probability. */
export function scores(likeliest: Float64Array, labels: readonly string[]): Score[] {
  return Array.from({ length: likeliest.length / 3 }, (_, at) => {
    const [index, score, probability] = likeliest.subarray(3 * at) as unknown as [number, number, number];
    return { index, label: labels[index] ?? String(index), score, probability };
  });
}

/** How many classes to name: 5 unless told. */
export function checkedTop(top: number | undefined): number {
  if (top === undefined) return 5;
  if (Number.isInteger(top) && top >= 1) return top;
  throw new RangeError(`Expected top to be a whole number of at least 1, found ${top}.`);
}
