/* formats/keras/layers/recurrent.c - see recurrent.h.
 * Depends: formats/keras/layer.  Used by: layers of recurrent networks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent.h"

enum { MAX_STEPS = 4096 };

mw_status mwi_keras_recurrent_check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    bool yes;

    MWI_TRY(mwi_keras_check_activation(ctx, l, "activation"));
    MWI_TRY(mwi_keras_check_activation(ctx, l, "recurrent_activation|inner_activation"));
    if (l->keras_major == 1)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "has weights gate by gate, as Keras 1 stores them; save it with Keras 2");
    MWI_TRY(mwi_keras_bool(ctx, l, "stateful", false, &yes));
    if (yes)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "is stateful, which has no lowering here; set stateful=False");
    MWI_TRY(mwi_keras_bool(ctx, l, "time_major", false, &yes));
    if (yes)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "is time_major, which has no lowering here; set time_major=False");
    return MW_OK;
}

mw_status mwi_keras_recurrent_start(mwi_keras_call *c, int32_t n_gates, int32_t n_states,
                                    mwi_keras_recurrent *r)
{
    const mwi_tensor *const x = mwi_keras_tensor(c, c->in[0]);

    *r = (mwi_keras_recurrent){.n_gates = n_gates,
                               .n_states = n_states,
                               .recurrent_rest = -1,
                               .recurrent_bias = -1,
                               .recurrent_bias_rest = -1,
                               .recurrent = -1};
    MWI_TRY(mwi_keras_need_inputs(c, 1, 1 + (size_t)n_states));
    MWI_TRY(mwi_keras_need_rank(c, 0, 3, 3));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "units|output_dim", MWI_KERAS_REQUIRED, 1,
                          INT32_MAX / 8, &r->units));
    r->n_steps = x->dims[1];
    r->n_in = x->dims[2];
    if (c->n_in != 1 && c->n_in != 1 + (size_t)n_states)
        return mwi_fail(c->ctx, MW_EFORMAT, "is called with %zu initial states, has %d",
                        c->n_in - 1, n_states);
    if (r->n_steps <= MAX_STEPS) return MW_OK;
    return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                    "runs over %d steps, which are written out one by one; the limit is %d",
                    r->n_steps, MAX_STEPS);
}

mw_status mwi_keras_gate_kernel(mwi_keras_call *c, const mwi_keras_recurrent *r, const char *weight,
                                const char *tensor, int32_t rows, int32_t first, int32_t n,
                                int32_t *out)
{
    return mwi_keras_weight(c,
                            &(mwi_keras_part){.weight = weight,
                                              .tensor = tensor,
                                              .rank = 2,
                                              .dims = {rows, r->n_gates * r->units},
                                              .begin = {0, first * r->units},
                                              .size = {rows, n * r->units},
                                              .permuted = true,
                                              .perm = {1, 0}},
                            out);
}

mw_status mwi_keras_project(mwi_keras_call *c, int32_t x, int32_t kernel, int32_t bias,
                            int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"keep_num_dims", mwi_keras_tensor(c, x)->rank > 2}, {NULL, 0}};
    return mwi_keras_op(c, "FULLY_CONNECTED", 3, (const int32_t[]){x, kernel, bias}, attrs, out);
}

mw_status mwi_keras_gates(mwi_keras_call *c, int32_t x, int32_t n, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"num_splits", n}, {NULL, 0}};
    int32_t axis;

    MWI_TRY(mwi_keras_i32s(c, 1, (const int32_t[]){1}, &axis));
    return mwi_keras_ops(c, "SPLIT", 2, (const int32_t[]){axis, x}, attrs, (size_t)n, out);
}

/* The steps of [batch, steps, n] as values of their own. */
static mw_status unpack(mwi_keras_call *c, int32_t x, int32_t n_steps, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"num", n_steps}, {"axis", 1}, {NULL, 0}};
    return mwi_keras_ops(c, "UNPACK", 1, &x, attrs, (size_t)n_steps, out);
}

static mw_status pack(mwi_keras_call *c, const int32_t *steps, int32_t n_steps, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"values_count", n_steps}, {"axis", 1}, {NULL, 0}};
    return mwi_keras_op(c, "PACK", (size_t)n_steps, steps, attrs, out);
}

mw_status mwi_keras_recurrent_run(mwi_keras_call *c, const mwi_keras_recurrent *r, int32_t kernel,
                                  int32_t bias)
{
    int32_t states[MWI_KERAS_MAX_STATES] = {-1, -1}, x, all, steps[MAX_STEPS];
    bool backwards, sequences, return_state;

    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "go_backwards", false, &backwards));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "return_sequences", false, &sequences));
    MWI_TRY(mwi_keras_bool(c->ctx, c->layer, "return_state", false, &return_state));
    backwards ^= c->layer->mirrored;
    for (size_t i = 1; i < c->n_in; i++) states[i - 1] = c->in[i];
    MWI_TRY(mwi_keras_project(c, c->in[0], kernel, bias, &x));
    MWI_TRY(unpack(c, x, r->n_steps, steps));
    for (int32_t i = 0; i < r->n_steps / 2 && backwards; i++) {
        const int32_t t = steps[i];
        steps[i] = steps[r->n_steps - 1 - i];
        steps[r->n_steps - 1 - i] = t;
    }
    for (int32_t i = 0; i < r->n_steps; i++) MWI_TRY(r->step(c, r, steps[i], states, &steps[i]));
    all = steps[r->n_steps - 1];
    if (sequences) MWI_TRY(pack(c, steps, r->n_steps, &all));
    MWI_TRY(mwi_keras_return(c, all));
    for (int32_t i = 0; i < r->n_states && return_state; i++)
        MWI_TRY(mwi_keras_return(c, states[i]));
    return MW_OK;
}
