"""Operators whose inputs hold places in others.   SPDX-License-Identifier: Apache-2.0"""
import numpy as np

import draw
from row import EXACT, SUMS, Row


def gather(d):
    s = d.shape(1, 5, empty=0)
    t, i = d.types
    q = d.quant(t)
    x = d.input(t, s, quant=q)
    if d.op == "GATHER_ND":
        depth, lead = d.int(1, len(s)), d.shape(0, 2, most=3)
        places = np.stack([d.n.integers(0, s[k], lead) for k in range(depth)], -1)
        return d.case([x, d.input(i, places.shape, values=places)], [d.out(quant=q)], ("GatherNd", {}))
    axis = d.int(0, len(s) - 1)
    batch = d.pick(0, 0, d.int(0, axis))
    places = d.input(i, (*s[:batch], *d.shape(0, 2)), 0, s[axis] - 1)
    return d.case([x, places], [d.out(quant=q)], ("Gather", {"axis": axis - d.pick(0, len(s)), "batch_dims": batch}))


def scatter_nd(d):
    s = d.shape(1, 4, empty=0)
    depth, n = d.int(1, len(s)), d.int(1, 5)
    places = np.stack([d.n.integers(0, s[k], n) for k in range(depth)], -1)
    lead = (n,) if d.chance(0.8) else (1, n)
    return d.case([d.input("i32", (*lead, depth), values=places), d.input(d.types[1], (*lead, *s[depth:]), -50, 50),
                   d.list("i32", s)], [d.out()], ("ScatterNd", {}))


def sparse_to_dense(d):
    s = d.shape(1, 4, empty=0)
    t = d.types[2]
    cells = sorted(d.sample(list(np.ndindex(*s)), d.int(1, min(5, int(np.prod(s))))))
    flat = d.pick(True, False) if len(s) == 1 else False
    places = np.array(cells).reshape((len(cells),) if flat else (len(cells), len(s)))
    one = d.chance(0.2)
    return d.case([d.input(d.types[0], places.shape, values=places), d.list(d.types[1], s),
                   d.input(t, () if one else (len(cells),)), d.input(t, ())], [d.out()],
                  ("SparseToDense", {"validate_indices": d.chance(0.5)}))


def one_hot(d):
    s = d.shape(0, 4)
    i, t = d.types[0], d.types[2]
    return d.case([d.input(i, s, -1, 5), d.scalar("i32", d.int(0, 5)), d.input(t, ()), d.input(t, ())], [d.out()],
                  ("OneHot", {"axis": d.int(-1, len(s))}))


def embedding_lookup(d):
    t = d.types[1]
    rows = d.int(1, 5)
    s = (rows, *(d.int(1, 5) for _ in range(d.int(1, 3))))
    q = None
    if d.out_types[0] == "f32" and t in draw.tensors.QUANTIZED:
        q = d.per_channel(rows, 0) if d.chance(0.5) else d.quant(t, zero=0)
    return d.case([d.input("i32", (d.int(1, 6),), 0, rows - 1), d.input(t, s, quant=q, const=0.8)], [d.out()])


def embedding_sparse(d):
    n, rank = d.int(1, 6), d.int(1, 3)
    full = [d.int(1, 3) for _ in range(rank)]
    places = sorted([d.int(0, v - 1) for v in full] for _ in range(n))
    s = (d.int(1, 4), *d.shape(1, 2, empty=0))
    return d.case([d.input("i32", (n,), 0, s[0] - 1), d.input("i32", (n, rank), values=places),
                   d.input("i32", (rank,), values=full), d.input("f32", (n,), 0.5, 2), d.input("f32", s)], [d.out()],
                  ("EmbeddingLookupSparse", {"combiner": d.int(0, 2)}))


def hashtable_lookup(d):
    t = d.types[2]
    n, m = d.int(1, 6), d.int(1, 6)
    s = (m, *d.shape(0, 2, empty=0))
    return d.case([d.input("i32", (n,), 0, 8), d.input("i32", (m,), values=sorted(d.sample(range(9), m))), d.input(t, s)],
                  [d.out(), d.out("u8")])


