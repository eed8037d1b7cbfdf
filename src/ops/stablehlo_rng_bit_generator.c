/* ops/stablehlo_rng_bit_generator.c - STABLEHLO_RNG_BIT_GENERATOR: random bits of the output's
 * declared shape, and the generator's next state; by Threefry or Philox (Salmon et al., SC 2011).
 * Depends: ops/shapes, ops/philox.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/philox.h"
#include "ops/shapes.h"

enum { DEFAULT = 0, PHILOX = 1, THREEFRY = 2 };

typedef struct attr {
    int32_t algorithm;
} attr;

static const char *const names[] = {"DEFAULT", "PHILOX", "THREEFRY"};
static const mwi_field fields[] = {
    {"algorithm", offsetof(attr, algorithm), MWI_FIELD_ENUM, 0, 0, 0, 2, names},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const state = &call->in[0];
    const bool threefry = ((const attr *)call->attr)->algorithm == THREEFRY;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, 1));
    if (state->dims[0] != 2 && (threefry || state->dims[0] != 3))
        return mwi_fail(ctx, MW_EFORMAT, "a state of %d numbers, allowed 2%s", state->dims[0],
                        threefry ? "" : " or 3");
    mwi_view_set_dims(&call->out[0], 1, state->dims);
    const mwi_tensor *const t = call->out[1].tensor;
    mwi_view_set_dims(&call->out[1], t->rank, t->dims);
    return MW_OK;
}

static uint32_t rotate(uint32_t x, unsigned by) { return x << by | x >> (32 - by); }

/* Threefry 2x32 with 20 rounds. */
static void threefry(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    static const uint8_t turns[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1bd11bdau};
    uint32_t a = counter[0] + keys[0], b = counter[1] + keys[1];

    for (uint32_t group = 0; group < 5; group++) {
        for (int i = 0; i < 4; i++) {
            a += b;
            b = rotate(b, turns[group % 2][i]) ^ a;
        }
        a += keys[(group + 1) % 3];
        b += keys[(group + 2) % 3] + group + 1;
    }
    out[0] = a;
    out[1] = b;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const bool is_threefry = ((const attr *)call->attr)->algorithm == THREEFRY;
    const size_t n = call->out[1].bytes / sizeof(uint32_t), words = is_threefry ? 2 : 4;
    const size_t rest = call->in[0].dims[0] == 3 ? 4 : 0;
    uint32_t *const out = call->out[1].data, *const next = call->out[0].data;
    uint32_t state[6], block[4];

    (void)ctx;
    memcpy(state, call->in[0].data, call->in[0].bytes);
    uint32_t counter[4] = {state[2], state[3], state[rest], state[rest + 1]};
    for (size_t i = 0; i < n; i += words) {
        if (is_threefry)
            threefry(state, counter, block);
        else
            mwi_philox(state, counter, block);
        memcpy(out + i, block, (n - i < words ? n - i : words) * sizeof *out);
        if (++counter[0] == 0) counter[1]++;
    }
    memcpy(next, call->in[0].data, call->in[0].bytes);
    next[2] = counter[0];
    next[3] = counter[1];
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "u64_stablehlo_rng_bit_generator__ref",
     .types = "u64>u64,i32|u32|i64|u64",
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_rng_bit_generator = {
    .name = "STABLEHLO_RNG_BIT_GENERATOR",
    .tflite_code = 204,
    .options2_type = 19,
    .min_in = 1,
    .max_in = 1,
    .min_out = 2,
    .max_out = 2,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
