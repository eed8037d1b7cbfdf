#!/usr/bin/env python3
"""Writes the cases of tests/data/differential, with LiteRT's results: a seeded hundred, of as many operators, and
cases that once differed.

  save.py --build build tests/data/differential

SPDX-License-Identifier: Apache-2.0"""
import argparse
import pathlib
import random
import re
import tempfile

import fuzz

N, LARGEST = 100, 6000  # cases, and the bytes of one
SEED = 5
# "operator types seed": what differed before it was mended.
ONCE = (
    "STABLEHLO_MINIMUM f32,f32>f32 1.0", "STABLEHLO_MINIMUM u64,u64>u64 1.0", "CAST f32>c64 1.0", "CAST c64>i32 1.1",
    "CAST c64>c64 1.3", "CONCATENATION f16+>f16 1.0", "CONCATENATION bf16+>bf16 1.0",
    "FULLY_CONNECTED i16,i16,i32>i16 1.7", "FULLY_CONNECTED i16,i16,i32>i16 1.9", "DILATE f16,i32,f16>f16 1.4",
    "STABLEHLO_SCATTER i64,i32,i64>i64 1.11", "LOGISTIC i16>i16 1.3", "GREATER i16,i16>bool 1.4",
)


def case_of(table, name):
    op, types, seed = name.rsplit(" ", 2)
    combo = next(c for c in table[op] if c.text() == types)
    return fuzz.Draw(op, combo, seed, fuzz.ROWS[op]).make()


def names(table):
    """A name an operator, in a seeded order."""
    r = random.Random(SEED)
    ops = [op for op in sorted(table) if op in fuzz.ROWS]
    r.shuffle(ops)
    for op in ops:
        yield f"{op} {r.choice(table[op]).text()} {SEED}.{r.randrange(1000)}"


class Saver:
    def __init__(self, fuzzer, folder):
        self.fuzzer, self.folder, self.n = fuzzer, folder, 0

    def save(self, case):
        """Whether LiteRT ran it, milliwatt agrees, and it is small."""
        if case is None:
            return False
        path = self.fuzzer.folder / "case.tflite"
        path.write_bytes(fuzz.Writer(case).bytes())
        before = len(self.fuzzer.found), sum(self.fuzzer.explained.values())
        answer = self.fuzzer.judge(case, path, fuzz.ROWS[case.op])
        if answer.kind != "ok" or before != (len(self.fuzzer.found), sum(self.fuzzer.explained.values())):
            return False
        case.expected = answer.runs
        data = fuzz.Writer(case).bytes()
        if len(data) > LARGEST:
            return False
        self.n += 1
        (self.folder / (re.sub(r"\W+", "_", f"{case.op.lower()}_{case.node.outs[0].type if case.node.outs else 'none'}_{self.n}")
                        + ".tflite")).write_bytes(data)
        return True


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--build", default="build")
    args = p.parse_args()
    args.keep = None
    args.folder.mkdir(parents=True, exist_ok=True)
    table = fuzz.combinations(args.build)
    with tempfile.TemporaryDirectory() as folder:
        f = fuzz.Fuzzer(args, pathlib.Path(folder))
        try:
            s = Saver(f, args.folder)
            for name in ONCE:
                if not s.save(case_of(table, name)):
                    print("not saved:", name)
            for name in names(table):
                if s.n < N + len(ONCE):
                    s.save(case_of(table, name))
        finally:
            f.stop()
    print(f"{s.n} cases")


if __name__ == "__main__":
    main()
