#!/usr/bin/env python3
"""Checks that a .tflite file which milliwatt reads and writes again says and computes the same.

Each file is rewritten by the `resave` program, then
 1. both files are read with LiteRT's schema bindings and compared field by field (operator versions and the
    layout of buffers apart);
 2. both are run in LiteRT with its reference kernels on the same inputs and must give the same bytes.

  tests/litert_roundtrip.py build/tests/resave FOLDER_OR_FILE...
  tests/litert_roundtrip.py --optimize build/milliwatt FOLDER_OR_FILE...

With --optimize each file goes through `milliwatt optimize` instead; then only 2. holds, floats within rounding.

A file beside which in_0.npy or inputs.npz lies is run on those, others on seeded random inputs. Needs the
packages ai-edge-litert and numpy.   SPDX-License-Identifier: Apache-2.0"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

RESOLVERS = [OpResolverType.BUILTIN_REF, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, OpResolverType.AUTO]


# ---- what the files say ----

def plain(o):
    """Objects of the bindings as tuples; fields that stand for nothing are left out."""
    if o is None or isinstance(o, (int, float, str, bool)):
        return o
    if isinstance(o, bytes):
        return o.decode("latin1")
    if isinstance(o, np.ndarray) or isinstance(o, (list, tuple)):
        return tuple(plain(x.item() if isinstance(x, np.generic) else x) for x in o)
    if isinstance(o, np.generic):
        return o.item()
    fields = {k: plain(v) for k, v in vars(o).items()}
    return (type(o).__name__,) + tuple(sorted((k, v) for k, v in fields.items() if v not in (None, ())))


def elements(shape):
    return int(np.prod(shape, dtype=np.int64)) if shape is not None else 1


BITS = {0: 32, 1: 16, 2: 32, 3: 8, 4: 64, 6: 8, 7: 16, 8: 64, 9: 8, 10: 64, 11: 128, 12: 64, 15: 32, 16: 16,
        17: 4, 18: 16, 19: 2}


def constant(data, buffers, t):
    b = buffers[t.buffer] if t.buffer else None
    if b is None:
        return None
    content = None
    if b.data is not None and len(b.data):
        content = bytes(bytearray(b.data))
    elif b.offset > 1:
        content = data[b.offset:b.offset + b.size]
    if content is not None and t.type in BITS and t.sparsity is None:  # what lies past the tensor is not its own
        content = content[:(elements(t.shape) * BITS[t.type] + 7) // 8]
    return content or None


def index_values(kind, vector):
    return () if not kind or vector.values is None else tuple(int(x) for x in vector.values)


def describe_tensor(data, buffers, t):
    d = {"name": plain(t.name) or "", "type": t.type, "data": constant(data, buffers, t),
         "variable": bool(t.isVariable), "shape": plain(t.shape) or ()}
    signature = plain(t.shapeSignature) or ()
    d["signature"] = signature if -1 in signature else d["shape"]
    q = t.quantization
    if q is not None:
        scales = plain(q.scale) or ()
        d["quant"] = (scales, plain(q.zeroPoint) or (), plain(q.min) or (), plain(q.max) or (),
                      plain(q.details) if q.detailsType == 2 else None)
        if len(scales) > 1 and len(d["shape"]) > 1:
            d["axis"] = q.quantizedDimension
        if d["quant"] == ((), (), (), (), None):
            del d["quant"]
    s = t.sparsity
    if s is not None:
        d["sparsity"] = (plain(s.traversalOrder), plain(s.blockMap) or (), tuple(
            (m.format, m.denseSize, index_values(m.arraySegmentsType, m.arraySegments),
             index_values(m.arrayIndicesType, m.arrayIndices)) for m in s.dimMetadata))
    return d


def without_missing(inputs):
    """Optional inputs at the end may be listed as -1 or not at all."""
    n = len(inputs)
    while n and inputs[n - 1] == -1:
        n -= 1
    return inputs[:n]


def describe_op(data, codes, o):
    c = codes[o.opcodeIndex]
    custom = plain(o.customOptions) or ()
    if not custom and o.largeCustomOptionsOffset > 1:
        at = o.largeCustomOptionsOffset
        custom = tuple(data[at:at + o.largeCustomOptionsSize])
    return {"code": max(c.builtinCode, c.deprecatedBuiltinCode), "custom": plain(c.customCode),
            "in": without_missing(plain(o.inputs) or ()), "out": plain(o.outputs) or (), "custom options": custom,
            "intermediates": plain(o.intermediates) or (),
            "options": plain(o.builtinOptions), "options 2": plain(o.builtinOptions2)}


def describe(path):
    data = path.read_bytes()
    m = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    out = {"description": plain(m.description) or ""}
    for g, sg in enumerate(m.subgraphs):
        out[g, "name"] = plain(sg.name) or ""
        out[g, "inputs"], out[g, "outputs"] = plain(sg.inputs) or (), plain(sg.outputs) or ()
        for i, t in enumerate(sg.tensors or ()):
            for k, v in describe_tensor(data, m.buffers, t).items():
                out[g, "tensor", i, k] = v
        for i, o in enumerate(sg.operators or ()):
            for k, v in describe_op(data, m.operatorCodes, o).items():
                out[g, "op", i, k] = v
    for i, s in enumerate(m.signatureDefs or ()):
        out["signature", i] = (plain(s.signatureKey), s.subgraphIndex) + tuple(
            tuple((plain(e.name), e.tensorIndex) for e in maps or ()) for maps in (s.inputs, s.outputs))
    for i, x in enumerate(m.metadata or ()):
        b = m.buffers[x.buffer]
        content = bytes(bytearray(b.data)) if b.data is not None and len(b.data) else \
            data[b.offset:b.offset + b.size] if b.offset > 1 else b""
        out["metadata", i] = (plain(x.name), content)
    return out


def options_differ(a, b):
    """Options that are absent mean the defaults of a table that is there."""
    if a is None or b is None:
        return False
    return a != b


def differences(before, after, shapes_too):
    for k in sorted(set(before) | set(after), key=str):
        a, b = before.get(k), after.get(k)
        if a == b or (isinstance(k, tuple) and k[-1] in ("options", "options 2") and not options_differ(a, b)):
            continue
        if not shapes_too and isinstance(k, tuple) and k[-1] in ("shape", "signature", "type"):
            continue  # shapes of values are inferred anew when a model is read
        yield k, a, b


# ---- what the files compute ----

def inputs_of(path, details):
    for name in sorted(path.parent.glob("inputs.npz")):
        z = np.load(name)
        return [z[f"s0_in_{i}"] for i in range(len(details))]
    if (path.parent / "in_0.npy").exists():
        return [np.load(path.parent / f"in_{i}.npy") for i in range(len(details))]
    rng = np.random.default_rng(1)
    out = []
    for d in details:
        shape, kind = tuple(d["shape"]), np.dtype(d["dtype"])
        if kind.kind == "f":
            out.append(rng.standard_normal(shape).astype(kind))
        elif kind.kind == "b":
            out.append(rng.integers(0, 2, shape).astype(bool))
        else:
            out.append(rng.integers(0, 3, shape).astype(kind))
    return out


def run(path, inputs_path, resolver):
    it = Interpreter(str(path), experimental_op_resolver_type=resolver, num_threads=1)
    details = it.get_input_details()
    values = inputs_of(inputs_path, details)
    for d, v in zip(details, values):
        if tuple(d["shape"]) != v.shape:
            it.resize_tensor_input(d["index"], v.shape)
    it.allocate_tensors()
    for d, v in zip(details, values):
        if v.size:
            it.set_tensor(d["index"], v.astype(d["dtype"]))
    out = []
    for _ in range(2):  # the second time with the state of the first
        it.invoke()
        out += [it.get_tensor(d["index"]) for d in it.get_output_details()]
    return out


def same(a, b):
    return len(a) == len(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes() for x, y in zip(a, b))


def near(a, b):
    """Integers to the bit, floats within rounding of the largest; hybrid kernels may round one value otherwise."""
    if len(a) != len(b):
        return False
    for x, y in zip(a, b):
        if x.dtype != y.dtype or x.shape != y.shape:
            return False
        if x.dtype.kind != "f":
            if x.tobytes() != y.tobytes():
                return False
            continue
        finite = np.abs(x[np.isfinite(x)])
        limit = ROUNDING * max(1.0, float(finite.max()) if finite.size else 0.0)
        if not np.allclose(x, y, rtol=0, atol=limit, equal_nan=True):
            return False
    return True


ROUNDING = 2e-5


def compare(original, rewritten, optimized):
    """(verdict, words)"""
    found = [] if optimized else list(differences(describe(original), describe(rewritten), False))
    if found:
        k, a, b = found[0]
        return "differs", f"{len(found)} fields, first {k}: {str(a)[:120]} became {str(b)[:120]}"
    error = None
    for resolver in RESOLVERS:
        try:
            before = run(original, original, resolver)
            if not same(before, run(original, original, resolver)):
                error = "LiteRT's results differ from run to run"  # it reads past a tensor
                continue
        except Exception as e:  # LiteRT itself cannot run the original this way
            error = e
            continue
        try:
            after = run(rewritten, original, resolver)
        except Exception as e:
            # A version that the file understated can be beyond this set of kernels: try the next.
            error = f"only the rewritten one fails: {e}"
            continue
        good = near(before, after) if optimized else same(before, after)
        return ("same", "") if good else ("differs", "outputs")
    if isinstance(error, str) and error.startswith("only"):
        return "differs", error
    return "not run", str(error).split("\n")[0]


def check(original, rewritten, optimized):
    """compare() in a process of its own, for LiteRT crashes on some files."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = compare(original, rewritten, optimized)
        except Exception as e:
            answer = ("differs", f"{type(e).__name__}: {e}")
        os.write(write_end, json.dumps(answer).encode()[:4096])
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as f:
        answer = f.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else ("not run", "LiteRT crashes on the original or the rewritten")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program", type=pathlib.Path)
    p.add_argument("paths", nargs="+", type=pathlib.Path)
    p.add_argument("--optimize", action="store_true", help="the program is milliwatt: optimise, compare outputs")
    p.add_argument("-v", action="store_true", help="name files that LiteRT cannot run")
    args = p.parse_args()
    files = [f for path in args.paths for f in ([path] if path.is_file() else sorted(path.rglob("*.tflite")))]
    count = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for i, f in enumerate(files):
            target = pathlib.Path(folder) / "model.tflite"
            command = ["optimize", f, "-o", target] if args.optimize else [f, target]
            done = subprocess.run([args.program, *command], capture_output=True, text=True)
            if done.returncode:
                verdict, words = "refused", (done.stdout or done.stderr).strip()
            else:
                verdict, words = check(f, target, args.optimize)
            count[verdict] += 1
            if verdict in ("differs", "refused") or args.v and words:
                print(f"{verdict}: {f}: {words}", flush=True)
            target.unlink(missing_ok=True)
    print(", ".join(f"{n} {v}" for v, n in sorted(count.items())))
    sys.exit(1 if count["differs"] or count["refused"] else 0)


main()
