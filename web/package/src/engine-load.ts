// Loads a model for the engine: module and bytes together, checked, on the executor of the options.
import { untilAborted } from './abort.js';
import { timed } from './clock.js';
import { Engine } from './engine.js';
import { DigestError, ModelFileError } from './errors.js';
import { unpacked } from './gzip.js';
import { Meter } from './progress.js';
import { loadRuntime, type Runtime, type RuntimeWish, type WasmModel } from './runtime.js';
import { obtain, type Obtained, type Wish } from './source.js';
import { webgpuSupport, type WebGpuSupport } from './webgpu.js';
import { fromWasm, isTrap } from './wire.js';
import type { Hooks, Job } from './backend.js';
import type { ModelInfo } from './types.js';

/** What the engine takes from its surroundings; tests put others in. */
export interface Surroundings {
  runtime: (wish: RuntimeWish) => Promise<Runtime>;
  support: () => Promise<WebGpuSupport>;
  /** Milliseconds of a clock. */
  now: () => number;
}

const AROUND: Surroundings = { runtime: loadRuntime, support: webgpuSupport, now: () => performance.now() };

/** Loads a model and makes it ready to run. */
export async function loadEngine(
  job: Job,
  signal: AbortSignal,
  hooks: Hooks,
  surroundings: Surroundings = AROUND,
): Promise<Engine> {
  const { now } = surroundings;
  const began = now();
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
  const first = options.executor === 'wasm' ? null : surroundings.support();
  const runtimeWish = { url: options.wasmUrl, decoder: options.decoderUrl, signal: stop.signal, part: meter.runtime, begun: meter.begun };
  const starting = timed(() => surroundings.runtime(runtimeWish), now);
  const obtaining = timed(() => obtain(wish, false), now);
  try {
    const [runtime, obtained] = await untilAborted(Promise.all([starting, obtaining]), stop.signal);
    const read = await readModel(runtime.value, obtained.value, wish, options.digest);
    const download = read.obtained === obtained.value ? obtained.time : now() - began;
    meter.prepare();
    const engine = new Engine(runtime.value, read.model, read.info, options, hooks, { first, again: surroundings.support, now });
    const preparing = timed(() => engine.start(), now);
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
    // What was downloaded is put away before the thread may end.
    await obtaining.catch(() => undefined);
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
