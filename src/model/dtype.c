/* model/dtype.c - element types: names, sizes, products of shapes.
 * Depends: base/checked.  Used by: everything that touches tensors.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include "base/checked.h"

#include <string.h>

static const struct {
    const char *name, *short_name;
    unsigned bits;
} types[MW_N_DTYPES] = {
    [MW_FLOAT32] = {"float32", "f32", 32},
    [MW_FLOAT16] = {"float16", "f16", 16},
    [MW_INT32] = {"int32", "i32", 32},
    [MW_UINT8] = {"uint8", "u8", 8},
    [MW_INT64] = {"int64", "i64", 64},
    [MW_STRING] = {"string", "str", 8 * sizeof(mw_string)},
    [MW_BOOL] = {"bool", "bool", 8},
    [MW_INT16] = {"int16", "i16", 16},
    [MW_COMPLEX64] = {"complex64", "c64", 64},
    [MW_INT8] = {"int8", "i8", 8},
    [MW_FLOAT64] = {"float64", "f64", 64},
    [MW_COMPLEX128] = {"complex128", "c128", 128},
    [MW_UINT64] = {"uint64", "u64", 64},
    [MW_RESOURCE] = {"resource", "res", 32},
    [MW_VARIANT] = {"variant", "var", 0},
    [MW_UINT32] = {"uint32", "u32", 32},
    [MW_UINT16] = {"uint16", "u16", 16},
    [MW_INT4] = {"int4", "i4", 4},
    [MW_BFLOAT16] = {"bfloat16", "bf16", 16},
    [MW_INT2] = {"int2", "i2", 2},
};

const char *mw_dtype_name(mw_dtype type)
{
    return (unsigned)type < MW_N_DTYPES ? types[type].name : "?";
}

unsigned mw_dtype_bits(mw_dtype type)
{
    return (unsigned)type < MW_N_DTYPES ? types[type].bits : 0;
}

const char *mwi_dtype_short(mw_dtype dtype)
{
    return (unsigned)dtype < MW_N_DTYPES ? types[dtype].short_name : "?";
}

bool mwi_dtype_from_short(const char *name, size_t n, mw_dtype *out)
{
    for (unsigned t = 0; t < MW_N_DTYPES; t++) {
        if (strlen(types[t].short_name) != n || memcmp(types[t].short_name, name, n) != 0) continue;
        *out = (mw_dtype)t;
        return true;
    }
    return false;
}

bool mwi_dims_count(int32_t rank, const int32_t *dims, size_t *out)
{
    size_t n = 1;

    for (int32_t i = 0; i < rank; i++)
        if (dims[i] < 0 || !mwi_mul(n, (size_t)dims[i], &n)) return false;
    *out = n;
    return true;
}

bool mwi_dims_bytes(mw_dtype dtype, int32_t rank, const int32_t *dims, size_t *out)
{
    const unsigned bits = mw_dtype_bits(dtype);
    size_t n;

    if (bits == 0 || !mwi_dims_count(rank, dims, &n) || !mwi_mul(n, bits, &n) || !mwi_add(n, 7, &n))
        return false;
    *out = n / 8;
    return true;
}

bool mwi_tensor_is_const(const mwi_tensor *tensor) { return tensor->data != NULL; }

void mwi_tensor_info(const mwi_tensor *tensor, mw_tensor_info *out)
{
    memset(out, 0, sizeof *out);
    out->name = tensor->name;
    out->dtype = tensor->dtype;
    out->rank = tensor->rank;
    memcpy(out->dims, tensor->dims, sizeof out->dims);
    memcpy(out->signature, tensor->signature, sizeof out->signature);
    if (tensor->quant != NULL) out->quantization = tensor->quant->q;
}
