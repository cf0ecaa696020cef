"""ncnn on the processor, f32 throughout. One sample: its images have no batch."""
import os

import ncnn
import numpy as np

# name, inputs, outputs, blobs, parameters; 9=1 is relu, 9=4 sigmoid, 0=2 of BinaryOp a multiplication
GRAPH = """7767517
7 8
Input x 0 1 x
Split split 1 2 x x0 x1
Pooling squeeze 1 1 x0 s 0=1 4=1
InnerProduct fc1 1 1 s h 0={r} 1=0 2={count} 9=1
InnerProduct fc2 1 1 h g 0={c} 1=0 2={count} 9=4
Reshape gate 1 1 g g1 0=1 1=1 2={c}
BinaryOp scale 2 1 x1 g1 y 0=2
"""


class Peer:
    vulkan = False

    def __init__(self, threads):
        self.threads, self.info = threads, {"version": ncnn.__version__}
        if self.vulkan and not ncnn.get_gpu_count():
            raise RuntimeError("no Vulkan device")

    def open(self, block, folder):
        if block.n != 1:
            raise ValueError("no batches")
        return Opened(self, block, folder)


class Opened:
    def __init__(self, peer, block, folder):
        path = os.path.join(folder, "ncnn-vulkan" if peer.vulkan else "ncnn")
        with open(path + ".param", "w", encoding="utf-8") as file:
            file.write(GRAPH.format(c=block.c, r=block.r, count=block.c * block.r))
        with open(path + ".bin", "wb") as file:
            for weights in (block.w1, block.w2):
                file.write(bytes(4) + weights.tobytes()) # a word that says f32
        self.net = ncnn.Net()
        self.net.opt.num_threads = peer.threads
        self.net.opt.use_vulkan_compute = peer.vulkan
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_packed", "use_bf16_storage"):
            if hasattr(self.net.opt, name):
                setattr(self.net.opt, name, False)
        if self.net.load_param(path + ".param") or self.net.load_model(path + ".bin"):
            raise RuntimeError("the net can't be loaded")
        self.block, self.x, self.y = block, ncnn.Mat(block.x[0]), None

    def call(self):
        extractor = self.net.create_extractor()
        extractor.input("x", self.x)
        status, self.y = extractor.extract("y")
        if status:
            raise RuntimeError(f"extract: {status}")

    def first(self):
        self.call()
        return np.array(self.y).reshape(self.block.x.shape)

    def close(self):
        self.x = self.y = None
        self.net.clear()
