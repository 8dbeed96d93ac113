import { DisposedError } from './errors.js';
import { release, toInput, type Input } from './image.js';
import { Queue } from './queue.js';
import { checkedTop } from './scores.js';
import type { Backend } from './backend.js';
import type { Classification, Classifier, ClassifyOptions, ExecutorName, Image, Memory } from './types.js';

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

function fulfilled(outcomes: PromiseSettledResult<Input>[]): Input[] {
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
