// Texts: their tokens, and how near two of their vectors are.
import { NetworkError, TextError } from './errors.js';
import type { Embedding } from './types.js';

/** Of the library for tokenizers, what is needed. */
interface Library {
  Tokenizer: new (json: object, config: object) => Encoder;
}

interface Encoder {
  encode(text: string, options: { add_special_tokens: boolean; return_token_type_ids: true }): {
    ids: number[];
    token_type_ids: number[];
  };
}

/** The tokens of a text. */
export interface Tokens {
  ids: number[];
  segments: number[];
  /** How many more there are of it. */
  cut: number;
}

/** Makes tokens as the command does: as many as the model takes, those that mark the ends among them. */
export class Tokenizer {
  readonly #encoder: Encoder;
  readonly #limit: number;
  /** Whether it lowers the case of texts. */
  readonly #lowers: boolean;

  private constructor(encoder: Encoder, limit: number, lowers: boolean) {
    this.#encoder = encoder;
    this.#limit = limit;
    this.#lowers = lowers;
  }

  /** A tokenizer of this JSON, by the library at `url`. */
  static async open(json: Uint8Array, limit: number, url: string | null): Promise<Tokenizer> {
    if (url === null) {
      throw new TextError('This script does not know its own address: set the option tokenizersUrl.');
    }
    let library: Library;
    try {
      library = (await import(/* @vite-ignore */ /* webpackIgnore: true */ url)) as Library;
    } catch (cause) {
      const transfer = { url, status: 0, received: 0, expected: null };
      const message = `${url}: the script that makes tokens could not be imported (${String(cause)}). Serve tokenizers.js beside this package's script, or set the option tokenizersUrl.`;
      throw new NetworkError(message, transfer, { cause });
    }
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(json);
      const lowers = /"type"\s*:\s*"Lowercase"|"lowercase"\s*:\s*true/.test(text);
      return new Tokenizer(new library.Tokenizer(JSON.parse(text) as object, {}), limit, lowers);
    } catch (cause) {
      throw new TextError(`Expected a tokenizer.json in the model, found one that cannot be read: ${String(cause)}`, { cause });
    }
  }

  /** The tokens of a text. */
  encode(whole: string): Tokens {
    // Browsers lower a sigma at the end of a word to another letter than the native library does.
    const text = this.#lowers ? whole.replaceAll('\u03a3', '\u03c3') : whole;
    const options = { return_token_type_ids: true as const };
    const { ids, token_type_ids: segments } = this.#encoder.encode(text, { ...options, add_special_tokens: true });
    const cut = Math.max(0, ids.length - this.#limit);
    if (cut === 0) return { ids, segments, cut };
    const inner = this.#encoder.encode(text, { ...options, add_special_tokens: false }).ids;
    const marks = ids.length - inner.length;
    const lead = Array.from({ length: marks + 1 }, (_, at) => at).find((at) => inner.every((id, i) => ids[at + i] === id)) ?? 0;
    const kept = Math.max(0, this.#limit - marks);
    const shortened = <T>(all: T[]): T[] => [...all.slice(0, lead + kept), ...all.slice(lead + inner.length)];
    return { ids: shortened(ids), segments: shortened(segments), cut };
  }
}

/** The cosine of two embeddings of one model, -1 to 1: of exact sums of integers, the same everywhere. */
export function similarity(a: Pick<Embedding, 'vector'>, b: Pick<Embedding, 'vector'>): number {
  if (a.vector.length !== b.vector.length) {
    throw new RangeError(`Expected embeddings of one model, found ${a.vector.length} and ${b.vector.length} numbers.`);
  }
  // Products of 16 bits: sums of some thousands stay whole.
  const dot = (x: Int32Array, y: Int32Array): number => x.reduce((sum, value, at) => sum + value * y[at]!, 0);
  const lengths = Math.sqrt(dot(a.vector, a.vector) * dot(b.vector, b.vector));
  return lengths > 0 ? dot(a.vector, b.vector) / lengths : 0;
}
