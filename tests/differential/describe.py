"""A case in words.   SPDX-License-Identifier: Apache-2.0"""
import numpy as np


def quant(q):
    if q is None:
        return ""
    if len(q.scales) > 1:
        return f"@per channel, axis {q.axis}"
    return f"@{q.scales[0]:.6g},{q.zeros[0]}"


def operand(o):
    if o is None:
        return "-"
    text = o.type + "[" + ",".join(map(str, o.shape)) + "]" + quant(o.quant)
    if o.declared is not None:
        text += f" declared {list(o.declared)}"
    if o.variable:
        return text + "!"
    if o.runs is None:
        return text
    values = np.asarray(o.value).ravel()
    return text + ("=const " if o.const else "=") + ",".join(f"{v:.9g}" if values.dtype.kind in "fV" else str(v)
                                                            for v in values[:12]) + (",..." if values.size > 12 else "")


def case(c):
    lines = []
    for n in c.main.nodes:
        attributes = "" if n.options is None else " ".join(f" {k}={v}" for k, v in n.options[1].items())
        lines.append(f"{n.op}{attributes}: {' '.join(map(operand, n.ins))} > {' '.join(map(operand, n.outs))}")
    return "\n    ".join(lines)
