#!/usr/bin/env python3
"""The cases of this folder: TFLite Micro's signal operators, one by one and as an audio front end, with what
TFLite Micro's interpreter gives for several runs in a row.    make.py [--check]

Needs PyPI's tflite-micro (a pre-release), ai-edge-litert (for the schema) and flatbuffers.
SPDX-License-Identifier: Apache-2.0"""
import json
import math
import pathlib
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s
from flatbuffers import flexbuffers
from tflite_micro.python.tflite_micro import runtime

TYPES = {"f4": s.TensorType.FLOAT32, "i2": s.TensorType.INT16, "i4": s.TensorType.INT32, "u4": s.TensorType.UINT32,
         "u8": s.TensorType.UINT64, "b1": s.TensorType.BOOL, "i1": s.TensorType.INT8}
R = np.random.default_rng(1)


def make(cls, **fields):
    o = cls()
    for name, value in fields.items():
        setattr(o, name, value)
    return o


def options(attributes):
    """A FlexBuffers map; floats and integers by their Python type."""
    b = flexbuffers.Builder()
    with b.Map():
        for name, value in attributes.items():
            b.Key(name)
            b.Bool(value) if isinstance(value, bool) else b.Int(value)
    return np.frombuffer(bytes(b.Finish()), np.uint8)


class Graph:
    def __init__(self):
        self.tensors, self.buffers, self.ops, self.codes = [], [make(s.BufferT)], [], []
        self.inputs, self.outputs = [], []

    def tensor(self, kind, shape, data=None):
        if data is not None:
            self.buffers.append(make(s.BufferT, data=np.frombuffer(np.ascontiguousarray(data, kind).tobytes(), np.uint8)))
        self.tensors.append(make(s.TensorT, name="t%d" % len(self.tensors), shape=list(shape), type=TYPES[kind],
                                 buffer=len(self.buffers) - 1 if data is not None else 0, hasRank=True))
        return len(self.tensors) - 1

    def input(self, kind, shape):
        self.inputs.append(self.tensor(kind, shape))
        return self.inputs[-1]

    def const(self, kind, values):
        return self.tensor(kind, np.shape(values), values)

    def code(self, builtin, custom, version):
        for i, c in enumerate(self.codes):
            if c.builtinCode == builtin and c.customCode == custom:
                return i
        self.codes.append(make(s.OperatorCodeT, builtinCode=builtin, deprecatedBuiltinCode=min(builtin, 127),
                               customCode=custom, version=version))
        return len(self.codes) - 1

    def custom(self, name, inputs, outputs, **attributes):
        outs = [self.tensor(*o) for o in outputs]
        self.ops.append(make(s.OperatorT, opcodeIndex=self.code(s.BuiltinOperator.CUSTOM, name, 1), inputs=inputs,
                             outputs=outs, customOptions=options(attributes) if attributes else None))
        return outs[0] if len(outs) == 1 else outs

    def builtin(self, name, inputs, kind, shape, options=None, options_type=0, version=1):
        out = self.tensor(kind, shape)
        self.ops.append(make(s.OperatorT, opcodeIndex=self.code(getattr(s.BuiltinOperator, name), None, version),
                             inputs=inputs, outputs=[out], builtinOptionsType=options_type, builtinOptions=options))
        return out

    def pack(self, outputs):
        self.outputs = outputs
        g = make(s.SubGraphT, tensors=self.tensors, inputs=self.inputs, outputs=outputs, operators=self.ops)
        m = make(s.ModelT, version=3, operatorCodes=self.codes, subgraphs=[g], buffers=self.buffers)
        b = flatbuffers.Builder(1024)
        b.Finish(m.Pack(b), file_identifier=b"TFL3")
        return bytes(b.Output())


def samples(kind, shape, scale=1.0):
    if kind == "f4":
        return R.normal(size=shape).astype("f4")
    top = np.iinfo(kind).max
    low = 0 if kind[0] == "u" else -top - 1
    v = R.integers(low, top, size=shape, dtype=kind, endpoint=True)
    return (v.astype("f8") * scale).astype(kind) if scale != 1.0 else v


