/* compress/prune/channels_test.c - channels that are zero go, and nothing changes: through all
 * operators that are followed. Those that are not say so.   SPDX-License-Identifier: Apache-2.0 */
#include "graph_text.h"
#include "support.h"

#include "ops/registry.h"

#include <milliwatt/prune.h>

#include <string.h>

#define BN(x)                                                                                      \
    "g = const f32 [16]\nb = const f32 [16]\nm = const f32 [16]\nv = const f32 [16] = 1\n" x       \
    " g b m v\n"

/* Half of the channels of each are made zero. */
static const struct example {
    const char *name, *text;
} examples[] = {
    {"two convolutions", "x = input f32 [?,8,8,3]\nk = const f32 [16,3,3,3]\nb = const f32 [16]\n"
                         "y = CONV_2D x k b padding=SAME fused_activation_function=RELU\n"
                         "l = const f32 [5,3,3,16]\nz = CONV_2D y l -\nout z\n"},
    {"batch normalisation",
     "x = input f32 [?,8,8,3]\nk = const f32 [16,3,3,3]\n"
     "y = CONV_2D x k - padding=SAME\n" BN(
         "n = BATCH_NORMALIZATION y") "r = RELU n\nl = const f32 [5,3,3,16]\nz = CONV_2D r l "
                                      "-\nout z\n"},
    {"a residual block",
     "x = input f32 [?,8,8,3]\nk = const f32 [16,1,1,3]\na = CONV_2D x k -\n"
     "l = const f32 [16,3,3,16]\nb = CONV_2D a l - padding=SAME fused_activation_function=RELU\n"
     "m = const f32 [16,3,3,16]\nc = CONV_2D b m - padding=SAME\ns = ADD a c\nt = RELU s\n"
     "n = const f32 [4,1,1,16]\nz = CONV_2D t n -\nout z\n"},
    {"depthwise, its multiplier 2",
     "x = input f32 [?,8,8,3]\nk = const f32 [8,1,1,3]\na = CONV_2D x k -\n"
     "d = const f32 [1,3,3,16]\ne = const f32 [16]\n"
     "b = DEPTHWISE_CONV_2D a d e padding=SAME depth_multiplier=2\n"
     "l = const f32 [4,1,1,16]\nz = CONV_2D b l -\nout z\n"},
    {"joined, then flattened into a matrix product",
     "x = input f32 [?,4,4,3]\nk = const f32 [8,1,1,3]\na = CONV_2D x k -\n"
     "l = const f32 [6,3,3,3]\nb = CONV_2D x l - padding=SAME\nc = CONCATENATION a b axis=-1\n"
     "p = MAX_POOL_2D c filter_height=2 filter_width=2 stride_h=2 stride_w=2 padding=VALID\n"
     "s = const i32 [2] = -1,56\nf = RESHAPE p s\nw = const f32 [12,56]\nb2 = const f32 [12]\n"
     "h = FULLY_CONNECTED f w b2 fused_activation_function=RELU\n"
     "u = const f32 [10,12]\no = FULLY_CONNECTED h u -\nz = SOFTMAX o\nout z\n"},
    {"flattened inside of a matrix product",
     "x = input f32 [1,4,4,3]\nk = const f32 [8,1,1,3]\na = CONV_2D x k -\n"
     "w = const f32 [10,128]\nz = FULLY_CONNECTED a w -\nout z\n"},
    {"grouped convolution", "x = input f32 [?,6,6,3]\nk = const f32 [8,1,1,3]\na = CONV_2D x k -\n"
                            "l = const f32 [8,3,3,4]\nb = CONV_2D a l - padding=SAME\n"
                            "n = const f32 [4,1,1,8]\nz = CONV_2D b n -\nout z\n"},
    {"mean, gates that broadcast, padding and resizing",
     "x = input f32 [?,6,6,3]\nk = const f32 [8,1,1,3]\na = CONV_2D x k -\n"
     "ax = const i32 [2] = 1,2\ng = MEAN a ax keep_dims=true\nw = const f32 [4,1,1,8]\n"
     "q = CONV_2D g w - fused_activation_function=RELU\nv = const f32 [8,1,1,4]\n"
     "e = CONV_2D q v -\nh = LOGISTIC e\ni = MUL a h\n"
     "pd = const i32 [4,2] = 0,0,1,1,1,1,0,0\nj = PAD i pd\nsz = const i32 [2] = 4,4\n"
     "r = RESIZE_NEAREST_NEIGHBOR j sz\nn = const f32 [4,1,1,8]\nz = CONV_2D r n -\nout z\n"},
    {"split in two, transposed and back",
     "x = input f32 [1,6,6,3]\nk = const f32 [8,1,1,3]\na = CONV_2D x k -\n"
     "ax = const i32 [] = 3\nb c = SPLIT ax a num_splits=2\nd = MUL b c\n"
     "p = const i32 [4] = 0,3,1,2\ne = TRANSPOSE d p\np2 = const i32 [4] = 0,2,3,1\n"
     "f = TRANSPOSE e p2\nn = const f32 [4,1,1,4]\nz = CONV_2D f n -\nout z\n"},
    {"a transposed convolution",
     "x = input f32 [1,4,4,3]\nk = const f32 [8,1,1,3]\na = CONV_2D x k -\n"
     "s = const i32 [4] = 1,8,8,6\nt = const f32 [6,2,2,8]\n"
     "b = TRANSPOSE_CONV s t a stride_h=2 stride_w=2 padding=VALID\n"
     "n = const f32 [4,1,1,6]\nz = CONV_2D b n -\nout z\n"},
    {"a decoder: a matrix product that is unflattened",
     "x = input f32 [?,10]\nw = const f32 [128,10]\na = FULLY_CONNECTED x w -\n"
     "s = const i32 [4] = -1,4,4,8\nr = RESHAPE a s\nn = const f32 [4,1,1,8]\n"
     "z = CONV_2D r n -\nout z\n"},
};

