/* compress/quantize/quantize_test.c - mw_quantize on small networks that are built here.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "ops/registry.h"
#include "support.h"

enum { SIDE = 8, SAMPLES = 24 };

/* ---- a network in a few lines ---- */

struct net {
    mw_ctx *ctx;
    mw_model *model;
    mwi_graph *g;
    mwi_rng rng;
    int n_names;
};

static void net_init(struct net *n, mw_ctx *ctx)
{
    memset(n, 0, sizeof *n);
    n->ctx = ctx;
    n->rng.state = 17;
    assert_ok(ctx, mwi_model_create(ctx, "net", &n->model));
    assert_ok(ctx, mwi_model_add_graph(ctx, n->model, "main", &n->g));
    n->model->format = "tflite";
}

static const char *next_name(struct net *n, const char *stem)
{
    const char *name;
    assert_ok(n->ctx,
              mwi_arena_printf(n->ctx, &n->model->arena, &name, "%s_%d", stem, n->n_names++));
    return name;
}

static int32_t value(struct net *n, const char *name, int32_t rank, const int32_t *dims)
{
    int32_t t;
    assert_ok(n->ctx,
              mwi_graph_add_value(n->ctx, n->model, n->g, name, MW_FLOAT32, rank, dims, &t));
    return t;
}

/* Random weights; each output channel (along `axis`) has a size of its own. */
static int32_t weight(struct net *n, int32_t rank, const int32_t *dims, int32_t axis, double size)
{
    size_t count, inner = 1;
    int32_t t;

    assert_true(mwi_dims_count(rank, dims, &count));
    for (int32_t i = axis + 1; i < rank; i++) inner *= (size_t)dims[i];
    float *const w = malloc(count * sizeof *w);
    for (size_t i = 0; i < count; i++) {
        const double channel = 0.3 + (double)(i / inner % (size_t)dims[axis] % 5) * 0.4;
        w[i] = (float)((mwi_rng_uniform(&n->rng) * 2 - 0.9) * size * channel);
    }
    assert_ok(n->ctx, mwi_graph_add_const(n->ctx, n->model, n->g, next_name(n, "w"), MW_FLOAT32,
                                          rank, dims, w, &t));
    free(w);
    return t;
}

static mwi_op *add_op(struct net *n, const char *name, size_t n_in, const int32_t *in, int32_t out)
{
    const mwi_op_desc *const desc = mwi_op_by_name(name);
    mwi_op *op;

    assert_non_null(desc);
    assert_ok(n->ctx, mwi_graph_add_op(n->ctx, n->model, n->g, n->g->n_ops, desc, n_in, 1, &op));
    for (size_t i = 0; i < n_in; i++) op->in[i] = in[i];
    op->out[0] = out;
    return op;
}

static int32_t conv(struct net *n, int32_t in, int32_t channels, int32_t kernel, int32_t act)
{
    const mwi_tensor *const t = n->g->tensors[in];
    const int32_t dims[] = {channels, kernel, kernel, t->dims[3]};
    const int32_t out_dims[] = {1, t->dims[1], t->dims[2], channels};
    const int32_t operands[] = {in, weight(n, 4, dims, 0, 1.5 / sqrt(kernel * kernel * t->dims[3])),
                                weight(n, 1, &channels, 0, 0.2)};
    const int32_t out = value(n, next_name(n, "conv"), 4, out_dims);
    mwi_op *const op = add_op(n, "CONV_2D", 3, operands, out);

    mwi_op_set_i32(op, "stride_w", 1);
    mwi_op_set_i32(op, "stride_h", 1);
    mwi_op_set_i32(op, "padding", MWI_PADDING_SAME);
    mwi_op_set_i32(op, "fused_activation_function", act);
    return out;
}

