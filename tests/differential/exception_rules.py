"""The rules of exceptions.py.   SPDX-License-Identifier: Apache-2.0"""
import dataclasses
import typing
import warnings

import numpy as np

import twins


@dataclasses.dataclass
class Rule:
    """One of elements, twin, refuses says when it explains."""
    paragraph: str
    ops: tuple
    when: typing.Callable = lambda case: True  # the cases that it is about
    elements: typing.Callable = None  # elements(case, difference) -> mask of the elements that it explains
    twin: typing.Callable = None  # twin(case) -> twins.Twin
    refuses: str = None  # what milliwatt says where it rightly refuses


PARAGRAPHS = set()  # that the generators keep away from


def scale(o):
    return float(o.quant.scales[0])


def real(o, values):
    return (np.asarray(values, np.float64) - o.quant.zeros[0]) * scale(o)


def type_is(*types):
    return lambda case: case.node.ins[0].type in types


def quantized(o, values):
    """The nearest values of the output's type."""
    low, high = {"i8": (-128, 127), "u8": (0, 255), "i16": (-32768, 32767)}[o.type]
    return np.clip(np.rint(np.asarray(values, np.float64) / scale(o)) + o.quant.zeros[0], low, high)


# ---- single elements ----

CLAMPED = ("ADD", "SUB", "MUL", "DIV", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "CONV_3D",
           "CONV_3D_TRANSPOSE", "AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")


def infinite(case, d):
    if d.type != "f32":
        return False
    most = np.finfo(np.float32).max
    return (np.isinf(d.got) & (d.want == np.copysign(most, d.got))) | (np.isnan(d.got) & (np.abs(d.want) == most))


COMPARE = {"EQUAL": np.equal, "NOT_EQUAL": np.not_equal, "LESS": np.less, "LESS_EQUAL": np.less_equal,
           "GREATER": np.greater, "GREATER_EQUAL": np.greater_equal}


def compared(case, d):
    """As real numbers compare; 8-bit values meet at a fixed point of 2^-8."""
    a, b = (real(o, o.value) for o in case.node.ins)
    near = np.abs(a - b) <= 2 ** -7 if meets_at_a_fixed_point(case) else False
    return (d.got == COMPARE[case.op](a, b)) | near


def meets_at_a_fixed_point(case):
    return case.node.ins[0].type in ("i8", "u8") or case.node.ins[0].type == "i16" and case.op in ("EQUAL", "NOT_EQUAL")


def has_large_scale(case):
    return meets_at_a_fixed_point(case) and max(map(scale, case.node.ins)) >= 1


def has_two_scales(case):
    a, b = (o.quant for o in case.node.ins)
    return case.node.ins[0].type == "i16" and not meets_at_a_fixed_point(case) and a != b


def has_fine_output(case):
    """The multiplier to the output's scale, which LiteRT takes to be below 1, is not."""
    x = case.node.ins[0]
    if x.quant is None:
        return False
    return 2 * max(map(scale, case.node.ins)) >= 2 ** (15 if x.type == "i16" else 20) * scale(case.node.outs[0])


def added(case, d):
    a, b = (real(o, o.value) for o in case.node.ins)
    low, high = {0: (-np.inf, np.inf), 1: (0, np.inf), 2: (-1, 1), 3: (0, 6)}[case.node.options[1]["fused_activation_function"]]
    want = quantized(case.node.outs[0], np.clip(a + b if case.op == "ADD" else a - b, low, high))
    return np.abs(d.got.astype(np.int64) - want) <= 1


def unsigned_product(case, d):
    a, b = (o.value.astype(np.uint32) for o in case.node.ins)
    return d.got == np.minimum(a * b, 1)


def overflown(case, d):
    """Within two steps of the table, which are of 128, the function is no float32."""
    x, y = case.node.ins[0], case.node.outs[0]
    over = real(x, x.value) + 256 * scale(x) - min(0, np.log(scale(y))) > 85
    return over & ((d.got == 32767) | (128 * scale(x) > 8))  # a step of the table that spans e^8 says nothing


def divides_far(case):
    if case.node.ins[0].quant is None:
        return False
    (a, b), c = map(scale, case.node.ins), scale(case.node.outs[0])
    return a / (b * c) >= 2 ** 30


def divided(case, d):
    a, b = (real(o, o.value) for o in case.node.ins)
    return d.got == quantized(case.node.outs[0], a / b)


