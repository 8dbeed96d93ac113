// The engine: loads and runs a model in this thread.
import { untilAborted } from './abort.js';
import { DigestError, DeviceLostError, ModelFileError, NoWebGpuError, RuntimeError } from './errors.js';
import { unpacked } from './gzip.js';
import { PixelMaker } from './pixels.js';
import { Meter } from './progress.js';
import { loadRuntime, type Runtime, type RuntimeWish, type WasmModel, type WasmSession } from './runtime.js';
import { likeliest } from './scores.js';
import { obtain, type Obtained, type Wish } from './source.js';
import { webgpuSupport, type WebGpuSupport } from './webgpu.js';
import { fromWasm, isTrap } from './wire.js';
import type { Backend, Hooks, Job, State } from './backend.js';
import type { Input } from './image.js';
import type { Classification, Classifier, ExecutorName, Memory, ModelInfo } from './types.js';

const PROBE = 250;
const DEAD = 'The WASM runtime stopped at an earlier call: load the model again.';

/** What the engine takes from its surroundings; tests put others in. */
export interface Surroundings {
  runtime: (wish: RuntimeWish) => Promise<Runtime>;
  support: () => Promise<WebGpuSupport>;
}

const BROWSER: Surroundings = { runtime: loadRuntime, support: webgpuSupport };

/** A session and what it was prepared for. */
interface Running {
  name: ExecutorName;
  session: WasmSession;
  /** The largest batch it has room for. */
  prepared: number;
  adapter: Classifier['adapter'];
}

