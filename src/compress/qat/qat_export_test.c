/* compress/qat/qat_export_test.c - a float graph with fake quantizers computes what the integer
 * model of the same ranges computes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/qat/export.h"
#include "compress/qat/insert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <milliwatt/milliwatt.h>

#include "base/rng.h"
#include "compress/quantize/affine.h"
#include "graph_builder.h"
#include "support.h"

enum { SAMPLES = 64, MAX_GROUPS = 64, MAX_POINTS = 96 };

/* ---- networks ---- */

static void scale_by(builder *b, int32_t constant, float factor, float offset)
{
    float *const x = (float *)(uintptr_t)b->graph->tensors[constant]->data; /* made by us */
    for (size_t i = 0; i < b->graph->tensors[constant]->bytes / sizeof *x; i++)
        x[i] = x[i] * factor + offset;
}

static mwi_op *last_op(const builder *b) { return b->graph->ops[b->graph->n_ops - 1]; }

static int32_t layer(builder *b, const char *name, int32_t x, int32_t rank, const int32_t *dims,
                     int32_t axis, uint64_t seed)
{
    size_t n;
    const int32_t w = builder_random(b, rank, dims, seed);
    const int32_t bias = builder_random(b, 1, &dims[axis], seed + 100);

    assert_true(mwi_dims_count(rank, dims, &n));
    scale_by(b, w, 2 / sqrtf((float)n / (float)dims[axis]), 0);
    const int32_t out = builder_apply(b, name, TENSORS(x, w, bias));
    mwi_op_set_i32(last_op(b), "stride_w", 1);
    mwi_op_set_i32(last_op(b), "stride_h", 1);
    return out;
}

static int32_t normalization(builder *b, int32_t x, int32_t channels, uint64_t seed)
{
    int32_t p[4];

    for (uint64_t i = 0; i < 4; i++) p[i] = builder_random(b, 1, &channels, seed + i);
    scale_by(b, p[0], 0.5f, 1);
    scale_by(b, p[3], 0.4f, 1);
    return builder_apply(b, "BATCH_NORMALIZATION", TENSORS(x, p[0], p[1], p[2], p[3]));
}

static void set_f32(mwi_op *op, const char *field, float value)
{
    *(float *)((char *)op->attr + mwi_op_field(op->desc, field)->offset) = value;
}

static int32_t softmax(builder *b, int32_t x)
{
    const int32_t out = builder_apply(b, "SOFTMAX", &x, 1);
    set_f32(last_op(b), "beta", 1);
    return out;
}

static int32_t flat(builder *b, int32_t x, int32_t n)
{
    const int32_t out = builder_value(b, DIMS(1, n));
    (void)builder_op(b, "RESHAPE", TENSORS(x, builder_ints(b, DIMS(2), (int32_t[]){-1, n})), &out,
                     1);
    return out;
}

/* Convolution, batch normalisation, activation; depthwise; a shortcut; two kinds of pooling. */
static mw_model *images(builder *b)
{
    const int32_t in = builder_value(b, DIMS(1, 8, 8, 3));
    int32_t t = layer(b, "CONV_2D", in, 4, (int32_t[]){8, 3, 3, 3}, 0, 1);
    t = normalization(b, t, 8, 11);
    const int32_t shortcut = builder_apply(b, "RELU", &t, 1);
    t = layer(b, "DEPTHWISE_CONV_2D", shortcut, 4, (int32_t[]){1, 3, 3, 8}, 3, 2);
    mwi_op_set_i32(last_op(b), "depth_multiplier", 1);
    t = normalization(b, t, 8, 21);
    t = builder_apply(b, "RELU6", &t, 1);
    t = builder_apply(b, "ADD", TENSORS(t, shortcut));
    const int32_t halves = builder_value(b, DIMS(1, 4, 4, 8));
    mwi_op *const pool = builder_op(b, "AVERAGE_POOL_2D", &t, 1, &halves, 1);
    for (const char *const *f =
             (const char *[]){"filter_width", "filter_height", "stride_w", "stride_h", NULL};
         *f != NULL; f++)
        mwi_op_set_i32(pool, *f, 2);
    t = layer(b, "FULLY_CONNECTED", flat(b, halves, 128), 2, (int32_t[]){10, 128}, 0, 3);
    b->graph->tensors[t]->rank = 2;
    const int32_t out = softmax(b, t);
    return builder_close(b, &in, 1, &out, 1);
}