def where(d):
    return d.case([d.input(d.types[0], d.shape(0, 6), *((0, 1) if d.types[0] != "f32" else (None, None)))],
                  [d.out()], ("Where", {}))


def unique(d):
    return d.case([d.input(d.types[0], (d.int(1, 12),), 0, 6)], [d.out(), d.out(d.out_types[1])],
                  ("Unique", {"idx_out_type": draw.tensors.code(d.out_types[1])}))


def bucketize(d):
    edges = sorted(d.r.uniform(-10, 10) for _ in range(d.int(0, 6)))
    if d.chance(0.4):
        edges = [float(round(e)) for e in edges]
    return d.case([d.input(d.types[0], d.shape(0, 5))], [d.out()], ("Bucketize", {"boundaries": np.array(edges, np.float32)}))


def suppression(d):
    n = d.int(1, 8)
    boxes = []
    for _ in range(n):
        y, x = d.r.uniform(0, 2), d.r.uniform(0, 2)
        box = [y, x, y + d.r.uniform(0.1, 2), x + d.r.uniform(0.1, 2)]
        boxes.append([box[2], box[3], box[0], box[1]] if d.chance(0.1) else box)
    five = d.op.endswith("5")
    ins = [d.input("f32", (n, 4), values=boxes), d.input("f32", (n,), 0, 1), d.scalar("i32", d.int(0, 9)),
           d.scalar("f32", d.r.uniform(0, 1)), d.scalar("f32", d.r.uniform(0, 0.7))]
    outs = [d.out("i32"), d.out("f32"), d.out("i32")] if five else [d.out("i32"), d.out("i32")]
    return d.case(ins + ([d.scalar("f32", d.pick(0.0, 0.3, 0.5, 1.0))] if five else []), outs,
                  ("NonMaxSuppressionV5" if five else "NonMaxSuppressionV4", {}))


def densify(d):
    """A constant of two dimensions in compressed rows."""
    t = d.types[0]
    rows, columns = d.int(1, 4), d.int(1, 6)
    a = d.values(t, (rows, columns), -9, 9)
    a[d.n.random(a.shape) < 0.6] = 0
    a[0, 0] = 1  # an empty buffer would be no constant
    x = d.input(t, a.shape, values=a, const=1)
    x.sparsity, x.raw = compressed(a, t)
    return d.case([x], [d.out(shape=a.shape)], ("Densify", {}))


def compressed(a, t):
    schema = draw.tensors.schema
    p = schema.SparsityParametersT()
    p.traversalOrder = np.arange(a.ndim, dtype=np.int32)
    dense, sparse = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    dense.format, dense.denseSize = schema.DimensionType.DENSE, a.shape[0]
    sparse.format = schema.DimensionType.SPARSE_CSR
    places = [np.flatnonzero(row) for row in a]
    for name, values in (("arraySegments", np.cumsum([0] + [len(v) for v in places])), ("arrayIndices", np.concatenate(places))):
        v = schema.Int32VectorT()
        v.values = values.astype(np.int32)
        setattr(sparse, name, v)
        setattr(sparse, name + "Type", schema.SparseIndexVector.Int32Vector)
    p.dimMetadata = [dense, sparse]
    return p, draw.tensors.pack(t, np.concatenate([row[v] for row, v in zip(a, places)]))


def places(make, tolerance=EXACT, **more):
    return Row(make, tolerance, wide=True, resizes="any", **more)


ROWS = {
    "GATHER": places(gather), "GATHER_ND": places(gather), "SCATTER_ND": places(scatter_nd, SUMS),
    "SPARSE_TO_DENSE": places(sparse_to_dense), "ONE_HOT": places(one_hot),
    "EMBEDDING_LOOKUP": places(embedding_lookup, (3e-7, 0.0, 0.0)), "EMBEDDING_LOOKUP_SPARSE": places(embedding_sparse, SUMS),
    "HASHTABLE_LOOKUP": places(hashtable_lookup), "WHERE": places(where, special=True), "UNIQUE": places(unique),
    "BUCKETIZE": places(bucketize), "NON_MAX_SUPPRESSION_V4": places(suppression),
    "NON_MAX_SUPPRESSION_V5": places(suppression, SUMS), "DENSIFY": places(densify),
}
