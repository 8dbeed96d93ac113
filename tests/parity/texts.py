"""How close an integer-only sentence encoder is to its float self, on texts of one's own.

    python texts.py INTFORMER CHECKPOINT COMPRESSED TEXTS.txt [EXECUTOR]     (needs numpy)

INTFORMER is the command, CHECKPOINT the float model, COMPRESSED what `intformer quantize` made of it, TEXTS a text a
line. Prints the cosine of both embeddings of each text (mean and least), Spearman's correlation of all pairwise
similarities, and the share of texts whose nearest neighbour is the same.
"""

import json
import subprocess
import sys

import numpy


def embeddings(command, model, texts, *more):
    """The embeddings of the texts, each of length 1."""
    arguments = [command, "embed", model, "--text-file", texts, "--json", "--quiet", *more]
    answer = json.loads(subprocess.run(arguments, check=True, capture_output=True).stdout)
    vectors = numpy.array(answer["embeddings"], dtype=numpy.float64)
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def ranks(values):
    """The place of each value in ascending order; equal ones share the mean."""
    _, inverse, counts = numpy.unique(values, return_inverse=True, return_counts=True)
    ends = numpy.cumsum(counts)
    return ((ends - counts + ends - 1) / 2)[inverse]


def closeness(floats, integers):
    """The cosine of both embeddings of each text, its mean and its least; Spearman's correlation of all pairwise
    similarities; the share of texts whose nearest neighbour is the same."""
    cosines = (floats * integers).sum(axis=1)
    pairs = numpy.triu_indices(len(floats), 1)
    similar = [vectors @ vectors.T for vectors in (floats, integers)]
    spearman = numpy.corrcoef(*(ranks(found[pairs]) for found in similar))[0, 1]
    for found in similar:
        numpy.fill_diagonal(found, -2)
    same = (similar[0].argmax(axis=1) == similar[1].argmax(axis=1)).mean()
    return cosines.mean(), cosines.min(), spearman, same


def main(command, checkpoint, compressed, texts, executor="cpu"):
    floats = embeddings(command, checkpoint, texts)
    integers = embeddings(command, compressed, texts, "--executor", executor)
    cosine, worst, spearman, same = closeness(floats, integers)
    print(f"{len(floats)} texts: cosine {cosine:.5f}, at worst {worst:.5f}; Spearman {spearman:.5f}; "
          f"same nearest neighbour {same:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
