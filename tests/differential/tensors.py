"""Element types as milliwatt's tables name them, and the bytes that they have in a file.
SPDX-License-Identifier: Apache-2.0"""
import ml_dtypes
import numpy as np
from ai_edge_litert import schema_py_generated as schema

T = schema.TensorType

# short name: (code in a file, type of the array that holds the values)
TYPES = {
    "f32": (T.FLOAT32, np.float32), "f16": (T.FLOAT16, np.float16), "f64": (T.FLOAT64, np.float64),
    "bf16": (T.BFLOAT16, ml_dtypes.bfloat16), "i8": (T.INT8, np.int8), "u8": (T.UINT8, np.uint8),
    "i16": (T.INT16, np.int16), "u16": (T.UINT16, np.uint16), "i32": (T.INT32, np.int32),
    "u32": (T.UINT32, np.uint32), "i64": (T.INT64, np.int64), "u64": (T.UINT64, np.uint64),
    "bool": (T.BOOL, np.bool_), "c64": (T.COMPLEX64, np.complex64), "c128": (T.COMPLEX128, np.complex128),
    "i4": (T.INT4, np.int8), "i2": (T.INT2, np.int8), "res": (T.RESOURCE, np.int32),
}
FLOATS = ("f32", "f16", "bf16", "f64")
COMPLEX = ("c64", "c128")
QUANTIZED = ("i8", "u8", "i16", "i4", "i2")
BITS = {"i4": 4, "i2": 2}
LIMITS = {"i4": (-8, 7), "i2": (-2, 1), "bool": (0, 1)}
LIMITS |= {t: (int(np.iinfo(d).min), int(np.iinfo(d).max)) for t, (_, d) in TYPES.items()
           if t not in LIMITS and t not in FLOATS and t not in COMPLEX}


def code(short):
    return TYPES[short][0]


def dtype(short):
    return np.dtype(TYPES[short][1])


def pack(short, array):
    """The bytes of a constant: types below 8 bits share bytes, the first in the low bits."""
    flat = np.ascontiguousarray(array, dtype(short)).reshape(-1)
    bits = BITS.get(short)
    if bits is None:
        return flat.tobytes()
    per = 8 // bits
    low = np.zeros(-(-flat.size // per) * per, np.uint8)
    low[:flat.size] = flat.view(np.uint8) & ((1 << bits) - 1)
    out = np.zeros(low.size // per, np.uint8)
    for i in range(per):
        out |= low[i::per] << (bits * i)
    return out.tobytes()