cases = {}


def case(name, graph, outputs, feeds, mask=None):
    """feeds: one list of arrays a run. mask(outputs): zeros what the reference leaves unwritten."""
    cases[name] = (graph.pack(outputs), feeds, mask)


# ---- single operators ----

def fft(name, kind, length, shape, scale=1.0, runs=2):
    g = Graph()
    inverse = name == "SignalIrfft"
    x = g.input(kind, shape)
    out = g.custom(name, [x], [(kind, [*shape[:-1], length if inverse else length + 2])], T=TYPES[kind], fft_length=length)
    case("%s_%s_%d%s" % ("irfft" if inverse else "rfft", kind, length, "_loud" if scale == 1.0 and kind != "f4" else ""),
         g, [out], [[samples(kind, shape, scale)] for _ in range(runs)])


for kind in ("i2", "i4", "f4"):
    for length in (4, 6, 10, 64, 480, 512):
        rows = [2] if length < 100 else [1]
        fft("SignalRfft", kind, length, rows + [length - 1], 0.5, rows[0])
        fft("SignalIrfft", kind, length, rows + [length + 2], 0.3, rows[0])
    if kind != "f4":
        for length in (30, 128):
            fft("SignalRfft", kind, length, [length])
            fft("SignalIrfft", kind, length, [length + 2])


def delay(n, length, shape):
    g = Graph()
    x = g.input("i2", shape)
    case("delay_%d_of_%d" % (length, n), g, [g.custom("SignalDelay", [x], [("i2", shape)], delay_length=length)],
         [[samples("i2", shape)] for _ in range(4)])


delay(5, 3, [2, 5])
delay(4, 9, [4])


def energy():
    g = Graph()
    out = g.custom("SignalEnergy", [g.input("i2", [34])], [("u4", [17])], start_index=2, end_index=15)

    def mask(o):
        o[0][:2] = o[0][15:] = 0

    extremes = np.full(34, -32768, "i2")
    case("energy", g, [out], [[samples("i2", [34])], [extremes]], mask)


energy()


def auto_scale():
    g = Graph()
    out = g.custom("SignalFftAutoScale", [g.input("i2", [8])], [("i2", [8]), ("i4", [])])
    feeds = [samples("i2", [8], q) for q in (1, 0.1, 0.01, 0.001)]
    feeds += [np.zeros(8, "i2"), np.full(8, -32768, "i2"), np.array([-32768, 3, 1, 0, 0, 0, 0, 0], "i2"),
              np.array([5, 3, -32768, 0, 0, 0, 0, 0], "i2")]
    case("fft_auto_scale", g, out, [[f] for f in feeds])


auto_scale()


def window(shape, shift):
    g = Graph()
    x = g.input("i2", shape)
    w = g.const("i2", samples("i2", [shape[-1]]))
    case("window_%d" % shift, g, [g.custom("SignalWindow", [x, w], [("i2", shape)], shift=shift)],
         [[samples("i2", shape)] for _ in range(2)])


window([2, 12], 12)
window([7], 15)


def framer(size, step, n, rows, prefill):
    g = Graph()
    shape = rows + [n]
    frames = n // step
    out = g.custom("SignalFramer", [g.input("i2", shape)], [("i2", rows + [frames, size]), ("b1", [])], frame_size=size,
                   frame_step=step, prefill=prefill)

    seen = [size - step if prefill else 0]

    def mask(o):
        if seen[0] < 0:
            seen[0] = 0
        for f in range(frames):
            seen[0] += step
            if seen[0] < size:
                o[0][..., f, :] = 0
            else:
                seen[0] -= step

    case("framer_%d_by_%d%s" % (size, step, "_prefilled" if prefill else ""), g, out,
         [[samples("i2", shape)] for _ in range(4)], mask)


