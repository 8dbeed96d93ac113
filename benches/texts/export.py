"""Writes what the peers run of one sentence encoder, and the texts that all sides share.

    python export.py ASSETS FOLDER      (needs torch, transformers, onnx, onnxscript, onnxruntime, openvino, nncf)

ASSETS is what `cargo xtask assets minilm rotten-tomatoes` made. FOLDER gets `calib.txt` (512 sentences to calibrate
with), `test.txt` (1,000 others), `mixed.txt` (32 of those), `cases.json` (what is timed: texts of 16, 64 and 256
tokens and the mixed ones, with their ids, and the embeddings that torch gives in fp32), and the encoder
all-MiniLM-L6-v2 as

- `encoder/`: for transformers.js, with `onnx/model.onnx` (fp32) and `onnx/model_quantized.onnx` (q8: dynamic, int8
  weights with one scale, as transformers.js makes it)
- `channels.onnx`: dynamic as well, a scale for each output channel, weights of 7 bits so that sums of pairs fit
- `openvino.xml`: int8 by NNCF, static, calibrated on the texts of `calib.txt`

Outputs are the tokens' vectors; each side pools them by itself.
"""

import csv
import json
import shutil
import sys
from pathlib import Path

import nncf
import onnx
import openvino
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel, AutoTokenizer

CALIBRATION, TEST, MIXED = 512, 1000, 32
LENGTHS = [16, 64, 256]
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


def sentences(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [" ".join(row["text"].split()) for row in csv.DictReader(file)]


def write(path, texts):
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")


class Tokens(torch.nn.Module):
    """The encoder without its pooler."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids, attention_mask, token_type_ids):
        found = self.encoder(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return found.last_hidden_state


def beginning(tokenizer, text, length):
    """So much of the text that it has `length` tokens."""
    encoded = tokenizer(text, truncation=True, max_length=length, return_offsets_mapping=True)
    assert len(encoded["input_ids"]) == length, f"expected {length} tokens, found {len(encoded['input_ids'])}"
    return text[:encoded["offset_mapping"][-2][1]]


def cases(path, tokenizer, model, mixed):
    """The texts that are timed."""
    whole = " ".join(mixed)
    named = {f"{length} tokens": [beginning(tokenizer, whole, length)] for length in LENGTHS}
    named[f"{len(mixed)} mixed"] = mixed
    made = []
    for name, texts in named.items():
        ids, embeddings = [], []
        for text in texts:
            encoded = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
            with torch.inference_mode():
                mean = model(*(encoded[name] for name in INPUTS))[0].mean(dim=0)
            ids.append(encoded["input_ids"][0].tolist())
            embeddings.append((mean / mean.norm()).tolist())
        made.append({"name": name, "texts": texts, "ids": ids, "embeddings": embeddings})
    path.write_text(json.dumps(made), encoding="utf-8")


def main(assets, out):
    out.mkdir(parents=True, exist_ok=True)
    corpus = assets / "rotten-tomatoes"
    calibration = sentences(corpus / "train.csv")[:CALIBRATION]
    test = sentences(corpus / "test.csv")[:TEST]
    write(out / "calib.txt", calibration)
    write(out / "test.txt", test)
    write(out / "mixed.txt", test[:MIXED])

    encoder = out / "encoder"
    shutil.copytree(assets / "minilm", encoder, dirs_exist_ok=True)
    (encoder / "onnx").mkdir(exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = Tokens(AutoModel.from_pretrained(encoder, attn_implementation="eager")).eval()
    cases(out / "cases.json", tokenizer, model, test[:MIXED])
    example = tokenizer(["A red bicycle.", "Two."], padding=True, return_tensors="pt")
    dynamic = {0: torch.export.Dim("batch", max=1024), 1: torch.export.Dim("tokens", max=512)}
    fp32 = encoder / "onnx" / "model.onnx"
    torch.onnx.export(
        model, tuple(example[name] for name in INPUTS), fp32, input_names=INPUTS,
        output_names=["last_hidden_state"], dynamic_shapes=(dynamic,) * 3, dynamo=True, external_data=False,
    )
    # Shapes that the exporter noted trip the quantizer over those that it rewrites.
    shapeless = onnx.load(fp32)
    del shapeless.graph.value_info[:]
    onnx.save(shapeless, fp32)
    options = {"weight_type": QuantType.QInt8, "extra_options": {"MatMulConstBOnly": True}}
    quantize_dynamic(fp32, encoder / "onnx" / "model_quantized.onnx", **options)
    quantize_dynamic(fp32, out / "channels.onnx", per_channel=True, reduce_range=True, **options)

    texts = [{name: value for name, value in tokenizer(text, truncation=True, max_length=256, return_tensors="np").items()}
             for text in calibration]
    quantized = nncf.quantize(
        openvino.convert_model(fp32), nncf.Dataset(texts), model_type=nncf.ModelType.TRANSFORMER,
        subset_size=CALIBRATION,
    )
    openvino.save_model(quantized, out / "openvino.xml", compress_to_fp16=False)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