/* Every second output channel of each layer, and every second value of each vector. */
static void zero_half(mwi_graph *g)
{
    for (size_t i = 0; i < g->n_ops; i++) {
        const mwi_linear *const l = g->ops[i]->desc->linear;
        for (size_t k = 1; k < g->ops[i]->n_in; k++) {
            const bool variance = g->ops[i]->desc == &mwi_op_batch_normalization && k == 4;
            if (g->ops[i]->in[k] < 0 || variance) continue;
            mwi_tensor *const t = g->tensors[g->ops[i]->in[k]];
            const bool weight = l != NULL && k == (size_t)l->weight;
            if (t->data == NULL || t->dtype != MW_FLOAT32 || (!weight && t->rank != 1)) continue;
            const int32_t axis = weight ? l->out_axis : 0;
            const bool pairs = l != NULL && l->depthwise; /* a channel has two outputs */
            float *const v = (float *)(uintptr_t)t->data; /* the test's own model */
            size_t inner = 1;
            for (int32_t d = axis + 1; d < t->rank; d++) inner *= (size_t)t->dims[d];
            for (size_t n = 0; n < t->bytes / sizeof *v; n++) {
                const size_t o = n / inner % (size_t)t->dims[axis];
                if ((pairs ? o / 2 : o) % 2 == 1) v[n] = 0;
            }
        }
    }
}

static void channels_that_are_zero_change_nothing(void **state)
{
    mw_ctx *const ctx = test_ctx();
    const mw_prune_options o = {.structure = MW_STRUCTURE_CHANNEL, .sparsity = 0.2, .global = true};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(examples); i++) {
        mw_model *const m = graph_from_text(ctx, examples[i].text, 40 + i), *smaller;
        mw_prune_report r;
        zero_half(m->graphs[0]);
        if (mw_prune(ctx, m, &o, &smaller, &r) != MW_OK)
            fail_msg("%s: %s", examples[i].name, mw_ctx_error(ctx));
        if (10 * r.after.macs > 8 * r.before.macs || r.after.n_parameters >= r.before.n_parameters)
            fail_msg("%s: %llu of %llu MACs", examples[i].name, (unsigned long long)r.after.macs,
                     (unsigned long long)r.before.macs);
        const char *const difference = models_differ(ctx, m, smaller, 3, 1e-6, 1, 3);
        if (difference != NULL) fail_msg("%s: %s", examples[i].name, difference);
        mw_prune_report_free(&r);
        mw_model_destroy(smaller);
        mw_model_destroy(m);
    }
    mw_ctx_destroy(ctx);
}

