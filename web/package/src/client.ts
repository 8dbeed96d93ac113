// The page's end of a worker.
import { untilAborted } from './abort.js';
import { DisposedError, ImageError, RuntimeError } from './errors.js';
import { transferable, type Input } from './image.js';
import { fromPlain } from './wire.js';
import type { Backend, Hooks, Job, State, TextResult, Wanted } from './backend.js';
import type { Line } from './host.js';
import type { Answers, Ask, FromWorker, ToWorker } from './messages.js';
import type { Classification, ExecutorName, LoadedModel, Memory, ModelInfo, Segmentation } from './types.js';

/** Milliseconds that an aborted worker has to put its files away. */
const GRACE = 1_000;

const FOREIGN =
  "The browser gave no pixels of the image: one of another origin needs that server's leave (CORS, crossorigin attribute).";

interface Pending {
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/** A backend whose engine is in a worker. */
export class Client implements Backend {
  readonly thread: LoadedModel['thread'];
  readonly #worker: Line;
  readonly #hooks: Hooks;
  readonly #pending = new Map<number, Pending>();
  #last = 0;
  #model: ModelInfo | null = null;
  #state: State | null = null;
  #broken: Error | null = null;

  private constructor(worker: Line, thread: LoadedModel['thread'], hooks: Hooks) {
    this.thread = thread;
    this.#worker = worker;
    this.#hooks = hooks;
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#hear(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#stop(`The worker stopped: ${event.message}. Load the model again.`);
    };
    worker.onmessageerror = () => {
      this.#stop('The worker sent what this page cannot read. Load the model again.');
    };
  }

  /** Loads a model in a worker that has started. If that fails or is aborted, the worker is ended. */
  static async load(
    worker: Line, job: Job, signal: AbortSignal | undefined, hooks: Hooks, thread: LoadedModel['thread'] = 'worker',
  ): Promise<Client> {
    const client = new Client(worker, thread, hooks);
    const loading = client.#ask<'load'>({ ask: 'load', job });
    try {
      client.#model = await untilAborted(loading, signal);
      return client;
    } catch (error) {
      if (signal?.aborted) await client.#abort(loading);
      client.#end();
      throw error;
    }
  }

  get model(): ModelInfo {
    return this.#model!;
  }

  get state(): State {
    return this.#state!;
  }

  async classify(inputs: Input[], wanted: Wanted): Promise<Classification[]> {
    return this.#ask<'classify'>({ ask: 'classify', inputs, wanted }, transferable(inputs));
  }

  async segment(inputs: Input[], keepPixels: boolean): Promise<Segmentation[]> {
    return this.#ask<'segment'>({ ask: 'segment', inputs, keepPixels }, transferable(inputs));
  }

  async texts(texts: string[], top: number): Promise<TextResult[]> {
    return this.#ask<'texts'>({ ask: 'texts', texts, top });
  }

  async switchTo(executor: ExecutorName): Promise<void> {
    await this.#ask<'switch'>({ ask: 'switch', executor });
  }

  memory(): Promise<Memory> {
    return this.#ask<'memory'>({ ask: 'memory' });
  }

  dispose(): void {
    this.#end();
  }

  #ask<Name extends keyof Answers>(ask: Ask & { ask: Name }, transfer: Transferable[] = []): Promise<Answers[Name]> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    const id = ++this.#last;
    return new Promise<Answers[Name]>((resolve, reject) => {
      try {
        this.#post({ id, ask }, transfer);
      } catch (error) {
        // Pixels of another origin may be shown but not passed on.
        throw (error as Error).name === 'DataCloneError' ? new ImageError(FOREIGN, { cause: error }) : error;
      }
      this.#pending.set(id, { resolve, reject });
      this.#worker.ref?.();
    });
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #hear(message: FromWorker): void {
    if (message.event === 'progress') this.#hooks.progress(message.progress);
    if ('state' in message) this.#state = message.state ?? this.#state;
    if (message.event === 'moved') this.#hooks.moved(message.change);
    if (message.event === 'lost') this.#hooks.lost(message.loss);
    if (message.event !== 'answer' && message.event !== 'error') return;
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    // A process that waits for no answer may end.
    if (this.#pending.size === 0) this.#worker.unref?.();
    if (message.event === 'answer') pending?.resolve(message.value as never);
    else pending?.reject(fromPlain(message.error));
  }

  /** Lets the worker put its files away; what was downloaded stays. */
  async #abort(loading: Promise<unknown>): Promise<void> {
    this.#post({ abort: true });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, GRACE)));
    await Promise.race([loading.catch(() => undefined), late]);
    clearTimeout(timer);
  }

  /** The worker cannot be relied on any more. */
  #stop(message: string): void {
    this.#worker.terminate();
    this.#break(new RuntimeError(message));
  }

  #break(error: Error): void {
    this.#broken = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #end(): void {
    this.#worker.terminate();
    this.#break(new DisposedError());
  }
}