/** Loads a model and makes it ready to run. */
export async function loadEngine(
  job: Job,
  signal: AbortSignal,
  hooks: Hooks,
  surroundings: Surroundings = BROWSER,
): Promise<Engine> {
  const began = performance.now();
  const { options } = job;
  // The first failure ends what goes on beside it.
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', abort, { once: true });
  const meter = new Meter(hooks.progress);
  const wish: Wish = {
    source: job.source, cache: options.cache, refresh: options.refresh, signal: stop.signal, part: meter.model,
  };
  try {
    const support = {
      first: options.executor === 'wasm' ? null : surroundings.support(),
      again: surroundings.support,
    };
    const runtimeWish = { url: options.wasmUrl, decoder: options.decoderUrl, signal: stop.signal, part: meter.runtime, begun: meter.begun };
    const [runtime, obtained] = await untilAborted(
      Promise.all([timed(() => surroundings.runtime(runtimeWish)), timed(() => obtain(wish, false))]),
      stop.signal,
    );
    const read = await readModel(runtime.value, obtained.value, wish, options.digest);
    const download = read.obtained === obtained.value ? obtained.time : performance.now() - began;
    meter.prepare();
    const engine = new Engine(runtime.value, read.model, read.info, options, support, hooks);
    const preparing = timed(() => engine.start());
    try {
      const { time } = await untilAborted(preparing, stop.signal);
      engine.describe(read.obtained.note, {
        download, runtime: runtime.time, prepare: time,
        fromCache: read.obtained.fromCache,
      });
      return engine;
    } catch (error) {
      engine.dispose(preparing.then(() => undefined, () => undefined));
      throw error;
    }
  } catch (error) {
    stop.abort(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Checks the bytes. A damaged copy in the cache is dropped and fetched anew, once; one of another model stays until the
 * right one is here. What is refused for another reason (a newer format, too little memory) another download would not mend.
 */
async function readModel(
  runtime: Runtime,
  obtained: Obtained,
  wish: Wish,
  digest: string | null,
): Promise<{ model: WasmModel; info: ModelInfo; obtained: Obtained }> {
  try {
    return await checked(runtime, obtained, digest);
  } catch (refusal) {
    wish.signal.throwIfAborted();
    const damaged = refusal instanceof ModelFileError && (obtained.fromCache || obtained.resumed);
    const other = refusal instanceof DigestError && obtained.fromCache;
    if (!damaged && !other) throw refusal;
    return checked(runtime, await obtain(wish, true), digest);
  }
}

/** Reads a model; a damaged one does not stay in the cache. */
async function checked(
  runtime: Runtime,
  obtained: Obtained,
  digest: string | null,
): Promise<{ model: WasmModel; info: ModelInfo; obtained: Obtained }> {
  try {
    const model = check(runtime, await unpacked(obtained.bytes), digest);
    await obtained.seal(model.info.digest);
    return { ...model, obtained };
  } catch (error) {
    if (error instanceof ModelFileError) await obtained.forget();
    throw error;
  }
}

function check(runtime: Runtime, bytes: Uint8Array, digest: string | null): { model: WasmModel; info: ModelInfo } {
  let model: WasmModel | null = null;
  try {
    model = runtime.Model.read(bytes);
    const info = JSON.parse(model.info()) as ModelInfo;
    if (digest !== null && info.digest !== digest) throw new DigestError(digest, info.digest);
    return { model, info };
  } catch (thrown) {
    const error = fromWasm(thrown);
    if (isTrap(error)) runtime.abandon();
    else model?.free();
    throw error;
  }
}

/** A model on an executor in this thread. */
export class Engine implements Backend {
  readonly thread: Classifier['thread'] = 'page';
  readonly #runtime: Runtime;
  readonly #file: WasmModel;
  readonly model: ModelInfo;
  readonly #options: Job['options'];
  /** What WebGPU offers: asked at the start of the load, and again for every later session. */
  readonly #support: { first: Promise<WebGpuSupport> | null; again: Surroundings['support'] };
  readonly #hooks: Hooks;
  readonly #pixels: PixelMaker;
  #running: Running | null = null;
  #released = false;
  /** What runs the model, or ran it until its device was lost. */
  #executor: ExecutorName;
  /** Whether WASM may take over unasked. */
  #auto: boolean;
  #adapter = { description: '', software: false };
  #fallback: string | null = null;
  #cacheNote: string | null = null;
  #times: State['times'] = { download: 0, runtime: 0, prepare: 0, fromCache: false };

  constructor(
    runtime: Runtime,
    file: WasmModel,
    info: ModelInfo,
    options: Job['options'],
    support: { first: Promise<WebGpuSupport> | null; again: Surroundings['support'] },
    hooks: Hooks,
  ) {
    this.#runtime = runtime;
    this.#file = file;
    this.model = info;
    this.#options = options;
    this.#support = support;
    this.#hooks = hooks;
    this.#pixels = new PixelMaker(runtime.decoder);
    this.#auto = options.executor === 'auto';
    this.#executor = options.executor === 'wasm' ? 'wasm' : 'webgpu';
  }

  get state(): State {
    return {
      executor: this.#executor,
      adapter: this.#adapter,
      fallback: this.#fallback,
      cacheNote: this.#cacheNote,
      times: this.#times,
    };
  }

  /** Notes what the load has to say. */
  describe(cacheNote: string | null, times: State['times']): void {
    this.#cacheNote = cacheNote;
    this.#times = times;
  }

  /** Opens the first session: the executor of the options, or WASM if that is allowed and WebGPU refuses. */
  start(): Promise<void> {
    return this.#living(async () => {
      try {
        this.#use(await this.#open(this.#executor));
      } catch (error) {
        if (!this.#auto || isTrap(error)) throw error;
        await this.#fallBack(`WebGPU could not be used: ${(error as Error).message}`);
      }
    });
  }

  classify(inputs: Input[], top: number): Promise<Classification[]> {
    return this.#living(() => this.#classify(inputs, top));
  }

  async #classify(inputs: Input[], top: number): Promise<Classification[]> {
    const parts: { bytes: Uint8Array; exact: boolean; decode: number }[] = [];
    for (const input of inputs) {
      const { value, time } = await timed(() => this.#pixels.make(this.#file, input));
      parts.push({ ...value, decode: time });
    }
    const { value: logits, time: run } = await timed(() => this.#run(packed(parts.map((part) => part.bytes)), parts.length));
    const { classes } = this.model;
    return parts.map(({ exact, decode }, index) => {
      const own = logits.slice(index * classes, (index + 1) * classes);
      const times = { decode, run, total: decode + run };
      return { classes: likeliest(own, this.model, top), logits: own, digest: this.#runtime.digest(own), exact, times };
    });
  }

  switchTo(executor: ExecutorName): Promise<void> {
    return this.#living(async () => {
      if (this.#running?.name !== executor) this.#use(await this.#open(executor));
      // From here on the choice is the caller's.
      this.#auto = false;
      this.#fallback = null;
    });
  }

  memory(): Promise<Memory> {
    return this.#living(async () => {
      const device = this.#running?.name === 'webgpu' ? this.#running.session.memory() : 0;
      return { wasm: this.#runtime.memory() + this.#runtime.decoder.memory(), device };
    });
  }

  dispose(idle: Promise<void>): void {
    void idle.then(() => this.#release());
  }

  /** Does something with the module; after a trap there, or in another model's call, nothing more is done with it. */
  async #living<T>(work: () => Promise<T>): Promise<T> {
    if (this.#runtime.dead) {
      this.#release();
      throw new RuntimeError(DEAD);
    }
    try {
      return await work();
    } catch (thrown) {
      const error = fromWasm(thrown);
      if (isTrap(error)) {
        this.#runtime.abandon();
        this.#release();
      }
      throw error;
    }
  }

  /** Frees all. A module that trapped may trap again, and what it holds goes with it. */
  #release(): void {
    if (this.#released) return;
    this.#released = true;
    try {
      this.#drop();
      this.#file.free();
    } catch (error) {
      if (!this.#runtime.dead) throw error;
    }
  }

  /** Runs a batch; after a lost device once more on a fresh one, then on WASM if that is allowed. */
  async #run(pixels: Uint8Array, batch: number): Promise<Int32Array> {
    let lost: DeviceLostError;
    try {
      return await this.#runOn(this.#running ?? this.#use(await this.#open(this.#executor)), pixels, batch);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      lost = error;
    }
    this.#drop();
    try {
      const logits = await this.#runOn(this.#use(await this.#open('webgpu')), pixels, batch);
      this.#hooks.lost({ message: lost.message, recovered: true, executor: 'webgpu' });
      return logits;
    } catch (error) {
      // The fresh device works, and what failed on it has another cause.
      if (this.#running !== null && !(error instanceof DeviceLostError)) {
        this.#hooks.lost({ message: lost.message, recovered: true, executor: 'webgpu' });
        throw error;
      }
      if (isTrap(error)) throw error;
      this.#drop();
      return this.#afterLoss(lost, error as Error, pixels, batch);
    }
  }

  async #afterLoss(lost: DeviceLostError, second: Error, pixels: Uint8Array, batch: number): Promise<Int32Array> {
    if (this.#auto) {
      await this.#fallBack(`The WebGPU device was lost and a fresh one failed: ${second.message}`);
      const logits = await this.#runOn(this.#running!, pixels, batch);
      this.#hooks.lost({ message: lost.message, recovered: true, executor: 'wasm' });
      return logits;
    }
    this.#hooks.lost({ message: lost.message, recovered: false, executor: 'webgpu' });
    const message = `The WebGPU device was lost (${lost.message}) and a fresh one failed: ${second.message} Try again, or switch to the executor "wasm".`;
    throw new DeviceLostError(message, { cause: second });
  }

  async #runOn(running: Running, pixels: Uint8Array, batch: number): Promise<Int32Array> {
    try {
      if (batch > running.prepared) {
        // If this fails, nothing is known of what the session has room for.
        running.prepared = 0;
        await running.session.prepare(batch);
        running.prepared = batch;
      }
      return await running.session.run(pixels, batch);
    } catch (error) {
      throw fromWasm(error);
    }
  }

  async #open(name: ExecutorName): Promise<Running> {
    try {
      const support = name === 'wasm' ? null : await this.#adapterOrRefusal();
      const session = support === null ? this.#runtime.Session.wasm(this.#file) : await this.#webgpu(support);
      try {
        await session.prepare(1);
      } catch (error) {
        if (!isTrap(fromWasm(error))) session.free();
        throw error;
      }
      return { name, session, prepared: 1, adapter: described(session, support) };
    } catch (error) {
      throw fromWasm(error);
    }
  }

  async #adapterOrRefusal(): Promise<WebGpuSupport> {
    const support = await (this.#support.first ?? this.#support.again());
    this.#support.first = null;
    if (!support.available) {
      throw new NoWebGpuError(`${support.reason ?? 'WebGPU is missing.'} Use the executor "wasm" or "auto".`);
    }
    return support;
  }

  #webgpu(support: WebGpuSupport): Promise<WasmSession> {
    const probe = this.#options.probeMilliseconds ?? (support.software ? 0 : PROBE);
    return this.#runtime.Session.webgpu(this.#file, probe);
  }

  async #fallBack(reason: string): Promise<void> {
    this.#use(await this.#open('wasm'));
    this.#fallback = reason;
  }

  /** Takes a session into use and frees the one before. */
  #use(running: Running): Running {
    this.#drop();
    this.#running = running;
    this.#executor = running.name;
    this.#adapter = running.adapter;
    return running;
  }

  #drop(): void {
    const running = this.#running;
    this.#running = null;
    running?.session.free();
  }
}

/** What a session runs on. Browsers tell pages the adapter's family, but not always its name. */
function described(session: WasmSession, support: WebGpuSupport | null): Classifier['adapter'] {
  const software = support?.software ?? false;
  if (support === null || support.adapter === null) return { description: session.adapter(), software };
  return { description: `${support.adapter} (WebGPU, ${software ? 'software' : 'hardware'})`, software };
}

function packed(images: Uint8Array[]): Uint8Array {
  if (images.length === 1) return images[0]!;
  const all = new Uint8Array(images.reduce((sum, image) => sum + image.length, 0));
  let at = 0;
  for (const image of images) {
    all.set(image, at);
    at += image.length;
  }
  return all;
}

/** Does work and takes its time; work on WASM is over when the call returns. */
async function timed<T>(work: () => Promise<T>): Promise<{ value: T; time: number }> {
  const began = performance.now();
  const value = await work();
  return { value, time: performance.now() - began };
}
