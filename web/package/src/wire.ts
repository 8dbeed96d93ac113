// Errors on their way: from the wasm module (by their `kind`), and between worker and page (as plain objects, because
// structured cloning keeps neither classes nor extra properties).
import {
  CacheError,
  DeviceError,
  DeviceLostError,
  DigestError,
  DisposedError,
  ImageError,
  IntformerError,
  ModelFileError,
  NetworkError,
  NewerFormatError,
  NoWebGpuError,
  OutOfMemoryError,
  RuntimeError,
  TextError,
  type ErrorKind,
  type Transfer,
} from './errors.js';

/** An error as a plain object. */
export interface PlainError {
  kind: ErrorKind | null;
  name: string;
  message: string;
  transfer: Transfer | null;
  digests: { expected: string; found: string } | null;
}

const BY_KIND: Partial<Record<ErrorKind, new (message: string, options?: ErrorOptions) => IntformerError>> = {
  'model-file': ModelFileError,
  'newer-format': NewerFormatError,
  image: ImageError,
  text: TextError,
  'no-webgpu': NoWebGpuError,
  device: DeviceError,
  'device-lost': DeviceLostError,
  'out-of-memory': OutOfMemoryError,
  runtime: RuntimeError,
  cache: CacheError,
};

const SMALLER = 'Use a smaller batch or a smaller model.';

/** What the wasm module threw, as an error of this package. Errors that are of this package already pass through. */
export function fromWasm(thrown: unknown): Error {
  if (thrown instanceof IntformerError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const kind = (error as Error & { kind?: ErrorKind }).kind;
  if (kind === 'out-of-memory') return new OutOfMemoryError(withAdvice(error.message), { cause: error });
  const known = kind === undefined ? undefined : BY_KIND[kind];
  if (known !== undefined) return new known(error.message, { cause: error });
  if (trapped(error)) {
    const message = `The WASM runtime stopped (${error.message}), perhaps for want of memory: load the model again.`;
    return new RuntimeError(message, { cause: error });
  }
  if (error instanceof RangeError) {
    return new OutOfMemoryError(withAdvice(`The browser gave no more memory: ${error.message}.`), { cause: error });
  }
  return error;
}

/** Whether an error of this package says that the module trapped. */
export function isTrap(error: unknown): boolean {
  return error instanceof RuntimeError && trapped(error.cause);
}

/** Whether code of a WASM module was left in the middle; a full stack is told as a RangeError. */
export function trapped(thrown: unknown): boolean {
  return thrown instanceof WebAssembly.RuntimeError || (thrown instanceof RangeError && /call stack/i.test(thrown.message));
}

function withAdvice(message: string): string {
  return /smaller|batch/i.test(message) ? message : `${message} ${SMALLER}`;
}

/** An error as an object that survives structured cloning. */
export function toPlain(thrown: unknown): PlainError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    kind: error instanceof IntformerError ? error.kind : null,
    name: error.name,
    message: error.message,
    transfer:
      error instanceof NetworkError
        ? { url: error.url, status: error.status, received: error.received, expected: error.expected }
        : null,
    digests: error instanceof DigestError ? { expected: error.expected, found: error.found } : null,
  };
}

/** The error again, with its class. */
export function fromPlain(plain: PlainError): Error {
  if (plain.kind === 'network' && plain.transfer !== null) return new NetworkError(plain.message, plain.transfer);
  if (plain.kind === 'digest' && plain.digests !== null) {
    return new DigestError(plain.digests.expected, plain.digests.found);
  }
  if (plain.kind === 'disposed') return new DisposedError();
  const known = plain.kind === null ? undefined : BY_KIND[plain.kind];
  if (known !== undefined) return new known(plain.message);
  if (plain.name === 'AbortError') return new DOMException(plain.message, 'AbortError');
  const error = new Error(plain.message);
  error.name = plain.name;
  return error;
}
