"""ONNX models for the tests of the command, byte by byte: nodes, f32 and i64 constants, and the blocks in them."""
import struct

from files import pack


def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def number(field, value):
    return varint(field << 3) + varint(value)


def content(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def attribute(name, value):
    if isinstance(value, float):
        return content(5, content(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1))
    if isinstance(value, int):
        return content(5, content(1, name) + number(3, value) + number(20, 2))
    return content(5, content(1, name) + b"".join(number(8, v) for v in value) + number(20, 7))


def tensor(name, shape, values):
    """f32, or i64 where the values are whole."""
    whole = all(isinstance(v, int) for v in values)
    raw = struct.pack(f"<{len(values)}q", *values) if whole else pack(values)
    return content(5, b"".join(number(1, s) for s in shape) + number(2, 7 if whole else 1) + content(8, name) + content(9, raw))


def value(field, name, shape):
    sizes = b"".join(content(1, content(2, s) if isinstance(s, str) else number(1, s)) for s in shape)
    return content(field, content(1, name) + content(2, content(1, number(1, 1) + content(2, sizes))))


class Model:
    """A graph that grows node by node: x, then whatever is added, y."""

    def __init__(self, channels, spatial=("H", "W"), opset=17):
        self.parts, self.opset, self.count = [value(11, "x", ("N", channels, *spatial))], opset, 0

    def node(self, op, *inputs, output=None, **attributes):
        self.count += 1
        output = output or f"{op.lower()}_{self.count}"
        self.parts.append(content(1, b"".join(content(1, i) for i in inputs) + content(2, output) + content(3, f"n/{output}") + content(4, op)
                                  + b"".join(attribute(k, v) for k, v in attributes.items())))
        return output

    def const(self, name, shape, values):
        self.parts.append(tensor(name, shape, values))
        return name

    def bytes(self, *outputs):
        graph = b"".join(self.parts) + content(2, "graph") + b"".join(value(12, o, ()) for o in outputs)
        return number(1, 8) + content(8, number(2, self.opset)) + content(7, graph)

    def write(self, path, *outputs):
        path.write_bytes(self.bytes(*outputs))
        return path

    # ---- blocks

    def conv(self, v, name, outputs, inputs, weights, bias=None):
        more = [self.const(f"{name}.bias", [outputs], bias)] if bias else []
        return self.node("Conv", v, self.const(f"{name}.weight", [outputs, inputs, 1, 1], weights), *more)

    def act(self, v, activation):
        if activation == "silu":
            return self.node("Mul", v, self.node("Sigmoid", v))
        if activation in ("relu6", "clip"):
            least = 0.0 if activation == "relu6" else -1.5
            return self.node("Clip", v, self.const(f"{v}.least", [], [least]), self.const(f"{v}.most", [], [6.0]))
        if activation == "leaky-relu":
            return self.node("LeakyRelu", v, alpha=0.2)
        names = {"relu": "Relu", "hard-swish": "HardSwish"}
        return self.node(names[activation], v) if activation in names else v

    def gate(self, v, gate):
        if gate == "sigmoid":
            return self.node("Sigmoid", v)
        return self.node("HardSigmoid", v, alpha=gate[0], beta=gate[1])

    def se(self, x, block, name, activation="relu", gate="sigmoid"):
        """The Mul of a Block under a name."""
        v = self.node("GlobalAveragePool", x, output=f"{name}.pooled")
        v = self.conv(v, f"{name}.fc1", block.hidden, block.channels, block.w1, block.b1)
        v = self.conv(self.act(v, activation), f"{name}.fc2", block.channels, block.hidden, block.w2, block.b2)
        return self.node("Mul", x, self.gate(v, gate), output=f"{name}.y")

    def ese(self, x, channels, name, values):
        v = self.conv(self.node("GlobalAveragePool", x), f"{name}.fc", channels, channels, values)
        return self.node("Mul", x, self.gate(v, (1 / 6, 0.5)), output=f"{name}.y")

    def eca(self, x, name, values):
        last = self.const(f"{name}.last", [1], [-1])
        v = self.node("Transpose", self.node("Squeeze", self.node("GlobalAveragePool", x), last), perm=[0, 2, 1])
        kernel = len(values)
        v = self.node("Conv", v, self.const(f"{name}.conv.weight", [1, 1, kernel], values), kernel_shape=[kernel], pads=[kernel // 2] * 2)
        v = self.node("Unsqueeze", self.node("Transpose", v, perm=[0, 2, 1]), last)
        return self.node("Mul", x, self.gate(v, "sigmoid"), output=f"{name}.y")
