"""LiteRT as an engine of engine.py: reads paths of cases, a line each, and answers with a line each.
usage: litert.py        SPDX-License-Identifier: Apache-2.0"""
import os
import sys

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import case
import tensors

# Kernels of the second set run where the reference set lacks an operator or its version.
RESOLVERS = (("reference", OpResolverType.BUILTIN_REF), ("other", OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES))


def output_types(data):
    """Types of the main graph's outputs as the file has them: the binding calls some by another's name."""
    m = schema.Model.GetRootAs(data, 0)
    g = m.Subgraphs(0)
    names = {number: short for short, (number, _) in tensors.TYPES.items()}
    return [names.get(g.Tensors(g.Outputs(i)).Type()) for i in range(g.OutputsLength())]


def result(it, detail, type_):
    """(type, shape, bytes) of an output."""
    now = next(d for d in it.get_tensor_details() if d["index"] == detail["index"]) \
        if 0 in detail["shape"] else detail
    shape = tuple(int(x) for x in now["shape"])
    if 0 in shape:  # there is nothing to read, which the binding calls an error
        return type_, shape, b""
    a = it.get_tensor(detail["index"])
    return type_, a.shape, tensors.pack(type_, a)


def run(path, resolver):
    with open(path, "rb") as f:
        data = f.read()
    it = Interpreter(model_content=data, experimental_op_resolver_type=resolver, num_threads=1)
    fed = {}
    for r, side, i, type_, shape, content in case.entries(data):
        if side == "in":
            fed.setdefault(r, {})[i] = np.frombuffer(content, tensors.dtype(type_)).reshape(shape)
    types = output_types(data)
    details = it.get_input_details()
    for i, d in enumerate(details):
        if tuple(d["shape"]) != fed[0][i].shape:
            it.resize_tensor_input(d["index"], fed[0][i].shape)
    it.allocate_tensors()
    runs = []
    for r in range(max(fed, default=0) + 1):
        for i, d in enumerate(details):
            if fed[r][i].size:
                it.set_tensor(d["index"], fed[r][i])
        it.invoke()
        runs.append([result(it, d, t) for d, t in zip(it.get_output_details(), types)])
    return runs


def answer(path, first):
    for name, resolver in RESOLVERS[first == "other":]:
        try:
            runs = run(path, resolver)
        except (RuntimeError, ValueError) as e:
            why = " ".join(str(e).split())
            if "Didn't find op" in why or "Registration failed" in why or "not supported by the resolver" in why:
                continue
            return f"refused\t{name}: {why}"
        words = [f"{r} {i} {t} {','.join(map(str, shape))} {data.hex()}" for r, outs in enumerate(runs)
                 for i, (t, shape, data) in enumerate(outs)]
        return "\t".join([f"ok {name}", *words])
    return f"none\t{why}"


def main():
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what LiteRT prints does not mix with answers
    for line in sys.stdin:
        out.write(answer(*line.rstrip("\n").split("\t")) + "\n")
        out.flush()


main()