framer(5, 2, 4, [2], False)
framer(5, 2, 2, [1], True)
framer(8, 3, 3, [3], False)
framer(3, 3, 6, [1], True)


def overlap_add(kind, size, step, frames, rows):
    g = Graph()
    shape = rows + [frames, size]
    out = g.custom("SignalOverlapAdd", [g.input(kind, shape)], [(kind, rows + [frames * step])], T=TYPES[kind],
                   frame_step=step)
    case("overlap_add_%s_%d_by_%d" % (kind, size, step), g, [out], [[samples(kind, shape)] for _ in range(3)])


overlap_add("i2", 5, 2, 2, [2])
overlap_add("i2", 4, 4, 1, [1])
overlap_add("f4", 5, 3, 3, [2])


def stacker(channels, left, right, step):
    g = Graph()
    n = channels * (left + right + 1)
    out = g.custom("SignalStacker", [g.input("i2", [channels])], [("i2", [n]), ("b1", [])], num_channels=channels,
                   stacker_left_context=left, stacker_right_context=right, stacker_step=step)

    def mask(o):
        if not o[1]:
            o[0][:] = 0

    case("stacker_%d_%d_step_%d" % (left, right, step), g, out, [[samples("i2", [channels])] for _ in range(9)], mask)


stacker(3, 1, 2, 2)
stacker(2, 2, 0, 1)
stacker(2, 0, 1, 2)


def logarithm(scale, bits):
    g = Graph()
    out = g.custom("SignalFilterBankLog", [g.input("u4", [400])], [("i2", [400])], output_scale=scale,
                   input_correction_bits=bits)
    powers = np.concatenate([[0], 1 << np.arange(32, dtype="u4"), (1 << np.arange(32, dtype="u4")) - 1]).astype("u4")
    spread = (2.0 ** R.uniform(0, 32, size=400 - len(powers))).astype("u4")
    case("filter_bank_log_%d_%d" % (scale, bits), g, [out], [[np.concatenate([powers, spread])]])


logarithm(64, 3)
logarithm(1600, 0)


def square_root():
    g = Graph()
    v, b = g.input("u8", [200]), g.input("i4", [])
    out = g.custom("SignalFilterBankSquareRoot", [v, b], [("u4", [200])])
    edges = np.array([0, 1, 2, 3, 4, 2**32 - 1, 2**32, 2**32 + 1, 2**64 - 1, 2**63, 2**62 - 1], "u8")
    spread = (2.0 ** R.uniform(0, 63.9, size=200 - len(edges))).astype("u8")
    case("filter_bank_square_root", g, [out], [[np.concatenate([edges, spread]), np.array(k, "i4")] for k in (0, 3, 31)])


square_root()


def subtraction(name, clamping, bits, extreme):
    g = Graph()
    one = 1 << bits
    even, odd = int(one * 0.2), int(one * 0.06)
    out = g.custom("SignalFilterBankSpectralSubtraction", [g.input("u4", [9])], [("u4", [9]), ("u4", [9])],
                   num_channels=9, smoothing=even, one_minus_smoothing=one - even, alternate_smoothing=odd,
                   alternate_one_minus_smoothing=one - odd, smoothing_bits=10, min_signal_remaining=int(one * 0.05),
                   clamping=clamping, spectral_subtraction_bits=bits)
    case("filter_bank_spectral_subtraction_" + name, g, out,
         [[R.integers(0, 2**32 - 1 if extreme else 2**(20 - 2 * k), size=9, dtype="u4")] for k in range(6)])


subtraction("clamped", True, 14, False)
subtraction("free", False, 14, False)
subtraction("wrapping", True, 10, True)


