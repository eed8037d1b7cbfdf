#!/usr/bin/env python3
"""Random small cases of single operators against LiteRT's reference kernels.

usage: make.py OP_LINES [--seed N] [--per N] [--only OP] [--write FOLDER]

OP_LINES is the program tests/op_lines of a build. Each case is a line of tests/op_case.h. Without --write the
results are compared and what differs is printed; with it, LiteRT's results become lines in FOLDER/*.txt.
Needs ai_edge_litert and numpy.
"""
import argparse
import os
import random
import subprocess
import tempfile

import numpy as np

SHORT = {"float32": "f32", "int8": "i8", "uint8": "u8", "int16": "i16", "int32": "i32", "int64": "i64", "bool": "bool",
         "float64": "f64", "float16": "f16", "object": "str", "uint16": "u16", "uint32": "u32", "uint64": "u64", "complex64": "c64"}
RANGE = {"i8": (-128, 127), "u8": (0, 255), "i16": (-32768, 32767), "i32": (-1000, 1000), "i64": (-1000, 1000),
         "u16": (0, 65535), "u32": (0, 4000000000), "u64": (0, 4000000000)}
R = random.Random()


def dims(shape):
    return "[" + ",".join(map(str, shape)) + "]"


WORDS = ["", "a", "red", "green", "blue", "r%c3%a9d", "two%20words", "red", "a%2cb", "%00x"]


def values(t, n, low=None, high=None):
    if t == "str":
        return ",".join(R.choice(WORDS) for _ in range(n))
    if t in ("f32", "f64", "f16", "c64"):
        return ",".join("%.6g" % R.uniform(-4 if low is None else low, 4 if high is None else high) for _ in range(n))
    if t == "bool":
        return ",".join(str(R.randint(0, 1)) for _ in range(n))
    a, b = RANGE[t]
    a, b = (a if low is None else low), (b if high is None else high)
    return ",".join(str(R.choice([a, b, R.randint(a, b), R.randint(a, b)])) for _ in range(n))


def quant(t, scale=None):
    s = R.choice([R.uniform(0.001, 0.1), R.uniform(0.1, 1.5), 2.0 ** -R.randint(3, 12)]) if scale is None else scale
    z = 0 if t in ("i16", "i32") else R.randint(*RANGE[t])
    return "@%.9g,%d" % (s, z)


def tensor(t, shape, q="", low=None, high=None):
    n = int(np.prod(shape))
    return t + dims(shape) + q + "=" + values(t, n, low, high)


def shape(low=1, high=4, most=3):
    return [R.randint(1, most) for _ in range(R.randint(low, high))]


def broadcast(s):
    """A shape that broadcasts to s."""
    b = [1 if R.random() < 0.4 else d for d in s]
    return b[R.randint(0, len(b)):] if R.random() < 0.5 else b


# Operators that take two tensors of one type: (types, quantized types, attributes)
BINARY = {
    "ADD": ("f32 i32 i64", "i8 u8 i16", True), "SUB": ("f32 i32 i64", "i8 u8 i16", True),
    "MUL": ("f32 i32 i64", "i8 u8 i16", True), "DIV": ("f32", "", True),
    "MAXIMUM": ("f32 i8 u8 i16 i32 i64", "", False), "MINIMUM": ("f32 i8 u8 i16 i32 i64", "", False),
    "SQUARED_DIFFERENCE": ("f32 i32", "i8", False), "POW": ("f32", "", False),
    "EQUAL": ("f32 i32 i64 bool", "i8 u8", False), "NOT_EQUAL": ("f32 i32 i64 bool", "i8 u8", False),
    "LESS": ("f32 i32 i64", "i8 u8", False), "LESS_EQUAL": ("f32 i32 i64", "i8 u8", False),
    "GREATER": ("f32 i32 i64", "i8 u8", False), "GREATER_EQUAL": ("f32 i32 i64", "i8 u8", False),
    "LOGICAL_AND": ("bool", "", False), "LOGICAL_OR": ("bool", "", False),
}
COMPARE = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")
UNARY = {
    "RELU": ("f32", "i8 u8 i16"), "RELU6": ("f32", "i8 u8"), "RELU_N1_TO_1": ("f32", "i8 u8"),
    "RELU_0_TO_1": ("f32", "i8 u8"), "LEAKY_RELU": ("f32", "i8 u8 i16"), "HARD_SWISH": ("f32", "i8 u8"),
    "ABS": ("f32 i32", "i8 i16"), "NEG": ("f32 i32 i64", ""), "SIGN": ("f32 i32", ""), "FLOOR": ("f32", ""),
    "SQUARE": ("f32", ""), "LOGICAL_NOT": ("bool", ""),     "GELU": ("f32", "i8 u8 i16"), "SIN": ("f32", ""), "COS": ("f32", ""), "ZEROS_LIKE": ("f32 i32", ""),
}


def binary(op):
    types, qtypes, act = BINARY[op]
    t = R.choice((types + " " + qtypes).split())
    q = t in qtypes.split()
    s = shape()
    a, b = (s, broadcast(s)) if R.random() < 0.5 else (broadcast(s), s)
    if R.random() < 0.3:
        a = b = s
    attr = ""
    if act and R.random() < 0.5:
        attr = " fused_activation_function=%d" % R.choice([1, 2, 3] if t != "i64" else [1])
    if op in ("ADD", "SUB") and t == "i16":
        attr += " pot_scale_int16=0"
    low = 0.1 if op in ("POW", "DIV") else None
    qa, qb, qo = (quant(t), quant(t), quant(t)) if q else ("", "", "")
    out = "bool" if op in COMPARE else t + qo
    if op in COMPARE and q:  # TFLite compares with scales below 1 only
        qa, qb = quant(t, R.uniform(0.001, 0.9)), quant(t, R.uniform(0.001, 0.9))
    if op == "SQUARED_DIFFERENCE" and q:
        qo = quant(t, R.uniform(0.5, 2))
        out = t + qo
    return f"{op}{attr}: {tensor(t, a, qa, low)} {tensor(t, b, qb, low)} > {out}"


def unary(op):
    types, qtypes = UNARY[op]
    t = R.choice((types + " " + qtypes).split())
    q = t in qtypes.split()
    attr = " alpha=%.3g" % R.uniform(-0.5, 1.5) if op == "LEAKY_RELU" else ""
    if op == "GELU" and R.random() < 0.5:
        attr = " approximate=1"
    s = R.uniform(0.01, 0.2)
    qi = quant(t, s) if q else ""
    qo = quant(t, s * R.uniform(0.3, 3) if op != "HARD_SWISH" else s * R.uniform(0.3, 1.1)) if q else ""
    return f"{op}{attr}: {tensor(t, shape(), qi)} > {t}{qo}"


