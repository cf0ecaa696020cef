"""One small ONNX file for each spelling of a block, and what has to be found in it.

make_spellings.py FOLDER   writes NAME.onnx and NAME.json
"""
import sys

import numpy as np
from onnx import TensorProto, helper

from net import C, R, Net, chain, conv, mul, pool, relu, same, se_net, sigmoid, write

SE = {"kind": "se", "channels": C, "hidden": R, "bias": [True, True], "activation": "relu", "gate": "sigmoid", "slope": 0, "offset": 0,
      "residual": False, "add": None, "then": "identity", "channels_last": False, "clean": True, "input": "x", "output": "scaled",
      "name": "se", "runs": True}
ALL = {}


def spelling(name, net=(), expect=(), **parts):
    ALL[name] = (lambda: _make(dict(net), parts), {**SE, **dict(expect)})


def _make(net, parts):
    n = Net(**net)
    return n.finish(se_net(n, **parts))


def special(title, **expect):
    """A function that makes the whole graph."""
    def take(make):
        ALL[title] = (make, {**SE, **expect})
        return make
    return take


# ---- pools


def reduce_attr(axes, keep=None):
    def make(n, v):
        return n.node("ReduceMean", v, axes=axes, **({} if keep is None else {"keepdims": keep}))
    return make


def reduce_input(axes, keep=None):
    def make(n, v):
        return n.node("ReduceMean", v, n.ints(*axes), **({} if keep is None else {"keepdims": keep}))
    return make


def reshape(*shape):
    return lambda n, v: n.node("Reshape", v, n.ints(*shape))


def unsqueeze(*axes):
    return lambda n, v: n.node("Unsqueeze", v, n.ints(*axes)) if n.opset >= 13 else n.node("Unsqueeze", v, axes=list(axes))


def squeeze(*axes):
    return lambda n, v: n.node("Squeeze", v, n.ints(*axes)) if n.opset >= 13 else n.node("Squeeze", v, axes=list(axes))


def flatten(n, v):
    return n.node("Flatten", v)


def one(op, **attributes):
    return lambda n, v: n.node(op, v, **attributes)


spelling("pool_global_average")
spelling("pool_global_average_opset7", net={"opset": 7})
spelling("pool_global_average_opset21", net={"opset": 21})
spelling("pool_reduce_axes_attribute", net={"opset": 13}, pool=reduce_attr([2, 3]))
spelling("pool_reduce_axes_attribute_keep1", net={"opset": 11}, pool=reduce_attr([3, 2], 1))
spelling("pool_reduce_axes_negative", net={"opset": 13}, pool=reduce_attr([-1, -2], 1))
spelling("pool_reduce_axes_input", net={"opset": 18}, pool=reduce_input([2, 3]))
spelling("pool_reduce_axes_input_negative", net={"opset": 18}, pool=reduce_input([-2, -1], 1))
spelling("pool_reduce_keepdims0", net={"opset": 13}, pool=chain(reduce_attr([2, 3], 0), unsqueeze(2, 3)))
spelling("pool_reduce_input_keepdims0", net={"opset": 18}, pool=chain(reduce_input([-1, -2], 0), unsqueeze(-1, -2)))
spelling("pool_reduce_twice", net={"opset": 13}, pool=chain(reduce_attr([3], 1), reduce_attr([2], 1)))
spelling("pool_reduce_twice_keepdims0", net={"opset": 13}, pool=chain(reduce_attr([2], 0), reduce_attr([2], 0), unsqueeze(2, 3)))
spelling("pool_average_whole_plane", net={"shape": ("N", C, 5, 7)}, pool=one("AveragePool", kernel_shape=[5, 7]))
spelling("pool_average_strides", net={"shape": (1, C, 6, 6)}, pool=one("AveragePool", kernel_shape=[6, 6], strides=[6, 6], pads=[0, 0, 0, 0]))
spelling("pool_view_then_mean", net={"opset": 13, "shape": (2, C, 5, 7)},
         pool=chain(reshape(2, C, 35), reduce_attr([2], 1), unsqueeze(3)))
