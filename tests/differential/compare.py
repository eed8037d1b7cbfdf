"""Which elements of two engines' results are not the same.   SPDX-License-Identifier: Apache-2.0"""
import dataclasses

import numpy as np

import tensors


@dataclasses.dataclass
class Difference:
    """What is wrong with an answer: words alone, or an output of which some elements are off."""
    words: str
    output: int = 0
    type: str = None
    want: np.ndarray = None
    got: np.ndarray = None
    off: np.ndarray = None  # mask of elements
    outputs: list = None  # all outputs of the run, as wanted


def off_floats(e, g, tolerance):
    own, whole, absolute = tolerance
    with np.errstate(all="ignore"):
        e, g = e.astype(np.float64), g.astype(np.float64)
        finite = np.abs(e[np.isfinite(e)])
        largest = finite.max() if finite.size else 0.0
        good = (e == g) | (np.isnan(e) & np.isnan(g))
        good |= np.isfinite(e) & np.isfinite(g) & (np.abs(e - g) <= own * np.abs(e) + whole * largest + absolute)
    return ~good


def mask(kind, want, got, tolerance):
    if kind in tensors.COMPLEX:
        half = np.float32 if kind == "c64" else np.float64
        return off_floats(want.view(half), got.view(half), tolerance).reshape(-1, 2).any(axis=1)
    return off_floats(want, got, tolerance) if kind in tensors.FLOATS else want != got


def arrays(want, got, tolerance):
    """The difference of two (type, shape, bytes); None: none."""
    if want[:2] != got[:2]:
        return Difference(f"{got[0]}{list(got[1])}, expected {want[0]}{list(want[1])}")
    kind = want[0]
    a, b = (np.frombuffer(x[2], tensors.dtype(kind)) for x in (want, got))
    if a.size != b.size:
        return Difference(f"{b.size} elements, expected {a.size}")
    off = mask(kind, a, b, tolerance)
    if not off.any():
        return None
    at = int(np.argmax(off))
    return Difference(f"element {at} is {b[at]!s}, expected {a[at]!s} ({int(off.sum())} of {a.size} differ)", 0, kind,
                      a.reshape(want[1]), b.reshape(want[1]), off.reshape(want[1]))


def runs(want, got, tolerance):
    """All differences."""
    for r, (w, g) in enumerate(zip(want, got)):
        if len(w) != len(g):
            yield Difference(f"{len(g)} outputs, expected {len(w)}")
            return
        for i, (x, y) in enumerate(zip(w, g)):
            d = arrays(x, y, tolerance)
            if d is not None:
                d.words, d.output, d.outputs = f"run {r} output {i}: {d.words}", i, w
                yield d
