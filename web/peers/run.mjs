// Runs the contenders of a suite in one headless Chromium, in turn, and writes web.json and web.md beside the models.
//
//     node run.mjs --suite images|texts --models FOLDER --package FOLDER [--only TEXT,TEXT] [--rounds N] [--runs N]
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { SUITES } from "./contenders.mjs";
import { cpuTime } from "./cpu.mjs";
import { serve } from "./serve.mjs";
import { markdown } from "./statistics.mjs";

const MODELS = {
  images: "Swin-T 224 with random weights of timm",
  texts: "all-MiniLM-L6-v2, from texts to embeddings",
};
const HERE = dirname(fileURLToPath(import.meta.url));
const FLAGS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const { values: options } = parseArgs({
  options: {
    suite: { type: "string", default: "images" },
    models: { type: "string" },
    package: { type: "string" },
    browser: { type: "string", default: "/usr/bin/chromium" },
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    runs: { type: "string", default: "3" },
  },
});
const rounds = Number(options.rounds);
const runs = Number(options.runs);
const contendersOf = SUITES[options.suite];
if (!contendersOf) {
  throw new Error(`--suite ${options.suite}: expected one of ${Object.keys(SUITES).join(", ")}`);
}
const chosen = contendersOf.filter(({ key }) => options.only.split(",").some((part) => key.includes(part)));
if (chosen.length === 0) {
  throw new Error(`--only ${options.only}: expected parts of ${contendersOf.map(({ key }) => key).join(", ")}`);
}

const server = await serve({
  peers: HERE,
  models: options.models,
  ort: join(HERE, "node_modules/onnxruntime-web/dist"),
  transformers: join(HERE, "node_modules/@huggingface/transformers/dist"),
  "transformers-ort": join(HERE, "node_modules/@huggingface/transformers/node_modules/onnxruntime-web/dist"),
  intformer: join(options.package, "dist"),
});
const browser = await chromium.launch({ executablePath: options.browser, args: FLAGS });
const contenders = chosen.map((contender) => ({ ...contender }));
try {
  // A page each, opened and loaded one after the other; all stay open for the rounds.
  for (const contender of contenders) {
    await attempt(contender, async () => {
      const context = await browser.newContext();
      const page = await context.newPage();
      page.setDefaultTimeout(0);
      page.on("pageerror", (error) => console.error(`${contender.key}: ${error}`));
      await page.goto(`${server.address}/peers/page.html?suite=${options.suite}&contender=${contender.key}`);
      await page.waitForFunction(() => typeof globalThis.measure === "function");
      contender.page = page;
      const started = await page.evaluate(() => globalThis.start());
      const cases = started.cases.map((name) => ({ name, times: [], cpu: 0 }));
      contender.result = { ...started, cases };
      const { load, first, error } = contender.result;
      console.error(`${contender.key}: load ${load.toFixed()} ms, first ${first.toFixed()} ms, error ${error.toFixed(4)}`);
    });
  }
  // Rounds, for what else the machine does falls on all alike; every other round goes backwards.
  for (let round = 0; round < rounds; round++) {
    for (const contender of round % 2 ? contenders.toReversed() : contenders) {
      if (contender.failure) {
        continue;
      }
      await attempt(contender, async () => {
        await contender.page.bringToFront();
        const count = contender.slow ? 1 : runs;
        for (const one of contender.result.cases) {
          const before = cpuTime();
          const asked = [one.name, count];
          const times = await contender.page.evaluate(([name, count]) => globalThis.measure(name, count), asked);
          one.cpu += cpuTime() - before;
          one.times.push(...times);
          const said = times.map((time) => time.toFixed(1)).join(" ");
          console.error(`round ${round + 1}, ${contender.key}, ${one.name}: ${said} ms`);
        }
      });
    }
  }
} finally {
  const version = browser.version();
  await browser.close();
  server.close();
  await write(version);
}

/** Does `work`; what goes wrong is noted with the contender, for the others go on. */
async function attempt(contender, work) {
  try {
    await work();
  } catch (error) {
    contender.failure = String(error.message ?? error);
    console.error(`${contender.key}: ${contender.failure}`);
    delete contender.result;
    await contender.page?.close();
  }
}

async function write(version) {
  const json = async (path) => JSON.parse(await readFile(path, "utf8").catch(() => "{}"));
  const ran = contenders.filter(({ result }) => result);
  const setting = {
    date: new Date().toISOString().slice(0, 10),
    method:
      `${MODELS[options.suite]}; one browser, a page for each contender, ` +
      `${rounds} rounds in turn of up to ${runs} runs (1 where a run takes seconds) after a cold start without caches.`,
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    chromium: version,
    adapter: ran.map(({ result }) => result.adapter).find(Boolean) ?? "none",
    peers: (await json(join(HERE, "package.json"))).dependencies,
    intformer: (await json(join(options.package, "package.json"))).version ?? "not built",
    isolated: ran.every(({ result }) => result.isolated),
  };
  const plain = contenders.map(({ page, ...rest }) => rest);
  const report = markdown({ setting, contenders });
  await writeFile(join(options.models, "web.json"), `${JSON.stringify({ setting, contenders: plain }, null, 2)}\n`);
  await writeFile(join(options.models, "web.md"), report);
  console.log(report);
}
