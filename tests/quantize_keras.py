#!/usr/bin/env python3
"""Quantizes Keras models in every scheme and holds the results against LiteRT.

  tests/quantize_keras.py build/milliwatt FOLDER... [--only TEXT] [--scheme NAME] [--save FOLDER]

A FOLDER holds model/form/case.json as tests/data/keras does; inputs are random, of the types and ranges of the case's
own. For each model and scheme:
 1. LiteRT loads the file with its reference and its default kernels;
 2. milliwatt's result equals that of LiteRT's reference kernels: integers to the bit, floats within 1e-4 of the largest
    value, or 5e-3 where activations are quantized on the way and one may round the other way. Two kinds of model are
    held against the default kernels instead, by an SQNR of 30 dB: those with an integer SUM, which the reference gets
    wrong (docs/reference-exceptions.md), and those of int4-block, whose blocks the reference does not know.
 3. The result is near the float model: an SQNR over all outputs and samples of the dB in SCHEMES at least.
Default kernels that are less than 30 dB from milliwatt's result are named, but are no failure: they round elsewhere.

Runs of a stateful model follow each other. --save writes what agreed as cases of tests/data/quantized. Needs ai-edge-litert and numpy.   SPDX-License-Identifier: Apache-2.0"""
import argparse
import json
import pathlib
import pickle
import subprocess
import sys
import tempfile
import zlib

import numpy as np

SCHEMES = {"int8": 15, "int16x8": 25, "dynamic": 25, "weights": 25, "float16": 50, "int4": 10, "int4-block": 10}
HYBRID = ("dynamic", "int4", "int4-block")
SAMPLES, CALIBRATION = 8, 64


# ---- LiteRT, in a process of its own: a kernel may end it ----

def worker():
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    kinds = {"reference": OpResolverType.BUILTIN_REF, "default": OpResolverType.AUTO}
    while True:
        path, kind, runs = pickle.load(sys.stdin.buffer)
        try:
            it = Interpreter(path, experimental_op_resolver_type=kinds[kind])
            it.allocate_tensors()
            answer = []
            for run in runs:
                for d, a in zip(it.get_input_details(), run):
                    it.set_tensor(d["index"], a)
                it.invoke()
                answer.append([it.get_tensor(d["index"]).copy() for d in it.get_output_details()])
            answer = (answer, [d["quantization"] for d in it.get_output_details()])
        except Exception as e:
            answer = str(e)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


