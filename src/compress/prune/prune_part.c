/* compress/prune/prune_part.c - pruning as a part of a training run. Masks are chosen anew at the
 * schedule's steps, from the weights as the optimizer left them: what was zero has moved by one
 * step then, and may come back. Depends: train/step_graph, compress/prune/.  Used by:
 * compress/parts.c.   SPDX-License-Identifier: Apache-2.0
 */
#include "compress/prune/prune_part.h"

#include "compress/part.h"
#include "compress/prune/layer_weights.h"
#include "compress/prune/prune_weights.h"
#include "train/step_graph.h"

#include <inttypes.h>
#include <string.h>

enum { UPDATES = 100 }; /* of the masks, unless the frequency is given */

struct mask {
    mwi_param *param;
    mwi_weight_axes axes;
    uint8_t *keep;
};

struct part {
    const mw_model *model;
    const mw_prune_options *options;
    mwi_arena arena;
    struct mask *masks;
    size_t n, capacity;
};

/* Whether more becomes zero than is zero already. */
static bool makes_zeros(const mw_prune_options *o)
{
    return o->sparsity > 0 || mwi_structure_find(o->structure)->of > 0;
}

/* ---- which weights ---- */

static bool is_skipped(const struct part *s, const mwi_op *op)
{
    for (size_t i = 0; i < s->options->n_skip; i++)
        if (mwi_op_matches(s->model->graphs[0], op, s->options->skip[i])) return true;
    return false;
}

static mw_status add(mw_ctx *ctx, struct part *s, mwi_param *p)
{
    const mwi_linear *const l = p->op->desc->linear;
    struct mask m = {.param = p,
                     .axes = {.rank = p->rank,
                              .out_axis = l->out_axis,
                              .in_axis = l->depthwise ? -1 : l->in_axis,
                              .n = p->n}};
    void *memory;

    memcpy(m.axes.dims, p->dims, sizeof m.axes.dims);
    if (!mwi_structure_fits(mwi_structure_find(s->options->structure), &m.axes)) return MW_OK;
    MWI_TRY(mwi_arena_grow(ctx, &s->arena, &s->masks, s->n, &s->capacity, sizeof m));
    MWI_TRY(mwi_arena_alloc(ctx, &s->arena, p->n, &memory));
    m.keep = memory;
    for (size_t i = 0; i < p->n; i++) m.keep[i] = !s->options->keep_zeros || p->value[i] != 0;
    s->masks[s->n++] = m;
    return MW_OK;
}

static mw_status build(void *self, mw_ctx *ctx, mwi_step_graph *graph)
{
    struct part *const s = self;
    const bool rising = makes_zeros(s->options) && s->options->schedule != MW_PRUNE_CONSTANT;

    if (rising && (graph->options->keep_best || graph->options->patience > 0))
        return mwi_fail(ctx, MW_EINVAL,
                        "zeros come by a schedule: an earlier epoch has fewer of them, so the best "
                        "one is not kept and the run has no patience");
    for (size_t i = 0; i < graph->n_params; i++) {
        mwi_param *const p = graph->params[i];
        const mwi_linear *const l = p->op == NULL ? NULL : p->op->desc->linear;
        if (p->is_kernel && l != NULL && p->rank == l->rank && !is_skipped(s, p->op))
            MWI_TRY(add(ctx, s, p));
    }
    if (s->n > 0) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: no kernel that is trained can be pruned",
                    s->model->name);
}

/* ---- when ---- */

uint64_t mwi_prune_end_step(const mw_prune_options *o, const mw_trainer *t)
{
    if (o == NULL || !makes_zeros(o)) return 0;
    return o->end_step > 0 ? o->end_step : mwi_trainer_n_steps(t) * 3 / 4;
}

static bool is_due(const struct part *s, const mw_trainer *t, uint64_t step)
{
    const mw_prune_options *const o = s->options;
    const uint64_t end = mwi_prune_end_step(o, t);
    const uint64_t share = end > o->begin_step ? (end - o->begin_step) / UPDATES : 0;
    const uint64_t every = o->frequency > 0 ? o->frequency : share > 0 ? share : 1;

    if (!makes_zeros(o)) return false;
    if (step < o->begin_step || step > end) return step == o->begin_step;
    return (step - o->begin_step) % every == 0 || step == end;
}

static mw_status choose(mw_ctx *ctx, struct part *s, double sparsity)
{
    const mw_prune_options *const o = s->options;
    mwi_arena scratch;
    void *memory;

    mwi_arena_init(ctx, &scratch);
    mw_status st = mwi_arena_array(ctx, &scratch, s->n, sizeof(mwi_mask), &memory);
    if (st == MW_OK) {
        mwi_mask *const masks = memory;
        for (size_t i = 0; i < s->n; i++)
            masks[i] = (mwi_mask){&s->masks[i].axes, s->masks[i].param->value, s->masks[i].keep};
        st = mwi_masks_choose(ctx, mwi_structure_find(o->structure), sparsity, o->global, masks,
                              s->n);
    }
    mwi_arena_deinit(&scratch);
    return st;
}

