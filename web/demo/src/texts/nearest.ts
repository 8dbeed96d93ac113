// The nearest of some lines to a text.
import { similarity, type Classifier, type Embedding } from '../intformer/index.js';

/** A line with its cosine, -1 to 1. */
export interface Near {
  line: string;
  cosine: number;
}

/** Keeps the vectors of the lines that were compared before. */
export class Lines {
  readonly #vectors = new Map<string, Embedding>();

  /** The lines nearest to `text`, nearest first, and the vector of the text. */
  async nearest(classifier: Classifier, text: string, lines: string[]): Promise<{ embedded: Embedding; near: Near[] }> {
    const unknown = [...new Set(lines)].filter((line) => !this.#vectors.has(line));
    const [embedded, ...vectors] = await classifier.embed([text, ...unknown]);
    unknown.forEach((line, at) => this.#vectors.set(line, vectors[at]!));
    const near = lines.map((line) => ({ line, cosine: similarity(embedded!, this.#vectors.get(line)!) }));
    return { embedded: embedded!, near: near.sort((a, b) => b.cosine - a.cosine) };
  }

  /** Forgets all: another model gives other vectors. */
  clear(): void {
    this.#vectors.clear();
  }
}
