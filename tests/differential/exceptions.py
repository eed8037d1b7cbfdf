"""Differences that are LiteRT's fault, or of what has no meaning, as docs/reference-exceptions.md tells them: each
rule names its paragraph ("## NAME") and holds only where milliwatt's answer is shown to be right in another way.
SPDX-License-Identifier: Apache-2.0"""
import dataclasses
import pathlib
import typing

import numpy as np

import compare
from exception_rules import PARAGRAPHS, RULES

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reference-exceptions.md"


@dataclasses.dataclass
class Judge:
    """What a rule may ask for: `ask(case, reference)` gives LiteRT's answer to another case."""
    case: object
    differences: list
    ours: object  # milliwatt's answer
    ask: typing.Callable

    def by_twin(self, rule):
        """The same computation, said in a way that LiteRT gets right, gives what milliwatt gave."""
        twin = rule.twin(self.case)
        answer = self.ask(twin.case, twin.reference)
        return answer.kind == "ok" and self.ours.kind == "ok" and \
            not list(compare.runs(twin.back(answer.runs), self.ours.runs, self.case.tolerance))

    def by_elements(self, rule, d, left):
        if d.off is None:
            return left
        return left & ~np.broadcast_to(rule.elements(self.case, d), left.shape)

    def explain(self):
        """Names of the paragraphs that explain all of it; None: something is not explained."""
        rules = [r for r in RULES if self.case.op in r.ops and r.when(self.case)]
        for r in rules:
            if r.twin is not None and self.by_twin(r):
                return {r.paragraph}
            if r.refuses and all(r.refuses in d.words for d in self.differences):
                return {r.paragraph}
        names = set()
        for d in self.differences:
            left = np.ones(1, bool) if d.off is None else d.off
            for r in rules:
                if r.elements is not None:
                    before, left = left, self.by_elements(r, d, left)
                    if (before != left).any():
                        names.add(r.paragraph)
            if left.any():
                return None
        return names


def check_page(rows):
    """Every rule has a paragraph, every paragraph is some rule's or row's."""
    told = {line[3:].strip() for line in PAGE.read_text().splitlines() if line.startswith("## ")}
    used = {r.paragraph for r in RULES} | PARAGRAPHS
    for row in rows.values():
        used |= {row.instead} if row.instead else set()
        used |= set((row.unlike or {}).values())
    odd = told ^ used
    return f"docs/reference-exceptions.md and the rules differ in: {', '.join(sorted(odd))}" if odd else None
