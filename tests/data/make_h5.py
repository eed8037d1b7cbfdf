#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/h5: small .h5 files in the many ways in which h5py can write one. Needs h5py and NumPy."""
import pathlib

import h5py
import numpy as np

out = pathlib.Path(__file__).parent / "h5"
out.mkdir(exist_ok=True)
for old in out.glob("*.h5"):
    old.unlink()


def ramp(shape, dtype="f4"):
    return (np.arange(int(np.prod(shape))) % 251).astype(dtype).reshape(shape)


def model(name, low="earliest", high="latest", **kw):
    f = h5py.File(out / f"{name}.h5", "w", libver=(low, high), **kw)
    f.attrs["model_config"] = '{"class_name": "Sequential"}'
    f.attrs["keras_version"] = "2.14.0"
    f.attrs["backend"] = b"tensorflow"
    return f, f.create_group("model_weights")


# Each range of versions that h5py can ask for: superblock 0, 2, 3; headers 1, 2; layout 3, 4.
for low, high in (("earliest", "v108"), ("v108", "v108"), ("latest", "latest")):
    f, w = model(f"types_{low}", low, high)
    w.attrs["layer_names"] = np.array([b"dense", b"half"], dtype="S5")
    g = w.create_group("dense")
    g.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
    g.create_dataset("dense/kernel:0", data=ramp((5, 6)))
    g.create_dataset("dense/bias:0", data=ramp(6, ">f8"))
    for t in ("f2", ">f2", "f8", ">f4", "i1", "u1", "<i2", ">i4", "i8", ">u8", "u2", "u4"):
        g.create_dataset("types/" + t.replace(">", "be_").replace("<", ""), data=ramp((3, 2), t))
    g["types/bool"] = np.array([True, False, True])
    g["types/enum"] = np.array([1, 2], dtype=h5py.enum_dtype({"a": 1, "b": 2}, basetype="i4"))
    g["types/scalar"] = np.float32(1.5)
    g["types/empty"] = np.zeros((0, 3), "f4")
    g["types/null"] = h5py.Empty("f4")
    g["types/text"] = "not a weight"
    g["types/compound"] = np.zeros(2, [("a", "f4"), ("b", "i4")])
    g["types/raw"] = np.array([0x3F80, 0xC000], "u2").view("V2")
    g["types/raw"].attrs["dtype"] = "bfloat16"
    f["named"] = np.dtype("f4")
    g.create_dataset("types/committed", data=ramp(4), dtype=f["named"])
    g.attrs.create("named", 1.0, dtype=f["named"])
    g["soft"] = h5py.SoftLink("/model_weights/dense/dense")
    w["aside"] = h5py.SoftLink("dense/types/scalar")
    f.close()

# Chunks by every index: B-tree 1; single, implicit, fixed array (paged too), extensible array, B-tree 2.
filters = {"plain": {}, "gzip": dict(compression="gzip"), "all": dict(compression="gzip", shuffle=True, fletcher32=True),
           "sum": dict(fletcher32=True), "shuffle": dict(shuffle=True)}
for low in ("earliest", "latest"):
    f, w = model(f"chunks_{low}", low, low if low == "latest" else "v108")
    for name, kw in filters.items():
        if low == "earliest" and name not in ("plain", "all"):
            continue  # the same index
        g = w.create_group(name)
        g.create_dataset("single", data=ramp((5, 6)), chunks=(5, 6), **kw)
        g.create_dataset("edges", data=ramp((5, 7)), chunks=(2, 3), **kw)
        g.create_dataset("one", data=ramp(40, "f2"), chunks=(7,), **kw)
        g.create_dataset("grow", data=ramp((9, 4)), chunks=(2, 2), maxshape=(None, 4), **kw)
        g.create_dataset("grow_last", data=ramp((3, 9)), chunks=(2, 2), maxshape=(3, None), **kw)
        g.create_dataset("grow_both", data=ramp((5, 5)), chunks=(2, 2), maxshape=(None, None), **kw)
        g.create_dataset("room", data=ramp((3, 5)), chunks=(2, 2), maxshape=(8, 9), **kw)
        d = g.create_dataset("shrunk", data=ramp((8, 8)), chunks=(2, 2), maxshape=(None, 8), **kw)
        d.resize((3, 8))
        d = g.create_dataset("partly", (6, 6), "f4", chunks=(2, 2), fillvalue=2.5, **kw)
        d[2:4, 1:3] = 7
    w.create_dataset("never", (4, 4), "f4", fillvalue=-1)
    w.create_dataset("never_chunked", (4, 4), ">i2", chunks=(2, 2), fillvalue=258)
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)  # early allocation: the implicit index of new files
    dcpl.set_chunk((2, 2))
    dcpl.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    d = h5py.h5d.create(w.id, b"early", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((5, 4)), dcpl)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, ramp((5, 4)))
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_layout(h5py.h5d.COMPACT)
    d = h5py.h5d.create(w.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((5, 4)), dcpl)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, ramp((5, 4)))
    f.close()
    # Pages of 2^10 elements in a fixed array, of 2^10 and super blocks in an extensible one.
    f, w = model(f"pages_{low}", low, low if low == "latest" else "v108")
    d = w.create_dataset("fixed", (1500, 2), "i1", chunks=(1, 1), fillvalue=3)
    d[1100:1200] = 9
    d = w.create_dataset("extensible", (70000,), "i1", chunks=(4,), maxshape=(None,), fillvalue=3)
    for at in (0, 100, 5000, 30000, 69000):
        d[at:at + 40] = 9
    f.close()

