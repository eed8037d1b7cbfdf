"""StableHLO's operators, and windows with a function.   SPDX-License-Identifier: Apache-2.0"""
import numpy as np

import draw
from case import Graph, Node, Operand
from row import EXACT, SUMS, Row


def binary(d):
    s = d.shape()
    t = d.types[0]
    second = (0, int(t[1:]) - 1) if d.op == "STABLEHLO_SHIFT_LEFT" else (None, None)
    return d.case([d.input(t, s, const=0), d.input(t, s, *second, const=0)], [d.out()])


def longs(values):
    return np.array(list(values), np.int64)


def pad(d):
    s = d.shape(1, 4)
    t = d.types[0]
    low, high, inside = ([d.int(a, 2) for _ in s] for a in (-1, -1, 0))
    return d.case([d.input(t, s), d.input(t, ())], [d.out()], ("StablehloPad", {
        "edge_padding_low": longs(low), "edge_padding_high": longs(high), "interior_padding": longs(inside)}))


def gather(d):
    s = d.shape(1, 4, empty=0)
    t, i = d.types
    size = [d.int(1, v) for v in s]
    gone = [k for k in range(len(s)) if size[k] == 1 and d.chance(0.6)]
    mapped = d.sample(range(len(s)), d.int(1, len(s)))
    over = d.shape(0, 2, empty=0)
    rank = len(over) + len(s) - len(gone)
    offset = sorted(d.sample(range(rank), len(s) - len(gone)))
    at = d.int(0, len(over))
    starts = d.input(i, (*over[:at], len(mapped), *over[at:]), -2, 4)
    return d.case([d.input(t, s), starts], [d.out(shape=(1,) * rank)], ("StablehloGather", {
        "offset_dims": longs(offset), "collapsed_slice_dims": longs(gone), "start_index_map": longs(mapped),
        "index_vector_dim": at, "slice_sizes": longs(size), "indices_are_sorted": False}))


FUNCTIONS = ("STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM")


def function(d, t):
    """A subgraph of two scalars."""
    a, b, c = (Operand(t, ()) for _ in range(3))
    op = d.pick(*FUNCTIONS) if t != "bool" else d.pick("LOGICAL_AND", "LOGICAL_OR")
    plain = {"STABLEHLO_ADD": ("ADD", ("Add", {"fused_activation_function": 0})),
             "STABLEHLO_MULTIPLY": ("MUL", ("Mul", {"fused_activation_function": 0})),
             "STABLEHLO_MAXIMUM": ("MAXIMUM", ("MaximumMinimum", {})), "STABLEHLO_MINIMUM": ("MINIMUM", ("MaximumMinimum", {})),
             "LOGICAL_AND": ("LOGICAL_AND", ("LogicalAnd", {})), "LOGICAL_OR": ("LOGICAL_OR", ("LogicalOr", {}))}
    name, options = plain[op] if d.row.attributes["plain"] or t == "bool" else (op, None)
    return Graph([Node(name, [a, b], [c], options)], [a, b], [c])


def scatter(d):
    """One place an update; windows over the last dimensions."""
    s = d.shape(1, 3, empty=0)
    t, i = d.types[:2]
    n, k = d.int(1, 4), d.int(1, len(s))
    places = np.stack([d.n.integers(0, v, n) for v in s[:k]], -1)
    updates = (n, *s[k:])
    fields = {"indices_are_sorted": False, "update_window_dims": longs(range(1, len(updates))),
              "inserted_window_dims": longs(range(k)), "scatter_dims_to_operand_dims": longs(range(k)), "index_vector_dim": 1,
              "unique_indices": False, "update_computation_subgraph_index": 1}
    return d.case([d.input(t, s, -9, 9), d.input(i, places.shape, values=places), d.input(t, updates, -9, 9)],
                  [d.out()], ("StablehloScatter", fields), graphs=[function(d, t)])


def window(d):
    """Sizes and steps of windows that fit."""
    s = d.shape(1, 4, most=6, empty=0)
    return s, [d.int(1, min(3, v)) for v in s], [d.int(1, 2) for _ in s], [d.int(1, 2) for _ in s]


def reduce_window(d):
    t = d.types[0]
    s, size, step, apart = window(d)
    low, high = (-3, 3) if t in ("i8", "i16", "u8") else (None, None)
    f = d.pick(5, 6) if t == "bool" else d.pick(1, 2, 3, 4)
    return d.case([d.input(t, s, low, high), d.input(t, (), low, high)] + [d.list("i64", v, 0.8) for v in (size, step, apart)],
                  [d.out()], ("ReduceWindow", {"reduce_function": f}))


def hlo_reduce_window(d):
    t = d.types[0]
    s, size, step, apart = window(d)
    fields = {"window_dimensions": longs(size), "window_strides": longs(step), "base_dilations": longs(d.pick(1, 1, 2) for _ in s),
              "window_dilations": longs(apart), "padding": longs(d.int(0, 2) for _ in range(2 * len(s))), "body_subgraph_index": 1}
    low, high = (-3, 3) if t in ("i8", "i16", "u8") else (None, None)
    return d.case([d.input(t, s, low, high), d.input(t, (), low, high)], [d.out(shape=(1,) * len(s))],
                  ("StablehloReduceWindow", fields), graphs=[function(d, t)])


def bits(d):
    """A generator's next state and bits."""
    a = d.int(0, 2)
    n = 2 if a == 2 else d.int(2, 3)
    s = d.shape(1, 3)
    return d.case([d.input("u64", (n,))], [d.out(shape=(n,)), d.out(d.out_types[1], shape=s)],
                  ("StablehloRngBitGenerator", {"algorithm": a}))


def plain(make, tolerance=EXACT, **more):
    return Row(make, tolerance, special=True, wide=True, attributes={"plain": False}, **more)


ROWS = {f"STABLEHLO_{x}": plain(binary, resizes="all") for x in ("ADD", "MULTIPLY", "MAXIMUM", "MINIMUM", "AND", "SHIFT_LEFT")} | {
    "STABLEHLO_PAD": plain(pad), "STABLEHLO_GATHER": plain(gather),
    "STABLEHLO_SCATTER": Row(scatter, SUMS, attributes={"plain": False}),
    "REDUCE_WINDOW": Row(reduce_window, SUMS, attributes={"plain": True}),
    "STABLEHLO_REDUCE_WINDOW": Row(hlo_reduce_window, SUMS, attributes={"plain": False}),
    "STABLEHLO_RNG_BIT_GENERATOR": plain(bits),
}
