// How long a page waits for the shipped model when it is in the cache: `cargo xtask peers start [--rounds N]`.
// From the call of `load` to a classifier that answers; the compilation of kernels is told apart.
import { launch } from '../tests/chromium.mjs';
import { MODEL, real, visit } from '../tests/real.mjs';
import { quantile } from './statistics.mjs';

const rounds = Number(process.argv[2] ?? 11);
const server = await real();
const browser = await launch();
const context = await browser.newContext();

/** Loads the model in a page of its own. */
async function start(executor) {
  const page = await visit(context, server);
  const times = await page.evaluate(async ([url, name]) => {
    const began = performance.now();
    const classifier = await intformer.load(url, { executor: name });
    const total = performance.now() - began;
    const { prepare, fromCache } = classifier.times;
    classifier.dispose();
    return { total, prepare, fromCache };
  }, [MODEL, executor]);
  await page.close();
  return times;
}

await start('wasm');
console.log('executor | ready, ms: quartile, median, quartile | of that kernels, median | without kernels, median');
for (const executor of ['wasm', 'webgpu']) {
  const runs = [];
  for (let round = 0; round < rounds; round += 1) runs.push(await start(executor));
  if (!runs.every((run) => run.fromCache)) throw new Error('a load did not come from the cache');
  const of = (pick) => [0.25, 0.5, 0.75].map((part) => quantile(runs.map(pick), part).toFixed(0));
  const [low, median, high] = of((run) => run.total);
  const kernels = of((run) => run.prepare)[1];
  const rest = of((run) => run.total - run.prepare)[1];
  console.log(`${executor} | ${low}, ${median}, ${high} | ${kernels} | ${rest}  (${rounds} runs)`);
}
await browser.close();
await server.close();
