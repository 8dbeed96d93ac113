// The CPU executor in WebAssembly under Node: `node check.mjs FILE.wasm [check | bench [TOKENS] [steps]]`.
// `check` compares it with the scalar reference and fails if a word differs; `bench` times a Swin-T, or a MiniLM on a
// text of so many tokens, and with `steps` tells of each step.
import { readFile } from 'node:fs/promises';

const [file, what = 'check', ...options] = process.argv.slice(2);
const module = await WebAssembly.compile(await readFile(file));
// The clock of a browser is linked but not asked here.
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  (imports[from] ??= {})[name] = () => { throw new Error(`${from}.${name} is not there`); };
}
const wasm = (await WebAssembly.instantiate(module, imports)).exports;
const names = Array.from({ length: wasm.operations() }, (_, operation) => {
  let name = '';
  for (let code; (code = wasm.letter(operation, name.length)); ) name += String.fromCharCode(code);
  return name;
});
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
const least = (times) => Math.min(...times);

if (what === 'check') {
  const results = {
    '3000 random kernels': wasm.kernels(0, 3000),
    '200 random Swins': wasm.models(0, 0, 200),
    '200 random ViTs': wasm.models(1, 0, 200),
    '200 random BERTs': wasm.models(2, 0, 200),
    '100 random plans over tokens': wasm.texts(0, 100),
    'Swin-T': wasm.swin_t(),
  };
  for (const [name, words] of Object.entries(results)) console.log(`${name}: ${words >>> 0} words differ`);
  process.exitCode = Object.values(results).every((words) => words === 0) ? 0 : 1;
} else {
  const runs = 25;
  const tokens = Number(options.find((option) => option !== 'steps') ?? 0);
  const steps = tokens ? wasm.bench_text(tokens) : wasm.bench_images(1);
  const times = Array.from({ length: steps }, () => []);
  const totals = [];
  for (let run = -5; run < runs; run++) {
    const first = performance.now();
    for (let at = 0; at < steps; at++) {
      const start = performance.now();
      wasm.step(at);
      if (run >= 0) times[at].push(performance.now() - start);
    }
    if (run >= 0) totals.push(performance.now() - first);
  }
  console.log(`${tokens ? `MiniLM, ${tokens} tokens` : 'Swin-T'}: ${median(totals).toFixed(2)} ms (median of ${runs}, least ${least(totals).toFixed(2)}); least times of steps:`);
  const leasts = times.map(least);
  names.forEach((name, operation) => {
    const chosen = leasts.map((ms, at) => ({ ms, macs: wasm.products(at), operation: wasm.operation(at) })).filter((step) => step.operation === operation);
    const ms = chosen.reduce((sum, step) => sum + step.ms, 0);
    const macs = chosen.reduce((sum, step) => sum + step.macs, 0);
    console.log(`${name.padEnd(17)} ${String(chosen.length).padStart(3)} steps ${ms.toFixed(2).padStart(8)} ms  ${macs ? (macs / ms / 1e6).toFixed(1) + ' GMAC/s' : ''}`);
  });
  if (options.includes('steps')) leasts.forEach((ms, at) => console.log(at, names[wasm.operation(at)], ms.toFixed(2), wasm.products(at) / 1e6, (wasm.products(at) / ms / 1e6).toFixed(1)));
}
