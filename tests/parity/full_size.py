"""Writes random checkpoints of Swin and ViT of full size, with logits of the libraries behind them.

    python full_size.py FOLDER      (needs torch, torchvision, timm, transformers, safetensors; writes 2 GB)

The test `full_size_checkpoints` of tests/tests/parity.rs reads the folder.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))
from make_checkpoints import hugging_face_folder, microsoft_file, timm_folder, torchvision_file  # noqa: E402
from torchvision.models import swin_b, swin_s, swin_t, vit_b_16  # noqa: E402
from transformers import ViTConfig, ViTForImageClassification  # noqa: E402

DEPTHS = {"tiny": [2, 2, 6, 2], "small": [2, 2, 18, 2]}


def main(out):
    timm_folder(out / "timm-vit-base", 150, name="vit_base_patch16_224")
    timm_folder(out / "timm-deit-small", 151, name="deit_small_patch16_224")
    timm_folder(out / "timm-deit-small-distilled", 154, name="deit_small_distilled_patch16_224")
    torchvision_file(out / "torchvision-vit-base", 155, vit_b_16())
    timm_folder(out / "timm-dinov2-small", 152, name="vit_small_patch14_dinov2", num_classes=0)
    hugging_face_folder(
        out / "huggingface-vit-base", 153, config=ViTConfig, build=ViTForImageClassification,
        id2label={n: f"class {n}" for n in range(1000)},
    )
    for seed, (size, depths) in enumerate(DEPTHS.items(), start=100):
        timm_folder(out / f"timm-{size}", seed, name=f"swin_{size}_patch4_window7_224")
        labels = {n: f"class {n}" for n in range(1000)}
        hugging_face_folder(out / f"huggingface-{size}", seed + 10, depths=depths, id2label=labels)
    microsoft_file(out / "microsoft-tiny", 120)
    for seed, build in enumerate((swin_t, swin_s, swin_b), start=130):
        torchvision_file(out / f"torchvision-{build.__name__[-1]}", seed, build())
    # 64, 32, 16 and 8 tokens a side in windows of 7, and an odd map: 57, 29, 15 and 8.
    for seed, size in enumerate((256, 228), start=140):
        timm_folder(out / f"timm-tiny-{size}", seed, name="swin_tiny_patch4_window7_224", img_size=size)
        hugging_face_folder(out / f"huggingface-tiny-{size}", seed, image_size=size, id2label=labels)
        torchvision_file(out / f"torchvision-t-{size}", seed, swin_t(), (size, size))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
