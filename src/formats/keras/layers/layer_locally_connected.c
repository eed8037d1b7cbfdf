/* formats/keras/layers/layer_locally_connected.c - LocallyConnected1D and 2D: each place has a
 * kernel of its own. Places are gathered and multiplied (BATCH_MATMUL), or the whole is one
 * FULLY_CONNECTED, as the file stores the kernel.
 * Depends: layers/convolve, formats/keras/build.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"
#include "formats/keras/layers/convolve.h"

#include <string.h>

enum { MAX_PLACES = 1 << 24 };

/* One dimension has height 1. */
typedef struct local {
    mwi_keras_window w;
    int32_t batch, in[2], channels, out[2], filters;
    size_t n_places, n_kernel, n_input; /* of the result, of one kernel, of one sample */
} local;

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    int32_t kind;
    bool first;
    int padding;

    MWI_TRY(mwi_keras_check_activation(ctx, l, "activation"));
    MWI_TRY(mwi_keras_int(ctx, l, "implementation", 1, 1, 3, &kind));
    MWI_TRY(mwi_keras_channels_first(ctx, l, &first));
    MWI_TRY(mwi_keras_padding(ctx, l, false, &padding));
    if (kind == 3)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "has implementation 3, allowed are 1 and 2");
    if (first || padding != 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "has channels_first or a padding other than valid, which has no lowering");
    return MW_OK;
}

static mw_status measure(mwi_keras_call *c, local *l)
{
    const mwi_tensor *const t = mwi_keras_tensor(c, c->in[0]);
    size_t n;

    MWI_TRY(mwi_keras_read_window(c->ctx, c->layer, &l->w));
    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, l->w.n_dims + 2, l->w.n_dims + 2));
    MWI_TRY(
        mwi_keras_int(c->ctx, c->layer, "filters", MWI_KERAS_REQUIRED, 1, INT32_MAX, &l->filters));
    l->batch = t->dims[0];
    l->channels = t->dims[t->rank - 1];
    for (int i = 0; i < 2; i++) {
        l->in[i] = l->w.n_dims == 2 ? t->dims[1 + i] : i == 0 ? 1 : t->dims[1];
        l->out[i] = (l->in[i] - l->w.kernel[i]) / l->w.strides[i] + 1;
        if (l->w.kernel[i] > l->in[i])
            return mwi_fail(c->ctx, MW_EFORMAT, "kernel_size is %d for %d places", l->w.kernel[i],
                            l->in[i]);
    }
    const int32_t all[] = {l->out[0],      l->out[1],   l->w.kernel[0],
                           l->w.kernel[1], l->channels, l->filters};
    const int32_t whole[] = {l->in[0], l->in[1], l->channels, l->out[0], l->out[1], l->filters};
    if (!mwi_dims_count(6, all, &n) || n > MAX_PLACES || !mwi_dims_count(6, whole, &n) ||
        n > 4 * (size_t)MAX_PLACES)
        return mwi_fail(c->ctx, MW_ELIMIT, "more than %d weights", MAX_PLACES);
    l->n_places = (size_t)l->out[0] * (size_t)l->out[1];
    l->n_kernel = (size_t)l->w.kernel[0] * (size_t)l->w.kernel[1] * (size_t)l->channels;
    l->n_input = (size_t)l->in[0] * (size_t)l->in[1] * (size_t)l->channels;
    return MW_OK;
}

/* Whether output row o of dimension d sees input row i. */
static bool sees(const local *l, int d, int32_t o, int32_t i)
{
    return i >= o * l->w.strides[d] && i < o * l->w.strides[d] + l->w.kernel[d];
}

static void list_places(const local *l, int32_t *out)
{
    for (int32_t o = 0; o < l->out[0] * l->out[1]; o++)
        for (int32_t k = 0; k < l->w.kernel[0] * l->w.kernel[1]; k++) {
            const int32_t row = o / l->out[1] * l->w.strides[0] + k / l->w.kernel[1];
            const int32_t column = o % l->out[1] * l->w.strides[1] + k % l->w.kernel[1];
            for (int32_t ch = 0; ch < l->channels; ch++)
                *out++ = (row * l->in[1] + column) * l->channels + ch;
        }
}

