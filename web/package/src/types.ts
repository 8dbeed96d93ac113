import type { DisposedError, ModelFileError } from './errors.js';

/** Where a model comes from: an address, a file, or its bytes. Bytes are copied, the caller keeps its own. */
export type Source = string | URL | Blob | ArrayBuffer | Uint8Array;

/** What runs the model. Both give the same bytes. */
export type ExecutorName = 'webgpu' | 'wasm';

/** How far a load is. */
export interface Progress {
  /** `runtime` while the WASM module is missing, `model` while the model is, `prepare` while kernels are compiled. */
  stage: 'runtime' | 'model' | 'prepare';
  /** Bytes of WASM module and model that are here. Grows, except where a server forces the model to start again. */
  loaded: number;
  /** Bytes of both together, exact from the first event on; null if the server hides the size of the model. */
  total: number | null;
  /** Whether the model comes from the cache. */
  fromCache: boolean;
}

/** What happened when a device was lost. */
export interface DeviceLoss {
  /** What the browser said. */
  message: string;
  /** Whether the call went on, on a fresh device or on WASM. */
  recovered: boolean;
  /** What runs the model now. */
  executor: ExecutorName;
}

/** What `auto` chose once it had compared the executors. */
export interface ExecutorChange {
  /** What ran the model before. */
  from: ExecutorName;
  /** What runs it now; the same if it stayed. */
  to: ExecutorName;
  /** Why, in a sentence. */
  reason: string;
}

/** How to load a model. */
export interface LoadOptions {
  /** What the model must be able to do; another one is a {@link ModelFileError}. Gives the load the type of this kind. */
  kind?: ModelKind;
  /**
   * `auto` (default): the faster one. WASM answers at once; a GPU that is no software takes over when its kernels are
   * compiled and were measured. Why it is WASM is in {@link LoadedModel.fallback}.
   */
  executor?: 'auto' | ExecutorName;
  /** Run in a worker. Default: true in a page and in Node, false where the caller is a worker of a browser. */
  worker?: boolean;
  /** Ends the load at any stage; the load then rejects with the signal's reason. What was downloaded is kept. */
  signal?: AbortSignal;
  /** Called at the start, at most some 30 times a second, and at the end. */
  onProgress?: (progress: Progress) => void;
  /** Called once when `auto` has compared the executors after the load; not where there is no GPU to compare. */
  onExecutorChange?: (change: ExecutorChange) => void;
  /** Called when the GPU device was lost during a call. */
  onDeviceLost?: (loss: DeviceLoss) => void;
  /** Use and fill the cache (default true). Models from files or bytes are never cached. */
  cache?: boolean;
  /** Ask the server whether the cached copy is still the current one before using it (default false). */
  refresh?: boolean;
  /** Digest of the model that is wanted, 64 hexadecimal digits. A cached copy with another one is fetched anew. */
  digest?: string;
  /** Where `intformer_web_bg.wasm` is. Default: in the folder `wasm` beside this module. */
  wasmUrl?: string | URL;
  /** Where `intformer_web_decoder_bg.wasm` is, which reads PNG and JPEG files. Default: in the same folder. */
  decoderUrl?: string | URL;
  /** Where `tokenizers.js` is, which makes the tokens of texts. Default: beside this module. */
  tokenizersUrl?: string | URL;
  /** Where `worker.js` is. Default: beside this module. */
  workerUrl?: string | URL;
  /**
   * Milliseconds to spend at most on measuring which kernels are fastest on this adapter; the bytes are the same with
   * any. Default: 250 on a GPU, 0 on a software adapter.
   */
  probeMilliseconds?: number;
}

/** Pixels as plain data. */
export interface RawImage {
  /** Four bytes a pixel, row by row: red, green, blue, straight alpha. */
  data: Uint8ClampedArray<ArrayBuffer>;
  /** Columns. */
  width: number;
  /** Rows. */
  height: number;
}

/**
 * Anything with pixels, the bytes of a file, or where they are. Nothing the caller passes is changed, closed or
 * transferred; the body of a `Response` is used up.
 */
export type Image =
  | string
  | URL
  | Response
  | ArrayBuffer
  | Uint8Array
  | RawImage
  | ImageBitmap
  | ImageData
  | HTMLCanvasElement
  | OffscreenCanvas
  | HTMLImageElement
  | HTMLVideoElement
  | VideoFrame
  | Blob;

