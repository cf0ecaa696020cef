"""What a PyTorch model has of SE, ESE and ECA modules: by class, and numerically; nothing of the graph is looked at."""
import numpy as np
import torch
from torch.nn import functional as F

GRID = torch.linspace(-9, 9, 73)
ACTIVATIONS = {  # name: function, and the numbers that io.h gives it
    "identity": (lambda v: v, ()),
    "relu": (F.relu, ()),
    "relu6": (F.relu6, ()),
    "silu": (F.silu, ()),
    "hard-swish": (F.hardswish, (1 / 6, 0.5)),
    "leaky-relu": (lambda v: F.leaky_relu(v, 0.01), (0.01,)),
}
GATES = {  # name, slope, offset
    ("sigmoid", 0.0, 0.0): torch.sigmoid,
    ("hard-sigmoid", 1 / 6, 0.5): F.hardsigmoid,
    ("hard-sigmoid", 0.2, 0.5): lambda v: (0.2 * v + 0.5).clamp(0, 1),
}


def same(module, function):
    """The module is asked, not its class's name."""
    with torch.no_grad():
        return torch.allclose(module(GRID.clone()), function(GRID), rtol=0, atol=1e-6)


def activation(module):
    return next(({"activation": n, "numbers": numbers} for n, (f, numbers) in ACTIVATIONS.items() if same(module, f)),
                {"activation": "other", "numbers": ()})


def gate(module):
    return next(({"gate": g[0], "slope": g[1], "offset": g[2]} for g, f in GATES.items() if same(module, f)),
                {"gate": "other", "slope": 0, "offset": 0})


def attribute(module, *names):
    return next(getattr(module, n) for n in names if getattr(module, n, None) is not None)


def layer(module):
    matrix = module.weight.detach().double().reshape(module.weight.shape[0], -1)
    bias = None if module.bias is None else module.bias.detach().double()
    return matrix, bias


def fold(matrix, bias, norm):
    """A BatchNorm after a layer; what is no BatchNorm changes nothing."""
    if not isinstance(norm, (torch.nn.BatchNorm2d, torch.nn.BatchNorm1d)):
        assert norm is None or isinstance(norm, torch.nn.Identity) or same(norm, lambda v: v), type(norm)
        return matrix, bias
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = torch.zeros_like(scale) if bias is None else bias
    return matrix * scale[:, None], (bias - norm.running_mean.double()) * scale + norm.bias.double()


def two_layers(m, first, second, act, gates, norm=None):
    one, two = attribute(m, *first), attribute(m, *second)
    matrix, bias = fold(*layer(one), norm)
    return {"kind": "se", "channels": one.weight.shape[1], "hidden": one.weight.shape[0], "folded": matrix is not None and
            isinstance(norm, torch.nn.BatchNorm2d), "matrices": [matrix, layer(two)[0]], "biases": [bias, layer(two)[1]],
            "parts": [one, two], **activation(attribute(m, *act)), **gate(attribute(m, *gates))}


def one_layer(m, names):
    fc = attribute(m, *names)
    return {"kind": "ese", "channels": fc.weight.shape[1], "hidden": 0, "matrices": [layer(fc)[0]], "biases": [layer(fc)[1]],
            "parts": [fc], "activation": "identity", "numbers": (), **gate(attribute(m, "gate", "sigmoid"))}


def kernel(m, circular):
    conv = m.conv
    return {"kind": "eca", "hidden": 0, "kernel": conv.kernel_size[0], "circular": circular, "matrices": [conv.weight.detach().double()],
            "biases": [None if conv.bias is None else conv.bias.detach().double()], "parts": [conv], "activation": "identity",
            "numbers": (), **gate(m.gate)}


def describe(m):
    """None: not of these kinds."""
    if type(m).__module__ == "small" and hasattr(m, "describe"):
        return m.describe()
    origin, name = type(m).__module__, type(m).__name__
    if not origin.startswith(("timm.", "torchvision.")):
        return None
    if name in ("SEModule", "SqueezeExcite", "SqueezeExcitation", "SqueezeExciteCl"):
        if getattr(m, "add_maxpool", False):
            return None
        d = two_layers(m, ("fc1", "conv_reduce"), ("fc2", "conv_expand"), ("act", "act1", "relu", "activation"),
                       ("gate", "sigmoid", "scale_activation"), getattr(m, "bn", None))
        return {**d, "channels_last": name == "SqueezeExciteCl"}
    if name == "EffectiveSEModule":
        return None if m.add_maxpool else one_layer(m, ("fc",))
    if name == "EseModule":
        return one_layer(m, ("conv", "fc"))
    if name == "EcaModule":
        return None if m.conv2 is not None else kernel(m, False)
    return kernel(m, True) if name == "CecaModule" else None


def randomise(model):
    """No two modules with the same numbers, no bias of zero; the rest of the model stays as its authors start it."""
    for m in model.modules():
        if describe(m) is None:
            continue
        for n, p in m.named_parameters():
            if n.endswith("bias"):
                torch.nn.init.uniform_(p, -0.5, 0.5)
        for n, b in m.named_buffers():
            if n.endswith(("running_mean", "running_var")):
                torch.nn.init.uniform_(b, 0.5, 1.5)


def probe(module, shape, channel, seed):
    """An input that a trained network might give, and the module's own output. What random weights leave of an image after
    tens of layers is zero, or so large or small that no gate depends on it: such a comparison would be of nothing."""
    random = torch.Generator().manual_seed(seed)
    means = [1] * len(shape)
    means[0], means[channel] = shape[0], shape[channel]
    x = torch.randn(shape, generator=random) + 2 * torch.rand(means, generator=random) - 1
    with torch.no_grad():
        return x.numpy(), module.forward(x.clone()).numpy()


def gate_spread(x, y, channel):
    """By how much the gates of the first two samples differ most: what the squeeze and both layers have to say."""
    axes = tuple(i for i in range(x.ndim) if i not in (0, channel))
    gates = (y.astype(np.float64) * x).sum(axes) / (x.astype(np.float64) * x).sum(axes)
    return float(np.abs(gates[0] - gates[1]).max())


def observe(model, x):
    """[(name, description, input, output)] of each call of such a module, in forward order; see probe() for the last two."""
    calls, hooks = [], []
    weights = {id(p): n for n, p in model.named_parameters()}
    for name, m in model.named_modules():
        found = describe(m)
        if found is None:
            continue
        found["weights"] = [weights[id(p.weight)] for p in found.pop("parts")]

        def hook(m, inputs, _, name=name, found=found):
            own = dict(found)
            own.setdefault("channels", inputs[0].shape[1])
            channel = inputs[0].ndim - 1 if own.get("channels_last") else 1
            given, made = probe(m, inputs[0].shape, channel, len(calls))
            own["spread"] = gate_spread(given, made, channel)
            calls.append((name, own, given, made))
        hooks.append(m.register_forward_hook(hook))
    with torch.no_grad():
        model(x)
    for h in hooks:
        h.remove()
    return calls


def numbers(tensor):
    return None if tensor is None else np.asarray(tensor.detach())
