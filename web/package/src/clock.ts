/** Does work and takes its time in milliseconds; work on WASM is over when the call returns. */
export async function timed<T>(work: () => T | Promise<T>, now: () => number): Promise<{ value: T; time: number }> {
  const began = now();
  const value = await work();
  return { value, time: now() - began };
}
