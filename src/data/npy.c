/* data/npy.c - NumPy's .npy: header, a data set of one array, whole arrays.
 * Depends: data/source, base/.  Used by: data/npz, the list of kinds.
 * Trust:   every byte is hostile; the header is read by a scanner of the few keys that NumPy
 *          writes.
 * Format:  NumPy's NEP 1, versions 1.0 to 3.0.   SPDX-License-Identifier: Apache-2.0 */
#include "data/source.h"

#include "base/checked.h"

#include <stdio.h>
#include <string.h>

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

static const struct {
    const char *descr;
    mw_dtype dtype;
} types[] = {
    {"<f4", MW_FLOAT32},   {"<f2", MW_FLOAT16},     {"<f8", MW_FLOAT64}, {"|i1", MW_INT8},
    {"|u1", MW_UINT8},     {"<i2", MW_INT16},       {"<u2", MW_UINT16},  {"<i4", MW_INT32},
    {"<u4", MW_UINT32},    {"<i8", MW_INT64},       {"<u8", MW_UINT64},  {"|b1", MW_BOOL},
    {"<c8", MW_COMPLEX64}, {"<c16", MW_COMPLEX128},
};

bool mwi_array_bytes(mw_dtype dtype, int32_t rank, const int32_t *dims, size_t *out)
{
    size_t n = mw_dtype_bits(dtype) / 8;

    if (n == 0) return false;
    for (int32_t i = 0; i < rank; i++)
        if (dims[i] < 0 || !mwi_mul(n, (size_t)dims[i], &n)) return false;
    *out = n;
    return true;
}

/* The text after "'key':", blanks skipped; NULL when the key is not there. */
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key);

    if (at == NULL) return NULL;
    at += strlen(key);
    while (*at == ':' || *at == ' ') at++;
    return at;
}

/* "'<f4'" after 'descr'; '>' is big-endian, '=' and '|' say nothing of the order. */
static bool is_type(const char *at, const char *descr)
{
    const size_t n = strlen(descr);

    return at[0] == '\'' && at[1] != '\0' && strchr("<>=|", at[1]) != NULL &&
           strncmp(at + 2, descr + 1, n - 1) == 0 && at[1 + n] == '\'';
}

static mw_status parse_descr(mw_ctx *ctx, const char *name, const char *header, mwi_npy *out)
{
    const char *const at = value_of(header, "'descr'");

    if (at == NULL) return mwi_fail(ctx, MW_EFORMAT, "%s: .npy header without 'descr'", name);
    for (size_t i = 0; i < MWI_COUNT(types); i++) {
        if (!is_type(at, types[i].descr)) continue;
        out->dtype = types[i].dtype;
        const bool complex = types[i].descr[1] == 'c';
        const size_t unit = mw_dtype_bits(out->dtype) / (complex ? 16 : 8);
        out->swapped_bytes = at[1] == '>' && unit > 1 ? unit : 0;
        return MW_OK;
    }
    const int n = *at == '\'' ? (int)strcspn(at + 1, "'") : 0;
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "%s: arrays of type '%.*s' are not supported, allowed are integers, floats, "
                    "complex and bool; convert it, e.g. a.astype('float32')",
                    name,
                    n == 0   ? 10
                    : n < 32 ? n
                             : 32,
                    n == 0 ? "structured" : at + 1);
}

static mw_status parse_shape(mw_ctx *ctx, const char *name, const char *header, mwi_npy *out)
{
    const char *at = value_of(header, "'shape'");

    if (at == NULL || *at != '(')
        return mwi_fail(ctx, MW_EFORMAT, "%s: .npy header without 'shape'", name);
    for (at++; *at != ')';) {
        uint64_t v = 0;
        if (*at < '0' || *at > '9')
            return mwi_fail(ctx, MW_EFORMAT, "%s: bad shape in the .npy header", name);
        while (*at >= '0' && *at <= '9') {
            v = v * 10 + (uint64_t)(*at++ - '0');
            if (v > INT32_MAX)
                return mwi_fail(ctx, MW_ELIMIT, "%s: a dimension is over %d", name, INT32_MAX);
        }
        if (out->rank == MW_MAX_RANK)
            return mwi_fail(ctx, MW_ELIMIT, "%s: rank over %d", name, MW_MAX_RANK);
        out->dims[out->rank++] = (int32_t)v;
        while (*at == ',' || *at == ' ' || *at == 'L') at++;
    }
    return MW_OK;
}

