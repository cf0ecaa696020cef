"""PyTorch, eager: the reference module as it stands, in inference mode."""
import torch


class Reference(torch.nn.Module):
    def __init__(self, c, r):
        super().__init__()
        self.fc = torch.nn.Sequential(torch.nn.Linear(c, r, bias=False), torch.nn.ReLU(), torch.nn.Linear(r, c, bias=False), torch.nn.Sigmoid())

    def forward(self, x):
        n, c = x.shape[:2]
        return x * self.fc(x.mean((2, 3))).view(n, c, 1, 1)


class Peer:
    compiled = False

    def __init__(self, threads):
        torch.set_num_threads(threads)
        self.info = {"version": torch.__version__}

    def open(self, block, _):
        module = Reference(block.c, block.r).eval()
        module.load_state_dict({"fc.0.weight": torch.from_numpy(block.w1), "fc.2.weight": torch.from_numpy(block.w2)})
        return Opened(torch.compile(module, dynamic=False) if self.compiled else module, torch.from_numpy(block.x))


class Opened:
    def __init__(self, module, x):
        self.module, self.x, self.y = module, x, None

    def call(self):
        with torch.inference_mode():
            self.y = self.module(self.x)

    def first(self):
        self.call()
        return self.y.numpy()

    def close(self):
        torch.compiler.reset()
