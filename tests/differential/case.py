"""A case: a model of one operator (or of the few that it takes to show one), what it is fed, what must come out.

In a file it is a .tflite whose metadata hold the arrays, so that a case is one file:
  "run 0 in 1 f32 2,3"   bytes of input 1 in the first run, of that shape
  "run 0 out 0 i8 4"     bytes of output 0
  "tolerance"            text: how far floats may be off, of their own size, of the largest's, and of 1
SPDX-License-Identifier: Apache-2.0"""
import dataclasses

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

import tensors


@dataclasses.dataclass
class Quant:
    scales: list
    zeros: list
    axis: int = 0


@dataclasses.dataclass(eq=False)
class Operand:
    """A tensor. runs: its values, an array a run; a constant has one; None: computed, or state."""
    type: str
    shape: tuple
    runs: list = None
    const: bool = False
    variable: bool = False
    quant: Quant = None
    declared: tuple = None  # the file's shape where inputs are resized; -1: open
    sparsity: object = None  # schema.SparsityParametersT; the buffer is then `raw`
    raw: bytes = None

    @property
    def value(self):
        return self.runs[0]


@dataclasses.dataclass
class Node:
    op: str
    ins: list  # of Operand or None
    outs: list
    options: tuple = None  # ("Add", {"fused_activation_function": 1}): a table of the schema
    custom: bytes = None
    intermediates: list = ()


@dataclasses.dataclass
class Graph:
    nodes: list
    inputs: list = None  # None: what has values and is no constant, in order
    outputs: list = None  # None: the last node's

    def __post_init__(self):
        if self.inputs is None:
            self.inputs = list(unique(o for n in self.nodes for o in n.ins
                                      if o is not None and o.runs is not None and not o.const))
        if self.outputs is None:
            self.outputs = list(self.nodes[-1].outs)


@dataclasses.dataclass
class Case:
    graphs: list
    tolerance: tuple = (0.0, 0.0, 0.0)
    expected: list = None  # runs of outputs, once known
    op: str = None
    version: int = 1
    types: str = None
    name: str = None

    @property
    def main(self):
        return self.graphs[0]

    @property
    def node(self):
        """The operator that the case is about."""
        return next(n for n in self.main.nodes if n.op == self.op)

    @property
    def n_runs(self):
        return max([len(i.runs) for i in self.main.inputs], default=1)


def unique(items):
    seen = set()
    for i in items:
        if id(i) not in seen:
            seen.add(id(i))
            yield i


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(w.capitalize() for w in rest)


class Writer:
    """A case as a .tflite."""

    def __init__(self, case):
        self.case = case
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.model.metadata = []
        self.codes = {}

    def buffer(self, data):
        b = schema.BufferT()
        b.data = np.frombuffer(data, np.uint8)
        self.model.buffers.append(b)
        return len(self.model.buffers) - 1

    def opcode(self, op):
        if op not in self.codes:
            c = schema.OperatorCodeT()
            number = getattr(schema.BuiltinOperator, op, None)
            if number is None:
                c.customCode, number = op, schema.BuiltinOperator.CUSTOM
            c.builtinCode, c.deprecatedBuiltinCode = number, min(number, 127)
            c.version = self.case.version if op == self.case.op else 1
            self.model.operatorCodes.append(c)
            self.codes[op] = len(self.codes)
        return self.codes[op]

    def tensor(self, o, name):
        t = schema.TensorT()
        t.name, t.type, t.isVariable = name, tensors.code(o.type), o.variable
        t.hasRank = True
        shape = o.shape if o.declared is None else o.declared
        t.shape = [max(1, d) if d < 0 else d for d in shape]
        if -1 in shape:
            t.shapeSignature = list(shape)
        t.buffer, t.sparsity = 0, o.sparsity
        if o.raw is not None:
            t.buffer = self.buffer(o.raw)
        elif o.const:
            t.buffer = self.buffer(tensors.pack(o.type, o.value))
        if o.quant is not None:
            q = schema.QuantizationParametersT()
            q.scale = np.array(o.quant.scales, np.float32)
            q.zeroPoint = np.array(o.quant.zeros, np.int64)
            q.quantizedDimension = o.quant.axis
            t.quantization = q
        return t

    def options(self, node, o):
        if node.custom is not None:
            o.customOptions = np.frombuffer(node.custom, np.uint8)
        if node.options is None:
            return
        table, fields = node.options
        for union, member in ((schema.BuiltinOptions, ""), (schema.BuiltinOptions2, "2")):
            number = getattr(union, table + "Options", None)
            if number is not None:
                value = getattr(schema, table + "OptionsT")()
                for k, v in fields.items():
                    if not hasattr(value, camel(k)):
                        raise KeyError(f"{table}Options has no {k}")
                    setattr(value, camel(k), v)
                setattr(o, f"builtinOptions{member}Type", number)
                setattr(o, f"builtinOptions{member}", value)
                return
        raise KeyError(table)

    def graph(self, graph, number):
        g = schema.SubGraphT()
        g.name = f"graph{number}"
        nodes = graph.nodes
        all_ = list(unique(o for o in [*graph.inputs, *(o for n in nodes for o in [*n.ins, *n.outs, *n.intermediates]),
                                       *graph.outputs] if o is not None))
        index = {id(o): i for i, o in enumerate(all_)}
        g.tensors = [self.tensor(o, f"t{i}") for i, o in enumerate(all_)]
        g.inputs = [index[id(o)] for o in graph.inputs]
        g.outputs = [index[id(o)] for o in graph.outputs]
        g.operators = []
        for n in nodes:
            o = schema.OperatorT()
            o.opcodeIndex = self.opcode(n.op)
            o.inputs = [-1 if x is None else index[id(x)] for x in n.ins]
            o.outputs = [index[id(x)] for x in n.outs]
            o.intermediates = [index[id(x)] for x in n.intermediates]
            self.options(n, o)
            g.operators.append(o)
        return g

    def metadata(self, name, data):
        m = schema.MetadataT()
        m.name, m.buffer = name, self.buffer(data)
        self.model.metadata.append(m)

    def arrays(self):
        for r in range(self.case.n_runs):
            for i, o in enumerate(self.case.main.inputs):
                self.metadata(entry(r, "in", i, o.type, o.shape), tensors.pack(o.type, o.runs[min(r, len(o.runs) - 1)]))
        for r, outs in enumerate(self.case.expected or ()):
            for i, (type_, shape, data) in enumerate(outs):
                self.metadata(entry(r, "out", i, type_, shape), data)
        self.metadata("tolerance", "{:.3g} {:.3g} {:.3g}".format(*self.case.tolerance).encode())

    def bytes(self):
        self.model.subgraphs = [self.graph(g, i) for i, g in enumerate(self.case.graphs)]
        self.arrays()
        b = flatbuffers.Builder(4096)
        b.Finish(self.model.Pack(b), b"TFL3")
        return bytes(b.Output())


def entry(run, side, i, type_, shape):
    return f"run {run} {side} {i} {type_} {','.join(map(str, shape))}"


def entries(data):
    """The arrays of a file: [(run, side, index, type, shape, bytes)]."""
    m = schema.Model.GetRootAs(data, 0)
    for k in range(m.MetadataLength()):
        e = m.Metadata(k)
        word = e.Name().decode().split(" ")
        if word[0] == "run":
            b = m.Buffers(e.Buffer())
            content = b.DataAsNumpy().tobytes() if b.DataLength() else b""
            shape = tuple(int(x) for x in word[5].split(",")) if word[5] else ()
            yield int(word[1]), word[2], int(word[3]), word[4], shape, content
