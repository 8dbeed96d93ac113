import { DisposedError, ImageError, TextError } from './errors.js';
import { release, toInput, type Input } from './image.js';
import { Queue } from './queue.js';
import { checkedTop } from './scores.js';
import type { Backend, TextResult, Wanted } from './backend.js';
import type {
  Classification, ClassifyOptions, Embedding, ExecutorName, Image, ImageEmbedding, LoadedModel, Memory, ModelKind,
  TextClassification, TextOptions,
} from './types.js';

/**
 * The model that users hold: a queue in front of a backend. It has the calls of every kind, and the type says which of
 * them it answers.
 */
export class QueuedModel implements LoadedModel {
  readonly #backend: Backend;
  readonly #queue = new Queue();
  readonly threadNote: string | null;

  readonly times: LoadedModel['times'];

  /** `began` is when the load was called, by `performance.now()`. */
  constructor(backend: Backend, threadNote: string | null, began: number) {
    this.#backend = backend;
    this.threadNote = threadNote;
    this.times = { ...backend.state.times, total: performance.now() - began };
  }

  get model(): LoadedModel['model'] {
    return this.#backend.model;
  }

  get kind(): ModelKind {
    const { input, output } = this.model;
    return output === 'classes' ? `${input}-classifier` : `${input}-embedder`;
  }

  get executor(): ExecutorName {
    return this.#backend.state.executor;
  }

  get adapter(): LoadedModel['adapter'] {
    return this.#backend.state.adapter;
  }

  get fallback(): string | null {
    return this.#backend.state.fallback;
  }

  get thread(): LoadedModel['thread'] {
    return this.#backend.thread;
  }

  get cacheNote(): string | null {
    return this.#backend.state.cacheNote;
  }

  async classify(item: Image | string, options?: ClassifyOptions): Promise<Classification | TextClassification> {
    return (await this.classifyBatch([item], options))[0]!;
  }

  async classifyBatch(
    items: (Image | string)[], options: ClassifyOptions = {},
  ): Promise<Classification[] | TextClassification[]> {
    this.#expect('classes');
    const top = checkedTop(options.top);
    if (this.model.input === 'image') {
      return this.#images(items, { top, keepPixels: options.keepPixels ?? false }, options.signal);
    }
    const answers = await this.#texts(items, top, options);
    return answers.map(({ values, ...answer }) => ({ ...answer, logits: values }));
  }

  async embed(
    items: (Image | string)[], options: Pick<TextOptions, 'signal'> = {},
  ): Promise<Embedding[] | ImageEmbedding[]> {
    this.#expect('embedding');
    const scale = this.model.logitScale;
    if (this.model.input === 'image') {
      const answers = await this.#images(items, { top: 1, keepPixels: false }, options.signal);
      return answers.map(({ logits, digest, exact, executor, notes, times }) => (
        { vector: logits, scale, digest, exact, executor, notes, times }
      ));
    }
    const answers = await this.#texts(items, 1, options);
    return answers.map(({ values, classes: _, ...answer }) => ({ ...answer, vector: values, scale }));
  }

  /** Throws if the model gives something else. */
  #expect(output: LoadedModel['model']['output']): void {
    if (this.model.output === output) return;
    const message = `Expected a model that ${DOES[output]}, found one that ${does(this.kind)}.`;
    throw this.model.input === 'image' ? new ImageError(message) : new TextError(message);
  }

  async #images(images: Image[], wanted: Wanted, signal: AbortSignal | undefined): Promise<Classification[]> {
    const began = performance.now();
    if (!Array.isArray(images)) throw new TypeError('Expected a list of images.');
    signal?.throwIfAborted();
    if (images.length === 0) return [];
    // Pixels are taken now, even if the run has to wait for its turn.
    const taken = Promise.allSettled(images.map(toInput));
    const captured = taken.then(() => performance.now() - began);
    let mine = true;
    const answer = this.#queue.add(async () => {
      mine = false;
      const inputs = fulfilled(await taken);
      try {
        for (const outcome of await taken) if (outcome.status === 'rejected') throw outcome.reason;
        return await this.#backend.classify(inputs, wanted);
      } finally {
        release(inputs);
      }
    }, signal);
    try {
      const [results, capture] = [await answer, await captured];
      const total = performance.now() - began;
      return results.map((result) => ({
        ...result,
        times: { decode: capture + result.times.decode, run: result.times.run, total },
      }));
    } catch (error) {
      if (mine) void taken.then((outcomes) => release(fulfilled(outcomes)));
      throw error;
    }
  }

  async #texts(texts: (Image | string)[], top: number, { signal }: TextOptions): Promise<TextResult[]> {
    signal?.throwIfAborted();
    if (!Array.isArray(texts)) throw new TypeError('Expected a list of texts.');
    const all = texts.map((text) => {
      if (typeof text !== 'string') throw new TypeError(`Expected a text, as the model ${does(this.kind)}, found something else.`);
      return text;
    });
    if (all.length === 0) return [];
    return this.#queue.add(() => this.#backend.texts(all, top), signal);
  }

  switchTo(executor: ExecutorName): Promise<void> {
    if (executor !== 'webgpu' && executor !== 'wasm') {
      return Promise.reject(new TypeError(`Expected the executor "webgpu" or "wasm", found "${String(executor)}".`));
    }
    return this.#queue.add(() => this.#backend.switchTo(executor));
  }

  memory(): Promise<Memory> {
    return this.#queue.add(() => this.#backend.memory());
  }

  dispose(): void {
    const idle = this.#queue.close(() => new DisposedError());
    if (idle !== null) this.#backend.dispose(idle);
  }
}

const DOES = { classes: 'classifies', embedding: 'embeds' };

/** What a model of this kind does, in words. */
export function does(kind: ModelKind): string {
  const [input, what] = kind.split('-');
  return `${what === 'classifier' ? DOES.classes : DOES.embedding} ${input}s`;
}

function fulfilled(outcomes: PromiseSettledResult<Input>[]): Input[] {
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
