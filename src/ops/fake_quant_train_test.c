/* ops/fake_quant_train_test.c - FAKE_QUANT_TRAIN rounds as the quantizer does, watches ranges, and
 * FAKE_QUANT_GRAD gives the estimates of the straight-through and learned-step papers; neither
 * depends on threads.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "graph_builder.h"
#include "ops/quant_params.h"
#include "support.h"

enum { CHANNELS = 3, WIDTH = 5000, N = CHANNELS * WIDTH };

static const struct {
    const char *name;
    int32_t bits, axis;
    bool symmetric, narrow;
    bool min, max; /* operands that are given */
    float range[2];
    float on; /* 0: the operand is left out */
} cases[] = {
    {"int8", 8, -1, false, false, true, true, {-0.7f, 1.3f}, 0},
    {"int8, nothing below 0", 8, -1, false, false, true, true, {0, 1.3f}, 0},
    {"int8, zero outside", 8, -1, false, false, true, true, {0.25f, 1.3f}, 0},
    {"int16", 16, -1, true, false, true, true, {-0.7f, 1.3f}, 0},
    {"int8 by channel, own range", 8, 0, true, true, false, false, {0}, 0},
    {"int4 by channel, own range", 4, 0, true, true, false, false, {0}, 0},
    {"int4, own range", 4, -1, true, true, false, false, {0}, 0},
    {"int4 by channel, largest", 4, 0, true, true, false, true, {0, 1.1f}, 0},
    {"int4 by the last dimension", 4, 1, true, true, false, false, {0}, 0},
    {"int8, own range", 8, -1, false, false, false, false, {0}, 0},
    {"nothing known", 8, -1, false, false, true, true, {1, -1}, 0},
    {"on", 8, -1, false, false, true, true, {-0.7f, 1.3f}, 1},
    {"not on", 8, -1, false, false, true, true, {-0.7f, 1.3f}, -1},
    {"not on, own range", 4, 0, true, true, false, false, {0}, -1},
};

static float x[N], dy[N];

static void fill(void)
{
    mwi_rng rng = {5};
    for (size_t i = 0; i < N; i++) {
        x[i] = (float)((2 * mwi_rng_uniform(&rng) - 0.9) * (1 + (double)(i / WIDTH) / 2));
        dy[i] = (float)(2 * mwi_rng_uniform(&rng) - 1);
    }
    for (int k = 0; k < 40; k++)
        x[k] = ((float)k - 19.5f) * (2.0f / 255); /* ties of a range of 2 */
    x[40] = -0.0f;
}

/* ---- one operator in a session ---- */

struct results {
    float y[N], dx[N], dx_alone[N];
    float seen_min[WIDTH], seen_max[WIDTH], d_min[WIDTH], d_max[WIDTH];
};

static void set_attributes(mwi_op *op, size_t c)
{
    mwi_op_set_i32(op, "num_bits", cases[c].bits);
    mwi_op_set_i32(op, "axis", cases[c].axis);
    *(bool *)((char *)op->attr + mwi_op_field(op->desc, "symmetric")->offset) = cases[c].symmetric;
    *(bool *)((char *)op->attr + mwi_op_field(op->desc, "narrow_range")->offset) = cases[c].narrow;
}

static int32_t channels_of(size_t c)
{
    return cases[c].axis < 0 ? 1 : cases[c].axis == 0 ? CHANNELS : WIDTH;
}

static mw_model *build(mw_ctx *ctx, size_t c)
{
    builder b = builder_open(ctx);
    const int32_t dims[2] = {CHANNELS, WIDTH}, n = channels_of(c);
    int32_t bound[3] = {-1, -1, -1}, out[7], inputs[2];
    float values[CHANNELS];

    for (int k = 0; k < 2; k++) inputs[k] = builder_value(&b, 2, dims);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < CHANNELS; i++) values[i] = cases[c].range[k];
        if (k == 0 ? cases[c].min : cases[c].max) bound[k] = builder_floats(&b, 1, &n, values);
    }
    if (cases[c].on != 0) bound[2] = builder_floats(&b, DIMS(1), &cases[c].on);
    for (int k = 0; k < 7; k++)
        out[k] = k == 0 || k == 3 || k == 6 ? builder_value(&b, 2, dims) : builder_value(&b, 1, &n);
    set_attributes(builder_op(&b, "FAKE_QUANT_TRAIN",
                              TENSORS(inputs[0], bound[0], bound[1], bound[2]), out, 3),
                   c);
    if (cases[c].max)
        set_attributes(builder_op(&b, "FAKE_QUANT_GRAD",
                                  TENSORS(inputs[0], bound[0], bound[1], bound[2], inputs[1]),
                                  out + 3, 3),
                       c);
    if (cases[c].max)
        set_attributes(builder_op(&b, "FAKE_QUANT_GRAD",
                                  TENSORS(inputs[0], bound[0], bound[1], bound[2], inputs[1]),
                                  out + 6, 1),
                       c);
    return builder_close(&b, inputs, 2, out, cases[c].max ? 7 : 3);
}

static void run(mw_ctx *ctx, const mw_model *m, uint32_t n_threads, const char *kernels,
                struct results *r)
{
    const mw_session_options options = {.n_threads = n_threads, .kernels = kernels};
    void *const into[7] = {r->y, r->seen_min, r->seen_max, r->dx, r->d_min, r->d_max, r->dx_alone};
    mw_session *s;
    mw_buffer buffer;

