import { DisposedError, ImageError, TextError } from './errors.js';
import { release, toInput, type Input } from './image.js';
import { Queue } from './queue.js';
import { checkedTop } from './scores.js';
import type { Backend, TextResult } from './backend.js';
import type {
  Classification, ClassifyOptions, Embedding, ExecutorName, Image, ImageAnswer, LoadedModel, Memory, ModelKind, Segmentation,
  SegmentOptions, TextClassification, TextOptions,
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
    if (output === 'embedding') return 'text-embedder';
    if (output === 'mask') return 'image-segmenter';
    return input === 'image' ? 'image-classifier' : 'text-classifier';
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

  async classify(item: Image, options?: ClassifyOptions): Promise<Classification | TextClassification> {
    return (await this.classifyBatch([item], options))[0]!;
  }

  async classifyBatch(
    items: Image[], options: ClassifyOptions = {},
  ): Promise<Classification[] | TextClassification[]> {
    if (this.kind === 'text-embedder') throw new TextError(`Expected a model that classifies, found one that ${DOES[this.kind]}.`);
    if (this.kind === 'image-segmenter') throw new ImageError(`Expected a model that classifies, found one that ${DOES[this.kind]}.`);
    const top = checkedTop(options.top);
    if (this.model.input === 'image') {
      const wanted = { top, keepPixels: options.keepPixels ?? false };
      return this.#images(items, (inputs) => this.#backend.classify(inputs, wanted), options.signal);
    }
    const answers = await this.#texts(items, top, options);
    return answers.map(({ values, ...answer }) => ({ ...answer, logits: values }));
  }

  async segment(image: Image, options?: SegmentOptions): Promise<Segmentation> {
    return (await this.segmentBatch([image], options))[0]!;
  }

  async segmentBatch(images: Image[], options: SegmentOptions = {}): Promise<Segmentation[]> {
    if (this.kind !== 'image-segmenter') throw new ImageError(`Expected a model that tells the classes of pixels, found one that ${DOES[this.kind]}.`);
    const keepPixels = options.keepPixels ?? false;
    return this.#images(images, (inputs) => this.#backend.segment(inputs, keepPixels), options.signal);
  }

  async embed(texts: string[], options: Pick<TextOptions, 'signal'> = {}): Promise<Embedding[]> {
    if (this.kind !== 'text-embedder') throw new TextError(`Expected a model that embeds texts, found one that ${DOES[this.kind]}.`);
    const scale = this.model.logitScale;
    const answers = await this.#texts(texts, 1, options);
    return answers.map(({ values, classes: _, ...answer }) => ({ ...answer, vector: values, scale }));
  }

  /** Runs images with their turn in the queue. */
  async #images<Answer extends ImageAnswer>(
    images: Image[], run: (inputs: Input[]) => Promise<Answer[]>, signal: AbortSignal | undefined,
  ): Promise<Answer[]> {
    const began = performance.now();
    signal?.throwIfAborted();
    if (!Array.isArray(images)) throw new TypeError('Expected a list of images.');
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
        return await run(inputs);
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

  async #texts(texts: Image[], top: number, { signal }: TextOptions): Promise<TextResult[]> {
    signal?.throwIfAborted();
    if (!Array.isArray(texts)) throw new TypeError('Expected a list of texts.');
    const all = texts.map((text) => {
      if (typeof text !== 'string') throw new TypeError(`Expected a text, as the model ${DOES[this.kind]}, found ${typeof text}.`);
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

/** What a model of each kind does, in words. */
export const DOES: Record<ModelKind, string> = {
  'image-classifier': 'classifies images',
  'image-segmenter': 'tells the classes of pixels',
  'text-classifier': 'classifies texts',
  'text-embedder': 'embeds texts',
};

function fulfilled(outcomes: PromiseSettledResult<Input>[]): Input[] {
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
