"""A program that runs cases: in a process of its own, for it may end or hang.
It reads paths, a line each, and answers "ok ...", "refused\\tWHY" or "none\\tWHY" (it has no such kernel).
SPDX-License-Identifier: Apache-2.0"""
import dataclasses
import select
import signal
import subprocess

PATIENCE_S = 60


@dataclasses.dataclass
class Answer:
    kind: str  # ok, refused, none, crash, hang
    words: str = ""
    runs: list = None  # of lists of (type, shape, bytes)


def parse(line):
    head, *parts = line.rstrip("\n").split("\t")
    kind, _, which = head.partition(" ")
    if kind != "ok":
        return Answer(kind, " ".join(parts))
    runs = []
    for p in parts:
        r, _, type_, shape, data = p.split(" ")
        while len(runs) <= int(r):
            runs.append([])
        runs[int(r)].append((type_, tuple(int(x) for x in shape.split(",")) if shape else (), bytes.fromhex(data)))
    return Answer("ok", which, runs)


class Engine:
    def __init__(self, command, log):
        self.command, self.log, self.process = command, log, None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, bufsize=1)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, path):
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(str(path) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended after its last answer, which the next one tells

    def ask_twice(self, path):
        """The answer of a new process, where the old one ended: by what an earlier case had damaged, perhaps."""
        for _ in range(2):
            self.ask(path)
            a = self.answer()
            if a.kind != "crash":
                break
        return a

    def answer(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        if not ready:
            self.stop()
            return Answer("hang", f"no answer in {PATIENCE_S} s")
        line = self.process.stdout.readline()
        if line:
            return parse(line)
        status = self.process.wait()
        self.process = None
        return Answer("crash", f"ended with status {status}" if status >= 0 else f"ended by {signal.Signals(-status).name}")
