"""Takes the ViT-S/14 out of the asset `vit-focus`: from ONNX to the folder that transformers would have written.

    python vit_focus.py ONNX FOLDER      (needs onnx, safetensors)

The file is a DINOv2 that was tuned to find what is important in a picture; what follows the encoder is left out. Its
products have their weights without names, so they are named after the nodes that use them. The model was made for
images of 518 pixels: `--image-size` takes others.
"""

import json
import sys
from pathlib import Path

import numpy
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

CONFIG = {
    "architectures": ["Dinov2Model"], "model_type": "dinov2", "hidden_size": 384, "num_hidden_layers": 12,
    "num_attention_heads": 6, "mlp_ratio": 4, "hidden_act": "gelu", "layer_norm_eps": 1e-6, "image_size": 518,
    "patch_size": 14, "num_channels": 3, "qkv_bias": True, "use_swiglu_ffn": False,
}


def main(path, out):
    graph = onnx.load(path).graph
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    prefix = "backbone."
    tensors = {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}
    for node in graph.node:
        found = [name for name in node.input if name in stored]
        if node.op_type == "MatMul" and found and node.name.startswith("/backbone/"):
            name = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
            tensors[f"{name}.weight"] = stored[found[0]].T
    # The position of the class token, and those of the patches.
    first = [value for name, value in stored.items() if name.startswith("onnx::") and value.shape == (1, 1, 384)]
    rest = [value for value in stored.values() if value.shape == (1, 37 * 37, 384)]
    assert len(first) == len(rest) == 1, "expected the positions of 37 x 37 patches and of one token"
    tensors["embeddings.position_embeddings"] = numpy.concatenate([first[0], rest[0]], axis=1)
    out.mkdir(parents=True, exist_ok=True)
    save_file({name: numpy.ascontiguousarray(value) for name, value in tensors.items()}, out / "model.safetensors")
    (out / "config.json").write_text(json.dumps(CONFIG, indent=2))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
