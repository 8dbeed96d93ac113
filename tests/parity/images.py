"""Measures how far the pixels of image files are from those of Pillow; docs/images.md has the table.

    python images.py FOLDER [COMMAND]      (needs pillow, torchvision, timm, numpy)

COMMAND runs the example `pixels` of the crate `intformer`; without it, cargo builds and runs it. Files are
written to FOLDER. The exit code is 1 if a bound that docs/images.md states does not hold.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))
import make_images as fixtures  # noqa: E402

CARGO = "cargo run --quiet --release --locked --package intformer --features formats --example pixels"
SIZES = 150
PHOTO = (640, 427)
MODEL = 224


class Pixels:
    """Jobs for the example, all run at once, each with what Pillow makes of it."""

    def __init__(self, folder):
        self.folder, self.jobs = folder, []

    def ask(self, group, file, expected, decoding="seen", resize=None):
        job = {"file": str(self.folder / file), "channels": 3, "decoding": decoding, "resize": resize}
        job["out"] = str(self.folder / f"{len(self.jobs)}.raw")
        self.jobs.append((group, job, np.asarray(expected)))

    def run(self, command):
        """Differences by group, or the sentence of a refusal."""
        lines = "".join(json.dumps(job) + "\n" for _, job, _ in self.jobs)
        answers = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
        groups = {}
        for (group, job, expected), answer in zip(self.jobs, answers.splitlines(), strict=True):
            answer = json.loads(answer)
            if "error" in answer:
                groups[group] = answer["error"]
                continue
            found = np.fromfile(job["out"], np.uint8).reshape(*answer["size"], 3)
            if found.shape != expected.shape:
                groups[group] = f"{found.shape[:2]} pixels for {expected.shape[:2]}"
                continue
            difference = np.abs(found.astype(int) - expected).ravel()
            groups.setdefault(group, []).append(difference)
        return groups


def fit(filter, size, rule="squash"):
    return {"rule": rule, "filter": filter, "size": size}


def filters(pixels):
    """Random sizes, reduced and enlarged, in both orders of passes."""
    rng = np.random.default_rng(1)
    for index in range(SIZES):
        width, height = (int(np.exp(rng.uniform(0, np.log(500)))) for _ in range(2))
        size = [4 * int(rng.integers(1, 60)) for _ in range(2)]
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
        image.save(pixels.folder / f"noise{index}.png")
        for name in fixtures.FILTERS:
            method = Image.Resampling[name.upper()]
            for order, resize in (("rows first", fixtures.rows_first), ("as it is", fixtures.resize)):
                expected = resize(image, tuple(size[::-1]), method)
                pixels.ask(f"{name}, Pillow {order}", f"noise{index}.png", expected, resize=fit(name, size))


def photos(pixels):
    """JPEG, decoded and then reduced for a model."""
    for quality in (75, 95):
        for kind, options in {
            "4:4:4": {"subsampling": 0},
            "4:2:0": {"subsampling": 2},
            "4:2:0 progressive": {"subsampling": 2, "progressive": True},
        }.items():
            for seed in range(3):
                name = f"photo-{quality}-{kind.replace(':', '')}-{seed}.jpg"
                photo = Image.fromarray(fixtures.draw(*PHOTO, 20 + seed))
                photo.save(pixels.folder / name, quality=quality, **options)
                photo = Image.open(pixels.folder / name).convert("RGB")
                pixels.ask(f"JPEG {quality} {kind}", name, photo)
                expected = fixtures.rows_first(photo, (MODEL, MODEL), Image.Resampling.BICUBIC)
                reduced = fit("bicubic", [MODEL, MODEL])
                pixels.ask(f"JPEG {quality} {kind}, {MODEL}x{MODEL}", name, expected, resize=reduced)
    name = "photo.webp"
    Image.fromarray(fixtures.draw(*PHOTO, 30)).save(pixels.folder / name, quality=80)
    pixels.ask("WebP, lossy", name, Image.open(pixels.folder / name).convert("RGB"))


def odd(pixels):
    """Files of each format, depth and colour, in both decodings."""
    for name, data in fixtures.odd_files(96, 64).items():
        (pixels.folder / name).write_bytes(data)
        expected = fixtures.converted(name, data)
        for decoding in ("torchvision", "seen"):
            pixels.ask(f"{name}, {decoding}", name, expected, decoding)


def bound(group):
    """The largest difference that docs/images.md states, or none."""
    name, _, what = group.partition(", ")
    if group.startswith("JPEG") or (name.endswith(".jpg") and what == "torchvision"):
        return 5
    if name == "cmyk.tif":
        return 1
    return 0 if what in ("torchvision", "lossy", "Pillow rows first") else None


def main(folder, command):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = Pixels(folder)
    filters(pixels)
    photos(pixels)
    odd(pixels)
    print(f"Pillow {PIL.__version__}; differences in levels of 255\n")
    print(f"{'':44} {'mean':>8} {'largest':>8}   equal")
    broken = 0
    for group, found in pixels.run(command).items():
        limit = bound(group)
        if isinstance(found, str):
            print(f"{group:44} {found}")
            broken += limit is not None
            continue
        found = np.concatenate(found)
        over = limit is not None and found.max() > limit
        broken += over
        note = f"   expected at most {limit}" if over else ""
        print(f"{group:44} {found.mean():8.3f} {found.max():8} {(found == 0).mean():7.2%}{note}")
    return int(broken > 0)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), shlex.split(sys.argv[2] if len(sys.argv) == 3 else CARGO)))
