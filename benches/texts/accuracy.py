"""How close integer encoders are to their float self, and what a batch changes: intformer and its peers in one run.

    python accuracy.py FOLDER INTFORMER COMPRESSED      (needs what export.py needs)

FOLDER is what export.py made, INTFORMER the command, COMPRESSED what `intformer quantize` made of FOLDER/encoder with
FOLDER/calib.txt. Writes FOLDER/accuracy.md and prints it. A batch is 32 texts, of intformer all of them.
"""

import sys
from pathlib import Path

import numpy
from peers import PEERS, Peer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "parity"))
from texts import closeness, embeddings  # noqa: E402

BATCH = 32
HEADER = """\
| | cosine, mean | at worst | Spearman | same nearest neighbour | alone and in a batch: greatest difference | rows equal |
| - | - | - | - | - | - | - |"""


def row(name, floats, alone, batched):
    cosine, worst, spearman, same = closeness(floats, alone)
    changed = numpy.abs(alone - batched).max()
    equal = (alone == batched).all(axis=1).mean()
    return (f"| {name} | {cosine:.5f} | {worst:.4f} | {spearman:.5f} | {same:.3f} | "
            f"{changed:.1e} | {100 * equal:.1f} % |")


def in_turn(embed, texts, size):
    return numpy.concatenate([embed(texts[at:at + size]) for at in range(0, len(texts), size)])


def main(folder, command, compressed):
    folder = Path(folder)
    texts = (folder / "test.txt").read_text(encoding="utf-8").splitlines()
    lines = [f"{len(texts)} sentences, against torch in fp32.", "", HEADER]
    floats = None
    for name in PEERS:
        peer = Peer(name, folder, 2)

        def embed(some):
            return peer.embed(peer.batch(some))

        alone, batched = in_turn(embed, texts, 1), in_turn(embed, texts, BATCH)
        floats = alone if floats is None else floats
        lines.append(row(name, floats, alone, batched))
    # All lines of a file are one batch, so each has a file of its own to be alone.
    one = folder / "one.txt"

    def alone_of(text):
        one.write_text(text + "\n", encoding="utf-8")
        return embeddings(command, compressed, one, "--executor", "cpu")[0]

    batched = embeddings(command, compressed, folder / "test.txt", "--executor", "cpu")
    alone = numpy.stack([alone_of(text) for text in texts])
    one.unlink()
    lines.append(row("**intformer**", floats, alone, batched))
    report = "\n".join(lines) + "\n"
    (folder / "accuracy.md").write_text(report, encoding="utf-8")
    print(report)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
