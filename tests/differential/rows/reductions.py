"""Operators that take a value along dimensions.   SPDX-License-Identifier: Apache-2.0"""
import draw
from row import CANCELS, ELEMENTARY, EXACT, ROUNDED, SUMS, Row

QUANT = draw.tensors.QUANTIZED


def axes_of(d, rank):
    """Some dimensions, each once or twice, from the front or from the back."""
    if rank == 0:
        return []
    axes = d.sample(range(rank), d.int(1, rank))
    if d.chance(0.1):
        axes.append(axes[0])
    return [a - rank if d.chance(0.3) else a for a in axes]


def reducer(d):
    t = d.types[0]
    s = d.shape(1, 6)
    low, high = d.row.attributes.get("range", {}).get(t, (None, None))
    q = d.quant(t)
    other = q is not None and d.row.attributes["own_scale"] and d.chance(0.7)
    axes = axes_of(d, len(s))
    if axes and d.chance(0.1):
        axis = d.input(d.types[1], (), values=[axes[0]], const=0.7)
    else:
        axis = d.list(d.types[1], axes)
    return d.case([d.input(t, s, low, high, q), axis], [d.out(quant=d.quant(t) if other else q)],
                  ("Reducer", {"keep_dims": d.chance(0.5)}))


def arg(d):
    s = d.shape(1, 5, empty=0)
    axis = d.int(-len(s), len(s) - 1)
    code = draw.tensors.code(d.out_types[0])
    name = "ArgMax" if d.op == "ARG_MAX" else "ArgMin"
    return d.case([d.input(d.types[0], s, quant=d.quant(d.types[0])), d.scalar(d.types[1], axis)], [d.out()],
                  (name, {"output_type": code}))


def cumsum(d):
    s = d.shape(1, 5)
    return d.case([d.input(d.types[0], s), d.scalar(d.types[1], d.int(-len(s), len(s) - 1))], [d.out()],
                  ("Cumsum", {"exclusive": d.chance(0.5), "reverse": d.chance(0.5)}))


def topk(d):
    s = d.shape(1, 4, most=7, empty=0)
    q = d.quant(d.types[0])
    return d.case([d.input(d.types[0], s, quant=q), d.scalar(d.types[1], d.int(0 if d.chance(0.1) else 1, s[-1]))],
                  [d.out(quant=q), d.out(d.out_types[1])], ("TopKV2", {}))


def softmax(d):
    """Output scales are the specification's."""
    t, out = d.types[0], d.out_types[0]
    q = d.quant(t)
    fixed = {"i8": (1 / 256, -128), "u8": (1 / 256, 0), "i16": (1 / 32768, 0)}
    if d.op == "LOG_SOFTMAX":
        fixed = {"i8": (16 / 256, 127), "u8": (16 / 256, 255)}
    if t != out and out == "i16":
        fixed["i16"] = (1 / 65536, -32768)
    q2 = None if q is None else d.quant(out, *fixed[out])
    options = ("Softmax", {"beta": d.pick(1.0, 1.0, 0.5, 2.0, d.log_uniform(0.1, 5))}) if d.op == "SOFTMAX" else None
    return d.case([d.input(t, d.shape(1, 5, most=7), quant=q)], [d.out(out, q2)], options)


def l2(d):
    t = d.types[0]
    q2 = {"i8": (1 / 128, 0), "u8": (1 / 128, 128)}.get(t)
    return d.case([d.input(t, d.shape(1, 4, most=7, empty=0), quant=d.quant(t))],
                  [d.out(quant=None if q2 is None else d.quant(t, *q2))],
                  ("L2Norm", {"fused_activation_function": draw.NONE}))


def response(d):
    s = d.shape(4, 4, empty=0)
    return d.case([d.input("f32", s)], [d.out()],
                  ("LocalResponseNormalization", {"radius": d.int(0, 3), "bias": d.pick(1.0, 2.0, 0.5),
                                                  "alpha": d.r.uniform(0.01, 1), "beta": d.pick(0.5, 0.75, 1.0)}))


def segment(d):
    s = d.shape(1, 4, empty=0)
    if d.op == "SEGMENT_SUM":
        rows = [0]
        for _ in range(s[0] - 1):
            rows.append(rows[-1] + d.int(0, 1))
        return d.case([d.input(d.types[0], s), d.list(d.types[1], rows)], [d.out()], ("SegmentSum", {}))
    n = d.int(1, 5)
    rows = [d.int(-1 if d.chance(0.2) else 0, n - 1) for _ in range(s[0])]
    name = "".join(w.capitalize() for w in d.op.split("_"))
    return d.case([d.input(d.types[0], s), d.list(d.types[1], rows), d.scalar(d.types[2], n)], [d.out()], (name, {}))


def add_n(d):
    s = d.shape()
    return d.case([d.input(d.types[0], s, const=0) for _ in range(d.int(2, 6))], [d.out()], ("AddN", {}))


def reduces(tolerance=EXACT, own_scale=False, **attributes):
    return Row(reducer, tolerance, special=True if tolerance == EXACT else draw.ENDLESS, extreme=True, resizes="all", attributes={"own_scale": own_scale, **attributes})


ROWS = {
    "MEAN": reduces(SUMS, own_scale=True), "SUM": reduces(SUMS, own_scale=True),
    "REDUCE_PROD": reduces(SUMS, own_scale=True, range={"i32": (-3, 3), "i64": (-3, 3), "f32": (-1.5, 1.5)}),
    "REDUCE_MAX": reduces(), "REDUCE_MIN": reduces(), "REDUCE_ANY": reduces(), "REDUCE_ALL": reduces(),
    "ARG_MAX": Row(arg, special=True), "ARG_MIN": Row(arg, special=True), "CUMSUM": Row(cumsum, SUMS, wide=True, resizes="all"),
    "TOPK_V2": Row(topk, wide=True, special=True), "SOFTMAX": Row(softmax, ELEMENTARY, special=True, resizes="all"),
    "LOG_SOFTMAX": Row(softmax, CANCELS, special=True, resizes="all"), "L2_NORMALIZATION": Row(l2, SUMS, resizes="all"),
    "LOCAL_RESPONSE_NORMALIZATION": Row(response, SUMS, resizes="all",
                                        instead="LOCAL_RESPONSE_NORMALIZATION"), "SEGMENT_SUM": Row(segment, SUMS),
    "ADD_N": Row(add_n, ROUNDED, wide=True, resizes="all"),
} | {f"UNSORTED_SEGMENT_{x}": Row(segment, SUMS) for x in ("SUM", "PROD", "MAX", "MIN")}
