// The engine: runs a model in this thread.
import { timed } from './clock.js';
import { DeviceLostError, NoWebGpuError, RuntimeError, TextError } from './errors.js';
import { PixelMaker, type Pixels } from './pixels.js';
import { fromWasm, isTrap } from './wire.js';
import { scores } from './scores.js';
import { Tokenizer } from './texts.js';
import { imageWork, textWork, type Work } from './work.js';
import type { Backend, Hooks, Job, State, TextResult, Wanted } from './backend.js';
import type { Input } from './image.js';
import type { Runtime, WasmModel, WasmSession } from './runtime.js';
import type { Classification, ExecutorName, ImageAnswer, LoadedModel, Memory, ModelInfo, Segmentation } from './types.js';
import type { WebGpuSupport } from './webgpu.js';

const PROBE = 250;
/** Tokens of a text that a session has room for from the first. */
const SHORT = 64;
const DEAD = 'The WASM runtime stopped at an earlier call: load the model again.';

/** What the engine takes from outside. */
interface Outside {
  /** What WebGPU offers: asked at the start of the load, and again for every later session. */
  first: Promise<WebGpuSupport> | null;
  again: () => Promise<WebGpuSupport>;
  /** Milliseconds of a clock. */
  now: () => number;
}

/** A session and what it was prepared for. */
interface Running {
  name: ExecutorName;
  session: WasmSession;
  /** The most items, and tokens of texts, that it has room for. */
  prepared: [number, number];
  adapter: LoadedModel['adapter'];
}

/** A model on an executor in this thread. */
export class Engine implements Backend {
  readonly thread: LoadedModel['thread'] = 'page';
  readonly #runtime: Runtime;
  readonly #file: WasmModel;
  readonly model: ModelInfo;
  readonly #options: Job['options'];
  readonly #hooks: Hooks;
  readonly #outside: Outside;
  readonly #pixels: PixelMaker;
  #running: Running | null = null;
  #tokenizer: Promise<Tokenizer> | null = null;
  #released = false;
  /** What runs the model, or ran it until its device was lost. */
  #executor: ExecutorName;
  /** Whether the executor may change unasked. */
  #auto: boolean;
  /** A session on WebGPU being made while WASM answers. */
  #racing: Promise<void> = Promise.resolve();
  /** Runs, measurements and changes of the session, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Milliseconds that WASM takes for an image, at best; null before its first run. */
  #wasmTime: number | null = null;
  #adapter = { description: '', software: false };
  #fallback: string | null = null;
  #cacheNote: string | null = null;
  #times: State['times'] = { download: 0, runtime: 0, prepare: 0, fromCache: false };

  constructor(
    runtime: Runtime,
    file: WasmModel,
    info: ModelInfo,
    options: Job['options'],
    hooks: Hooks,
    outside: Outside,
  ) {
    this.#runtime = runtime;
    this.#file = file;
    this.model = info;
    this.#options = options;
    this.#hooks = hooks;
    this.#outside = outside;
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

  /**
   * Opens the first session. With `auto`, WASM answers at once; a GPU that is no software takes over when its kernels are
   * compiled, if it is faster.
   */
  start(): Promise<void> {
    return this.#living(async () => {
      if (!this.#auto) return void this.#use(await this.#open(this.#executor));
      const support = await (this.#outside.first ?? this.#outside.again());
      // Whoever asks for a session on WebGPU later asks anew.
      if (!support.available || support.software) this.#outside.first = null;
      if (!support.available) return this.#fallBack(support.reason ?? 'WebGPU is missing.');
      if (support.software) {
        return this.#fallBack(`The GPU here is one of software${named(support)}, which is slower than WASM.`);
      }
      await this.#fallBack('WASM answers while the kernels for the GPU are compiled.');
      this.#racing = this.#living(() => this.#race()).catch(() => undefined);
    });
  }

  /** Makes a session on WebGPU beside the one on WASM, and keeps the faster one. */
  async #race(): Promise<void> {
    let gpu: Running;
    try {
      gpu = await this.#open('webgpu');
    } catch (error) {
      if (isTrap(error)) throw error;
      return this.#stay(`WebGPU could not be used: ${(error as Error).message}`);
    }
    await this.#exclusive(() => this.#compare(gpu));
  }

