"""python3 -m unittest discover -s benches/peers"""

import argparse
import types
import unittest

from peer import CardClock, Contender, HostClock, counts, some_of


class Event:
    """A mark on a stream whose clock is the number of things done on it, in milliseconds."""

    done = 0

    def __init__(self, enable_timing):
        self.at = None if enable_timing else 1 / 0

    def record(self):
        self.at = Event.done

    def synchronize(self):
        pass

    def elapsed_time(self, end):
        return end.at - self.at


TORCH = types.SimpleNamespace(cuda=types.SimpleNamespace(Event=Event))


def contender(log):
    """One whose upload takes 3 of that clock, whose run takes 10, whose download takes 1."""

    def work(name, cost):
        def call(*logits):
            log.append((name, *logits))
            Event.done += cost
            return "logits"

        return call

    return Contender("some", 4, work("run", 10), 0.5, work("upload", 3), work("download", 1))


class Clocks(unittest.TestCase):
    def test_spans_are_between_the_marks_and_warm_up_is_not_counted(self):
        log = []
        one = contender(log)
        times = CardClock(TORCH).measure(one, warm_up=2, runs=3)
        self.assertEqual((times["upload"], times["graph"], times["download"]), ([3] * 3, [10] * 3, [1] * 3))
        self.assertEqual(len(times["host"]), 3)
        queued = [("upload",), ("run",), ("download", "logits")]
        self.assertEqual(log, (queued + [("run",)] + queued) * 5)

        row = one.row(times | {"host": [4.0, 1.0, 3.0, 2.0]})
        self.assertEqual((row["executor"], row["batch"], row["error"]), ("some", 4, 0.5))
        self.assertEqual([row[name] for name in ("q1_ms", "median_ms", "q3_ms")], [1.75, 2.5, 3.25])
        self.assertEqual(row["card"]["graph_ms"], [10, 10, 10])
        self.assertEqual(row["times_ms"], [10, 10, 10])

    def test_without_a_card_the_host_counts(self):
        log = []
        one = contender(log)
        times = HostClock().measure(one, warm_up=1, runs=2)
        self.assertEqual(len(times["host"]), 2)
        self.assertEqual(log, [("run",)] * 3)
        self.assertNotIn("card", one.row(times))


class Options(unittest.TestCase):
    def test_lists(self):
        self.assertEqual(counts("1,8"), [1, 8])
        self.assertEqual(some_of("ab")("b,a"), ["b", "a"])
        with self.assertRaises(ValueError):
            counts("8,0")
        with self.assertRaises(argparse.ArgumentTypeError):
            some_of("ab")("c")


if __name__ == "__main__":
    unittest.main()
