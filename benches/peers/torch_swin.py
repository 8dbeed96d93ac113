"""Swin of timm with random weights on PyTorch: eager, compiled, and as CUDA graphs.

    python torch_swin.py [--model swin-t] [--batch 1,8,32,64] [--json]      (needs requirements.txt)

Images are normalized and in the type of the model. The copies from and to page-locked memory are timed apart
from the model, which finds its images on the card and leaves its logits there.
"""

import inspect
import os

import card
import peer

# Mode: what it is called, how torch compiles (None: not at all), whether this script captures it, and whether attention
# is torch's fused one, which timm leaves off in Swin.
MODES = {
    "eager": ("torch eager", None, False, False),
    "graph": ("torch eager, CUDA graph", None, True, False),
    "compile": ("torch.compile", "default", False, False),
    # With the CUDA graphs that torch.compile makes by itself; they copy the images first.
    "max-autotune": ("torch.compile max-autotune", "max-autotune", False, False),
    # The same kernels in a graph that reads the images where they are.
    "max-autotune-graph": ("torch.compile max-autotune, CUDA graph", "max-autotune-no-cudagraphs", True, False),
    "max-autotune-graph-fused": (
        "torch.compile max-autotune, CUDA graph, fused attention",
        "max-autotune-no-cudagraphs",
        True,
        True,
    ),
}
# What may be set for torch.compile, and is reported then.
SETTINGS = ("TORCHINDUCTOR_FREEZING", "TORCHINDUCTOR_AUTOTUNE_CUDAGRAPH_BENCHMARKING")
DTYPES = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32"}


def contender(executor, torch, mode, model, images, truth):
    """`model` in one mode at the batch size of `images`, ready to be measured."""
    _, compile_mode, capture, _ = MODES[mode]
    image = images.to(next(model.parameters()).device)
    forward = model
    if compile_mode:
        # Without isolation all batch sizes and modes share one list of compiled forms, which each call searches.
        more = {"isolate_recompiles": True} if can_isolate(torch) else {}
        forward = torch.compile(model, mode=compile_mode, fullgraph=True, dynamic=False, **more)

    def run():
        return forward(image)

    return peer.ready(torch, executor, peer.captured(torch, run) if capture else run, images, image, truth)


def can_isolate(torch):
    """Whether this torch can keep the compiled forms of one call of `torch.compile` apart from others: from 2.15 on."""
    return "isolate_recompiles" in inspect.signature(torch.compile).parameters


def main():
    parser = peer.options(__doc__)
    parser.add_argument("--mode", type=peer.some_of(MODES), help=f"some of {','.join(MODES)}; all (on the CPU: eager)")
    parser.add_argument("--dtype", type=peer.some_of(DTYPES), help=f"some of {','.join(DTYPES)}; fp16 (on the CPU: fp32,bf16)")
    given = peer.parse(parser)
    on_card = given.device == "cuda"
    modes = given.mode or (list(MODES) if on_card else ["eager"])
    if not on_card and any(MODES[mode][2] for mode in modes):
        parser.error(f"expected modes without CUDA graphs on the CPU, found {','.join(modes)}")

    import timm
    import torch

    if on_card and not torch.cuda.is_available():
        card.refuse("expected a build of torch that runs on this card, found one that does not")
    told = {name: os.environ[name] for name in SETTINGS if name in os.environ}
    if not can_isolate(torch):
        # Past eight forms torch would refuse.
        torch._dynamo.config.recompile_limit = 2 * len(MODES) * len(given.batch)
    session = peer.Session(given, torch, {"timm": timm.__version__} | told)
    with torch.no_grad():
        truth = peer.truths(torch, peer.random_model(torch, timm, given.model).to(given.device), given.batch)
        for name in given.dtype or (["fp16"] if on_card else ["fp32", "bf16"]):
            dtype = getattr(torch, DTYPES[name])
            models = {}
            for mode in modes:
                fused = MODES[mode][3]
                if fused not in models:
                    timm.layers.set_fused_attn(True, experimental=fused)
                    models[fused] = peer.random_model(torch, timm, given.model).to(given.device, dtype)
                model = models[fused]
                for batch in given.batch:
                    images = peer.noise(torch, batch).to(dtype)
                    how = (torch, mode, model, images, truth[batch])
                    session.prepare(f"{MODES[mode][0]} {name}", batch, contender, *how)
        session.run()


if __name__ == "__main__":
    main()
