"""What the training of the shipped model of questions starts from.

    python questions_start.py MINILM QUESTIONS.csv OUT          (needs numpy, safetensors)

MINILM is the folder of all-MiniLM-L6-v2 (MIT), QUESTIONS.csv a table with a column text; `cargo xtask assets minilm
trec` fetches both. Writes the folder OUT: a BERT of two blocks and 128 channels in Hugging Face's layout, whose words
are MiniLM's most frequent ones and those of the questions, as the first 128 principal components of its embeddings.
All else is drawn by a fixed seed.
"""

import csv
import json
import pathlib
import sys

import numpy
from safetensors.numpy import load_file, save_file

WORDS = 6000
CHANNELS = 128
HIDDEN = 512
BLOCKS = 2
HEADS = 4
POSITIONS = 64
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def pieces(vocabulary, word):
    """WordPiece: the longest piece first; nothing if a part of the word is unknown."""
    found, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = (end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary)
        end = next(ends, None)
        if end is None:
            return []
        found.append(prefix + word[start:end])
        start = end
    return found


def chosen(vocabulary, texts):
    """The words that are kept: MiniLM's are in the order of how frequent they are, after single characters."""
    words = sorted(vocabulary, key=vocabulary.get)
    plain = [word for word in words if not word.startswith("[")]
    single = [word for word in plain if len(word.removeprefix("##")) == 1 and word.isascii()]
    frequent = [word for word in plain if len(word.removeprefix("##")) > 1][:WORDS]
    split = "".join(c if c.isalnum() else f" {c} " for text in texts for c in text.lower() + " ").split()
    seen = {piece for word in set(split) for piece in pieces(vocabulary, word)}
    kept = {*single, *frequent, *seen}
    return SPECIAL + [word for word in plain if word in kept]


def components(rows, count):
    """The first principal components of `rows`, each row of length about 1."""
    centred = rows - rows.mean(axis=0)
    _, vectors = numpy.linalg.eigh(centred.T @ centred)
    # The sign of a component is arbitrary: its largest entry is positive.
    vectors = vectors[:, ::-1][:, :count]
    vectors = vectors * numpy.sign(vectors[numpy.abs(vectors).argmax(axis=0), range(count)])
    reduced = centred @ vectors
    return reduced / numpy.sqrt((reduced ** 2).sum(axis=1).mean())


def tokenizer(json_of_minilm, words):
    """MiniLM's tokenizer with other words."""
    ids = {word: at for at, word in enumerate(words)}
    json_of_minilm["model"]["vocab"] = ids
    kept = [token for token in json_of_minilm["added_tokens"] if token["content"] in ids]
    json_of_minilm["added_tokens"] = [{**token, "id": ids[token["content"]]} for token in kept]
    for token in json_of_minilm["post_processor"]["special_tokens"].values():
        token["ids"] = [ids[name] for name in token["tokens"]]
    return {**json_of_minilm, "padding": None, "truncation": None}


def main(minilm, questions, out):
    minilm, out = pathlib.Path(minilm), pathlib.Path(out)
    with open(questions, newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    of_minilm = json.loads((minilm / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = of_minilm["model"]["vocab"]
    words = chosen(vocabulary, texts)
    table = load_file(minilm / "model.safetensors")["embeddings.word_embeddings.weight"]
    word_rows = components(table[[vocabulary[word] for word in words]].astype(numpy.float64), CHANNELS)

    random = numpy.random.default_rng(0)
    tensors = {}

    def drawn(name, *shape):
        tensors[f"{name}.weight"] = random.normal(0, 0.05, shape).astype(numpy.float32)
        tensors[f"{name}.bias"] = numpy.zeros(shape[0], numpy.float32)

    def norm(name):
        tensors[f"{name}.weight"] = numpy.ones(CHANNELS, numpy.float32)
        tensors[f"{name}.bias"] = numpy.zeros(CHANNELS, numpy.float32)

    tensors["embeddings.word_embeddings.weight"] = word_rows.astype(numpy.float32)
    for name, rows in (("position", POSITIONS), ("token_type", 2)):
        values = random.normal(0, 0.02, (rows, CHANNELS))
        tensors[f"embeddings.{name}_embeddings.weight"] = values.astype(numpy.float32)
    norm("embeddings.LayerNorm")
    for block in range(BLOCKS):
        site = f"encoder.layer.{block}"
        for part in ("query", "key", "value"):
            drawn(f"{site}.attention.self.{part}", CHANNELS, CHANNELS)
        drawn(f"{site}.attention.output.dense", CHANNELS, CHANNELS)
        norm(f"{site}.attention.output.LayerNorm")
        drawn(f"{site}.intermediate.dense", HIDDEN, CHANNELS)
        drawn(f"{site}.output.dense", CHANNELS, HIDDEN)
        norm(f"{site}.output.LayerNorm")

    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "model.safetensors")
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": CHANNELS,
        "intermediate_size": HIDDEN,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": POSITIONS,
        "num_attention_heads": HEADS,
        "num_hidden_layers": BLOCKS,
        "type_vocab_size": 2,
        "vocab_size": len(words),
    }
    (out / "config.json").write_text(json.dumps(config, indent=2))
    made = json.dumps(tokenizer(of_minilm, words), ensure_ascii=False)
    (out / "tokenizer.json").write_text(made, encoding="utf-8")
    print(f"{out}: {len(words)} words, {sum(tensor.size for tensor in tensors.values())} parameters")


if __name__ == "__main__":
    main(*sys.argv[1:])
