"""ONNX Runtime: threads that spin (its default), I/O binding. Of two spellings of the block the faster."""
import numpy as np
import onnxruntime

import block as blocks
from worker import take_turn


class Peer:
    def __init__(self, threads):
        self.threads, self.info = threads, {"version": onnxruntime.__version__}

    def open(self, block, _):
        return min((Opened(block, spelling, self.threads) for spelling in ("gemm", "conv")), key=lambda opened: opened.us)


class Opened:
    def __init__(self, block, spelling, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(blocks.onnx_model(block, spelling).SerializeToString(), options, providers=["CPUExecutionProvider"])
        self.x, self.y = block.x, np.full_like(block.x, np.nan)
        self.io = self.session.io_binding()
        self.io.bind_input("x", "cpu", 0, np.float32, self.x.shape, self.x.ctypes.data)
        self.io.bind_output("y", "cpu", 0, np.float32, self.y.shape, self.y.ctypes.data)
        self.info = {"spelling": spelling}
        self.us = min(take_turn(self.call, 3, 9))

    def call(self):
        self.session.run_with_iobinding(self.io)

    def first(self):
        return self.y