/** How to classify. */
export interface ClassifyOptions {
  /** How many classes to name, at least 1 (default 5). */
  top?: number;
  /** Give the pixels that were classified as well (default false). */
  keepPixels?: boolean;
  /** Ends the wait; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** One class and how likely it is. */
export interface Score {
  /** Index into {@link ModelInfo.labels} and {@link Classification.logits}. */
  index: number;
  /** Name of the class. */
  label: string;
  /** The logit as a real number: the integer times {@link ModelInfo.logitScale}. */
  score: number;
  /** Softmax of the scores, 0 to 1. For display: the integer logits are what is the same everywhere. */
  probability: number;
}

/** Milliseconds of a call. */
export interface RunTimes {
  /** To get the pixels of the image. */
  decode: number;
  /** To run the model; of a batch, all of it. */
  run: number;
  /** From call to answer, with the wait for earlier calls. */
  total: number;
}

/** Why an answer is not to be relied on. */
export interface Hint {
  /** `uniform`: the image is of one colour; `unlike`: it is unlike those that the model was calibrated on. */
  kind: 'uniform' | 'unlike';
  /** The same in a sentence. */
  message: string;
}

/** What every answer about an image has. */
export interface ImageAnswer {
  /** SHA-256 of the logits, 64 hexadecimal digits; equal to what the command `intformer` prints for the same pixels. */
  digest: string;
  /** Whether the image was a file that this package decoded by itself, so that its pixels equal the native ones. */
  exact: boolean;
  /** What ran the model. */
  executor: ExecutorName;
  /** What was done to the image before the model saw it, in sentences; empty where there is nothing to say. */
  notes: string[];
  /**
   * With {@link ClassifyOptions.keepPixels}, the pixels before they were fitted to the model: a PNG of them, with its
   * alpha as it is, gives the same digest everywhere. Else null.
   */
  pixels: RawImage | null;
  /** How long it took, in milliseconds. */
  times: RunTimes;
}

/** What a model says about an image. */
export interface Classification extends ImageAnswer {
  /** The likeliest classes, likeliest first; of equal ones the lower index first. */
  classes: Score[];
  /** One integer for each class. */
  logits: Int32Array;
  /** Why the answer is not to be relied on; null where nothing speaks against it. */
  hint: Hint | null;
  /** The largest difference between the lightest and the darkest value of a channel, 0 to 255, as the model takes it. */
  spread: number;
  /**
   * How many percent of the calibration images had a largest logit of at most this image's, 0 to 100; null if the model's
   * file does not say.
   */
  typicality: number | null;
}

/** How to segment. */
export type SegmentOptions = Omit<ClassifyOptions, 'top'>;

/** What a model says about the parts of an image. */
export interface Segmentation extends ImageAnswer {
  /**
   * The class of each pixel, row by row: indices into {@link ModelInfo.labels}. The same on every executor and in the
   * native command.
   */
  mask: Uint16Array;
  /** Columns of the mask: of the image as the model takes it, {@link ModelInfo.imageSize}. */
  width: number;
  /** Rows of the mask. */
  height: number;
  /** One integer for each class of each cell of the model's map, cell by cell. */
  logits: Int32Array;
}

/** How to take texts. */
export interface TextOptions {
  /** How many classes to name, at least 1 (default 5). */
  top?: number;
  /** Ends the wait; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What is said of a text beside the answer itself. */
export interface TextAnswer {
  /** SHA-256 of the integers, 64 hexadecimal digits; equal to what `intformer` prints for the same text. */
  digest: string;
  /** Tokens of the text that the model saw. */
  tokens: number;
  /** How many tokens were cut, because the model takes no more. */
  cut: number;
  /** What ran the model. */
  executor: ExecutorName;
  /** Milliseconds to run the model, for all texts of the call. */
  run: number;
}

/** A vector for a text. */
export interface Embedding extends TextAnswer {
  /** Integers of 16 bits; its length is not 1: {@link similarity} compares two. */
  vector: Int32Array;
  /** What one step of an integer is worth. */
  scale: number;
}

/** What a model says about a text. */
export interface TextClassification extends TextAnswer {
  /** The likeliest classes, likeliest first; of equal ones the lower index first. */
  classes: Score[];
  /** One integer for each class. */
  logits: Int32Array;
}

/** How a model was made, as `intformer quantize` noted it. */
export interface Provenance {
  /** How the ranges of the activations were found. */
  calibration: unknown;
  /** The images they were found on. */
  images: unknown;
  /** The options of the command. */
  options: unknown;
}

/** Facts about a model, from its file. */
export interface ModelInfo {
  /** Digest inside the file, 64 hexadecimal digits. */
  digest: string;
  /** Family, such as `swin`. */
  architecture: string;
  /** Activation of the MLPs, such as `gelu` or `relu`. */
  activation: string;
  /** What the model takes. */
  input: 'image' | 'text';
  /** What it gives: classes, a class for each pixel, or a vector for each text. */
  output: 'classes' | 'mask' | 'embedding';
  /** Height and width in pixels that images are fitted to; null if the model takes texts. */
  imageSize: [number, number] | null;
  /** Channels of a pixel: 1 or 3; null if the model takes texts. */
  channels: number | null;
  /** Tokens of a text at most, those that mark its ends among them; null without a tokenizer. */
  tokens: number | null;
  /** Numbers that it gives for an item, or for each cell of its map: classes, or those of a vector. */
  outputs: number;
  /** Number of classes; 0 if it embeds. */
  classes: number;
  /** Name of each class. */
  labels: string[];
  /** What one step of a logit is worth. */
  logitScale: number;
  /** Number of parameters. */
  parameters: number;
  /** Multiply-accumulates for one image. */
  macs: number;
  /** GPU dispatches for one batch. */
  dispatches: number;
  /** Bytes of the weights. */
  weightBytes: number;
  /** Bytes of the intermediate tensors of one image. */
  arenaBytes: number;
  /** Version of the file format. */
  formatVersion: number;
  /** How the model was made. */
  provenance: Provenance;
}

/** What a model runs on. */
export interface Adapter {
  /** Its name, as far as the browser tells it. */
  description: string;
  /** Whether the CPU does the work: on WASM, and on a GPU made of software, which is slow. */
  software: boolean;
}

/** Milliseconds of a load. Model and WASM module come at the same time. */
export interface LoadTimes {
  /** Until the model was there, from the server or the cache. */
  download: number;
  /** Until the WASM module was there and started. */
  runtime: number;
  /** To choose and compile the kernels. */
  prepare: number;
  /** From call to answer, with the start of the worker. */
  total: number;
  /** Whether the model came from the cache. */
  fromCache: boolean;
}

/** Bytes in use. */
export interface Memory {
  /** Of WASM memory, which grows with the largest model, batch and image so far and never shrinks. */
  wasm: number;
  /** On the GPU; 0 on WASM. */
  device: number;
}

/** What every loaded model has. Calls are queued and answered in order. */
export interface LoadedModel {
  /** What it can do: names the type with its calls. */
  readonly kind: ModelKind;
  /** Facts about the model. */
  readonly model: ModelInfo;
  /** What runs the model now. */
  readonly executor: ExecutorName;
  /** What it runs on, and whether that is a GPU made of software. */
  readonly adapter: Adapter;
  /** Why it is WASM, in a sentence, when `auto` chose that, or is still comparing; else null. */
  readonly fallback: string | null;
  /** Where the model runs. */
  readonly thread: 'worker' | 'page';
  /** Why no worker, in a sentence, when one was asked for and could not start; else null. */
  readonly threadNote: string | null;
  /** Why the model was not kept in the cache or not checked for freshness, in a sentence; else null. */
  readonly cacheNote: string | null;
  /** How long the load took, in milliseconds. */
  readonly times: LoadTimes;
  /** Moves the same model to another executor. If that cannot run, rejects and leaves all as it was. */
  switchTo(executor: ExecutorName): Promise<void>;
  /** How much memory is in use. */
  memory(): Promise<Memory>;
  /** Frees everything. Waiting calls and later ones reject with {@link DisposedError}. Safe to call twice. */
  dispose(): void;
}

/** A model that names the classes of images. */
export interface ImageClassifier extends LoadedModel {
  readonly kind: 'image-classifier';
  /** Names the likeliest classes of one image. */
  classify(image: Image, options?: ClassifyOptions): Promise<Classification>;
  /** The same for several images in one run, which is faster than one after the other. One bad image rejects all. */
  classifyBatch(images: Image[], options?: ClassifyOptions): Promise<Classification[]>;
}

/** A model that tells the class of each pixel of images. */
export interface ImageSegmenter extends LoadedModel {
  readonly kind: 'image-segmenter';
  /** Tells the class of each pixel of an image. */
  segment(image: Image, options?: SegmentOptions): Promise<Segmentation>;
  /** The same for several images in one run, which is faster than one after the other. One bad image rejects all. */
  segmentBatch(images: Image[], options?: SegmentOptions): Promise<Segmentation[]>;
}

/** A model that names the classes of texts. */
export interface TextClassifier extends LoadedModel {
  readonly kind: 'text-classifier';
  /** Names the likeliest classes of one text. */
  classify(text: string, options?: TextOptions): Promise<TextClassification>;
  /** The same for several texts in one run without padding: what a text gives does not depend on the others. */
  classifyBatch(texts: string[], options?: TextOptions): Promise<TextClassification[]>;
}

/** A model that makes vectors of texts. */
export interface TextEmbedder extends LoadedModel {
  readonly kind: 'text-embedder';
  /** Makes a vector of each text, all in one run without padding: what a text gives does not depend on the others. */
  embed(texts: string[], options?: Pick<TextOptions, 'signal'>): Promise<Embedding[]>;
}

/** The type of each kind of model. */
export interface Models {
  /** Images to classes. */
  'image-classifier': ImageClassifier;
  /** Images to the class of each pixel. */
  'image-segmenter': ImageSegmenter;
  /** Texts to classes. */
  'text-classifier': TextClassifier;
  /** Texts to vectors. */
  'text-embedder': TextEmbedder;
}

/** What a model takes and gives. */
export type ModelKind = keyof Models;

/** A loaded model of any kind: its `kind` tells which. */
export type Model = Models[ModelKind];
