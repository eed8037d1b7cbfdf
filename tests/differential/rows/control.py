"""Operators that run subgraphs, and variables.   SPDX-License-Identifier: Apache-2.0"""
import numpy as np
from flatbuffers import flexbuffers

import draw
from case import Graph, Node, Operand
from row import EXACT, Row

ADDS = ("f32", "i32", "i64")


def inside(t, shape=()):
    """A value inside a subgraph."""
    return Operand(t, tuple(shape))


def constant(t, values):
    a = np.array(values).astype(draw.tensors.dtype(t))
    return Operand(t, a.shape, [a], const=True)


def branch(d, t, shape):
    """A subgraph of one input that keeps the number of elements, or its reverse in another shape."""
    x, y = inside(t, shape), inside(t, shape)
    way = d.int(0, 2)
    if way == 0 and t in ADDS:
        nodes = [Node("ADD", [x, x], [y], ("Add", {"fused_activation_function": 0}))]
    elif way == 1:
        flat = constant("i32", [int(np.prod(shape))])
        y.shape = (int(np.prod(shape)),)
        nodes = [Node("RESHAPE", [x, flat], [y], ("Reshape", {"new_shape": flat.value}))]
    else:
        nodes = [Node("EXPAND_DIMS", [x, constant("i32", 0)], [y], ("ExpandDims", {}))]
        y.shape = (1, *shape)
    return Graph(nodes, [x], [y])


def makes(t):
    """A subgraph without inputs."""
    y = inside(t)
    return Graph([Node("RESHAPE", [constant(t, [[1, 0], [0, 1]]), constant("i32", [4])], [y])], [], [y])


def if_(d):
    """Two branches whose results may differ in shape."""
    t = d.types[1] if len(d.types) > 1 else d.out_types[0] if d.out_types else "f32"
    s = d.shape(1, 3, empty=0)
    cond = d.input("bool", d.pick((), (1,)), const=0.3)
    fields = ("If", {"then_subgraph_index": 1, "else_subgraph_index": 2})
    if not d.out_types:
        return None
    if len(d.types) == 1:
        return d.case([cond], [d.out(t)], fields, graphs=[makes(t), makes(t)])
    return d.case([cond, d.input(t, s)], [d.out(t)], fields, graphs=[branch(d, t, s), branch(d, t, s)])


def while_(d):
    """Counts to a bound; the value grows, or is added to itself."""
    t = d.types[0]
    s = d.shape(1, 3, empty=0)
    i, n = inside("i32"), constant("i32", d.int(0, 4))
    more = inside("bool")
    condition = Graph([Node("LESS", [i, n], [more], ("Less", {}))], [i, inside(t, s)], [more])
    j, x, k, y = inside("i32"), inside(t, s), inside("i32"), inside(t, s)
    step = Node("ADD", [j, constant("i32", 1)], [k], ("Add", {"fused_activation_function": 0}))
    if t in ADDS and d.chance(0.5):
        work = Node("ADD", [x, x], [y], ("Add", {"fused_activation_function": 0}))
    elif d.chance(0.5):
        work = Node("REVERSE_V2", [x, constant("i32", [0])], [y], ("ReverseV2", {}))
    else:
        work = Node("CONCATENATION", [x, x], [y], ("Concatenation", {"axis": 0, "fused_activation_function": 0}))
        y.shape = (2 * s[0], *s[1:])
    body = Graph([step, work], [j, x], [k, y])
    return d.case([d.input("i32", (), values=0, const=0), d.input(t, s, const=0)], [d.out("i32"), d.out(t)],
                  ("While", {"cond_subgraph_index": 1, "body_subgraph_index": 2}), graphs=[condition, body])


def no_attributes():
    b = flexbuffers.Builder()
    with b.Map():
        pass
    return np.frombuffer(bytes(b.Finish()), np.uint8)


def composite(d):
    t = d.types[0]
    s = d.shape(1, 3, empty=0)
    return d.case([d.input(t, s)], [d.out(t)],
                  ("StableHLOComposite", {
                      "name": "x.y", "decomposition_subgraph_index": 1, "composite_attributes": no_attributes()}), graphs=[branch(d, t, s)])


def case_(d):
    t = d.types[1] if len(d.types) > 1 else d.out_types[0]
    s = d.shape(1, 3, empty=0)
    n = d.int(1, 3)
    graphs = [branch(d, t, s) if len(d.types) > 1 else makes(t) for _ in range(n)]
    index = d.input("i32", (), values=d.int(-1, n), const=0.3)
    return d.case([index] + ([d.input(t, s)] if len(d.types) > 1 else []), [d.out(t)],
                  ("StablehloCase", {"branch_subgraph_indices": np.arange(1, n + 1, dtype=np.int32)}), graphs=graphs)


def call(d):
    if not d.types or not d.out_types:
        return None
    s = d.shape(1, 3, empty=0)
    return d.case([d.input(d.types[0], s)], [d.out(d.types[0])], ("Call", {"subgraph": 1}), graphs=[branch(d, d.types[0], s)])


def handle(h, name="v"):
    return Node("VAR_HANDLE", [], [h], ("VarHandle", {"container": "", "shared_name": name}))


def variable(d):
    """A variable that is assigned, and read in the same run."""
    kind = d.out_types[0] if d.op == "VAR_HANDLE" else d.types[0]
    t = d.types[1] if d.op == "ASSIGN_VARIABLE" else d.out_types[0] if d.op == "READ_VARIABLE" else d.pick("f32", "i8", "i64")
    h, y = Operand(kind, ()), inside(t)
    d.n_runs = 2
    x = d.input(t, d.shape(0, 4), const=0.2)
    y.shape = x.shape  # a file that says a shape is believed
    return d.of_graphs([Graph([handle(h), Node("ASSIGN_VARIABLE", [h, x], [], ("AssignVariable", {})),
                               Node("READ_VARIABLE", [h], [y], ("ReadVariable", {}))])])


def once(d):
    """A variable that a subgraph gives its first value; each run adds to it."""
    kind, t = d.pick("res", "i32"), d.pick("f32", "i32")
    first, h = Operand(kind, ()), Operand(kind, ())
    s = d.shape(1, 3, empty=0)
    init = Graph([handle(first), Node("ASSIGN_VARIABLE", [first, d.input(t, s, const=1)], [], ("AssignVariable", {}))], [], [])
    x, y, z = d.input(t, s, const=0), inside(t, s), inside(t, s)
    d.n_runs = 2
    x.runs = [x.value, d.values(t, s)]
    main = Graph([Node("CALL_ONCE", [], [], ("CallOnce", {"init_subgraph_index": 1})), handle(h),
                  Node("READ_VARIABLE", [h], [y], ("ReadVariable", {})),
                  Node("ADD", [x, y], [z], ("Add", {"fused_activation_function": 0})),
                  Node("ASSIGN_VARIABLE", [h, z], [], ("AssignVariable", {}))], [x], [z])
    return d.of_graphs([main, init])


ROWS = {
    "IF": Row(if_, EXACT), "WHILE": Row(while_, EXACT), "STABLEHLO_COMPOSITE": Row(composite, EXACT),
    "STABLEHLO_CASE": Row(case_, EXACT), "CALL": Row(call, EXACT), "CALL_ONCE": Row(once, EXACT),
    "VAR_HANDLE": Row(variable), "READ_VARIABLE": Row(variable, wild_out=True), "ASSIGN_VARIABLE": Row(variable),
}
