/* data/data_fuzz.c - every kind of data set from hostile bytes: opens or fails, reads what it
 * promises. The first byte picks: images by it being 0, else a data set.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/image_decode.h"
#include "data/source.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What strings point to is read, so that a wrong address shows under a sanitizer. */
static void read_strings(mw_ctx *ctx, mw_dataset *ds, uint64_t first, size_t count, size_t n)
{
    const mw_tensor_info as = {.name = "text", .dtype = MW_STRING};
    mw_string *const out = malloc(n * sizeof *out + 1);
    unsigned sum = 0;

    if (out == NULL) return;
    if (mw_dataset_read(ctx, ds, 0, first, count, &as, out, n * sizeof *out) != MW_OK) {
        mw_ctx_clear(ctx);
        n = 0;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < out[i].bytes; k++) sum += (unsigned char)out[i].data[k];
    if (sum == UINT32_MAX) abort(); /* never: so that the sum is wanted */
    free(out);
}

static void read_some(mw_ctx *ctx, mw_dataset *ds)
{
    const uint64_t n = mw_dataset_n_samples(ds);
    const size_t count = n < 3 ? (size_t)n : 3;
    mw_tensor_info as;
    double label[64];

    if (mw_dataset_input(ctx, ds, 0, &as) != MW_OK) return;
    size_t bytes = 4 * count;
    for (int32_t i = 0; i < as.rank; i++) {
        if (as.dims[i] > 4096 || bytes > 1 << 22) return;
        bytes *= (size_t)as.dims[i];
    }
    if (as.dtype == MW_STRING) {
        read_strings(ctx, ds, n - count, count, bytes / 4);
        read_strings(ctx, ds, 0, count, bytes / 4);
    }
    as.dtype = MW_FLOAT32;
    void *const out = malloc(bytes + 1);
    if (out != NULL) {
        if (mw_dataset_read(ctx, ds, 0, n - count, count, &as, out, bytes) != MW_OK)
            mw_ctx_clear(ctx);
        if (mw_dataset_read(ctx, ds, 0, 0, count, &as, out, bytes) != MW_OK) mw_ctx_clear(ctx);
        if (mw_dataset_label_size(ds, NULL) <= 16 && mw_dataset_label_size(ds, NULL) > 0 &&
            mw_dataset_read_labels(ctx, ds, 0, count, label) != MW_OK)
            mw_ctx_clear(ctx);
    }
    free(out);
}

static void read_set(mw_ctx *ctx, const uint8_t *data, size_t size, const mw_dataset_options *o)
{
    const mwi_reader r = {"set", data, size};
    mw_dataset *ds = NULL;

    if (mwi_dataset_open_bytes(ctx, &r, o, &ds) == MW_OK)
        read_some(ctx, ds);
    else
        mw_ctx_clear(ctx);
    mw_dataset_close(ds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mw_ctx_options limits = {.limits = {.max_memory_bytes = 64 << 20}};
    const mw_tensor_info text = {
        .name = "text", .dtype = MW_STRING, .rank = 2, .dims = {1, 1}, .signature = {-1, -1}};
    const mw_dataset_options numbers = {.role = MW_DATA_TEST},
                             texts = {.role = MW_DATA_TEST, .inputs = &text, .n_inputs = 1};
    mw_ctx *ctx;

    if (size == 0 || mw_ctx_create(&limits, &ctx) != MW_OK) return 0;
    if (data[0] == 0) {
        const mwi_image_shape shape = {9, 7, size > 1 && (data[1] & 1) != 0 ? 3 : 1};
        uint8_t pixels[9 * 7 * 3];
        if (size > 2 && mwi_image_decode(ctx, "image", data + 2, size - 2, &shape, pixels) != MW_OK)
            mw_ctx_clear(ctx);
    } else {
        read_set(ctx, data, size, &numbers);
        read_set(ctx, data, size, &texts);
    }
    if (mw_ctx_memory_bytes(ctx) != 0) abort();
    mw_ctx_destroy(ctx);
    return 0;
}
