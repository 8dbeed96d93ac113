import { DisposedError, ImageError, TextError } from './errors.js';
import { release, toInput, type Input } from './image.js';
import { Queue } from './queue.js';
import { checkedTop } from './scores.js';
import type { Backend, TextResult } from './backend.js';
import type {
  Classification, Classifier, ClassifyOptions, Embedding, ExecutorName, Image, Memory, TextClassification, TextOptions,
} from './types.js';

/** The classifier that users hold: a queue in front of a backend. */
export class QueuedClassifier implements Classifier {
  readonly #backend: Backend;
  readonly #queue = new Queue();
  readonly threadNote: string | null;

  readonly times: Classifier['times'];

  /** `began` is when the load was called, by `performance.now()`. */
  constructor(backend: Backend, threadNote: string | null, began: number) {
    this.#backend = backend;
    this.threadNote = threadNote;
    this.times = { ...backend.state.times, total: performance.now() - began };
  }

  get model(): Classifier['model'] {
    return this.#backend.model;
  }

  get executor(): ExecutorName {
    return this.#backend.state.executor;
  }

  get adapter(): Classifier['adapter'] {
    return this.#backend.state.adapter;
  }

  get fallback(): string | null {
    return this.#backend.state.fallback;
  }

  get thread(): Classifier['thread'] {
    return this.#backend.thread;
  }

  get cacheNote(): string | null {
    return this.#backend.state.cacheNote;
  }

  async classify(image: Image, options: ClassifyOptions = {}): Promise<Classification> {
    return (await this.classifyBatch([image], options))[0]!;
  }

  async classifyBatch(images: Image[], options: ClassifyOptions = {}): Promise<Classification[]> {
    const began = performance.now();
    if (this.model.input !== 'image') {
      throw new ImageError(`Expected a model that ${described('image', 'classes')}, found one that ${described('text', this.model.output)}.`);
    }
    const wanted = { top: checkedTop(options.top), keepPixels: options.keepPixels ?? false };
    options.signal?.throwIfAborted();
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
    }, options.signal);
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

  async classifyTexts(texts: string[], options: TextOptions = {}): Promise<TextClassification[]> {
    const answers = await this.#texts('classes', texts, options);
    return answers.map(({ values, ...answer }) => ({ ...answer, logits: values }));
  }

  async embed(texts: string[], options: Pick<TextOptions, 'signal'> = {}): Promise<Embedding[]> {
    const answers = await this.#texts('embedding', texts, options);
    const scale = this.model.logitScale;
    return answers.map(({ values, classes: _, ...answer }) => ({ ...answer, vector: values, scale }));
  }

  /** Runs texts, if the model gives `output` for them. */
  async #texts(output: Classifier['model']['output'], texts: string[], options: TextOptions): Promise<TextResult[]> {
    const top = checkedTop(options.top);
    options.signal?.throwIfAborted();
    const { model } = this;
    if (model.input !== 'text' || model.output !== output) {
      const [wanted, found] = [described('text', output), described(model.input, model.output)];
      throw new TextError(`Expected a model that ${wanted}, found one that ${found}.`);
    }
    if (!Array.isArray(texts) || !texts.every((text) => typeof text === 'string')) {
      throw new TypeError('Expected a list of texts.');
    }
    if (texts.length === 0) return [];
    return this.#queue.add(() => this.#backend.texts(texts, top), options.signal);
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

/** What a model does, in words. */
function described(input: string, output: string): string {
  return output === 'classes' ? `classifies ${input}s` : `embeds ${input}s`;
}

function fulfilled(outcomes: PromiseSettledResult<Input>[]): Input[] {
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
