"""tinygrad on an OpenCL device: one TinyJit of the block, tensors resident; a call ends when the device is idle."""
import importlib.metadata
import os

os.environ["DEV"] = os.environ["CL"] = "CL" # 0.14 reads the first, earlier ones the second
from tinygrad import Device, Tensor, TinyJit # noqa: E402


class Peer:
    def __init__(self, _):
        self.device = Device[Device.DEFAULT]
        if Device.DEFAULT != "CL":
            raise RuntimeError(f"its device is {Device.DEFAULT}")
        self.info = {"version": importlib.metadata.version("tinygrad")}

    def open(self, block, _):
        return Opened(self.device, block)


class Opened:
    def __init__(self, device, block):
        w1, w2 = Tensor(block.w1.T.copy()).realize(), Tensor(block.w2.T.copy()).realize()
        self.device, self.x, self.y = device, Tensor(block.x).realize(), None

        @TinyJit
        def run(x):
            gate = x.mean((2, 3)).dot(w1).relu().dot(w2).sigmoid()
            return (x * gate.reshape(block.n, block.c, 1, 1)).realize()
        self.run = run
        for _ in range(3): # runs, records, replays
            self.call()

    def call(self):
        self.y = self.run(self.x)
        self.device.synchronize()

    def first(self):
        self.call()
        return self.y.numpy()
