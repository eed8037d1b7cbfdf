"""Random shapes, values, quantization: what rows make cases from. One Draw makes one case, from a seed that names
it, so that a case can be made again alone.   SPDX-License-Identifier: Apache-2.0"""
import random
import zlib

import numpy as np

import tensors
from case import Case, Graph, Node, Operand, Quant
from row import SUMS

NONE, RELU, RELU_N1_TO_1, RELU6, TANH, SIGN_BIT = range(6)
ENDLESS = (0.0, -0.0, 1.0, float("inf"), float("-inf"), float("nan"))  # whatever the order of a sum
SPECIAL = (*ENDLESS, -1.0, 1e-40, -1e-40, 3e38, -3e38, 1e30)


class Draw:
    def __init__(self, op, combo, seed, row):
        self.op, self.combo, self.row = op, combo, row
        self.types = [i.type for i in combo.ins]
        self.out_types = [o.type for o in combo.outs]
        self.name = f"{op} {combo.text()} {seed}"
        self.r = random.Random(self.name)
        self.n = np.random.default_rng(zlib.crc32(self.name.encode()))
        self.n_runs = 1
        self.tolerance = row.tolerance
        self.plain = False  # no special floats

    # ---- choices ----

    def chance(self, p):
        return self.r.random() < p

    def pick(self, *options):
        return self.r.choice(options)

    def int(self, low, high):
        return self.r.randint(low, high)

    def log_uniform(self, low, high):
        return float(np.exp(self.r.uniform(np.log(low), np.log(high))))

    def sample(self, items, n):
        return self.r.sample(list(items), n)

    # ---- shapes ----

    def shape(self, low=0, high=5, most=4, empty=0.02):
        """A shape of low to high dimensions; sometimes with one that is 0, or with a longer last one."""
        s = [self.int(1, most) for _ in range(self.int(low, high))]
        if 0 < len(s) < 4 and self.chance(0.15):
            s[-1] = self.int(most, 70)
        if s and self.chance(empty):
            s[self.r.randrange(len(s))] = 0
        return tuple(s)

    def broadcasts(self, shape, p=0.5):
        """A shape that broadcasts to the given one."""
        if self.chance(1 - p):
            return shape
        s = [1 if self.chance(0.4) else d for d in shape]
        return tuple(s[self.int(0, len(s)):] if self.chance(0.4) else s)

    def pair(self, low=0, high=6):
        """Two shapes that broadcast together."""
        s = self.shape(low, high)
        a, b = self.broadcasts(s), self.broadcasts(s)
        return (s, b) if self.chance(0.3) else (a, s) if self.chance(0.4) else (a, b)

    # ---- values ----

    def floats(self, shape, low, high):
        kind = self.r.random()
        if low is not None:
            a = self.n.uniform(low, high, shape)
        elif kind < 0.55:
            a = self.n.uniform(-4, 4, shape)
        elif kind < 0.7:
            a = self.n.choice([-1, 1], shape) * np.exp(self.n.uniform(-12, 12, shape))
        elif kind < 0.85:
            a = self.n.integers(-12, 13, shape) / 2.0
        else:
            a = self.n.uniform(-100, 100, shape)
        if low is None and self.row.special and not self.plain and self.chance(0.2):
            values = SPECIAL if self.row.special is True else self.row.special
            a = np.where(self.n.random(shape) < 0.4, self.n.choice(values, shape), a)
        return a

    def ints(self, t, shape, low, high):
        least, most = tensors.LIMITS[t]
        if low is None and t in ("i32", "i64", "u32", "u64"):
            reach = self.pick(10, 10, 100, 100000, most if self.row.wide else 1000)
            low, high = max(least, -reach), min(most, reach)
        low, high = least if low is None else max(low, least), most if high is None else min(high, most)
        a = self.n.integers(low, high, shape, dtype=np.uint64 if t == "u64" else np.int64, endpoint=True)
        if self.chance(0.4):
            ends = np.array([low, high, high - (high > low), low + (high > low)], a.dtype)
            a = np.where(self.n.random(shape) < 0.3, self.n.choice(ends, shape), a)
        return a

    def values(self, t, shape, low=None, high=None):
        if t in tensors.COMPLEX:
            a = np.empty(shape, tensors.dtype(t))
            a.real, a.imag = self.floats(shape, low, high), self.floats(shape, low, high)
            return a
        with np.errstate(over="ignore", invalid="ignore"):
            a = self.floats(shape, low, high) if t in tensors.FLOATS else self.ints(t, shape, low, high)
            return np.asarray(a).astype(tensors.dtype(t))

    # ---- quantization ----

    def scale(self):
        return self.pick(self.log_uniform(0.003, 0.3), self.log_uniform(0.003, 0.3), 2.0 ** -self.int(0, 12),
                         self.log_uniform(1e-5, 20) if self.row.extreme else 0.05)

    def zero(self, t):
        if t in ("i16", "i32", "i64", "i4", "i2"):
            return 0
        low, high = tensors.LIMITS[t]
        return self.pick(low, high, (low + high + 1) // 2, self.int(low, high), self.int(low, high))

    def quant(self, t, scale=None, zero=None):
        """Per tensor; None for types that are not quantized."""
        if t not in tensors.QUANTIZED:
            return None
        return Quant([np.float32(self.scale() if scale is None else scale)], [self.zero(t) if zero is None else zero])

    def per_channel(self, n, axis, scale=None):
        base = self.scale() if scale is None else scale
        return Quant([np.float32(base * self.r.uniform(0.2, 2)) for _ in range(n)], [0] * n, axis)

    # ---- operands ----

    def input(self, t, shape, low=None, high=None, quant=None, const=0.15, values=None):
        """An operand with values; `const`: how likely it is a constant of the model."""
        fixed = self.chance(const) or t in tensors.BITS
        if values is not None:
            runs = [np.asarray(values).astype(tensors.dtype(t)).reshape(shape)]
        else:
            runs = [self.values(t, shape, low, high) for _ in range(1 if fixed else self.n_runs)]
        return Operand(t, tuple(shape), runs, const=fixed, quant=quant)

    def list(self, t, values, const=0.7, shape=None):
        """A list of integers (axes, sizes): a constant mostly."""
        return self.input(t, (len(values),) if shape is None else shape, const=const, values=values)

    def scalar(self, t, value, const=0.7):
        return self.input(t, self.pick((), (), (1,)) if self.row.scalar_lists else (), const=const, values=[value])

    def state(self, t, shape, quant=None):
        return Operand(t, tuple(shape), variable=True, quant=quant)

    def out(self, t=None, quant=None, shape=()):
        return Operand(t or self.out_types[0], tuple(shape), quant=quant)

    # ---- the case ----

    def case(self, ins, outs, options=None, custom=None, intermediates=(), graphs=()):
        node = Node(self.op, list(ins), list(outs), options, custom, list(intermediates))
        return self.of_graphs([Graph([node]), *graphs])

    def of_graphs(self, graphs):
        c = Case(list(graphs), self.tolerance if self.tolerance != SUMS else self.of_terms(graphs[0]), op=self.op, version=self.row.version, types=self.combo.text(), name=self.name)
        if self.row.resizes and self.chance(0.15):
            self.open_shapes(c.main.inputs, c.node)
        return c

    def of_terms(self, graph):
        """The tolerance of sums that may cancel: of their largest terms, too."""
        largest = 1.0
        for o in graph.inputs + [i for n in graph.nodes for i in n.ins if i is not None and i.const]:
            a = [np.abs(v[np.isfinite(v)]) for v in map(np.asarray, o.runs) if o.type in tensors.FLOATS]
            largest *= max([1.0] + [float(v.max()) for v in a if v.size])
        own, whole, _ = self.tolerance
        return own, whole, SUMS[1] * min(largest, 1e30)

    def open_shapes(self, inputs, node):
        """Declares other shapes than are fed: all dimensions 1 or open, the first one's first, or any."""
        if any(0 in o.shape for o in inputs) or any(o.quant and len(o.quant.scales) > 1 for o in node.outs):
            return
        mark = self.pick(1, -1) if self.row.resizes != "any" else -1
        if self.row.resizes == "first":
            if node.ins[0] in inputs and node.ins[0].shape:
                node.ins[0].declared = (mark, *node.ins[0].shape[1:])
            return
        for o in inputs:
            o.declared = tuple(mark if self.row.resizes == "all" or self.chance(0.5) else v for v in o.shape)

    def make(self):
        return self.row.make(self)
