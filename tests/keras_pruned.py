#!/usr/bin/env python3
"""Keras models after `milliwatt prune --structure channel` and other changes, in Keras: the predictions of the .h5 in
Keras against those of the .tflite of the same model in LiteRT. Needs TensorFlow, tf-keras, Keras 3 and ai-edge-litert,
which the product does not.

    tests/keras_pruned.py build/milliwatt CORPUS/keras [NAME ...]

SPDX-License-Identifier: Apache-2.0
"""
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

CHANGES = {"channels": ["prune", "--structure", "channel", "--sparsity", "0.3"],
           "2:4": ["prune", "--structure", "2:4"],
           "clusters": ["cluster", "--clusters", "16"]}


def load(path, legacy):
    if legacy:
        import tf_keras as keras
    else:
        import keras
    return keras.models.load_model(path, compile=False)


def litert(path, feed):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    it = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    it.allocate_tensors()
    inputs = {}
    for d in it.get_input_details():
        inputs[d["name"]] = feed(d)
        it.set_tensor(d["index"], inputs[d["name"]])
    it.invoke()
    return inputs, [it.get_tensor(o["index"]) for o in it.get_output_details()]


def predictions(model, inputs):
    names = [i.name.split(":")[0] for i in model.inputs]
    by_name = [next((v for k, v in inputs.items() if n in k), None) for n in names]
    values = list(inputs.values()) if any(v is None for v in by_name) else by_name
    y = model.predict(values if len(values) > 1 else values[0], verbose=0)
    return y if isinstance(y, (list, tuple)) else [y]


def agree(a, b):
    import numpy as np
    return a.shape == b.shape and np.abs(a - b).max() <= 2e-4 * max(1, np.abs(a).max())


def check(program, file, change, legacy, tmp):
    """What is wrong; None: nothing; "refused: ..." where the program says why it cannot."""
    import numpy as np
    h5, tflite = tmp / "m.h5", tmp / "m.tflite"
    command = [program, change[0], str(file), "-o", str(h5)] + change[1:]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return "refused: " + done.stderr.strip()
    subprocess.run([program, "optimize", str(h5), "-o", str(tflite)], check=True, capture_output=True)
    rng = np.random.RandomState(0)

    def feed(d):
        if d["dtype"] != np.float32 or "embedding" in str(file):
            return rng.randint(0, 5, d["shape"]).astype(d["dtype"])
        return rng.uniform(-1, 1, d["shape"]).astype(np.float32)

    inputs, want = litert(tflite, feed)
    got = predictions(load(h5, legacy), inputs)
    return None if all(any(agree(a, b) for b in want) for a in got) else "predictions differ"


def main():
    program, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
    counts = {"agree": 0, "refused": 0, "bad": 0}
    # the two Keras cannot live in one process
    forms = os.environ.get("FORMS")
    if forms is None:
        return max(subprocess.run([sys.executable] + sys.argv, env=dict(os.environ, FORMS=f, TF_USE_LEGACY_KERAS=k)
                                  ).returncode for f, k in (("legacy_h5", "1"), ("keras3_h5 keras3_zip", "0")))
    for form in forms.split():
        for folder in sorted(corpus.glob(f"*/{form}")):
            if sys.argv[3:] and folder.parent.name not in sys.argv[3:]:
                continue
            file = next(p for p in folder.iterdir() if p.name in ("model.h5", "model.keras"))
            for name, change in CHANGES.items():
                with tempfile.TemporaryDirectory() as tmp:
                    try:
                        why = check(program, file, change, form == "legacy_h5", pathlib.Path(tmp))
                    except Exception as e:  # a file that Keras or LiteRT does not take
                        why = str(e).splitlines()[0]
                kind = "agree" if why is None else "refused" if why.startswith("refused") else "bad"
                counts[kind] += 1
                if kind == "bad":
                    print(f"{folder.parent.name}/{form} {name}: {why}")
    print(forms, counts)
    return counts["bad"] > 0


sys.exit(main())
