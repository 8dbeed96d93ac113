// A sentence encoder: texts of some lengths, and many texts in one call.
import { bytes, intformer, session } from "./shared.mjs";

/** Loads the model of a contender. */
export async function open(contender) {
  const cases = JSON.parse(new TextDecoder().decode(await bytes("/models/cases.json")));
  const begin = performance.now();
  const { threads, embed } = await { ort, transformers, intformer: own }[contender.runtime](contender);
  const load = performance.now() - begin;
  const many = cases.at(-1);
  const alone = many.texts.map((_, at) => ({ texts: [many.texts[at]], ids: [many.ids[at]] }));
  return {
    load,
    threads,
    first: () => embed(cases[0]),
    // Over all cases the mean of what is missing to a cosine of 1.
    error: async () => {
      const missing = [];
      for (const one of contender.slow ? cases.slice(0, 1) : cases) {
        (await embed(one)).forEach((found, at) => missing.push(1 - cosine(found, one.embeddings[at])));
      }
      return missing.reduce((sum, value) => sum + value, 0) / missing.length;
    },
    cases: contender.slow
      ? cases.slice(0, -1).map((one) => ({ name: one.name, run: () => embed(one) }))
      : [
          ...cases.map((one) => ({ name: one.name, run: () => embed(one) })),
          {
            name: `${many.name}, one by one`,
            run: async () => {
              for (const one of alone) await embed(one);
            },
          },
        ],
  };
}

/** onnxruntime-web: gets ids, so making tokens is not counted; many texts are padded to the longest. */
async function ort(contender) {
  const made = await session(contender);
  const tensor = (values, shape) => new made.library.Tensor("int64", BigInt64Array.from(values, BigInt), shape);
  return {
    threads: made.threads,
    embed: async ({ ids }) => {
      const longest = Math.max(...ids.map((row) => row.length));
      const padded = (row, value) => Array.from({ length: longest }, (_, at) => (at < row.length ? value(row[at]) : 0));
      const shape = [ids.length, longest];
      const { last_hidden_state: tokens } = await made.session.run({
        input_ids: tensor(ids.flatMap((row) => padded(row, (id) => id)), shape),
        attention_mask: tensor(ids.flatMap((row) => padded(row, () => 1)), shape),
        token_type_ids: tensor(new Array(ids.length * longest).fill(0), shape),
      });
      const [values, width] = [await tokens.getData(), tokens.dims[2]];
      return ids.map((row, at) => {
        const mean = new Float64Array(width);
        for (let token = 0; token < row.length; token++) {
          const start = (at * longest + token) * width;
          for (let channel = 0; channel < width; channel++) mean[channel] += values[start + channel];
        }
        return mean;
      });
    },
  };
}

/** transformers.js: its pipeline, from texts to normalized means. */
async function transformers(contender) {
  const { env, pipeline } = await import("/transformers/transformers.min.js");
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = "/models/";
  env.useBrowserCache = false;
  env.useWasmCache = false;
  Object.assign(env.backends.onnx.wasm, { wasmPaths: "/transformers-ort/", numThreads: contender.threads });
  const extract = await pipeline("feature-extraction", contender.model, {
    device: contender.executor,
    dtype: contender.dtype,
  });
  return {
    threads: env.backends.onnx.wasm.numThreads,
    embed: async ({ texts }) => (await extract(texts, { pooling: "mean", normalize: true })).tolist(),
  };
}

/** This package: from texts. */
async function own(contender) {
  const model = await intformer(contender);
  return {
    threads: 1,
    embed: async ({ texts }) => (await model.embed(texts)).map(({ vector }) => vector),
  };
}

function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, at) => sum + value * y[at], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
