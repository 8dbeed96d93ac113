// Time that the processors spent on the browser: what else the machine does adds little to it.
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks of Linux a second. */
const TICKS = 100;

/** Milliseconds of all processes below this one since they started; NaN where /proc is missing. */
export function cpuTime() {
  const processes = new Map();
  try {
    for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const process = read(name);
      if (process) {
        processes.set(Number(name), process);
      }
    }
  } catch {
    return NaN;
  }
  const below = (id) => {
    for (let at = processes.get(id); at; at = processes.get(at.parent)) {
      if (at.parent === process.pid) {
        return true;
      }
    }
    return false;
  };
  const own = [...processes.entries()].filter(([id]) => below(id));
  return own.reduce((sum, [, { ticks }]) => sum + (ticks * 1000) / TICKS, 0);
}

/** A process's parent and time, or null if it has ended meanwhile. */
function read(name) {
  try {
    // The name of the program, in brackets, may hold anything.
    const fields = readFileSync(`/proc/${name}/stat`, "utf8").split(") ").pop().split(" ");
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}
