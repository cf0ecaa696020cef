"""Modules as papers' repositories and tutorials write them, each in a net of three layers: other spellings than timm's."""
import torch
from torch import nn
from torch.nn import functional as F

import truth

C = 32


class Linears(nn.Module):
    """The reference: a Sequential of Linears on [N,C]."""
    residual = False

    def __init__(self, channels=C, reduction=16, bias=False, act=nn.ReLU):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Linear(channels, max(channels // reduction, 1), bias=bias), act(),
                                nn.Linear(max(channels // reduction, 1), channels, bias=bias), nn.Sigmoid())
        for i in (0, 2):
            nn.init.kaiming_normal_(self.fc[i].weight)

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.fc(self.avg_pool(x).view(b, c)).view(b, c, 1, 1)
        return x * y.expand_as(x)

    def describe(self):
        return {"kind": "se", "channels": self.fc[0].in_features, "hidden": self.fc[0].out_features, "folded": False,
                "matrices": [truth.layer(self.fc[i])[0] for i in (0, 2)], "biases": [truth.layer(self.fc[i])[1] for i in (0, 2)],
                "parts": [self.fc[0], self.fc[2]], "residual": self.residual, **truth.activation(self.fc[1]), **truth.gate(self.fc[3])}


class Residual(Linears):
    residual = True

    def forward(self, x):
        return x + super().forward(x)


class MeanLinears(Linears):
    """The mean over the last axes, broadcasting by None."""
    def forward(self, x):
        return x * self.fc(x.mean(dim=(-2, -1)))[:, :, None, None]


class Flattened(Linears):
    """Space in one axis before the mean."""
    def forward(self, x):
        return x * self.fc(x.flatten(2).mean(-1)).unsqueeze(-1).unsqueeze(-1)


class Line(Linears):
    """One spatial axis."""
    def forward(self, x):
        return x * self.fc(x.mean(2)).unsqueeze(2)


class SpeltHard(nn.Module):
    """MobileNetV3 before PyTorch had hard-swish and hard-sigmoid."""
    def __init__(self, channels=C, hidden=8):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)

    def forward(self, x):
        h = self.fc1(F.adaptive_avg_pool2d(x, 1))
        return x * (F.relu6(self.fc2(h * (F.relu6(h + 3.0) / 6.0)) + 3.0) / 6.0)

    def describe(self):
        return {"kind": "se", "channels": self.fc1.in_channels, "hidden": self.fc1.out_channels, "folded": False,
                "matrices": [truth.layer(m)[0] for m in (self.fc1, self.fc2)], "biases": [truth.layer(m)[1] for m in (self.fc1, self.fc2)],
                "parts": [self.fc1, self.fc2], **truth.activation(nn.Hardswish()), **truth.gate(nn.Hardsigmoid())}


class Eca(nn.Module):
    """The original: the channels moved to the last axis and back."""
    def __init__(self, kernel=5):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.gate = nn.Sigmoid()

    def forward(self, x):
        y = F.adaptive_avg_pool2d(x, 1)
        y = self.conv(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * self.gate(y).expand_as(x)

    def describe(self):
        return truth.kernel(self, False)


class Ese(nn.Module):
    """VoVNetV2's original: hard-sigmoid spelt out."""
    def __init__(self, channels=C):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x):
        return x * (F.relu6(self.fc(F.adaptive_avg_pool2d(x, 1)) + 3.0) / 6.0)

    def describe(self):
        return truth.one_layer(self, ("fc",))


class Last(nn.Module):
    """timm's SqueezeExciteCl between two changes of layout."""
    def __init__(self):
        super().__init__()
        from timm.layers.squeeze_excite import SqueezeExciteCl
        self.se = SqueezeExciteCl(C, rd_channels=8)

    def forward(self, x):
        return F.relu(self.se(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Net(nn.Module):
    def __init__(self, block, line=False):
        super().__init__()
        self.stem, self.block, self.line = nn.Conv2d(3, C, 3, padding=1), block, line
        self.head = nn.Conv1d(C, 10, 1) if line else nn.Conv2d(C, 10, 1)

    def forward(self, x):
        x = F.relu(self.stem(x))
        return self.head(F.relu(self.block(x.flatten(2) if self.line else x)))


MODELS = {
    "linear": lambda: Net(Linears()),
    "linear_bias_silu": lambda: Net(Linears(reduction=4, bias=True, act=nn.SiLU)),
    "linear_one_hidden": lambda: Net(Linears(reduction=64)),
    "linear_residual": lambda: Net(Residual(bias=True)),
    "linear_mean": lambda: Net(MeanLinears(bias=True, act=nn.Hardswish)),
    "linear_flattened": lambda: Net(Flattened(bias=True)),
    "linear_1d": lambda: Net(Line(reduction=4, bias=True), True),
    "spelt_hard": lambda: Net(SpeltHard()),
    "eca": lambda: Net(Eca()),
    "ese": lambda: Net(Ese()),
    "channels_last": lambda: Net(Last()),
}
