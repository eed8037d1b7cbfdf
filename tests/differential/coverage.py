"""What was compared of each operator and combination of types.   SPDX-License-Identifier: Apache-2.0"""
import collections
import dataclasses


@dataclasses.dataclass
class Line:
    op: str
    types: str
    made: int = 0
    ran: int = 0  # LiteRT gave a result
    other: int = 0  # of these, by kernels that are not the reference set's
    why: str = None  # why none ran
    refused: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def count(self, answer):
        self.made += 1
        if answer.kind == "ok":
            self.ran += 1
            self.other += answer.words == "other"
        else:
            self.refused[f"{answer.kind}: {answer.words}"] += 1

    def reason(self):
        if self.why:
            return self.why
        return self.refused.most_common(1)[0][0] if self.refused else "no case could be made"


def show(lines, per):
    """A line an operator; combinations that fall short, each with LiteRT's words."""
    by_op = collections.defaultdict(list)
    for line in lines:
        by_op[line.op].append(line)
    for op, all_ in by_op.items():
        full = [x for x in all_ if x.ran >= per]
        print(f"{op}: {len(full)} of {len(all_)} combinations of types with {per} cases or more, "
              f"{sum(x.ran for x in all_)} cases" + (" (not the reference set's kernels)" if any(x.other for x in all_) else ""))
        short = collections.defaultdict(list)
        for x in all_:
            if x.ran < per:
                short[x.reason()[:150] if x.ran == 0 else f"{x.ran} cases; {x.reason()[:120]}"].append(x.types)
        for why, types in short.items():
            print(f"    {' '.join(types[:6])}{f' and {len(types) - 6} more' if len(types) > 6 else ''}: {why}")
