"""Layers with weights, windows and products of matrices.   SPDX-License-Identifier: Apache-2.0"""
import draw
from case import Quant
from row import EXACT, ROUNDED, SUMS, Row

HYBRID = ("i8", "i4", "i2", "u8")


def activation(d):
    return d.pick(0, 0, 0, 1, 2, 3) if d.chance(0.96) else d.pick(draw.TANH, draw.SIGN_BIT)


def channels(d, most=9):
    """Few mostly, and now and then as many as fill vectors."""
    return d.int(1, most) if d.chance(0.85) else d.int(most, 40)


def bias(d, t, n, q_in, q_weight, p=0.75):
    """Left out now and then; scaled as the product where values are quantized."""
    if not d.chance(p):
        return None
    if t in draw.tensors.FLOATS:
        return d.input(t, (n,), const=0.9)
    scales = [float(q_in.scales[0]) * float(s) for s in q_weight.scales]
    return d.input(t, (n,), -2000, 2000, Quant(scales, [0] * len(scales), 0), const=1)


def weight(d, t, shape, axis, per_channel=True):
    """Constant mostly; quantized per channel mostly, where the kernels allow that."""
    if t in draw.tensors.FLOATS:
        return d.input(t, shape, -2, 2, const=0.9)
    if t == "u8":
        q = d.quant(t, d.log_uniform(0.002, 0.05))
    elif t == "i16":
        q = d.quant(t, d.log_uniform(1e-5, 1e-3))
    elif per_channel and d.chance(0.7):
        q = d.per_channel(shape[axis], axis, d.log_uniform(0.002, 0.05))
    else:
        q = d.quant(t, d.log_uniform(0.002, 0.05), 0)
    low = -127 if t == "i8" else None
    return d.input(t, shape, low, None, q, const=1)


def value(d, t, shape):
    if t in draw.tensors.FLOATS:
        special = d.row.special and not d.plain and d.chance(0.08)
        return d.input(t, shape, *((None, None) if special else (-4, 4)), const=0.05)
    scale = d.log_uniform(1e-6, 50) if d.chance(0.08) else d.log_uniform(1e-4, 1e-2) if t == "i16" else d.log_uniform(0.01, 0.3)
    return d.input(t, shape, quant=d.quant(t, scale), const=0.05)


def result(d, t, x):
    if t in draw.tensors.FLOATS or t == "i32":
        return d.out(t)
    scale = d.log_uniform(0.05, 2) if t != "i16" else d.log_uniform(1e-3, 0.1)
    return d.out(t, d.quant(t, scale))


def strides(d, names, square=False):
    """Strides, or dilations, of one window dimension each."""
    s = [d.int(1, 3) for _ in names]
    return dict(zip((f"stride_{n}" for n in names), [s[0]] * len(s) if square else s))


def dilations(d, fields, names):
    """Dilation mostly goes without strides."""
    if d.chance(0.35):
        for n in names:
            fields[f"dilation_{n}_factor"] = d.int(1, 3)
            if d.chance(0.7):
                fields[f"stride_{n}"] = 1


def bias_code(t):
    return {"i64": draw.tensors.code("i64"), "i32": draw.tensors.code("i32")}.get(t, 0)


def image(d, channels):
    return (d.int(1, 2) if d.chance(0.98) else 0, d.int(1, 8), d.int(1, 8), channels)


