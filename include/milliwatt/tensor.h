/* milliwatt/tensor.h - element types, shapes and quantization parameters: TFLite's terms.
 * Threads: values without state; pointers in them are as the object that they are borrowed from.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_TENSOR_H
#define MILLIWATT_TENSOR_H

#include <milliwatt/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* TFLite's TensorType codes. */
typedef enum mw_dtype {
    MW_FLOAT32 = 0,
    MW_FLOAT16 = 1,
    MW_INT32 = 2,
    MW_UINT8 = 3,
    MW_INT64 = 4,
    MW_STRING = 5,
    MW_BOOL = 6,
    MW_INT16 = 7,
    MW_COMPLEX64 = 8,
    MW_INT8 = 9,
    MW_FLOAT64 = 10,
    MW_COMPLEX128 = 11,
    MW_UINT64 = 12,
    MW_RESOURCE = 13,
    MW_VARIANT = 14,
    MW_UINT32 = 15,
    MW_UINT16 = 16,
    MW_INT4 = 17, /* two a byte, the first in the low half */
    MW_BFLOAT16 = 18,
    MW_INT2 = 19, /* four a byte, the first in the low bits */
    MW_N_DTYPES = 20,
} mw_dtype;

#define MW_MAX_RANK 8

/* "float32", "int8", ...: NumPy's names. Static storage; "?" for a code that is none. */
MW_API const char *mw_dtype_name(mw_dtype type);
/* Bits an element in memory: 4 for MW_INT4, those of mw_string for MW_STRING, 0 for a type without
 * a fixed size (variant). A resource is the number of a variable or table of the session, an int32.
 */
MW_API unsigned mw_dtype_bits(mw_dtype type);

/* An element of a string tensor: any bytes, not ended by NUL. Who owns what `data` points to is
 * said where elements are given or taken: milliwatt/session.h, milliwatt/data.h. */
typedef struct mw_string {
    const char *data; /* may be NULL when bytes is 0 */
    size_t bytes;
} mw_string;

/* real = (q - zero_point) * scale. */
typedef struct mw_quantization {
    size_t n_scales;            /* 0: not quantized; 1: per tensor; dims[axis]: per axis */
    const float *scales;        /* n_scales; finite and >= 0: 0 where a channel is all zero */
    const int64_t *zero_points; /* n_scales */
    int32_t axis;               /* when n_scales > 1 */
    /* > 0: blockwise along the last axis, in blocks of so many elements. Their scales are a tensor
     * of the model and are not given here: n_scales is 0. */
    int32_t block_size;
} mw_quantization;

/* What is known of a tensor. Pointers are borrowed from the object that answered. */
typedef struct mw_tensor_info {
    const char *name;
    mw_dtype dtype;
    int32_t rank;
    int32_t dims[MW_MAX_RANK];      /* as planned or declared; an open dimension is 1 */
    int32_t signature[MW_MAX_RANK]; /* the same, with -1 for an open dimension */
    mw_quantization quantization;
} mw_tensor_info;

#ifdef __cplusplus
}
#endif
#endif
