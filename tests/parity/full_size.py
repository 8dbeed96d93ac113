"""Writes checkpoints of full size, with logits of the libraries behind them: random ones, and real encoders of texts.

    python full_size.py FOLDER ASSETS      (needs torch, torchvision, timm, transformers, safetensors; writes 3.5 GB)

ASSETS is what `cargo xtask assets minilm reactions` made. The test `full_size_checkpoints` of tests/tests/parity.rs reads the folder.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))
from make_checkpoints import (
    POOLS, expect_texts, hugging_face_folder, microsoft_file, text_folder, timm_folder, torchvision_file,
)  # noqa: E402
import torch  # noqa: E402
from torchvision.models import swin_b, swin_s, swin_t, vit_b_16  # noqa: E402
from transformers import (  # noqa: E402
    BertConfig, BertForSequenceClassification, BertModel, DistilBertConfig, DistilBertForSequenceClassification,
    RobertaConfig, RobertaForSequenceClassification, ViTConfig, ViTForImageClassification,
)

DEPTHS = {"tiny": [2, 2, 6, 2], "small": [2, 2, 18, 2]}


# Tokens of the texts, up to what the real encoders were trained with.
LENGTHS = (2, 17, 128, 512)


def texts(out):
    """Encoders of full size with random weights."""
    full = {"vocab_size": 30522, "max_position_embeddings": 512, "lengths": LENGTHS}
    text_folder(out / "bert-base", 160, BertConfig, BertForSequenceClassification, **full)
    text_folder(out / "distilbert-base", 161, DistilBertConfig, DistilBertForSequenceClassification, **full)
    roberta = full | {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1}
    text_folder(out / "roberta-base", 162, RobertaConfig, RobertaForSequenceClassification, **roberta)


def real(folder, out, seed, build, pooled=None, **args):
    """A real encoder with what transformers computes for random ids; `args` are what its config.json lacks."""
    shutil.copytree(folder, out)
    weights = out / "pytorch_model.bin"
    if weights.exists():
        # Those of 2019 cannot be read by transformers of today: pickles of a card, older than the format.
        state = torch.load(weights, map_location="cpu", weights_only=True)
        model = build(build.config_class.from_pretrained(out, **args))
        if build is BertModel:
            state = {name.removeprefix("bert."): tensor for name, tensor in state.items()}
        missing, unexpected = model.load_state_dict(state, strict=False)
        assert not missing, missing
        assert all("cls." in name or "position_ids" in name or "pooler" in name for name in unexpected), unexpected
    else:
        model = build.from_pretrained(out)
    expect_texts(model.eval(), out, seed, LENGTHS, pooled)


def main(out, assets):
    texts(out)
    real(assets / "minilm", out / "minilm", 170, BertModel, POOLS["mean"])
    reactions = assets / "reactions"
    real(reactions / "bert_pretrained", out / "reactions-pretrained", 171, BertModel, POOLS["mean"])
    real(reactions / "bert_ft", out / "reactions-tuned", 172, BertModel, POOLS["mean"])
    real(
        reactions / "bert_ft_10k_25s", out / "reactions-classes", 173, BertForSequenceClassification,
        id2label={n: str(n) for n in range(50)},
    )
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
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
