#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/h5: small .h5 files in the layouts that h5py writes. Needs h5py 3.14 and NumPy."""
import pathlib
import h5py
import numpy as np

out = pathlib.Path(__file__).parent / "h5"
options = [{}, dict(chunks=(2, 3)), dict(chunks=(4, 4), compression="gzip", shuffle=True),
           dict(chunks=(5, 2), fletcher32=True, compression="gzip")]
for low, high in (("earliest", "v108"), ("v108", "latest")):
    for i, kw in enumerate(options):
        if low != "earliest" and i in (1, 2, 3):
            continue  # chunk indices of new files: refused by name
        with h5py.File(out / f"{low}_{i}.h5", "w", libver=(low, high)) as f:
            weights = f.create_group("model_weights")
            weights.attrs["layer_names"] = np.array([b"dense"], dtype="S5")
            f.attrs["model_config"] = '{"class_name": "Sequential"}'
            g = weights.create_group("dense")
            g.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
            g.create_dataset("dense/kernel:0", data=np.arange(30, dtype="f4").reshape(5, 6), **kw)
            g.create_dataset("dense/bias:0", data=np.arange(6, dtype=">f8"))
            g.create_dataset("dense/half", data=np.arange(3, dtype="f2"))
            g.create_dataset("dense/flags", data=np.arange(4, dtype="i8"))
with h5py.File(out / "many_groups.h5", "w") as f:
    for i in range(60):
        f.create_dataset(f"layer_{i:02d}/kernel:0", data=np.full((2, 2), i, "f4"))