static mw_status read_header_text(mw_ctx *ctx, const mwi_reader *r, char *text, size_t *out_bytes)
{
    const uint8_t *p = NULL;
    uint32_t n = 0;
    uint16_t n16 = 0;
    size_t start = 10;

    MWI_TRY(mwi_read_bytes(ctx, r, 0, 8, ".npy header", &p));
    if (memcmp(p, magic, sizeof magic) != 0)
        return mwi_fail(ctx, MW_EFORMAT, "%s: not a .npy file", r->name);
    if (p[6] < 1 || p[6] > 3)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: .npy version %d, allowed 1 to 3", r->name, p[6]);
    if (p[6] == 1) {
        MWI_TRY(mwi_read_u16(ctx, r, 8, ".npy header length", &n16));
        n = n16;
    } else {
        MWI_TRY(mwi_read_u32(ctx, r, 8, ".npy header length", &n));
        start = 12;
    }
    if (n > MWI_NPY_MAX_HEADER - start)
        return mwi_fail(ctx, MW_ELIMIT, "%s: .npy header of %u bytes, limit %zu", r->name, n,
                        MWI_NPY_MAX_HEADER - start);
    MWI_TRY(mwi_read_bytes(ctx, r, start, n, ".npy header", &p));
    memcpy(text, p, n);
    text[n] = '\0';
    *out_bytes = start + n;
    return MW_OK;
}

mw_status mwi_npy_header(mw_ctx *ctx, const mwi_reader *r, mwi_npy *out)
{
    char text[MWI_NPY_MAX_HEADER + 1];

    memset(out, 0, sizeof *out);
    MWI_TRY(read_header_text(ctx, r, text, &out->header_bytes));
    MWI_TRY(parse_descr(ctx, r->name, text, out));
    MWI_TRY(parse_shape(ctx, r->name, text, out));
    const char *const order = value_of(text, "'fortran_order'");
    if (order != NULL && strncmp(order, "True", 4) == 0 && out->rank > 1)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s: Fortran order is not supported; save numpy.ascontiguousarray(a)",
                        r->name);
    if (!mwi_array_bytes(out->dtype, out->rank, out->dims, &out->data_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "%s: the array is larger than any memory", r->name);
    return MW_OK;
}

