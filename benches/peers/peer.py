"""What the peers have in common: models, options, timing, the answer, and the rounds that `compare.py` asks for."""

import argparse
import dataclasses
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable

import card
from rounds import quartiles, relative_error, turns

MODELS = {
    "swin-t": "swin_tiny_patch4_window7_224",
    "swin-s": "swin_small_patch4_window7_224",
    "swin-b": "swin_base_patch4_window7_224",
}
# Side of the image in pixels.
SIZE = 224
SEED = 0
# Runs before a capture or a measurement: libraries set up in the first what they need, and
# torch.compile captures in the second.
FIRST_RUNS = 3


@dataclasses.dataclass
class Contender:
    """One way to run the model at one batch size, and its times in milliseconds."""

    executor: str
    batch: int
    # Puts a run on the stream (on the CPU: does it) and returns its logits.
    run: Callable
    # Of the logits to those of timm in 32 bits, relative to theirs.
    error: float
    # Puts copies on the stream, on the card alone: images from page-locked memory to where `run` reads
    # them, and given logits back.
    upload: Callable | None = None
    download: Callable | None = None
    # By what was timed: "host", and on the card "upload", "graph", "download".
    times: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    state: dict = dataclasses.field(default_factory=dict)

    def row(self, times):
        """`times` in the form of `intformer bench --json`."""
        q1, median, q3 = quartiles(times["host"])
        row = {"executor": self.executor, "batch": self.batch, "median_ms": median, "q1_ms": q1, "q3_ms": q3}
        if "graph" in times:
            spans = {f"{name}_ms": quartiles(times[name]) for name in ("graph", "upload", "download")}
            row["card"] = spans | {"state": self.state}
        return row | {"error": self.error, "times_ms": times.get("graph", times["host"])}


class CardClock:
    """The card's clock, and the host's: images to the card, the model, logits back, all queued at once.

    So does `intformer bench --executor cuda`: runs by the host's clock, and others with events before, between and after
    the three parts, behind one more run of the model that keeps the card at work until all is queued.
    """

    def __init__(self, torch):
        self.marks = [torch.cuda.Event(enable_timing=True) for _ in range(4)]

    def measure(self, contender, warm_up, runs):
        """Milliseconds of each run."""
        times = {name: [] for name in ("upload", "graph", "download", "host")}
        for at in range(warm_up + runs):
            began = time.perf_counter()
            self.queue(contender)
            host = 1e3 * (time.perf_counter() - began)
            contender.run()
            self.queue(contender)
            spans = [start.elapsed_time(end) for start, end in zip(self.marks, self.marks[1:])] + [host]
            if at >= warm_up:
                for name, span in zip(times, spans):
                    times[name].append(span)
        contender.state = card.query(card.STATE)
        return times

    def queue(self, contender):
        """Puts a run on the stream, with the marks, and waits for it."""
        self.marks[0].record()
        contender.upload()
        self.marks[1].record()
        # The next run may write where this one's logits are: torch must not keep them for us.
        logits = contender.run()
        self.marks[2].record()
        contender.download(logits)
        self.marks[3].record()
        self.marks[3].synchronize()


class HostClock:
    """The host's clock alone, where the work is done when the call returns."""

    def measure(self, contender, warm_up, runs):
        """Milliseconds of each run."""
        times = []
        for at in range(warm_up + runs):
            began = time.perf_counter()
            contender.run()
            if at >= warm_up:
                times.append(1e3 * (time.perf_counter() - began))
        return {"host": times}


def counts(text):
    """Positive numbers separated by commas."""
    numbers = [int(part) for part in text.split(",")]
    if min(numbers) < 1:
        raise ValueError
    return numbers


def some_of(choices):
    """A parser of some of `choices`, separated by commas."""

    def parse(text):
        parts = text.split(",")
        unknown = [part for part in parts if part not in choices]
        if unknown:
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(choices)}, found {', '.join(unknown)}")
        return parts

    return parse


