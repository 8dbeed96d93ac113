// What stands behind a model: a client of the engine, which is in a worker or in this thread; in tests the engine itself.
import type { Input } from './image.js';
import type { PlainSource } from './source.js';
import type {
  Classification, ClassifyOptions, DeviceLoss, ExecutorChange, ExecutorName, LoadedModel, LoadTimes, Memory, ModelInfo, Progress, Score,
  Segmentation, TextAnswer,
} from './types.js';

/** What a model shows of itself beside the facts of its file. Plain data. */
export type State = Pick<LoadedModel, 'executor' | 'adapter' | 'fallback' | 'cacheNote'> & {
  /** Without the total, which counts from the caller's side. */
  times: Omit<LoadTimes, 'total'>;
};

/** The options of a load as plain data, with defaults filled in. */
export interface PlainOptions {
  executor: 'auto' | ExecutorName;
  cache: boolean;
  refresh: boolean;
  digest: string | null;
  wasmUrl: string;
  /** Null where nobody knows: then files of PNG and JPEG cannot be read. */
  decoderUrl: string | null;
  /** Null where nobody knows: then texts cannot be taken. */
  tokenizersUrl: string | null;
  probeMilliseconds: number | null;
}

/** A load as plain data. */
export interface Job {
  source: PlainSource;
  options: PlainOptions;
}

/** What is asked of a call beside its images. */
export type Wanted = Required<Pick<ClassifyOptions, 'top' | 'keepPixels'>>;

/** What a model gives for a text. */
export type TextResult = TextAnswer & { values: Int32Array; classes: Score[] };

/** Whom a backend tells. */
export interface Hooks {
  moved: (change: ExecutorChange) => void;
  progress: (progress: Progress) => void;
  lost: (loss: DeviceLoss) => void;
}

/** Takes one call at a time; the model in front of it keeps the queue. */
export interface Backend {
  readonly thread: LoadedModel['thread'];
  readonly model: ModelInfo;
  readonly state: State;
  /** Classifies a batch in one run. */
  classify(inputs: Input[], wanted: Wanted): Promise<Classification[]>;
  /** Tells the class of each pixel of a batch in one run. */
  segment(inputs: Input[], keepPixels: boolean): Promise<Segmentation[]>;
  /** Runs texts in one run. */
  texts(texts: string[], top: number): Promise<TextResult[]>;
  switchTo(executor: ExecutorName): Promise<void>;
  memory(): Promise<Memory>;
  /** Frees all; `idle` settles when the call in progress has ended. */
  dispose(idle: Promise<void>): void;
}
