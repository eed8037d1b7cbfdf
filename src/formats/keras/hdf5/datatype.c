/* formats/keras/hdf5/datatype.c - datatype and dataspace messages.
 * Depends: h5.h.  Used by: formats/keras/hdf5/.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

mw_status h5_type_read(h5_file *f, uint64_t at, uint64_t size, h5_type *out)
{
    const uint8_t *p = NULL;

    memset(out, 0, sizeof *out);
    if (size < 8) return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": datatype of %" PRIu64 " bytes", f->r->name, at, size);
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, size, "datatype", &p));
    const uint8_t class_code = p[0] & 0x0f;
    out->class_code = class_code;
    out->size = mwi_le32(p + 4);
    out->big_endian = (p[1] & 1) != 0;
    switch (class_code) {
    case 0:
        out->kind = H5_INTEGER;
        out->is_signed = (p[1] & 8) != 0;
        return MW_OK;
    case 1: out->kind = H5_FLOAT; return MW_OK;
    case 3: out->kind = H5_STRING; return MW_OK;
    case 5: out->kind = H5_OPAQUE; return MW_OK;
    case 8: /* an enumeration, h5py's bool: its base type follows */
        MWI_TRY(h5_type_read(f, at + 8, size - 8, out));
        out->class_code = class_code;
        return MW_OK;
    case 9: out->kind = (p[1] & 0x0f) == 1 ? H5_VLEN_STRING : H5_OTHER; return MW_OK;
    default: out->kind = H5_OTHER; return MW_OK;
    }
}

bool h5_dtype(const h5_type *t, mw_dtype *out)
{
    static const struct {
        h5_kind kind;
        uint32_t size;
        bool is_signed;
        mw_dtype dtype;
    } types[] = {
        {H5_FLOAT, 2, false, MW_FLOAT16},  {H5_FLOAT, 4, false, MW_FLOAT32}, {H5_FLOAT, 8, false, MW_FLOAT64},
        {H5_INTEGER, 1, true, MW_INT8},    {H5_INTEGER, 1, false, MW_UINT8}, {H5_INTEGER, 2, true, MW_INT16},
        {H5_INTEGER, 2, false, MW_UINT16}, {H5_INTEGER, 4, true, MW_INT32},  {H5_INTEGER, 4, false, MW_UINT32},
        {H5_INTEGER, 8, true, MW_INT64},   {H5_INTEGER, 8, false, MW_UINT64}, {H5_OPAQUE, 2, false, MW_BFLOAT16},
    };

    for (size_t i = 0; i < MWI_COUNT(types); i++) {
        if (types[i].kind != t->kind || types[i].size != t->size) continue;
        if (t->kind == H5_INTEGER && types[i].is_signed != t->is_signed) continue;
        *out = types[i].dtype;
        return true;
    }
    return false;
}

mw_status h5_space_read(h5_file *f, uint64_t at, uint64_t size, h5_space *out)
{
    const uint8_t *p = NULL;

    memset(out, 0, sizeof *out);
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, size, "dataspace", &p));
    if (size < 4 || (p[0] != 1 && p[0] != 2))
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": dataspace version %u", f->r->name, at, size > 0 ? p[0] : 0);
    const uint64_t head = p[0] == 1 ? 8 : 4;
    out->rank = p[1];
    out->null = p[0] == 2 && p[3] == 2;
    out->n = out->null ? 0 : 1;
    if (out->rank > H5_MAX_RANK || size < head || (size - head) / f->len_bytes < out->rank)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": dataspace of rank %u in %" PRIu64 " bytes", f->r->name, at,
                        out->rank, size);
    for (uint32_t i = 0; i < out->rank; i++) {
        MWI_TRY(h5_length(f, at + head + i * f->len_bytes, "dimension", &out->dims[i]));
        if (out->dims[i] > SIZE_MAX || __builtin_mul_overflow(out->n, (size_t)out->dims[i], &out->n))
            return mwi_fail(f->ctx, MW_ELIMIT, "%s+0x%" PRIx64 ": a shape larger than any memory", f->r->name, at);
    }
    return MW_OK;
}
