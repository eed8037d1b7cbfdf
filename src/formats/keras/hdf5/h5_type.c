/* formats/keras/hdf5/h5_type.c - datatypes and dataspaces.
 * Depends: base/.  Used by: h5_attr.c, h5_dataset.c.
 * A type that has no place among mw_dtype is no error here: only its use is.
 * Format:  sections IV.A.2.b, d.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <string.h>

const char *mwi_h5_class_name(unsigned klass)
{
    static const char *const names[] = {"fixed-point", "floating-point",  "time",     "string",
                                        "bit field",   "opaque",          "compound", "reference",
                                        "enumeration", "variable-length", "array"};
    return klass < MWI_COUNT(names) ? names[klass] : "unknown";
}

static void read_fixed(mwi_h5_cur *c, unsigned bits, mwi_h5_type *out)
{
    static const mw_dtype types[2][4] = {{MW_UINT8, MW_UINT16, MW_UINT32, MW_UINT64},
                                         {MW_INT8, MW_INT16, MW_INT32, MW_INT64}};
    const unsigned offset = (unsigned)mwi_h5_take(c, 2), precision = (unsigned)mwi_h5_take(c, 2);
    const unsigned log = out->size == 1 ? 0 : out->size == 2 ? 1 : out->size == 4 ? 2 : 3;

    out->big_endian = (bits & 1) != 0;
    out->numeric = out->size == 1u << log && offset == 0 && precision == 8 * out->size;
    out->dtype = types[(bits & 8) != 0][log];
}

static void read_float(mwi_h5_cur *c, unsigned bits, mwi_h5_type *out)
{
    static const struct {
        uint32_t size, exponent_at, exponent_bits, mantissa_bits, bias;
        mw_dtype dtype;
    } known[] = {
        {2, 10, 5, 10, 15, MW_FLOAT16},
        {2, 7, 8, 7, 127, MW_BFLOAT16},
        {4, 23, 8, 23, 127, MW_FLOAT32},
        {8, 52, 11, 52, 1023, MW_FLOAT64},
    };
    const unsigned offset = (unsigned)mwi_h5_take(c, 2), precision = (unsigned)mwi_h5_take(c, 2);
    const unsigned exponent_at = (unsigned)mwi_h5_take(c, 1),
                   exponent = (unsigned)mwi_h5_take(c, 1);
    const unsigned mantissa_at = (unsigned)mwi_h5_take(c, 1),
                   mantissa = (unsigned)mwi_h5_take(c, 1);
    const uint32_t bias = (uint32_t)mwi_h5_take(c, 4);
    const bool ieee = (bits & 0x40) == 0 && (bits >> 4 & 3) == 2 && offset == 0 &&
                      precision == 8 * out->size && mantissa_at == 0 &&
                      (bits >> 8 & 0xff) == precision - 1;

    out->big_endian = (bits & 1) != 0;
    for (size_t i = 0; ieee && i < MWI_COUNT(known); i++)
        if (out->size == known[i].size && exponent_at == known[i].exponent_at &&
            exponent == known[i].exponent_bits && mantissa == known[i].mantissa_bits &&
            bias == known[i].bias) {
            out->numeric = true;
            out->dtype = known[i].dtype;
        }
}

static mw_status read_type(mwi_h5 *h5, mwi_h5_cur *c, unsigned depth, mwi_h5_type *out);

/* h5py stores bool as an enumeration {FALSE, TRUE} over int8. Others count as their integers. */
static mw_status read_enum(mwi_h5 *h5, mwi_h5_cur *c, unsigned version, unsigned bits,
                           unsigned depth, mwi_h5_type *out)
{
    const unsigned n = bits & 0xffff;
    mwi_h5_type of;
    bool is_bool = n == 2;

    MWI_TRY(read_type(h5, c, depth + 1, &of));
    for (unsigned i = 0; i < n && !c->past; i++) {
        const uint8_t *const name = c->p + c->i;
        const uint8_t *const end = memchr(name, 0, c->n - c->i);
        const size_t len = end == NULL ? c->n : (size_t)(end - name) + 1;
        mwi_h5_skip(c, version < 3 ? (len + 7) & ~(size_t)7 : len);
        const char *const wanted = i == 0 ? "FALSE" : "TRUE";
        is_bool =
            is_bool && !c->past && len == strlen(wanted) + 1 && memcmp(name, wanted, len) == 0;
    }
    mwi_h5_skip(c, (uint64_t)n * of.size);
    out->numeric = of.numeric && of.klass == 0 && of.size == out->size;
    out->big_endian = of.big_endian;
    out->dtype = is_bool && of.size == 1 ? MW_BOOL : of.dtype;
    return MW_OK;
}