/* Channels of integer kernels take their scales and biases with them. */
static void integer_kernels_keep_their_scales(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m =
        graph_from_text(ctx,
                        "x = input i8 [1,4,4,3] @ 0.1 0\nk = const i8 [8,1,1,3] @ 0.05 0\n"
                        "b = const i32 [8] @ 0.005 0\ny: i8 [1,4,4,8] @ 0.2 -3 = CONV_2D x k b\n"
                        "l = const i8 [4,1,1,8] @ 0.05 0\nc = const i32 [4] @ 0.01 0\n"
                        "z: i8 [1,4,4,4] @ 0.3 1 = CONV_2D y l c\nout z\n",
                        9);
    mwi_graph *const g = m->graphs[0];
    mw_model *smaller;

    (void)state;
    int8_t *const k = (int8_t *)(uintptr_t)g->tensors[g->ops[0]->in[1]]->data;
    int32_t *const b = (int32_t *)(uintptr_t)g->tensors[g->ops[0]->in[2]]->data;
    for (size_t i = 0; i < 24; i++) k[i] = i / 3 % 2 == 1 ? 0 : (int8_t)(i * 5 % 100 + 1);
    for (size_t i = 0; i < 8; i++) b[i] = i % 2 == 1 ? 0 : (int32_t)i;
    assert_ok(ctx, mw_prune(ctx, m,
                            &(mw_prune_options){
                                .structure = MW_STRUCTURE_CHANNEL, .sparsity = 0.4, .global = true},
                            &smaller, NULL));
    const mwi_graph *const s = smaller->graphs[0];
    assert_int_equal(s->tensors[s->ops[0]->in[1]]->dims[0], 4);
    assert_int_equal(s->tensors[s->ops[0]->in[2]]->dims[0], 4);
    assert_int_equal(s->tensors[s->ops[1]->in[1]]->dims[3], 4);
    assert_null(models_differ(ctx, m, smaller, 3, 0, 1, 3));
    mw_model_destroy(smaller);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void what_cannot_go_is_said(void **state)
{
    mw_ctx *const ctx = test_ctx();
    static const struct {
        const char *name, *text, *says;
        double share;
    } rows[] = {
        {"only outputs",
         "x = input f32 [1,4,4,3]\nk = const f32 [8,1,1,3]\n"
         "z = CONV_2D x k -\nout z\n",
         "no channel can be removed", 0.5},
        {"an operator that is not followed",
         "x = input f32 [1,4,4,3]\nk = const f32 [8,1,1,3]\ny = CONV_2D x k -\n"
         "s = SOFTMAX y\nl = const f32 [2,1,1,8]\nz = CONV_2D s l -\nout z\n",
         "no channel can be removed", 0.5},
        {"too much",
         "x = input f32 [1,4,4,3]\nk = const f32 [8,1,1,3]\ny = CONV_2D x k -\n"
         "l = const f32 [8,1,1,8]\nz = CONV_2D y l -\nout z\n",
         "cannot be removed, at most 87.5 %", 0.95},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        mw_model *const m = graph_from_text(ctx, rows[i].text, 1), *smaller;
        const mw_prune_options o = {.structure = MW_STRUCTURE_CHANNEL, .sparsity = rows[i].share};
        assert_int_equal(mw_prune(ctx, m, &o, &smaller, NULL), MW_EUNSUPPORTED);
        if (strstr(mw_ctx_error(ctx), rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].name, mw_ctx_error(ctx));
        mw_model_destroy(m);
    }
    mw_ctx_destroy(ctx);
}

/* The share is met closely and layers lose alike, or by importance over all. */
static void the_share_of_work_is_met(void **state)
{
    mw_ctx *const ctx = test_ctx();
    static const double shares[] = {0, 0.1, 0.3, 0.5, 0.7};

    (void)state;
    for (size_t i = 0; i < 2 * MWI_COUNT(shares); i++) {
        mw_model *const m = graph_from_text(
            ctx,
            "x = input f32 [1,8,8,8]\nk = const f32 [64,3,3,8]\n"
            "y = CONV_2D x k - padding=SAME\nl = const f32 [64,3,3,64]\n"
            "z = CONV_2D y l - padding=SAME\nn = const f32 [8,1,1,64]\nw = CONV_2D z n -\nout w\n",
            i);
        const mw_prune_options o = {
            .structure = MW_STRUCTURE_CHANNEL, .sparsity = shares[i / 2], .global = i % 2 == 1};
        mw_prune_report r;
        mw_model *smaller;
        assert_ok(ctx, mw_prune(ctx, m, &o, &smaller, &r));
        const double left = (double)r.after.macs / (double)r.before.macs;
        assert_true(left <= 1 - shares[i / 2] && left > 0.97 - shares[i / 2]);
        mw_prune_report_free(&r);
        mw_model_destroy(smaller);
        mw_model_destroy(m);
    }
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_that_are_zero_change_nothing),
        cmocka_unit_test(integer_kernels_keep_their_scales),
        cmocka_unit_test(what_cannot_go_is_said),
        cmocka_unit_test(the_share_of_work_is_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
