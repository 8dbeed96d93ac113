/** The `kind` of an {@link IntformerError}, for code that would rather compare a string than a class. */
export type ErrorKind =
  | 'model-file'
  | 'newer-format'
  | 'image'
  | 'text'
  | 'no-webgpu'
  | 'device'
  | 'device-lost'
  | 'out-of-memory'
  | 'network'
  | 'digest'
  | 'runtime'
  | 'cache'
  | 'disposed';

/** The names of the classes: those in the code change when it is minified. */
const NAMES: Record<ErrorKind, string> = {
  'model-file': 'ModelFileError',
  'newer-format': 'NewerFormatError',
  image: 'ImageError',
  text: 'TextError',
  'no-webgpu': 'NoWebGpuError',
  device: 'DeviceError',
  'device-lost': 'DeviceLostError',
  'out-of-memory': 'OutOfMemoryError',
  network: 'NetworkError',
  digest: 'DigestError',
  runtime: 'RuntimeError',
  cache: 'CacheError',
  disposed: 'DisposedError',
};

/** What every error of this package extends. The message says what was expected, what was found, what to do. */
export class IntformerError extends Error {
  /** What went wrong, in one word. */
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.name = NAMES[kind];
  }
}

/** The bytes are not a model that `intformer quantize` wrote, or damaged, or the model is not of the kind that was asked for. */
export class ModelFileError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('model-file', message, options);
  }
}

/** The model was written by a newer version than this package can read. */
export class NewerFormatError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('newer-format', message, options);
  }
}

/** The image has no pixels that can be read: damaged, empty, or of another origin. */
export class ImageError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('image', message, options);
  }
}

/** The call is not one of this kind of model, or its tokenizer is missing or cannot be read. */
export class TextError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('text', message, options);
  }
}

/** WebGPU was asked for and this browser or its adapter has none to offer. */
export class NoWebGpuError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('no-webgpu', message, options);
  }
}

/** The device refused or failed at something that ought to work. */
export class DeviceError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('device', message, options);
  }
}

/** The device was lost and a fresh one could not be had either. The next call tries again. */
export class DeviceLostError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('device-lost', message, options);
  }
}

/** There is not enough memory for this model or batch. The one that was loaded stays usable. */
export class OutOfMemoryError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('out-of-memory', message, options);
  }
}

/** What is known of a transfer that failed. */
export interface Transfer {
  /** The address that was asked. */
  url: string;
  /** The HTTP status of the last answer, or 0 if there was none. */
  status: number;
  /** Bytes that arrived, over all tries. */
  received: number;
  /** Bytes that should have arrived, or null if the server never said. */
  expected: number | null;
}

/** A download that failed for good, after its tries were spent. */
export class NetworkError extends IntformerError implements Transfer {
  readonly url: string;
  readonly status: number;
  readonly received: number;
  readonly expected: number | null;

  constructor(message: string, transfer: Transfer, options?: ErrorOptions) {
    super('network', message, options);
    this.url = transfer.url;
    this.status = transfer.status;
    this.received = transfer.received;
    this.expected = transfer.expected;
  }
}

/** The model is whole but not the one whose digest was asked for. */
export class DigestError extends IntformerError {
  /** The digest that {@link LoadOptions.digest} named. */
  readonly expected: string;
  /** The digest inside the file. */
  readonly found: string;

  constructor(expected: string, found: string) {
    super(
      'digest',
      `Expected the model with digest ${expected}, found ${found}: check the address, or the digest option.`,
    );
    this.expected = expected;
    this.found = found;
  }
}

/** The WASM runtime did not start, or stopped: then the model is of no more use, and is loaded again. */
export class RuntimeError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('runtime', message, options);
  }
}

/** An entry of the cache could not be changed, as when another tab is writing it. */
export class CacheError extends IntformerError {
  constructor(message: string, options?: ErrorOptions) {
    super('cache', message, options);
  }
}

/** The model was used after `dispose()`. */
export class DisposedError extends IntformerError {
  constructor() {
    super('disposed', 'This model was disposed of: load another one.');
  }
}