static int32_t depthwise(struct net *n, int32_t in)
{
    const mwi_tensor *const t = n->g->tensors[in];
    const int32_t channels = t->dims[3], dims[] = {1, 3, 3, channels};
    const int32_t operands[] = {in, weight(n, 4, dims, 3, 0.6), weight(n, 1, &channels, 0, 0.2)};
    const int32_t out = value(n, next_name(n, "depthwise"), 4, t->dims);
    mwi_op *const op = add_op(n, "DEPTHWISE_CONV_2D", 3, operands, out);

    mwi_op_set_i32(op, "stride_w", 1);
    mwi_op_set_i32(op, "stride_h", 1);
    mwi_op_set_i32(op, "depth_multiplier", 1);
    mwi_op_set_i32(op, "padding", MWI_PADDING_SAME);
    mwi_op_set_i32(op, "fused_activation_function", MWI_ACT_RELU);
    return out;
}

static int32_t pool(struct net *n, int32_t in)
{
    const mwi_tensor *const t = n->g->tensors[in];
    const int32_t dims[] = {1, t->dims[1] / 2, t->dims[2] / 2, t->dims[3]};
    const int32_t out = value(n, next_name(n, "pool"), 4, dims);
    mwi_op *const op = add_op(n, "MAX_POOL_2D", 1, &in, out);

    mwi_op_set_i32(op, "filter_width", 2);
    mwi_op_set_i32(op, "filter_height", 2);
    mwi_op_set_i32(op, "stride_w", 2);
    mwi_op_set_i32(op, "stride_h", 2);
    mwi_op_set_i32(op, "padding", MWI_PADDING_VALID);
    return out;
}

static int32_t dense(struct net *n, int32_t in, int32_t units)
{
    size_t count;
    assert_true(mwi_dims_count(n->g->tensors[in]->rank, n->g->tensors[in]->dims, &count));
    const int32_t dims[] = {units, (int32_t)count}, out_dims[] = {1, units};
    const int32_t operands[] = {in, weight(n, 2, dims, 0, 2 / sqrt((double)count)),
                                weight(n, 1, &units, 0, 0.1)};
    const int32_t out = value(n, next_name(n, "dense"), 2, out_dims);

    (void)add_op(n, "FULLY_CONNECTED", 3, operands, out);
    return out;
}

static void finish(struct net *n, int32_t in, int32_t out)
{
    assert_ok(n->ctx, mwi_graph_set_io(n->ctx, n->model, n->g, &in, 1, &out, 1));
    assert_ok(n->ctx, mwi_graph_infer(n->ctx, n->model, n->g));
    assert_ok(n->ctx, mwi_model_verify(n->ctx, n->model));
}

/* conv, depthwise, conv, two pools, dense 256 x 10, softmax; `width` channels at the widest, 64 for
 * this. */
static mw_model *net_of_width(mw_ctx *ctx, int32_t width)
{
    static const int32_t dims[] = {1, SIDE, SIDE, 3}, last[] = {1, 10};
    struct net n;

    net_init(&n, ctx);
    const int32_t in = value(&n, "input", 4, dims);
    int32_t t = conv(&n, in, width / 4, 3, MWI_ACT_RELU);
    t = depthwise(&n, t);
    t = conv(&n, t, width, 1, MWI_ACT_RELU);
    t = dense(&n, pool(&n, pool(&n, t)), 10);
    const int32_t out = value(&n, "output", 2, last);
    mwi_op *const op = add_op(&n, "SOFTMAX", 1, &t, out);
    *(float *)((char *)op->attr + mwi_op_field(op->desc, "beta")->offset) = 1;
    finish(&n, in, out);
    return n.model;
}

enum { N_OPS = 7 };
static mw_model *small_net(mw_ctx *ctx) { return net_of_width(ctx, 64); }

/* ---- calibration data in a file ---- */

struct data {
    char path[64];
    mw_dataset *set;
};