/* One step of a gated recurrent cell: SPLIT, LOGISTIC, TANH, MUL, ADD; what is joined shares a
 * scale. */
static mw_model *cell(builder *b)
{
    const int32_t in = builder_value(b, DIMS(1, 16));
    int32_t gates[3];
    const int32_t t = layer(b, "FULLY_CONNECTED", in, 2, (int32_t[]){24, 16}, 0, 5);
    for (size_t i = 0; i < 3; i++) gates[i] = builder_value(b, DIMS(1, 8));
    mwi_op *const split =
        builder_op(b, "SPLIT", TENSORS(builder_ints(b, 0, NULL, (int32_t[]){1}), t), gates, 3);
    mwi_op_set_i32(split, "num_splits", 3);
    const int32_t gate = builder_apply(b, "LOGISTIC", &gates[0], 1);
    const int32_t candidate = builder_apply(b, "TANH", &gates[1], 1);
    const int32_t kept = builder_apply(b, "MUL", TENSORS(gate, candidate));
    const int32_t sum = builder_apply(b, "ADD", TENSORS(kept, gates[2]));
    const int32_t both = builder_value(b, DIMS(1, 16));
    mwi_op *const join = builder_op(b, "CONCATENATION", TENSORS(sum, candidate), &both, 1);
    mwi_op_set_i32(join, "axis", 1);
    const int32_t out = layer(b, "FULLY_CONNECTED", both, 2, (int32_t[]){4, 16}, 0, 6);
    return builder_close(b, &in, 1, &out, 1);
}

/* One dimension: convolutions between reshapes, through which passes move normalisation and
 * activation; a normalisation that nothing takes in; constants as operands. */
static mw_model *line(builder *b)
{
    const int32_t in = builder_value(b, DIMS(1, 1, 16, 4));
    int32_t t = layer(b, "CONV_2D", in, 4, (int32_t[]){8, 1, 3, 4}, 0, 7);
    const int32_t row = builder_value(b, DIMS(1, 16, 8));
    (void)builder_op(b, "RESHAPE", TENSORS(t, builder_ints(b, DIMS(3), (int32_t[]){-1, 16, 8})),
                     &row, 1);
    t = normalization(b, row, 8, 31);
    t = builder_apply(b, "RELU", &t, 1);
    const int32_t twice = builder_apply(b, "MUL", TENSORS(t, t));
    const int32_t moved = normalization(b, twice, 8, 41);
    t = builder_apply(b, "ADD", TENSORS(moved, twice));
    t = builder_apply(b, "MUL", TENSORS(t, builder_random(b, DIMS(16, 1), 9)));
    const int32_t out = layer(b, "FULLY_CONNECTED", flat(b, t, 128), 2, (int32_t[]){6, 128}, 0, 8);
    b->graph->tensors[out]->rank = 2;
    return builder_close(b, &in, 1, &out, 1);
}

/* ---- the float graph with fake quantizers ---- */

struct fixture {
    mw_ctx *ctx;
    mw_model *model, *rounded;
    mwi_qat_plan plan;
    mwi_qat_fake fakes[MAX_POINTS];
    float bounds[MAX_GROUPS][2]; /* read by the graph */
    mwi_range ranges[MAX_GROUPS];
};

static void add_bounds(struct fixture *f, mwi_qat_bounds *out)
{
    static const int32_t one = 1;
    mwi_graph *const g = f->rounded->graphs[0];

    for (size_t i = 0; i < f->plan.n_groups; i++)
        for (int k = 0; k < 2; k++) {
            int32_t *const t = k == 0 ? &out[i].min : &out[i].max;
            assert_ok(f->ctx, mwi_graph_add_const(f->ctx, f->rounded, g, "bound", MW_FLOAT32, 1,
                                                  &one, &f->bounds[i][k], t));
            g->tensors[*t]->data = &f->bounds[i][k];
        }
}

