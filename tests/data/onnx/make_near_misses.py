"""Graphs that look like a block and are not, or are one that can't be cut out.

make_near_misses.py FOLDER   writes NAME.onnx and NAME.json: {"blocks": [...], "near": a part of the reason, or null}
"""
import sys

from make_spellings import SE, chain, clip, one, reduce_attr, reshape, with_scalar
from net import C, R, Net, conv, mul, pool, relu, same, se_net, sigmoid, write

ALL = {}


def miss(name, why, net=(), **parts):
    ALL[name] = (lambda: _make(dict(net), parts), {"blocks": [], "near": why})


def unclean(name, why, **parts):
    ALL[name] = (lambda: _make({}, parts), {"blocks": [{**SE, "clean": False, "why": why, "name": None, "output": None}]})


def _make(net, parts):
    n = Net(**net)
    extra = parts.pop("extra", None)
    y = se_net(n, **parts)
    parts["extra"] = extra
    return n.finish(y, *(extra(n) if extra else []))


def other(n):
    return n.node("Sigmoid", "input", name="other", output="other")


# ---- not a block

miss("pool_of_another_tensor", "pools 'other'", pool=lambda n, v: pool(n, other(n)))
miss("pool_before_the_activation", "pools 'input'", pool=lambda n, v: pool(n, "input"))
miss("pool_over_channels", "pools over", net={"opset": 13, "shape": (2, C, 8, 8)}, pool=reduce_attr([1], 1), fc1=conv(R, 1), fc2=conv(1, R, which=2))
miss("pool_over_one_axis", "pools over a part", net={"opset": 13, "shape": (2, C, 8, 8)}, pool=reduce_attr([3], 1))
miss("pool_over_all", "pools over", net={"opset": 13}, pool=chain(reduce_attr([1, 2, 3], 1), with_scalar("Mul", 1)), fc1=conv(R, 1), fc2=conv(C, R, which=2))
miss("pool_over_batch", "pools over", net={"opset": 13, "shape": (2, C, 8, 8)}, pool=reduce_attr([0, 2, 3], 1))
miss("pool_max", "is no part", pool=one("GlobalMaxPool"))
miss("pool_average_and_max", "is no part", pool=lambda n, v: n.node("Add", pool(n, v), n.node("GlobalMaxPool", v)))
miss("pool_sum", "is no part", net={"opset": 11}, pool=lambda n, v: n.node("ReduceSum", v, axes=[2, 3]))
miss("pool_average_part", "pools a part", net={"shape": (2, C, 8, 8)}, pool=one("AveragePool", kernel_shape=[8, 4], strides=[8, 4]))
miss("pool_average_unknown_plane", "not known", pool=one("AveragePool", kernel_shape=[7, 7]))
miss("pool_average_padded", "kernel or pads", net={"shape": (2, C, 8, 8)}, pool=one("AveragePool", kernel_shape=[8, 8], pads=[1, 1, 1, 1], strides=[8, 8]))
miss("gate_of_one_channel", "makes a gate of 1 channels", fc2=conv(1, R, which=2))
miss("gate_softmax", "Softmax is no gate", gate=one("Softmax", axis=1))
miss("gate_tanh", "Tanh is no gate", gate=one("Tanh"))
miss("gate_exp", "Exp is no gate", gate=one("Exp"))
miss("gate_missing", "there is no gate", gate=same)
miss("gate_doubled", "no gate", gate=chain(sigmoid, with_scalar("Mul", 2)))
miss("gate_plus_one", "no gate", gate=chain(sigmoid, with_scalar("Add", 1)))
miss("gate_clip_to_two", "no gate", gate=clip(0, 2))
miss("gate_clip_from_below", "no gate", gate=clip(-1, 1))
miss("gate_hard_tanh_div", "no gate", gate=chain(with_scalar("Add", 3), clip(0, 6), with_scalar("Div", 5)))
miss("gate_along_space", "does not lie along", net={"shape": (1, C, C, C)}, gate=chain(sigmoid, reshape(1, 1, C, 1)))
miss("gate_along_last", "does not lie along", net={"shape": (1, C, C, C)}, gate=chain(sigmoid, reshape(1, C)))
miss("mul_by_constant", "pools 'x'", mul=lambda n, x, g: n.node("Mul", n.const(n.values(1, C, 1, 1)), g))
miss("mul_of_another_tensor", "but the Mul scales 'other'", mul=lambda n, x, g: n.node("Mul", other(n), g))
miss("mul_is_add", None, mul=lambda n, x, g: n.node("Add", x, g))
miss("mul_is_sub", None, mul=lambda n, x, g: n.node("Sub", x, g))
miss("layer_not_constant", "not constant", fc1=lambda n, v: n.node("Conv", v, n.node("Mul", n.const(n.values(R, C, 1, 1)), n.node(
    "ReduceMax", "input", keepdims=0))), net={"opset": 13})
