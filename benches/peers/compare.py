"""Runs `intformer bench` and the float baselines on one card, in turn, and writes a table.

    python compare.py --intformer target/release/intformer [--burn PATH] [--model swin-t] [--batch 1,8,32,64]

In each round every program has a turn, in every other round backwards, so that what else the machine does,
and how warm the card is, falls on all alike. The folder benches/results/CARD-DATE gets result.md, result.json
and what the programs printed. Python's own library is enough for this script; --python names the interpreter
that has what the peers need.
"""

import argparse
import contextlib
import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import card
from report import OWN, Figures, markdown
from rounds import turns

HERE = Path(__file__).resolve().parent
PEERS = {"torch": "torch_swin.py", "tensorrt": "tensorrt_swin.py"}
# intformer's other executor on the card, whose times are the host's.
WGPU = f"{OWN}-wgpu"
BURN_TYPES = {"fp16": "f16", "fp32": "f32"}


class LeftOut(Exception):
    """A program that does not run here: its sentence and its exit code."""

    def __init__(self, sentence, code):
        super().__init__(sentence)
        self.code = code


class Party:
    """A program that takes part."""

    def __init__(self, name, command, folder, more=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.environment = os.environ | (more or {})
        self.logs = folder / "logs"
        self.errors = self.logs / f"{name}.log"
        self.setting = {}
        self.failures = []

    def left_out(self, code):
        """Why the program ended: its last sentence."""
        said = [line for line in self.errors.read_text(errors="replace").splitlines() if line.strip()]
        return LeftOut(said[-1].removeprefix("error: ") if said else f"ended with {code}", code)

    def keep(self, number, text):
        """Writes down what the program printed in round `number`, counted from 0."""
        (self.logs / f"{self.name}-round-{number + 1}.json").write_text(text)

    def close(self):
        """Ends the program."""


class Command(Party):
    """A program that is started in each round."""

    def started(self, command):
        """What it prints when it has ended well."""
        with self.errors.open("a") as errors:
            try:
                done = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, env=self.environment, text=True)
            except OSError as error:
                raise LeftOut(f"{command[0]}: {error.strerror}", 2) from error
        if done.returncode:
            raise self.left_out(done.returncode)
        return done.stdout

    def open(self):
        """Asks for its version; the first round shows whether it runs."""
        self.setting = {"version": self.started([self.command[0], "--version"]).strip().split(" ")[-1]}

    def round(self, number):
        """A turn; its rows."""
        text = self.started(self.command)
        self.keep(number, text)
        answer = json.loads(text)
        self.setting |= answer.get("setting", {})
        own = f"{OWN} " if self.name in (OWN, WGPU) else ""
        return [row | {"executor": f"{own}{row['executor']}"} for row in answer["results"]]


class Worker(Party):
    """A program that gets ready once and then waits for rounds."""

    process = None
    line = ""

    def open(self):
        """Starts it and waits until it is ready: nothing else uses the card meanwhile."""
        with self.errors.open("a") as errors:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
            self.process = subprocess.Popen(self.command, env=self.environment, text=True, **pipes)
        answer = self.answer()
        self.setting = answer["setting"]

    def answer(self):
        """The next line that it prints."""
        self.line = self.process.stdout.readline()
        if not self.line:
            raise self.left_out(self.process.wait())
        answer = json.loads(self.line)
        self.failures = answer["failures"]
        return answer

    def round(self, number):
        """A turn; its rows."""
        try:
            print(number, file=self.process.stdin, flush=True)
        except OSError as error:
            raise self.left_out(self.process.wait()) from error
        rows = self.answer()["results"]
        self.keep(number, self.line)
        return rows

    def close(self):
        """Lets it end."""
        if self.process:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()