class LiteRT:
    process = None

    def run(self, path, kind, runs):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen([sys.executable, __file__, "--worker"], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            pickle.dump((str(path), kind, runs), self.process.stdin)
            self.process.stdin.flush()
            return pickle.load(self.process.stdout)
        except (EOFError, BrokenPipeError):
            self.process.wait()
            return "it ended the process, %d" % self.process.returncode


# ---- the program ----

def program(*args):
    r = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    return None if r.returncode == 0 else (r.stderr or r.stdout).strip()


def run_program(mw, model, runs, to):
    """Outputs of each run, or what went wrong."""
    args = []
    for k, run in enumerate(runs):
        args += ["--next"] if k else []
        for i, a in enumerate(run):
            np.save(to / ("x%d_%d.npy" % (k, i)), a)
            args += ["--input", to / ("x%d_%d.npy" % (k, i))]
    for f in to.glob("out/*.npy"):
        f.unlink()
    wrong = program(mw, "run", model, *args, "--output", to / "out")
    if wrong:
        return wrong
    n = len(list((to / "out").glob("out_*.npy"))) // len(runs)
    return [[np.load(to / "out" / ("out_%d%s.npy" % (i, ".s%d" % k if k else ""))) for i in range(n)]
            for k in range(len(runs))]


# ---- data ----

def random_like(rng, example, whole, n):
    """n arrays of the example's shape and type; where all values are whole numbers, within their range."""
    if (whole != np.rint(whole)).any():
        return [rng.normal(size=example.shape).astype(example.dtype) for _ in range(n)]
    low, high = int(whole.min()), int(whole.max())
    return [rng.integers(low, high, size=example.shape, endpoint=True).astype(example.dtype) for _ in range(n)]


def quantized_inputs(details, run):
    out = []
    for d, a in zip(details, run):
        scale, zero = d["quantization"]
        if d["dtype"] != a.dtype and scale:
            info = np.iinfo(d["dtype"])
            a = np.clip(np.rint(a / np.float32(scale)) + zero, info.min, info.max).astype(d["dtype"])
        out.append(a)
    return out


def real(a, quantization):
    return a if a.dtype.kind == "f" or not quantization[0] else (a.astype("f8") - quantization[1]) * quantization[0]


def sqnr(wanted, got):
    signal = noise = 0.0
    for w, g in zip(wanted, got):
        for a, b in zip(w, g):
            if a.dtype.kind != "f":
                continue
            signal += float((a.astype("f8") ** 2).sum())
            noise += float(((a.astype("f8") - b) ** 2).sum())
    return 999.0 if noise == 0 else 10 * np.log10(max(signal, 1e-30) / noise)


def save(folder, model, runs, results):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(model.read_bytes())
    (folder / "case.json").write_text(json.dumps({"sets": len(runs), "consecutive": True, "exact": False}) + "\n")
    for kind, values in (("in", runs), ("out", results)):
        arrays = {"s%d_%s_%d" % (k, kind, i): a for k, run in enumerate(values) for i, a in enumerate(run)}
        np.savez_compressed(folder / ("inputs.npz" if kind == "in" else "expected.npz"), **arrays)


# ---- one model ----

class Check:
    def __init__(self, mw, to, save):
        self.mw, self.to, self.save, self.litert = mw, to, save, LiteRT()
        self.bad, self.counts, self.worst = [], {}, {}

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def fail(self, case, scheme, why):
        self.bad.append(case)
        print("%s %s: %s" % (case, scheme, why), flush=True)

    def info(self, model):
        r = subprocess.run([self.mw, "info", str(model), "--json"], capture_output=True, text=True)
        return json.loads(r.stdout) if r.returncode == 0 else {"inputs": [], "ops": []}

    @staticmethod
    def differing(ours, theirs, most):
        """How two lists of runs differ; None: not."""
        for k, (a, b) in enumerate(zip(ours, theirs)):
            for i, (x, y) in enumerate(zip(a, b)):
                if x.shape != y.shape or x.dtype != y.dtype:
                    return "output %d is %s %s, LiteRT's %s %s" % (i, x.dtype, x.shape, y.dtype, y.shape)
                if x.dtype.kind != "f":
                    d = np.abs(x.astype("i8") - y.astype("i8")).max() if x.size else 0
                    if d > 0:
                        return "run %d output %d: %d of %d differ from LiteRT's, by up to %d" % (
                            k, i, (x != y).sum(), x.size, d)
                else:
                    d = np.abs(x.astype("f8") - y).max() if x.size else 0
                    if not d <= most * max(1, np.abs(y).max()):
                        return "run %d output %d differs from LiteRT's by %.3g of %.3g" % (k, i, d, np.abs(y).max())
        return None

    def scheme(self, case, model, name, least, runs, wanted):
        q = self.to / "q.tflite"
        wrong = program(self.mw, "quantize", model, "-o", q, "--scheme", name, "--calibrate", self.to / "calibration.npz")
        if wrong:
            if "nothing to quantize" in wrong:
                return self.count(name + ": nothing to quantize")
            return self.fail(case, name, wrong[-200:])
        self.count(name)
        details = self.litert_inputs(q)
        if isinstance(details, str):
            return self.fail(case, name, "LiteRT: " + details[:200])
        fed = [quantized_inputs(details, r) for r in runs]
        ours = run_program(self.mw, q, fed, self.to)
        if isinstance(ours, str):
            return self.fail(case, name, ours[-200:])
        reference = self.litert.run(q, "reference", fed)
        if isinstance(reference, str) and "Didn't find op" in reference:
            self.count(name + ": not in LiteRT's reference set")
            reference = None
        elif isinstance(reference, str):
            return self.fail(case, name, "LiteRT's reference: " + reference[:200])
        default = self.litert.run(q, "default", fed)
        if isinstance(default, str):
            return self.fail(case, name, "LiteRT's default: " + default[:200])
        scales = default[1]
        sums = any(o["op"] == "SUM" and o["types"].startswith(("i8", "i16")) for o in self.info(q)["ops"])
        floats = lambda runs: [[real(a, s) for a, s in zip(r, scales)] for r in runs]
        db = sqnr(wanted, floats(ours))
        self.worst.setdefault(name, []).append((db, case))
        if db < least:
            self.fail(case, name, "SQNR %.1f dB, wanted are %d" % (db, least))
        apart = sqnr(floats(ours), floats(default[0]))
        if sums or name == "int4-block":
            self.count(name + ": held against the default kernels")
            why = None if apart >= 30 else "LiteRT's default kernels are %.1f dB away" % apart
        else:
            why = self.differing(ours, reference[0], 5e-3 if name in HYBRID else 1e-4) if reference else None
            if apart < 30:
                print("%s %s: LiteRT's default kernels are %.1f dB away" % (case, name, apart), flush=True)
        if why:
            self.fail(case, name, why)
        elif self.save and reference:
            save(self.save / ("%s_%s" % (case.split("/")[0], name)), q, fed, reference[0])

    def litert_inputs(self, path):
        from ai_edge_litert.interpreter import Interpreter
        try:
            return Interpreter(str(path)).get_input_details()
        except Exception as e:
            return str(e)

    def input_names(self, model):
        names = [i["name"] for i in self.info(model)["inputs"]]
        return names if len(names) > 1 else ["x"]

    def model(self, folder, schemes):
        info = json.loads((folder / "case.json").read_text())
        if info.get("refused"):
            return
        case = "%s/%s" % (folder.parent.name, folder.name)
        rng = np.random.default_rng(zlib.crc32(case.encode()))
        model = folder / info["file"]
        stateful = info.get("invocations", 1) > 1
        examples = [np.load(folder / ("in_%d.npy" % i)) for i in range(len(list(folder.glob("in_?.npy"))))]
        if not stateful:
            examples = [e[:1] for e in examples]
        whole = [np.load(folder / ("in_%d.npy" % i)) for i in range(len(examples))]
        draw = lambda n: [random_like(rng, e, w, n) for e, w in zip(examples, whole)]
        calibration = draw(CALIBRATION)
        runs = list(zip(*[c[:SAMPLES] for c in calibration]))
        names = self.input_names(model)
        np.savez(self.to / "calibration.npz", **{n: np.concatenate(c) for n, c in zip(names, calibration)})
        wanted = run_program(self.mw, model, runs, self.to)
        if isinstance(wanted, str):
            return self.fail(case, "float", wanted[-200:])
        for name in schemes:
            self.scheme(case, model, name, SCHEMES[name], runs, wanted)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("folders", nargs="+", type=pathlib.Path)
    p.add_argument("--only", default="")
    p.add_argument("--scheme", action="append")
    p.add_argument("--save", type=pathlib.Path)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as to:
        check = Check(a.program, pathlib.Path(to), a.save)
        for case in sorted(f for folder in a.folders for f in folder.glob("*/*/case.json")):
            if a.only in str(case):
                check.model(case.parent, a.scheme or list(SCHEMES))
    for name, values in check.worst.items():
        values.sort()
        print("%-10s %3d models, SQNR from %.1f (%s), median %.1f dB" % (
            name, len(values), values[0][0], values[0][1], values[len(values) // 2][0]))
    print(", ".join("%s %d" % kv for kv in sorted(check.counts.items())))
    print("%d failures" % len(check.bad))
    sys.exit(bool(check.bad))


worker() if sys.argv[1:] == ["--worker"] else main()
