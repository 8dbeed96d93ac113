"""Writes one random Swin-T 224 for both sides: a timm checkpoint, ONNX fp32 and ONNX int8.

    python export.py FOLDER      (needs torch, timm, transformers, safetensors, onnx, onnxruntime, onnxscript)

FOLDER gets `timm/` and `calibration/` (what `intformer quantize` reads), `fp32.onnx`,
`int8-static.onnx` (QDQ, both operands signed, weights per channel), `int8-static-u8.onnx` (the same
with unsigned activations), `int8-dynamic.onnx`, and one image as `pixels.bin` (bytes, HWC) and
`image.bin` (floats, normalized, CHW) with `logits.bin`, what timm computes for it, so that a
contender that computes something else shows. Both sides calibrate on the same images.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "fixtures"))
from make_checkpoints import MEAN, STD, timm_folder  # noqa: E402

SEED = 200
IMAGES = 8


class Images(CalibrationDataReader):
    """The images one by one, as the quantizer asks for them."""

    def __init__(self, images):
        self.rest = iter([{"image": image[None]} for image in images])

    def get_next(self):
        return next(self.rest, None)


def draw():
    """Pixels of coarse blocks under fine noise, as in the fixtures: fine noise alone averages out."""
    generator = torch.Generator().manual_seed(SEED)
    coarse = torch.rand((IMAGES, 3, 4, 4), generator=generator)
    coarse = torch.nn.functional.interpolate(coarse, (224, 224))
    fine = torch.rand((IMAGES, 3, 224, 224), generator=generator)
    return (255.99 * (0.7 * coarse + 0.3 * fine)).to(torch.uint8)


def normalize(pixels):
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return ((pixels / 255 - mean) / std).contiguous()


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    model = timm_folder(out / "timm", SEED).eval()
    # Images are of the model's size already; with the usual crop of 0.9 intformer would enlarge them, and classify
    # other pixels than the others.
    config = out / "timm" / "config.json"
    described = json.loads(config.read_text())
    described["pretrained_cfg"]["crop_pct"] = 1.0
    config.write_text(json.dumps(described, indent=2))
    pixels = draw()
    batch = normalize(pixels)
    with torch.no_grad():
        logits = model(batch)
    upright = pixels.permute(0, 2, 3, 1).contiguous().numpy()
    folder = out / "calibration" / "any"
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(upright):
        Image.fromarray(image).save(folder / f"{index}.png")
    upright[0].tofile(out / "pixels.bin")
    batch[0].numpy().tofile(out / "image.bin")
    logits[0].numpy().tofile(out / "logits.bin")

    fp32 = out / "fp32.onnx"
    torch.onnx.export(
        model, (batch[:1],), fp32, input_names=["image"], output_names=["logits"],
        opset_version=20, dynamo=True, external_data=False,
    )
    onnx.checker.check_model(str(fp32))

    prepared = out / "prepared.onnx"
    quant_pre_process(str(fp32), str(prepared), skip_symbolic_shape=True)
    for name, activation in [("int8-static", QuantType.QInt8), ("int8-static-u8", QuantType.QUInt8)]:
        quantize_static(
            str(prepared), str(out / f"{name}.onnx"), Images(batch.numpy()),
            quant_format=QuantFormat.QDQ, per_channel=True, calibrate_method=CalibrationMethod.MinMax,
            activation_type=activation, weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        )
    # The head's Gemm becomes a MatMul there, which the shapes found above no longer fit.
    shapeless = onnx.load(prepared)
    del shapeless.graph.value_info[:]
    onnx.save(shapeless, prepared)
    quantize_dynamic(str(prepared), str(out / "int8-dynamic.onnx"), per_channel=True, weight_type=QuantType.QInt8)
    prepared.unlink()
    report(out, batch.numpy(), logits.numpy())


def report(out, batch, logits):
    """How near each file's logits come to timm's, by onnxruntime natively."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for path in sorted(out.glob("*.onnx")):
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        found = np.concatenate([session.run(None, {"image": image[None]})[0] for image in batch])
        error = np.sqrt(((found - logits) ** 2).mean() / (logits**2).mean())
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, relative error {error:.4f}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
