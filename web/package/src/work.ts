// What a session is given to run.
import type { WasmSession } from './runtime.js';
import type { Tokens } from './texts.js';

/** A batch, and how large it is. */
export interface Work {
  items: number;
  /** Tokens of all texts; 0 for images. */
  tokens: number;
  run(session: WasmSession): Int32Array | Promise<Int32Array>;
}

/** `items` images, one after the other in `pixels`. */
export function imageWork(pixels: Uint8Array, items: number): Work {
  return { items, tokens: 0, run: (session) => session.run(pixels, items) };
}

/** Texts, one after the other, without padding. */
export function textWork(texts: Tokens[]): Work {
  const starts = new Uint32Array(texts.length + 1);
  texts.forEach(({ ids }, at) => (starts[at + 1] = starts[at]! + ids.length));
  const tokens = starts[texts.length]!;
  const ids = Uint32Array.from(texts.flatMap((text) => text.ids));
  const segments = Uint32Array.from(texts.flatMap((text) => text.segments));
  return { items: texts.length, tokens, run: (session) => session.run_texts(ids, segments, starts) };
}
