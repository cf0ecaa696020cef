"""MNN: a session of the block, converted from ONNX, high precision (f32); x and y stay in the session's own layout. Of two
spellings the faster."""
import os

import _tools # the converter itself: its command would install a package for sending logs
import MNN
import numpy as np
import onnx

import block as blocks
from worker import take_turn


class Peer:
    def __init__(self, threads):
        self.threads, self.info = threads, {"version": MNN.version()}

    def open(self, block, folder):
        return min((Opened(block, spelling, folder, self.threads) for spelling in ("gemm", "conv")), key=lambda opened: opened.us)


class Opened:
    def __init__(self, block, spelling, folder, threads):
        path = os.path.join(folder, f"mnn-{spelling}")
        onnx.save(blocks.onnx_model(block, spelling), path + ".onnx")
        _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", path + ".onnx", "--MNNModel", path + ".mnn", "--bizCode", "bench"])
        self.block, self.interpreter = block, MNN.Interpreter(path + ".mnn")
        self.session = self.interpreter.createSession({"backend": "CPU", "numThread": threads, "precision": "high"})
        self.info = {"spelling": spelling}
        self.copy_in()
        self.us = min(take_turn(self.call, 3, 9))

    def copy_in(self):
        """Anew before a call that counts: the session may use x's memory for what comes later."""
        kept = MNN.Tensor(self.block.x.shape, MNN.Halide_Type_Float, self.block.x, MNN.Tensor_DimensionType_Caffe)
        self.interpreter.getSessionInput(self.session).copyFrom(kept)

    def call(self):
        self.interpreter.runSession(self.session)

    def first(self):
        self.copy_in()
        self.call()
        y = MNN.Tensor(self.block.x.shape, MNN.Halide_Type_Float, np.full_like(self.block.x, np.nan), MNN.Tensor_DimensionType_Caffe)
        self.interpreter.getSessionOutput(self.session).copyToHostTensor(y)
        return np.array(y.getNumpyData())
