"""Operators that take each element by itself, of one tensor or of two that broadcast.
SPDX-License-Identifier: Apache-2.0"""
import numpy as np

import draw
from row import CANCELS, ELEMENTARY, EXACT, ROUNDED, Row

QUANT = draw.tensors.QUANTIZED


def binary(d):
    """Two tensors of one type; quantized ones each with their own scale."""
    t, out = d.types[0], d.out_types[0]
    a, b = d.pair()
    if d.row.attributes.get("one_shape"):
        a = b
    low, high = d.row.attributes.get("range", {}).get(t, (None, None))
    options = d.row.attributes.get("options")
    if options is not None and "activation" in d.row.attributes:
        options = (options, {"fused_activation_function": d.pick(*d.row.attributes["activation"])})
        if d.op in ("ADD", "SUB"):
            options[1]["pot_scale_int16"] = False
    elif options is not None:
        options = (options, {})
    share = d.row.attributes.get("same_scale") and t in QUANT
    q = d.quant(t) if not d.row.attributes.get("plain") else None
    q2 = q if share or q is None else d.quant(t)
    q3 = (q if share else d.quant(out)) if q is not None and out != "bool" else None
    second = d.row.attributes.get("second", {}).get(t, (low, high))
    if d.row.attributes.get("divides") and t != "f32" and d.chance(0.5):
        second = (-3, 3)
    y = d.input(d.types[1], b, *second, q2)
    if d.row.attributes.get("divides") and t != "f32":
        y.runs = [np.where(v == (q2.zeros[0] if q2 else 0), v + 1, v).astype(v.dtype) for v in y.runs]
    return d.case([d.input(t, a, low, high, q), y], [d.out(out, q3)], options)


def unary(d):
    t, out = d.types[0], d.out_types[0]
    low, high = d.row.attributes.get("range", {}).get(t, (None, None))
    options = d.row.attributes.get("options")
    if options is not None:
        fields = {k: d.pick(*v) for k, v in d.row.attributes.get("fields", {}).items()}
        options = (options, fields)
    q = d.quant(t)
    if q is not None and "positive" in d.row.attributes:  # LiteRT refuses what has no root
        low = q.zeros[0] + d.row.attributes["positive"]
        if low > draw.tensors.LIMITS[t][1]:
            q.zeros[0], low = 0, 1
    q2 = None if q is None else q if d.row.attributes.get("same_scale") else fixed(d, out) or d.quant(out)
    return d.case([d.input(t, d.shape(), low, high, q)], [d.out(out, q2)], options)


FIXED = {"LOGISTIC": {"i8": (1 / 256, -128), "u8": (1 / 256, 0), "i16": (1 / 32768, 0)},
         "TANH": {"i8": (1 / 128, 0), "u8": (1 / 128, 128), "i16": (1 / 32768, 0)}}


def fixed(d, t):
    want = FIXED.get(d.op, {}).get(t)
    return None if want is None else d.quant(t, *want)


ACTS = {"activation": (0, 0, 1, 2, 3)}
COMPARE = {"EQUAL": "Equal", "NOT_EQUAL": "NotEqual", "LESS": "Less", "LESS_EQUAL": "LessEqual",
           "GREATER": "Greater", "GREATER_EQUAL": "GreaterEqual"}


def two(tolerance=EXACT, special=True, wide=True, **attributes):
    return Row(binary, tolerance, special=special, wide=wide, extreme=True, resizes="all", attributes=attributes)


def one(tolerance=EXACT, special=True, wide=True, **attributes):
    return Row(unary, tolerance, special=special, wide=wide, extreme=True, resizes="all", attributes=attributes)


ROWS = {op: two(options=o) for op, o in COMPARE.items()} | {
    "ADD": two(options="Add", **ACTS), "SUB": two(options="Sub", **ACTS), "MUL": two(options="Mul", **ACTS),
    "DIV": two(ROUNDED, options="Div", divides=True, **ACTS),
    "MAXIMUM": two(options="MaximumMinimum", same_scale=True),
    "MINIMUM": two(options="MaximumMinimum", same_scale=True),
    "SQUARED_DIFFERENCE": two(ROUNDED, options="SquaredDifference"),
    "POW": two(ELEMENTARY, options="Pow", range={"i32": (-3, 3)}, second={"i32": (0, 5)}),
    "LOGICAL_AND": two(options="LogicalAnd"), "LOGICAL_OR": two(options="LogicalOr"),
    "FLOOR_DIV": two(ROUNDED, options="FloorDiv", plain=True, divides=True),
    "FLOOR_MOD": two(ROUNDED, options="FloorMod", plain=True, divides=True),
    "ATAN2": two(ELEMENTARY, plain=True, one_shape=True), "BITWISE_XOR": two(options="BitwiseXor", plain=True),
    "RIGHT_SHIFT": two(options="RightShift", plain=True,
                       second={t: (0, int(t[1:]) - 1) for t in ("i8", "u8", "i16", "u16", "i32", "u32")}),
    "RELU": one(), "RELU6": one(), "RELU_N1_TO_1": one(), "RELU_0_TO_1": one(),
    "LEAKY_RELU": one(ROUNDED, options="LeakyRelu", fields={"alpha": (0.0, 0.2, 0.01, -0.5, 1.0, 1.7)}),
    "ELU": one(ELEMENTARY), "HARD_SWISH": one(ROUNDED),
    "GELU": one(CANCELS, options="Gelu", fields={"approximate": (False, True)}),
    "LOGISTIC": one(ELEMENTARY), "TANH": one(ELEMENTARY), "EXP": one(ELEMENTARY), "LOG": one(ELEMENTARY, positive=1),
    "SQRT": one(ROUNDED, positive=0), "RSQRT": one(ROUNDED, positive=1), "SIN": one(ELEMENTARY), "COS": one(ELEMENTARY),
    "ABS": one(), "NEG": one(), "SIGN": one(options="Sign"), "SQUARE": one(), "FLOOR": one(), "CEIL": one(),
    "ROUND": one(), "LOGICAL_NOT": one(), "ZEROS_LIKE": one(),
}