spelling("pool_view_minus1_then_mean", net={"opset": 13}, pool=chain(reshape(0, 0, -1), reduce_attr([-1], 0), reshape(-1, C, 1, 1)))
spelling("pool_identity_before", pool=chain(one("Identity"), pool))
spelling("pool_dropout_between", net={"opset": 11}, pool=chain(pool, one("Dropout")))
spelling("shape_unknown", net={"shape": None})
spelling("shape_unknown_reduce", net={"shape": None, "opset": 13}, pool=reduce_attr([2, 3], 1))
spelling("shape_unknown_reduce_keepdims0", net={"shape": None, "opset": 13}, pool=chain(reduce_attr([-1, -2], 0), unsqueeze(2, 3)))
spelling("pool_3d", net={"shape": ("N", C, 3, 4, 5)}, fc1=conv(R, C, rank=5), fc2=conv(C, R, rank=5, which=2))
spelling("pool_1d", net={"shape": ("N", C, 31)}, fc1=conv(R, C, rank=3), fc2=conv(C, R, rank=3, which=2))
spelling("pool_transposed", net={"opset": 13}, pool=chain(one("Transpose", perm=[0, 2, 3, 1]), reduce_attr([1, 2], 1),
                                                          one("Transpose", perm=[0, 3, 1, 2])))


# ---- layers


def gemm(outputs, inputs, which, trans_b=1, bias=True, alpha=None, beta=None):
    def make(n, v):
        w = n.values(outputs, inputs)
        w = n.const(w if trans_b else w.T.copy(), f"se.fc{which}.weight")
        b = [n.const(n.values(outputs), f"se.fc{which}.bias")] if bias else []
        extra = {k: a for k, a in (("alpha", alpha), ("beta", beta)) if a is not None}
        return n.node("Gemm", v, w, *b, transB=trans_b, **extra)
    return make


def gemm_data_second(outputs, inputs, which, trans_a, trans_b):
    """W x: the data are the second operand, [C,N] after a Transpose or transB."""
    def make(n, v):
        w = n.values(outputs, inputs)
        w = n.const(w.T.copy() if trans_a else w, f"se.fc{which}.weight")
        b = n.const(n.values(outputs, 1), f"se.fc{which}.bias")
        v = v if trans_b else n.node("Transpose", v, perm=[1, 0])
        return n.node("Transpose", n.node("Gemm", w, v, b, transA=trans_a, transB=trans_b), perm=[1, 0])
    return make


def matmul(outputs, inputs, which, add=True, bias_first=False, through=same):
    def make(n, v):
        w = n.const(n.values(inputs, outputs), f"se.fc{which}.weight")
        v = n.node("MatMul", v, through(n, w))
        if not add:
            return v
        b = n.const(n.values(outputs), f"se.fc{which}.bias")
        return n.node("Add", b, v) if bias_first else n.node("Add", v, b)
    return make


def conv_add(outputs, inputs, which, shape="4d", op="Add"):
    def make(n, v):
        v = conv(outputs, inputs, bias=False, which=which)(n, v)
        b = n.values(outputs)
        if shape == "4d":
            b = n.const(b.reshape(1, outputs, 1, 1))
        elif shape == "3d":
            b = n.const(b.reshape(outputs, 1, 1))
        else:
            b = n.node("Reshape", n.constant_node(b), n.ints(1, outputs, 1, 1))
        return n.node(op, v, b)
    return make


GAP_FLAT = chain(pool, flatten)
BACK = reshape(-1, C, 1, 1)
spelling("layer_conv_no_bias", fc1=conv(R, C, bias=False), fc2=conv(C, R, bias=False, which=2), expect={"bias": [False, False]})
spelling("layer_conv_bias_first_only", fc2=conv(C, R, bias=False, which=2), expect={"bias": [True, False]})
spelling("layer_conv_add_4d", fc1=conv_add(R, C, 1), fc2=conv_add(C, R, 2))
spelling("layer_conv_add_3d", fc1=conv_add(R, C, 1, "3d"), fc2=conv_add(C, R, 2, "3d"))
spelling("layer_conv_add_reshaped_constant", fc1=conv_add(R, C, 1, "reshape"), fc2=conv_add(C, R, 2, "reshape"))
spelling("layer_conv_sub", fc1=conv_add(R, C, 1, "4d", "Sub"))
spelling("layer_conv_strides", fc1=lambda n, v: n.node("Conv", v, n.const(n.values(R, C, 1, 1), "se.fc1.weight"), strides=[1, 1], pads=[0] * 4,
                                                      dilations=[1, 1], group=1), expect={"bias": [False, True]})
for a in (0, 1):
    spelling(f"layer_gemm_transb{a}", pool=GAP_FLAT, fc1=gemm(R, C, 1, a), fc2=gemm(C, R, 2, a), gate=chain(sigmoid, BACK))
    for b in (0, 1):
        spelling(f"layer_gemm_data_second_transa{a}_transb{b}", pool=GAP_FLAT, fc1=gemm_data_second(R, C, 1, a, b),
                 fc2=gemm_data_second(C, R, 2, a, b), gate=chain(sigmoid, BACK))
