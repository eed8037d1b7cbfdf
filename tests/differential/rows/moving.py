"""Operators that move values without changing them.   SPDX-License-Identifier: Apache-2.0"""
import numpy as np

import draw
from row import EXACT, SUMS, Row


def moved(d, shape):
    """The value, and an output of its quantization."""
    t = d.types[d.row.attributes.get("value", 0)] if d.row.attributes else d.types[0]
    q = d.quant(t) if d.chance(0.7) else None
    return d.input(t, shape, quant=q), d.out(quant=q)


def reshape(d):
    s = d.shape(0, 5)
    n = int(np.prod(s))
    want = d.pick([n], [-1], [1, n], [n, -1] if n else [0], list(s), [1, -1, 1], list(reversed(s)))
    x, y = moved(d, s)
    y.shape = tuple(n if v < 0 else v for v in want)
    way = d.int(0, 2)
    if way == 0:
        return d.case([x], [y], ("Reshape", {"new_shape": np.array(want, np.int32)}))
    return d.case([x, d.list("i32", want)], [y], ("Reshape", {"new_shape": np.array(want, np.int32)}) if way == 1 else None)


def squeeze(d):
    s = tuple(d.pick(1, 1, d.int(1, 4)) for _ in range(d.int(0, 6)))
    ones = [i for i, v in enumerate(s) if v == 1]
    dims = d.sample(ones, d.int(0, len(ones)))
    x, y = moved(d, s)
    return d.case([x], [y], ("Squeeze", {"squeeze_dims": np.array([v - len(s) if d.chance(0.3) else v for v in dims], np.int32)}))


def expand_dims(d):
    s = d.shape(0, 5)
    x, y = moved(d, s)
    return d.case([x, d.scalar(d.types[1], d.int(-len(s) - 1, len(s)))], [y], ("ExpandDims", {}))


def transpose(d):
    s = d.shape(0, 6)
    x, y = moved(d, s)
    p = d.sample(range(len(s)), len(s))
    return d.case([x, d.list(d.types[1], [v - len(s) if d.chance(0.1) else v for v in p])], [y], ("Transpose", {}))