static void data_open(struct data *d, mw_ctx *ctx, const mw_model *model, float poison)
{
    static const int32_t dims[] = {SAMPLES, SIDE, SIDE, 3};
    enum { N = SAMPLES * SIDE * SIDE * 3 };
    static float x[N];
    mwi_rng rng = {99};
    mw_tensor_info info;

    for (size_t i = 0; i < N; i++) x[i] = (float)(mwi_rng_uniform(&rng) * 2 - 0.7);
    x[N / 2] += poison;
    (void)snprintf(d->path, sizeof d->path, "/tmp/quantize_test_%ld.npy", (long)getpid());
    assert_ok(ctx, mw_array_save(ctx, d->path, MW_FLOAT32, 4, dims, x));
    assert_ok(ctx, mw_model_input(ctx, model, 0, &info));
    const mw_dataset_options options = {.inputs = &info, .n_inputs = 1};
    assert_ok(ctx, mw_dataset_open(ctx, d->path, &options, &d->set));
}

static void data_close(struct data *d)
{
    mw_dataset_close(d->set);
    (void)unlink(d->path);
}

static const mwi_op *find_op(const mw_model *m, const char *name, size_t which)
{
    for (size_t i = 0; i < m->graphs[0]->n_ops; i++)
        if (strcmp(mwi_op_name(m->graphs[0]->ops[i]), name) == 0 && which-- == 0)
            return m->graphs[0]->ops[i];
    return NULL;
}

static const mwi_tensor *in_of(const mw_model *m, const mwi_op *op, size_t k)
{
    return m->graphs[0]->tensors[op->in[k]];
}

static const mwi_tensor *out_of(const mw_model *m, const mwi_op *op)
{
    return m->graphs[0]->tensors[op->out[0]];
}

static bool same_quant(const mwi_tensor *a, const mwi_tensor *b)
{
    return a->quant->q.scales[0] == b->quant->q.scales[0] &&
           a->quant->q.zero_points[0] == b->quant->q.zero_points[0];
}

/* ---- int8 ---- */

static void test_int8(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = small_net(ctx), *q;
    const mw_quantize_options o = {.scheme = MW_QUANT_INT8};
    mw_quantize_report report;
    struct data d;
    (void)state;

    data_open(&d, ctx, model, 0);
    assert_ok(ctx, mw_quantize(ctx, model, &o, d.set, &q, &report));
    assert_int_equal(report.n_layers, N_OPS);
    assert_int_equal(report.n_kept, 0);
    assert_int_equal(report.n_samples, SAMPLES);
    assert_true(report.output_sqnr_db > 25);
    assert_true(report.after.weight_bytes < report.before.weight_bytes / 3);
    for (size_t i = 0; i < report.n_layers; i++)
        assert_true(report.layers[i].quantized && report.layers[i].sqnr_db > 20 &&
                    report.layers[i].cumulative_sqnr_db > 15 &&
                    report.layers[i].min < report.layers[i].max);
    assert_string_equal(report.layers[0].op, "CONV_2D");
    for (size_t i = 0; i < 2; i++) {
        const mwi_op *const op = find_op(q, "CONV_2D", i);
        const mwi_tensor *const x = in_of(q, op, 0), *const w = in_of(q, op, 1),
                                *const b = in_of(q, op, 2);
        assert_true(x->dtype == MW_INT8 && w->dtype == MW_INT8 && b->dtype == MW_INT32);
        assert_true(w->quant->q.axis == 0 && w->quant->q.n_scales == (size_t)w->dims[0]);
        for (size_t k = 0; k < w->quant->q.n_scales; k++) {
            assert_true(b->quant->q.scales[k] == x->quant->q.scales[0] * w->quant->q.scales[k]);
            assert_int_equal(w->quant->q.zero_points[k], 0);
        }
        for (size_t k = 0; k < w->bytes; k++)
            assert_int_not_equal(((const int8_t *)w->data)[k], -128);
    }
    const mwi_op *const dw = find_op(q, "DEPTHWISE_CONV_2D", 0);
    assert_int_equal(in_of(q, dw, 1)->quant->q.axis, 3);
    const mwi_op *const max = find_op(q, "MAX_POOL_2D", 0);
    assert_true(same_quant(in_of(q, max, 0), out_of(q, max)));
    const mwi_tensor *const out = out_of(q, find_op(q, "SOFTMAX", 0));
    assert_true(out->quant->q.scales[0] == 1.0f / 256 && out->quant->q.zero_points[0] == -128);
    assert_true(q->graphs[0]->n_ops == N_OPS);
    mw_quantize_report_free(&report);
    mw_model_destroy(q);
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(ctx);
}