spelling("layer_gemm_transa", pool=GAP_FLAT, gate=chain(sigmoid, BACK), fc2=gemm(C, R, 2),
         fc1=lambda n, v: n.node("Gemm", n.node("Transpose", v, perm=[1, 0]), n.const(n.values(C, R), "se.fc1.weight"), transA=1),
         expect={"bias": [False, True]})
spelling("layer_gemm_alpha_beta", pool=GAP_FLAT, fc1=gemm(R, C, 1, 1, alpha=0.5, beta=2.0), fc2=gemm(C, R, 2, 0, alpha=1.5, beta=0.25),
         gate=chain(sigmoid, BACK))
spelling("layer_gemm_no_bias", net={"opset": 11}, pool=GAP_FLAT, fc1=gemm(R, C, 1, bias=False), fc2=gemm(C, R, 2, bias=False),
         gate=chain(sigmoid, BACK), expect={"bias": [False, False]})
spelling("layer_matmul_add", pool=GAP_FLAT, fc1=matmul(R, C, 1), fc2=matmul(C, R, 2), gate=chain(sigmoid, BACK))
spelling("layer_matmul_add_bias_first", pool=GAP_FLAT, fc1=matmul(R, C, 1, bias_first=True), fc2=matmul(C, R, 2, bias_first=True),
         gate=chain(sigmoid, BACK))
spelling("layer_matmul_no_add", pool=GAP_FLAT, fc1=matmul(R, C, 1, False), fc2=matmul(C, R, 2, False), gate=chain(sigmoid, BACK),
         expect={"bias": [False, False]})
spelling("layer_matmul_4d", net={"opset": 13}, pool=chain(one("Transpose", perm=[0, 2, 3, 1]), reduce_attr([1, 2], 1)), fc1=matmul(R, C, 1),
         fc2=matmul(C, R, 2), gate=chain(sigmoid, one("Transpose", perm=[0, 3, 1, 2])))
spelling("layer_matmul_left", pool=chain(pool, squeeze(3)), gate=chain(sigmoid, unsqueeze(3)), expect={"bias": [False, False]},
         fc1=lambda n, v: n.node("MatMul", n.const(n.values(R, C), "se.fc1.weight"), v),
         fc2=lambda n, v: n.node("MatMul", n.const(n.values(C, R), "se.fc2.weight"), v))
spelling("layer_hidden_1", fc1=conv(1, C), fc2=conv(C, 1, which=2), expect={"hidden": 1})
spelling("layer_channels_1", net={"shape": ("N", 1, "H", "W")}, fc1=conv(1, 1), fc2=conv(1, 1, which=2), expect={"hidden": 1, "channels": 1})


def norm(width, **attributes):
    def make(n, v):
        p = [n.const(a) for a in (n.values(width) + 1, n.values(width), n.values(width), np.abs(n.values(width)) + 0.5)]
        return n.node("BatchNormalization", v, *p, **attributes)
    return make


spelling("layer_batch_norm", fc1=chain(conv(R, C), norm(R)))
spelling("layer_batch_norm_no_bias", fc1=chain(conv(R, C, bias=False), norm(R, epsilon=1e-3)))
spelling("layer_batch_norm_both", fc1=chain(conv(R, C), norm(R)), fc2=chain(conv(C, R, which=2), norm(C)))
spelling("layer_scale_and_shift", fc1=chain(conv(R, C, bias=False), lambda n, v: n.node("Mul", v, n.const(n.values(1, R, 1, 1) + 1)),
                                            lambda n, v: n.node("Add", v, n.const(n.values(1, R, 1, 1)))))


# ---- constants


def conv_through(*parts, shape=None, array=None):
    def make(n, v):
        w = n.values(R, C, 1, 1) if array is None else array(n)
        w = n.const(w if shape is None else w.reshape(shape), "se.fc1.weight")
        return n.node("Conv", v, chain(*parts)(n, w), n.const(n.values(R), "se.fc1.bias"))
    return make