def reduction(op):
    t = R.choice({"MEAN": "f32 i32 i64 i8 u8 i16", "SUM": "f32 i32 i64", "REDUCE_MAX": "f32 i32 i64 i8 u8 i16",
                  "REDUCE_MIN": "f32 i32 i64 i8 u8 i16", "REDUCE_PROD": "f32 i32 i64 i8", "REDUCE_ANY": "bool",
                  "REDUCE_ALL": "bool"}[op].split())
    s = shape(1, 5, 4)
    axes = R.sample(range(len(s)), R.randint(1, len(s)))
    axes = [a - len(s) if R.random() < 0.3 else a for a in axes]
    qi = qo = ""
    if t in ("i8", "u8", "i16"):
        qi = quant(t, R.uniform(0.01, 0.1))
        qo = quant(t, R.uniform(0.01, 0.1)) if op in ("MEAN", "REDUCE_PROD") else qi
    small = 3 if op == "REDUCE_PROD" and t in ("i32", "i64") else None
    return f"{op} keep_dims={R.randint(0, 1)}: {tensor(t, s, qi, None if small is None else -small, small)} " \
           f"i32[{len(axes)}]={','.join(map(str, axes))} > {t}{qo}"


MOVED = "f32 i8 i16 i32 i64 bool".split()


def any_type():
    return R.choice(MOVED)


def transpose(op):
    s = shape(1, 6)
    p = list(range(len(s)))
    R.shuffle(p)
    t = any_type()
    return f"{op}: {tensor(t, s)} i32[{len(s)}]={','.join(map(str, p))} > {t}"


