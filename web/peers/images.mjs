// Swin-T: one image.
import { bytes, intformer, session } from "./shared.mjs";

/** Side of the image in pixels. */
const SIZE = 224;

/** Loads the model of a contender. */
export async function open(contender) {
  const image = {
    floats: new Float32Array(await bytes("/models/image.bin")),
    rgba: rgba(new Uint8Array(await bytes("/models/pixels.bin"))),
  };
  const truth = Array.from(new Float32Array(await bytes("/models/logits.bin")));
  const begin = performance.now();
  const { threads, classify } = await { ort, intformer: own }[contender.runtime](contender, image);
  return {
    load: performance.now() - begin,
    threads,
    first: classify,
    error: async () => relativeError(await classify(), truth),
    cases: [{ name: "one image", run: classify }],
  };
}

/** onnxruntime-web: gets the image as normalized floats, so its preprocessing is not counted. */
async function ort(contender, image) {
  const made = await session(contender);
  return {
    threads: made.threads,
    // A fresh tensor each time, as a page with fresh images has.
    classify: async () => {
      const tensor = new made.library.Tensor("float32", image.floats, [1, 3, SIZE, SIZE]);
      const { logits } = await made.session.run({ image: tensor });
      return Array.from(await logits.getData());
    },
  };
}

/** This package: gets RGBA pixels, so its preprocessing is counted. */
async function own(contender, image) {
  const model = await intformer(contender);
  const scale = model.model.logitScale;
  return {
    threads: 1,
    classify: async () => {
      const { logits } = await model.classify(image.rgba);
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