spelling("constant_identity", fc1=conv_through(one("Identity")))
spelling("constant_reshape", fc1=conv_through(reshape(R, C, 1, 1), shape=(R, C)))
spelling("constant_reshape_minus1", fc1=conv_through(reshape(0, -1, 1, 1), shape=(R, C)))
spelling("constant_unsqueeze", fc1=conv_through(unsqueeze(2, 3), shape=(R, C)))
spelling("constant_squeeze", fc1=conv_through(squeeze(0), shape=(1, R, C, 1, 1)))
spelling("constant_transpose", fc1=conv_through(one("Transpose", perm=[1, 0, 2, 3]), shape=(C, R, 1, 1)))
spelling("constant_transpose_then_reshape", fc1=conv_through(one("Transpose", perm=[1, 0]), reshape(R, C, 1, 1), shape=(C, R)))
spelling("constant_keras_kernel", fc1=conv_through(one("Transpose", perm=[3, 2, 0, 1]), shape=(1, 1, C, R)))
spelling("constant_f16_cast", fc1=conv_through(one("Cast", to=TensorProto.FLOAT), array=lambda n: n.values(R, C, 1, 1).astype(np.float16)))
spelling("constant_f64_cast", fc1=conv_through(one("Cast", to=TensorProto.FLOAT), array=lambda n: n.values(R, C, 1, 1).astype(np.float64)))
spelling("constant_node", fc1=lambda n, v: n.node("Conv", v, n.constant_node(n.values(R, C, 1, 1)), n.constant_node(n.values(R))),
         expect={"name": None})
spelling("constant_of_shape", expect={"name": None}, fc1=lambda n, v: n.node("Conv", v, n.node(
    "ConstantOfShape", n.ints(R, C, 1, 1), value=helper.make_tensor("v", TensorProto.FLOAT, [1], [0.125]))))
ALL["constant_of_shape"][1]["bias"] = [False, True]
spelling("constant_matmul_transposed", pool=GAP_FLAT, gate=chain(sigmoid, BACK), fc2=matmul(C, R, 2),
         fc1=lambda n, v: n.node("MatMul", v, n.node("Transpose", n.const(n.values(R, C), "se.fc1.weight"), perm=[1, 0])),
         expect={"bias": [False, True]})


# ---- views between


def computed(n, v, *dims):
    """PyTorch's view(b, c, 1, 1): the sizes come from a Shape of x, one by one."""
    parts = []
    for d in dims:
        if isinstance(d, str):
            g = n.node("Gather", n.node("Shape", n.x), n.const(np.int64(int(d))), axis=0)
            parts.append(n.node("Unsqueeze", g, n.ints(0)))
        else:
            parts.append(n.ints(d))
    return n.node("Reshape", v, n.node("Concat", *parts, axis=0))


def sliced(n, v):
    head = n.node("Slice", n.node("Shape", n.x), n.ints(0), n.ints(2), n.ints(0))
    return n.node("Reshape", v, n.node("Concat", head, n.ints(1, 1), axis=0))


def expand(n, v):
    return n.node("Expand", v, n.node("Shape", n.x))


LINEAR = {"fc1": gemm(R, C, 1), "fc2": gemm(C, R, 2)}
spelling("view_flatten_reshape", pool=GAP_FLAT, gate=chain(sigmoid, BACK), **LINEAR)
spelling("view_reshape_reshape", pool=chain(pool, reshape(-1, C)), gate=chain(sigmoid, BACK), **LINEAR)
spelling("view_reshape_zero", pool=chain(pool, reshape(0, -1)), gate=chain(sigmoid, reshape(0, -1, 1, 1)), **LINEAR)
spelling("view_squeeze_unsqueeze", pool=chain(pool, squeeze(2, 3)), gate=chain(sigmoid, unsqueeze(2, 3)), **LINEAR)
spelling("view_squeeze_opset11", net={"opset": 11}, pool=chain(pool, squeeze(2, 3)), gate=chain(sigmoid, unsqueeze(2, 3)), **LINEAR)
spelling("view_squeeze_negative", pool=chain(pool, squeeze(-1), squeeze(-1)), gate=chain(sigmoid, unsqueeze(-1), unsqueeze(-1)), **LINEAR)
spelling("view_computed_gather", pool=chain(pool, lambda n, v: computed(n, v, "0", "1")),
         gate=chain(sigmoid, lambda n, v: computed(n, v, "0", "1", 1, 1)), **LINEAR)
spelling("view_computed_batch_only", pool=chain(pool, lambda n, v: computed(n, v, "0", -1)),
         gate=chain(sigmoid, lambda n, v: computed(n, v, "0", C, 1, 1)), **LINEAR)
spelling("view_computed_slice", pool=GAP_FLAT, gate=chain(sigmoid, sliced), **LINEAR)
spelling("view_expand", gate=chain(sigmoid, expand))
spelling("view_expand_constant", net={"shape": (2, C, 5, 7)}, gate=chain(sigmoid, lambda n, v: n.node("Expand", v, n.ints(2, C, 5, 7))))
spelling("view_batch_1", net={"shape": (1, C, 5, 7)}, pool=chain(pool, reshape(1, C)), gate=chain(sigmoid, reshape(1, C, 1, 1)), **LINEAR)
spelling("view_batch_dropped", net={"shape": (1, C, 5, 7)}, gate=chain(sigmoid, squeeze(0)))
spelling("view_identities", pool=chain(one("Identity"), pool, one("Identity")), act=chain(one("Identity"), relu, one("Identity")),
         gate=chain(one("Identity"), sigmoid, one("Identity"), one("Identity")))
