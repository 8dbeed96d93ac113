import { Client } from './client.js';
import { ModelFileError } from './errors.js';
import { beside, host } from './host.js';
import { DOES, QueuedModel } from './model.js';
import { plainSource } from './source.js';
import { startWorker, thisThread } from './thread.js';
import type { Hooks, Job, PlainOptions } from './backend.js';
import type { LoadOptions, Model, ModelKind, Models, Source } from './types.js';

// Written out, so that bundlers find the files; evaluated only where no option names another place.
const WORKER = (): URL => new URL('./worker.js', import.meta.url);
const RUNTIME = (): URL => new URL('./wasm/intformer_web_bg.wasm', import.meta.url);
const TOKENIZERS = (): URL => new URL('./tokenizers.js', import.meta.url);
const DECODER = (): URL => new URL('./wasm/intformer_web_decoder_bg.wasm', import.meta.url);

/**
 * Loads a model and makes it ready to run.
 *
 * @param source address, file or bytes of a `.safetensors` file that `intformer quantize` wrote
 * @param options how
 * @returns the model, whose `kind` tells what it can do; call its `dispose()` when it is no longer needed
 * @throws {@link NetworkError} if the download fails for good
 * @throws {@link ModelFileError} or {@link NewerFormatError} if the file is refused, or is not of {@link LoadOptions.kind}
 * @throws {@link DigestError} if the model is not the one with {@link LoadOptions.digest}
 * @throws {@link NoWebGpuError} or {@link DeviceError} if the executor `webgpu` was asked for and cannot run
 * @throws {@link OutOfMemoryError} if there is not enough memory
 * @throws {@link RuntimeError} if the WASM module does not start
 * @throws the signal's reason after an abort
 */
export function load<Kind extends ModelKind>(source: Source, options: LoadOptions & { kind: Kind }): Promise<Models[Kind]>;
export function load(source: Source, options?: LoadOptions): Promise<Model>;
export async function load(source: Source, options: LoadOptions = {}): Promise<Model> {
  const { kind } = options;
  if (kind !== undefined && !Object.hasOwn(DOES, kind)) {
    throw new TypeError(`Expected the kind "${Object.keys(DOES).join('", "')}", found "${String(kind)}".`);
  }
  const model = await open(source, options);
  if (kind !== undefined && model.kind !== kind) {
    model.dispose();
    throw new ModelFileError(`Expected a model that ${DOES[kind]}, found one that ${DOES[model.kind]}.`);
  }
  // Of its calls, the type of its kind has those that it answers.
  return model as unknown as Model;
}

async function open(source: Source, options: LoadOptions): Promise<QueuedModel> {
  const began = performance.now();
  const { signal } = options;
  signal?.throwIfAborted();
  const job: Job = { source: plainSource(source), options: plainOptions(options) };
  const hooks: Hooks = {
    progress: (progress) => tell(options.onProgress, progress),
    moved: (change) => tell(options.onExecutorChange, change),
    lost: (loss) => tell(options.onDeviceLost, loss),
  };
  let threadNote: string | null = null;
  if (options.worker ?? host.worker()) {
    const worker = await startWorker(given(options.workerUrl) ?? beside(WORKER), signal);
    if (typeof worker !== 'string') {
      return new QueuedModel(await Client.load(worker, job, signal, hooks), null, began);
    }
    threadNote = `${worker} The model runs in the page.`;
  }
  return new QueuedModel(await Client.load(await thisThread(), job, signal, hooks, 'page'), threadNote, began);
}

function plainOptions(options: LoadOptions): PlainOptions {
  const { executor = 'auto', digest, probeMilliseconds } = options;
  if (!['auto', 'webgpu', 'wasm'].includes(executor)) {
    throw new TypeError(`Expected the executor "auto", "webgpu" or "wasm", found "${String(executor)}".`);
  }
  if (digest !== undefined && !/^[0-9a-f]{64}$/i.test(digest)) {
    throw new TypeError(`Expected a digest of 64 hexadecimal digits, found "${digest}".`);
  }
  if (probeMilliseconds !== undefined && !(probeMilliseconds >= 0 && probeMilliseconds <= 60_000)) {
    throw new RangeError(`Expected probeMilliseconds from 0 to 60000, found ${probeMilliseconds}.`);
  }
  return {
    executor,
    cache: options.cache ?? true,
    refresh: options.refresh ?? false,
    digest: digest?.toLowerCase() ?? null,
    wasmUrl: given(options.wasmUrl) ?? beside(RUNTIME) ?? missing('wasmUrl'),
    decoderUrl: given(options.decoderUrl) ?? beside(DECODER),
    tokenizersUrl: given(options.tokenizersUrl) ?? beside(TOKENIZERS),
    probeMilliseconds: probeMilliseconds ?? null,
  };
}

/** An address that the caller gave; a relative one counts from the page. */
function given(url: string | URL | undefined): string | null {
  return url === undefined ? null : host.address(url);
}

function missing(option: string): never {
  throw new TypeError(
    `This script does not know its own address, as in a classic script or a blob: set the option ${option}.`,
  );
}

/** Calls back; what the callback throws is the page's concern and does not end the load. */
function tell<T>(callback: ((value: T) => void) | undefined, value: T): void {
  try {
    callback?.(value);
  } catch (error) {
    if (typeof reportError === 'function') reportError(error);
    else console.error(error);
  }
}
