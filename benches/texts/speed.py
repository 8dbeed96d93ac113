"""How long one sentence encoder takes: intformer and its peers in turn.

    python speed.py FOLDER INTFORMER COMPRESSED [--rten PROGRAM] [--rounds N] [--threads N]
                                                          (needs what export.py needs)

FOLDER is what export.py made, INTFORMER the command (built for release), COMPRESSED what `intformer quantize` made of
FOLDER/encoder with FOLDER/calib.txt, PROGRAM what `cargo build --release` makes of benches/rten. Writes
FOLDER/speed.md and prints it.

From ids to an embedding: one text of 16, 64 and 256 tokens, and 32 mixed sentences as one batch, which peers pad to the
longest, and one by one. In each round all contenders run in turn, in every other round backwards: so what else the
machine does falls on all alike. intformer shares the texts of a batch among its threads, so that a text alone has one;
"one by one" is a batch on one thread, which runs text by text.
"""

import argparse
import json
import platform
import statistics
import subprocess
import time
from pathlib import Path

from peers import PEERS, Peer

# Runs of a case in a round; those that take long run less often.
RUNS = [20, 10, 4, 2, 2]


def cases(folder):
    """What is timed; the last are many texts."""
    return json.loads((folder / "cases.json").read_text(encoding="utf-8"))


class InProcess:
    """A peer of this process."""

    def __init__(self, name, folder, threads):
        peer = Peer(name, folder, threads)
        texts = [case["texts"] for case in cases(folder)]
        self.peer = peer
        self.cases = [*([peer.batch(some)] for some in texts), [peer.batch([text]) for text in texts[-1]]]

    def times(self):
        found = []
        for batches, runs in zip(self.cases, RUNS):
            found.append([])
            # The first run of a shape makes room for it.
            for at in range(runs + 1):
                start = time.perf_counter()
                for batch in batches:
                    self.peer.embed(batch)
                if at:
                    found[-1].append(1e3 * (time.perf_counter() - start))
        return found


class Intformer:
    """The command's own clock: from ids in memory to the embedding in memory."""

    def __init__(self, command, compressed, folder, threads):
        self.bench = [command, "bench", compressed, "--executor", "cpu", "--json", "--quiet", "--warm-up", "1"]
        self.mixed = str(folder / "mixed.txt")
        self.threads = str(threads)
        self.lengths = [len(case["ids"][0]) for case in cases(folder)[:-1]]

    def run(self, runs, *more):
        answer = subprocess.run([*self.bench, "--runs", str(runs), *more], check=True, capture_output=True)
        [result] = json.loads(answer.stdout)["results"]
        return result["times_ms"]

    def times(self):
        single = [self.run(runs, "--batch", "1", "--tokens", str(length)) for length, runs in zip(self.lengths, RUNS)]
        batch = self.run(RUNS[3], "--text-file", self.mixed, "--threads", self.threads)
        return [*single, batch, self.run(RUNS[4], "--text-file", self.mixed)]


class Rten:
    """A program that prints the times of all cases as JSON."""

    def __init__(self, program, model, folder, threads):
        self.command = [program, str(model), str(folder / "cases.json"), str(threads), *map(str, RUNS)]

    def times(self):
        return json.loads(subprocess.run(self.command, check=True, capture_output=True).stdout)


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    wide = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if flag in flags]
    return f"{name} ({', '.join(wide) or platform.machine()})"


def cell(times):
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("intformer")
    parser.add_argument("compressed")
    parser.add_argument("--rten")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    folder, threads = options.folder, options.threads
    contenders = {name: InProcess(name, folder, threads) for name in PEERS}
    if options.rten:
        for name, model in (("fp32", "encoder/onnx/model.onnx"), ("int8", "encoder/onnx/model_quantized.onnx")):
            contenders[f"rten {name}"] = Rten(options.rten, folder / model, folder, threads)
    contenders["**intformer**"] = Intformer(options.intformer, options.compressed, folder, threads)
    names = [case["name"] for case in cases(folder)]
    names.append(f"{names[-1]}, one by one")
    found = {name: [[] for _ in names] for name in contenders}
    for turn in range(options.rounds):
        order = list(contenders)
        for name in order if turn % 2 == 0 else reversed(order):
            for all_of_case, times in zip(found[name], contenders[name].times()):
                all_of_case += times
    lines = [f"{processor()}, {threads} threads, {options.rounds} rounds. Milliseconds: median (quartiles).", "",
             "| | " + " | ".join(names) + " |", "| - |" + " - |" * len(names)]
    for name, of_cases in found.items():
        lines.append(f"| {name} | " + " | ".join(map(cell, of_cases)) + " |")
    report = "\n".join(lines) + "\n"
    (folder / "speed.md").write_text(report, encoding="utf-8")
    print(report)


if __name__ == "__main__":
    main()