static mw_status by_places(mwi_keras_call *c, const local *l, int32_t x, int32_t *out)
{
    static const mwi_keras_attr attrs[] = {{"axis", 1}, {NULL, 0}};
    const int32_t o = (int32_t)l->n_places, k = (int32_t)l->n_kernel;
    void *memory;
    int32_t places, kernel;

    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, l->n_places * l->n_kernel, sizeof(int32_t),
                            &memory));
    list_places(l, memory);
    MWI_TRY(mwi_keras_i32s(c, l->n_places * l->n_kernel, memory, &places));
    MWI_TRY(mwi_keras_op(c, "GATHER", 2, (const int32_t[]){x, places}, attrs, &x));
    MWI_TRY(mwi_keras_reshape(c, x, 4, (const int32_t[]){l->batch, o, 1, k}, &x));
    MWI_TRY(mwi_keras_weight(c,
                             &(mwi_keras_part){.weight = "kernel",
                                               .rank = 3,
                                               .dims = {o, k, l->filters},
                                               .out_rank = 4,
                                               .out_dims = {1, o, k, l->filters}},
                             &kernel));
    return mwi_keras_binary(c, "BATCH_MATMUL", x, kernel, out);
}

/* Weights that Keras masks out are zero here. */
static mw_status by_all(mwi_keras_call *c, const local *l, int32_t x, int32_t *out)
{
    const int32_t wide[] = {l->in[0], l->in[1], l->channels, l->out[0], l->out[1], l->filters};
    const int32_t flat[] = {l->in[1], l->channels, l->out[1], l->filters};
    const size_t n_out = l->n_places * (size_t)l->filters;
    const float *stored;
    void *memory;
    int32_t kernel;

    MWI_TRY(mwi_keras_values(c, "kernel", l->w.n_dims == 2 ? 6 : 4, l->w.n_dims == 2 ? wide : flat,
                             &stored));
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, l->n_input * n_out, sizeof(float), &memory));
    float *const w = memory;
    for (size_t i = 0; i < l->n_input; i++)
        for (size_t o = 0; o < n_out; o++) {
            const int32_t from = (int32_t)(i / (size_t)l->channels);
            const int32_t to = (int32_t)(o / (size_t)l->filters);
            const bool seen = sees(l, 0, to / l->out[1], from / l->in[1]) &&
                              sees(l, 1, to % l->out[1], from % l->in[1]);
            w[o * l->n_input + i] = seen ? stored[i * n_out + o] : 0;
        }
    MWI_TRY(mwi_keras_f32s(c, "kernel", 2, (const int32_t[]){(int32_t)n_out, (int32_t)l->n_input},
                           w, &kernel));
    return mwi_keras_op(c, "FULLY_CONNECTED", 3, (const int32_t[]){x, kernel, -1}, NULL, out);
}

static mw_status build(mwi_keras_call *c)
{
    int32_t x, kind, bias;
    local l = {0};

    MWI_TRY(measure(c, &l));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "implementation", 1, 1, 3, &kind));
    MWI_TRY(mwi_keras_reshape(c, c->in[0], 2, (const int32_t[]){l.batch, (int32_t)l.n_input}, &x));
    MWI_TRY(kind == 1 ? by_places(c, &l, x, &x) : by_all(c, &l, x, &x));
    const int32_t dims[] = {l.batch, l.out[0], l.out[1], l.filters};
    const int32_t flat[] = {l.batch, l.out[1], l.filters};
    const int32_t rank = l.w.n_dims + 2, *const shape = rank == 4 ? dims : flat;
    MWI_TRY(mwi_keras_reshape(c, x, rank, shape, &x));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL) {
        mwi_keras_part p = {.weight = "bias", .rank = rank - 1};
        memcpy(p.dims, shape + 1, (size_t)p.rank * sizeof *shape);
        MWI_TRY(mwi_keras_weight(c, &p, &bias));
        MWI_TRY(mwi_keras_binary(c, "ADD", x, bias, &x));
    }
    MWI_TRY(mwi_keras_activate(c, "activation", x, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"LocallyConnected1D", "LocallyConnected2D", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel"}, {.name = "bias", .when = "use_bias"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_locally_connected = {
    .classes = classes,
    .summary = "GATHER and BATCH_MATMUL, or FULLY_CONNECTED",
    .weights = weights,
    .check = check,
    .build = build,
};
