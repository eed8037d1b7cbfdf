"""What `milliwatt list ops` says of types ("i8,i8|u8,i32?>=") as single combinations of types.
SPDX-License-Identifier: Apache-2.0"""
import dataclasses
import itertools
import json
import subprocess

ANY = ("f32", "i8", "u8", "i16", "i32", "i64", "bool", "u32", "f16", "u16", "u64", "f64", "bf16", "c64")


@dataclasses.dataclass(frozen=True)
class Item:
    type: str
    optional: bool = False
    many: bool = False


@dataclasses.dataclass(frozen=True)
class Combo:
    ins: tuple
    outs: tuple

    def text(self):
        def one(i):
            return i.type + "?" * i.optional + "+" * i.many
        return ",".join(map(one, self.ins)) + ">" + ",".join(map(one, self.outs))


def alternatives(word, wild):
    many = word.endswith("+")
    word = word.rstrip("+")
    optional = word.endswith("?")
    for type_ in word.rstrip("?").split("|"):
        for t in wild if type_ == "*" else (type_,):
            yield Item(t, optional, many)


def resolve(item, ins):
    if not item.type.startswith("="):
        return item
    return dataclasses.replace(item, type=ins[int(item.type[1:] or 0)].type)


def expand(types, wild_out):
    """Every combination of a string; a wildcard output is of input 0's type unless wild_out."""
    left, right = types.split(">")
    ins = [list(alternatives(w, ANY)) for w in left.split(",") if w]
    outs = [list(alternatives(w, ANY if wild_out or not ins else ("=",))) for w in right.split(",") if w]
    for chosen in itertools.product(*ins, *outs):
        a, b = chosen[:len(ins)], chosen[len(ins):]
        a = tuple(resolve(i, a) for i in a)
        yield Combo(a, tuple(resolve(o, a) for o in b))


def of_program(program, wild_out):
    """{operator: [Combo]} of the program's tables; wild_out names operators whose wildcards are free."""
    out = subprocess.run([program, "list", "ops", "--json"], capture_output=True, text=True, check=True)
    table = {}
    for row in json.loads(out.stdout)["ops"]:
        seen = {}
        for types in row["detail"].split("; "):
            for c in expand(types, row["name"] in wild_out):
                seen.setdefault(c.text(), c)
        table[row["name"]] = list(seen.values())
    return table
