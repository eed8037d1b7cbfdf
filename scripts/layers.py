#!/usr/bin/env python3
"""Proves the structure: who may include whom, what may be called where, and that headers stand alone."""
import collections
import pathlib
import platform
import re
import subprocess
import sys

# Lowest first; folders of one rank do not meet. ARCHITECTURE.md draws this table.
ROWS = "base|model data power|ops|formats passes devices|runtime|evaluate train governor|compress|tune|api"
RANK = {folder: rank for rank, row in enumerate(ROWS.split("|")) for folder in row.split()}
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|atoi|strtok|alloca|gets)\s*\(")
HEAP = re.compile(r"\b(malloc|calloc|realloc|free)\s*\(")
PROGRAM_ONLY = re.compile(r"\b(printf|puts|exit|abort|getenv)\s*\(")
SPDX = "SPDX-License-Identifier: Apache-2.0"
bad = []


def is_test(path):
    return path.stem.endswith(("_test", "_fuzz", "_bench"))


def strip(text):
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    return re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)


root = pathlib.Path(__file__).resolve().parent.parent
seen = {}
for f in sorted([*root.glob("src/**/*.[ch]"), *root.glob("programs/**/*.[ch]"), *root.glob("tests/**/*.[ch]")]):
    name = f.relative_to(root)
    text = f.read_text()
    if SPDX not in text:
        bad.append(f"{name}:1: no {SPDX}")
    if f.name in seen and f.suffix == ".c":
        bad.append(f"{name}:1: the name is taken by {seen[f.name]}")
    seen.setdefault(f.name, name)
    in_src = name.parts[0] == "src"
    for n, line in enumerate(strip(text).splitlines(), 1):
        if BANNED.search(line):
            bad.append(f"{name}:{n}: banned call: {line.strip()}")
        if in_src and not is_test(f):
            if name.parts[1] != "base" and re.search(HEAP, re.sub(r"\w+_free|->free|\.free", "", line)):
                bad.append(f"{name}:{n}: memory comes from mwi_alloc or an arena: {line.strip()}")
            if name.parts[1] != "base" and PROGRAM_ONLY.search(re.sub(r"mwi_\w+printf|\w*snprintf", "", line)):
                bad.append(f"{name}:{n}: only programs talk, exit or read the environment: {line.strip()}")
    if not in_src or is_test(f):
        continue
    me = name.parts[1]
    # The error record is of the last call: each public function that can fail begins with it.
    for m in re.finditer(r"^mw_status (mw_(?!ctx_)\w+)\(mw_ctx \*ctx\b[^{;]*\)\n\{\n(.*?)^\}", text, re.M | re.S):
        if "mwi_enter(ctx);" not in m[2]:
            bad.append(f"{name}:{text.count(chr(10), 0, m.start()) + 1}: {m[1]} does not begin with mwi_enter(ctx)")
    for n, line in enumerate(text.splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"/]+)/', line)
        if m and m[1] != me and RANK.get(m[1], 99) >= RANK[me]:
            bad.append(f"{name}:{n}: {me}/ may not include {m[1]}/")
for f in sorted(root.glob("programs/**/*.[ch]")):
    for n, line in enumerate(f.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m and not (f.parent / m[1]).exists():
            bad.append(f"{f.relative_to(root)}:{n}: programs include <milliwatt/...> and their own headers only")

# Each function of a header has a caller besides its definition; a test is one.
code = {f: strip(f.read_text()) for f in [*root.glob("src/**/*.[ch]"), *root.glob("tests/*.[ch]")]}
words = collections.Counter(re.findall(r"\bmwi_\w+", "\n".join(code.values())))
for f in sorted(root.glob("src/**/*.h")):
    for m in re.finditer(r"\b(mwi_\w+)\s*\([^;{}]*\)\s*(?:__attribute__[^;]*)?([;{])", code[f]):
        if words[m[1]] <= (2 if m[2] == ";" else 1):
            bad.append(f"{f.relative_to(root)}: nothing calls {m[1]}")

# Each header compiles alone.
headers = [*root.glob("include/**/*.h"), *root.glob("src/**/*.h")]
for h in sorted(headers):
    x86 = "/cpu/x86/" in str(h)
    if x86 and platform.machine() not in ("x86_64", "AMD64"):
        continue
    isa = ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni", "-mavx2", "-mfma"] if x86 else []
    r = subprocess.run(["gcc", *isa, "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Werror", "-xc",
                        f"-I{root}/include", f"-I{root}/src", "-include", str(h), "/dev/null"],
                       capture_output=True, text=True)
    if r.returncode != 0:
        bad.append(f"{h.relative_to(root)}: does not compile alone: {r.stderr.splitlines()[0]}")

print("\n".join(bad) if bad else f"layers: {len(seen)} files and {len(headers)} headers are in order")
sys.exit(1 if bad else 0)
