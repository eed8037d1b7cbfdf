/* formats/keras/keras_config_fuzz.c - the config reader and every layer's row on hostile JSON: a
 * graph that infers and verifies, or an error. Weights are zeros of the shapes that are wanted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mw_status build(mw_ctx *ctx, const char *text, size_t n, mw_model *m)
{
    static const mw_shape shapes[] = {{4, {1, 8, 8, 3}}, {3, {1, 6, 4}}};
    const mw_load_options options = {.input_shapes = shapes, .n_input_shapes = n % 3};

    MWI_TRY(mwi_keras_load_config(ctx, text, n, NULL, &options, m));
    MWI_TRY(mwi_model_verify(ctx, m));
    return mwi_graph_infer(ctx, m, m->graphs[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mw_ctx_options limits = {
        .limits = {.max_memory_bytes = 64 << 20, .max_ops = 5000, .max_tensors = 20000}};
    mw_model *m;
    mw_ctx *ctx;

    if (mw_ctx_create(&limits, &ctx) != MW_OK) return 0;
    if (mwi_model_create(ctx, "fuzz", &m) == MW_OK) {
        const mw_status st = build(ctx, (const char *)data, size, m);
        if (st != MW_OK && (*mw_ctx_error(ctx) == '\0' || mw_ctx_error_status(ctx) != st)) abort();
        mw_model_destroy(m);
    }
    if (mw_ctx_memory_bytes(ctx) != 0) abort();
    mw_ctx_destroy(ctx);
    return 0;
}
