"""The peers of one sentence encoder on this machine, each from token ids to embeddings of length 1."""

from pathlib import Path

import numpy
import onnxruntime
import openvino
import torch
from transformers import AutoModel, AutoTokenizer

# As sentence-transformers cuts for this encoder.
LIMIT = 256


def pooled(tokens, mask):
    """The mean of the tokens that count, scaled to length 1."""
    mask = mask[..., None].astype(numpy.float32)
    mean = (tokens * mask).sum(axis=1) / mask.sum(axis=1)
    return mean / numpy.linalg.norm(mean, axis=1, keepdims=True)


class Torch:
    def __init__(self, folder, threads):
        torch.set_num_threads(threads)
        self.model = AutoModel.from_pretrained(folder / "encoder").eval()

    def tokens(self, batch):
        with torch.inference_mode():
            return self.model(**{name: torch.from_numpy(value) for name, value in batch.items()}).last_hidden_state.numpy()


class Onnx:
    def __init__(self, path, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def tokens(self, batch):
        return self.session.run(None, batch)[0]


class OpenVino:
    def __init__(self, path, threads):
        core = openvino.Core()
        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        self.model = core.compile_model(core.read_model(path), "CPU", settings)

    def tokens(self, batch):
        return self.model(batch)[0]


PEERS = {
    "torch fp32": lambda folder, threads: Torch(folder, threads),
    "ONNX Runtime fp32": lambda folder, threads: Onnx(folder / "encoder/onnx/model.onnx", threads),
    "ONNX Runtime int8, as transformers.js makes it": lambda folder, threads: Onnx(
        folder / "encoder/onnx/model_quantized.onnx", threads),
    "ONNX Runtime int8, per channel, reduced range": lambda folder, threads: Onnx(folder / "channels.onnx", threads),
    "OpenVINO fp32": lambda folder, threads: OpenVino(folder / "encoder/onnx/model.onnx", threads),
    "OpenVINO int8 (static, NNCF)": lambda folder, threads: OpenVino(folder / "openvino.xml", threads),
}


class Peer:
    """One of PEERS."""

    def __init__(self, name, folder, threads):
        self.peer = PEERS[name](Path(folder), threads)
        self.tokenizer = AutoTokenizer.from_pretrained(Path(folder) / "encoder")

    def batch(self, texts):
        """The texts as ids, padded to the longest."""
        made = self.tokenizer(texts, padding=True, truncation=True, max_length=LIMIT, return_tensors="np")
        return {name: value.astype(numpy.int64) for name, value in made.items()}

    def embed(self, batch):
        return pooled(self.peer.tokens(batch), batch["attention_mask"])
