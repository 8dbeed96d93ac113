"""How well an integer-only classifier of texts keeps what its float self says, on a table of one's own.

    python labels.py INTFORMER CHECKPOINT COMPRESSED TABLE [TEXT_COLUMN LABEL_COLUMN]     (needs numpy)

INTFORMER is the command, CHECKPOINT the float model, COMPRESSED what `intformer quantize` made of it. Prints the accuracy
of both, the share of texts to which both give the same class, and how many of the integer-only model's classes change
when all texts are one batch in place of one by one.
"""

import csv
import json
import subprocess
import sys


def answer(command, *arguments):
    found = subprocess.run([command, *arguments, "--json", "--quiet"], check=True, capture_output=True)
    return json.loads(found.stdout)


def main(command, checkpoint, compressed, table, text="text", label="label"):
    with open(table, newline="", encoding="utf-8") as file:
        truths = [row[label] for row in csv.DictReader(file)]
    texts = ["--text-file", table, "--column", text]

    def alone(model, executor):
        found = answer(command, "classify", model, *texts, "-k", "1", "--executor", executor)
        return [one["top"][0]["label"] for one in found["texts"]]

    floats, integers = alone(checkpoint, "auto"), alone(compressed, "cpu")
    labels = answer(command, "info", compressed)["labels"]
    logits = answer(command, "logits", compressed, *texts, "--executor", "cpu")["logits"]
    rows = logits if isinstance(logits[0], list) else [logits[at:at + len(labels)] for at in range(0, len(logits), len(labels))]
    together = [labels[max(range(len(row)), key=lambda at: (row[at], -at))] for row in rows]

    def share(a, b):
        return sum(x == y for x, y in zip(a, b, strict=True)) / len(truths)

    changed = sum(a != b for a, b in zip(integers, together, strict=True))
    print(f"{len(truths)} texts: float {100 * share(floats, truths):.2f} %, integers {100 * share(integers, truths):.2f} %, "
          f"the same class {100 * share(floats, integers):.2f} %; {changed} changed by the batch")


if __name__ == "__main__":
    main(*sys.argv[1:])
