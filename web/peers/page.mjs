// One contender in a page of its own. The runner calls `start` once and `measure` in each round.
import { CONTENDERS } from "./contenders.mjs";

/** Side of the image in pixels. */
const SIZE = 224;

const key = new URLSearchParams(location.search).get("contender");
const contender = CONTENDERS.find((one) => one.key === key);
let classify;

const bytes = async (address) => {
  const response = await fetch(address);
  if (!response.ok) {
    throw new Error(`${address}: expected a file, found status ${response.status}`);
  }
  return response.arrayBuffer();
};

/** onnxruntime-web: gets the image as normalized floats, so its preprocessing is not counted. */
async function ort(image) {
  const library = await import(`/ort/${contender.bundle}`);
  library.env.wasm.wasmPaths = "/ort/";
  library.env.wasm.numThreads = contender.threads;
  const session = await library.InferenceSession.create(`/models/${contender.model}`, {
    executionProviders: [contender.executor],
    graphOptimizationLevel: "all",
  });
  return {
    version: library.env.versions.web ?? library.env.versions.common,
    threads: library.env.wasm.numThreads,
    // A fresh tensor each time, as a page with fresh images has.
    classify: async () => {
      const tensor = new library.Tensor("float32", image.floats, [1, 3, SIZE, SIZE]);
      const { logits } = await session.run({ image: tensor });
      return Array.from(await logits.getData());
    },
  };
}

/** This package, in its default worker: gets RGBA pixels, so its preprocessing is counted. */
async function intformer(image) {
  const { load } = await import("/intformer/index.js");
  const classifier = await load(new URL(`/models/${contender.model}`, location.href), {
    executor: contender.executor,
    cache: false,
  });
  if (classifier.executor !== contender.executor) {
    throw new Error(`expected ${contender.executor}, found ${classifier.executor}: ${classifier.fallback}`);
  }
  const scale = classifier.model.logitScale;
  return {
    version: null,
    threads: 1,
    classify: async () => {
      const { logits } = await classifier.classify(image.rgba);
      return Array.from(logits, (logit) => logit * scale);
    },
  };
}

function rgba(pixels) {
  const data = new Uint8ClampedArray(SIZE * SIZE * 4).fill(255);
  for (let at = 0; at < SIZE * SIZE; at++) {
    data.set(pixels.subarray(3 * at, 3 * at + 3), 4 * at);
  }
  return new ImageData(data, SIZE, SIZE);
}

/** Root of the mean square of the error, relative to that of the truth. */
function relativeError(found, truth) {
  const square = (values) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(square(found.map((value, at) => value - truth[at])) / square(truth));
}

/** Loads everything and runs once; times in milliseconds. */
globalThis.start = async () => {
  const image = {
    floats: new Float32Array(await bytes("/models/image.bin")),
    rgba: rgba(new Uint8Array(await bytes("/models/pixels.bin"))),
  };
  const truth = Array.from(new Float32Array(await bytes("/models/logits.bin")));
  const adapter = await navigator.gpu?.requestAdapter();
  const { vendor, architecture, description } = adapter?.info ?? {};

  const begin = performance.now();
  const made = await (contender.runtime === "ort" ? ort(image) : intformer(image));
  const loaded = performance.now();
  const logits = await made.classify();
  const done = performance.now();
  classify = made.classify;
  return {
    load: loaded - begin,
    first: done - loaded,
    version: made.version,
    threads: made.threads,
    isolated: crossOriginIsolated,
    adapter: [vendor, architecture, description].filter(Boolean).join(" "),
    error: relativeError(logits, truth),
  };
};

/** `runs` warm runs; milliseconds of each. */
globalThis.measure = async (runs) => {
  const times = [];
  for (let run = 0; run < runs; run++) {
    const begin = performance.now();
    await classify();
    times.push(performance.now() - begin);
  }
  return times;
};
