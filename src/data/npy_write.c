/* data/npy_write.c - writing NumPy's .npy, whole or in pieces.
 * Depends: data/source, base/.  Used by: programs through milliwatt/data.h.
 * Format:  NumPy's NEP 1, version 1.0.   SPDX-License-Identifier: Apache-2.0 */
#include "data/source.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { HEADER_BYTES = 640 };

/* The header as NumPy writes it: padded with blanks so that data start at a multiple of 64. */
static size_t header_text(const char *descr, int32_t rank, const int32_t *dims, uint8_t *out)
{
    static const uint8_t start[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    char text[512];
    size_t n = 0;

    n += (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          descr);
    for (int32_t i = 0; i < rank; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d%s", i == 0 ? "" : ", ", dims[i],
                              rank == 1 ? "," : "");
    n += (size_t)snprintf(text + n, sizeof text - n, "), }");
    while ((10 + n + 1) % 64 != 0) text[n++] = ' ';
    text[n++] = '\n';
    memcpy(out, start, sizeof start);
    out[8] = (uint8_t)n;
    out[9] = (uint8_t)(n >> 8);
    memcpy(out + 10, text, n);
    return 10 + n;
}

struct mw_array_writer {
    mwi_heap *heap;
    mwi_output *output;
    size_t bytes, written; /* of the data */
    bool is_text;
    /* ---- strings: kept until the longest is known ---- */
    mwi_text text; /* for each its length, a size_t, and its bytes */
    size_t longest;
    int32_t rank, dims[MW_MAX_RANK];
};

static mw_status start(mw_ctx *ctx, const char *path, mw_dtype dtype, int32_t rank,
                       const int32_t *dims, mw_array_writer *w)
{
    const uint64_t most = mwi_limits(ctx)->max_memory_bytes;
    uint8_t header[HEADER_BYTES];

    if (rank < 0 || rank > MW_MAX_RANK || !mwi_array_bytes(dtype, rank, dims, &w->bytes))
        return mwi_fail(ctx, MW_EINVAL, "%s: not an array that can be saved", path);
    w->is_text = dtype == MW_STRING;
    if (!w->is_text && mwi_npy_descr(dtype) == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: .npy has no type for %s", path,
                        mw_dtype_name(dtype));
    MWI_TRY(mwi_output_open(ctx, path, &w->output));
    if (!w->is_text)
        return mwi_output_write(ctx, w->output, header,
                                header_text(mwi_npy_descr(dtype), rank, dims, header));
    mwi_text_init(ctx, &w->text, most < SIZE_MAX ? (size_t)most : SIZE_MAX);
    w->rank = rank;
    memcpy(w->dims, dims, (size_t)rank * sizeof *dims);
    return MW_OK;
}

/* ---- strings ---- */

static mw_status keep_strings(mw_ctx *ctx, mw_array_writer *w, const mw_string *strings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const mw_string *const s = &strings[i];
        if (s->bytes > w->longest) w->longest = s->bytes;
        MWI_TRY(mwi_text_append(ctx, &w->text, (const char *)&s->bytes, sizeof s->bytes));
        if (s->bytes > 0) MWI_TRY(mwi_text_append(ctx, &w->text, s->data, s->bytes));
    }
    return MW_OK;
}

static mw_status write_zeros(mw_ctx *ctx, mw_array_writer *w, size_t n)
{
    static const uint8_t zeros[256];

    for (size_t some; n > 0; n -= some) {
        some = n < sizeof zeros ? n : sizeof zeros;
        MWI_TRY(mwi_output_write(ctx, w->output, zeros, some));
    }
    return MW_OK;
}

/* All of them, each as long as the longest. */
static mw_status write_strings(mw_ctx *ctx, mw_array_writer *w)
{
    uint8_t header[HEADER_BYTES];
    char descr[32];
    size_t bytes;

    if (w->longest == 0) w->longest = 1; /* as NumPy */
    (void)snprintf(descr, sizeof descr, "|S%zu", w->longest);
    MWI_TRY(mwi_output_write(ctx, w->output, header, header_text(descr, w->rank, w->dims, header)));
    const char *at = mwi_text_chars(&w->text), *const end = at + w->text.n;
    for (; at < end; at += bytes) {
        memcpy(&bytes, at, sizeof bytes);
        at += sizeof bytes;
        MWI_TRY(mwi_output_write(ctx, w->output, at, bytes));
        MWI_TRY(write_zeros(ctx, w, w->longest - bytes));
    }
    return MW_OK;
}

/* ---- the writer ---- */

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
    if (writer->is_text) return keep_strings(ctx, writer, data, bytes / sizeof(mw_string));
    return mwi_output_write(ctx, writer->output, data, bytes);
}

static mw_status finish(mw_ctx *ctx, mw_array_writer *w)
{
    if (w->written != w->bytes)
        return mwi_fail(ctx, MW_EINVAL, "%zu bytes written, the array's shape says %zu", w->written,
                        w->bytes);
    if (w->is_text) MWI_TRY(write_strings(ctx, w));
    const mw_status st = mwi_output_commit(ctx, w->output);
    w->output = NULL;
    return st;
}

mw_status mw_array_writer_commit(mw_ctx *ctx, mw_array_writer *writer)
{
    mwi_enter(ctx);
    const mw_status st = finish(ctx, writer);
    mw_array_writer_discard(writer);
    return st;
}

void mw_array_writer_discard(mw_array_writer *writer)
{
    if (writer == NULL) return;
    mwi_heap *const heap = writer->heap;
    mwi_output_discard(writer->output);
    mwi_text_deinit(&writer->text);
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
