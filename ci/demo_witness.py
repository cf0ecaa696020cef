"""The SE blocks of an ONNX model, found without exciton: the demo's independent witness.

It knows just one spelling, that of PaddlePaddle's OCR models: the Mul of a tensor with GlobalAveragePool, Conv, Relu, Conv,
HardSigmoid of the same tensor, biases in the Conv or an Add behind it; then Adds and a Relu.
"""
import numpy as np
from onnx import numpy_helper


class Graph:
    def __init__(self, graph):
        self.nodes = list(graph.node)
        self.constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        self.maker = {name: node for node in self.nodes for name in node.output}
        self.readers = {name: [n for n in self.nodes if name in n.input] for node in self.nodes for name in node.output}
        self.outputs = {o.name for o in graph.output}

    def made_by(self, op, name):
        node = self.maker.get(name)
        return node if node is not None and node.op_type == op else None

    def only_reader(self, name):
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.outputs else None


def other_input(node, name):
    """The second operand of a node that has two, one of them `name`."""
    first, second = node.input
    return second if first == name else first


def layer(graph, name):
    """Matrix, bias or None, input and outputs within, of the 1x1 convolution that makes `name`."""
    inner, bias = [name], None
    add = graph.made_by("Add", name)
    if add is not None:
        reshape = graph.made_by("Reshape", add.input[1])
        bias = graph.constants.get(reshape.input[0] if reshape is not None else add.input[1])
        name = add.input[0]
        inner.append(name)
    conv = graph.made_by("Conv", name)
    if conv is None or conv.input[1] not in graph.constants or (add is not None and bias is None):
        return None
    weights = graph.constants[conv.input[1]]
    if weights.ndim != 4 or weights.shape[2:] != (1, 1):
        return None
    if len(conv.input) > 2:
        if bias is not None:
            return None
        bias = graph.constants[conv.input[2]]
    return {"weight": weights[:, :, 0, 0], "bias": None if bias is None else bias.reshape(-1), "input": conv.input[0], "inner": inner}


def block_of(graph, x, gate):
    """The block whose gate of x is `gate`, up to there."""
    hard = graph.made_by("HardSigmoid", gate)
    fc2 = layer(graph, hard.input[0]) if hard is not None else None
    relu = graph.made_by("Relu", fc2["input"]) if fc2 else None
    fc1 = layer(graph, relu.input[0]) if relu is not None else None
    pool = graph.made_by("GlobalAveragePool", fc1["input"]) if fc1 else None
    if pool is None or pool.input[0] != x:
        return None
    numbers = {a.name: a.f for a in hard.attribute}
    inner = [gate, *fc2["inner"], fc2["input"], *fc1["inner"], fc1["input"]]
    return {"x": x, "fc1": fc1, "fc2": fc2, "slope": np.float32(numbers.get("alpha", 0.2)), "offset": np.float32(numbers.get("beta", 0.5)),
            "clean": all(graph.only_reader(name) is not None for name in inner)}


def follow(graph, block, y):
    """What comes after the Mul's y: an Add of x, an Add of another tensor, a Relu."""
    block |= {"residual": False, "then_add": None, "then_relu": False}
    node = graph.only_reader(y)
    if node is not None and node.op_type == "Add" and other_input(node, y) == block["x"]:
        block["residual"], y = True, node.output[0]
        node = graph.only_reader(y)
    block["y"] = y
    if node is not None and node.op_type == "Add" and other_input(node, y) not in graph.constants:
        block["then_add"], y = other_input(node, y), node.output[0]
        node = graph.only_reader(y)
    block["then_relu"] = node is not None and node.op_type == "Relu"
    return block


def find_blocks(model):
    graph, blocks = Graph(model.graph), []
    for node in graph.nodes:
        if node.op_type != "Mul":
            continue
        a, b = node.input
        block = block_of(graph, a, b) or block_of(graph, b, a)
        if block:
            blocks.append(follow(graph, block, node.output[0]))
    return blocks


def in_double(block, x):
    """The published formula, up to `y`."""
    def dense(layer, v):
        return v @ layer["weight"].T.astype(np.float64) + (0 if layer["bias"] is None else layer["bias"].astype(np.float64))

    h = np.maximum(dense(block["fc1"], x.mean(axis=(2, 3), dtype=np.float64)), 0)
    g = np.clip(np.float64(block["slope"]) * dense(block["fc2"], h) + np.float64(block["offset"]), 0, 1)
    return (g + block["residual"])[:, :, None, None] * x
