#!/usr/bin/env python3
# Expected outputs of the networks in this folder, by LiteRT's reference kernels: expected.npz from
# model.tflite and inputs.npz. Each set starts from fresh state.    make.py [--check]
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

here = pathlib.Path(__file__).parent
bad = 0
for case in sorted(here.glob("*/case.json")):
    folder = case.parent
    sets = json.loads(case.read_text())["sets"]
    given = np.load(folder / "inputs.npz")
    out = {}
    for k in range(sets):
        it = Interpreter(str(folder / "model.tflite"),
                         experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        it.allocate_tensors()
        for i, d in enumerate(it.get_input_details()):
            it.set_tensor(d["index"], given[f"s{k}_in_{i}"])
        it.invoke()
        for i, d in enumerate(it.get_output_details()):
            out[f"s{k}_out_{i}"] = it.get_tensor(d["index"])
    if "--check" in sys.argv:
        known = np.load(folder / "expected.npz")
        same = set(known.files) == set(out) and all(np.array_equal(known[n], out[n]) for n in out)
        print(folder.name, "same" if same else "DIFFERS")
        bad += not same
    else:
        np.savez_compressed(folder / "expected.npz", **out)
sys.exit(bad)
