"""Cases that compute the same as another, said in a way that LiteRT gets right.   SPDX-License-Identifier: Apache-2.0"""
import copy
import dataclasses
import typing

import numpy as np

import tensors
from case import Quant


@dataclasses.dataclass
class Twin:
    case: object
    back: typing.Callable = lambda runs: runs  # its results as the other's
    reference: bool = True


def clone(case):
    out = copy.deepcopy(case)
    for o in out.main.inputs:
        o.declared = None
    return out


def retype(o, short):
    o.type = short
    o.runs = [np.asarray(a).astype(tensors.dtype(short)) for a in o.runs]


def slice_indices(case):
    out = clone(case)
    for o in out.node.ins[1:]:
        retype(o, "i64")
    return Twin(out)


def no_offset(case):
    """Ends in place of sizes."""
    out = clone(case)
    begin, end = out.node.ins[1:3]
    fields = out.node.options[1]
    from_start = fields["begin_mask"] >> np.arange(len(begin.value)) & 1
    end.runs = [np.where(from_start, 0, begin.value) + end.value]
    fields["offset"] = False
    return Twin(out)


def wide_table(case):
    out = clone(case)
    retype(out.node.ins[1], "i8")
    return Twin(out)


def wide_weights(case):
    return wide_table(case)


def scale_each(case):
    out = clone(case)
    w = out.node.ins[1]
    w.quant = Quant(w.quant.scales * w.shape[3], [0] * w.shape[3], 3)
    return Twin(out)


def one_batch(case):
    """All batch dimensions as one, of both operands."""
    out = clone(case)
    x, y = out.node.ins
    lead = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    n = int(np.prod(lead))
    for o in (x, y):
        o.runs = [np.broadcast_to(a, (*lead, *o.shape[-2:])).reshape(n, *o.shape[-2:]) for a in o.runs]
        o.shape = (n, *o.shape[-2:])

    def back(runs):
        return [[(t, (*lead, *s[-2:]), data) for t, s, data in outs] for outs in runs]
    return Twin(out, back)


def time_first(case):
    out = clone(case)
    out.node.options[1]["time_major"] = True
    for i in (0, 39):
        o = out.node.ins[i]
        if o is not None:
            o.runs = [np.swapaxes(a, 0, 1) for a in o.runs]
            o.shape = (o.shape[1], o.shape[0], o.shape[2])

    def turned(t, shape, data):
        a = np.frombuffer(data, tensors.dtype(t)).reshape(shape).swapaxes(0, 1)
        return t, a.shape, np.ascontiguousarray(a).tobytes()
    return Twin(out, lambda runs: [[turned(*o) for o in outs] for outs in runs])