mw_status mwi_npy_column(mw_ctx *ctx, const char *name, const mwi_npy *npy, mwi_column *out)
{
    memset(out, 0, sizeof *out);
    if (npy->rank < 1)
        return mwi_fail(ctx, MW_EFORMAT,
                        "array '%s' is a single value; its first dimension must count samples",
                        name);
    out->name = name;
    out->dtype = npy->dtype;
    out->rank = npy->rank - 1;
    memcpy(out->dims, npy->dims + 1, (size_t)out->rank * sizeof *out->dims);
    out->n_samples = (uint64_t)npy->dims[0];
    out->swapped_bytes = npy->swapped_bytes;
    if (!mwi_array_bytes(out->dtype, out->rank, out->dims, &out->sample_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "array '%s': one sample is larger than any memory", name);
    return MW_OK;
}

void mwi_swap_bytes(void *data, size_t bytes, size_t unit)
{
    uint8_t *const p = data;

    for (size_t at = 0; unit > 1 && at + unit <= bytes; at += unit)
        for (size_t i = 0; i < unit / 2; i++) {
            const uint8_t b = p[at + i];
            p[at + i] = p[at + unit - 1 - i];
            p[at + unit - 1 - i] = b;
        }
}

/* ---- a data set of one array ---- */

static bool probe(const char *path, const uint8_t *bytes, size_t n)
{
    (void)path;
    return bytes != NULL && n >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

mw_status mwi_column_read_mapped(mw_ctx *ctx, mwi_column *c, uint64_t first, size_t count,
                                 void *out)
{
    (void)ctx;
    if (count * c->sample_bytes != 0)
        memcpy(out, (const uint8_t *)c->self + first * c->sample_bytes, count * c->sample_bytes);
    mwi_swap_bytes(out, count * c->sample_bytes, c->swapped_bytes);
    return MW_OK;
}

static mw_status open_npy(mw_ctx *ctx, const mwi_reader *r, const mw_dataset_options *options,
                          mw_dataset *ds)
{
    mwi_npy npy;
    const uint8_t *data = NULL;
    void *memory;

    (void)options;
    MWI_TRY(mwi_npy_header(ctx, r, &npy));
    MWI_TRY(mwi_read_bytes(ctx, r, npy.header_bytes, npy.data_bytes, "array data", &data));
    MWI_TRY(mwi_arena_array(ctx, &ds->arena, 1, sizeof *ds->inputs, &memory));
    ds->inputs = memory;
    ds->n_inputs = 1;
    MWI_TRY(mwi_npy_column(ctx, "x", &npy, ds->inputs));
    ds->inputs->read = mwi_column_read_mapped;
    ds->inputs->self = (void *)(uintptr_t)data; /* only read */
    return MW_OK;
}

const mwi_data_kind mwi_data_kind_npy = {
    .name = "npy",
    .summary = "NumPy array: samples of one input, without labels",
    .probe = probe,
    .open = open_npy,
};

/* ---- whole arrays ---- */

mw_status mw_array_load(mw_ctx *ctx, const char *path, mw_array *out_array)
{
    mwi_mapping mapping;
    mwi_npy npy;
    const uint8_t *data = NULL;
    void *copy = NULL;
    mw_status st;

    mwi_enter(ctx);
    memset(out_array, 0, sizeof *out_array);
    MWI_TRY(mwi_file_map(ctx, path, &mapping));
    const mwi_reader r = {path, mapping.bytes, mapping.len};
    MWI_GOTO(mwi_npy_header(ctx, &r, &npy));
    MWI_GOTO(mwi_read_bytes(ctx, &r, npy.header_bytes, npy.data_bytes, "array data", &data));
    MWI_GOTO(mwi_alloc(ctx, npy.data_bytes + 1, &copy));
    if (npy.data_bytes > 0) memcpy(copy, data, npy.data_bytes);
    mwi_swap_bytes(copy, npy.data_bytes, npy.swapped_bytes);
    out_array->dtype = npy.dtype;
    out_array->rank = npy.rank;
    memcpy(out_array->dims, npy.dims, sizeof out_array->dims);
    out_array->data = copy;
    out_array->bytes = npy.data_bytes;
    out_array->heap = mwi_heap_retain(ctx);
out:
    mwi_file_unmap(&mapping);
    return st;
}

void mw_array_free(mw_array *array)
{
    if (array == NULL || array->heap == NULL) return;
    mwi_heap_free(array->heap, array->data, array->bytes + 1);
    mwi_heap_release(array->heap);
    memset(array, 0, sizeof *array);
}

/* The header as NumPy writes it: padded with blanks so that data start at a multiple of 64. */
static mw_status header_text(mw_ctx *ctx, mw_dtype dtype, int32_t rank, const int32_t *dims,
                             uint8_t *out, size_t *out_n)
{
    char text[512];
    const char *descr = NULL;
    size_t n = 0;

    for (size_t i = 0; i < MWI_COUNT(types); i++)
        if (types[i].dtype == dtype) descr = types[i].descr;
    if (descr == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, ".npy has no type for %s", mw_dtype_name(dtype));
    n += (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          descr);
    for (int32_t i = 0; i < rank; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d%s", i == 0 ? "" : ", ", dims[i],
                              rank == 1 ? "," : "");
    n += (size_t)snprintf(text + n, sizeof text - n, "), }");
    while ((10 + n + 1) % 64 != 0) text[n++] = ' ';
    text[n++] = '\n';
    memcpy(out, magic, sizeof magic);
    out[6] = 1;
    out[7] = 0;
    out[8] = (uint8_t)n;
    out[9] = (uint8_t)(n >> 8);
    memcpy(out + 10, text, n);
    *out_n = 10 + n;
    return MW_OK;
}

/* ---- an array in pieces ---- */

struct mw_array_writer {
    mwi_heap *heap;
    mwi_output *output;
    size_t bytes, written; /* of the data */
};

static mw_status start(mw_ctx *ctx, const char *path, mw_dtype dtype, int32_t rank,
                       const int32_t *dims, mw_array_writer *w)
{
    uint8_t header[640];
    size_t n;

    if (rank < 0 || rank > MW_MAX_RANK || !mwi_array_bytes(dtype, rank, dims, &w->bytes))
        return mwi_fail(ctx, MW_EINVAL, "%s: not an array that can be saved", path);
    MWI_TRY(mwi_prefix(ctx, header_text(ctx, dtype, rank, dims, header, &n), "%s", path));
    MWI_TRY(mwi_output_open(ctx, path, &w->output));
    return mwi_output_write(ctx, w->output, header, n);
}

mw_status mw_array_writer_open(mw_ctx *ctx, const char *path, mw_dtype dtype, int32_t rank,
                               const int32_t *dims, mw_array_writer **out_writer)
{
    void *memory;

    mwi_enter(ctx);
    *out_writer = NULL;
    MWI_TRY(mwi_alloc(ctx, sizeof(mw_array_writer), &memory));
    mw_array_writer *const w = memory;
    *w = (mw_array_writer){.heap = mwi_heap_retain(ctx)};
    const mw_status st = start(ctx, path, dtype, rank, dims, w);
    if (st == MW_OK)
        *out_writer = w;
    else
        mw_array_writer_discard(w);
    return st;
}

mw_status mw_array_writer_append(mw_ctx *ctx, mw_array_writer *writer, const void *data,
                                 size_t bytes)
{
    mwi_enter(ctx);
    if (bytes > writer->bytes - writer->written)
        return mwi_fail(ctx, MW_EINVAL, "%zu bytes more than the %zu of the array's shape",
                        bytes - (writer->bytes - writer->written), writer->bytes);
    writer->written += bytes;
    return mwi_output_write(ctx, writer->output, data, bytes);
}

mw_status mw_array_writer_commit(mw_ctx *ctx, mw_array_writer *writer)
{
    mw_status st;

    mwi_enter(ctx);
    if (writer->written == writer->bytes) {
        st = mwi_output_commit(ctx, writer->output);
        writer->output = NULL;
    } else {
        st = mwi_fail(ctx, MW_EINVAL, "%zu bytes written, the array's shape says %zu",
                      writer->written, writer->bytes);
    }
    mw_array_writer_discard(writer);
    return st;
}

void mw_array_writer_discard(mw_array_writer *writer)
{
    if (writer == NULL) return;
    mwi_heap *const heap = writer->heap;
    mwi_output_discard(writer->output);
    mwi_heap_free(heap, writer, sizeof *writer);
    mwi_heap_release(heap);
}

mw_status mw_array_save(mw_ctx *ctx, const char *path, mw_dtype dtype, int32_t rank,
                        const int32_t *dims, const void *data)
{
    mw_array_writer *w;

    mwi_enter(ctx);
    MWI_TRY(mw_array_writer_open(ctx, path, dtype, rank, dims, &w));
    const mw_status st = mw_array_writer_append(ctx, w, data, w->bytes);
    if (st == MW_OK) return mw_array_writer_commit(ctx, w);
    mw_array_writer_discard(w);
    return st;
}
