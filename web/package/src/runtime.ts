// The WASM module: what this package needs of it, and how it is fetched and started.
import { untilAborted } from './abort.js';
import { decoderAt, type Decoder, type Renewable } from './decoder.js';
import { download, expectWasm } from './download.js';
import { IntformerError, RuntimeError } from './errors.js';
import { WASM_BYTES } from './wasm/size.js';
import type { Part } from './progress.js';
import type { Model as GlueModel } from './wasm/intformer_web.js';

/** A checked model file. */
export interface WasmModel {
  info(): string;
  /** The JSON of its tokenizer; empty if it has none. */
  tokenizer(): Uint8Array;
  fit(rgba: Uint8Array, width: number, height: number): Uint8Array;
  /** Of each of the likeliest classes its number, its logit and its probability. */
  likeliest(logits: Int32Array, top: number): Float64Array;
  /** The class of each pixel, by the logits of an image. */
  mask(logits: Int32Array): Uint16Array;
  /** Spread, typicality and hint as JSON. */
  look(pixels: Uint8Array, logits: Int32Array): string;
  free(): void;
}

/** A model on an executor. One call at a time; on WASM it answers at once, on WebGPU later. */
export interface WasmSession {
  prepare(items: number, tokens: number): void | Promise<void>;
  run(pixels: Uint8Array, batch: number): Int32Array | Promise<Int32Array>;
  run_texts(ids: Uint32Array, segments: Uint32Array, starts: Uint32Array): Int32Array | Promise<Int32Array>;
  adapter(): string;
  memory(): number;
  free(): void;
}

/** The module, started. */
export interface Module {
  Model: { read(bytes: Uint8Array): WasmModel };
  Session: {
    wasm(model: WasmModel): WasmSession;
    webgpu(model: WasmModel, probeMilliseconds: number): Promise<WasmSession>;
  };
  digest(logits: Int32Array): string;
  decoder: Decoder;
  /** Bytes of WASM memory, without the decoder's. */
  memory(): number;
}

/** The module with what is known of its life: all models of a thread share one. */
export interface Runtime extends Module {
  /** Whether it trapped. Its memory may be inconsistent then, so nothing of it is used any more. */
  readonly dead: boolean;
  /** Says that it trapped: the next load starts a fresh one. */
  abandon(): void;
}

/** How to get the module. */
export interface RuntimeWish {
  url: string;
  /** Where the decoder's module is. */
  decoder: string | null;
  signal: AbortSignal;
  part: Part;
  /** Settles when the body may be read. */
  begun: Promise<void>;
}

let started: Promise<Runtime> | null = null;
/** Whether the module ran in this thread before. */
let before = false;

/** Fetches and starts the module; once it is started in this thread, every later call gives the same one. */
export async function loadRuntime(wish: RuntimeWish): Promise<Runtime> {
  wish.part.expect(WASM_BYTES);
  if (started !== null) {
    const runtime = await started;
    if (wish.decoder !== null) runtime.decoder.at(wish.decoder);
    wish.part.done(WASM_BYTES);
    return runtime;
  }
  const { url, signal } = wish;
  const { bytes } = await download({
    url,
    signal,
    ranges: false,
    onHead: () => untilAborted(wish.begun, signal),
    onBytes: (piece, offset) => wish.part.at(Math.min(offset + piece.length, WASM_BYTES)),
  });
  wish.part.done(bytes.length);
  expectWasm(bytes, url, 'intformer_web_bg.wasm', 'wasmUrl');
  // Two loads may arrive here together; the module is started once.
  started ??= living(bytes, wish.decoder).catch((error: unknown) => {
    started = null;
    throw error;
  });
  return started;
}

async function living(bytes: Uint8Array<ArrayBuffer>, decoder: string | null): Promise<Runtime> {
  if (before) await renew();
  const runtime = {
    ...(await start(bytes, decoder)),
    dead: false,
    abandon() {
      if (runtime.dead) return;
      runtime.dead = true;
      started = null;
    },
  };
  before = true;
  return runtime;
}

/** Puts a fresh instance in the place of one that trapped: the glue holds one for the whole thread. */
async function renew(): Promise<void> {
  const glue = (await import('./wasm/intformer_web.js')) as object as Renewable;
  if (glue.__wbg_reset_state === undefined) {
    throw new RuntimeError('The WASM runtime stopped and cannot be started again in this thread: reload the page.');
  }
  glue.__wbg_reset_state();
}

async function start(bytes: Uint8Array<ArrayBuffer>, decoder: string | null): Promise<Module> {
  try {
    const { default: init, Model, CpuSession, GpuSession, digest } = await import('./wasm/intformer_web.js');
    const exports = (await init({ module_or_path: bytes })) as { memory: WebAssembly.Memory };
    const memory = (): number => exports.memory.buffer.byteLength;
    const Session = {
      wasm: (model: WasmModel) => CpuSession.open(model as GlueModel),
      webgpu: (model: WasmModel, probe: number) => GpuSession.open(model as GlueModel, probe),
    };
    return { Model, Session, digest, decoder: decoderAt(decoder), memory };
  } catch (error) {
    if (error instanceof IntformerError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The WASM runtime did not start: ${reason}. The page needs "script-src 'self' 'wasm-unsafe-eval'" if it has a Content-Security-Policy, and a browser with WASM SIMD.`;
    throw new RuntimeError(message, { cause: error });
  }
}
