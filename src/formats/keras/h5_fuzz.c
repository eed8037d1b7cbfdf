/* formats/keras/h5_fuzz.c - any bytes as a Keras .h5 file: every array is read and every pointer
 * touched.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sums what the archive points to, so that a sanitizer sees each byte. */
static uint64_t touch(const mwi_keras_archive *a)
{
    uint64_t sum = a->config_bytes + a->training_bytes;

    for (size_t i = 0; i < a->n_arrays; i++) {
        const uint8_t *const p = a->arrays[i].data;
        if (mwi_keras_array_at(a, a->arrays[i].path) != &a->arrays[i]) abort();
        for (size_t k = 0; k < a->arrays[i].bytes; k += 61) sum += p[k];
        if (a->arrays[i].bytes > 0) sum += p[a->arrays[i].bytes - 1];
    }
    for (size_t i = 0; i < a->n_groups; i++) {
        if (mwi_keras_group_at(a, a->groups[i].path) != &a->groups[i]) abort();
        for (size_t k = 0; k < a->groups[i].n_weight_names; k++)
            sum += strlen(a->groups[i].weight_names[k]);
        if (a->groups[i].name != NULL) sum += strlen(a->groups[i].name);
    }
    for (size_t i = 0; i < a->n_layer_names; i++) sum += strlen(a->layer_names[i]);
    if (a->config_json != NULL && strlen(a->config_json) > a->config_bytes) abort();
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mw_ctx_options options = {.limits = {.max_memory_bytes = 96 << 20}};
    const mwi_reader reader = {"fuzz.h5", data, size};
    volatile uint64_t sum = 0;
    mwi_keras_archive archive;
    mwi_arena arena;
    mw_ctx *ctx;

    if (mw_ctx_create(&options, &ctx) != MW_OK) return 0;
    mwi_arena_init(ctx, &arena);
    const mw_status st = mwi_keras_open_h5(ctx, &reader, &arena, &archive);
    if (st == MW_OK)
        sum = sum + touch(&archive);
    else if (mw_ctx_error(ctx)[0] == '\0')
        abort(); /* an error without a message */
    mwi_arena_deinit(&arena);
    if (mw_ctx_memory_bytes(ctx) != 0) abort(); /* a leak */
    mw_ctx_destroy(ctx);
    return 0;
}
