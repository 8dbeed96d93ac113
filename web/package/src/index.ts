/**
 * Integer-only vision transformers in the browser, with the same bits on WebGPU and on WASM.
 *
 * {@link load} a model, then {@link Classifier.classify | classify} images with it.
 *
 * @module
 */
export { load } from './load.js';
export { cache, type CachedModel, type ModelCache } from './cache.js';
export { webgpuSupport, type WebGpuSupport } from './webgpu.js';
export type {
  Adapter,
  Classification,
  Classifier,
  ClassifyOptions,
  DeviceLoss,
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
  type ErrorKind,
  type Transfer,
} from './errors.js';