spelling("view_dropout_hidden", net={"opset": 13}, act=chain(relu, one("Dropout")))
spelling("view_casts", pool=chain(one("Cast", to=TensorProto.FLOAT), pool, one("Cast", to=TensorProto.FLOAT)))


# ---- nothing folded: PyTorch's torch.export-based exporter, not optimised


def plain_axes(n, v):
    return n.node("ReduceMean", v, n.node("Reshape", n.ints(2, 3), n.ints(-1), allowzero=0), keepdims=1)


def plain_no_bias(n, v, weight, name, number=0.0, **attributes):
    """No bias is a zero of the data's type, as often as the weight has outputs."""
    w = n.const(weight, name)
    count = n.node("Expand", n.node("Shape", w, start=0, end=1), n.ints(1))
    b = n.node("Expand", n.node("CastLike", n.constant_node(np.float32(number)), v), count)
    return n.node("Conv", v, w, b, **attributes)


def plain_clip(n, v):
    return n.node("Clip", v, n.node("CastLike", n.constant_node(np.float32(0)), v), n.node("CastLike", n.constant_node(np.float32(6)), v))


PLAIN = {"opset": 18}
spelling("plain_axes", net=PLAIN, pool=plain_axes)
spelling("plain_no_bias", net=PLAIN, pool=plain_axes, expect={"bias": [False, False]},
         fc1=lambda n, v: plain_no_bias(n, v, n.values(R, C, 1, 1), "se.fc1.weight"),
         fc2=lambda n, v: plain_no_bias(n, v, n.values(C, R, 1, 1), "se.fc2.weight"))
spelling("plain_bias_of_one_number", net=PLAIN, fc1=lambda n, v: plain_no_bias(n, v, n.values(R, C, 1, 1), "se.fc1.weight", 0.25))
spelling("plain_allowzero", net=PLAIN, pool=GAP_FLAT, gate=chain(sigmoid, lambda n, v: n.node("Reshape", v, n.ints(-1, C, 1, 1), allowzero=1)),
         **LINEAR)
spelling("plain_relu6", net=PLAIN, act=plain_clip, expect={"activation": "relu6", "runs": "activation"})


# ---- activations


def clip(low=None, high=None):
    def make(n, v):
        if n.opset < 11:
            return n.node("Clip", v, **{k: a for k, a in (("min", low), ("max", high)) if a is not None})
        low_name = "" if low is None else n.scalar(low)
        return n.node("Clip", v, low_name, *([] if high is None else [n.scalar(high)]))
    return make


def with_scalar(op, number, first=False):
    def make(n, v):
        c = n.scalar(number)
        return n.node(op, c, v) if first else n.node(op, v, c)
    return make


def silu(n, v):
    return n.node("Mul", v, n.node("Sigmoid", v))


def silu_reversed(n, v):
    return n.node("Mul", n.node("Sigmoid", v), v)


def spelt_hard_swish(form):
    def make(n, v):
        c = n.node("Clip", n.node("Add", v, n.scalar(3)), n.scalar(0), n.scalar(6))
        if form == "mul_div":
            return n.node("Div", n.node("Mul", v, c), n.scalar(6))
        if form == "div_mul":
            return n.node("Mul", n.node("Div", c, n.scalar(6)), v)
        if form == "mul_sixth":
            return n.node("Mul", n.node("Mul", v, c), n.scalar(1 / 6))
        return n.node("Mul", n.node("Mul", v, n.scalar(1 / 6)), c)
    return make


spelling("activation_none", act=same, expect={"activation": "identity"})
spelling("activation_relu_as_clip", act=clip(0), expect={"activation": "relu"})
spelling("activation_relu_as_clip_opset7", net={"opset": 7}, act=clip(0.0), expect={"activation": "relu"})
spelling("activation_relu_as_max", act=with_scalar("Max", 0), expect={"activation": "relu"})
spelling("activation_relu6", act=clip(0, 6), expect={"activation": "relu6", "runs": "activation"})
spelling("activation_relu6_opset9", net={"opset": 9}, act=clip(0.0, 6.0), expect={"activation": "relu6", "runs": "activation"})
spelling("activation_relu6_min_relu", act=chain(relu, with_scalar("Min", 6)), expect={"activation": "relu6", "runs": "activation"})
spelling("activation_clip", act=clip(-1, 1), expect={"activation": "clip", "runs": "activation", "number0": -1, "number1": 1})
spelling("activation_leaky", act=one("LeakyRelu", alpha=0.25), expect={"activation": "leaky-relu", "runs": "activation", "number0": 0.25})
spelling("activation_leaky_default", act=one("LeakyRelu"), expect={"activation": "leaky-relu", "runs": "activation", "number0": np.float32(0.01).item()})
spelling("activation_prelu", act=lambda n, v: n.node("PRelu", v, n.const(np.full((1,), 0.5, np.float32))),
         expect={"activation": "leaky-relu", "runs": "activation", "number0": 0.5})