static const struct {
    mw_quant_scheme scheme;
    mw_quant_io io;
    mw_dtype dtype;
    size_t n_more; /* operators at the borders */
} ios[] = {
    {MW_QUANT_INT8, MW_IO_DEFAULT, MW_INT8, 0},     {MW_QUANT_INT8, MW_IO_INT8, MW_INT8, 0},
    {MW_QUANT_INT8, MW_IO_UINT8, MW_UINT8, 2},      {MW_QUANT_INT8, MW_IO_FLOAT, MW_FLOAT32, 2},
    {MW_QUANT_INT16X8, MW_IO_DEFAULT, MW_INT16, 0}, {MW_QUANT_INT16X8, MW_IO_FLOAT, MW_FLOAT32, 2},
    {MW_QUANT_INT16X8, MW_IO_INT8, MW_INT8, 2},
};

static void test_io(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = small_net(ctx);
    struct data d;
    (void)state;

    data_open(&d, ctx, model, 0);
    for (size_t i = 0; i < MWI_COUNT(ios); i++) {
        const mw_quantize_options o = {.scheme = ios[i].scheme, .io = ios[i].io};
        mw_quantize_report report;
        mw_tensor_info in, out;
        mw_model *q;
        assert_ok(ctx, mw_quantize(ctx, model, &o, d.set, &q, &report));
        assert_ok(ctx, mw_model_input(ctx, q, 0, &in));
        assert_ok(ctx, mw_model_output(ctx, q, 0, &out));
        assert_int_equal(in.dtype, ios[i].dtype);
        assert_int_equal(out.dtype, ios[i].dtype);
        assert_string_equal(in.name, "input");
        assert_string_equal(out.name, "output");
        assert_int_equal(q->graphs[0]->n_ops, N_OPS + ios[i].n_more);
        assert_true(report.output_sqnr_db > 25);
        mw_quantize_report_free(&report);
        mw_model_destroy(q);
    }
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(ctx);
}

/* ---- keep ---- */

static void test_keep(void **state)
{
    static const struct {
        const char *pattern;
        size_t n_kept;
    } cases[] = {
        {"depthwise_*", 1},
        {"CONV_2D", 2},
        {"*", N_OPS},
        {"output", 1},
    };
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = small_net(ctx), *q;
    struct data d;
    (void)state;

    data_open(&d, ctx, model, 0);
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mw_quantize_options o = {
            .scheme = MW_QUANT_INT8, .keep = &cases[i].pattern, .n_keep = 1};
        mw_quantize_report report;
        const mw_status st = mw_quantize(ctx, model, &o, d.set, &q, &report);
        if (cases[i].n_kept == N_OPS) {
            assert_int_equal(st, MW_EUNSUPPORTED);
            assert_non_null(strstr(mw_ctx_error(ctx), "nothing to quantize"));
            mw_ctx_clear(ctx);
            continue;
        }
        assert_int_equal(st, MW_OK);
        assert_int_equal(report.n_kept, cases[i].n_kept);
        assert_true(report.output_sqnr_db > 25);
        for (size_t k = 0; k < report.n_layers; k++)
            if (!report.layers[k].quantized)
                assert_string_equal(report.layers[k].reason, "kept by name");
        mw_quantize_report_free(&report);
        mw_model_destroy(q);
    }
    const char *const absent = "no_such_*";
    const mw_quantize_options o = {.scheme = MW_QUANT_INT8, .keep = &absent, .n_keep = 1};
    assert_int_equal(mw_quantize(ctx, model, &o, d.set, &q, NULL), MW_EINVAL);
    assert_non_null(strstr(mw_ctx_error(ctx), "'no_such_*' matches no layer"));
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(ctx);
}

