"""Recurrent layers: each case runs twice, so that the state of the first run shows in the second.
SPDX-License-Identifier: Apache-2.0"""
import draw
from case import Quant
from row import Row

RECURRENT = (2e-5, 2e-5, 1e-37)
HYBRID = (0.0, 0.02, 0.0)  # what was computed is quantized: one rounding may become a step


def dims(d):
    """batch, time, input, units, output."""
    return d.int(1, 3), d.int(1, 4), d.int(1, 6), d.int(1, 6), d.int(1, 5)


def sequence(d, t, n_batch, n_time, n_in, major, quant=None):
    s = (n_time, n_batch, n_in) if major else (n_batch, n_time, n_in)
    return d.input(t, s, *((-2, 2) if t == "f32" else (None, None)), quant, const=0)


def matrix(d, t, shape):
    if t == "f32":
        return d.input(t, shape, -1, 1, const=1)
    if t == "i16":
        return d.input(t, shape, quant=d.quant(t, d.log_uniform(1e-5, 1e-4)), const=1)
    q = d.quant(t, d.log_uniform(0.002, 0.02), 128 if t == "u8" else 0)
    return d.input(t, shape, -127 if t == "i8" else None, None, q, const=1)


def vector(d, t, n):
    return d.input(t, (n,), *((-1, 1) if t == "f32" else (-3000, 3000)), const=1)


def asymmetric(d, weight):
    if weight != "f32":
        d.tolerance = HYBRID
    return {"asymmetric_quantize_inputs": weight != "f32" and d.chance(0.5)}


def rnn(d):
    n, t, i, u, _ = dims(d)
    w = d.types[1]
    major = d.chance(0.5)
    fields = {"fused_activation_function": d.pick(0, 1, 3, 4), **asymmetric(d, w)}
    d.n_runs = 2
    cell = [matrix(d, w, (u, i)), matrix(d, w, (u, u)), vector(d, "f32", u), d.state("f32", (n, u))]
    if d.op == "RNN":
        return d.case([d.input("f32", (n, i), -2, 2, const=0), *cell], [d.out()], ("RNN", fields))
    return d.case([sequence(d, "f32", n, t, i, major), *cell], [d.out()],
                  ("SequenceRNN", {"time_major": major, **fields}))


def both_rnn(d):
    n, t, i, u, v = dims(d)
    w = d.types[1]
    major, merged, aux = d.chance(0.5), d.chance(0.5), d.chance(0.3)
    d.n_runs = 2
    if merged:
        v = u
    ins = [sequence(d, "f32", n, t, i, major)]
    for k in (u, v):
        ins += [matrix(d, w, (k, i)), matrix(d, w, (k, k)), vector(d, "f32", k), d.state("f32", (n, k))]
    ins += [sequence(d, "f32", n, t, i, major), matrix(d, w, (u, i)), matrix(d, w, (v, i))] if aux else [None] * 3
    outs = [d.out()] if merged else [d.out(), d.out("f32")]
    return d.case(ins, outs, ("BidirectionalSequenceRNN", {
        "time_major": major, "merge_outputs": merged, "fused_activation_function": d.pick(0, 1, 3, 4), **asymmetric(d, w)}))


def svdf(d):
    n, _, i, u, memory = dims(d)
    memory += 1
    rank = d.int(1, 2)
    x, feature, time, _, state = d.types
    d.n_runs = 3
    fields = {"rank": rank, "fused_activation_function": d.pick(0, 1), **asymmetric(d, feature if x == "f32" else "f32")}
    if x == "f32":
        fields["fused_activation_function"] = d.pick(0, 1, 3, 4)
        return d.case([d.input(x, (n, i), -2, 2, const=0), matrix(d, feature, (u * rank, i)), matrix(d, time, (u * rank, memory)),
                       d.pick(None, vector(d, "f32", u)), d.state(state, (n, u * rank * memory))], [d.out()], ("SVDF", fields))
    q = d.quant(x, d.log_uniform(0.01, 0.1))
    held = Quant([draw.np.float32(d.log_uniform(1e-4, 1e-2) if state == "i16" else d.log_uniform(0.02, 0.2))], [0])
    b = d.input("i32", (u,), -3000, 3000, const=1) if d.chance(0.7) else None
    return d.case([d.input(x, (n, i), quant=q, const=0), matrix(d, feature, (u * rank, i)), matrix(d, time, (u * rank, memory)), b,
                   d.state(state, (n, u * rank * memory), held)], [d.out(quant=d.quant("i8", d.log_uniform(0.01, 0.2)))],
                  ("SVDF", fields))