spelling("activation_silu", act=silu, expect={"activation": "silu"})
spelling("activation_silu_reversed", act=silu_reversed, expect={"activation": "silu"})
spelling("activation_hard_swish", act=one("HardSwish"), expect={"activation": "hard-swish"})
for form in ("mul_div", "div_mul", "mul_sixth", "sixth_mul"):
    spelling(f"activation_hard_swish_spelt_{form}", act=spelt_hard_swish(form), expect={"activation": "hard-swish"})
spelling("activation_hard_swish_hard_sigmoid", act=lambda n, v: n.node("Mul", v, n.node("HardSigmoid", v, alpha=1 / 6, beta=0.5)),
         expect={"activation": "hard-swish"})
spelling("activation_hard_swish_other_slope", act=lambda n, v: n.node("Mul", v, n.node("HardSigmoid", v)),
         expect={"activation": "hard-swish", "runs": "activation"})


# ---- gates


def hard(slope, offset=0.5):
    return {"gate": "hard-sigmoid", "slope": slope, "offset": offset}


spelling("gate_hard_sigmoid_default", gate=one("HardSigmoid"), expect=hard(0.2))
spelling("gate_hard_sigmoid_sixth", gate=one("HardSigmoid", alpha=1 / 6, beta=0.5), expect=hard(1 / 6))
spelling("gate_hard_sigmoid_paddle", gate=one("HardSigmoid", alpha=0.1666667), expect=hard(0.1666667))
spelling("gate_hard_sigmoid_custom", gate=one("HardSigmoid", alpha=0.3, beta=0.25), expect=hard(0.3, 0.25))
spelling("gate_clip_affine", gate=chain(with_scalar("Mul", 0.2), with_scalar("Add", 0.5), clip(0, 1)), expect=hard(0.2))
spelling("gate_clip_affine_reversed", gate=chain(with_scalar("Mul", 0.25, True), with_scalar("Add", 0.5, True), clip(0, 1)), expect=hard(0.25))
spelling("gate_clip_affine_opset7", net={"opset": 7}, gate=chain(with_scalar("Mul", 0.2), with_scalar("Add", 0.5), clip(0.0, 1.0)),
         expect=hard(0.2))
spelling("gate_clip_only", gate=clip(0, 1), expect=hard(1, 0))
spelling("gate_min_max", gate=chain(with_scalar("Mul", 0.2), with_scalar("Add", 0.5), with_scalar("Max", 0), with_scalar("Min", 1)), expect=hard(0.2))
spelling("gate_add_clip_div", gate=chain(with_scalar("Add", 3), clip(0, 6), with_scalar("Div", 6)), expect=hard(1 / 6))
spelling("gate_add_clip_mul", gate=chain(with_scalar("Add", 3), clip(0, 6), with_scalar("Mul", 1 / 6)), expect=hard(1 / 6))
spelling("gate_add_relu_min_div", gate=chain(with_scalar("Add", 3), relu, with_scalar("Min", 6), with_scalar("Div", 6)), expect=hard(1 / 6))
spelling("gate_sub_clip_div", gate=chain(with_scalar("Sub", -3), clip(0, 6), with_scalar("Div", 6)), expect=hard(1 / 6))
spelling("gate_div_first", gate=chain(with_scalar("Add", 3), with_scalar("Div", 6), clip(0, 1)), expect=hard(1 / 6))


# ---- the Mul and what follows


def residual(n, y):
    return n.node("Add", n.x, y, output="sum")


def shortcut(n, y):
    n.node("Sigmoid", "input", output="short")
    return n.node("Add", y, "short", output="sum")


