#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Samples per second in training beside TensorFlow, on the same models, data and batch in one run.

    python3 -m venv ~/venv && ~/venv/bin/pip install tensorflow tf_keras
    ~/venv/bin/python bench/train.py build/milliwatt --data mnist10k.npz --scale 1/255 --batch 64 MODEL.h5... \
        [--threads 1 2] [--rounds 5] [--seconds 2]

The two sides take turns, each in a process of its own, on Adam and the sparse cross-entropy; figures are medians over
the rounds. TensorFlow is tf_keras with model.fit, and with model.train_on_batch on the same batches; the faster one
counts. Neither side's figure has its start in it, nor its first epoch. Samples per second of wall time, and per second
of CPU time of the whole process while it trains: the second one says more where other processes share the machine. The
ratio is ours over TensorFlow's (above 1: milliwatt is ahead).
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from fractions import Fraction

CHILD = r"""
import json, os, sys, time
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
import tf_keras
path, data, scale, batch, threads, seconds = sys.argv[1:7]
batch, threads, seconds = int(batch), int(threads), float(seconds)
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
z = np.load(data)
x, y = z["x_train"].astype("float32") * float(scale), z["y_train"].astype("int32")
m = tf_keras.models.load_model(path, compile=False)
m.compile(tf_keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
batches = [(x[i:i + batch], y[i:i + batch]) for i in range(0, len(x), batch)]
def fit():
    m.fit(x, y, batch_size=batch, epochs=1, verbose=0)
def steps():
    for a, b in batches:
        m.train_on_batch(a, b)
out = {}
for name, epoch in (("fit", fit), ("train_on_batch", steps)):
    epoch()
    n, cpu, begin = 0, time.process_time(), time.perf_counter()
    while n < 2 or time.perf_counter() - begin < seconds:
        epoch()
        n += 1
    out[name] = [n * len(x) / (time.perf_counter() - begin), n * len(x) / (time.process_time() - cpu)]
print(json.dumps(out))
"""


def theirs(model, args, threads):
    r = subprocess.run([sys.executable, "-c", CHILD, model, args.data, str(float(Fraction(args.scale))),
                        str(args.batch), str(threads), str(args.seconds)], capture_output=True, text=True)
    if r.returncode != 0:
        sys.exit(r.stderr)
    j = json.loads(r.stdout.splitlines()[-1])
    return max(j.values())


def run(model, args, threads, epochs):
    """The receipt, and the CPU seconds of the process."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        r = subprocess.run([args.program, "train", model, "-o", os.path.join(folder, "out.h5"), "--data", args.data,
                            "--split", "train", "--scale", args.scale, "--epochs", str(epochs), "--batch",
                            str(args.batch), "--threads", str(threads), "--json"], capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if r.returncode != 0:
        sys.exit(r.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(r.stdout), cpu


def ours(model, args, threads):
    first, cpu_of_one = run(model, args, threads, 1)
    of_one = first["epochs"][0]["seconds"]
    n = round(first["samples_per_second"] * of_one)
    epochs = 2 + int(args.seconds / of_one)
    receipt, cpu = run(model, args, threads, epochs)
    seconds = statistics.median(e["seconds"] for e in receipt["epochs"][1:])
    return [n / seconds, n * (epochs - 1) / (cpu - cpu_of_one)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("models", nargs="+")
    p.add_argument("--data", required=True, help=".npz with x_train and y_train (class numbers)")
    p.add_argument("--scale", default="1", help="the models' inputs are the data times this")
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=2, help="at least, of each side in each round")
    p.add_argument("--json", action="store_true", help="a line of JSON a model")
    args = p.parse_args()
    if not args.json:
        print(f"{'':34} {'':>7} {'samples/s':>28} {'samples/CPU s':>28}")
        print(f"{'model':34} {'threads':>7} {'milliwatt':>10} {'TensorFlow':>10} {'ratio':>6} "
              f"{'milliwatt':>10} {'TensorFlow':>10} {'ratio':>6}")
    for model in args.models:
        for threads in args.threads:
            rounds = [(ours(model, args, threads), theirs(model, args, threads)) for _ in range(args.rounds)]
            a, b = ([statistics.median(r[side][k] for r in rounds) for k in (0, 1)] for side in (0, 1))
            name = os.path.basename(model)
            if args.json:
                print(json.dumps(dict(model=name, threads=threads, batch=args.batch, samples_per_second=a[0],
                                      samples_per_cpu_second=a[1], tensorflow_samples_per_second=b[0],
                                      tensorflow_samples_per_cpu_second=b[1])), flush=True)
            else:
                print(f"{name[:34]:34} {threads:7} {a[0]:10.0f} {b[0]:10.0f} {a[0] / b[0]:6.2f} "
                      f"{a[1]:10.0f} {b[1]:10.0f} {a[1] / b[1]:6.2f}", flush=True)


if __name__ == "__main__":
    main()