def basic_lstm(d):
    """The cell of one matrix for all gates; its states are inputs."""
    n, _, i, u, _ = dims(d)
    fields = {"fused_activation_function": draw.TANH, "kernel_type": 1, "cell_clip": 0.0, "proj_clip": 0.0}
    if d.types[0] == "f32":
        fields["cell_clip"] = d.pick(0.0, 0.0, 1.5)
        ins = [d.input("f32", (n, i), const=0), d.input("f32", (n, u), -1, 1, const=0), matrix(d, "f32", (4 * u, i + u)),
               vector(d, "f32", 4 * u), d.input("f32", (n, u), -1, 1, const=0)]
        return d.case(ins, [d.out(t) for t in d.out_types], ("LSTM", fields))
    value, cell = Quant([draw.np.float32(1 / 128)], [128]), Quant([draw.np.float32(1 / 2048)], [0])
    w = Quant([draw.np.float32(d.log_uniform(0.002, 0.02))], [d.int(100, 150)])
    ins = [d.input("u8", (n, i), quant=value, const=0), d.input("u8", (n, u), quant=value, const=0),
           d.input("u8", (4 * u, i + u), quant=w, const=1),
           d.input("i32", (4 * u,), -5000, 5000, Quant([w.scales[0] * draw.np.float32(1 / 128)], [0]), const=1),
           d.input("i16", (n, u), -8000, 8000, quant=cell, const=0)]
    quants = (value, cell, value, cell)
    return d.case(ins, [d.out(t, q) for t, q in zip(d.out_types, quants)], ("LSTM", fields))


class Gates:
    """The choices of one LSTM cell, and its operands in the operators' order."""

    def __init__(self, d, types, n_in, n_cell, n_out, norm):
        self.d, self.types = d, types
        self.coupled = d.chance(0.25)
        self.peephole = d.chance(0.35)
        self.project = d.chance(0.4)
        self.norm = norm and d.chance(0.3)
        self.n_in, self.n_cell, self.n_out = n_in, n_cell, n_out if self.project else n_cell

    def weights(self):
        """input, recurrent, peephole, bias, projection: 17 operands."""
        d, t = self.d, iter(self.types)
        ins = []
        for width in (self.n_in, self.n_out):
            for g in range(4):
                w = next(t)
                ins.append(None if g == 0 and self.coupled else self.recurrent(w, width))
        for g in range(3):
            w = next(t)
            ins.append(matrix(d, w, (self.n_cell,)) if self.peephole and not (g == 0 and self.coupled) else None)
        for g in range(4):
            b = next(t)
            ins.append(None if g == 0 and self.coupled else vector(d, b, self.n_cell))
        w, b = next(t), next(t)
        ins.append(matrix(d, w, (self.n_out, self.n_cell)) if self.project else None)
        ins.append(vector(d, b, self.n_out) if self.project and d.chance(0.5) else None)
        return ins

    def recurrent(self, w, width):
        return matrix(self.d, w, (self.n_cell, width))

    def norms(self, types):
        if not self.norm:
            return [None] * 4
        return [None if g == 0 and self.coupled else self.coefficient(t) for g, t in enumerate(types)]

    def coefficient(self, t):
        if t == "f32":
            return self.d.input(t, (self.n_cell,), 0.2, 2, const=1)
        return self.d.input(t, (self.n_cell,), 1000, 32767, self.d.quant(t, self.d.log_uniform(1e-5, 1e-4)), const=1)


class Diagonal(Gates):
    """Recurrent weights as vectors in float, which hybrid kernels take."""

    def recurrent(self, w, width):
        return matrix(self.d, w, (self.n_cell, width) if width == self.n_in and w != "f32" else (self.n_cell,))


