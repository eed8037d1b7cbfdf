"""Operators that change the type of values, and parts of complex numbers.   SPDX-License-Identifier: Apache-2.0"""
import draw
from row import ELEMENTARY, EXACT, ROUNDED, SUMS, Row


def quantize(d):
    t, out = d.types[0], d.out_types[0]
    q = d.quant(t) if t in draw.tensors.QUANTIZED else draw.Quant([draw.np.float32(d.scale())], [0]) if t == "i32" else None
    q2 = d.quant(out) if out != "i32" else draw.Quant([draw.np.float32(d.scale())], [0])
    if d.chance(0.15) and q is None and out in ("i8", "i16"):
        s = d.shape(1, 4, empty=0)
        axis = d.int(0, len(s) - 1)
        return d.case([d.input(t, s)], [d.out(quant=d.per_channel(s[axis], axis), shape=s)], ("Quantize", {}))
    return d.case([d.input(t, d.shape(), quant=q)], [d.out(quant=q2)], ("Quantize", {}))


def dequantize(d):
    t = d.types[0]
    s = d.shape(1, 5)
    q = d.quant(t)
    if t == "i8" and d.chance(0.2) and 0 not in s:
        axis = d.int(0, len(s) - 1)
        q = d.per_channel(s[axis], axis)
    return d.case([d.input(t, s, quant=q)], [d.out()], ("Dequantize", {}))


def fake_quant(d):
    return d.case([d.input("f32", d.shape())], [d.out()],
                  ("FakeQuant", {"min": d.r.uniform(-6, 0), "max": d.r.uniform(0.1, 6), "num_bits": d.int(2, 16),
                                 "narrow_range": d.chance(0.3)}))


def cast(d):
    t, out = d.types[0], d.out_types[0]
    low, high = None, None
    if t in draw.tensors.FLOATS + draw.tensors.COMPLEX:  # what does not fit has no meaning
        low, high = {"bool": (None, None)}.get(out, draw.tensors.LIMITS.get(out, (-200, 200)))
        low, high = (None, None) if low is None else (max(low, -200), min(high, 200))
    return d.case([d.input(t, d.shape(), low, high)], [d.out()],
                  d.pick(None, ("Cast", {"in_data_type": draw.tensors.code(t), "out_data_type": draw.tensors.code(out)})))


def part(d):
    return d.case([d.input(d.types[0], d.shape())], [d.out()])


def rfft2d(d):
    s = d.shape(2, 4, most=9, empty=0)
    n = [2 ** d.int(0, 4), 2 ** d.int(0, 4)]
    return d.case([d.input("f32", s, -4, 4), d.list("i32", n)], [d.out()], ("Rfft2d", {}))


ROWS = {
    "QUANTIZE": Row(quantize, extreme=True, special=False, wide=True, resizes="all"),
    "DEQUANTIZE": Row(dequantize, ROUNDED, extreme=True, resizes="all"), "FAKE_QUANT": Row(fake_quant, SUMS, resizes="all"),
    "CAST": Row(cast, EXACT, wide=True, wild_out=True, resizes="all"), "REAL": Row(part), "IMAG": Row(part),
    "COMPLEX_ABS": Row(part, ELEMENTARY), "RFFT2D": Row(rfft2d, SUMS),
}
