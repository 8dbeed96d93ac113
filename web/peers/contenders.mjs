// Who takes part: read by the runner, and by the page that runs one of them.

/**
 * @typedef {object} Contender
 * @property {string} name    for tables
 * @property {string} key     for `--only` and addresses; unique
 * @property {"ort"|"intformer"} runtime
 * @property {"wasm"|"webgpu"} executor
 * @property {string} model   the file below the folder of models
 * @property {string} bundle  for ort: the bundle of its npm package
 * @property {number} threads for wasm: threads asked for; webgpu: 1 for the part on the CPU
 * @property {boolean} slow   a run may take a minute on a software adapter: one a round
 */

const ORT_WASM = { runtime: "ort", executor: "wasm", bundle: "ort.wasm.min.mjs", slow: false };
const ORT_WEBGPU = { runtime: "ort", executor: "webgpu", threads: 1, slow: true };
const INTFORMER = { runtime: "intformer", model: "swin-t.safetensors", threads: 1, slow: false };

/** @type {Contender[]} */
export const CONTENDERS = [
  { key: "ort-wasm-fp32-1", name: "onnxruntime-web WASM fp32", model: "fp32.onnx", threads: 1, ...ORT_WASM },
  { key: "ort-wasm-static-1", name: "onnxruntime-web WASM int8 (static, s8)", model: "int8-static.onnx", threads: 1, ...ORT_WASM },
  { key: "ort-wasm-static-u8-1", name: "onnxruntime-web WASM int8 (static, u8)", model: "int8-static-u8.onnx", threads: 1, ...ORT_WASM },
  { key: "ort-wasm-dynamic-1", name: "onnxruntime-web WASM int8 (dynamic)", model: "int8-dynamic.onnx", threads: 1, ...ORT_WASM },
  { key: "intformer-wasm", name: "intformer WASM int8", executor: "wasm", ...INTFORMER },
  { key: "ort-wasm-fp32-2", name: "onnxruntime-web WASM fp32", model: "fp32.onnx", threads: 2, ...ORT_WASM },
  { key: "ort-wasm-static-2", name: "onnxruntime-web WASM int8 (static, s8)", model: "int8-static.onnx", threads: 2, ...ORT_WASM },
  { key: "ort-wasm-static-u8-2", name: "onnxruntime-web WASM int8 (static, u8)", model: "int8-static-u8.onnx", threads: 2, ...ORT_WASM },
  { key: "ort-wasm-dynamic-2", name: "onnxruntime-web WASM int8 (dynamic)", model: "int8-dynamic.onnx", threads: 2, ...ORT_WASM },
  { key: "ort-webgpu", name: "onnxruntime-web WebGPU fp32", model: "fp32.onnx", bundle: "ort.webgpu.min.mjs", ...ORT_WEBGPU },
  { key: "intformer-webgpu", name: "intformer WebGPU int8", executor: "webgpu", ...INTFORMER },
];
