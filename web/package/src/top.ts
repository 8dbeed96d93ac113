/** How many classes to name: 5 unless told. */
export function checkedTop(top: number | undefined): number {
  if (top === undefined) return 5;
  if (Number.isInteger(top) && top >= 1) return top;
  throw new RangeError(`Expected top to be a whole number of at least 1, found ${top}.`);
}
