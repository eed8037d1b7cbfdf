/* formats/keras/layers/recurrent_run.c - a cell over the steps of its input: masks, states from
 * call to call, what the config wants returned. Few steps are written out, many become a loop.
 * Depends: layers/recurrent_run, formats/keras/build.  Used by: layers of recurrent networks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/recurrent_run.h"

#include "formats/keras/build.h"

#include <stdio.h>
#include <string.h>

/* The steps in hand, [batch, steps, ...], as values of their own, in the order of the run. */
static mw_status unpack(mwi_keras_call *c, const mwi_recurrence *r, int32_t x, int32_t **out)
{
    const int32_t n = r->n_in_hand;
    const mwi_keras_attr attrs[] = {{"num", n}, {"axis", 1}, {NULL, 0}};
    void *memory;

    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, (size_t)n, sizeof **out, &memory));
    *out = memory;
    MWI_TRY(mwi_keras_ops(c, "UNPACK", 1, &x, attrs, (size_t)n, *out));
    for (int32_t i = 0; i < n / 2 && r->turned; i++) {
        const int32_t t = (*out)[i];
        (*out)[i] = (*out)[n - 1 - i];
        (*out)[n - 1 - i] = t;
    }
    return MW_OK;
}

mw_status mwi_recurrence_pack(mwi_keras_call *c, const mwi_recurrence *r, int32_t *out)
{
    const mwi_keras_attr attrs[] = {{"values_count", r->n_in_hand}, {"axis", 1}, {NULL, 0}};
    return mwi_keras_op(c, "PACK", (size_t)r->n_in_hand, r->steps, attrs, out);
}

static mw_status swap_time(mwi_keras_call *c, int32_t x, int32_t *out)
{
    int32_t perm[MW_MAX_RANK];

    for (int32_t i = 0; i < MW_MAX_RANK; i++) perm[i] = i < 2 ? 1 - i : i;
    return mwi_keras_transpose(c, x, perm, out);
}

static mw_status read_options(mwi_keras_call *c, mwi_recurrence *r)
{
    const mwi_keras_layer *const l = c->layer;

    MWI_TRY(mwi_keras_bool(c->ctx, l, "go_backwards", false, &r->backwards));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "return_sequences", false, &r->sequences));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "return_state", false, &r->return_state));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "time_major", false, &r->time_major));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "zero_output_for_mask", false, &r->zero_masked));
    MWI_TRY(mwi_keras_bool(c->ctx, l, "stateful", false, &r->stateful));
    r->backwards ^= l->mirrored;
    if (r->time_major && c->build->batch_open && mwi_keras_tensor(c, c->in[0])->dims[0] == 1)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "is time_major, and the first dimension, its steps, is open: give the "
                        "input's shape");
    /* Bidirectional sets it in both directions, whatever the config says. */
    if (l->parent != NULL && mwi_keras_is_class(l->parent, "Bidirectional"))
        r->zero_masked = r->sequences;
    return MW_OK;
}

static mw_status open_cell(mwi_keras_call *c, const mwi_keras_layer *layer, mwi_keras_cell *cell)
{
    const mwi_keras_layer *const outer = c->layer;

    if (layer->row == NULL || layer->row->open_cell == NULL)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "holds a %s, which is not a cell",
                        layer->class_name);
    cell->layer = layer;
    cell->bias = cell->recurrent = cell->recurrent_rest = cell->recurrent_bias = -1;
    c->layer = layer;
    const mw_status st = layer->row->open_cell(c, cell);
    c->layer = outer;
    return mwi_prefix(c->ctx, st, "%s", layer->class_name);
}

mw_status mwi_recurrence_open(mwi_keras_call *c, mwi_recurrence *r)
{
    MWI_TRY(open_cell(c, c->layer->row->open_cell != NULL ? c->layer : c->layer->children[0],
                      &r->cell));
    if (c->n_in != 1 && c->n_in != 1 + (size_t)r->cell.n_states)
        return mwi_fail(c->ctx, MW_EFORMAT, "is called with %zu initial states, has %d",
                        c->n_in - 1, r->cell.n_states);
    for (int32_t i = 0; i < r->cell.n_states; i++) r->states[i] = c->n_in > 1 ? c->in[1 + i] : -1;
    return MW_OK;
}

