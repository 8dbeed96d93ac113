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
  const peers = Object.entries(setting.peers)
    .filter(([name]) => name !== "playwright-core")
    .map(([name, version]) => `${name} ${version}`);
  const ran = contenders.filter(({ result }) => result);
  const names = [...new Set(ran.flatMap(({ result }) => result.cases.map(({ name }) => name)))];
  return [
    `${setting.date}. ${setting.method}`,
    "",
    `Machine: ${setting.cpu}, ${setting.cores} cores. Browser: Chromium ${setting.chromium}, headless.`,
    `WebGPU adapter: ${setting.adapter}. ${peers.join(", ")}, intformer ${setting.intformer}.`,
    ...names.flatMap((name) => ["", `**${name}**`, "", ...table(name, ran)]),
    "",
    "| contender | threads | load, ms | first run, ms | error |",
    "| --- | --- | --- | --- | --- |",
    ...contenders.map(({ name, result, failure }) =>
      failure
        ? `| ${name} | | did not run: ${failure.split("\n")[0]} | | |`
        : `| ${name} | ${result.threads} | ${milliseconds(result.load)} | ${milliseconds(result.first)} | ${result.error.toFixed(4)} |`,
    ),
    "",
  ].join("\n");
}

/** The times of a case, with how many times as fast this package is by the clock and by processor time. */
function table(name, ran) {
  const rows = ran.flatMap((contender) =>
    contender.result.cases.filter((one) => one.name === name && one.times.length > 0).map((one) => ({ ...one, contender })),
  );
  const median = (row) => quantile(row.times, 0.5);
  const cpu = (row) => row.cpu / row.times.length;
  const compared = (row) => {
    const own = rows.find(({ contender }) => contender.runtime === "intformer" && contender.executor === row.contender.executor);
    if (own === undefined || own === row) {
      return "";
    }
    const byProcessor = Number.isNaN(own.cpu) ? "" : ` (${(cpu(row) / cpu(own)).toFixed(2)} by processor time)`;
    return `${(median(row) / median(own)).toFixed(2)}${byProcessor}`;
  };
  return [
    "| contender | threads | warm median, ms | quartiles, ms | runs | processor time a run, ms | intformer is so many times as fast |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows.map((row) => {
      const { contender, times } = row;
      const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => milliseconds(quantile(times, part)));
      return `| ${contender.name} | ${contender.result.threads} | ${middle} | ${low} to ${high} | ${times.length} | ${milliseconds(cpu(row))} | ${compared(row)} |`;
    }),
  ];
}