def lstm_fields(d, weight):
    return {"fused_activation_function": draw.TANH, "cell_clip": d.pick(0.0, 0.0, 0.5, 3.0),
            "proj_clip": d.pick(0.0, 0.0, 0.5), **asymmetric(d, weight)}


def lstm(d):
    if len(d.types) == 5:
        return basic_lstm(d)
    n, t, i, u, o = dims(d)
    x, w = d.types[0], d.types[2]
    diagonal = w != d.types[6]
    g = (Diagonal if diagonal else Gates)(d, d.types[1:18], i, u, o, norm=True)
    if diagonal:
        g.project, g.n_out = False, u
    d.n_runs = 2
    major = d.op == "LSTM" or d.chance(0.5)
    integer = x == "i8"
    q = d.quant(x, d.log_uniform(0.01, 0.1))
    held = d.quant(x, 1 / 128 if integer else None, d.int(-20, 20) if integer else None)
    cell = Quant([draw.np.float32(2.0 ** -d.int(9, 13))], [0]) if integer else None
    value = d.input(x, (n, i), *((-2, 2) if x == "f32" else (None, None)), q, const=0) if d.op == "LSTM" \
        else sequence(d, x, n, t, i, major, q)
    ins = [value, *g.weights(), d.state(d.types[18], (n, g.n_out), held), d.state(d.types[19], (n, u), cell), *g.norms(d.types[20:24])]
    fields = lstm_fields(d, "f32" if integer else w)
    if d.op == "LSTM":
        fields["kernel_type"] = 0
    else:
        fields |= {"time_major": major, "diagonal_recurrent_tensors": diagonal}
    return d.case(ins, [d.out(quant=held)], ("LSTM" if d.op == "LSTM" else "UnidirectionalSequenceLSTM", fields),
                  intermediates=between(d) if integer else ())


def between(d):
    """Scales of what the integer cell computes on its way: four gates, and the value before the projection."""
    gates = [d.out("i16", Quant([draw.np.float32(2.0 ** -d.int(10, 13))], [0])) for _ in range(4)]
    return [*gates, d.out("i8", Quant([draw.np.float32(d.log_uniform(0.004, 0.02))], [d.int(-20, 20)]))]


def both_lstm(d):
    n, t, i, u, o = dims(d)
    w = d.types[2]
    major, merged, aux = d.chance(0.5), d.chance(0.5), d.chance(0.25)
    d.n_runs = 2
    cells = [Gates(d, d.types[first:first + 17], i, u, o, norm=False) for first in (1, 18)]
    if merged or aux:
        for k in ("coupled", "project", "n_out"):
            setattr(cells[1], k, getattr(cells[0], k))
    ins = [sequence(d, "f32", n, t, i, major)]
    for c in cells:
        ins += c.weights()
    for c in cells:
        ins += [d.state("f32", (n, c.n_out)), d.state("f32", (n, u))]
    ins.append(sequence(d, "f32", n, t, i, major) if aux else None)
    for c in cells:
        ins += [matrix(d, w, (u, i)) if aux and not (g == 0 and c.coupled) else None for g in range(4)]
    outs = [d.out()] if merged else [d.out(), d.out("f32")]
    return d.case(ins, outs, ("BidirectionalSequenceLSTM", {**lstm_fields(d, w), "time_major": major, "merge_outputs": merged}))


ROWS = {
    "RNN": Row(rnn, RECURRENT), "UNIDIRECTIONAL_SEQUENCE_RNN": Row(rnn, RECURRENT),
    "BIDIRECTIONAL_SEQUENCE_RNN": Row(both_rnn, RECURRENT), "SVDF": Row(
        svdf, RECURRENT, unlike={"i8,i8,i8,i32?,i8>i8": "SVDF with a state of int8"}), "LSTM": Row(lstm, RECURRENT),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Row(lstm, RECURRENT), "BIDIRECTIONAL_SEQUENCE_LSTM": Row(both_lstm, RECURRENT),
}