/* ---- errors ---- */

static void test_errors(void **state)
{
    static const struct {
        mw_quantize_options o;
        bool data;
        const char *says;
    } cases[] = {
        {{.scheme = MW_QUANT_INT8}, false, "needs calibration data"},
        {{.scheme = MW_QUANT_INT16X8}, false, "needs calibration data"},
        {{.scheme = MW_QUANT_DYNAMIC, .adaround = true}, false, "learn from calibration data"},
        {{.scheme = MW_QUANT_DYNAMIC, .io = MW_IO_INT8}, true, "keeps activations float"},
        {{.scheme = MW_QUANT_FLOAT16, .equalize = true}, true, "would do nothing"},
        {{.scheme = (mw_quant_scheme)77}, true, "scheme 77"},
        {{.method = (mw_calibration_method)-1}, true, "method -1"},
        {{.percentile = 20}, true, "percentile 20"},
        {{.percentile = 99}, true, "would do nothing"},
        {{.scheme = MW_QUANT_DYNAMIC, .method = MW_CALIBRATE_ENTROPY}, true, "would do nothing"},
        {{.method = MW_CALIBRATE_PERCENTILE, .keep_layers = true}, true, "would do nothing"},
        {{.scheme = MW_QUANT_FLOAT16, .method = MW_CALIBRATE_MSE}, true, "would do nothing"},
        {{.max_samples = 0, .io = (mw_quant_io)9}, true, "io 9"},
    };
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = small_net(ctx), *q, *again;
    struct data d;
    (void)state;

    data_open(&d, ctx, model, 0);
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        assert_int_equal(
            mw_quantize(ctx, model, &cases[i].o, cases[i].data ? d.set : NULL, &q, NULL),
            MW_EINVAL);
        assert_non_null(strstr(mw_ctx_error(ctx), cases[i].says));
        mw_ctx_clear(ctx);
    }
    const mw_quantize_options o = {.scheme = MW_QUANT_INT8};
    assert_ok(ctx, mw_quantize(ctx, model, &o, d.set, &q, NULL));
    assert_int_equal(mw_quantize(ctx, q, &o, d.set, &again, NULL), MW_EUNSUPPORTED);
    assert_non_null(strstr(mw_ctx_error(ctx), "nothing to quantize"));
    mw_ctx_clear(ctx);
    mw_model_destroy(q);
    data_close(&d);
    data_open(&d, ctx, model, NAN);
    assert_int_equal(mw_quantize(ctx, model, &o, d.set, &q, NULL), MW_EINVAL);
    assert_non_null(strstr(mw_ctx_error(ctx),
                           "'input' has a value that is not finite in calibration sample 12"));
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(ctx);
}

static bool stop(void *self, const char *what, uint64_t done, uint64_t total)
{
    (void)total;
    return !(strcmp(what, self) == 0 && done == 3);
}

static void test_cancel(void **state)
{
    static const char *const phases[] = {"calibrate", "measure", "adaround", "bias correction",
                                         "equalize"};
    (void)state;

    for (size_t i = 0; i < MWI_COUNT(phases); i++) {
        mw_ctx_options options = {.progress = stop, .progress_self = (void *)(uintptr_t)phases[i]};
        const mw_quantize_options o = {
            .scheme = MW_QUANT_INT8, .adaround = true, .bias_correction = true, .equalize = true};
        mw_ctx *const calm = test_ctx();
        mw_quantize_report report;
        mw_ctx *ctx;
        struct data d;
        assert_int_equal(mw_ctx_create(&options, &ctx), MW_OK);
        mw_model *const model = small_net(ctx), *q;
        data_open(&d, calm, model, 0);
        assert_int_equal(mw_quantize(ctx, model, &o, d.set, &q, &report), MW_ECANCELLED);
        mw_model_destroy(model);
        data_close(&d);
        mw_ctx_destroy(ctx);
        mw_ctx_destroy(calm);
    }
}

