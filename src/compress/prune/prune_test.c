/* compress/prune/prune_test.c - pruned models: of all types, sparse, quantized afterwards.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_text.h"
#include "support.h"

#include "compress/prune/layer_weights.h"

#include <milliwatt/milliwatt.h>

#include <math.h>
#include <string.h>

static const char two_layers[] = "x = input f32 [1,6,6,8]\n"
                                 "k = const f32 [16,3,3,8]\n"
                                 "y = CONV_2D x k - padding=SAME\n"
                                 "d = const f32 [1,3,3,16]\n"
                                 "z = DEPTHWISE_CONV_2D y d - padding=SAME depth_multiplier=1\n"
                                 "w = const f32 [16,576]\n"
                                 "r = FULLY_CONNECTED z w -\n"
                                 "out r\n";

static mw_model *pruned(mw_ctx *ctx, const mw_model *m, const mw_prune_options *o,
                        mw_prune_report *report)
{
    mw_model *out;
    assert_ok(ctx, mw_prune(ctx, m, o, &out, report));
    return out;
}

static void each_structure_gives_its_zeros(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = graph_from_text(ctx, two_layers, 1);

    (void)state;
    for (const mwi_structure_desc *s = mwi_structures; s->name != NULL; s++) {
        const mw_prune_options o = {.structure = (int32_t)s->structure, .sparsity = 0.75};
        mw_prune_report r;
        if (s->block_in == 0) continue;
        mw_model *const p = pruned(ctx, m, &o, &r);
        const double want = s->of > 0 ? 1 - (double)s->keep / (double)s->of : 0.75;
        assert_int_equal(r.n_layers, 3);
        assert_string_equal(r.layers[0].op, "CONV_2D");
        assert_int_equal(r.layers[0].n_zero, (uint64_t)(want * 16 * 72));
        assert_int_equal(r.layers[2].n_zero, (uint64_t)(want * 9216));
        /* a depthwise kernel has no input channels to group */
        assert_int_equal(r.layers[1].n_zero, s->structure == MW_STRUCTURE_NONE ? 108 : 0);
        assert_int_equal(r.layers[1].reason[0] != '\0', s->structure != MW_STRUCTURE_NONE);
        assert_true(fabs(r.sparsity - want) < 1e-9);
        mw_prune_report_free(&r);
        mw_model_destroy(p);
    }
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void skipped_layers_are_left_alone(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = graph_from_text(ctx, two_layers, 1);
    const char *const skip[] = {"r", "DEPTHWISE*"}, *const none[] = {"nosuch"};
    mw_prune_options o = {.sparsity = 0.5, .skip = skip, .n_skip = 2};
    mw_prune_report r;
    mw_model *bad;

    (void)state;
    mw_model *const p = pruned(ctx, m, &o, &r);
    assert_int_equal(r.layers[0].n_zero, 576);
    assert_string_equal(r.layers[1].reason, "skipped by name");
    assert_int_equal(r.layers[1].n_zero + r.layers[2].n_zero, 0);
    mw_prune_report_free(&r);
    o.skip = none;
    o.n_skip = 1;
    assert_int_equal(mw_prune(ctx, m, &o, &bad, NULL), MW_EINVAL);
    assert_non_null(strstr(mw_ctx_error(ctx), "nosuch"));
    mw_model_destroy(p);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void what_is_out_of_range_is_refused(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = graph_from_text(ctx, two_layers, 1), *bad;
    mw_model *const bare = graph_from_text(ctx, "x = input f32 [1,4]\ny = RELU x\nout y\n", 1);
    static const double sparsities[] = {-0.1, 1, 2, (double)NAN};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(sparsities); i++) {
        const mw_prune_options o = {.sparsity = sparsities[i]};
        assert_int_equal(mw_prune(ctx, m, &o, &bad, NULL), MW_EINVAL);
        assert_null(bad);
    }
    assert_int_equal(mw_prune(ctx, m, &(mw_prune_options){.structure = 77}, &bad, NULL), MW_EINVAL);
    assert_int_equal(mw_prune(ctx, bare, &(mw_prune_options){.sparsity = 0.5}, &bad, NULL),
                     MW_EUNSUPPORTED);
    mw_model_destroy(bare);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* Integers: the zero point is what becomes of a pruned weight, and the rest stays to the bit. */
static void integers_become_their_zero_point(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = graph_from_text(ctx,
                                        "x = input u8 [1,4] @ 0.5 128\n"
                                        "w = const u8 [1,4] @ 0.25 100 = 99,120,101,90\n"
                                        "b = const i32 [1] @ 0.125 0 = 0\n"
                                        "y: u8 [1,1] @ 0.5 128 = FULLY_CONNECTED x w b\n"
                                        "out y\n",
                                        1);
    mw_model *const p = pruned(ctx, m, &(mw_prune_options){.sparsity = 0.5}, NULL);
    const mwi_graph *const g = p->graphs[0];
    static const uint8_t want[] = {100, 120, 100, 90};

    (void)state;
    assert_memory_equal(g->tensors[g->ops[0]->in[1]]->data, want, sizeof want);
    mw_model_destroy(p);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void a_sparse_model_computes_the_same(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = graph_from_text(ctx, two_layers, 3);

    (void)state;
    for (const mwi_structure_desc *s = mwi_structures; s->name != NULL; s++) {
        const mw_prune_options o = {.structure = (int32_t)s->structure, .sparsity = 0.9};
        mw_model *sparse, *dense;
        size_t n;
        if (s->block_in == 0) continue;
        mw_model *const p = pruned(ctx, m, &o, NULL);
        assert_ok(ctx, mw_sparsify(ctx, p, &sparse, &n));
        assert_int_equal(n, s->structure == MW_STRUCTURE_NONE ? 3 : 2); /* depthwise too */
        assert_null(models_differ(ctx, p, sparse, 3, 0, 1, 7));
        /* pruning it again finds the zeros that are there */
        mw_prune_report r;
        assert_ok(ctx, mw_prune(ctx, sparse, &(mw_prune_options){.sparsity = 0}, &dense, &r));
        assert_true(r.layers[0].n_zero >= 576 && r.layers[2].n_zero >= 2880);
        assert_null(models_differ(ctx, p, dense, 3, 0, 1, 7));
        mw_prune_report_free(&r);
        mw_model_destroy(dense);
        mw_model_destroy(sparse);
        mw_model_destroy(p);
    }
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void what_has_few_zeros_stays_dense(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = graph_from_text(ctx, two_layers, 3), *same;
    size_t n;

    (void)state;
    assert_ok(ctx, mw_sparsify(ctx, m, &same, &n));
    assert_int_equal(n, 0);
    assert_int_equal(same->graphs[0]->n_ops, m->graphs[0]->n_ops);
    mw_model_destroy(same);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- zeros and a later quantize ---- */

static mw_model *load_digits(mw_ctx *ctx, mw_dataset **data)
{
    char path[512];
    mw_model *m;
    const mw_dataset_options how = {.scale = 1.0 / 16};

    (void)snprintf(path, sizeof path, "%s/examples/digits/model.h5", test_source_dir());
    assert_ok(ctx, mw_model_load(ctx, path, NULL, &m));
    (void)snprintf(path, sizeof path, "%s/examples/digits/digits.npz", test_source_dir());
    assert_ok(ctx, mw_dataset_open(ctx, path, &how, data));
    return m;
}

static void assert_zeros_stay(mw_ctx *ctx, mw_model *before, mw_model *after, const char *name)
{
    mwi_layer_weight *a, *b;
    mwi_arena arena;
    size_t n, n_after;

    mwi_arena_init(ctx, &arena);
    assert_ok(ctx, mwi_layer_weights_find(ctx, before, NULL, 0, &arena, &a, &n));
    assert_ok(ctx, mwi_layer_weights_find(ctx, after, NULL, 0, &arena, &b, &n_after));
    assert_true(n > 1 && n == n_after);
    for (size_t i = 0; i < n; i++) {
        const float *x, *y;
        if (b[i].reason[0] != '\0') continue; /* blocks have scales of their own */
        assert_ok(ctx, mwi_layer_weight_get(ctx, &a[i], MWI_UNIT_REAL, &arena, &x));
        assert_ok(ctx, mwi_layer_weight_get(ctx, &b[i], MWI_UNIT_REAL, &arena, &y));
        assert_int_equal(a[i].axes.n, b[i].axes.n);
        for (size_t k = 0; k < a[i].axes.n; k++)
            if (x[k] == 0 && y[k] != 0)
                fail_msg("%s: weight %zu of '%s' was 0 and is %g", name, k, a[i].name,
                         (double)y[k]);
    }
    mwi_arena_deinit(&arena);
}

static void zeros_survive_quantization(void **state)
{
    static const struct {
        const char *name;
        mw_quantize_options o;
    } ways[] = {
        {"int8", {.scheme = MW_QUANT_INT8}},
        {"per tensor", {.scheme = MW_QUANT_INT8, .per_tensor = true}},
        {"equalised", {.scheme = MW_QUANT_INT8, .equalize = true, .bias_correction = true}},
        {"adaround", {.scheme = MW_QUANT_INT8, .adaround = true, .max_samples = 64}},
        {"int16x8", {.scheme = MW_QUANT_INT16X8}},
        {"dynamic", {.scheme = MW_QUANT_DYNAMIC}},
        {"float16", {.scheme = MW_QUANT_FLOAT16}},
        {"int4", {.scheme = MW_QUANT_INT4}},
        {"int4 adaround", {.scheme = MW_QUANT_INT4, .adaround = true, .max_samples = 64}},
        {"weights", {.scheme = MW_QUANT_WEIGHTS}},
        {"keras int8", {.scheme = MW_QUANT_INT8, .keep_layers = true}},
        {"keras float16", {.scheme = MW_QUANT_FLOAT16, .keep_layers = true}},
    };
    mw_ctx *const ctx = test_ctx();
    mw_dataset *data;
    mw_model *const m = load_digits(ctx, &data), *quantized;
    mw_model *const p = pruned(ctx, m, &(mw_prune_options){.sparsity = 0.8}, NULL);

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(ways); i++) {
        assert_ok(ctx, mw_quantize(ctx, p, &ways[i].o, data, &quantized, NULL));
        assert_zeros_stay(ctx, p, quantized, ways[i].name);
        mw_model_destroy(quantized);
    }
    mw_model_destroy(p);
    mw_model_destroy(m);
    mw_dataset_close(data);
    mw_ctx_destroy(ctx);
}

/* Each row is what pruning that layer alone gives. */
static void sensitivity_is_of_one_layer_at_a_time(void **state)
{
    mw_ctx *const ctx = test_ctx();
    static const double sparsities[] = {0.5, 0.95};
    mw_dataset *data;
    mw_model *const m = load_digits(ctx, &data);
    mw_sensitivity_report r;
    mw_prune_report kernels;
    mw_evaluation e;

    (void)state;
    assert_ok(ctx,
              mw_prune_sensitivity(ctx, m, &(mw_prune_options){0}, data, sparsities, 2, 1, &r));
    mw_model *const p = pruned(ctx, m, &(mw_prune_options){.sparsity = 0}, &kernels);
    assert_int_equal(r.n_rows, 2 * kernels.n_layers);
    assert_true(r.top1 > 0.9);
    const char *skip[16];
    for (size_t i = 1; i < kernels.n_layers; i++) skip[i - 1] = kernels.layers[i].name;
    mw_model *const first = pruned(
        ctx, m, &(mw_prune_options){.sparsity = 0.95, .skip = skip, .n_skip = kernels.n_layers - 1},
        NULL);
    assert_ok(ctx, mw_evaluate(ctx, first, data, &(mw_evaluate_options){.against = m}, &e));
    assert_string_equal(r.rows[1].name, kernels.layers[0].name);
    assert_true(r.rows[1].top1 == e.top1);
    assert_true(r.rows[1].sqnr_db == e.sqnr_db);
    assert_true(r.rows[0].sqnr_db > r.rows[1].sqnr_db);
    mw_sensitivity_report_free(&r);
    mw_prune_report_free(&kernels);
    mw_model_destroy(first);
    mw_model_destroy(p);
    mw_model_destroy(m);
    mw_dataset_close(data);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_structure_gives_its_zeros),
        cmocka_unit_test(skipped_layers_are_left_alone),
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(integers_become_their_zero_point),
        cmocka_unit_test(a_sparse_model_computes_the_same),
        cmocka_unit_test(what_has_few_zeros_stays_dense),
        cmocka_unit_test(zeros_survive_quantization),
        cmocka_unit_test(sensitivity_is_of_one_layer_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
