#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Latency, load time and memory beside LiteRT, on the same models in one run.

    python3 -m venv ~/venv && ~/venv/bin/pip install ai-edge-litert numpy
    ~/venv/bin/python bench/litert.py build/milliwatt MODEL.tflite... [--threads 1] [--rounds 5]

The two sides take turns, each in a process of its own; figures are medians over the rounds, the ratio is
LiteRT's over ours (above 1: milliwatt is ahead). LiteRT is measured as users run it (XNNPACK) and with its
reference kernels. Memory is what a process holds above its own start (resident), library pages included.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

CHILD = r"""
import json, os, sys, time
import numpy as np
import ai_edge_litert.interpreter as li
path, threads, ref, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "ref", float(sys.argv[4])
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before, t0 = rss(), time.perf_counter()
kind = li.OpResolverType.BUILTIN_REF if ref else li.OpResolverType.AUTO
i = li.Interpreter(path, num_threads=threads, experimental_op_resolver_type=kind)
i.allocate_tensors()
load = time.perf_counter() - t0
rng = np.random.default_rng(1)
for d in i.get_input_details():
    if d["dtype"] == np.float32:
        x = rng.random(d["shape"], dtype=np.float32)
    elif d["dtype"] in (np.int8, np.uint8):
        info = np.iinfo(d["dtype"])
        x = rng.integers(info.min, info.max + 1, d["shape"], dtype=d["dtype"])
    else:
        x = np.zeros(d["shape"], d["dtype"])
    i.set_tensor(d["index"], x)
t = time.perf_counter(); i.invoke(); first = time.perf_counter() - t
times, end = [], time.perf_counter() + seconds
while time.perf_counter() < end or len(times) < 20:
    t = time.perf_counter(); i.invoke(); times.append(time.perf_counter() - t)
times.sort()
print(json.dumps(dict(median_us=times[len(times) // 2] * 1e6, load_us=load * 1e6, first_us=first * 1e6,
                      memory=rss() - before)))
"""


def ours(program, path, args):
    r = subprocess.run([program, "bench", path, "--json", "--threads", str(args.threads), "--seconds",
                        str(args.seconds)], capture_output=True, text=True)
    if r.returncode != 0:
        sys.exit(r.stderr)
    j = json.loads(r.stdout)
    return dict(median_us=j["median_us"], load_us=j["load_us"], first_us=j["first_us"],
                memory=j["peak_bytes"] - j["start_bytes"])


def theirs(path, args, kind):
    r = subprocess.run([sys.executable, "-c", CHILD, path, str(args.threads), kind, str(args.seconds)],
                       capture_output=True, text=True)
    return json.loads(r.stdout.splitlines()[-1]) if r.returncode == 0 else None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("models", nargs="+")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=0.3)
    p.add_argument("--json", action="store_true", help="a line of JSON a model")
    args = p.parse_args()
    keys = ["median_us", "load_us", "first_us", "memory"]
    if not args.json:
        print(f"{'model':34} {'':10} {'milliwatt':>12} {'LiteRT':>12} {'ratio':>7} {'reference':>12} {'ratio':>7}")
    for path in args.models:
        rounds = [(ours(args.program, path, args), theirs(path, args, "xnnpack"), theirs(path, args, "ref"))
                  for _ in range(args.rounds)]
        name = os.path.basename(os.path.dirname(path)) if path.endswith("model.tflite") else os.path.basename(path)
        row = {"model": name}
        for key in keys:
            sides = [statistics.median(r[k][key] for r in rounds) if all(r[k] for r in rounds) else None
                     for k in range(3)]
            row[key] = dict(zip(("milliwatt", "litert", "litert_ref"), sides))
            if args.json:
                continue
            cells = f"{sides[0]:12.1f}"
            for other in sides[1:]:
                cells += f" {other:12.1f} {other / max(sides[0], 1e-9):7.2f}" if other is not None else f" {'fails':>12} {'':7}"
            print(f"{name if key == keys[0] else '':34} {key:10} {cells}")
        if args.json:
            print(json.dumps(row))


if __name__ == "__main__":
    main()