  /** Measures both while nothing else runs, and takes the faster one. */
  async #compare(gpu: Running): Promise<void> {
    const wanted = (): boolean => !this.#released && this.#auto && this.#running?.name === 'wasm';
    if (!wanted()) return this.#free(gpu.session);
    let times: { gpu: number; wasm: number };
    try {
      times = { gpu: await this.#measured(gpu), wasm: this.#wasmTime ?? (await this.#measured(this.#running)) };
    } catch (thrown) {
      const error = fromWasm(thrown);
      if (isTrap(error)) throw error;
      this.#free(gpu.session);
      return this.#stay(`WebGPU could not be used: ${error.message}`);
    }
    if (!wanted()) return this.#free(gpu.session);
    const compared = `${times.gpu.toFixed(1)} ms an image on WebGPU, ${times.wasm.toFixed(1)} ms on WASM`;
    if (times.gpu >= times.wasm) {
      this.#free(gpu.session);
      return this.#stay(`WASM is the faster one here: ${compared}.`);
    }
    this.#use(gpu);
    this.#fallback = null;
    this.#hooks.moved({ from: 'wasm', to: 'webgpu', reason: `${compared}.` });
  }

  /** Milliseconds for an item at best, of a few runs on a blank one. */
  async #measured(running: Running | null): Promise<number> {
    const blank = this.#blank();
    let best = Infinity;
    for (let run = 0; running !== null && run < (running.name === 'wasm' ? 1 : 3); run += 1) {
      best = Math.min(best, (await timed(() => blank.run(running.session), this.#outside.now)).time);
    }
    return best;
  }

  /** An image of zeros, or a text of the first token. */
  #blank(): Work {
    const { imageSize, channels } = this.model;
    if (imageSize === null || channels === null) {
      const tokens = Math.min(SHORT, this.model.tokens ?? SHORT);
      return textWork([{ ids: Array<number>(tokens).fill(0), segments: Array<number>(tokens).fill(0), cut: 0 }]);
    }
    return imageWork(new Uint8Array(imageSize[0] * imageSize[1] * channels), 1);
  }

  #stay(reason: string): void {
    if (this.#released || !this.#auto) return;
    this.#fallback = reason;
    this.#hooks.moved({ from: 'wasm', to: 'wasm', reason });
  }

  classify(inputs: Input[], wanted: Wanted): Promise<Classification[]> {
    return this.#living(() => this.#classify(inputs, wanted));
  }

  async #classify(inputs: Input[], { top, keepPixels }: Wanted): Promise<Classification[]> {
    const { classes, labels } = this.model;
    return (await this.#images(inputs, keepPixels)).map(({ bytes, ...answer }) => ({
      ...answer,
      classes: scores(this.#file.likeliest(answer.logits, Math.min(top, classes)), labels),
      ...(JSON.parse(this.#file.look(bytes, answer.logits)) as Pick<Classification, 'spread' | 'typicality' | 'hint'>),
    }));
  }

  segment(inputs: Input[], keepPixels: boolean): Promise<Segmentation[]> {
    return this.#living(async () => {
      const [height, width] = this.model.imageSize!;
      return (await this.#images(inputs, keepPixels)).map(({ bytes: _, ...answer }) => ({
        ...answer,
        mask: this.#file.mask(answer.logits),
        width,
        height,
      }));
    });
  }

  /** Runs images in one run; of each what every answer has, its logits, and the bytes that the model took. */
  async #images(inputs: Input[], keepPixels: boolean): Promise<(ImageAnswer & { logits: Int32Array; bytes: Uint8Array })[]> {
    const parts: (Pixels & { decode: number })[] = [];
    for (const input of inputs) {
      const { value, time } = await timed(() => this.#pixels.make(this.#file, input), this.#outside.now);
      parts.push({ ...value, decode: time });
    }
    const work = imageWork(packed(parts.map((part) => part.bytes)), parts.length);
    const { value, time: run } = await timed(() => this.#run(work), this.#outside.now);
    const each = value.logits.length / parts.length;
    return parts.map(({ bytes, exact, notes, raw, decode }, index) => {
      const logits = value.logits.slice(index * each, (index + 1) * each);
      return {
        bytes,
        logits,
        digest: this.#runtime.digest(logits),
        exact,
        executor: value.executor,
        notes,
        pixels: keepPixels ? raw : null,
        times: { decode, run, total: decode + run },
      };
    });
  }

  texts(texts: string[], top: number): Promise<TextResult[]> {
    return this.#living(() => this.#texts(texts, top));
  }

  async #texts(texts: string[], top: number): Promise<TextResult[]> {
    const { tokens: limit, outputs, classes, labels } = this.model;
    if (limit === null) throw new TextError('Expected a model with its tokenizer, found one without.');
    this.#tokenizer ??= Tokenizer.open(this.#file.tokenizer(), limit, this.#options.tokenizersUrl).catch((error: unknown) => {
      this.#tokenizer = null;
      throw error;
    });
    const tokenizer = await this.#tokenizer;
    const all = texts.map((text) => tokenizer.encode(text));
    const work = textWork(all);
    const { value, time: run } = await timed(() => this.#run(work), this.#outside.now);
    return all.map(({ ids, cut }, index) => {
      const values = value.logits.slice(index * outputs, (index + 1) * outputs);
      return {
        values,
        classes: classes > 0 ? scores(this.#file.likeliest(values, Math.min(top, classes)), labels) : [],
        digest: this.#runtime.digest(values),
        tokens: ids.length,
        cut,
        executor: value.executor,
        run,
      };
    });
  }

  switchTo(executor: ExecutorName): Promise<void> {
    const change = async (): Promise<void> => {
      if (this.#running?.name !== executor) this.#use(await this.#open(executor));
      // From here on the choice is the caller's.
      this.#auto = false;
      this.#fallback = null;
    };
    return this.#living(() => this.#exclusive(change));
  }

  memory(): Promise<Memory> {
    return this.#living(async () => {
      const device = this.#running?.name === 'webgpu' ? this.#running.session.memory() : 0;
      return { wasm: this.#runtime.memory() + this.#runtime.decoder.memory(), device };
    });
  }

  dispose(idle: Promise<void>): void {
    void idle.then(() => this.#racing).then(() => this.#release());
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
    this.#drop();
    this.#free(this.#file);
  }

  /** Frees what is of the module. One that trapped may trap again, and what it held goes with it. */
  #free(held: { free(): void }): void {
    if (!this.#runtime.dead) held.free();
  }

  /** Runs a batch; meanwhile no other session takes over. */
  #run(work: Work): Promise<{ logits: Int32Array; executor: ExecutorName }> {
    return this.#exclusive(async () => ({ logits: await this.#tried(work), executor: this.#executor }));
  }

  /** Does work when what came before has ended. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Runs a batch; after a lost device once more on a fresh one, then on WASM if that is allowed. */
  async #tried(work: Work): Promise<Int32Array> {
    let lost: DeviceLostError;
    try {
      return await this.#runOn(this.#running ?? this.#use(await this.#open(this.#executor)), work);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      lost = error;
    }
    this.#drop();
    try {
      const logits = await this.#runOn(this.#use(await this.#open('webgpu')), work);
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
      return this.#afterLoss(lost, error as Error, work);
    }
  }

  async #afterLoss(lost: DeviceLostError, second: Error, work: Work): Promise<Int32Array> {
    if (this.#auto) {
      await this.#fallBack(`The WebGPU device was lost and a fresh one failed: ${second.message}`);
      const logits = await this.#runOn(this.#running!, work);
      this.#hooks.lost({ message: lost.message, recovered: true, executor: 'wasm' });
      return logits;
    }
    this.#hooks.lost({ message: lost.message, recovered: false, executor: 'webgpu' });
    const message = `The WebGPU device was lost (${lost.message}) and a fresh one failed: ${second.message} Try again, or switch to the executor "wasm".`;
    throw new DeviceLostError(message, { cause: second });
  }

  async #runOn(running: Running, work: Work): Promise<Int32Array> {
    try {
      const { items, tokens } = work;
      const [room, space] = running.prepared;
      if (items > room || tokens > space) {
        // If this fails, nothing is known of what the session has room for.
        running.prepared = [0, 0];
        const wanted: Running['prepared'] = [Math.max(items, room), Math.max(tokens, space)];
        await running.session.prepare(...wanted);
        running.prepared = wanted;
      }
      const { value, time } = await timed(() => work.run(running.session), this.#outside.now);
      if (running.name === 'wasm' && tokens === 0) this.#wasmTime = Math.min(this.#wasmTime ?? Infinity, time / items);
      return value;
    } catch (error) {
      throw fromWasm(error);
    }
  }

  async #open(name: ExecutorName): Promise<Running> {
    try {
      const support = name === 'wasm' ? null : await this.#adapterOrRefusal();
      const prepared: Running['prepared'] = this.model.input === 'text' ? [1, SHORT] : [1, 0];
      const session = support === null ? this.#runtime.Session.wasm(this.#file) : await this.#webgpu(support);
      try {
        await session.prepare(...prepared);
      } catch (error) {
        if (!isTrap(fromWasm(error))) this.#free(session);
        throw error;
      }
      return { name, session, prepared, adapter: described(session, support) };
    } catch (error) {
      throw fromWasm(error);
    }
  }

  async #adapterOrRefusal(): Promise<WebGpuSupport> {
    const support = await (this.#outside.first ?? this.#outside.again());
    this.#outside.first = null;
    if (!support.available) throw new NoWebGpuError(support.reason ?? 'WebGPU is missing.');
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
    if (running !== null) this.#free(running.session);
  }
}

const named = ({ adapter }: WebGpuSupport): string => (adapter === null ? '' : ` (${adapter})`);

/** What a session runs on. Browsers tell pages the adapter's family, but not always its name. */
function described(session: WasmSession, support: WebGpuSupport | null): LoadedModel['adapter'] {
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
