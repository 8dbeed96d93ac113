// Who takes part in which suite: read by the runner, and by the page that runs one of them.

/**
 * @typedef {object} Contender
 * @property {string} name    for tables
 * @property {string} key     for `--only` and addresses; unique in its suite
 * @property {"ort"|"transformers"|"intformer"} runtime
 * @property {"wasm"|"webgpu"} executor
 * @property {string} model   the file or folder below the folder of models
 * @property {string} bundle  for ort: the bundle of its npm package
 * @property {number} threads for wasm: threads asked for; webgpu: 1 for the part on the CPU
 * @property {boolean} slow   a run may take a minute on a software adapter: one a round, of single items
 */

const ORT_WASM = { runtime: "ort", executor: "wasm", bundle: "ort.wasm.min.mjs", slow: false };
const ORT_WEBGPU = { runtime: "ort", executor: "webgpu", threads: 1, slow: true };
const TRANSFORMERS = { runtime: "transformers", model: "encoder", slow: false };
const INTFORMER = { runtime: "intformer", threads: 1, slow: false };
const SWIN = { ...INTFORMER, model: "swin-t.safetensors" };
const MINILM = { ...INTFORMER, model: "minilm.safetensors" };
const Q8 = { name: "onnxruntime-web WASM q8, from ids", model: "encoder/onnx/model_quantized.onnx", ...ORT_WASM };

/** @type {Record<"images" | "texts", Contender[]>} */
export const SUITES = {
  images: [
    { key: "ort-wasm-fp32-1", name: "onnxruntime-web WASM fp32", model: "fp32.onnx", threads: 1, ...ORT_WASM },
    { key: "ort-wasm-static-1", name: "onnxruntime-web WASM int8 (static, s8)", model: "int8-static.onnx", threads: 1, ...ORT_WASM },
    { key: "ort-wasm-static-u8-1", name: "onnxruntime-web WASM int8 (static, u8)", model: "int8-static-u8.onnx", threads: 1, ...ORT_WASM },
    { key: "ort-wasm-dynamic-1", name: "onnxruntime-web WASM int8 (dynamic)", model: "int8-dynamic.onnx", threads: 1, ...ORT_WASM },
    { key: "intformer-wasm", name: "intformer WASM int8", executor: "wasm", ...SWIN },
    { key: "ort-wasm-fp32-2", name: "onnxruntime-web WASM fp32", model: "fp32.onnx", threads: 2, ...ORT_WASM },
    { key: "ort-wasm-static-2", name: "onnxruntime-web WASM int8 (static, s8)", model: "int8-static.onnx", threads: 2, ...ORT_WASM },
    { key: "ort-wasm-static-u8-2", name: "onnxruntime-web WASM int8 (static, u8)", model: "int8-static-u8.onnx", threads: 2, ...ORT_WASM },
    { key: "ort-wasm-dynamic-2", name: "onnxruntime-web WASM int8 (dynamic)", model: "int8-dynamic.onnx", threads: 2, ...ORT_WASM },
    { key: "ort-webgpu", name: "onnxruntime-web WebGPU fp32", model: "fp32.onnx", bundle: "ort.webgpu.min.mjs", ...ORT_WEBGPU },
    { key: "intformer-webgpu", name: "intformer WebGPU int8", executor: "webgpu", ...SWIN },
  ],
  texts: [
    { key: "ort-wasm-q8-1", threads: 1, ...Q8 },
    { key: "transformers-wasm-q8-1", name: "transformers.js WASM q8", executor: "wasm", dtype: "q8", threads: 1, ...TRANSFORMERS },
    { key: "transformers-wasm-fp32-1", name: "transformers.js WASM fp32", executor: "wasm", dtype: "fp32", threads: 1, ...TRANSFORMERS },
    { key: "intformer-wasm", name: "intformer WASM int8", executor: "wasm", ...MINILM },
    { key: "ort-wasm-q8-2", threads: 2, ...Q8 },
    { key: "transformers-wasm-q8-2", name: "transformers.js WASM q8", executor: "wasm", dtype: "q8", threads: 2, ...TRANSFORMERS },
    { key: "transformers-webgpu", name: "transformers.js WebGPU fp32", executor: "webgpu", dtype: "fp32", threads: 1, ...TRANSFORMERS, slow: true },
    { key: "intformer-webgpu", name: "intformer WebGPU int8", executor: "webgpu", ...MINILM },
  ],
};
