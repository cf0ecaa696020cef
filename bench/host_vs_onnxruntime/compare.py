#!/usr/bin/env python3
"""Times exciton's host backend beside ONNX Runtime, in one process and interleaved, on SE blocks of the reference
(relu, sigmoid, no biases), and checks the results against each other.

    python3 compare.py LIBEXCITON.so [--rounds 15] [--calls 50] [NxCxHxW:R ...]

needs numpy, onnx and onnxruntime. ONNX Runtime is used at its best: two intra-op threads, spinning, I/O binding. A round
times both in turn; what counts is the median of the per-round ratios of medians. Exit status 1 if exciton is slower on
a shape."""
import argparse
import ctypes
import statistics
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper


class Layer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("bias", ctypes.c_void_p), ("type", ctypes.c_int), ("order", ctypes.c_int)]


class Shape(ctypes.Structure):
    _fields_ = [("batch", ctypes.c_uint64), ("dims", ctypes.c_uint32), ("spatial", ctypes.c_uint64 * 3)]


class Se(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("channels", ctypes.c_uint64), ("hidden", ctypes.c_uint64), ("fc1", Layer), ("fc2", Layer),
                ("activation", ctypes.c_int), ("gate", ctypes.c_int), ("gate_slope", ctypes.c_float), ("gate_offset", ctypes.c_float),
                ("output", ctypes.c_int), ("then", ctypes.c_int), ("max", Shape), ("schedule", ctypes.c_int), ("form", ctypes.c_int),
                ("group_size", ctypes.c_uint32)]


class View(ctypes.Structure):
    _fields_ = [("buffer", ctypes.c_void_p), ("offset", ctypes.c_uint64)]


class Args(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("in_", View), ("out", View), ("shape", Shape), ("s", View), ("h", View), ("g", View), ("scratch", View)]


class Params(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("log", ctypes.c_void_p), ("log_user", ctypes.c_void_p), ("allocator", ctypes.c_void_p * 3),
                ("host_threads", ctypes.c_uint32)]


class Exciton:
    """A plan and a binding on host, with x and y in its buffers."""

    def __init__(self, path, n, c, h, w, r, w1, w2, threads):
        self.lib = ctypes.CDLL(path)
        self.lib.exciton_last_error.restype = ctypes.c_char_p
        self.context, self.device, self.plan, self.binding = (ctypes.c_void_p() for _ in range(4))
        self.buffers = [ctypes.c_void_p(), ctypes.c_void_p()]
        params = Params(size=ctypes.sizeof(Params), host_threads=threads)
        self.call("exciton_context_create", ctypes.byref(params), ctypes.byref(self.context))
        self.call("exciton_device_open", self.context, b"host", ctypes.byref(self.device))
        se = Se(channels=c, hidden=r, fc1=Layer(data=w1.ctypes.data), fc2=Layer(data=w2.ctypes.data),
                max=Shape(n, 2, (ctypes.c_uint64 * 3)(h, w, 1)))
        self.call("exciton_plan_create_se", self.device, ctypes.byref(se), ctypes.byref(self.plan))
        self.bytes = n * c * h * w * 4
        for b in self.buffers:
            self.call("exciton_buffer_create", self.device, ctypes.c_uint64(self.bytes), 0, ctypes.byref(b))
        args = Args(in_=View(self.buffers[0]), out=View(self.buffers[1]))
        self.call("exciton_binding_create", self.plan, ctypes.byref(args), ctypes.byref(self.binding))
        self.ticket = ctypes.c_uint64()
        self.submit, self.wait = self.lib.exciton_submit, self.lib.exciton_wait
        self.wait.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]

    def call(self, name, *arguments):
        if getattr(self.lib, name)(*arguments):
            raise SystemExit(f"{name}: {self.lib.exciton_last_error().decode()}")

    def write(self, x):
        self.call("exciton_buffer_write", self.buffers[0], ctypes.c_uint64(0), ctypes.c_void_p(x.ctypes.data), ctypes.c_uint64(self.bytes))

    def read(self, y):
        self.call("exciton_buffer_read", self.buffers[1], ctypes.c_uint64(0), ctypes.c_void_p(y.ctypes.data), ctypes.c_uint64(self.bytes))

    def run(self):
        self.submit(self.device, ctypes.byref(self.binding), 1, ctypes.byref(self.ticket))
        self.wait(self.device, self.ticket, 60_000_000_000)


def session_of(n, c, h, w, r, w1, w2, threads):
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["s"]),
             helper.make_node("Conv", ["s", "w1"], ["a"]), helper.make_node("Relu", ["a"], ["h"]),
             helper.make_node("Conv", ["h", "w2"], ["b"]), helper.make_node("Sigmoid", ["b"], ["g"]),
             helper.make_node("Mul", ["x", "g"], ["y"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [n, c, h, w])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [n, c, h, w])
    weights = [numpy_helper.from_array(w1.reshape(r, c, 1, 1), "w1"), numpy_helper.from_array(w2.reshape(c, r, 1, 1), "w2")]
    model = helper.make_model(helper.make_graph(nodes, "se", [x], [y], weights), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def median_us(call, calls):
    """Of `calls` calls, once the other's spinning threads have gone to sleep."""
    time.sleep(0.05)
    for _ in range(5):
        call()
    times = []
    for _ in range(calls):
        begin = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - begin) / 1e3)
    return statistics.median(times)


def compare(path, shape, rounds, calls, threads):
    dims, _, hidden = shape.partition(":")
    n, c, h, w = map(int, dims.split("x"))
    r = int(hidden) if hidden else max(c // 16, 1)
    random = np.random.default_rng(1)
    x = random.standard_normal((n, c, h, w), np.float32)
    w1 = random.standard_normal((r, c), np.float32) / np.float32(c ** 0.5)
    w2 = random.standard_normal((c, r), np.float32) / np.float32(r ** 0.5)
    ours = Exciton(path, n, c, h, w, r, w1, w2, threads)
    ours.write(x)
    session = session_of(n, c, h, w, r, w1, w2, threads)
    theirs_y = np.empty_like(x)
    io = session.io_binding()
    io.bind_input("x", "cpu", 0, np.float32, x.shape, x.ctypes.data)
    io.bind_output("y", "cpu", 0, np.float32, x.shape, theirs_y.ctypes.data)
    theirs = lambda: session.run_with_iobinding(io)
    for _ in range(10):
        ours.run()
        theirs()
    y = np.empty_like(x)
    ours.read(y)
    error = float(np.max(np.abs(y - theirs_y)) / np.max(np.abs(theirs_y)))
    a, b = [], []
    for _ in range(rounds):
        a.append(median_us(ours.run, calls))
        b.append(median_us(theirs, calls))
    ratio = statistics.median(q / p for p, q in zip(a, b))
    print(f"{shape:>18}  exciton {statistics.median(a):9.1f} us  onnxruntime {statistics.median(b):9.1f} us  "
          f"{ratio:5.2f} times faster ({min(q / p for p, q in zip(a, b)):.2f} to {max(q / p for p, q in zip(a, b)):.2f})  error {error:.1e}")
    return ratio > 1 and error < 2e-6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared_object", metavar="LIBEXCITON.so")
    parser.add_argument("shapes", nargs="*", default=["1x64x32x32:4", "1x256x56x56:16"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print(f"onnxruntime {ort.__version__}, onnx {onnx.__version__}, {options.threads} threads each, {options.rounds} rounds of {options.calls} calls")
    return 0 if all([compare(options.shared_object, s, options.rounds, options.calls, options.threads) for s in options.shapes]) else 1


if __name__ == "__main__":
    sys.exit(main())