static void fixture_open(struct fixture *f, mw_ctx *ctx, mw_model *(*make)(builder *),
                         mw_quant_scheme scheme)
{
    mwi_qat_bounds bounds[MAX_GROUPS];
    builder b = builder_open(ctx);

    memset(f, 0, sizeof *f);
    f->ctx = ctx;
    f->model = make(&b);
    assert_ok(ctx, mwi_qat_plan_open(ctx, f->model, scheme, NULL, 0, &f->plan));
    assert_true(f->plan.n_groups <= MAX_GROUPS && f->plan.n_points <= MAX_POINTS);
    for (size_t i = 0; i < f->plan.n_groups; i++) {
        f->ranges[i] = f->plan.groups[i].range;
        f->bounds[i][0] = (float)f->ranges[i].min;
        f->bounds[i][1] = (float)f->ranges[i].max;
    }
    assert_ok(ctx, mwi_model_clone(ctx, f->model, &f->rounded));
    add_bounds(f, bounds);
    const mwi_qat_inputs inputs = {.groups = bounds, .on = -1};
    assert_ok(ctx,
              mwi_qat_insert(ctx, &f->plan, f->rounded, f->rounded->graphs[0], &inputs, f->fakes));
    assert_ok(ctx, mwi_model_verify(ctx, f->rounded));
}

static void fixture_close(struct fixture *f)
{
    mwi_qat_plan_close(&f->plan);
    mw_model_destroy(f->rounded);
    mw_model_destroy(f->model);
}

static size_t fill_sample(const mw_model *m, uint64_t sample, float *x)
{
    mwi_rng rng = {sample + 1};
    size_t n;
    const mwi_tensor *const t = m->graphs[0]->tensors[m->graphs[0]->inputs[0]];

    assert_true(mwi_dims_count(t->rank, t->dims, &n));
    for (size_t i = 0; i < n; i++) x[i] = (float)(2 * mwi_rng_uniform(&rng) - 0.8);
    return n;
}

/* Runs a model on one input; values by tensor, in `arena`. */
static void **run(mw_ctx *ctx, const mw_model *m, mwi_arena *arena, void *input)
{
    void *values;

    assert_ok(ctx, mwi_arena_array(ctx, arena, m->graphs[0]->n_tensors, sizeof(void *), &values));
    ((void **)values)[m->graphs[0]->inputs[0]] = input;
    run_naively(ctx, m, arena, values);
    return values;
}

static void watch(struct fixture *f)
{
    float x[1024];

    for (uint64_t s = 0; s < SAMPLES; s++) {
        mwi_arena arena;
        mwi_arena_init(f->ctx, &arena);
        (void)fill_sample(f->model, s, x);
        void **const values = run(f->ctx, f->rounded, &arena, x);
        for (size_t i = 0; i < f->plan.n_points; i++) {
            const mwi_qat_point *const p = &f->plan.points[i];
            if (!p->watched || f->fakes[i].y < 0) continue;
            mwi_range *const r = &f->ranges[p->group];
            const double low = (double)*(float *)values[f->fakes[i].seen_min],
                         high = (double)*(float *)values[f->fakes[i].seen_max];
            r->min = r->min > r->max || low < r->min ? low : r->min;
            r->max = r->max < low || high > r->max ? high : r->max;
        }
        mwi_arena_deinit(&arena);
    }
    for (size_t i = 0; i < f->plan.n_groups; i++) {
        f->bounds[i][0] = (float)f->ranges[i].min;
        f->bounds[i][1] = (float)f->ranges[i].max;
    }
}

/* ---- comparison ---- */

struct agreement {
    size_t n, same, one_off, further;
    double furthest; /* steps */
};

static void compare(const mwi_tensor *t, const float *want, const void *got, size_t n,
                    struct agreement *a)
{
    const mwi_params p = {t->quant->q.scales[0], (int32_t)t->quant->q.zero_points[0]};
    float *const real = malloc(n * sizeof *real);

    assert_non_null(real);
    mwi_dequantize_all(got, n, t->dtype, p, real);
    for (size_t i = 0; i < n; i++) {
        const double steps = fabs((double)(real[i] - want[i])) / (double)p.scale;
        a->n++;
        a->same += steps < 0.01;
        a->one_off += steps >= 0.01 && steps < 1.01;
        a->further += steps >= 1.01;
        a->furthest = fmax(a->furthest, steps);
    }
    free(real);
}

static struct agreement agree(struct fixture *f, const mw_model *integer)
{
    const mwi_graph *const q = integer->graphs[0];
    const mwi_tensor *const in = q->tensors[q->inputs[0]];
    const mwi_params p = {in->quant->q.scales[0], (int32_t)in->quant->q.zero_points[0]};
    struct agreement a = {0};
    float x[1024];
    int16_t ints[1024];