/* ---- other schemes ---- */

static const struct {
    mw_quant_scheme scheme;
    const char *op;
    mw_dtype weight; /* of the dense layer, or of what DEQUANTIZE reads */
    bool behind;
    double least_db;
} schemes[] = {
    {MW_QUANT_DYNAMIC, "FULLY_CONNECTED", MW_INT8, false, 25},
    {MW_QUANT_FLOAT16, "FULLY_CONNECTED", MW_FLOAT16, true, 55},
    {MW_QUANT_INT4, "FULLY_CONNECTED", MW_INT4, false, 8},
    {MW_QUANT_INT4_BLOCK, "FULLY_CONNECTED", MW_INT4, false, 10},
    {MW_QUANT_WEIGHTS, "FULLY_CONNECTED", MW_INT8, true, 25},
};

static void test_schemes(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = small_net(ctx), *q;
    struct data d;
    (void)state;

    data_open(&d, ctx, model, 0);
    for (size_t i = 0; i < MWI_COUNT(schemes); i++) {
        const mw_quantize_options o = {.scheme = schemes[i].scheme};
        mw_quantize_report report;
        assert_ok(ctx, mw_quantize(ctx, model, &o, d.set, &q, &report));
        const mwi_op *op = find_op(q, schemes[i].op, 0);
        const mwi_tensor *w = in_of(q, op, 1);
        if (schemes[i].behind) {
            op = q->graphs[0]->ops[mwi_graph_producer(q->graphs[0], op->in[1])];
            assert_string_equal(mwi_op_name(op), "DEQUANTIZE");
            w = in_of(q, op, 0);
        }
        assert_int_equal(w->dtype, schemes[i].weight);
        assert_true(report.output_sqnr_db > schemes[i].least_db);
        mw_quantize_report_free(&report);
        mw_model_destroy(q);
        /* Without data: the same model, and a report without figures. */
        assert_ok(ctx, mw_quantize(ctx, model, &o, NULL, &q, &report));
        assert_true(isnan(report.output_sqnr_db) && report.n_samples == 0);
        mw_quantize_report_free(&report);
        mw_model_destroy(q);
    }
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(ctx);
}

/* ---- learning ---- */

static double sqnr_with(mw_ctx *ctx, const mw_model *model, struct data *d,
                        const mw_quantize_options *o)
{
    mw_quantize_report report;
    mw_model *q;

    assert_ok(ctx, mw_quantize(ctx, model, o, d->set, &q, &report));
    const double db = report.output_sqnr_db;
    mw_quantize_report_free(&report);
    mw_model_destroy(q);
    return db;
}

/* int4 weights and int8 activations: every kernel here reads them. */
static void test_int8x4(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = small_net(ctx), *q, *wide;
    const mw_quantize_options o = {.scheme = MW_QUANT_INT8X4}, eight = {.scheme = MW_QUANT_INT8};
    mw_quantize_report report;
    struct data d;
    (void)state;

    data_open(&d, ctx, model, 0);
    assert_ok(ctx, mw_quantize(ctx, model, &o, d.set, &q, &report));
    assert_ok(ctx, mw_quantize(ctx, model, &eight, d.set, &wide, NULL));
    assert_int_equal(report.n_kept, 0);
    assert_true(report.output_sqnr_db > 10);
    for (size_t i = 0; i < q->graphs[0]->n_ops; i++) {
        const mwi_op *const op = q->graphs[0]->ops[i], *const same = wide->graphs[0]->ops[i];
        assert_true(same_quant(out_of(q, op), out_of(wide, same)));
        if (op->desc->quant->weight < 0) continue;
        const mwi_tensor *const w = in_of(q, op, 1);
        assert_int_equal(w->dtype, MW_INT4);
        assert_int_equal(w->quant->q.n_scales, in_of(wide, same, 1)->quant->q.n_scales);
        assert_int_equal(in_of(q, op, 2)->dtype, MW_INT32);
    }
    mw_quantize_report_free(&report);
    mw_model_destroy(wide);
    mw_model_destroy(q);
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(ctx);
}

