// One contender in a page of its own. The runner calls `start` once and `measure` in each round.
import { SUITES } from "./contenders.mjs";

const asked = new URLSearchParams(location.search);
const suite = asked.get("suite");
const contender = SUITES[suite].find((one) => one.key === asked.get("contender"));
const { open } = await import(`./${suite}.mjs`);
let cases;

/** Loads everything and runs the first case once; times in milliseconds. */
globalThis.start = async () => {
  const adapter = await navigator.gpu?.requestAdapter();
  const { vendor, architecture, description } = adapter?.info ?? {};
  const opened = await open(contender);
  cases = opened.cases;
  const begin = performance.now();
  await opened.first();
  const first = performance.now() - begin;
  return {
    load: opened.load,
    first,
    threads: opened.threads,
    isolated: crossOriginIsolated,
    adapter: [vendor, architecture, description].filter(Boolean).join(" "),
    cases: cases.map(({ name }) => name),
    error: await opened.error(),
  };
};

/** `runs` warm runs of a case; milliseconds of each. */
globalThis.measure = async (name, runs) => {
  const { run } = cases.find((one) => one.name === name);
  const times = [];
  for (let at = 0; at < runs; at++) {
    const begin = performance.now();
    await run();
    times.push(performance.now() - begin);
  }
  return times;
};
