"""Small graphs around one block, in the spellings that exporters write."""
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

C, R = 16, 4


class Net:
    """A graph that grows node by node; every value has a name, constants are initialisers unless said."""

    def __init__(self, shape=("N", C, "H", "W"), opset=17, seed=1):
        self.nodes, self.initializers, self.opset = [], [], opset
        self.inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)]
        self.random = np.random.default_rng(seed)
        self.x = self.node("Relu", "input", name="x", output="x")

    def fresh(self, word):
        return f"{word}_{len(self.nodes) + len(self.initializers)}"

    def node(self, op, *inputs, name=None, output=None, outputs=1, domain="", **attributes):
        output = output or self.fresh(op.lower())
        names = [output] + [f"{output}_{i}" for i in range(1, outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=name if name is not None else f"n/{output}", domain=domain,
                                           **attributes))
        return output

    def const(self, array, name=None):
        name = name or self.fresh("c")
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def scalar(self, number):
        return self.const(np.float32(number))

    def ints(self, *numbers):
        return self.const(np.array(numbers, np.int64))

    def constant_node(self, array):
        return self.node("Constant", value=numpy_helper.from_array(np.asarray(array)))

    def values(self, *shape, scale=0.5):
        return (self.random.standard_normal(shape) * scale).astype(np.float32)

    def finish(self, *outputs):
        graph = helper.make_graph(self.nodes, "net", self.inputs, [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
                                  self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9)


# ---- parts; each takes a net and a value and returns one


def pool(n, v):
    return n.node("GlobalAveragePool", v)


def conv(outputs, inputs, bias=True, rank=4, prefix="se", which=1):
    def make(n, v):
        w = n.const(n.values(outputs, inputs, *(1,) * (rank - 2)), f"{prefix}.fc{which}.weight")
        b = [n.const(n.values(outputs), f"{prefix}.fc{which}.bias")] if bias else []
        return n.node("Conv", v, w, *b, kernel_shape=[1] * (rank - 2))

    return make


def relu(n, v):
    return n.node("Relu", v)


def sigmoid(n, v):
    return n.node("Sigmoid", v)


def mul(n, x, g):
    return n.node("Mul", x, g, name="scale", output="scaled")


def same(n, v):
    return v


def chain(*parts):
    def make(n, v):
        for part in parts:
            v = part(n, v)
        return v

    return make


def se_net(n, pool=pool, fc1=conv(R, C), act=relu, fc2=conv(C, R, which=2), gate=sigmoid, mul=mul, after=same):
    """The whole block on n.x; the graph's output is what comes out, after one more node."""
    v = gate(n, fc2(n, act(n, fc1(n, pool(n, n.x)))))
    y = after(n, mul(n, n.x, v))
    return n.node("Neg", y, output="y")


def write(folder, name, model, expected):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / f"{name}.onnx")
    (folder / f"{name}.json").write_text(json.dumps(expected, indent=1) + "\n")
