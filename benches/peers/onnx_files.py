"""Swin as ONNX: exported in 16 bits, and rewritten so that every product with weights is of 8 bits."""

# So that layer normalization and GELU are operations of their own, and quantization takes fp16.
OPSET = 20
INT8_MAX = 127
# The smallest scale: the least normal number of 16 bits.
LEAST = 2.0**-14


def export(torch, model, images, path):
    """Writes `model` for images of the type and number of `images`."""
    names = {"input_names": ["image"], "output_names": ["logits"]}
    torch.onnx.export(model, (images,), path, **names, opset_version=OPSET, dynamo=True, external_data=False, verbose=False)


def ranges(torch, model, images):
    """The largest magnitude at the input of each layer with weights, in the order in which they run.

    The images are noise: good enough for scales of which only the speed matters.
    """
    found = []

    def see(module, inputs):
        found.append((tuple(module.weight.shape), inputs[0].abs().max().item()))

    layers = [module for module in model.modules() if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))]
    hooks = [layer.register_forward_pre_hook(see) for layer in layers]
    model(images)
    for hook in hooks:
        hook.remove()
    return found


def quantize(source, target, seen):
    """Writes `source` with both operands of each product with weights rounded to 8 bits and back.

    `seen` is what `ranges` found: the operands' scales. Weights have a scale for each output. Products
    of activations, normalizations, softmax, GELU and sums stay in 16 bits.
    """
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(source)
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = []

    def constant(name, values):
        graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def rounded(value, name, largest, axis=None):
        """Adds nodes that round `value`, of magnitudes up to `largest`; the name of what comes out."""
        scale = np.maximum(np.asarray(largest, np.float32) / INT8_MAX, LEAST).astype(np.float16)
        operands = [constant(f"{name}.scale", scale), constant(f"{name}.zero", np.zeros(scale.shape, np.int8))]
        extra = {} if axis is None else {"axis": axis}
        nodes.append(helper.make_node("QuantizeLinear", [value, *operands], [f"{name}.int8"], **extra))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}.int8", *operands], [f"{name}.real"], **extra))
        return f"{name}.real"

    left = list(seen)
    for original in graph.node:
        node = onnx.NodeProto()
        node.CopyFrom(original)
        if node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in weights:
            matrix = weights[node.input[1]]
            shape, largest = left.pop(0) if left else (None, 0.0)
            # A linear layer becomes a product with the transpose of its weights, or a Gemm that transposes.
            axis = 1 if node.op_type == "MatMul" else 0
            if matrix.shape != (shape[::-1] if shape and axis else shape):
                raise ValueError(f"expected weights of a layer of shape {shape} at {node.name}, found {matrix.shape}")
            others = tuple(at for at in range(matrix.ndim) if at != axis)
            magnitudes = np.abs(matrix.astype(np.float32)).max(axis=others)
            node.input[0] = rounded(node.input[0], f"product{len(left)}.input", largest)
            node.input[1] = rounded(node.input[1], f"product{len(left)}.weight", magnitudes, axis)
        nodes.append(node)
    if left:
        raise ValueError(f"expected {len(seen)} products with weights in the ONNX file, found {len(seen) - len(left)}")
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, target)
