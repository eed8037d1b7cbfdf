/* compress/quantize/scheme.c - see scheme.h.     SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/scheme.h"

const mwi_scheme_desc mwi_schemes[] = {
#define MWI_SCHEME(id, name, act, bits, block, hybrid, summary)                                    \
    {id, name, act, bits, block, hybrid, summary},
#include "compress/quantize/schemes.def"
#undef MWI_SCHEME
    {.name = NULL},
};

const mwi_scheme_desc *mwi_scheme_find(mw_quant_scheme scheme)
{
    for (const mwi_scheme_desc *s = mwi_schemes; s->name != NULL; s++)
        if (s->scheme == scheme) return s;
    return NULL;
}

const mwi_io_desc mwi_quant_ios[] = {
    {MW_IO_INT8, MW_INT8, "int8", "the default of int8"},
    {MW_IO_UINT8, MW_UINT8, "uint8", "for data of 0 to 255 as they are"},
    {MW_IO_FLOAT, MW_FLOAT32, "float", "float32, as in the model that was read"},
    {.name = NULL},
};

const mwi_io_desc *mwi_quant_io_find(mw_quant_io io)
{
    for (const mwi_io_desc *i = mwi_quant_ios; i->name != NULL; i++)
        if (i->io == io) return i;
    return NULL;
}