def pad(d):
    s = d.shape(1, 5)
    x, y = moved(d, s)
    sizes = [d.int(0, 2) for _ in range(2 * len(s))]
    if d.op == "MIRROR_PAD":
        mode = d.int(0, 1)
        sizes = [d.int(0, max(0, s[i // 2] - (1 - mode))) for i in range(2 * len(s))]
    ins = [x, d.list(d.types[1], sizes, shape=(len(s), 2))]
    if d.op == "MIRROR_PAD":
        return d.case(ins, [y], ("MirrorPad", {"mode": mode}))
    if d.op == "PADV2":
        return d.case([*ins, d.input(d.types[2], d.pick((), (1,)), quant=x.quant)], [y], ("PadV2", {}))
    return d.case(ins, [y], ("Pad", {}))


def slices(d):
    s = d.shape(1, 6 if d.op == "SLICE" else 5)
    x, y = moved(d, s)
    begin = [d.int(0, v) for v in s]
    size = [-1 if d.chance(0.2) else d.int(0 if d.chance(0.1) else min(1, v - b), v - b) for v, b in zip(s, begin)]
    return d.case([x, d.list(d.types[1], begin), d.list(d.types[2], size)], [y], ("Slice", {}))


def strided_slice(d):
    s = d.shape(1, 5, most=5)
    x, y = moved(d, s)
    k = d.int(1, len(s))
    strides = [d.pick(1, 1, 1, 2, 3, -1, -2) for _ in range(k)]
    begin, end = [d.int(-v - 1, v + 1) for v in s[:k]], [d.int(-v - 2, v + 2) for v in s[:k]]
    for i in range(k):
        if d.chance(0.5):  # not empty
            begin[i], end[i] = (0, s[i]) if strides[i] > 0 else (s[i] - 1, -s[i] - 1)
    fields = {"begin_mask": d.r.getrandbits(k), "end_mask": d.r.getrandbits(k), "shrink_axis_mask": 0,
              "new_axis_mask": 0, "ellipsis_mask": 0, "offset": False}
    for i in range(k):
        if d.chance(0.2) and min(s) > 0:
            fields["shrink_axis_mask"] |= 1 << i
            fields["begin_mask"] &= ~(1 << i)
            strides[i], begin[i] = 1, d.int(-min(s), min(s) - 1)  # of whatever dimension it will be
            end[i] = begin[i] + 1
    if d.chance(0.15):
        fields[d.pick("new_axis_mask", "ellipsis_mask")] = 1 << d.int(0, k - 1)
    if d.chance(0.1) and 0 not in s:  # sizes in place of ends, of what is there
        fields["offset"] = True
        strides, begin = [abs(v) for v in strides], [d.int(0, v - 1) for v in s[:k]]
        end = [d.int(1, v - b) for v, b in zip(s[:k], begin)]
    return d.case([x, *(d.list(t, v) for t, v in zip(d.types[1:], (begin, end, strides)))], [y], ("StridedSlice", fields))


def concatenation(d):
    s = d.shape(1, 5)
    axis = d.int(0, len(s) - 1)
    q = d.quant(d.types[0])
    same = d.chance(0.5) or d.types[0] == "i16"
    parts = [d.input(d.types[0], s[:axis] + (d.int(0 if d.chance(0.05) else 1, 3),) + s[axis + 1:],
                     quant=q if same else d.quant(d.types[0])) for _ in range(d.int(1, 5))]
    return d.case(parts, [d.out(quant=q)], ("Concatenation", {"axis": axis - d.pick(0, len(s)),
                                                              "fused_activation_function": draw.NONE}))


def pack(d):
    s = d.shape(0, 4)
    n = d.int(1, 4)
    q = d.quant(d.types[0])
    return d.case([d.input(d.types[0], s, quant=q) for _ in range(n)], [d.out(quant=q)],
                  ("Pack", {"values_count": n, "axis": d.int(-len(s) - 1, len(s))}))


def unpack(d):
    s = d.shape(1, 5, empty=0)
    axis = d.int(-len(s), len(s) - 1)
    x, y = moved(d, s)
    return d.case([x], [y] + [d.out(quant=y.quant) for _ in range(s[axis] - 1)], ("Unpack", {"num": s[axis], "axis": axis}))


def split(d):
    s = list(d.shape(1, 5))
    axis = d.int(0, len(s) - 1)
    n = d.int(1, 4)
    told = axis - d.pick(0, len(s))
    if d.op == "SPLIT":
        s[axis] *= n
        x, y = moved(d, s)
        ins, name = [d.scalar(d.types[0], told), x], "Split"
    else:
        sizes = [d.int(0 if d.chance(0.1) else 1, 3) for _ in range(n)]
        s[axis] = sum(sizes)
        x, y = moved(d, s)
        if d.chance(0.3):
            sizes[d.int(0, n - 1)] = -1
        ins, name = [x, d.list(d.types[1], sizes), d.scalar(d.types[2], told)], "SplitV"
    return d.case(ins, [y] + [d.out(quant=y.quant) for _ in range(n - 1)], (name, {"num_splits": n}))


def tile(d):
    s = d.shape(0, 5)
    x, y = moved(d, s)
    return d.case([x, d.list(d.types[1], [d.int(0 if d.chance(0.05) else 1, 3) for _ in s])], [y], ("Tile", {}))


def broadcast_to(d):
    s = d.shape(0, 6, most=3)
    x, y = moved(d, d.broadcasts(s, 0.8))
    return d.case([x, d.list(d.types[1], s)], [y], ("BroadcastTo", {}))


def broadcast_args(d):
    a, b = d.pair(0, 5)
    return d.case([d.list(d.types[0], a, 0.3), d.list(d.types[1], b, 0.3)], [d.out()])


def reverse(d):
    s = d.shape(1, 5)
    x, y = moved(d, s)
    first = d.int(0, len(s) - 1)
    axes = list(range(first, d.int(first, len(s) - 1) + 1))
    return d.case([x, d.list(d.types[1], [a - len(s) if d.chance(0.2) else a for a in axes])], [y], ("ReverseV2", {}))


def reverse_sequence(d):
    s = d.shape(2, 5, empty=0)
    a, b = d.sample(range(len(s)), 2)
    x, y = moved(d, s)
    return d.case([x, d.list(d.types[1], [d.int(0, s[a]) for _ in range(s[b])])], [y],
                  ("ReverseSequence", {"seq_dim": a, "batch_dim": b}))


def blocks(d):
    n = d.pick(1, 2, 2)
    b = [d.int(1, 3) for _ in range(n)]
    last = (d.int(1, 3),)
    to_batch = d.op == "SPACE_TO_BATCH_ND"
    head, sizes, more = [d.int(1, 2)], [], []
    for k in range(n):
        v, before, after = d.int(1, 4), d.int(0, 2), d.int(0, 2)
        if to_batch:
            after += -(v + before + after) % b[k]
        else:
            before = d.int(0, v * b[k] - 1)
            after = d.int(0, v * b[k] - 1 - before)
        sizes.append(v)
        more += [before, after]
    if not to_batch:
        head[0] *= int(np.prod(b))
    x, y = moved(d, (*head, *sizes, *last))
    return d.case([x, d.list("i32", b), d.list("i32", more, shape=(n, 2))], [y],
                  ("SpaceToBatchND" if to_batch else "BatchToSpaceND", {}))


def depth(d):
    b = d.int(1, 3)
    s = [d.int(1, 2), d.int(1, 3), d.int(1, 3), d.int(1, 3)]
    if d.op == "DEPTH_TO_SPACE":
        s[3] *= b * b
    else:
        s[1], s[2] = s[1] * b, s[2] * b
    x, y = moved(d, s)
    return d.case([x], [y], ("DepthToSpace" if d.op == "DEPTH_TO_SPACE" else "SpaceToDepth", {"block_size": b}))


def resize(d):
    t = d.types[0]
    x, y = moved(d, (d.int(1, 2), d.int(1, 6), d.int(1, 6), d.int(1, 5)))
    if t in draw.tensors.QUANTIZED and x.quant is None:
        x.quant = y.quant = d.quant(t)
    way = d.pick({}, {"align_corners": True}, {"half_pixel_centers": True})
    name = "ResizeBilinear" if d.op == "RESIZE_BILINEAR" else "ResizeNearestNeighbor"
    return d.case([x, d.list("i32", [d.int(1, 9), d.int(1, 9)])], [y], (name, way))


def update_slice(d):
    s = d.shape(0, 5)
    x, y = moved(d, s)
    part = d.input(d.types[1], [d.int(min(1, v), v) for v in s], quant=x.quant)
    return d.case([x, part, d.list(d.types[2], [d.int(-2, v + 1) for v in s], const=0.4)], [y], ("DynamicUpdateSlice", {}))


def dilate(d):
    s = d.shape(1, 5)
    x, y = moved(d, s)
    return d.case([x, d.list("i32", [d.int(1, 3) for _ in s]), d.input(d.types[2], (), quant=x.quant)], [y], ("Dilate", {}))


def bitcast(d):
    a, b = (draw.tensors.dtype(t).itemsize for t in (d.types[0], d.out_types[0]))
    s = d.shape(0, 4)
    if a < b:
        s = (*s, b // a)
    x = d.input(d.types[0], s)
    return d.case([x], [d.out()])


def fill(d):
    s = d.shape(0, 5)
    return d.case([d.list(d.types[0], s), d.input(d.types[1], ())], [d.out()], ("Fill", {}))


def shape(d):
    if d.op == "RANK":
        return d.case([d.input(d.types[0], d.shape(0, 7))], [d.out()], ("Rank", {}))
    return d.case([d.input(d.types[0], d.shape(0, 7))], [d.out()],
                  ("Shape", {"out_type": draw.tensors.code(d.out_types[0])}))


def range_(d):
    t = d.types[0]
    step = d.pick(1, 2, 3, -1, -2) if t != "f32" else d.pick(0.5, 0.3, -0.25, 1.0)
    start = d.int(-9, 9) if t != "f32" else d.r.uniform(-3, 3)
    limit = start + step * d.r.uniform(0 if d.chance(0.1) else 0.5, 7)
    limit = limit if t == "f32" else round(limit)
    return d.case([d.scalar(t, v, 0.5) for v in (start, limit, step)], [d.out()], ("Range", {}))


def diag(d):
    if d.op == "MATRIX_DIAG":
        x, y = moved(d, d.shape(1, 4))
        return d.case([x], [y], ("MatrixDiag", {}))
    s = d.shape(2, 5)
    x, y = moved(d, s)
    return d.case([x, d.input(d.types[1], (*s[:-2], min(s[-2:])), quant=x.quant)], [y], ("MatrixSetDiag", {}))


def select(d):
    t = d.types[1]
    q = d.quant(t)
    if d.op == "SELECT":
        s = d.shape(0, 5)
        c = d.pick(s, s[:1], (), (1,))
        return d.case([d.input("bool", c), d.input(t, s, quant=q), d.input(t, s, quant=q)], [d.out(quant=q)], ("Select", {}))
    s = d.shape(0, 5)
    parts = [d.broadcasts(s) for _ in range(3)]
    parts[d.int(0, 2)] = s
    return d.case([d.input("bool", parts[0])] + [d.input(t, p, quant=q) for p in parts[1:]], [d.out(quant=q)], ("SelectV2", {}))


def moves(make, version=1, **attributes):
    return Row(make, EXACT, special=True, wide=True, resizes="any", version=version, attributes=attributes)


ROWS = {
    "RESHAPE": moves(reshape), "SQUEEZE": moves(squeeze), "EXPAND_DIMS": Row(expand_dims, scalar_lists=True),
    "TRANSPOSE": moves(transpose), "PAD": moves(pad), "PADV2": moves(pad), "MIRROR_PAD": moves(pad),
    "SLICE": moves(slices), "STRIDED_SLICE": moves(strided_slice), "CONCATENATION": moves(concatenation),
    "PACK": moves(pack), "UNPACK": moves(unpack), "SPLIT": moves(split, value=1), "SPLIT_V": moves(split),
    "TILE": moves(tile), "BROADCAST_TO": moves(broadcast_to, version=2), "BROADCAST_ARGS": moves(broadcast_args),
    "REVERSE_V2": moves(reverse), "REVERSE_SEQUENCE": moves(reverse_sequence), "SPACE_TO_BATCH_ND": moves(blocks),
    "BATCH_TO_SPACE_ND": moves(blocks), "DEPTH_TO_SPACE": moves(depth), "SPACE_TO_DEPTH": moves(depth),
    "RESIZE_BILINEAR": Row(resize, SUMS), "RESIZE_NEAREST_NEIGHBOR": moves(resize),
    "DYNAMIC_UPDATE_SLICE": moves(update_slice), "DILATE": moves(dilate),
    "BITCAST": Row(bitcast, special=True, wide=True, wild_out=True), "FILL": moves(fill), "SHAPE": moves(shape),
    "RANK": moves(shape), "RANGE": Row(range_, (1e-6, 1e-6, 0.0)), "MATRIX_DIAG": moves(diag), "MATRIX_SET_DIAG": moves(diag),
    "SELECT": moves(select), "SELECT_V2": moves(select),
}