spelling("mul_gate_first", mul=lambda n, x, g: n.node("Mul", g, x, output="scaled"))
spelling("mul_unnamed", mul=lambda n, x, g: n.node("Mul", g, x, output="scaled", name=""))
spelling("mul_identity_after", after=one("Identity"))
spelling("mul_then_relu", after=relu, expect={"then": "relu"})
spelling("mul_residual", after=residual, expect={"residual": True, "output": "sum"})
spelling("mul_residual_reversed", after=lambda n, y: n.node("Add", y, n.x, output="sum"), expect={"residual": True, "output": "sum"})
spelling("mul_residual_then_relu", after=chain(residual, relu), expect={"residual": True, "output": "sum", "then": "relu"})
spelling("mul_residual_identity", after=lambda n, y: n.node("Add", y, n.node("Identity", n.x), output="sum"),
         expect={"residual": True, "output": "sum"})
spelling("mul_shortcut", after=shortcut, expect={"add": "short", "runs": "then.add"})
spelling("mul_shortcut_then_relu", after=chain(shortcut, relu), expect={"add": "short", "then": "relu", "runs": "then.add"})
spelling("mul_residual_and_shortcut", after=lambda n, y: n.node("Add", residual(n, y), n.node("Sigmoid", "input", output="short")),
         expect={"residual": True, "output": "sum", "add": "short"})
spelling("mul_add_constant_after", after=lambda n, y: n.node("Add", y, n.const(n.values(1, C, 1, 1))))
spelling("name_without_weights", expect={"name": "layer1/se"}, fc1=lambda n, v: n.node(
    "Conv", v, n.const(n.values(R, C, 1, 1), "onnx::Conv_1"), name="/layer1/se/fc1/Conv"), fc2=lambda n, v: n.node(
        "Conv", v, n.const(n.values(C, R, 1, 1), "onnx::Conv_2"), name="/layer1/se/fc2/Conv"))
ALL["name_without_weights"][1]["bias"] = [False, False]


# ---- QDQ


def qdq(n, v):
    s, z = n.scalar(0.05), n.const(np.uint8(128))
    return n.node("DequantizeLinear", n.node("QuantizeLinear", v, s, z), s, z)


spelling("qdq_around_pool", pool=chain(pool, qdq), expect={"clean": False, "runs": None})
spelling("qdq_around_gate", gate=chain(sigmoid, qdq), expect={"clean": False, "runs": None})
spelling("qdq_weight", expect={"runs": "weights", "name": "se", "clean": True}, fc1=lambda n, v: n.node(
    "Conv", v, n.node("DequantizeLinear", n.const(np.full((R, C, 1, 1), 3, np.int8), "se.fc1.weight"), n.scalar(0.1), n.const(np.int8(0))),
    n.const(n.values(R))))


# ---- channels last


@special("layout_channels_last", channels_last=True, runs="layout", bias=[True, True])
def channels_last():
    n = Net(shape=("N", "H", "W", C), opset=13)
    return n.finish(se_net(n, pool=reduce_attr([1, 2], 1), fc1=matmul(R, C, 1), fc2=matmul(C, R, 2)))


# ---- ESE and ECA


ESE = {"kind": "ese", "hidden": 0, "bias": [True], "runs": "kind", "name": None, "activation": "identity"}
spelling("ese_hard_sigmoid", fc1=same, act=same, fc2=conv(C, C, which=2), gate=one("HardSigmoid"), expect={**ESE, **hard(0.2)})
spelling("ese_add_clip_div", fc1=same, act=same, fc2=conv(C, C, which=2), gate=chain(with_scalar("Add", 3), clip(0, 6), with_scalar("Div", 6)),
         expect={**ESE, **hard(1 / 6)})
spelling("ese_sigmoid_gemm", pool=GAP_FLAT, fc1=same, act=same, fc2=gemm(C, C, 2), gate=chain(sigmoid, BACK), expect=ESE)