def options(description):
    """A parser of what all peers take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="swin-t")
    parser.add_argument("--batch", type=counts, default=[1, 8, 32, 64], help="images of a run, separated by commas")
    parser.add_argument("--runs", type=int, default=50, help="runs of a contender in a round")
    parser.add_argument("--warm-up", type=int, default=20, help="runs before those, in each round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; in each every contender has a turn")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--quick", action="store_true", help="two rounds of one image, to test the program: no figure counts")
    parser.add_argument("--json", action="store_true")
    # For compare.py, see Session.serve.
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser


def parse(parser, needs=()):
    """The options, as --quick changes them; ends the program where the card or one of the packages is missing."""
    given = parser.parse_args()
    if given.quick:
        given.batch, given.runs, given.warm_up, given.rounds = [1], 2, 1, 2
    if min(given.runs, given.rounds) < 1 or given.warm_up < 0:
        parser.error("expected at least one run and one round")
    on_card = given.device == "cuda"
    for package in ("torch", "timm", *(needs if on_card else ())):
        if importlib.util.find_spec(package) is None:
            card.refuse(f"expected the Python package {package}, found none")
    sentence = card.missing() if on_card else None
    if sentence:
        card.refuse(sentence)
    return given


class Session:
    """The contenders of one program through preparation and rounds."""

    def __init__(self, given, torch, setting):
        on_card = given.device == "cuda"
        self.given = given
        self.clock = CardClock(torch) if on_card else HostClock()
        self.contenders = []
        self.failures = []
        # The answer needs the standard output for itself: what libraries print goes to the other one.
        self.out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self.setting = {"model": given.model, "quick": given.quick, "torch": torch.__version__} | setting
        if on_card:
            self.setting |= {"device": torch.cuda.get_device_name(), "cuda": torch.version.cuda, **card.query(card.FIXED)}
        else:
            self.setting["device"] = platform.machine()

    def prepare(self, executor, batch, make, *how):
        """Adds the contender that `make` makes of its name and `how`; what goes wrong is noted, for the others go on."""
        print(f"{executor}, batch {batch}: getting ready", file=sys.stderr, flush=True)
        try:
            self.contenders.append(make(executor, *how))
        except Exception as error:
            self.fail(executor, batch, error)

    def fail(self, executor, batch, error):
        """Notes that a contender is out."""
        print(f"{executor}, batch {batch}: {error}", file=sys.stderr, flush=True)
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        self.failures.append({"executor": executor, "batch": batch, "failure": cause})

    def round(self, number):
        """A turn for every contender that is left; their rows."""
        rows = []
        for contender in turns(self.contenders, number):
            try:
                times = self.clock.measure(contender, self.given.warm_up, self.given.runs)
            except Exception as error:
                self.fail(contender.executor, contender.batch, error)
                self.contenders.remove(contender)
                continue
            for name, values in times.items():
                contender.times.setdefault(name, []).extend(values)
            rows.append(contender.row(times))
        return rows

    def run(self):
        """Runs all rounds and prints the answer, or serves `compare.py`."""
        if self.given.serve:
            self.serve()
            return
        for number in range(self.given.rounds):
            self.round(number)
        if not self.contenders:
            causes = sorted({failure["failure"] for failure in self.failures})
            card.refuse(f"expected a contender that runs, found none: {'; '.join(causes)}", code=2)
        rows = [contender.row(contender.times) for contender in self.contenders]
        if self.given.json:
            self.say({"weights": "random", "setting": self.setting, "results": rows, "failures": self.failures}, indent=2)
        else:
            print(self.table(rows), file=self.out, flush=True)

    def serve(self):
        """Says what is ready; then answers each line of the standard input, a round's number, with the round."""
        self.say({"setting": self.setting, "failures": self.failures})
        for line in sys.stdin:
            rows = self.round(int(line))
            self.say({"results": rows, "failures": self.failures})

    def say(self, value, indent=None):
        """Prints JSON."""
        print(json.dumps(value, indent=indent), file=self.out, flush=True)

    def table(self, rows):
        """The answer for people."""
        lines = ["random weights: these times say nothing of accuracy"]
        if self.given.quick:
            lines.append("a quick test of the program: no figure here is a measurement")
        lines += [f"{name:<22} {value}" for name, value in self.setting.items() if name != "quick"]
        states = [row["card"]["state"] for row in rows if "card" in row]
        if states and states[-1]:
            lines.append(f"{'after the last run':<22} " + ", ".join(f"{name} {value:g}" for name, value in states[-1].items()))
        names = ["median ms", "q1 ms", "q3 ms", "images/s", "upload ms", "download ms", "host ms", "error"]
        lines += ["", f"{'executor':<42} {'batch':>6}" + "".join(f" {name:>11}" for name in names)]
        for row in rows:
            on_card = row.get("card", {})
            q1, median, q3 = on_card.get("graph_ms") or (row["q1_ms"], row["median_ms"], row["q3_ms"])
            copies = [on_card[name][1] if on_card else None for name in ("upload_ms", "download_ms")]
            values = [median, q1, q3, 1e3 * row["batch"] / median, *copies, row["median_ms"], row["error"]]
            cells = "".join(f" {'' if value is None else format(value, '.4f'):>11}" for value in values)
            lines.append(f"{row['executor']:<42} {row['batch']:>6}{cells}")
        for failure in self.failures:
            lines.append(f"{failure['executor']:<42} {failure['batch']:>6} did not run: {failure['failure']}")
        return "\n".join(lines)


def random_model(torch, timm, name):
    """timm's model with random weights, in 32 bits."""
    torch.manual_seed(SEED)
    return timm.create_model(MODELS[name], pretrained=False).eval().requires_grad_(False)


def noise(torch, batch):
    """Images of noise as the model takes them."""
    generator = torch.Generator().manual_seed(SEED + 1)
    return torch.randn((batch, 3, SIZE, SIZE), generator=generator)


def truths(torch, model, batches):
    """The logits of `model`, which is in 32 bits, for the images of each batch size."""
    device = next(model.parameters()).device
    return {batch: model(noise(torch, batch).to(device)).cpu().flatten().tolist() for batch in batches}


def captured(torch, run):
    """`run` as a CUDA graph: a call that replays it and returns its logits."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(FIRST_RUNS):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        logits = run()

    def replay():
        graph.replay()
        return logits

    return replay


def ready(torch, executor, run, images, image, truth):
    """A contender whose `run` reads `image`, the copy on the device of `images`, after its first runs."""
    for _ in range(FIRST_RUNS):
        logits = None  # As in `CardClock.measure`.
        logits = run()
    found = logits.float().cpu().flatten().tolist()
    made = Contender(executor, len(images), run, relative_error(found, truth))
    if image.is_cuda:
        above, below = images.pin_memory(), torch.empty_like(logits, device="cpu").pin_memory()
        made.upload = lambda: image.copy_(above, non_blocking=True)
        made.download = lambda logits: below.copy_(logits, non_blocking=True)
    return made
