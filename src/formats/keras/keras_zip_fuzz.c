/* formats/keras/keras_zip_fuzz.c - any bytes as a .keras file.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mw_ctx_options options = {.limits = {.max_memory_bytes = 96 << 20}};
    const mwi_reader reader = {"fuzz.keras", data, size};
    volatile uint64_t sum = 0;
    mwi_keras_archive archive;
    mwi_arena arena;
    mw_ctx *ctx;

    if (mw_ctx_create(&options, &ctx) != MW_OK) return 0;
    mwi_arena_init(ctx, &arena);
    const mw_status st = mwi_keras_open_zip(ctx, &reader, &arena, &archive);
    if (st == MW_OK) {
        sum = sum + strlen(archive.config_json) + strlen(archive.keras_version);
        for (size_t i = 0; i < archive.n_arrays; i++) {
            const uint8_t *const p = archive.arrays[i].data;
            for (size_t k = 0; k < archive.arrays[i].bytes; k += 61) sum = sum + p[k];
        }
    } else if (mw_ctx_error(ctx)[0] == '\0') {
        abort(); /* an error without a message */
    }
    mwi_arena_deinit(&arena);
    if (mw_ctx_memory_bytes(ctx) != 0) abort(); /* a leak */
    mw_ctx_destroy(ctx);
    return 0;
}