def past_the_end(case, d):
    x, y = (o.value for o in case.node.ins)
    ends = np.iinfo(x.dtype)
    return (x == ends.min) & (y == -1) & (d.got == ends.max)


def extreme(case, d):
    """NaN is passed over, unless there is nothing else."""
    x, axis = case.node.ins[0].value, int(np.asarray(case.node.ins[1].value).ravel()[0])
    sign = 1 if case.op == "ARG_MAX" else -1
    with np.errstate(invalid="ignore"):
        a = np.where(np.isnan(x), -np.inf, sign * x.astype(np.float64))
    is_best = (a == a.max(axis=axis, keepdims=True)) & ~np.isnan(x)
    return np.isnan(x).any(axis=axis) & (d.got == is_best.argmax(axis=axis))


def product(case, d):
    """Where 2^31 steps of the output are passed, the end of its type."""
    x, w, bias = case.node.ins
    values = real(x, x.value)
    sums = values.reshape(-1, values.shape[-1]) @ (w.value.astype(np.float64) * scales_of(w)[:, None]).T
    if bias is not None:
        sums = sums + bias.value * scales_of(bias)
    sums = sums.reshape(d.got.shape)
    return (np.abs(sums / scale(case.node.outs[0])) >= 2 ** 30) & (d.got == quantized(case.node.outs[0], sums))


def scales_of(o):
    return np.broadcast_to(np.array(o.quant.scales, np.float64), (o.shape[0],))


def has_wide_input(case):
    return case.node.ins[0].type == "i16" and scale(case.node.ins[0]) * 4096 * 3 > 65535


def sigmoid(case, d):
    """As the function, to the table's precision."""
    x = real(case.node.ins[0], case.node.ins[0].value)
    want = np.tanh(x) if case.op == "TANH" else 0.5 + 0.5 * np.tanh(x / 2)
    return np.abs(d.got - 32768 * want) <= 8


def is_coarse(case):
    x, y = case.node.ins[0], case.node.outs[0]
    return y.quant is not None and scale(x) / 128 / scale(y) < 2 ** -15


def at_zero(case, d):
    return d.got == case.node.outs[0].quant.zeros[0]


def reduced(case):
    x, axes = case.node.ins[:2]
    return tuple({int(a) % len(x.shape) for a in np.atleast_1d(axes.value)})


def summed(case, d):
    x = case.node.ins[0]
    want = quantized(case.node.outs[0], real(x, x.value).sum(axis=reduced(case)))
    return np.abs(d.got.astype(np.int64) - want.reshape(d.got.shape)) <= 1


def product_of_one(case):
    x = case.node.ins[0]
    return x.quant is not None and all(x.shape[a] == 1 for a in reduced(case))


def is_empty(case):
    return 0 in case.node.ins[0].shape


def one(case, d):
    return d.got == quantized(case.node.outs[0], 1)


def largest(case, d):
    """NaN is passed over; of nothing else, what it begins with."""
    x = case.node.ins[0].value
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best, none = (np.nanmax, -np.inf) if case.op == "REDUCE_MAX" else (np.nanmin, np.inf)
        want = np.nan_to_num(best(x, axis=reduced(case)), nan=none, posinf=np.inf, neginf=-np.inf).reshape(d.got.shape)
        among = np.isnan(x).any(axis=reduced(case)).reshape(d.got.shape)
    ends = np.finfo(np.float32)
    finite = (d.got == want) & (d.want == (ends.min if case.op == "REDUCE_MAX" else ends.max)) & (d.got == none)
    return among & (d.got == want) | finite


def narrow_transform(case):
    return int(np.asarray(case.node.ins[1].value)[-1]) == 1


def transformed(case, d):
    x, n = case.node.ins
    want = np.fft.rfft2(x.value.astype(np.float64), s=tuple(int(v) for v in n.value))
    return np.abs(d.got - want) <= 1e-5 * (1 + np.abs(want).max())


def scalar_kept(case, d):
    return d.got == case.node.ins[0].value


def one_apart(case, d):
    """By the order of rounding alone: a gate by one, the state and the value by what comes of it."""
    return np.abs(d.got.astype(np.int64) - d.want) <= {0: 1, 1: 4, 2: 0, 3: 1}[d.output]


def behind_the_last(case, d):
    n = int(np.frombuffer(d.outputs[3][2], np.float32)[0])
    mask = np.zeros(d.got.shape, bool)
    mask[:, n:] = True
    return mask & (d.got == 0)


