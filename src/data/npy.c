/* data/npy.c - reading NumPy's .npy: header, a data set of one array, whole arrays.
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

/* Bytes of elements of `n` bytes; false on overflow. */
static bool elements_bytes(size_t n, int32_t rank, const int32_t *dims, size_t *out)
{
    if (n == 0) return false;
    for (int32_t i = 0; i < rank; i++)
        if (dims[i] < 0 || !mwi_mul(n, (size_t)dims[i], &n)) return false;
    *out = n;
    return true;
}

const char *mwi_npy_descr(mw_dtype dtype)
{
    for (size_t i = 0; i < MWI_COUNT(types); i++)
        if (types[i].dtype == dtype) return types[i].descr;
    return NULL;
}

bool mwi_array_bytes(mw_dtype dtype, int32_t rank, const int32_t *dims, size_t *out)
{
    return elements_bytes(mw_dtype_bits(dtype) / 8, rank, dims, out);
}

static size_t stored_bytes(mw_dtype dtype, const mwi_npy_text *text)
{
    return dtype == MW_STRING ? text->bytes : mw_dtype_bits(dtype) / 8;
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

/* "|S5" or "<U5": strings of up to 5 bytes or characters. */
static bool parse_text(const char *at, mwi_npy *out)
{
    enum { MAX_BYTES = 1 << 28 };
    const bool is_utf32 = at[0] == '\'' && at[1] != '\0' && at[2] == 'U';
    size_t n = 0;

    if (at[0] != '\'' || at[1] == '\0' || strchr("<>=|", at[1]) == NULL ||
        (at[2] != 'S' && !is_utf32))
        return false;
    for (at += 3; *at >= '0' && *at <= '9' && n <= MAX_BYTES; at++)
        n = n * 10 + (size_t)(*at - '0');
    if (*at != '\'' || n == 0 || n > MAX_BYTES) return false;
    out->dtype = MW_STRING;
    out->text = (mwi_npy_text){is_utf32 ? 4 * n : n, is_utf32};
    return true;
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
    if (parse_text(at, out)) {
        out->swapped_bytes = at[1] == '>' && out->text.is_utf32 ? 4 : 0;
        return MW_OK;
    }
    const int n = *at == '\'' ? (int)strcspn(at + 1, "'") : 0;
    return mwi_fail(
        ctx, MW_EUNSUPPORTED,
        "%s: arrays of type '%.*s' are not supported, allowed are integers, floats, "
        "complex, bool and strings of a fixed size; convert it, e.g. a.astype('float32')",
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
    if (!elements_bytes(stored_bytes(out->dtype, &out->text), out->rank, out->dims,
                        &out->data_bytes))
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
    out->text = npy->text;
    if (!elements_bytes(stored_bytes(out->dtype, &out->text), out->rank, out->dims,
                        &out->sample_bytes))
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

/* The array in memory of its own: strings, then the bytes that they point to. */
static mw_status copy_array(mw_ctx *ctx, const mwi_npy *npy, const uint8_t *data, mw_array *out)
{
    const size_t n = npy->dtype == MW_STRING ? npy->data_bytes / npy->text.bytes : 0;
    size_t head, block;
    void *memory;

    if (!mwi_mul(n, sizeof(mw_string), &head) || !mwi_add(head, npy->data_bytes, &block) ||
        !mwi_add(block, 1, &block))
        return mwi_fail(ctx, MW_ELIMIT, "an array of %zu bytes", npy->data_bytes);
    MWI_TRY(mwi_alloc(ctx, block, &memory));
    uint8_t *const stored = (uint8_t *)memory + head;
    if (npy->data_bytes > 0) memcpy(stored, data, npy->data_bytes);
    mwi_swap_bytes(stored, npy->data_bytes, npy->swapped_bytes);
    mwi_npy_strings(&npy->text, stored, n, memory);
    *out = (mw_array){.dtype = npy->dtype,
                      .rank = npy->rank,
                      .data = memory,
                      .bytes = npy->dtype == MW_STRING ? head : npy->data_bytes,
                      .heap = mwi_heap_retain(ctx),
                      .block_bytes = block};
    memcpy(out->dims, npy->dims, sizeof out->dims);
    return MW_OK;
}

mw_status mw_array_load(mw_ctx *ctx, const char *path, mw_array *out_array)
{
    mwi_mapping mapping;
    mwi_npy npy;
    const uint8_t *data = NULL;
    mw_status st;

    mwi_enter(ctx);
    memset(out_array, 0, sizeof *out_array);
    MWI_TRY(mwi_file_map(ctx, path, &mapping));
    const mwi_reader r = {path, mapping.bytes, mapping.len};
    MWI_GOTO(mwi_npy_header(ctx, &r, &npy));
    MWI_GOTO(mwi_read_bytes(ctx, &r, npy.header_bytes, npy.data_bytes, "array data", &data));
    st = copy_array(ctx, &npy, data, out_array);
out:
    mwi_file_unmap(&mapping);
    return st;
}

void mw_array_free(mw_array *array)
{
    if (array == NULL || array->heap == NULL) return;
    mwi_heap_free(array->heap, array->data, array->block_bytes);
    mwi_heap_release(array->heap);
    memset(array, 0, sizeof *array);
}
