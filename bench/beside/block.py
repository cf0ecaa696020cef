"""A block of the reference (relu, sigmoid, no biases) on random data, and its result in float64."""
import json
import pathlib
from typing import NamedTuple

import numpy as np


class Block(NamedTuple):
    n: int
    c: int
    h: int
    w: int
    r: int
    x: np.ndarray   # [n, c, h, w]
    w1: np.ndarray  # [r, c]
    w2: np.ndarray  # [c, r]


def write(folder, n, c, h, w, r):
    """x and weights close to a normal distribution, so that gates are neither all 0.5 nor saturated."""
    random = np.random.default_rng([n, c, h, w, r])
    folder = pathlib.Path(folder)
    random.standard_normal((n, c, h, w), np.float32).tofile(folder / "x.f32")
    (random.standard_normal((r, c), np.float32) * np.float32(4 / c ** 0.5)).tofile(folder / "w1.f32")
    (random.standard_normal((c, r), np.float32) / np.float32(r ** 0.5)).tofile(folder / "w2.f32")


def read(folder, n, c, h, w, r):
    folder = pathlib.Path(folder)

    def array(name, *shape):
        return np.fromfile(folder / name, np.float32).reshape(shape)
    return Block(n, c, h, w, r, array("x.f32", n, c, h, w), array("w1.f32", r, c), array("w2.f32", c, r))


def gates(block):
    """[n, c], float64."""
    s = block.x.mean((2, 3), dtype=np.float64)
    h = np.maximum(s @ block.w1.T.astype(np.float64), 0)
    return 1 / (1 + np.exp(-(h @ block.w2.T.astype(np.float64))))


def error(block, g, path):
    """The largest difference of the y in a file from g · x, over the largest y; infinite where it isn't finite."""
    y = np.fromfile(path, np.float32)
    if y.size != block.x.size:
        return float("inf")
    y = y.reshape(block.x.shape)
    difference, largest = 0.0, 0.0
    for i in range(block.n): # a sample at a time: float64 copies of the largest x would be large
        expected = block.x[i] * g[i][:, None, None]
        largest = max(largest, float(np.abs(expected).max()))
        difference = max(difference, float(np.abs(y[i] - expected).max()))
    return difference / largest if np.isfinite(difference) else float("inf")


def onnx_model(block, spelling):
    """The block as an ONNX model. "gemm": as an export of the reference; "conv": as models of the MobileNet family have it."""
    from onnx import TensorProto, helper, numpy_helper
    if spelling == "conv":
        nodes = [("GlobalAveragePool", ["x"], "s", {}), ("Conv", ["s", "w1"], "a", {}), ("Relu", ["a"], "h", {}),
                 ("Conv", ["h", "w2"], "b", {}), ("Sigmoid", ["b"], "g", {}), ("Mul", ["x", "g"], "y", {})]
        weights = {"w1": block.w1.reshape(block.r, block.c, 1, 1), "w2": block.w2.reshape(block.c, block.r, 1, 1)}
    else:
        nodes = [("ReduceMean", ["x"], "s", {"axes": [2, 3], "keepdims": 0}), ("Gemm", ["s", "w1"], "a", {"transB": 1}), ("Relu", ["a"], "h", {}),
                 ("Gemm", ["h", "w2"], "b", {"transB": 1}), ("Sigmoid", ["b"], "g", {}), ("Reshape", ["g", "shape"], "g4", {}),
                 ("Mul", ["x", "g4"], "y", {})]
        weights = {"w1": block.w1, "w2": block.w2, "shape": np.array([block.n, block.c, 1, 1], np.int64)}
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, list(block.x.shape)) for name in "xy")
    graph = helper.make_graph([helper.make_node(op, inputs, [output], **attributes) for op, inputs, output, attributes in nodes], "se", [x], [y],
                              [numpy_helper.from_array(array, name) for name, array in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def to_json(value):
    return json.dumps(value, separators=(", ", ": "))
