#!/usr/bin/env python3
"""Random models of single operators, in LiteRT's reference kernels and in milliwatt, whose results must agree:
integers to the bit, floats within the tolerance of the operator's row, and what LiteRT runs milliwatt runs.

  fuzz.py [--build build] [--seed 1] [--per 20] [--only OP[,OP]] [--types "i8,i8>i8"] [--keep FOLDER]

Every combination of types that `milliwatt list ops` names gets --per cases that LiteRT ran. What differs is
printed and, with --keep, stays there as a file. Differences explained by docs/reference-exceptions.md are counted.
Ends with the coverage and with status 1 where something differs. Needs ai-edge-litert, flatbuffers, numpy.
SPDX-License-Identifier: Apache-2.0"""
import argparse
import collections
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

from ai_edge_litert import schema_py_generated as schema  # noqa: E402

import combos  # noqa: E402
import compare  # noqa: E402
import coverage  # noqa: E402
import describe  # noqa: E402
import exceptions  # noqa: E402
from case import Writer  # noqa: E402
from draw import Draw  # noqa: E402
from engine import Engine  # noqa: E402
from rows import ROWS  # noqa: E402

TRIES = 3  # cases made for one that LiteRT runs, at most
HOPELESS = 12  # after so many refusals alone, LiteRT has no kernel for the types


def combinations(build):
    return combos.of_program(pathlib.Path(build) / "milliwatt", {o for o, r in ROWS.items() if r.wild_out})


class Fuzzer:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        log = open(folder / "log.txt", "w", encoding="utf-8")
        runner = pathlib.Path(args.build) / "tests" / "run_cases"
        self.litert = Engine([sys.executable, str(HERE / "litert.py")], log)
        self.ours = {"reference": Engine([str(runner), "*__ref"], log), "best": Engine([str(runner), ""], log)}
        self.found = []
        self.explained = collections.Counter()

    def stop(self):
        for e in (self.litert, *self.ours.values()):
            e.stop()

    def differences(self, case, theirs, ours):
        """What LiteRT does not run, milliwatt may refuse or run, but not end in."""
        if ours.kind in ("crash", "hang"):
            return [compare.Difference(f"{ours.kind}: {ours.words}")]
        if theirs.kind != "ok":
            return []
        if ours.kind != "ok":
            return [compare.Difference(f"refused: {ours.words}")]
        return list(compare.runs(theirs.runs, ours.runs, case.tolerance))

    def ask_litert(self, case, reference):
        """LiteRT's answer to another case than the one at hand."""
        path = self.folder / "twin.tflite"
        path.write_bytes(Writer(case).bytes())
        return self.litert.ask_twice(f"{path}\t{'reference' if reference else 'other'}")

    def note(self, case, path, kernels, found, ours):
        names = exceptions.Judge(case, found, ours, self.ask_litert).explain()
        if names is not None:
            self.explained.update(names)
            return
        self.found.append(case.name)
        print(f"DIFFERS {case.name} ({kernels} kernels)\n  {found[0].words}\n    {describe.case(case)}", flush=True)
        if self.args.keep:
            (pathlib.Path(self.args.keep) / f"{len(self.found)}.tflite").write_bytes(path.read_bytes())

    def judge(self, case, path, row):
        """LiteRT's answer to the case; differences are noted."""
        for e in self.ours.values():
            e.ask(path)
        theirs = self.litert.ask_twice(f"{path}\t{'other' if row.instead else 'reference'}")
        for name, e in self.ours.items():
            ours = e.answer()
            found = self.differences(case, theirs, ours)
            if found:
                self.note(case, path, name, found, ours)
        return theirs

    def combination(self, op, combo, row):
        """A line of the coverage."""
        line = coverage.Line(op, combo.text())
        path = self.folder / "case.tflite"
        for i in range(self.args.per * TRIES):
            if line.ran >= self.args.per or (line.ran == 0 and line.made >= HOPELESS):
                break
            case = Draw(op, combo, f"{self.args.seed}.{i}", row).make()
            if case is None:
                continue
            path.write_bytes(Writer(case).bytes())
            line.count(self.judge(case, path, row))
        return line

    @staticmethod
    def why_not(op, row, types):
        """Why the types are not compared; None: they are."""
        if row is None:
            return "no row in tests/differential/rows" if hasattr(schema.BuiltinOperator, op) else "LiteRT has no such operator"
        if types in (row.unlike or {}):
            return f"docs/reference-exceptions.md: {row.unlike[types]}"
        return None

    def all(self):
        table = combinations(self.args.build)
        only = self.args.only.split(",") if self.args.only else None
        lines = []
        for op, wanted in table.items():
            if only and op not in only:
                continue
            row = ROWS.get(op)
            for c in wanted:
                if self.args.types and c.text() != self.args.types:
                    continue
                why = self.why_not(op, row, c.text())
                lines.append(coverage.Line(op, c.text(), why=why) if why else self.combination(op, c, row))
        return lines


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default="build")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--per", type=int, default=20)
    p.add_argument("--only")
    p.add_argument("--types")
    p.add_argument("--keep")
    args = p.parse_args()
    if args.keep:
        pathlib.Path(args.keep).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        f = Fuzzer(args, pathlib.Path(folder))
        try:
            lines = f.all()
        finally:
            f.stop()
    coverage.show(lines, args.per)
    for name, n in sorted(f.explained.items()):
        print(f"explained {n:5}  {name}")
    print(f"{sum(x.ran for x in lines)} cases compared, {len(f.found)} differences, "
          f"{sum(f.explained.values())} explained by docs/reference-exceptions.md")
    odd = exceptions.check_page(ROWS)
    if odd:
        print(odd)
    sys.exit(1 if f.found or odd else 0)


if __name__ == "__main__":
    main()
