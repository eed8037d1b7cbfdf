/* compress/quantize/scheme.h - schemes of quantization, a row each (schemes.def), and the types of
 * inputs and outputs that may be asked for.
 * Depends: nothing.  Used by: compress/quantize, api.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_SCHEME_H
#define MWI_COMPRESS_SCHEME_H

#include <milliwatt/quantize.h>

typedef struct mwi_scheme_desc {
    mw_quant_scheme scheme;
    const char *name;
    mw_dtype act;    /* type of activations; MW_FLOAT32: they stay float */
    int weight_bits; /* 16: float16 */
    size_t block;    /* values along a row that share a scale; 0: a channel has one */
    bool hybrid;     /* weights stay integers where a kernel takes float activations beside them */
    const char *summary;
} mwi_scheme_desc;

extern const mwi_scheme_desc mwi_schemes[];                     /* ends with a NULL name */
const mwi_scheme_desc *mwi_scheme_find(mw_quant_scheme scheme); /* NULL: none */

typedef struct mwi_io_desc {
    mw_quant_io io;
    mw_dtype dtype;
    const char *name, *summary;
} mwi_io_desc;

/* Without MW_IO_DEFAULT: the scheme's activations. */
extern const mwi_io_desc mwi_quant_ios[];             /* ends with a NULL name */
const mwi_io_desc *mwi_quant_io_find(mw_quant_io io); /* NULL: none, or the default */

#endif