static void test_learning_helps(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = small_net(ctx);
    mw_quantize_options o = {.scheme = MW_QUANT_INT4};
    struct data d;
    (void)state;

    data_open(&d, ctx, model, 0);
    const double plain = sqnr_with(ctx, model, &d, &o);
    o.adaround = true;
    assert_true(sqnr_with(ctx, model, &d, &o) > plain + 1);
    o.bias_correction = true;
    assert_true(sqnr_with(ctx, model, &d, &o) > plain + 1);
    o = (mw_quantize_options){.scheme = MW_QUANT_INT8, .per_tensor = true};
    const double tensor = sqnr_with(ctx, model, &d, &o);
    o.equalize = true;
    assert_true(sqnr_with(ctx, model, &d, &o) > tensor);
    for (int method = 0; method <= MW_CALIBRATE_MSE; method++) {
        o = (mw_quantize_options){.scheme = MW_QUANT_INT8,
                                  .method = (mw_calibration_method)method,
                                  .equalize = true,
                                  .adaround = true,
                                  .bias_correction = true};
        assert_true(sqnr_with(ctx, model, &d, &o) > 30);
    }
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(ctx);
}

/* ---- the same bytes ---- */

static void write_dump(void *self, const char *text, size_t n)
{
    uint64_t *const hash = self;
    for (size_t i = 0; i < n; i++) *hash = (*hash ^ (uint8_t)text[i]) * 0x100000001b3u;
}

static uint64_t hash_of(mw_ctx *ctx, const mw_model *m)
{
    uint64_t hash = 0xcbf29ce484222325u;

    assert_ok(ctx, mw_model_dump(ctx, m, write_dump, &hash));
    for (size_t i = 0; i < m->graphs[0]->n_tensors; i++) {
        const mwi_tensor *const t = m->graphs[0]->tensors[i];
        if (t->data != NULL) write_dump(&hash, t->data, t->bytes);
        if (t->quant == NULL || t->quant->q.n_scales == 0) continue;
        write_dump(&hash, (const char *)t->quant->q.scales, t->quant->q.n_scales * sizeof(float));
        write_dump(&hash, (const char *)t->quant->q.zero_points,
                   t->quant->q.n_scales * sizeof(int64_t));
    }
    return hash;
}

static void test_same_bytes(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = small_net(ctx);
    uint64_t first = 0;
    struct data d;
    (void)state;

    data_open(&d, ctx, model, 0);
    for (uint32_t threads = 0; threads < 4; threads++) {
        const mw_quantize_options o = {.scheme = MW_QUANT_INT8,
                                       .adaround = true,
                                       .bias_correction = true,
                                       .equalize = true,
                                       .n_threads = threads};
        mw_model *q;
        assert_ok(ctx, mw_quantize(ctx, model, &o, d.set, &q, NULL));
        if (threads == 0) first = hash_of(ctx, q);
        assert_true(hash_of(ctx, q) == first);
        mw_model_destroy(q);
    }
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(ctx);
}

/* ---- Keras ---- */