static mw_status read_type(mwi_h5 *h5, mwi_h5_cur *c, unsigned depth, mwi_h5_type *out)
{
    memset(out, 0, sizeof *out);
    if (depth > 8)
        return mwi_fail(h5->ctx, MW_ELIMIT, "%s+0x%" PRIx64 ": datatypes nested over 8 deep",
                        h5->r->name, h5->base + c->addr);
    const unsigned head = (unsigned)mwi_h5_take(c, 1), bits = (unsigned)mwi_h5_take(c, 3);
    out->klass = head & 15;
    out->size = (uint32_t)mwi_h5_take(c, 4);
    if (out->klass == 0) {
        read_fixed(c, bits, out);
    } else if (out->klass == 1) {
        read_float(c, bits, out);
    } else if (out->klass == 3) {
        out->padding = bits & 15;
    } else if (out->klass == 8) {
        MWI_TRY(read_enum(h5, c, head >> 4, bits, depth, out));
    } else if (out->klass == 9) {
        out->vlen_string = (bits & 15) == 1;
    }
    return mwi_h5_cur_ok(h5, c, "a datatype");
}

mw_status mwi_h5_type_read(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_type *out)
{
    mwi_h5_msg m;

    MWI_TRY(mwi_h5_unshare(h5, msg, &m));
    MWI_TRY(mwi_h5_work(h5, m.n));
    mwi_h5_cur c = {m.p, m.n, 0, m.addr, false};
    MWI_TRY(read_type(h5, &c, 0, out));
    if (out->size == 0)
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": a %s datatype of 0 bytes",
                        h5->r->name, h5->base + m.addr, mwi_h5_class_name(out->klass));
    return MW_OK;
}

mw_status mwi_h5_space_read(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_space *out)
{
    mwi_h5_msg m;

    memset(out, 0, sizeof *out);
    MWI_TRY(mwi_h5_unshare(h5, msg, &m));
    mwi_h5_cur c = {m.p, m.n, 0, m.addr, false};
    const unsigned version = (unsigned)mwi_h5_take(&c, 1), rank = (unsigned)mwi_h5_take(&c, 1);
    const unsigned flags = (unsigned)mwi_h5_take(&c, 1), type = (unsigned)mwi_h5_take(&c, 1);
    if (version == 1) mwi_h5_skip(&c, 4);
    MWI_TRY(mwi_h5_cur_ok(h5, &c, "a dataspace"));
    if (version < 1 || version > 2 || rank > MWI_H5_MAX_RANK || (version == 2 && type > 2))
        return mwi_fail(h5->ctx, MW_EFORMAT,
                        "%s+0x%" PRIx64
                        ": dataspace version %u, rank %u, type %u; allowed are 1 to "
                        "2, 0 to %d, 0 to 2",
                        h5->r->name, h5->base + m.addr, version, rank, type, MWI_H5_MAX_RANK);
    out->null = version == 2 && type == 2;
    out->rank = rank;
    out->n = out->null ? 0 : 1;
    const uint64_t unlimited =
        h5->length_bytes == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * h5->length_bytes)) - 1;
    for (unsigned i = 0; i < rank; i++) {
        out->max[i] = out->dims[i] = mwi_h5_take_length(h5, &c);
        if (__builtin_mul_overflow(out->n, out->dims[i], &out->n))
            return mwi_fail(h5->ctx, MW_ELIMIT,
                            "%s+0x%" PRIx64 ": a dataspace of over 2^64 elements", h5->r->name,
                            h5->base + m.addr);
    }
    for (unsigned i = 0; i < rank && (flags & 1) != 0; i++) {
        out->max[i] = mwi_h5_take_length(h5, &c);
        if (out->max[i] == unlimited) out->max[i] = UINT64_MAX;
    }
    return mwi_h5_cur_ok(h5, &c, "a dataspace");
}
