// What contenders of all suites need.

/** The bytes of a file of this server. */
export async function bytes(address) {
  const response = await fetch(address);
  if (!response.ok) {
    throw new Error(`${address}: expected a file, found status ${response.status}`);
  }
  return response.arrayBuffer();
}

/** onnxruntime-web with the model of a contender. */
export async function session(contender) {
  const library = await import(`/ort/${contender.bundle}`);
  library.env.wasm.wasmPaths = "/ort/";
  library.env.wasm.numThreads = contender.threads;
  const made = await library.InferenceSession.create(`/models/${contender.model}`, {
    executionProviders: [contender.executor],
    graphOptimizationLevel: "all",
  });
  return { library, session: made, threads: library.env.wasm.numThreads };
}

/** This package with the model of a contender, in its default worker. */
export async function intformer(contender) {
  const { load } = await import("/intformer/index.js");
  const model = await load(new URL(`/models/${contender.model}`, location.href), {
    executor: contender.executor,
    cache: false,
  });
  if (model.executor !== contender.executor) {
    throw new Error(`expected ${contender.executor}, found ${model.executor}: ${model.fallback}`);
  }
  return model;
}