def eca(kernel=3, before=same, pads=True, bias=False):
    def make(n, v):
        v = n.node("Transpose", n.node("Squeeze", v, n.ints(-1)), perm=[0, 2, 1])
        p = [kernel // 2] * 2 if pads else [0, 0]
        b = [n.const(n.values(1))] if bias else []
        v = n.node("Conv", before(n, v), n.const(n.values(1, 1, kernel), "eca.conv.weight"), *b, kernel_shape=[kernel], pads=p)
        return n.node("Unsqueeze", n.node("Transpose", v, perm=[0, 2, 1]), n.ints(-1))
    return make


def circular(p):
    def make(n, v):
        big = np.iinfo(np.int64).max
        head = n.node("Slice", v, n.ints(-p), n.ints(big), n.ints(2), n.ints(1))
        tail = n.node("Slice", v, n.ints(0), n.ints(p), n.ints(2), n.ints(1))
        return n.node("Concat", head, v, tail, axis=2)
    return make


def pad(p, mode="constant"):
    return lambda n, v: n.node("Pad", v, n.ints(0, 0, p, 0, 0, p), mode=mode)


def timm_eca(n, v):
    v = n.node("Reshape", n.node("ReduceMean", v, axes=[2, 3], keepdims=0), n.node("Concat", n.node("Unsqueeze", n.node(
        "Gather", n.node("Shape", n.x), n.const(np.int64(0)), axis=0), n.ints(0)), n.ints(1, -1), axis=0))
    v = n.node("Conv", v, n.const(n.values(1, 1, 3), "eca.conv.weight"), kernel_shape=[3], pads=[1, 1])
    return computed(n, n.node("Sigmoid", v), "0", -1, 1, 1)


def plain_eca(n, v):
    v = n.node("ReduceMean", v, n.node("Reshape", n.ints(2, 3), n.ints(-1), allowzero=0), keepdims=0)
    size = n.node("Reshape", n.node("Squeeze", n.node("Shape", "input", start=0, end=1)), n.ints(-1), allowzero=0)
    v = n.node("Reshape", v, n.node("Concat", size, n.ints(1), n.ints(-1), axis=0), allowzero=1)
    v = n.node("Sigmoid", plain_no_bias(n, v, n.values(1, 1, 3), "eca.conv.weight", pads=[1, 1]))
    return n.node("Reshape", v, n.node("Concat", size, n.ints(-1), n.ints(1), n.ints(1), axis=0), allowzero=1)


ECA = {"kind": "eca", "hidden": 0, "bias": [False], "runs": "kind", "name": "eca.conv", "activation": "identity", "kernel": 3, "circular": False}
spelling("eca_3", fc1=same, act=same, fc2=eca(3), expect=ECA)
spelling("eca_5_bias", fc1=same, act=same, fc2=eca(5, bias=True), expect={**ECA, "kernel": 5, "bias": [True]})
spelling("eca_expand", fc1=same, act=same, fc2=eca(3), gate=chain(sigmoid, expand), expect=ECA)
spelling("eca_pad_node", fc1=same, act=same, fc2=eca(3, pad(1), False), expect=ECA)
spelling("eca_circular_concat", fc1=same, act=same, fc2=eca(3, circular(1), False), expect={**ECA, "circular": True})
spelling("eca_circular_pad", net={"opset": 19}, fc1=same, act=same, fc2=eca(5, pad(2, "wrap"), False),
         expect={**ECA, "circular": True, "kernel": 5})
spelling("eca_timm", net={"opset": 13}, pool=timm_eca, fc1=same, act=same, fc2=same, gate=expand, expect=ECA)


def traced_eca(batch):
    """Exported for one batch, by an exporter that says no shapes between: the batch stands in the Reshapes alone."""
    def take(n, v):
        v = n.node("Reshape", n.node("ReduceMean", v, axes=[2, 3], keepdims=0), n.ints(batch, 1, -1))
        v = n.node("Conv", v, n.const(n.values(1, 1, 3), "eca.conv.weight"), kernel_shape=[3], pads=[1, 1])
        return n.node("Reshape", n.node("Sigmoid", v), n.ints(batch, -1, 1, 1))
    return take


for batch, size in ((1, "ONE"), (2, "N")):
    spelling(f"eca_traced_batch_{batch}", net={"opset": 13, "shape": (size, C, "H", "W")}, pool=traced_eca(batch), fc1=same, act=same, fc2=same,
             gate=expand, expect=ECA)


@special("eca_traced_standardised", **ECA, input="conv")
def traced_standardised():
    """The channels are those of a convolution whose weights are computed, as a Reshape says (timm's ScaledStdConv)."""
    n = Net(shape=("ONE", C, "H", "W"), opset=13)
    w = n.const(n.values(1, C, C))
    w = n.node("Reshape", n.node("Sub", w, n.node("ReduceMean", w, axes=[2], keepdims=1)), n.ints(C, C, 1, 1))
    n.x = n.node("Conv", n.x, w, n.const(n.values(C)), output="conv")
    return n.finish(se_net(n, pool=traced_eca(1), fc1=same, act=same, fc2=same, gate=expand))


spelling("view_traced_batch", net={"shape": ("N", C, "H", "W")}, pool=chain(pool, reshape(2, -1)), gate=chain(sigmoid, reshape(2, -1, 1, 1)),
         **LINEAR)
spelling("eca_plain", net=PLAIN, pool=plain_eca, fc1=same, act=same, fc2=same, gate=expand, expect=ECA)


if __name__ == "__main__":
    for name, (make, expected) in ALL.items():
        write(sys.argv[1], name, make(), {"blocks": [expected]})
    print(f"{len(ALL)} spellings")
