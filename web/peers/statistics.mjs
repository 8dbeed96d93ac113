// Medians, quartiles, and the table.

/** The quantile `part` (0 to 1) of `values`, between neighbours by their distance. */
export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = part * (sorted.length - 1);
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at - Math.floor(at));
}

function milliseconds(time) {
  if (Number.isNaN(time)) {
    return "unknown";
  }
  return time < 100 ? time.toFixed(1) : Math.round(time).toLocaleString("en");
}

/** The results as lines of Markdown. */
export function markdown({ setting, contenders }) {
  const lines = [
    `${setting.date}. ${setting.method}`,
    "",
    `Machine: ${setting.cpu}, ${setting.cores} cores. Browser: Chromium ${setting.chromium}, headless.`,
    `WebGPU adapter: ${setting.adapter}. onnxruntime-web ${setting.ort}, intformer ${setting.intformer}.`,
    "",
    "| contender | threads | warm median, ms | quartiles, ms | runs | processor time a run, ms | load, ms | first run, ms | error |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  ];
  for (const { name, result, failure } of contenders) {
    if (failure) {
      lines.push(`| ${name} | | did not run: ${failure.split("\n")[0]} | | | | | | |`);
      continue;
    }
    const { threads, times, cpu, load, first, error } = result;
    const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => milliseconds(quantile(times, part)));
    const cold = `${milliseconds(load)} | ${milliseconds(first)}`;
    lines.push(`| ${name} | ${threads} | ${middle} | ${low} to ${high} | ${times.length} | ${milliseconds(cpu / times.length)} | ${cold} | ${error.toFixed(3)} |`);
  }
  return [...lines, "", ...ratios(contenders), ""].join("\n");
}

/** This package against the better of the peers with as many threads, by the clock and by processor time. */
function ratios(contenders) {
  const median = ({ result }) => quantile(result.times, 0.5);
  const cpu = ({ result }) => result.cpu / result.times.length;
  const ran = contenders.filter(({ result }) => result);
  return ran
    .filter(({ runtime }) => runtime === "intformer")
    .flatMap((own) => {
      const peers = ran.filter(({ runtime, executor }) => runtime !== "intformer" && executor === own.executor);
      return [...new Set(peers.map(({ result }) => result.threads))].map((threads) => {
        const rivals = peers.filter(({ result }) => result.threads === threads);
        const ratio = (measure) => (Math.min(...rivals.map(measure)) / measure(own)).toFixed(2);
        const against =
          own.executor === "wasm" ? `the better of onnxruntime-web's WASM modes, ${threads} thread(s)` : "onnxruntime-web's WebGPU";
        const byProcessor = Number.isNaN(own.result.cpu) ? "" : `, ${ratio(cpu)} times by processor time`;
        return `- ${own.name} against ${against}: ${ratio(median)} times as fast${byProcessor}.`;
      });
    });
}