# Links and attributes: few and many, dense in new files, a large one among them.
for low in ("earliest", "latest"):
    f, w = model(f"many_{low}", low, low if low == "latest" else "v108")
    names = [f"layer_{i:03d}" for i in range(20)]
    w.attrs["layer_names"] = [n.encode() for n in names]
    for i, n in enumerate(names):
        g = w.create_group(n)
        g.attrs["weight_names"] = np.array([n.encode() + b"/kernel:0"])
        g.create_dataset(n + "/kernel:0", data=np.full((2, 2), i, "f4"))
    g = w.create_group("attributes")
    for i in range(20):
        g.attrs[f"attribute_{i}"] = i
    g.attrs["name"] = "many"
    g.attrs["weight_names"] = ["a" * 100 + str(i) for i in range(30)]
    if low == "latest":
        g.attrs["large"] = np.zeros(1000)  # a huge object of the heap
        for i in range(60):  # a B-tree 2 with inner nodes
            g[f"link_with_a_rather_long_name_{i:04d}"] = h5py.SoftLink("/model_weights/layer_001")
    f.close()

# Names split as Keras splits them above 64,512 bytes; fixed and variable length; blanks as padding.
f, w = model("split", "earliest", "v108")
names = np.array([f"{i:03d}".encode() + b"x" * 20 for i in range(30)])
for i, part in enumerate(np.array_split(names, 2)):
    w.attrs[f"layer_names{i}"] = part
f.close()
f, w = model("strings", "earliest", "v108")
w.attrs["layer_names"] = ["a", "", "größer", "z" * 300]
t = h5py.h5t.C_S1.copy()
t.set_size(6)
t.set_strpad(h5py.h5t.STR_SPACEPAD)
a = h5py.h5a.create(w.create_group("padded").id, b"weight_names", t, h5py.h5s.create_simple((2,)))
a.write(np.array([b"ab    ", b"abcdef"]), t)
f.close()

# Weights alone: at the root, and of Keras 3.
with h5py.File(out / "weights_only.h5", "w") as f:
    f.attrs["layer_names"] = [b"dense"]
    f.attrs["keras_version"] = b"2.4.0"
    g = f.create_group("dense")
    g.attrs["weight_names"] = np.array([b"dense/kernel:0"])
    g["dense/kernel:0"] = ramp((2, 3))
with h5py.File(out / "weights_v3.h5", "w") as f:
    g = f.create_group("layers/dense/vars")
    g.attrs["name"] = "dense"
    g["0"] = ramp((2, 3))
    f["optimizer/vars/0"] = np.int64(3)

# A user block before the superblock; other widths of addresses.
f, w = model("user_block", "earliest", "v108", userblock_size=512)
w["kernel"] = ramp((2, 3))
f.close()
fcpl = h5py.h5p.create(h5py.h5p.FILE_CREATE)
fcpl.set_sizes(4, 4)
f = h5py.File(h5py.h5f.create(str(out / "narrow.h5").encode(), h5py.h5f.ACC_TRUNC, fcpl))
f["model_weights/kernel"] = ramp((2, 3))
f["model_weights"].attrs["layer_names"] = ["kernel", "none"]
f["model_weights"].create_dataset("chunked", data=ramp((5, 6)), chunks=(2, 2), compression="gzip")
f.close()

# What is refused by name: other files, filters and types that Keras does not use, circles.
refused = out / "refused"
refused.mkdir(exist_ok=True)
for old in refused.glob("*.h5"):
    old.unlink()


def bad(name, low="earliest"):
    f = h5py.File(refused / f"{name}.h5", "w", libver=(low, low if low == "latest" else "v108"))
    w = f.create_group("model_weights")
    w.attrs["layer_names"] = np.array([b"d"])
    g = w.create_group("d")
    g.attrs["weight_names"] = np.array([b"k"])
    return f, g


f, g = bad("external_link")
g["k"] = h5py.ExternalLink("other.h5", "/k")
f.close()
f, g = bad("external_storage")
g.create_dataset("k", (2, 2), "f4", external=[("other.bin", 0, 16)])
f.close()
f, g = bad("lzf")
g.create_dataset("k", data=ramp((8, 8)), compression="lzf")
f.close()
f, g = bad("virtual", "latest")
layout = h5py.VirtualLayout((4,), "f4")
layout[:] = h5py.VirtualSource("other.h5", "k", (4,))
g.create_virtual_dataset("k", layout)
f.close()
f, g = bad("compound")
g["k"] = np.zeros(2, [("a", "f4"), ("b", "i4")])
f.close()
f, g = bad("soft_loop")
g["k"] = h5py.SoftLink("/model_weights/d/k")
f.close()
f, g = bad("soft_nowhere")
g["k"] = h5py.SoftLink("/model_weights/other")
f.close()
f, g = bad("contains_itself")
g["k"] = f["model_weights"]
f.close()
f, g = bad("names_are_numbers")
g.attrs["weight_names"] = [1, 2]
f.close()
f, g = bad("rank")
g["k"] = np.zeros((1,) * 9, "f4")
f.close()
f, g = bad("odd_integer")
t = h5py.h5t.STD_I32LE.copy()
t.set_precision(20)
h5py.h5d.create(g.id, b"k", t, h5py.h5s.create_simple((2,)))
f.close()
f, g = bad("deep", "latest")
for i in range(80):
    g = g.create_group("g")
f.close()
f, g = bad("fill_bomb")
g.create_dataset("k", (1 << 20, 1 << 12), "f4", chunks=(1 << 10, 1 << 10), compression="gzip")
f.close()
