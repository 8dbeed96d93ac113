/**
 * Integer-only transformers in the browser, with the same bits on WebGPU and on WASM.
 *
 * {@link load} a model, then classify images or texts with it ({@link ImageClassifier}, {@link TextClassifier}), tell the
 * classes of pixels ({@link ImageSegmenter}), or make vectors of texts ({@link TextEmbedder}).
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
  ClassifyOptions,
  DeviceLoss,
  Embedding,
  ExecutorChange,
  ExecutorName,
  Hint,
  Image,
  ImageAnswer,
  ImageClassifier,
  ImageSegmenter,
  LoadedModel,
  LoadOptions,
  LoadTimes,
  Memory,
  Model,
  ModelInfo,
  ModelKind,
  Models,
  Progress,
  Provenance,
  RawImage,
  RunTimes,
  Score,
  Segmentation,
  SegmentOptions,
  Source,
  TextAnswer,
  TextClassification,
  TextClassifier,
  TextEmbedder,
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