def conv(d):
    t, w = d.types[:2]
    d.plain = w in HYBRID
    c, k, kh, kw = channels(d), channels(d), d.int(1, 3), d.int(1, 3)
    if d.chance(0.15):  # grouped
        groups = d.int(2, 3)
        c, k = c * groups, k * groups
        weights = weight(d, w, (k, kh, kw, c // groups), 0)
    else:
        weights = weight(d, w, (k, kh, kw, c), 0, d.row.attributes["per_channel"])
    x = value(d, t, image(d, c))
    fields = {"padding": d.int(0, 1), "fused_activation_function": activation(d), **strides(d, "hw")}
    dilations(d, fields, "hw")
    if fields["padding"] == 1 and not fits(x.shape[1:3], (kh, kw), fields):
        fields["padding"] = 0
    b = bias(d, d.types[2], k, x.quant, weights.quant)
    if b is not None and t == "i16":
        fields["quantized_bias_type"] = bias_code(d.types[2])
    return d.case([x, weights, b], [result(d, d.out_types[0], x)], ("Conv2D", fields))


def fits(size, window, fields):
    return all((k - 1) * fields.get(f"dilation_{n}_factor", 1) + 1 <= s for s, k, n in zip(size, window, "hw"))


def depthwise(d):
    t, w = d.types[:2]
    d.plain = w in HYBRID
    c, m, kh, kw = channels(d), d.pick(1, 1, 1, 2, 3), d.int(1, 4), d.int(1, 4)
    weights = weight(d, w, (1, kh, kw, c * m), 3)
    x = value(d, t, image(d, c))
    fields = {"padding": d.int(0, 1), "fused_activation_function": activation(d), "depth_multiplier": m,
              **strides(d, "hw", square=True)}
    dilations(d, fields, "hw")
    if fields["padding"] == 1 and not fits(x.shape[1:3], (kh, kw), fields):
        fields["padding"] = 0
    b = bias(d, d.types[2], c * m, x.quant, weights.quant)
    return d.case([x, weights, b], [result(d, d.out_types[0], x)], ("DepthwiseConv2D", fields))


def dense(d):
    t, w = d.types[:2]
    d.plain = w in HYBRID
    c, k = channels(d, 20), channels(d, 12)
    keep = d.chance(0.4)
    s = (*(d.int(1, 3) for _ in range(d.int(1, 3))), c)
    x = value(d, t, s)
    weights = weight(d, w, (k, c), 0)
    b = bias(d, d.types[2], k, x.quant, weights.quant)
    fields = {"keep_num_dims": keep, "fused_activation_function": activation(d)}
    if t == "f32" and w in HYBRID:
        fields["asymmetric_quantize_inputs"] = d.chance(0.5)
    if b is not None and t == "i16":
        fields["quantized_bias_type"] = bias_code(d.types[2])
    return d.case([x, weights, b], [result(d, d.out_types[0], x)], ("FullyConnected", fields))


def transpose_conv(d):
    w, t = d.types[1:3]
    c, k, kh, kw = d.int(1, 6), d.int(1, 6), d.int(1, 4), d.int(1, 4)
    n, h, wide, _ = image(d, c)
    fields = {"padding": d.int(0, 1), "fused_activation_function": activation(d), **strides(d, "hw")}
    a, b = fields["stride_h"], fields["stride_w"]
    valid = fields["padding"] == 1
    out = (n, (h - 1) * a + kh if valid else h * a, (wide - 1) * b + kw if valid else wide * b, k)
    weights, x = weight(d, w, (k, kh, kw, c), 0), value(d, t, (n, h, wide, c))
    extra = bias(d, d.types[3], k, x.quant, weights.quant)
    if extra is not None and t == "i16":
        fields["quantized_bias_type"] = bias_code(d.types[3])
    ins = [d.list(d.types[0], out), weights, x] + ([extra] if extra is not None or d.chance(0.5) else [])
    return d.case(ins, [result(d, d.out_types[0], x)], ("TransposeConv", fields))


def conv_3d(d):
    c, k = d.int(1, 4), d.int(1, 4)
    window, size = [d.int(1, 3) for _ in range(3)], [d.int(3, 5) for _ in range(3)]
    n = d.int(1, 2)
    fields = {"padding": d.int(0, 1), "fused_activation_function": activation(d), **strides(d, "dhw")}
    b = bias(d, "f32", k, None, None)
    if d.op == "CONV_3D":
        dilations(d, fields, "dhw")
        if any((x - 1) * fields.get(f"dilation_{a}_factor", 1) + 1 > s for x, s, a in zip(window, size, "dhw")):
            fields["padding"] = 0
        return d.case([value(d, "f32", (n, *size, c)), weight(d, "f32", (*window, c, k), 4), b], [d.out()], ("Conv3D", fields))
    valid = fields["padding"] == 1
    size = [s // 2 + 1 for s in size]
    out = [(s - 1) * fields[f"stride_{a}"] + w if valid else s * fields[f"stride_{a}"]
           for s, w, a in zip(size, window, "dhw")]
    return d.case([d.list("i32", (n, *out, k)), weight(d, "f32", (*window, k, c), 3), value(d, "f32", (n, *size, c)), b],
                  [d.out()], ("Conv3D", fields))


def matmul(d):
    x, y = d.types
    adj_x, adj_y = d.chance(0.5), d.chance(0.5)
    m, c, k = d.int(1, 6), d.int(1, 12), d.int(1, 6)
    lead_x, lead_y = d.pair(0, 3)
    a = value(d, x, (*lead_x, *((c, m) if adj_x else (m, c))))
    if x == "f32" and y == "i8":
        b = d.input(y, (*lead_y, *((k, c) if adj_y else (c, k))), -127, None, d.quant(y, 0.02, 0), const=1)
    else:
        b = value(d, y, (*lead_y, *((k, c) if adj_y else (c, k))))
        if x == "i16":
            b.quant.zeros = [0]
    return d.case([a, b], [result(d, d.out_types[0], a)],
                  ("BatchMatMul", {"adj_x": adj_x, "adj_y": adj_y,
                                   "asymmetric_quantize_inputs": x == "f32" and y == "i8" and d.chance(0.5)}))


def pool(d):
    t = d.types[0]
    q = d.quant(t)
    s = image(d, channels(d, 18))
    kh, kw = d.int(1, 4), d.int(1, 4)
    fields = {"padding": d.int(0, 1), "fused_activation_function": activation(d), "filter_height": kh,
              "filter_width": kw, **strides(d, "hw")}
    if fields["padding"] == 1 and (kh > s[1] or kw > s[2]):
        fields["padding"] = 0
    return d.case([d.input(t, s, quant=q)], [d.out(quant=q)], ("Pool2D", fields))


def prelu(d):
    t, alpha = d.types
    s = d.shape(1, 4)
    return d.case([d.input(t, s, quant=d.quant(t)), d.input(alpha, d.broadcasts(s), quant=d.quant(alpha), const=0.8)],
                  [d.out(quant=d.quant(t))])


def layer(make, per_channel=True):
    return Row(make, SUMS, special=draw.ENDLESS, resizes="first", attributes={"per_channel": per_channel})


ROWS = {
    "CONV_2D": layer(conv), "DEPTHWISE_CONV_2D": layer(depthwise), "FULLY_CONNECTED": layer(dense),
    "TRANSPOSE_CONV": Row(transpose_conv, SUMS), "CONV_3D": layer(conv_3d), "CONV_3D_TRANSPOSE": Row(conv_3d, SUMS),
    "BATCH_MATMUL": Row(matmul, SUMS), "AVERAGE_POOL_2D": Row(pool, SUMS, special=draw.ENDLESS, resizes="first"),
    "MAX_POOL_2D": Row(pool, EXACT, special=True, resizes="first"), "L2_POOL_2D": Row(pool, SUMS, resizes="first"),
    "PRELU": Row(prelu, ROUNDED, special=True),
}
