"""Swin of timm with random weights on TensorRT: engines of 16 and of 8 bits, as CUDA graphs.

    python tensorrt_swin.py [--model swin-t] [--batch 1,8,32,64] [--json]
                                                        (needs requirements.txt and requirements-tensorrt.txt)

Images are normalized and of 16 bits. The copies from and to page-locked memory are timed apart from the
model, which finds its images on the card and leaves its logits there. Every batch size has an engine of its own.

The engine of 8 bits is there for its speed alone: its scales come from images of noise, and nobody has
looked at its accuracy. On the CPU the same ONNX files run in onnxruntime, to test them.
"""

import copy
import tempfile
from pathlib import Path

import onnx_files
import peer

# Precision: what it is called in tables.
PRECISIONS = {"fp16": "fp16", "int8": "int8, scales of noise"}


class Engine:
    """A TensorRT engine for one ONNX file."""

    def __init__(self, path, level):
        import tensorrt

        logger = tensorrt.Logger(tensorrt.Logger.WARNING)
        builder = tensorrt.Builder(logger)
        # Every tensor has the type that the file says: the engine is of 16 bits, or rounds where it is told to.
        network = builder.create_network(1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = tensorrt.OnnxParser(network, logger)
        if not parser.parse_from_file(str(path)):
            errors = [str(parser.get_error(at)) for at in range(parser.num_errors)]
            raise RuntimeError(f"TensorRT does not take the ONNX file: {'; '.join(errors)}")
        config = builder.create_builder_config()
        config.builder_optimization_level = level
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise RuntimeError("TensorRT builds no engine; its log says why")
        self.runtime = tensorrt.Runtime(logger)
        self.engine = self.runtime.deserialize_cuda_engine(plan)
        self.context = self.engine.create_execution_context()

    def runner(self, torch, image, classes):
        """A call that puts a run on the current stream and returns its logits."""
        logits = torch.empty((len(image), classes), dtype=image.dtype, device=image.device)
        for name, tensor in (("image", image), ("logits", logits)):
            found = (tuple(self.engine.get_tensor_shape(name)), self.engine.get_tensor_dtype(name).name)
            if found != (tuple(tensor.shape), "HALF"):
                raise RuntimeError(f"expected {name} of 16 bits and shape {tuple(tensor.shape)}, found {found}")
            self.context.set_tensor_address(name, tensor.data_ptr())

        def run():
            if not self.context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
                raise RuntimeError("TensorRT refused to run")
            return logits

        return run


def on_cpu(torch, path, image):
    """A call that runs an ONNX file in onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda: torch.from_numpy(session.run(None, {"image": image.numpy()})[0])


class Files:
    """The ONNX files of a model, written when they are first asked for."""

    def __init__(self, torch, model, folder):
        self.torch = torch
        self.half = copy.deepcopy(model).half()
        self.seen = onnx_files.ranges(torch, model, peer.noise(torch, 8))
        self.folder = folder
        self.written = set()

    def path(self, precision, images):
        """The file for the number of `images`."""
        path = self.folder / f"{precision}-{len(images)}.onnx"
        if path not in self.written:
            if precision == "int8":
                onnx_files.quantize(self.path("fp16", images), path, self.seen)
            else:
                onnx_files.export(self.torch, self.half, images, path)
            self.written.add(path)
        return path


def contender(executor, torch, given, files, precision, images, truth):
    """A file at the batch size of `images`, ready to be measured."""
    path = files.path(precision, images)
    if given.device == "cpu":
        return peer.ready(torch, executor, on_cpu(torch, path, images), images, images, truth)
    image = images.cuda()
    run = Engine(path, given.optimization_level).runner(torch, image, len(truth) // len(images))
    return peer.ready(torch, executor, peer.captured(torch, run), images, image, truth)


def main():
    parser = peer.options(__doc__)
    parser.add_argument("--precision", type=peer.some_of(PRECISIONS), default=list(PRECISIONS), help=f"some of {','.join(PRECISIONS)}")
    parser.add_argument("--optimization-level", type=int, default=3, choices=range(6), help="how long TensorRT looks for kernels")
    parser.add_argument("--keep", type=Path, help="a folder for the ONNX files; else they are removed")
    given = peer.parse(parser, needs=("onnx", "onnxscript", "tensorrt"))
    on_card = given.device == "cuda"

    import timm
    import torch

    setting = {"timm": timm.__version__, "int8": "for speed only"}
    if on_card:
        import tensorrt

        setting["tensorrt"] = tensorrt.__version__
    session = peer.Session(given, torch, setting)
    with torch.no_grad(), tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        model = peer.random_model(torch, timm, given.model)
        files = Files(torch, model, folder)
        truth = peer.truths(torch, copy.deepcopy(model).to(given.device), given.batch)
        for precision in given.precision:
            for batch in given.batch:
                executor = f"{'TensorRT' if on_card else 'onnxruntime'} {PRECISIONS[precision]}"
                how = (torch, given, files, precision, peer.noise(torch, batch).half(), truth[batch])
                session.prepare(executor, batch, contender, *how)
        session.run()


if __name__ == "__main__":
    main()