    for (uint64_t s = SAMPLES; s < 2 * SAMPLES; s++) {
        size_t n_out;
        mwi_arena arena;
        mwi_arena_init(f->ctx, &arena);
        const size_t n = fill_sample(f->model, s, x);
        const mwi_tensor *const out = q->tensors[q->outputs[0]];
        assert_true(mwi_dims_count(out->rank, out->dims, &n_out));
        mwi_quantize_all(x, n, in->dtype, p, ints);
        const float *const want =
            run(f->ctx, f->rounded, &arena, x)[f->rounded->graphs[0]->outputs[0]];
        compare(out, want, run(f->ctx, integer, &arena, ints)[q->outputs[0]], n_out, &a);
        mwi_arena_deinit(&arena);
    }
    return a;
}

static const struct {
    const char *name;
    mw_model *(*make)(builder *);
    mw_quant_scheme scheme;
    double least_same; /* share of outputs that are the same integer */
    double furthest;   /* steps of the output's scale */
} cases[] = {
    {"images int8", images, MW_QUANT_INT8, 0.85, 3.01},
    {"images int8x4", images, MW_QUANT_INT8X4, 0.85, 3.01},
    {"images int16x8", images, MW_QUANT_INT16X8, 0.6, 3.01},
    {"cell int8", cell, MW_QUANT_INT8, 0.7, 1.01},
    {"cell int8x4", cell, MW_QUANT_INT8X4, 0.65, 1.01},
    {"cell int16x8", cell, MW_QUANT_INT16X8, 0.55, 3.01},
    {"line int8", line, MW_QUANT_INT8, 0.35, 4.01},
};

/* The samples that were watched, for values that only the optimised model has. */
static mw_dataset *open_data(struct fixture *f, char *path, size_t room)
{
    const mw_model *const m = f->model;
    const mwi_tensor *const t = m->graphs[0]->tensors[m->graphs[0]->inputs[0]];
    static float x[SAMPLES * 1024];
    int32_t dims[MW_MAX_RANK];
    mw_tensor_info info;
    mw_dataset *data;
    size_t n = 0;

    for (uint64_t s = 0; s < SAMPLES; s++) n += fill_sample(m, s, x + n);
    memcpy(dims, t->dims, sizeof dims);
    dims[0] = SAMPLES;
    (void)snprintf(path, room, "/tmp/qat_export_test_%ld.npy", (long)getpid());
    assert_ok(f->ctx, mw_array_save(f->ctx, path, MW_FLOAT32, t->rank, dims, x));
    assert_ok(f->ctx, mw_model_input(f->ctx, m, 0, &info));
    const mw_dataset_options options = {.inputs = &info, .n_inputs = 1};
    assert_ok(f->ctx, mw_dataset_open(f->ctx, path, &options, &data));
    return data;
}

static bool is_integer(const mw_model *m)
{
    const mwi_graph *const g = m->graphs[0];

    for (size_t i = 0; i < g->n_ops; i++)
        if (g->tensors[g->ops[i]->out[0]]->dtype == MW_FLOAT32) return false;
    return true;
}

static void export_computes_what_was_rounded(void **state)
{
    mw_ctx *const ctx = test_ctx();
    (void)state;

    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        struct fixture f;
        mw_model *integer;
        char path[64];
        fixture_open(&f, ctx, cases[i].make, cases[i].scheme);
        watch(&f);
        mw_dataset *const data = open_data(&f, path, sizeof path);
        const mwi_qat_found found = {f.ranges, NULL};
        assert_ok(ctx, mwi_qat_export(ctx, &f.plan, f.model, &found, data, &integer));
        assert_true(is_integer(integer));
        const struct agreement a = agree(&f, integer);
        print_message(
            "%s: %zu outputs, %zu the same, %zu one step off, %zu further, %.2f at most\n",
            cases[i].name, a.n, a.same, a.one_off, a.further, a.furthest);
        assert_true((double)a.same >= cases[i].least_same * (double)a.n);
        assert_true(a.furthest <= cases[i].furthest);
        mw_model_destroy(integer);
        mw_dataset_close(data);
        (void)unlink(path);
        fixture_close(&f);
    }
    mw_ctx_destroy(ctx);
}

/* The mean at first, so that a short run has a range; then the past counts 99 times. */
static void bounds_follow(void **state)
{
    float bound = 7;
    (void)state;

    bound = mwi_qat_follow(bound, 3, 0);
    assert_true(bound == 3);
    bound = mwi_qat_follow(bound, 5, 1);
    assert_true(fabsf(bound - 4) < 1e-6f);
    bound = mwi_qat_follow(bound, 104, 1000);
    assert_true(fabsf(bound - 5) < 1e-5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(export_computes_what_was_rounded),
                                       cmocka_unit_test(bounds_follow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