def pad(op):
    s = shape(1, 4)
    t = R.choice(["f32", "i8", "i32", "i64"])
    q = quant(t) if t == "i8" else ""
    p = [R.randint(0, 2) for _ in range(2 * len(s))]
    extra = " " + tensor(t, [1], q) if op == "PADV2" else ""
    attr = ""
    if op == "MIRROR_PAD":
        mode = R.randint(0, 1)
        attr = f" mode={mode}"
        p = [R.randint(0, s[i // 2] - (1 - mode)) for i in range(2 * len(s))]
    return f"{op}{attr}: {tensor(t, s, q)} i32[{len(s)},2]={','.join(map(str, p))}{extra} > {t}{q}"


def slice_(op):
    s = shape(1, 5, 4)
    t = any_type()
    b = [R.randint(0, d - 1) for d in s]
    n = [-1 if R.random() < 0.2 else R.randint(0, d - x) for d, x in zip(s, b)]
    return f"{op}: {tensor(t, s)} i32[{len(s)}]={','.join(map(str, b))} i32[{len(s)}]={','.join(map(str, n))} > {t}"


def strided_slice(op):
    s = shape(1, 4, 5)
    t = any_type()
    k = R.randint(1, len(s))
    stride = [R.choice([1, 1, 2, -1, -2]) for _ in range(k)]
    b = [R.randint(-d, d - 1) for d in s[:k]]
    e = [R.randint(-d - 1, d + 1) for d in s[:k]]
    shrink = 0
    for i in range(k):
        if R.random() < 0.2:
            shrink |= 1 << i
            stride[i] = 1
    masks = f" begin_mask={R.getrandbits(k) & ~shrink} end_mask={R.getrandbits(k)} shrink_axis_mask={shrink}"
    if R.random() < 0.2:
        masks += f" new_axis_mask={1 << R.randint(0, k - 1)}"
    elif R.random() < 0.2:
        masks += f" ellipsis_mask={1 << R.randint(0, k - 1)}"
    text = [",".join(map(str, v)) for v in (b, e, stride)]
    return f"{op}{masks}: {tensor(t, s)} i32[{k}]={text[0]} i32[{k}]={text[1]} i32[{k}]={text[2]} > {t}"


def concatenation(op):
    s = shape(1, 4)
    t = any_type()
    axis = R.randint(0, len(s) - 1)
    parts = []
    for _ in range(R.randint(1, 4)):
        p = list(s)
        p[axis] = R.randint(1, 3)
        parts.append(tensor(t, p))
    return f"{op} axis={axis - R.choice([0, len(s)])}: {' '.join(parts)} > {t}"


def pack(op):
    s = shape(0, 3)
    t = R.choice(["f32", "i8", "i16", "i32", "i64"])
    n = R.randint(1, 4)
    return f"{op} values_count={n} axis={R.randint(0, len(s)) - R.choice([0, len(s) + 1])}: " \
           f"{' '.join(tensor(t, s) for _ in range(n))} > {t}"


def unpack(op):
    s = shape(1, 4)
    t = R.choice(["f32", "i8", "i16", "i32"])
    axis = R.randint(0, len(s) - 1)
    return f"{op} num={s[axis]} axis={axis}: {tensor(t, s)} > {' '.join([t] * s[axis])}"


def split(op):
    s = shape(1, 4)
    axis = R.randint(0, len(s) - 1)
    t = R.choice(["f32", "i8", "i16", "i32"])
    if op == "SPLIT":
        n = R.randint(1, 3)
        s[axis] *= n
        return f"{op} num_splits={n}: i32[]={axis} {tensor(t, s)} > {' '.join([t] * n)}"
    sizes = [R.randint(1, 3) for _ in range(R.randint(1, 3))]
    s[axis] = sum(sizes)
    if R.random() < 0.3:
        sizes[R.randrange(len(sizes))] = -1
    return f"{op} num_splits={len(sizes)}: {tensor(t, s)} i32[{len(sizes)}]={','.join(map(str, sizes))} i32[]={axis} > " \
           f"{' '.join([t] * len(sizes))}"


def gather(op):
    s = shape(1, 4)
    t = any_type()
    if op == "GATHER":
        axis = R.randint(0, len(s) - 1)
        batch = R.randint(0, axis)
        i = s[:batch] + shape(0, 2)
        return f"{op} axis={axis} batch_dims={batch}: {tensor(t, s)} {tensor('i32', i, '', 0, s[axis] - 1)} > {t}"
    depth = R.randint(1, len(s))
    n = R.randint(1, 3)
    index = [str(R.randint(0, s[k] - 1)) for _ in range(n) for k in range(depth)]
    return f"{op}: {tensor(t, s)} i32[{n},{depth}]={','.join(index)} > {t}"


def resize(op):
    s = [R.randint(1, 2), R.randint(1, 6), R.randint(1, 6), R.randint(1, 3)]
    t = R.choice(["f32", "i8", "u8", "i16"])
    attr = R.choice(["", " align_corners=1", " half_pixel_centers=1"])
    q = quant(t, 0.1) if t != "f32" else ""
    return f"{op}{attr}: {tensor(t, s, q)} i32[2]={R.randint(1, 9)},{R.randint(1, 9)} > {t}{q}"


def blocks(op):
    t = R.choice(["f32", "i8", "i32"])
    n = R.randint(1, 2)
    b = [R.randint(1, 3) for _ in range(n)]
    q = quant(t) if t == "i8" else ""
    if op == "SPACE_TO_BATCH_ND":
        s, m = [R.randint(1, 2)], []
        for k in range(n):
            before, after = R.randint(0, 2), R.randint(0, 2)
            d = R.randint(1, 4)
            after += -(d + before + after) % b[k]
            s.append(d)
            m += [before, after]
    else:
        s, m = [int(np.prod(b)) * R.randint(1, 2)], []
        for k in range(n):
            d = R.randint(1, 3)
            s.append(d)
            before = R.randint(0, d * b[k] - 1)
            m += [before, R.randint(0, d * b[k] - 1 - before)]
    s.append(R.randint(1, 3))
    return f"{op}: {tensor(t, s, q)} i32[{n}]={','.join(map(str, b))} i32[{n},2]={','.join(map(str, m))} > {t}{q}"


def depth(op):
    b = R.randint(1, 3)
    s = [R.randint(1, 2), R.randint(1, 3), R.randint(1, 3), R.randint(1, 3)]
    if op == "DEPTH_TO_SPACE":
        s[3] *= b * b
    else:
        s[1] *= b
        s[2] *= b
    t = R.choice(["f32", "i8", "i32"])
    return f"{op} block_size={b}: {tensor(t, s)} > {t}"


def tile(op):
    s = shape(1, 4)
    t = R.choice(["f32", "i8", "i32", "i64", "bool"])
    return f"{op}: {tensor(t, s)} i32[{len(s)}]={','.join(str(R.randint(0, 3)) for _ in s)} > {t}"


def select(op):
    s = shape(1, 4)
    t = R.choice(["f32", "i8", "i16", "i32", "i64"])
    if op == "SELECT":
        c = R.choice([s, [s[0]], []])
        return f"{op}: {tensor('bool', c)} {tensor(t, s)} {tensor(t, s)} > {t}"
    return f"{op}: {tensor('bool', broadcast(s))} {tensor(t, broadcast(s))} {tensor(t, s)} > {t}"


def arg(op):
    s = shape(1, 4)
    t = R.choice(["f32", "i8", "u8", "i32"])
    return f"{op} output_type=2: {tensor(t, s)} i32[]={R.randint(0, len(s) - 1)} > i32"


def topk(op):
    s = shape(1, 3, 6)
    t = R.choice(["f32", "i8", "u8", "i32", "i64"])
    return f"{op}: {tensor(t, s, '', *((-3, 3) if t == 'i32' else (None, None)))} i32[]={R.randint(1, s[-1])} > {t} i32"


def cumsum(op):
    s = shape(1, 4)
    t = R.choice(["f32", "i32", "i64"])
    return f"{op} exclusive={R.randint(0, 1)} reverse={R.randint(0, 1)}: {tensor(t, s)} " \
           f"i32[]={R.randint(-len(s), len(s) - 1)} > {t}"


def one_hot(op):
    s = shape(1, 3)
    t = R.choice(["f32", "i32", "i8", "bool"])
    return f"{op} axis={R.randint(-1, len(s))}: {tensor('i32', s, '', -1, 4)} i32[]={R.randint(0, 4)} " \
           f"{tensor(t, [])} {tensor(t, [])} > {t}"


def quantize(op):
    t, u = R.choice([("f32", "i8"), ("f32", "u8"), ("f32", "i16"), ("i8", "i8"), ("i8", "u8"), ("u8", "i8"), ("u8", "u8"),
                     ("i16", "i16"), ("i16", "i8"), ("i8", "i16")])
    s = R.uniform(0.01, 0.5)
    return f"{op}: {tensor(t, shape(), quant(t, s) if t != 'f32' else '')} > {u}{quant(u, s * R.uniform(0.2, 5))}"


def dequantize(op):
    t = R.choice(["i8", "u8", "i16"])
    return f"{op}: {tensor(t, shape(), quant(t))} > f32"


def prelu(op):
    s = shape(1, 4)
    t = R.choice(["f32", "i8", "u8"])
    q = [quant(t, R.uniform(0.01, 0.1)) if t != "f32" else "" for _ in range(3)]
    return f"{op}: {tensor(t, s, q[0])} {tensor(t, broadcast(s), q[1])} > {t}{q[2]}"


def reverse(op):
    s = shape(1, 4)
    t = any_type()
    first = R.randint(0, len(s) - 1)
    axes = list(range(first, R.randint(first, len(s) - 1) + 1))
    return f"{op}: {tensor(t, s)} i32[{len(axes)}]={','.join(map(str, axes))} > {t}"


def scatter(op):
    t = R.choice(["f32", "i8", "u8", "i32", "i64"])
    s = shape(1, 3)
    depth_ = R.randint(1, len(s))
    n = R.randint(1, 4)
    index = [str(R.randint(0, s[k] - 1)) for _ in range(n) for k in range(depth_)]
    return f"{op}: i32[{n},{depth_}]={','.join(index)} {tensor(t, [n] + s[depth_:])} i32[{len(s)}]={','.join(map(str, s))} > {t}"


def update(op):
    s = shape(1, 4)
    t = R.choice(["f32", "i8", "i32", "i64", "bool"])
    u = [R.randint(1, d) for d in s]
    return f"{op}: {tensor(t, s)} {tensor(t, u)} i32[{len(s)}]={','.join(str(R.randint(-2, 4)) for _ in s)} > {t}"


def floor_op(op):
    t = R.choice(["f32", "i8", "i16", "i32"])
    s = shape()
    n = int(np.prod(s))
    b = [R.choice([-7, -3, -1, 1, 2, 5]) for _ in range(n)]
    return f"{op}: {tensor(t, s, '', -100, 100)} {t}{dims(s)}={','.join(map(str, b))} > {t}"


def broadcast_to(op):
    s = shape(1, 4)
    t = R.choice(["f32", "i8", "i32", "bool"])
    return f"{op}: {tensor(t, broadcast(s))} i32[{len(s)}]={','.join(map(str, s))} > {t}"


def l2(op):
    t = R.choice(["f32", "i8", "u8"])
    q = ("", "") if t == "f32" else (quant(t, 0.1), "@0.0078125,%d" % (128 if t == "u8" else 0))
    return f"{op}: {tensor(t, shape(1, 3, 6), q[0])} > {t}{q[1]}"


FIXED = {"LOGISTIC": {"i8": "@0.00390625,-128", "u8": "@0.00390625,0", "i16": "@3.0517578125e-05,0"},
         "TANH": {"i8": "@0.0078125,0", "u8": "@0.0078125,128", "i16": "@3.0517578125e-05,0"}}


def table(op):
    """Operators that TFLite computes by a table of the real function."""
    t = R.choice({"EXP": "f32 i8 i16", "LOG": "f32 i8 i16", "ELU": "f32 i8", "LOGISTIC": "f32 i8 u8 i16",
                  "TANH": "f32 i8 u8 i16", "SQRT": "f32 i8 i16", "RSQRT": "f32 i8 i16"}[op].split())
    if t == "f32":
        return f"{op}: {tensor(t, shape(), '', 0.01 if op in ('LOG', 'SQRT', 'RSQRT') else None)} > f32"
    s = R.uniform(0.005, 0.06) if t != "i16" else R.uniform(1e-5, 2e-4)
    qi = quant(t, s)
    zero = int(qi.split(",")[1])
    low = zero + 1 if op in ("LOG", "RSQRT") else zero if op == "SQRT" else None
    if low is not None and low > RANGE[t][1]:
        qi, low = qi.split(",")[0] + ",-128", -127
    qo = FIXED[op][t] if op in FIXED else quant(t, R.uniform(0.02, 0.3) if t != "i16" else R.uniform(1e-4, 1e-3))
    return f"{op}: {tensor(t, shape(), qi, low)} > {t}{qo}"


def div8(op):
    s = shape()
    qs = [quant("u8", R.uniform(0.01, 0.1)) for _ in range(3)]
    zero = int(qs[1].split(",")[1])
    b = [R.choice([v for v in (1, 7, 100, 200, 255, R.randint(0, 255)) if v != zero]) for _ in range(int(np.prod(s)))]
    return f"DIV: {tensor('u8', s, qs[0])} u8{dims(s)}{qs[1]}={','.join(map(str, b))} > u8{qs[2]}"


def cast(op):
    t, u = R.sample("f32 i8 u8 i16 i32 i64 bool".split(), 2)
    low, high = (0, 100) if t == "f32" else (None, None)
    return f"{op}: {tensor(t, shape(), '', low, high)} > {u}"


def rest(op):
    s = shape(1, 4)
    if op == "ADD_N":
        t = R.choice(["f32", "i32"])
        return f"{op}: {' '.join(tensor(t, s) for _ in range(R.randint(2, 5)))} > {t}"
    if op == "FAKE_QUANT":
        return f"{op} min={R.uniform(-6, 0):.3g} max={R.uniform(0.1, 6):.3g} num_bits={R.randint(2, 8)}: {tensor('f32', s)} > f32"
    if op == "FILL":
        t = R.choice(["f32", "i32", "i64", "bool", "i8"])
        return f"{op}: i32[{len(s)}]={','.join(map(str, s))} {tensor(t, [])} > {t}"
    if op == "SHAPE":
        return f"{op} out_type=2: {tensor('f32', s)} > i32"
    if op == "MATRIX_DIAG":
        t = R.choice(["f32", "i32", "i8"])
        return f"{op}: {tensor(t, s)} > {t}"
    if op == "MATRIX_SET_DIAG":
        s = shape(2, 4)
        t = R.choice(["f32", "i32", "i8"])
        return f"{op}: {tensor(t, s)} {tensor(t, s[:-2] + [min(s[-2:])])} > {t}"
    if op == "REVERSE_SEQUENCE":
        s = shape(2, 4)
        a, b = R.sample(range(len(s)), 2)
        t = R.choice(["f32", "i32", "u8"])
        lengths = ",".join(str(R.randint(1, s[a])) for _ in range(s[b]))
        return f"{op} seq_dim={a} batch_dim={b}: {tensor(t, s)} i32[{s[b]}]={lengths} > {t}"
    if op == "SPARSE_TO_DENSE":
        t = R.choice(["f32", "i32", "i8"])
        k = R.randint(1, 3)
        index = sorted({tuple(R.randint(0, d - 1) for d in s) for _ in range(k)})
        flat = ",".join(str(v) for i in index for v in i)
        return f"{op}: i32[{len(index)},{len(s)}]={flat} i32[{len(s)}]={','.join(map(str, s))} {tensor(t, [len(index)])} " \
               f"{tensor(t, [])} > {t}" if len(s) <= 4 else rest(op)
    t = R.choice(["f32", "i32"])
    ids = ",".join(str(R.randint(-1, 3)) for _ in range(s[0]))
    return f"{op}: {tensor(t, s, '', -5, 5)} i32[{s[0]}]={ids} i32[]=4 > {t}"


STABLEHLO = {"STABLEHLO_ADD": "f32 f64 i8 u8 i16 u16 i32 u32 i64 u64", "STABLEHLO_MULTIPLY": "f32 i8 u8 i16 u16 i32 u32 i64 u64",
             "STABLEHLO_MAXIMUM": "f32 f64 f16 i8 u8 i16 u16 i32 u32 i64 u64 bool",
             "STABLEHLO_MINIMUM": "f32 f64 f16 i8 u8 i16 u16 i32 u32 i64 u64 bool",
             "STABLEHLO_AND": "i8 u8 i16 u16 i32 u32 i64 u64 bool", "STABLEHLO_SHIFT_LEFT": "i8 i16 i32"}


def ints(v):
    return ",".join(map(str, v))


def later(op):
    s = shape(1, 3)
    if op in STABLEHLO:
        t = R.choice(STABLEHLO[op].split())
        if op == "STABLEHLO_SHIFT_LEFT":
            return f"{op}: {tensor(t, s)} {tensor(t, s, '', 0, int(t[1:]) - 1)} > {t}"
        return f"{op}: {tensor(t, s)} {tensor(t, s)} > {t}"
    if op == "WHERE":
        t = R.choice("bool f32 i64 i32 i8 u8 u32".split())
        return f"{op}: {tensor(t, shape(1, 5), '', *((0, 1) if t not in ('f32', 'bool') else ()))} > i64"
    if op == "UNIQUE":
        t = R.choice("i8 i16 i32 i64 u8".split())
        o = R.choice(["i32", "i64"])
        return f"{op} idx_out_type={2 if o == 'i32' else 4}: {tensor(t, [R.randint(1, 12)], '', 0, 5)} > {t} {o}"
    if op in ("REAL", "IMAG", "COMPLEX_ABS"):
        return f"{op}: {tensor('c64', s)} > f32"
    if op == "RFFT2D":
        n = [2 ** R.randint(1, 4), 2 ** R.randint(1, 4)]
        return f"{op}: {tensor('f32', shape(2, 4, 5))} i32[2]={ints(n)} > c64"
    if op == "DILATE":
        t = any_type()
        return f"{op}: {tensor(t, s)} i32[{len(s)}]={ints(R.randint(1, 3) for _ in s)} {tensor(t, [])} > {t}"
    if op.startswith("RANDOM"):
        return f"{op} seed={R.randint(0, 99)} seed2={R.randint(1, 10 ** 12)}: i32[{len(s)}]={ints(s)} > f32"
    if op == "MULTINOMIAL":
        t = R.choice(["i32", "i64"])
        return f"{op} seed={R.randint(1, 10 ** 12)} seed2={R.randint(0, 99)}: {tensor('f32', shape(2, 2, 4))} i32[]={R.randint(1, 9)} > {t}"
    if op == "STABLEHLO_RNG_BIT_GENERATOR":
        a = R.randint(0, 2)
        n = 2 if a == 2 else R.randint(2, 3)
        return f"{op} algorithm={a}: {tensor('u64', [n])} > u64[{n}] {R.choice(['i32', 'u32'])}{dims(s)}"
    if op == "STABLEHLO_PAD":
        t = any_type()
        low, high, mid = [[R.randint(a, 2) for _ in s] for a in (-1, -1, 0)]
        return f"{op} edge_padding_low={ints(low)} edge_padding_high={ints(high)} interior_padding={ints(mid)}: " \
               f"{tensor(t, s)} {tensor(t, [])} > {t}"
    if op == "REDUCE_WINDOW":
        t = R.choice("bool i8 i16 i32 i64 u8 f32".split())
        s = shape(1, 3, 6)
        f = R.choice([5, 6] if t == "bool" else [1, 2, 3, 4])
        w = [R.randint(1, min(3, d)) for d in s]
        text = [f"i64[{len(s)}]=" + ints(v) for v in (w, [R.randint(1, 2) for _ in s], [R.randint(1, 2) for _ in s])]
        return f"{op} reduce_function={f}: {tensor(t, s)} {tensor(t, [])} {' '.join(text)} > {t}"
    if op == "STABLEHLO_GATHER":
        t = any_type()
        s = shape(1, 4)
        size = [R.randint(1, d) for d in s]
        gone = [k for k in range(len(s)) if size[k] == 1 and R.random() < 0.6]
        mapped = R.sample(range(len(s)), R.randint(1, len(s)))
        over = shape(0, 2)
        rank = len(over) + len(s) - len(gone)
        offset = sorted(R.sample(range(rank), len(s) - len(gone)))
        at = R.randint(0, len(over))
        lists = [("offset_dims", offset), ("collapsed_slice_dims", gone), ("start_index_map", mapped), ("slice_sizes", size)]
        attrs = " ".join(f"{k}={ints(v)}" for k, v in lists if v)
        return f"{op} {attrs} index_vector_dim={at}: {tensor(t, s)} " \
               f"{tensor(R.choice(['i32', 'i64']), over[:at] + [len(mapped)] + over[at:], '', -2, 4)} > {t}{dims([1] * rank)}"
    if op == "EMBEDDING_LOOKUP_SPARSE":
        n, rank = R.randint(1, 5), R.randint(1, 3)
        full = [R.randint(1, 3) for _ in range(rank)]
        places = sorted([R.randint(0, d - 1) for d in full] for _ in range(n))
        v = [R.randint(1, 4)] + shape(1, 2)
        return f"{op} combiner={R.randint(0, 2)}: {tensor('i32', [n], '', 0, v[0] - 1)} " \
               f"i32[{n},{rank}]={ints(x for p in places for x in p)} i32[{rank}]={ints(full)} " \
               f"{tensor('f32', [n], '', 0.5, 2)} {tensor('f32', v)} > f32"
    raise KeyError(op)


def bias(t, n, scale):
    """Of the types that go with values of type t; left out now and then."""
    if R.random() < 0.25:
        return "-"
    if t == "f32":
        return tensor("f32", [n])
    b = "i64" if t == "i16" else "i32"
    return f"{b}[{n}]@{scale:.9g},0=" + ints(R.randint(-2000, 2000) for _ in range(n))


def layer_types():
    """Types of values, weights, output, with their quantization, and the bias's scale."""
    t = R.choice(["f32", "f32", "i8", "i8", "u8", "i16", "hybrid"])
    if t == "f32":
        return "f32", "", "f32", "", "f32", "", 1
    sw = R.uniform(0.002, 0.05)
    zw = R.randint(0, 255) if t == "u8" else 0
    w = "u8" if t == "u8" else "i8"
    if t == "hybrid":
        return "f32", "", w, f"@{sw:.9g},0", "f32", "", 1
    sx = R.uniform(0.01, 0.2)
    zx = 0 if t == "i16" else R.randint(*RANGE[t])
    return t, f"@{sx:.9g},{zx}", w, f"@{sw:.9g},{zw}", t, quant(t, R.uniform(0.2, 1.5)), sx * sw


def activated():
    return "fused_activation_function=" + R.choice("00013")


def window(transposed=False, square=False):
    a = R.randint(1, 3)
    text = f"padding={R.randint(0, 1)} stride_h={a} stride_w={a if square else R.randint(1, 3)}"
    if transposed or R.random() < 0.7:
        return text
    return f"padding={R.randint(0, 1)} stride_h=1 stride_w=1 dilation_h_factor={R.randint(1, 2)} dilation_w_factor={R.randint(1, 2)}"


def layer(op):
    x, qx, w, qw, o, qo, sb = layer_types()
    n, h, wd, c, k = R.randint(1, 2), R.randint(3, 6), R.randint(3, 6), R.randint(1, 5), R.randint(1, 5)
    kh, kw = R.randint(1, 3), R.randint(1, 3)
    if op == "FULLY_CONNECTED":
        keep = R.randint(0, 1)
        s = [R.randint(1, 3), c] if not keep else [R.randint(1, 3) for _ in range(R.randint(1, 2))] + [c]
        return f"{op} keep_num_dims={keep} {activated()}: {tensor(x, s, qx)} {tensor(w, [k, c], qw)} {bias(x, k, sb)} > {o}{qo}"
    if op == "CONV_2D":
        g = c if R.random() < 0.8 else 1
        k = k if g == c else c * R.randint(1, 2)
        return f"{op} {window()} {activated()}: {tensor(x, [n, h, wd, c], qx)} {tensor(w, [k, kh, kw, g], qw)} {bias(x, k, sb)} > {o}{qo}"
    if op == "DEPTHWISE_CONV_2D":
        m = R.randint(1, 3)
        b = tensor("f32", [c * m]) if (x, w) == ("f32", "f32") else bias(x, c * m, sb)  # LiteRT 2.3: garbage without
        return f"{op} depth_multiplier={m} {window(square=True)} {activated()}: {tensor(x, [n, h, wd, c], qx)} " \
               f"{tensor(w, [1, kh, kw, c * m], qw)} {b} > {o}{qo}"
    if op == "TRANSPOSE_CONV":
        a, b, p = R.randint(1, 3), R.randint(1, 3), R.randint(0, 1)
        out = [n, h * a if p == 0 else (h - 1) * a + kh, wd * b if p == 0 else (wd - 1) * b + kw, k]
        return f"{op} padding={p} stride_h={a} stride_w={b} {activated()}: i32[4]={ints(out)} " \
               f"{tensor(w, [k, kh, kw, c], qw)} {tensor(x, [n, h, wd, c], qx)} {bias(x, k, sb)} > {o}{qo}"
    strides = " ".join(f"stride_{a}={R.randint(1, 2)}" for a in "dhw")
    d, h, wd, c, k = [R.randint(1, 3) for _ in range(5)]
    f = lambda *s: tensor("f32", list(s), "", -1, 1)
    if op == "CONV_3D":
        return f"{op} padding=0 {strides} {activated()}: {f(n, d, h, wd, c)} {f(2, kh, kw, c, k)} {f(k)} > f32"
    if op == "CONV_3D_TRANSPOSE":
        return f"{op} padding=0 stride_d=2 stride_h=1 stride_w=2 {activated()}: i32[5]={ints([n, d * 2, h, wd * 2, k])} " \
               f"{f(2, kh, kw, k, c)} {f(n, d, h, wd, c)} {f(k)} > f32"
    if op == "BATCH_MATMUL":
        t = R.choice(["f32", "i8", "i16"])
        a, b, m = R.randint(0, 1), R.randint(0, 1), R.randint(1, 4)
        q = [quant(t, R.uniform(0.01, 0.1)), quant(t, R.uniform(0.01, 0.1)), quant(t, R.uniform(0.2, 1))] if t != "f32" else [""] * 3
        lead = [R.randint(1, 3)] if R.random() < 0.5 else []
        return f"{op} adj_x={a} adj_y={b}: {tensor(t, lead + ([c, m] if a else [m, c]), q[0])} " \
               f"{tensor(t, lead + ([k, c] if b else [c, k]), q[1])} > {t}{q[2]}"
    raise KeyError(op)


def pooling(op):
    t = R.choice("f32 i8 u8 i16".split()) if op != "L2_POOL_2D" else "f32"
    q = "" if t == "f32" else quant(t)
    f = f"filter_height={R.randint(1, 3)} filter_width={R.randint(1, 3)} {window(True)} {activated()}"
    return f"{op} {f}: {tensor(t, [R.randint(1, 2), R.randint(3, 6), R.randint(3, 6), R.randint(1, 4)], q)} > {t}{q}"


def softmax(op):
    s = shape(1, 4, 6)
    t = R.choice("f32 i8 u8 i16".split() if op == "SOFTMAX" else "f32 i8 u8".split())
    if t == "f32":
        return f"{op}{' beta=%.3g' % R.uniform(0.3, 2) if op == 'SOFTMAX' else ''}: {tensor(t, s)} > f32"
    if op == "LOG_SOFTMAX":
        return f"{op}: {tensor(t, s, quant(t, R.uniform(0.01, 0.2)))} > {t}@0.0625,{127 if t == 'i8' else 255}"
    fixed = {"i8": "@0.00390625,-128", "u8": "@0.00390625,0", "i16": "@0.000030517578125,0"}
    return f"{op} beta=1: {tensor(t, s, quant(t, R.uniform(0.001, 0.2)))} > {t}{fixed[t]}"


def recurrent(op):
    n, t, i, u = R.randint(1, 3), R.randint(1, 4), R.randint(1, 4), R.randint(1, 4)
    f = lambda *s: tensor("f32", list(s), "", -1, 1)
    if op == "RNN":
        return f"{op} fused_activation_function={R.choice('0134')}: {f(n, i)} {f(u, i)} {f(u, u)} {f(u)} f32[{n},{u}]! > f32"
    if op == "UNIDIRECTIONAL_SEQUENCE_RNN":
        major = R.randint(0, 1)
        return f"{op} time_major={major} fused_activation_function={R.choice('0134')}: {f(*((t, n) if major else (n, t)), i)} " \
               f"{f(u, i)} {f(u, u)} {f(u)} f32[{n},{u}]! > f32"
    if op == "BIDIRECTIONAL_SEQUENCE_RNN":
        major = R.randint(0, 1)
        cell = lambda: f"{f(u, i)} {f(u, u)} {f(u)} f32[{n},{u}]!"
        return f"{op} time_major={major} merge_outputs=0 fused_activation_function={R.choice('0134')}: " \
               f"{f(*((t, n) if major else (n, t)), i)} {cell()} {cell()} - - - > f32 f32"
    if op == "SVDF":
        rank, m = R.randint(1, 2), R.randint(2, 5)
        return f"{op} rank={rank} {activated()}: {f(n, i)} {f(u * rank, i)} {f(u * rank, m)} " \
               f"{R.choice([f(u), '-'])} f32[{n},{u * rank * m}]! > f32"
    if op == "LSTM":
        return f"{op} fused_activation_function=4 cell_clip={R.choice(['0', '1.5'])} kernel_type=1: {f(n, i)} {f(n, u)} " \
               f"{f(4 * u, i + u)} {f(4 * u)} {f(n, u)} > f32 f32 f32 f32"
    major = R.randint(0, 1)
    peephole = R.random() < 0.3
    gates = [f(u, i) for _ in range(4)] + [f(u, u) for _ in range(4)]
    cells = [f(u) if peephole else "-" for _ in range(3)]
    biases = [f(u) for _ in range(4)]
    return f"{op} time_major={major} fused_activation_function=4 cell_clip={R.choice(['0', '1.5'])}: " \
           f"{f(*((t, n) if major else (n, t)), i)} {' '.join(gates + cells + biases)} - - f32[{n},{u}]! f32[{n},{u}]! > f32"


def single(op):
    s = shape(1, 3)
    if op == "ATAN2":
        return f"{op}: {tensor('f32', s)} {tensor('f32', s)} > f32"
    if op in ("CEIL", "ROUND"):
        return f"{op}: {tensor('f32', s)} > f32"
    if op in ("BITWISE_XOR", "RIGHT_SHIFT"):
        t = R.choice("i8 u8 i16 i32".split())
        high = () if op == "BITWISE_XOR" else (0, int(t[1:]) - 1)
        return f"{op}: {tensor(t, s)} {tensor(t, s, '', *high)} > {t}"
    if op == "BITCAST":
        a, b = R.choice([("f32", "i32"), ("i32", "f32"), ("i16", "u16"), ("u8", "i8")])
        return f"{op}: {tensor(a, s)} > {b}"
    if op == "BROADCAST_ARGS":
        b = broadcast(s)
        return f"{op}: i32[{len(s)}]={ints(s)} i32[{len(b)}]={ints(b)} > i32" if b else single(op)
    if op == "RANGE":
        a, step = R.randint(-5, 5), R.choice([-2, -1, 1, 2, 3])
        return f"{op}: i32[]={a} i32[]={a + step * R.randint(1, 6)} i32[]={step} > i32"
    if op == "RANK":
        return f"{op}: {tensor(any_type(), s)} > i32"
    if op == "RESHAPE":
        t = any_type()
        n = int(np.prod(s))
        return f"{op}: {tensor(t, s)} i32[2]={ints(R.choice([[n, 1], [1, -1], [-1, s[-1]]]))} > {t}"
    if op == "SQUEEZE":
        t = any_type()
        return f"{op} squeeze_dims=1: {tensor(t, [s[0], 1] + s[1:])} > {t}"
    if op == "EXPAND_DIMS":
        t = any_type()
        return f"{op}: {tensor(t, s)} i32[1]={R.randint(-len(s) - 1, len(s))} > {t}"
    if op == "SEGMENT_SUM":
        rows = sorted(R.randint(0, 3) for _ in range(s[0]))
        t = R.choice(["f32", "i32"])
        return f"{op}: {tensor(t, s)} i32[{s[0]}]={ints(rows)} > {t}"
    if op == "EMBEDDING_LOOKUP":
        v = [R.randint(1, 4)] + shape(1, 2)
        n = R.randint(1, 5)
        return f"{op}: {tensor('i32', [n], '', 0, v[0] - 1)} {tensor('f32', v)} > f32"
    if op == "BUCKETIZE":
        t = R.choice(["f32", "i32", "i64"])
        return f"{op} boundaries=-2,-0.5,0,1.5,3: {tensor(t, s, '', -4, 4)} > i32"
    if op == "HASHTABLE_LOOKUP":
        n, m = R.randint(1, 5), R.randint(1, 5)
        return f"{op}: {tensor('i32', [n], '', 0, 6)} i32[{m}]={ints(sorted(R.sample(range(7), m)))} " \
               f"{tensor('f32', [m] + shape(1, 2))} > f32 u8"
    if op.startswith("NON_MAX"):
        n = R.randint(1, 6)
        boxes = []
        for _ in range(n):
            y, x = R.uniform(0, 2), R.uniform(0, 2)
            boxes += [y, x, y + R.uniform(0.5, 2), x + R.uniform(0.5, 2)]
        v5 = op.endswith("5")
        return f"{op}: f32[{n},4]={','.join('%.6g' % b for b in boxes)} {tensor('f32', [n], '', 0, 1)} i32[]={R.randint(1, 6)} " \
               f"f32[]={R.uniform(0.1, 0.8):.3g} f32[]={R.uniform(0, 0.5):.3g}{' f32[]=0.5' if v5 else ''} > i32 {'f32 ' if v5 else ''}i32"
    if op == "LOCAL_RESPONSE_NORMALIZATION":
        return f"{op} radius={R.randint(0, 2)} bias=1 alpha={R.uniform(0.1, 1):.3g} beta={R.uniform(0.2, 1):.3g}: " \
               f"{tensor('f32', [1, 2, 2, R.randint(1, 6)])} > f32"
    raise KeyError(op)


def sentence():
    words = ["".join(R.choice("abcde") for _ in range(R.randint(1, 3))) for _ in range(R.randint(0, 6))]
    text = R.choice(["", "", "%20"]) + R.choice(["%20", "%20", "%09", "%20%20"]).join(words) + R.choice(["", "", "%20"])
    return text


def strings(op):
    """Operators on strings, by names of their own here: "NAME " with blanks behind it."""
    op = op.strip()
    s = shape(1, 3)
    if op == "SKIP_GRAM":
        return f"{op} ngram_size={R.randint(0, 4)} max_skip_size={R.randint(-1, 3)} include_all_ngrams={R.randint(0, 1)}: " \
               f"str[1]={sentence()} > str"
    if op == "LSH_PROJECTION":
        bits = R.choice([1, 4, 31])
        n = R.randint(1, 4)
        t = R.choice(["f32", "i32", "i8", "str"])
        item = [n] + ([] if t == "str" else shape(0, 2, 9))
        weights = R.choice(["", " " + tensor("f32", [n])])
        return f"{op} type={R.randint(1, 2)}: {tensor('f32', [R.randint(1, 3), bits])} {tensor(t, item)}{weights} > i32"
    if op in ("EQUAL", "NOT_EQUAL"):
        return f"{op}: {tensor('str', s)} {tensor('str', broadcast(s) or [1])} > bool"
    if op == "GATHER":
        return f"{op}: {tensor('str', s[:1])} {tensor('i32', shape(1, 2), '', 0, s[0] - 1)} > str"
    if op == "GATHER_ND":
        return f"{op}: {tensor('str', s)} i32[2,{len(s)}]={','.join(str(R.randint(0, d - 1)) for _ in range(2) for d in s)} > str"
    if op == "FILL":
        return f"{op}: i32[{len(s)}]={ints(s)} {tensor('str', [])} > str"
    if op == "TILE":
        return f"{op}: {tensor('str', s)} i32[{len(s)}]={','.join(str(R.randint(1, 3)) for _ in s)} > str"
    if op == "HASHTABLE_LOOKUP":
        n, m = R.randint(1, 5), R.randint(1, 5)
        return f"{op}: {tensor('i32', [n], '', 0, 6)} i32[{m}]={ints(sorted(R.sample(range(7), m)))} {tensor('str', [m])} > str u8"
    if op == "SLICE":
        b = [R.randint(0, d - 1) for d in s]
        return f"{op}: {tensor('str', s)} i32[{len(s)}]={ints(b)} i32[{len(s)}]={ints([R.randint(1, d - x) for d, x in zip(s, b)])} > str"
    if op == "STRIDED_SLICE":
        return f"{op}: {tensor('str', s)} i32[1]=0 i32[1]={s[0]} i32[1]={R.randint(1, 2)} > str"
    if op == "RESHAPE":
        return f"{op}: {tensor('str', s)} i32[2]={int(np.prod(s))},1 > str"
    if op == "SQUEEZE":
        return f"{op} squeeze_dims=1: {tensor('str', [s[0], 1] + s[1:])} > str"
    if op == "EXPAND_DIMS":
        return f"{op}: {tensor('str', s)} i32[1]={R.randint(-len(s) - 1, len(s))} > str"
    return f"{op}{' out_type=2' if op == 'SHAPE' else ''}: {tensor('str', s)} > i32"


MAKERS = {op: binary for op in BINARY} | {op: unary for op in UNARY}
MAKERS |= {op: reduction for op in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL")}
MAKERS |= {
    "TRANSPOSE": transpose, "PAD": pad, "PADV2": pad, "MIRROR_PAD": pad, "SLICE": slice_, "STRIDED_SLICE": strided_slice,
    "CONCATENATION": concatenation, "PACK": pack, "UNPACK": unpack, "SPLIT": split, "SPLIT_V": split, "GATHER": gather,
    "GATHER_ND": gather, "RESIZE_BILINEAR": resize, "RESIZE_NEAREST_NEIGHBOR": resize, "SPACE_TO_BATCH_ND": blocks,
    "BATCH_TO_SPACE_ND": blocks, "DEPTH_TO_SPACE": depth, "SPACE_TO_DEPTH": depth, "TILE": tile, "SELECT": select,
    "SELECT_V2": select, "ARG_MAX": arg, "ARG_MIN": arg, "TOPK_V2": topk, "CUMSUM": cumsum, "ONE_HOT": one_hot,
    "QUANTIZE": quantize, "DEQUANTIZE": dequantize, "PRELU": prelu, "REVERSE_V2": reverse, "SCATTER_ND": scatter,
    "DYNAMIC_UPDATE_SLICE": update, "FLOOR_DIV": floor_op, "FLOOR_MOD": floor_op, "BROADCAST_TO": broadcast_to,
    "L2_NORMALIZATION": l2,
}
MAKERS |= {op: table for op in ("EXP", "LOG", "ELU", "LOGISTIC", "TANH", "SQRT", "RSQRT")}
MAKERS |= {op: rest for op in ("ADD_N", "FAKE_QUANT", "FILL", "SHAPE", "MATRIX_DIAG", "MATRIX_SET_DIAG", "REVERSE_SEQUENCE",
                               "SPARSE_TO_DENSE", "UNSORTED_SEGMENT_SUM", "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_MIN",
                               "UNSORTED_SEGMENT_PROD")}
MAKERS |= {"CAST": cast, "DIV ": div8}
MAKERS |= {op: later for op in list(STABLEHLO) + [
    "WHERE", "UNIQUE", "REAL", "IMAG", "COMPLEX_ABS", "RFFT2D", "DILATE", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL",
    "STABLEHLO_PAD", "REDUCE_WINDOW", "STABLEHLO_GATHER", "STABLEHLO_RNG_BIT_GENERATOR", "EMBEDDING_LOOKUP_SPARSE"]}
MAKERS |= {op: layer for op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "CONV_3D", "CONV_3D_TRANSPOSE",
                                "BATCH_MATMUL")}
MAKERS |= {op: pooling for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")}
MAKERS |= {"SOFTMAX": softmax, "LOG_SOFTMAX": softmax}
MAKERS |= {op: recurrent for op in ("RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "SVDF", "LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM")}
MAKERS |= {op: single for op in ("ATAN2", "CEIL", "ROUND", "BITWISE_XOR", "RIGHT_SHIFT", "BITCAST", "BROADCAST_ARGS",
                                 "RANGE", "RANK", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "SEGMENT_SUM", "EMBEDDING_LOOKUP",
                                 "BUCKETIZE", "HASHTABLE_LOOKUP", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "LOCAL_RESPONSE_NORMALIZATION")}
MAKERS |= {op: strings for op in ("SKIP_GRAM", "LSH_PROJECTION")}
MAKERS |= {op + " ": strings for op in ("EQUAL", "NOT_EQUAL", "GATHER", "GATHER_ND", "FILL", "TILE", "HASHTABLE_LOOKUP", "SLICE",
                                        "STRIDED_SLICE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "SHAPE", "RANK")}
FAMILIES = {"strings": strings, "layer": layer, "pooling": pooling, "softmax": softmax, "recurrent": recurrent, "single": single, "later": later, "table": table, "binary": binary, "unary": unary, "reduction": reduction}


# Their reference kernel leaves out the last channel of each window, against TensorFlow; the other one does not.
NOT_BY_REFERENCE = ("LOCAL_RESPONSE_NORMALIZATION",)


def litert(path, op):
    """The outputs, or the error; from the other kernels where the reference ones lack the operator or its version."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    resolvers = (OpResolverType.BUILTIN_REF, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    for resolver in resolvers[op in NOT_BY_REFERENCE:]:
        try:
            it = Interpreter(model_path=path, experimental_op_resolver_type=resolver, num_threads=1)
            it.allocate_tensors()
            for k, d in enumerate(it.get_input_details()):
                it.set_tensor(d["index"], fed(f"{path}.{k}", d["dtype"]).reshape(d["shape"]))
            it.invoke()
            return [it.get_tensor(o["index"]) for o in it.get_output_details()]
        except (RuntimeError, ValueError) as e:
            error = str(e).strip().split("\n")[-1]
            if "Registration failed" not in error and "Didn't find op" not in error:
                break
    return error


def fed(path, dtype):
    """A file of op_case_save; strings are as in a .tflite file: their number, offsets, bytes."""
    if dtype not in (np.bytes_, np.object_):
        return np.fromfile(path, dtype=dtype)
    data = open(path, "rb").read()
    offsets = np.frombuffer(data, "<i4", np.frombuffer(data, "<i4", 1)[0] + 1, 4)
    return np.array([data[a:b] for a, b in zip(offsets, offsets[1:])], dtype=object)


def escaped(s):
    return "".join(chr(b) if 32 < b < 127 and chr(b) not in "%," else "%%%02x" % b for b in s)


def text_of(a):
    if a.dtype.kind in "OS":
        return "str" + dims(a.shape) + "=" + ",".join(escaped(s) for s in a.ravel())
    if a.dtype == np.complex64:
        return "c64" + dims(a.shape) + "=" + ",".join("%.9g" % v for v in a.ravel().view(np.float32))
    if a.dtype in (np.float64, np.float16):
        return SHORT[str(a.dtype)] + dims(a.shape) + "=" + ",".join("%.17g" % v for v in a.ravel())
    form = "%.9g" if a.dtype == np.float32 else "%d"
    return SHORT[str(a.dtype)] + dims(a.shape) + "=" + ",".join(form % v for v in a.ravel())


def same(ours, a):
    if a.dtype.kind in "OS":
        return ours == text_of(a)
    head, vals = ours.split("=", 1)
    if head != SHORT[str(a.dtype)] + dims(a.shape):
        return False
    v = np.array([float(x) for x in vals.split(",")] if vals else [], dtype="f8")
    e = (a.ravel().view(np.float32) if a.dtype == np.complex64 else a.ravel()).astype("f8")
    if a.dtype in (np.float32, np.complex64):
        return bool(np.allclose(v, e, rtol=2e-6, atol=1e-6, equal_nan=True))
    return bool((v == e).all())


def expected_line(line, arrays):
    """The line with results in place of the outputs' types; their quantization stays."""
    head, outs = line.rsplit(" > ", 1)
    parts = []
    for o, a in zip(outs.split(" "), arrays):
        q = "@" + o.split("@")[1] if "@" in o else ""
        t, v = text_of(a).split("=", 1)
        parts.append(t + q + "=" + v)
    return head + " > " + " ".join(parts)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("op_lines")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--per", type=int, default=20)
    p.add_argument("--only")
    p.add_argument("--family", help="only the operators of one file")
    p.add_argument("--write")
    a = p.parse_args()
    R.seed(a.seed)
    ops = [o for o in sorted(MAKERS) if a.only in (None, o) and (a.family is None or MAKERS[o] is FAMILIES[a.family])]
    lines = [MAKERS[o](o) for o in ops for _ in range(a.per)]
    makers = [MAKERS[o] for o in ops for _ in range(a.per)]
    n_same = n_differ = n_ours = n_theirs = 0
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run([a.op_lines, folder], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
        for i, (line, ours) in enumerate(zip(lines, out.stdout.splitlines())):
            ours = ours.split(" ", 1)[1] if " " in ours else ""
            path = os.path.join(folder, f"{i}.tflite")
            theirs = litert(path, line.split(":")[0].split(" ")[0]) if os.path.exists(path) else "not written"
            if isinstance(theirs, str):
                n_theirs += 1
                if not ours.startswith("!") and "Invalid tensor size" not in theirs:  # an empty output
                    print(f"LITERT REFUSES {theirs}\n  {line}\n  ours {ours}")
                continue
            if ours.startswith("!"):
                n_ours += 1
                print(f"REFUSED {ours}\n  {line}")
            elif len(ours.split(" ")) == len(theirs) and all(same(o, t) for o, t in zip(ours.split(" "), theirs)):
                n_same += 1
                family = next((f for f, m in FAMILIES.items() if makers[i] is m), "moving")
                files.setdefault(family, []).append(expected_line(line, theirs))
            else:
                n_differ += 1
                print(f"DIFFERS\n  {line}\n  ours   {ours}\n  theirs {' '.join(text_of(t) for t in theirs)}")
    print(f"{n_same} agree, {n_differ} differ, {n_ours} refused here, {n_theirs} refused there")
    if a.write:
        for family, rows in files.items():
            with open(os.path.join(a.write, family + ".txt"), "w", encoding="ascii") as f:
                f.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