RULES = [
    Rule("Infinities are clamped", CLAMPED, elements=infinite),
    Rule("Activations that are no clamp", CLAMPED, lambda c: c.node.options[1]["fused_activation_function"] in (4, 5),
         refuses="fused activation"),
    Rule("ARG_MAX and ARG_MIN of NaN", ("ARG_MAX", "ARG_MIN"), type_is("f32"), extreme),
    Rule("FULLY_CONNECTED of int16 past 32 bits", ("FULLY_CONNECTED",), type_is("i16"), product),
    Rule("ADD and SUB to a fine scale", ("ADD", "SUB"), has_fine_output, added),
    Rule("Comparisons of 8-bit values with scales from 1", tuple(COMPARE), has_large_scale, compared),
    Rule("Comparisons of int16 with different scales", tuple(COMPARE), has_two_scales, compared),
    Rule("DIV of 8-bit values with scales far apart", ("DIV",), divides_far, divided),
    Rule("FLOOR_DIV of the least integer by -1", ("FLOOR_DIV",), type_is("i8", "i16", "i32"), past_the_end),
    Rule("RELU_N1_TO_1 of unsigned products", ("MUL",),
         lambda c: c.node.ins[0].type == "u32" and c.node.options[1]["fused_activation_function"] == 2, unsigned_product),
    Rule("EXP of int16 that overflows", ("EXP",), type_is("i16"), overflown),
    Rule("LOGISTIC and TANH of int16 with scales above 5.3", ("LOGISTIC", "TANH"), has_wide_input, sigmoid),
    Rule("HARD_SWISH with a coarse output", ("HARD_SWISH",), is_coarse, at_zero),
    Rule("SUM of int8 and int16", ("SUM",), type_is("i8", "i16"), summed),
    Rule("REDUCE_PROD along dimensions of 1", ("REDUCE_PROD",), product_of_one, summed),
    Rule("REDUCE_PROD of nothing", ("REDUCE_PROD",), lambda c: is_empty(c) and c.node.ins[0].quant is not None, one),
    Rule("REDUCE_MAX and REDUCE_MIN of NaN and infinities", ("REDUCE_MAX", "REDUCE_MIN"), type_is("f32"), largest),
    Rule("RFFT2D of one column", ("RFFT2D",), narrow_transform, transformed),
    Rule("TRANSPOSE of a scalar", ("TRANSPOSE",), lambda c: c.node.ins[0].shape == (), scalar_kept),
    Rule("LSTM of uint8 is rounded by the processor", ("LSTM",), type_is("u8"), one_apart),
    Rule("Detections behind the last", ("TFLite_Detection_PostProcess",), elements=behind_the_last),
    Rule("SLICE with two types of indices", ("SLICE",), lambda c: c.node.ins[1].type != c.node.ins[2].type,
         twin=twins.slice_indices),
    Rule("STRIDED_SLICE with offset", ("STRIDED_SLICE",), lambda c: c.node.options[1]["offset"], twin=twins.no_offset),
    Rule("EMBEDDING_LOOKUP of rows that end inside a byte", ("EMBEDDING_LOOKUP",), lambda c: c.node.ins[1].type in ("i4", "i2"),
         twin=twins.wide_table),
    Rule("DEPTHWISE_CONV_2D of int16 with int4 weights", ("DEPTHWISE_CONV_2D",),
         lambda c: [o.type for o in c.node.ins[:2]] == ["i16", "i4"], twin=twins.wide_weights),
    Rule("DEPTHWISE_CONV_2D of floats with one scale for int8 weights", ("DEPTHWISE_CONV_2D",),
         lambda c: c.node.ins[0].type == "f32" and c.node.ins[1].type == "i8" and len(c.node.ins[1].quant.scales) == 1,
         twin=twins.scale_each),
    Rule("BATCH_MATMUL of floats with int8 weights in more than one batch dimension", ("BATCH_MATMUL",),
         lambda c: [o.type for o in c.node.ins] == ["f32", "i8"], twin=twins.one_batch),
    Rule("BIDIRECTIONAL_SEQUENCE_LSTM merged, batch first", ("BIDIRECTIONAL_SEQUENCE_LSTM",),
         lambda c: c.node.options[1]["merge_outputs"] and not c.node.options[1]["time_major"], twin=twins.time_first),
    Rule("Peepholes of an integer LSTM with more outputs than cells", ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"), type_is("i8"),
         refuses="peepholes with more outputs than cells"),
]
