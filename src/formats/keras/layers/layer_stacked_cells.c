/* formats/keras/layers/layer_stacked_cells.c - StackedRNNCells: each cell's result is the next
 * one's input, within a step.
 * Depends: layers/recurrent, formats/keras/build.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"
#include "formats/keras/layers/recurrent.h"

#include <string.h>

static mw_status project(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x, int32_t *out)
{
    c->layer = cell->below[0].layer;
    return cell->below[0].project(c, &cell->below[0], x, out);
}

static mw_status step(mwi_keras_call *c, const mwi_keras_cell *cell, int32_t x, int32_t *states,
                      int32_t *out)
{
    size_t at = 0;

    for (size_t i = 0; i < cell->n_below; i++) {
        const mwi_keras_cell *const b = &cell->below[i];
        c->layer = b->layer;
        if (i > 0) MWI_TRY(b->project(c, b, x, &x));
        MWI_TRY(b->step(c, b, x, states + at, &x));
        at += (size_t)b->n_states;
    }
    *out = x;
    return MW_OK;
}

static mw_status open_one(mwi_keras_call *c, const mwi_keras_cell *before,
                          const mwi_keras_layer *layer, mwi_keras_cell *cell)
{
    if (layer->row == NULL || layer->row->open_cell == NULL)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "holds a %s, which is not a cell",
                        layer->class_name);
    cell->layer = layer;
    cell->bias = cell->recurrent = cell->recurrent_rest = cell->recurrent_bias = -1;
    cell->rank = before->out_rank;
    memcpy(cell->dims, before->out_dims, sizeof cell->dims);
    c->layer = layer;
    return layer->row->open_cell(c, cell);
}

static mw_status open_stack(mwi_keras_call *c, mwi_keras_cell *cell)
{
    const mwi_keras_layer *const l = c->layer;
    mwi_keras_cell first = {.out_rank = cell->rank};
    const mwi_keras_cell *before = &first;
    void *memory;
    bool reversed;

    MWI_TRY(mwi_keras_bool(c->ctx, l, "reverse_state_order", false, &reversed));
    if (reversed)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "has reverse_state_order, which has no lowering here");
    if (l->n_children == 0) return mwi_fail(c->ctx, MW_EFORMAT, "has no cells");
    MWI_TRY(
        mwi_arena_array(c->ctx, c->build->scratch, l->n_children, sizeof(mwi_keras_cell), &memory));
    cell->below = memory;
    memcpy(first.out_dims, cell->dims, sizeof first.out_dims);
    for (size_t i = 0; i < l->n_children; i++) {
        MWI_TRY(open_one(c, before, l->children[i], &cell->below[i]));
        before = &cell->below[i];
        cell->n_below++;
        cell->n_states += before->n_states;
        if (cell->n_states > MWI_KERAS_MAX_STATES)
            return mwi_fail(c->ctx, MW_ELIMIT, "more than %d states", MWI_KERAS_MAX_STATES);
    }
    cell->out_rank = before->out_rank;
    memcpy(cell->out_dims, before->out_dims, sizeof cell->out_dims);
    cell->project = project;
    cell->step = step;
    return MW_OK;
}

static const char *const classes[] = {"StackedRNNCells", NULL};
const mwi_keras_row mwi_keras_layer_stacked_cells = {
    .classes = classes,
    .summary = "its cells, one after another in each step",
    .flags = MWI_KERAS_WRAPPER,
    .check = mwi_keras_recurrent_check,
    .open_cell = open_stack,
    .build = mwi_keras_refuse_cell,
};