static void test_keras_weights_are_stable(void **state)
{
    static const mw_quant_scheme all[] = {MW_QUANT_INT8, MW_QUANT_INT4, MW_QUANT_INT4_BLOCK,
                                          MW_QUANT_FLOAT16};
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = small_net(ctx), *once, *twice, *a, *b;
    struct data d;
    (void)state;

    data_open(&d, ctx, model, 0);
    for (size_t i = 0; i < MWI_COUNT(all); i++) {
        const mw_quantize_options o = {.scheme = all[i], .keep_layers = true};
        for (size_t k = 0; k < model->graphs[0]->n_tensors; k++)
            model->graphs[0]->tensors[k]->source = (int32_t)k;
        assert_ok(ctx, mw_quantize(ctx, model, &o, NULL, &once, NULL));
        assert_ok(ctx, mw_quantize(ctx, once, &o, NULL, &twice, NULL));
        assert_int_equal(once->graphs[0]->n_ops, model->graphs[0]->n_ops);
        assert_true(hash_of(ctx, once) != hash_of(ctx, model));
        assert_true(hash_of(ctx, once) == hash_of(ctx, twice));
        mw_model_destroy(once);
        mw_model_destroy(twice);
    }
    /* The int8 .tflite of the learned weights has the learned integers. */
    const mw_quantize_options learned = {
        .scheme = MW_QUANT_INT8, .keep_layers = true, .adaround = true};
    const mw_quantize_options int8 = {.scheme = MW_QUANT_INT8};
    assert_ok(ctx, mw_quantize(ctx, model, &learned, d.set, &once, NULL));
    assert_ok(ctx, mw_quantize(ctx, once, &int8, d.set, &a, NULL));
    const mwi_op *const op = find_op(a, "FULLY_CONNECTED", 0);
    const mwi_tensor *const w = in_of(a, op, 1), *const f = in_of(
                                                     once, find_op(once, "FULLY_CONNECTED", 0), 1);
    for (size_t k = 0; k < w->bytes; k++) {
        const float s = w->quant->q.scales[k / (size_t)w->dims[1]];
        assert_true(((const float *)f->data)[k] == (float)((const int8_t *)w->data)[k] * s);
    }
    assert_ok(ctx, mw_quantize(ctx, once, &int8, d.set, &b, NULL));
    assert_true(hash_of(ctx, a) == hash_of(ctx, b));
    mw_model_destroy(a);
    mw_model_destroy(b);
    mw_model_destroy(once);
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(ctx);
}

/* ---- memory ---- */

struct faulty {
    long left; /* allocations before the first failure */
    long live;
};

static void *faulty_alloc(void *self, size_t bytes, size_t align)
{
    struct faulty *const f = self;
    if (f->left-- <= 0) return NULL;
    f->live++;
    return aligned_alloc(align, (bytes + align - 1) / align * align);
}

static void faulty_free(void *self, void *ptr, size_t bytes)
{
    (void)bytes;
    ((struct faulty *)self)->live--;
    free(ptr);
}

static void test_allocation_failures(void **state)
{
    mw_ctx *const calm = test_ctx();
    mw_model *const model = net_of_width(calm, 8);
    struct data d;
    (void)state;

    data_open(&d, calm, model, 0);
    long step = 1;
    for (long n = 0;; n += step) {
        struct faulty f = {n, 0};
        const mw_allocator allocator = {faulty_alloc, faulty_free, &f};
        const mw_ctx_options options = {.allocator = &allocator};
        const mw_quantize_options o = {.scheme = MW_QUANT_INT8,
                                       .adaround = true,
                                       .bias_correction = true,
                                       .equalize = true,
                                       .max_samples = 2};
        mw_quantize_report report;
        mw_ctx *ctx = NULL;
        mw_model *q;
        mw_status st = mw_ctx_create(&options, &ctx);
        if (st == MW_OK) st = mw_quantize(ctx, model, &o, d.set, &q, &report);
        if (st == MW_OK) {
            mw_quantize_report_free(&report);
            mw_model_destroy(q);
        } else {
            assert_int_equal(st, MW_ENOMEM);
        }
        mw_ctx_destroy(ctx);
        assert_int_equal(f.live, 0);
        if (st == MW_OK) break;
        step = n < 200 ? 1 : 7;
    }
    mw_model_destroy(model);
    data_close(&d);
    mw_ctx_destroy(calm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int8),
        cmocka_unit_test(test_io),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_int8x4),
        cmocka_unit_test(test_learning_helps),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_keras_weights_are_stable),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