miss("layer_grouped", "groups", fc1=lambda n, v: n.node("Conv", v, n.const(n.values(R, C // 4, 1, 1)), group=4))
miss("layer_3x3", "kernel", fc1=lambda n, v: n.node("Conv", v, n.const(n.values(R, C, 3, 3)), pads=[1, 1, 1, 1]))
miss("layer_padded", "is no part", net={"opset": 13}, fc2=lambda n, v: n.node("ReduceMean", n.node(
    "Conv", v, n.const(n.values(C, R, 1, 1)), pads=[1, 1, 1, 1]), axes=[2, 3]))
miss("layer_three", "is no part", fc1=chain(conv(R, C, which=1), relu, conv(R, R, which=3)))
miss("activation_tanh", "Tanh is no part", act=one("Tanh"))
miss("activation_softplus", "is no part", act=one("Softplus"))
miss("activation_scaled", "follows the activation", act=chain(relu, with_scalar("Mul", 2)))
miss("activation_on_pool", "before the first layer", act=same, fc1=relu)
miss("bias_along_space", "does not go along", fc1=chain(conv(R, C, bias=False), lambda n, v: n.node("Add", v, n.const(n.values(1, 1, 1, R)))))
miss("bias_grows_batch", "does not go along", net={"shape": (1, C, 8, 8)},
     fc1=chain(conv(R, C, bias=False), lambda n, v: n.node("Add", v, n.const(n.values(2, R, 1, 1)))))
miss("pooled_scaled_first", "comes before the first layer", pool=chain(pool, with_scalar("Mul", 3)))
miss("reshape_mixes", "reshapes", net={"shape": (4, C, 8, 8)}, pool=chain(pool, reshape(8, 8), reshape(4, C, 1, 1)))
miss("eca_even_kernel", "does not keep", fc1=same, act=same, fc2=lambda n, v: n.node("Unsqueeze", n.node("Transpose", n.node(
    "Conv", n.node("Transpose", n.node("Squeeze", v, n.ints(-1)), perm=[0, 2, 1]), n.const(n.values(1, 1, 4)), pads=[1, 2]),
    perm=[0, 2, 1]), n.ints(-1)))
miss("eca_dilated", "dilations are not 1", fc1=same, act=same, fc2=lambda n, v: n.node("Unsqueeze", n.node("Transpose", n.node(
    "Conv", n.node("Transpose", n.node("Squeeze", v, n.ints(-1)), perm=[0, 2, 1]), n.const(n.values(1, 1, 3)), pads=[2, 2], dilations=[2]),
    perm=[0, 2, 1]), n.ints(-1)))

# ---- a block, but something else uses what is inside it


def extra(n):
    return [n.node("Exp", n.looked, name="looker", output="looked")]


def keep(part):
    def make(n, v):
        n.looked = part(n, v)
        return n.looked
    return make


unclean("pooled_used", "also used by 'looker'", pool=keep(pool), extra=extra)
unclean("hidden_used", "also used by 'looker'", act=keep(relu), extra=extra)
unclean("before_activation_used", "also used by 'looker'", fc1=keep(conv(R, C)), extra=extra)
unclean("gate_used", "also used by 'looker'", gate=keep(sigmoid), extra=extra)
unclean("logits_used", "also used by 'looker'", fc2=keep(conv(C, R, which=2)), extra=extra)
unclean("pooled_is_output", "is an output", pool=keep(pool), extra=lambda n: [n.looked])
unclean("gate_is_output", "is an output", gate=keep(sigmoid), extra=lambda n: [n.looked])


def two_muls(n, x, g):
    n.node("Neg", n.node("Mul", "input", g, name="second", output="second"), output="z")
    return mul(n, x, g)


def twice(n, x, g):
    n.node("Neg", n.node("Mul", g, x, name="second", output="second"), output="z")
    return mul(n, x, g)


unclean("gate_of_two_muls", "also used by 'second'", mul=two_muls, extra=lambda n: ["z"])
unclean("gate_twice_on_the_same", "also used by", mul=twice, extra=lambda n: ["z"])
ALL["gate_twice_on_the_same"][1]["blocks"] *= 2


if __name__ == "__main__":
    for name, (make, expected) in ALL.items():
        write(sys.argv[1], name, make(), expected)
    print(f"{len(ALL)} near misses")
