/**
 * Integer-only transformers in the browser, with the same bits on WebGPU and on WASM.
 *
 * {@link load} a model, then {@link Classifier.classify | classify} images with it, {@link Classifier.classifyTexts |
 * classify texts}, or {@link Classifier.embed | embed} them.
 *
 * @module
 */
export { load } from './load.js';
export { cache, type CachedModel, type ModelCache } from './cache.js';
export { similarity } from './texts.js';
export { webgpuSupport, type WebGpuSupport } from './webgpu.js';
export type {
  Adapter,
  Classification,
  Classifier,
  ClassifyOptions,
  DeviceLoss,
  Embedding,
  ExecutorChange,
  ExecutorName,
  Hint,
  Image,
  LoadOptions,
  LoadTimes,
  Memory,
  ModelInfo,
  Progress,
  Provenance,
  RawImage,
  RunTimes,
  Score,
  Source,
  TextAnswer,
  TextClassification,
  TextOptions,
} from './types.js';
export {
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
