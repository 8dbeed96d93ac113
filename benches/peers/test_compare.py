"""python3 -m unittest discover -s benches/peers"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from compare import LeftOut, Worker
from report import Figures, figure, markdown

SCRIPT = Path(__file__).with_name("compare.py")
# A stand-in for the command intformer: its first run takes 10 ms, each later one twice as long.
STAND_IN = """#!{python}
import json, sys
from pathlib import Path
if sys.argv[1:] == ["--version"]:
    print("intformer 1.2.3")
    sys.exit()
assert sys.argv[1:5] == ["bench", "swin-t", "--executor", "cpu"] and "--json" in sys.argv
count = Path(__file__).with_suffix(".count")
run = int(count.read_text()) if count.exists() else 0
count.write_text(str(run + 1))
if run == {fails}:
    sys.exit("error: expected a card, found none")
middle = 10.0 * 2**run
print(json.dumps({{"results": [{{"executor": "cpu", "batch": 1, "median_ms": middle, "q1_ms": middle - 1, "q3_ms": middle + 1}}]}}))
"""


def row(executor, middle, card=True):
    """A row of `intformer bench` or of a peer."""
    found = {"executor": executor, "batch": 8, "median_ms": 9.0, "q1_ms": 8.0, "q3_ms": 10.0}
    spans = {"graph_ms": [middle - 1, middle, middle + 1], "upload_ms": [1, 2, 3], "download_ms": [0, 1, 2]}
    return found | ({"card": spans | {"state": {"celsius": middle}}} if card else {})


class Report(unittest.TestCase):
    def test_the_card_s_clock_goes_first(self):
        told = figure(row("any", 5.0))
        self.assertEqual([told[name] for name in ("clock", "q1_ms", "median_ms", "q3_ms")], ["card", 4, 5, 6])
        self.assertEqual([told[name] for name in ("upload_ms", "download_ms", "host_ms")], [2, 1, 9])
        told = figure(row("any", 5.0, card=False))
        self.assertEqual([told["clock"], told["median_ms"], told["host_ms"]], ["host", 9, 9])

    def test_the_host_s_clock_is_told_of_no_run_without_copies(self):
        alone = row("burn", 5.0)
        del alone["card"]["upload_ms"], alone["card"]["download_ms"]
        self.assertNotIn("host_ms", figure(alone))

    def test_ratios_are_of_the_same_round(self):
        figures = Figures(3)
        for number, (own, other) in enumerate([(1.0, 2.0), (10.0, 30.0), (2.0, 8.0)]):
            figures.add(number, [row("torch", other)])
            figures.add(number, [row("intformer wgpu", 7.0, card=False)])
            figures.add(number, [row("intformer cuda", own)])
        wgpu, own, other = figures.summaries()
        self.assertEqual((wgpu["clock"], wgpu["median_ms"], wgpu["ratio"]), ("host", 9.0, None))
        self.assertEqual((own["executor"], own["median_ms"], own["ratio"]), ("intformer cuda", 2.0, None))
        self.assertEqual((other["median_ms"], other["ratio"], other["rounds"]), (8.0, [2.0, 3.0, 4.0], 3))

    def test_a_round_that_failed_and_another_clock_have_no_ratio(self):
        figures = Figures(2)
        figures.add(0, [row("intformer cuda", 1.0), row("torch", 2.0), row("burn", 2.0, card=False)])
        figures.add(1, [row("intformer cuda", 1.0)])
        by_name = {summary["executor"]: summary for summary in figures.summaries()}
        self.assertEqual(by_name["torch"]["ratio"], [2.0, 2.0, 2.0])
        self.assertEqual(by_name["torch"]["medians_ms"], [2.0, None])
        self.assertIsNone(by_name["burn"]["ratio"])

        setting = {"card": "X", "date": "D", "model": "swin-t", "quick": False, "rounds": 2, "runs": 3, "warm_up": 1}
        parties = [{"name": "torch", "setting": {"torch": "9"}, "failures": []}, {"name": "tensorrt", "left_out": "why"}]
        text = markdown(setting, parties, figures.summaries())
        self.assertIn("| torch (1 of 2 rounds) | 2.000 | 1.000 to 3.000 | 4000.0 | 2.00 [2.00, 2.00] | 2.000 | 1.000 | 9.000 |  |", text)
        self.assertIn("- tensorrt: left out: why", text)
        self.assertIn("temperature 1 to 2 °C", text)


# A stand-in for a peer: gets ready, answers one round, and fails in the next.
PEER = """
import json, sys
print(json.dumps({"setting": {"torch": "9"}, "failures": []}), flush=True)
print(json.dumps({"results": [{"round": int(sys.stdin.readline())}], "failures": []}), flush=True)
sys.stdin.readline()
sys.exit("some words\\nerror: the card fell off the bus")
"""


class Workers(unittest.TestCase):
    def test_a_worker_answers_rounds_until_it_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "logs").mkdir()
            worker = Worker("torch", [sys.executable, "-c", PEER], folder)
            worker.open()
            self.assertEqual(worker.setting, {"torch": "9"})
            self.assertEqual(worker.round(0), [{"round": 0}])
            with self.assertRaises(LeftOut) as caught:
                worker.round(1)
            worker.close()
            self.assertEqual((str(caught.exception), caught.exception.code), ("the card fell off the bus", 1))
            self.assertIn('"round": 0', (folder / "logs/torch-round-1.json").read_text())


class Whole(unittest.TestCase):
    """The script itself, with a stand-in for intformer and without peers."""

    def compare(self, folder, fails=-1):
        own = folder / "intformer"
        own.write_text(STAND_IN.format(python=sys.executable, fails=fails))
        own.chmod(0o755)
        command = [sys.executable, str(SCRIPT), "--intformer", str(own), "--device", "cpu", "--quick"]
        command += ["--without", "torch", "--without", "tensorrt", "--out", str(folder / "out")]
        return subprocess.run(command, capture_output=True, text=True)

    def test_results_and_logs_are_written(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            done = self.compare(folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            whole = json.loads((folder / "out/result.json").read_text())
            self.assertEqual(whole["results"][0]["medians_ms"], [10.0, 20.0])
            self.assertEqual(whole["parties"][0]["setting"], {"version": "1.2.3"})
            self.assertIn("| intformer cpu | 15.000 |", (folder / "out/result.md").read_text())
            self.assertTrue((folder / "out/logs/intformer-round-2.json").is_file())

    def test_without_intformer_there_is_nothing_to_compare(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.compare(Path(folder), fails=1)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.splitlines()[-1], "error: intformer: expected a card, found none")


if __name__ == "__main__":
    unittest.main()