def gains(strength=0.95, offset=80.0, bits=21, smoothing=10, correction=3):
    """The gain by the noise, in quadratic pieces over powers of two: the table that SignalPCAN takes."""
    def gain(x):
        v = (x / 2.0 ** (smoothing - correction) + offset) ** -strength * (1 << bits)
        return min(int(v + 0.5), 0x7FFF)

    table = [0] * 125
    table[0], table[1] = gain(0), gain(1)
    for k in range(2, 33):
        x0, x1 = 1 << (k - 1), (1 << k) if k < 32 else 2**32 - 1
        y0, y1, ym = gain(x0), gain(x1), gain(x0 + (x1 - x0) // 2)
        a, b = 4 * ym - 3 * y0 - y1, 2 * (y0 + y1) - 4 * ym
        at = 4 * k - 6
        table[at:at + 3] = [y0, a, b]
    return np.array(table, "i2")


def pcan(name, table, shift, low, high):
    g = Graph()
    x, noise = g.input("u4", [64]), g.input("u4", [64])
    out = g.custom("SignalPCAN", [x, noise, g.const("i2", table)], [("u4", [64])], snr_shift=shift)
    n = [np.concatenate([np.arange(8), (2.0 ** R.uniform(low, high, size=56))]).astype("u4") for _ in range(2)]
    case("pcan_" + name, g, [out], [[(2.0 ** R.uniform(0, 32, size=64)).astype("u4"), v] for v in n])


pcan("gains", gains(), 12, 1, 32)
pcan("any_table", samples("i2", [125]), 6, 1, 32)


def mel(hz):
    return 1127.0 * math.log1p(hz / 700.0)


def triangles(rate, length, channels, low, high, bits=12):
    """Weights of overlapping triangles, evenly spaced on the mel scale, for the bins of a transform: what
    SignalFilterBank takes."""
    centers = np.linspace(mel(low), mel(high), channels + 2)[1:]
    first, first_weight, widths, weights, unweights = [], [], [], [], []
    bin_hz = rate / length
    at = int(1.5 + low / bin_hz)
    start = at
    for c in range(channels + 1):
        below = mel(low) if c == 0 else centers[c - 1]
        first.append(at)
        first_weight.append(len(weights))
        while mel(at * bin_hz) < centers[c] and at < length // 2:
            w = (centers[c] - mel(at * bin_hz)) / (centers[c] - below)
            weights.append(int((1 << bits) * (1 - w) + 0.5) if c == channels + 1 else int((1 << bits) * w + 0.5))
            unweights.append((1 << bits) - weights[-1])
            at += 1
        widths.append(at - first[-1])
    return start, at, [np.array(v, "i2") for v in (weights, unweights, first, first_weight, widths)]


def filter_bank(g, energy, channels, tables):
    return g.custom("SignalFilterBank", [energy] + [g.const("i2", t) for t in tables], [("u8", [channels])],
                    num_channels=channels)


def bank(name, tables, channels, bins):
    g = Graph()
    case("filter_bank_" + name, g, [filter_bank(g, g.input("u4", [bins]), channels, tables)],
         [[samples("u4", [bins])] for _ in range(2)])


bank("mel", triangles(16000, 128, 10, 125.0, 7500.0)[2], 10, 65)
bank("negative", [samples("i2", [12]), samples("i2", [12]), np.array([0, 3, 5], "i2"), np.array([0, 4, 8], "i2"),
                  np.array([4, -1, 4], "i2")], 2, 9)


# ---- an audio front end: 30 ms of sound at 16 kHz to 40 int8 features, with state over the runs ----

def hann(n, bits):
    return np.array([int((0.5 - 0.5 * math.cos(2 * math.pi * (i + 0.5) / n)) * (1 << bits) + 0.5) for i in range(n)], "i2")


def front_end(rate=16000, size=480, step=320, length=512, channels=40):
    g = Graph()
    start, end, tables = triangles(rate, length, channels, 125.0, 7500.0)
    frame, valid = g.custom("SignalFramer", [g.input("i2", [1, step])], [("i2", [1, 1, size]), ("b1", [])],
                            frame_size=size, frame_step=step, prefill=True)
    x = g.custom("SignalWindow", [frame, g.const("i2", hann(size, 12))], [("i2", [1, 1, size])], shift=12)
    x = g.builtin("RESHAPE", [x, g.const("i4", [size])], "i2", [size])
    x, bits = g.custom("SignalFftAutoScale", [x], [("i2", [size]), ("i4", [])])
    x = g.custom("SignalRfft", [x], [("i2", [length + 2])], T=TYPES["i2"], fft_length=length)
    x = g.custom("SignalEnergy", [x], [("u4", [length // 2 + 1])], start_index=start, end_index=end)
    x = filter_bank(g, x, channels, tables)
    x = g.custom("SignalFilterBankSquareRoot", [x, bits], [("u4", [channels])])
    one = 1 << 14
    x, noise = g.custom("SignalFilterBankSpectralSubtraction", [x], [("u4", [channels]), ("u4", [channels])],
                        num_channels=channels, smoothing=int(one * 0.025), one_minus_smoothing=one - int(one * 0.025),
                        alternate_smoothing=int(one * 0.06), alternate_one_minus_smoothing=one - int(one * 0.06),
                        smoothing_bits=10, min_signal_remaining=int(one * 0.05), clamping=False,
                        spectral_subtraction_bits=14)
    x = g.custom("SignalPCAN", [x, noise, g.const("i2", gains())], [("u4", [channels])], snr_shift=21 + 3 - 12)
    x = g.custom("SignalFilterBankLog", [x], [("i2", [channels])], output_scale=64, input_correction_bits=3)
    x = g.builtin("CAST", [x], "i4", [channels])
    x = g.builtin("MUL", [x, g.const("i4", [256] * channels)], "i4", [channels], make(s.MulOptionsT),
                  s.BuiltinOptions.MulOptions)
    x = g.builtin("ADD", [x, g.const("i4", [333] * channels)], "i4", [channels], make(s.AddOptionsT),
                  s.BuiltinOptions.AddOptions)
    x = g.builtin("DIV", [x, g.const("i4", [666] * channels)], "i4", [channels], make(s.DivOptionsT),
                  s.BuiltinOptions.DivOptions)
    x = g.builtin("ADD", [x, g.const("i4", [-128] * channels)], "i4", [channels], make(s.AddOptionsT),
                  s.BuiltinOptions.AddOptions)
    x = g.builtin("CAST", [x], "i1", [channels])
    t = np.arange(12 * step) / rate
    sweep = 9000 * np.sin(2 * np.pi * (200 + 1500 * t) * t) * np.minimum(1, 8 * np.abs(np.sin(4 * t)))
    sound = np.clip(sweep + R.normal(scale=400, size=t.shape), -32768, 32767).astype("i2").reshape(-1, 1, step)
    case("audio_front_end", g, [x, valid, bits], [[f] for f in sound])


front_end()


# ---- the reference's results ----

here = pathlib.Path(__file__).parent
bad = 0
for name, (model, feeds, mask) in cases.items():
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
    given, expected = {}, {}
    n_out = None
    for k, feed in enumerate(feeds):
        for i, a in enumerate(feed):
            interpreter.set_input(np.array(a, order="C"), i)
            given["s%d_in_%d" % (k, i)] = a
        interpreter.invoke()
        n = s.Model.GetRootAs(model, 0).Subgraphs(0).OutputsLength()
        outputs = [np.array(interpreter.get_output(i)) for i in range(n)]
        if mask is not None:
            mask(outputs)
        for i, a in enumerate(outputs):
            expected["s%d_out_%d" % (k, i)] = a
    folder = here / name
    if "--check" in sys.argv:
        known = np.load(folder / "expected.npz")
        same = set(known.files) == set(expected) and all(np.array_equal(known[n], expected[n]) for n in expected)
        print(name, "same" if same else "DIFFERS")
        bad += not same
        continue
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(model)
    (folder / "case.json").write_text(json.dumps({"sets": len(feeds), "consecutive": True, "exact": True}) + "\n")
    np.savez_compressed(folder / "inputs.npz", **given)
    np.savez_compressed(folder / "expected.npz", **expected)
sys.exit(bad)
