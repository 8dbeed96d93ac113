"""Writes random Swin-T and Swin-S checkpoints of full size, with logits of the libraries behind them.

    python full_size.py FOLDER      (needs torch, timm, transformers, safetensors; writes 0.8 GB)

The test `full_size_checkpoints` of tests/tests/parity.rs reads the folder.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))
from make_checkpoints import hugging_face_folder, microsoft_file, timm_folder  # noqa: E402

DEPTHS = {"tiny": [2, 2, 6, 2], "small": [2, 2, 18, 2]}


def main(out):
    for seed, (size, depths) in enumerate(DEPTHS.items(), start=100):
        timm_folder(out / f"timm-{size}", seed, name=f"swin_{size}_patch4_window7_224")
        labels = {n: f"class {n}" for n in range(1000)}
        hugging_face_folder(out / f"huggingface-{size}", seed + 10, depths=depths, id2label=labels)
    microsoft_file(out / "microsoft-tiny", 120)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
