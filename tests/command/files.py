"""Files for the tests of the command, byte by byte, and the operation in plain Python."""
import json
import math
import random
import struct


def pack(values):
    return struct.pack(f"<{len(values)}f", *values)


def to_f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def random_values(count, seed, scale=1.0):
    source = random.Random(seed)
    return [to_f32(source.uniform(-scale, scale)) for _ in range(count)]


def npy_header(shape, descr="<f4", fortran=False, version=1, text=None):
    text = text or f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''}), }}"
    size = 10 if version == 1 else 12
    text += " " * (-(size + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text.encode()


def write_npy(path, shape, values, **header):
    path.write_bytes(npy_header(shape, **header) + pack(values))
    return path


def read_npy(path):
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    end = 10 + struct.unpack("<H", data[8:10])[0]
    header = eval(data[10:end], {"__builtins__": {}})  # the command's own output
    assert header["descr"] == "<f4" and header["fortran_order"] is False, header
    count = math.prod(header["shape"])
    assert len(data) == end + 4 * count, (len(data), header)
    return header["shape"], list(struct.unpack(f"<{count}f", data[end:]))


def safetensors(tensors, metadata=None, header=None, gap=0):
    """Bytes of a file; tensors: {name: (shape, values)}. `header` replaces the header's text."""
    entries, data = {}, b""
    if metadata:
        entries["__metadata__"] = metadata
    for name, (shape, values) in tensors.items():
        begin = len(data)
        data += pack(values)
        entries[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, len(data)]}
        data += b"\0" * gap
    text = (header or json.dumps(entries)).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


class Block:
    """An SE block with made-up weights, its tensors under a prefix, and its result."""

    def __init__(self, channels, hidden, seed=1, bias=False, prefix="", names=("fc.0", "fc.2")):
        self.channels, self.hidden, self.prefix, self.names = channels, hidden, prefix, names
        self.w1 = random_values(hidden * channels, seed)
        self.w2 = random_values(channels * hidden, seed + 1)
        self.b1 = random_values(hidden, seed + 2) if bias else None
        self.b2 = random_values(channels, seed + 3) if bias else None

    def tensors(self, order="out-in"):
        def matrix(values, outputs, inputs):
            if order == "out-in":
                return [outputs, inputs], values
            return [inputs, outputs], [values[o * inputs + i] for i in range(inputs) for o in range(outputs)]

        lead = self.prefix + "." if self.prefix else ""
        made = {f"{lead}{self.names[0]}.weight": matrix(self.w1, self.hidden, self.channels),
                f"{lead}{self.names[1]}.weight": matrix(self.w2, self.channels, self.hidden)}
        if self.b1:
            made[f"{lead}{self.names[0]}.bias"] = ([self.hidden], self.b1)
            made[f"{lead}{self.names[1]}.bias"] = ([self.channels], self.b2)
        return made

    def said(self, activation="relu", gate="sigmoid", **more):
        """Metadata of the block."""
        lead = self.prefix + "." if self.prefix else ""
        return {f"{lead}{k}": v for k, v in {"activation": activation, "gate": gate, **more}.items()}

    def write(self, path, metadata=None, order="out-in"):
        path.write_bytes(safetensors(self.tensors(order), metadata))
        return path

    def run(self, x, batch, activation="relu", gate="sigmoid", slope=1 / 6, offset=0.5, residual=False, then_relu=False):
        """y, s, h, g as lists, in double precision."""
        act = {"identity": lambda v: v, "relu": lambda v: max(v, 0.0), "silu": lambda v: v / (1 + math.exp(-v)),
               "hard-swish": lambda v: v * min(max(v / 6 + 0.5, 0.0), 1.0)}[activation]
        gated = (lambda v: 1 / (1 + math.exp(-v))) if gate == "sigmoid" else (lambda v: min(max(slope * v + offset, 0.0), 1.0))
        space = len(x) // (batch * self.channels)
        y, saved_s, saved_h, saved_g = [], [], [], []
        for n in range(batch):
            rows = [x[(n * self.channels + c) * space:(n * self.channels + c + 1) * space] for c in range(self.channels)]
            s = [math.fsum(row) / space for row in rows]
            h = [act(math.fsum(self.w1[r * self.channels + c] * s[c] for c in range(self.channels)) + (self.b1[r] if self.b1 else 0))
                 for r in range(self.hidden)]
            g = [gated(math.fsum(self.w2[c * self.hidden + r] * h[r] for r in range(self.hidden)) + (self.b2[c] if self.b2 else 0))
                 for c in range(self.channels)]
            for c, row in enumerate(rows):
                out = [v + g[c] * v if residual else g[c] * v for v in row]
                y += [max(v, 0.0) for v in out] if then_relu else out
            saved_s += s
            saved_h += h
            saved_g += g
        return y, saved_s, saved_h, saved_g


def largest_error(values, expected):
    """Relative to the largest expected value."""
    assert len(values) == len(expected), (len(values), len(expected))
    return max(abs(a - b) for a, b in zip(values, expected)) / max(1e-30, max(abs(v) for v in expected))