const mwi_keras_cell *mwi_keras_cell_of_state(const mwi_keras_cell *cell, int32_t k)
{
    const mwi_keras_cell *at = cell->below;

    if (at == NULL) return cell;
    while (k >= at->n_states) k -= (at++)->n_states;
    return at;
}

mw_status mwi_recurrence_read_variables(mwi_keras_call *c, mwi_recurrence *r)
{
    char name[16];

    if (!r->stateful) return MW_OK;
    if (c->layer->n_calls > 1)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "is stateful and called more than once: which call goes first is not in "
                        "the file");
    if (c->n_in > 1 && c->layer->keras_major < 3)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "is stateful and called with initial states, which Keras 2 takes or not by "
                        "what the states hold; leave one of both out");
    for (int32_t i = 0; i < r->cell.n_states; i++) {
        const mwi_keras_cell *const s = mwi_keras_cell_of_state(&r->cell, i);
        (void)snprintf(name, sizeof name, "state_%d", i);
        MWI_TRY(mwi_keras_variable(c, name, s->out_rank, s->out_dims, &r->variables[i]));
        if (c->n_in == 1)
            MWI_TRY(mwi_keras_variable_read(c, r->variables[i], s->out_rank, s->out_dims,
                                            &r->states[i]));
    }
    return MW_OK;
}

/* [batch, steps, ..., gates * units] is what all steps give to the gates. */
static void set_result_shape(mwi_keras_cell *cell, const mwi_tensor *projected)
{
    if (cell->below != NULL) return;
    for (int32_t i = 1; i < cell->out_rank; i++) cell->out_dims[i] = projected->dims[i + 1];
    cell->out_dims[0] = projected->dims[0];
    cell->out_dims[cell->out_rank - 1] = cell->units;
}

static mw_status write_variables(mwi_keras_call *c, const mwi_recurrence *r)
{
    for (int32_t i = 0; i < r->cell.n_states && r->stateful; i++)
        MWI_TRY(mwi_keras_variable_write(c, r->variables[i], r->states[i]));
    return MW_OK;
}

/* mask: [batch, steps], the steps in hand; -1: all count. */
static mw_status unpack_mask(mwi_keras_call *c, mwi_recurrence *r, int32_t mask)
{
    int32_t dims[MW_MAX_RANK];

    if (mask < 0) return MW_OK;
    memcpy(dims, mwi_keras_tensor(c, mask)->dims, 2 * sizeof *dims);
    for (int32_t i = 2; i <= r->cell.out_rank; i++) dims[i] = 1;
    MWI_TRY(mwi_keras_reshape(c, mask, r->cell.out_rank + 1, dims, &mask));
    return unpack(c, r, mask, &r->masks);
}

static mw_status check_mask(mwi_keras_call *c, const mwi_recurrence *r)
{
    if (c->masks[0] < 0) return MW_OK;
    const mwi_tensor *const t = mwi_keras_tensor(c, c->masks[0]);
    if (t->rank == 2 && t->dims[1] == r->n_steps && !r->time_major) return MW_OK;
    return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes a mask of another shape than its steps");
}

/* `value` where the step counts, else `other` (-1: zero). */
static mw_status choose(mwi_keras_call *c, int32_t mask, int32_t value, int32_t other, int32_t *out)
{
    int32_t operands[3] = {mask, value, other};

    if (other < 0) MWI_TRY(mwi_keras_scalar(c, 0.0, &operands[2]));
    return mwi_keras_op(c, "SELECT_V2", 3, operands, NULL, out);
}

