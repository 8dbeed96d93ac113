// The nearest of some lines to a text.
import { similarity, type Embedding, type TextEmbedder } from '../intformer/index.js';

/** Lines of one run: memory is set aside for the largest. */
const TOGETHER = 32;

/** A line with its cosine, -1 to 1. */
export interface Near {
  line: string;
  cosine: number;
}

/** Keeps the vectors of the lines that were compared before. */
export class Lines {
  readonly #vectors = new Map<string, Embedding>();

  /** The lines nearest to `text`, nearest first, and the vector of the text. */
  async nearest(encoder: TextEmbedder, text: string, lines: string[]): Promise<{ embedded: Embedding; near: Near[] }> {
    const unknown = [...new Set(lines)].filter((line) => !this.#vectors.has(line));
    const [embedded] = await encoder.embed([text]);
    for (let at = 0; at < unknown.length; at += TOGETHER) {
      const some = unknown.slice(at, at + TOGETHER);
      const vectors = await encoder.embed(some);
      some.forEach((line, i) => this.#vectors.set(line, vectors[i]!));
    }
    const present = new Set(lines);
    for (const line of this.#vectors.keys()) if (!present.has(line)) this.#vectors.delete(line);
    const near = lines.map((line) => ({ line, cosine: similarity(embedded!, this.#vectors.get(line)!) }));
    return { embedded: embedded!, near: near.sort((a, b) => b.cosine - a.cosine) };
  }

  /** Forgets all: another model gives other vectors. */
  clear(): void {
    this.#vectors.clear();
  }
}