def toolkit(python):
    """Where burn finds CUDA's headers and NVRTC if no toolkit is installed: with the interpreter's packages."""
    if "CUDA_PATH" in os.environ or any(Path(place).exists() for place in ("/usr/local/cuda", "/opt/cuda", "/usr/bin/nvcc")):
        return {}
    script = "import nvidia; print(*nvidia.__path__, sep='\\n')"
    found = subprocess.run([python, "-c", script], capture_output=True, text=True).stdout.splitlines()
    for folder in (Path(place) / version for place in found for version in ("cu13", "cu12")):
        if (folder / "include" / "cuda_runtime.h").is_file():
            libraries = [str(folder / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
            return {"CUDA_PATH": str(folder), "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries))}
    return {}


def parties(given, folder):
    """Who takes part, intformer first."""
    batches = ["--batch", given.batch, "--runs", given.runs, "--warm-up", given.warm_up]
    executor = "cuda" if given.device == "cuda" else "cpu"
    yield Command(OWN, [given.intformer, "bench", given.model, "--executor", executor, *batches, "--json"], folder)
    if given.device == "cuda" and "wgpu" not in given.without:
        wgpu = ["--executor", "wgpu", "--adapter", "hardware"]
        yield Command(WGPU, [given.intformer, "bench", given.model, *wgpu, *batches, "--json"], folder)
    modes = ["--mode", given.torch_mode] if given.torch_mode else []
    shared = ["--model", given.model, *batches, "--device", given.device, "--serve"] + ["--quick"] * given.quick
    for name, script in PEERS.items():
        if name not in given.without:
            more = modes if name == "torch" else []
            yield Worker(name, [given.python, HERE / script, *shared, *more], folder)
    if given.burn:
        quick = ["--quick"] * given.quick
        more = toolkit(given.python) if given.device == "cuda" else {}
        for name, dtype in BURN_TYPES.items():
            command = [given.burn, given.model, "--dtype", dtype, *batches, "--device", given.device, "--json", *quick]
            yield Command(f"burn-{name}", command, folder, more)


def say(text):
    """Tells how far it is."""
    print(text, file=sys.stderr, flush=True)


def leave(party, reason, gone):
    """Goes on without `party`, unless it is the one that all is about."""
    if party.name == OWN:
        card.refuse(f"{OWN}: {reason}", code=reason.code if reason.code in (2, card.NO_DEVICE) else 1)
    say(f"{party.name}: left out: {reason}")
    gone[party.name] = str(reason)


def run(given, folder):
    """All rounds; their figures, and what is to be said of who took part."""
    figures = Figures(given.rounds)
    invited = list(parties(given, folder))
    gone = {}
    try:
        for party in invited:
            say(f"{party.name}: getting ready")
            try:
                party.open()
            except LeftOut as reason:
                leave(party, reason, gone)
        for number in range(given.rounds):
            for party in turns([party for party in invited if party.name not in gone], number):
                say(f"round {number + 1} of {given.rounds}: {party.name}")
                try:
                    rows = party.round(number)
                    by_card = given.device == "cuda" and party.name != WGPU
                    if by_card and not all("card" in row for row in rows):
                        raise LeftOut("expected times by the card's clock, found none", 1)
                    figures.add(number, rows)
                except LeftOut as reason:
                    leave(party, reason, gone)
    finally:
        for party in invited:
            party.close()
    described = []
    for party in invited:
        told = {"name": party.name, "setting": party.setting, "failures": party.failures}
        described.append(told | ({"left_out": gone[party.name]} if party.name in gone else {}))
    return figures.summaries(), described


def results_folder(given, name):
    """A new folder for a card's results of today."""
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        return given.out
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    base = HERE.parent / "results" / f"{slug}-{datetime.date.today().isoformat()}"
    folder, again = base, 1
    while folder.exists():
        again += 1
        folder = base.with_name(f"{base.name}-{again}")
    folder.mkdir(parents=True)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--intformer", required=True, help="the command intformer, built with the executor cuda")
    parser.add_argument("--burn", help="the program of benches/burn-cuda; without it burn is left out")
    parser.add_argument("--python", default=sys.executable, help="the interpreter for the peers; this one")
    parser.add_argument("--without", choices=[*PEERS, "wgpu"], action="append", default=[], help="who is left out")
    parser.add_argument("--torch-mode", help="the modes of torch_swin.py, separated by commas; all")
    parser.add_argument("--model", choices=["swin-t", "swin-s", "swin-b"], default="swin-t")
    parser.add_argument("--batch", default="1,8,32,64", help="images of a run, separated by commas")
    parser.add_argument("--rounds", type=int, default=9, help="rounds; from six on the interval is one of 95 %%")
    parser.add_argument("--runs", type=int, default=50, help="runs of a contender in a round")
    parser.add_argument("--warm-up", type=int, default=20, help="runs before those, in each round")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu, to test the programs")
    parser.add_argument("--quick", action="store_true", help="two rounds of one image, to test the programs: no figure counts")
    parser.add_argument("--out", type=Path, help="the folder of results; a new one in benches/results")
    given = parser.parse_args()
    if given.quick:
        given.batch, given.rounds, given.runs, given.warm_up = "1", 2, 2, 1
    if min(given.rounds, given.runs) < 1 or given.warm_up < 0:
        parser.error("expected at least one round and one run")
    sentence = card.missing() if given.device == "cuda" else None
    if sentence:
        card.refuse(sentence)

    told = card.query(card.FIXED) if given.device == "cuda" else {}
    name = card.name() if given.device == "cuda" else "the CPU"
    folder = results_folder(given, name)
    (folder / "logs").mkdir(exist_ok=True)
    setting = {"card": name, "date": datetime.date.today().isoformat(), "model": given.model, "quick": given.quick}
    setting |= {"rounds": given.rounds, "runs": given.runs, "warm_up": given.warm_up, **told}
    summaries, described = run(given, folder)
    whole = {"weights": "random", "setting": setting, "parties": described, "results": summaries}
    (folder / "result.json").write_text(json.dumps(whole, indent=2) + "\n")
    text = markdown(setting, described, summaries)
    (folder / "result.md").write_text(text)
    print(text)
    say(f"written to {folder}")


if __name__ == "__main__":
    main()