static mw_status run_step(mwi_keras_call *c, mwi_recurrence *r, int32_t i)
{
    int32_t before[MWI_KERAS_MAX_STATES], out;

    memcpy(before, r->states, sizeof before);
    c->layer = r->cell.layer;
    const mw_status st = r->cell.step(c, &r->cell, r->steps[i], r->states, &out);
    c->layer = r->outer;
    MWI_TRY(st);
    const bool is_state = out == r->states[0] && r->last == before[0] && !r->zero_masked;
    for (int32_t k = 0; k < r->cell.n_states && r->masks != NULL; k++)
        MWI_TRY(choose(c, r->masks[i], r->states[k], before[k], &r->states[k]));
    if (r->masks != NULL && is_state)
        out = r->states[0];
    else if (r->masks != NULL)
        MWI_TRY(choose(c, r->masks[i], out, r->zero_masked ? -1 : r->last, &out));
    r->steps[i] = r->last = out;
    return MW_OK;
}

mw_status mwi_recurrence_project(mwi_keras_call *c, mwi_recurrence *r, int32_t x, int32_t *out)
{
    c->layer = r->cell.layer;
    const mw_status st = r->cell.project(c, &r->cell, x, out);
    c->layer = r->outer;
    MWI_TRY(st);
    set_result_shape(&r->cell, mwi_keras_tensor(c, *out));
    return MW_OK;
}

mw_status mwi_recurrence_steps(mwi_keras_call *c, mwi_recurrence *r, int32_t x, int32_t mask)
{
    MWI_TRY(unpack(c, r, x, &r->steps));
    MWI_TRY(unpack_mask(c, r, mask));
    for (int32_t i = 0; i < r->n_in_hand; i++) MWI_TRY(run_step(c, r, i));
    return MW_OK;
}

/* All steps as operators of their own. */
static mw_status write_out(mwi_keras_call *c, mwi_recurrence *r, int32_t x)
{
    r->n_in_hand = r->n_steps;
    r->turned = r->backwards;
    MWI_TRY(mwi_recurrence_open(c, r));
    MWI_TRY(mwi_recurrence_project(c, r, x, &x));
    MWI_TRY(mwi_recurrence_read_variables(c, r));
    MWI_TRY(mwi_recurrence_steps(c, r, x, c->masks[0]));
    return r->sequences ? mwi_recurrence_pack(c, r, &r->sequence) : MW_OK;
}

static mw_status give_results(mwi_keras_call *c, mwi_recurrence *r)
{
    int32_t y = r->sequences ? r->sequence : r->last;

    if (r->time_major && r->sequences) MWI_TRY(swap_time(c, y, &y));
    if (c->masks[0] >= 0 && r->sequences) MWI_TRY(mwi_keras_set_mask(c, y, c->masks[0]));
    MWI_TRY(mwi_keras_return(c, y));
    for (int32_t i = 0; i < r->cell.n_states && r->return_state; i++)
        MWI_TRY(mwi_keras_return(c, r->states[i]));
    return MW_OK;
}

/* What has more steps becomes a loop: docs/adr/0004. */
static int32_t most_written_out(const mwi_keras_call *c)
{
    enum { BY_DEFAULT = 32, AT_MOST = 4096 };
    const int32_t most = c->build->options->max_written_out_steps;

    return most <= 0 ? BY_DEFAULT : most < AT_MOST ? most : AT_MOST;
}

static mw_status run_all(mwi_keras_call *c, mwi_recurrence *r)
{
    int32_t x = c->in[0];

    MWI_TRY(mwi_keras_need_rank(c, 0, 3, MW_MAX_RANK));
    MWI_TRY(read_options(c, r));
    if (r->time_major) MWI_TRY(swap_time(c, x, &x));
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    r->outer = c->layer;
    r->last = -1;
    r->n_steps = t->dims[1];
    r->cell.rank = t->rank - 1;
    r->cell.dims[0] = t->dims[0];
    for (int32_t i = 1; i < r->cell.rank; i++) r->cell.dims[i] = t->dims[i + 1];
    MWI_TRY(check_mask(c, r));
    MWI_TRY(r->n_steps > most_written_out(c) ? mwi_recurrence_loop(c, r, x) : write_out(c, r, x));
    MWI_TRY(write_variables(c, r));
    return give_results(c, r);
}

mw_status mwi_keras_build_recurrent(mwi_keras_call *c)
{
    void *memory;

    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, 1, sizeof(mwi_recurrence), &memory));
    return run_all(c, memory);
}