static mw_status after_update(void *self, mw_ctx *ctx, mw_trainer *trainer, uint64_t step)
{
    struct part *const s = self;
    const mw_prune_options *const o = s->options;

    if (is_due(s, trainer, step)) {
        const uint64_t end = mwi_prune_end_step(o, trainer),
                       length = end > o->begin_step ? end - o->begin_step : 0;
        const double done = length == 0 ? 1 : (double)(step - o->begin_step) / (double)length;
        MWI_TRY(choose(ctx, s, mwi_prune_schedule_find(o->schedule)->at(o, done > 1 ? 1 : done)));
    }
    for (size_t i = 0; i < s->n; i++) {
        float *const value = s->masks[i].param->value;
        for (size_t k = 0; k < s->masks[i].axes.n; k++)
            if (s->masks[i].keep[k] == 0) value[k] = 0;
    }
    return MW_OK;
}

/* ---- checkpoints: a bit a weight ---- */

static mw_status save(void *self, mw_ctx *ctx, mwi_text *out)
{
    const struct part *const s = self;

    for (size_t i = 0; i < s->n; i++) {
        const struct mask *const m = &s->masks[i];
        for (size_t k = 0; k < m->axes.n; k += 8) {
            unsigned bits = 0;
            for (size_t b = 0; b < 8 && k + b < m->axes.n; b++)
                bits |= (unsigned)(m->keep[k + b] != 0) << b;
            const char byte = (char)bits;
            MWI_TRY(mwi_text_append(ctx, out, &byte, 1));
        }
    }
    return MW_OK;
}

static mw_status load(void *self, mw_ctx *ctx, const uint8_t *bytes, size_t n)
{
    struct part *const s = self;
    size_t at = 0;

    for (size_t i = 0; i < s->n; i++) {
        struct mask *const m = &s->masks[i];
        for (size_t k = 0; k < m->axes.n; k++) {
            if (at + k / 8 >= n)
                return mwi_fail(ctx, MW_EFORMAT, "masks of %zu bytes end too early", n);
            m->keep[k] = bytes[at + k / 8] >> (k % 8) & 1;
        }
        at += (m->axes.n + 7) / 8;
    }
    if (at == n) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "masks of %zu bytes, %zu are wanted", n, at);
}

static mw_status describe(void *self, mw_ctx *ctx, mwi_text *out)
{
    const struct part *const s = self;
    const mw_prune_options *const o = s->options;

    MWI_TRY(mwi_text_printf(
        ctx, out,
        "prune_sparsity %.17g\nprune_structure %d\nprune_global %d\nprune_schedule %d\n"
        "prune_initial %.17g\nprune_steps %" PRIu64 " %" PRIu64 " %" PRIu64
        "\nprune_power %.17g\nprune_keep_zeros %d\n",
        o->sparsity, o->structure, o->global, o->schedule, o->initial_sparsity, o->begin_step,
        o->end_step, o->frequency, o->power, o->keep_zeros));
    for (size_t i = 0; i < o->n_skip; i++)
        MWI_TRY(mwi_text_printf(ctx, out, "prune_skip %s\n", o->skip[i]));
    return MW_OK;
}

/* ---- opening ---- */

static mw_status check(mw_ctx *ctx, const mw_model *model, const mw_prune_options *o)
{
    MWI_TRY(mwi_prune_check(ctx, model, o));
    if (mwi_structure_find(o->structure)->block_in == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s: channels are removed before training, not while it lasts",
                        model->name);
    if (mwi_prune_schedule_find(o->schedule) == NULL)
        return mwi_fail(ctx, MW_EINVAL, "schedule %d, allowed are the numbers of mw_list's rows",
                        o->schedule);
    if (!(o->initial_sparsity >= 0 && o->initial_sparsity < 1) || !(o->power >= 0))
        return mwi_fail(ctx, MW_EINVAL, "initial sparsity %g, power %g: not in range",
                        o->initial_sparsity, o->power);
    return mwi_layers_named(ctx, model, o->skip, o->n_skip);
}

static void close_part(mw_ctx *ctx, void *self)
{
    struct part *const s = self;

    mwi_arena_deinit(&s->arena);
    mwi_free(ctx, s, sizeof *s);
}

static mw_status open_part(mw_ctx *ctx, const mwi_part_call *call, mwi_train_part *out)
{
    void *memory;

    MWI_TRY(check(ctx, call->model, call->options->prune));
    MWI_TRY(mwi_alloc(ctx, sizeof(struct part), &memory));
    *(struct part *)memory = (struct part){.model = call->model, .options = call->options->prune};
    mwi_arena_init(ctx, &((struct part *)memory)->arena);
    *out = (mwi_train_part){.self = memory,
                            .build = build,
                            .after_update = after_update,
                            .save = save,
                            .load = load,
                            .describe = describe};
    return MW_OK;
}

static bool wanted(const mw_train_options *options) { return options->prune != NULL; }

const mwi_part_desc mwi_part_prune = {
    .name = "pruning",
    .wanted = wanted,
    .open = open_part,
    .close = close_part,
};
