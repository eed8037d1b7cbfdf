/* formats/keras/h5_fuzz.c - the HDF5 reader on hostile bytes: opens or fails; arrays hold what they say.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mw_ctx_options limits = {.limits = {.max_memory_bytes = 64 << 20}};
    const mwi_reader r = {"fuzz.h5", data, size};
    mwi_keras_archive a;
    mwi_arena arena;
    mw_ctx *ctx;
    unsigned sum = 0;

    if (mw_ctx_create(&limits, &ctx) != MW_OK) return 0;
    memset(&a, 0, sizeof a);
    mwi_arena_init(ctx, &arena);
    if (mwi_keras_open_h5(ctx, &r, &arena, &a) == MW_OK)
        for (size_t i = 0; i < a.n_arrays; i++) {
            for (size_t k = 0; k < a.arrays[i].bytes; k += 61) sum += ((const uint8_t *)a.arrays[i].data)[k];
            if (mwi_keras_array_at(&a, a.arrays[i].path) == NULL) abort();
        }
    else if (*mw_ctx_error(ctx) == '\0') abort();
    mwi_arena_deinit(&arena);
    if (mw_ctx_memory_bytes(ctx) != 0) abort();
    mw_ctx_destroy(ctx);
    return sum == 0x7fffffff;
}