    memset(r, 0, sizeof *r);
    assert_ok(ctx, mw_session_create(ctx, m, &options, &s));
    for (size_t k = 0; k < 2; k++) {
        assert_ok(ctx, mw_session_input(ctx, s, k, &buffer));
        memcpy(buffer.data, k == 0 ? x : dy, sizeof x);
    }
    assert_ok(ctx, mw_session_run(ctx, s));
    for (size_t k = 0; k < mw_model_n_outputs(m); k++) {
        assert_ok(ctx, mw_session_output(ctx, s, k, &buffer));
        memcpy(into[k], buffer.data, buffer.bytes);
    }
    mw_session_destroy(s);
}

/* ---- what it must be ---- */

static size_t channel(size_t c, size_t i)
{
    return cases[c].axis < 0 ? 0 : cases[c].axis == 0 ? i / WIDTH : i % WIDTH;
}

static mw_dtype type_of(size_t c)
{
    return cases[c].bits == 4 ? MW_INT4 : cases[c].bits == 8 ? MW_INT8 : MW_INT16;
}

static mwi_params params_of(size_t c, const struct results *r, size_t k)
{
    const float max = cases[c].max ? cases[c].range[1] : r->seen_max[k];
    const float min = cases[c].min ? cases[c].range[0] : cases[c].max ? -max : r->seen_min[k];
    return mwi_params_from_range(type_of(c), cases[c].symmetric, (double)min, (double)max);
}

static void limits_of(size_t c, int32_t *low, int32_t *high)
{
    mwi_quant_range(type_of(c), low, high);
    if (cases[c].narrow) *low = -*high;
}

static bool is_off(size_t c)
{
    return cases[c].on < 0 || (cases[c].min && cases[c].range[0] > cases[c].range[1]);
}

static void check_values(size_t c, const struct results *r)
{
    int32_t low, high;

    limits_of(c, &low, &high);
    for (size_t i = 0; i < N; i++) {
        const mwi_params p = params_of(c, r, channel(c, i));
        const int32_t q = mwi_quantize_one(x[i], p, low, high);
        const float want = is_off(c) ? x[i] : p.scale * (float)(q - p.zero_point);
        if (r->y[i] != want)
            fail_msg("%s: value %zu: %g becomes %g, not %g", cases[c].name, i, (double)x[i],
                     (double)r->y[i], (double)want);
    }
}

static void check_seen(size_t c, const struct results *r)
{
    for (size_t k = 0; k < (size_t)channels_of(c); k++) {
        float min = INFINITY, max = -INFINITY;
        for (size_t i = 0; i < N; i++) {
            if (channel(c, i) != k) continue;
            min = fminf(min, x[i]);
            max = fmaxf(max, x[i]);
        }
        assert_true(r->seen_min[k] == min && r->seen_max[k] == max);
    }
}

/* Sums of the estimates, in the papers' words: dy * (round(v) - v) within, dy * bound outside. */
static void check_gradients(size_t c, const struct results *r)
{
    double d_scale[CHANNELS] = {0}, below[CHANNELS] = {0}, above[CHANNELS] = {0};
    int32_t low, high;

    limits_of(c, &low, &high);
    for (size_t i = 0; i < N; i++) {
        const size_t k = channel(c, i);
        const mwi_params p = params_of(c, r, k);
        const bool off = is_off(c);
        const float v = x[i] / p.scale;
        const bool under = v<(float)(low - p.zero_point), over = v>(float)(high - p.zero_point);
        assert_true(r->dx[i] == (!off && (under || over) ? 0 : dy[i]));
        assert_true(r->dx_alone[i] == r->dx[i]);
        if (off) continue;
        below[k] += under ? (double)dy[i] : 0;
        above[k] += over ? (double)dy[i] : 0;
        d_scale[k] += under || over ? 0 : (double)dy[i] * (double)(roundf(v) - v);
    }
    for (size_t k = 0; k < (size_t)channels_of(c); k++) {
        double d_min = below[k] - d_scale[k] / (high - low),
               d_max = above[k] + d_scale[k] / (high - low);
        if (cases[c].symmetric) {
            d_max = above[k] + (below[k] * low + d_scale[k]) / high;
            d_min = 0;
        }
        assert_true(fabs((double)r->d_min[k] - d_min) < 1e-4);
        assert_true(fabs((double)r->d_max[k] - d_max) < 1e-4);
    }
}

static void rounds_watches_and_estimates(void **state)
{
    static const char *const kernels[] = {NULL, "*__ref", "*__avx2"};
    static struct results one, other;
    mw_ctx *const ctx = test_ctx();
    (void)state;

    fill();
    for (size_t c = 0; c < MWI_COUNT(cases); c++) {
        mw_model *const m = build(ctx, c);
        run(ctx, m, 1, "*__ref", &one);
        for (size_t k = 0; k < MWI_COUNT(kernels); k++) {
            run(ctx, m, 3, kernels[k], &other);
            assert_memory_equal(&one, &other, sizeof one);
        }
        check_values(c, &one);
        check_seen(c, &one);
        if (cases[c].max) check_gradients(c, &one);
        mw_model_destroy(m);
    }
    mw_ctx_destroy(ctx);
}

/* What is not a number stays so, is no part of a range, and has no gradient. */
static void not_a_number_stays(void **state)
{
    static const char *const kernels[] = {NULL, "*__ref", "*__avx2"};
    static struct results r;
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = build(ctx, 0);
    (void)state;

    fill();
    x[3] = x[N - 1] = NAN;
    for (size_t k = 0; k < MWI_COUNT(kernels); k++) {
        run(ctx, m, 1, kernels[k], &r);
        assert_true(isnan(r.y[3]) && isnan(r.y[N - 1]) && r.y[4] == r.y[4]);
        assert_true(r.dx[3] == 0 && r.dx_alone[3] == 0 && r.dx_alone[N - 1] == 0);
        assert_true(isfinite(r.seen_min[0]) && isfinite(r.seen_max[0]));
    }
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rounds_watches_and_estimates),
                                       cmocka_unit_test(not_a_number_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
