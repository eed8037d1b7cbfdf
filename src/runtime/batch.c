/* runtime/batch.c - running any number of samples: planned as a batch where that provably gives
 * the same results, else one after another.
 * Depends: runtime/session_state.  Used by: milliwatt/session.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_state.h"

#include <string.h>

/* Samples in one planned run: more gain nothing and cost memory. */
enum { MAX_PIECE = 64 };

/* ---- samples ---- */

/* Samples that one run at the declared shapes takes: the first dimension of all inputs; 0 when they
 * have none in common, and all of each input is one sample. */
static size_t unit_of(const mw_session *s)
{
    const mwi_view *const views = s->kept[0].plan->views;
    size_t unit = 0;

    for (size_t i = 0; i < s->n_inputs; i++) {
        const mwi_view *const v = &views[s->inputs[i]];
        const size_t first = v->rank > 0 ? (size_t)v->dims[0] : 0;
        if (first == 0 || (unit != 0 && unit != first)) return 0;
        unit = first;
    }
    if (unit <= 1) return unit;
    for (size_t i = 0; i < s->n_outputs; i++) {
        const mwi_view *const v = &views[s->outputs[i]];
        if (v->rank == 0 || (size_t)v->dims[0] != unit) return 0;
    }
    return unit;
}

static size_t sample_bytes(const mw_session *s, int32_t tensor)
{
    const size_t unit = unit_of(s);
    return s->kept[0].plan->views[tensor].bytes / (unit == 0 ? 1 : unit);
}

size_t mw_session_input_sample_bytes(const mw_session *session, size_t index)
{
    return index < session->n_inputs ? sample_bytes(session, session->inputs[index]) : 0;
}

size_t mw_session_output_sample_bytes(const mw_session *session, size_t index)
{
    return index < session->n_outputs ? sample_bytes(session, session->outputs[index]) : 0;
}

/* ---- whether a batch may be planned ---- */

/* The first dimension went from grown[0] samples to grown[1], all else stayed. */
static bool grew(const mwi_view *a, const mwi_view *b, const int32_t *grown)
{
    const size_t one = (size_t)grown[0], many = (size_t)grown[1];

    if (a->rank < 1 || a->rank != b->rank || a->dims[0] != grown[0] || b->dims[0] != grown[1])
        return false;
    if (memcmp(a->dims + 1, b->dims + 1, (size_t)(a->rank - 1) * sizeof *a->dims) != 0)
        return false;
    return a->bytes % one == 0 && b->bytes == a->bytes / one * many;
}

/* Whether operand `i` has the same value in both plans, or is a shape that differs in the batch
 * alone. */
static bool same_constant(const mwi_view *a, const mwi_view *b, const int32_t *grown)
{
    const size_t head = a->dtype == MW_INT64 ? sizeof(int64_t) : sizeof(int32_t);
    int64_t first[2];

    if (a->bytes != b->bytes) return false;
    if (a->data == b->data || a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0) return true;
    if ((a->dtype != MW_INT32 && a->dtype != MW_INT64) || a->rank != 1) return false;
    first[0] = head == 8 ? *(const int64_t *)a->data : *(const int32_t *)a->data;
    first[1] = head == 8 ? *(const int64_t *)b->data : *(const int32_t *)b->data;
    return first[0] == grown[0] && first[1] == grown[1] &&
           memcmp((const char *)a->data + head, (const char *)b->data + head, a->bytes - head) == 0;
}

/* Whether sample i of step `at`'s outputs depends on sample i of its inputs alone: its row says so,
 * and the operands that carry the batch have it first and in one place. */
static bool keeps_samples_apart(const mwi_plan *one, const mwi_plan *many, size_t at,
                                const int32_t *grown)
{
    const mwi_step *const x = &one->steps[at], *const y = &many->steps[at];
    const mwi_op *const op = x->op;
    const uint32_t traits = op->desc->traits;
    const bool any_rank =
        (traits & (MWI_OP_POINTWISE | MWI_OP_BINARY_BROADCAST | MWI_OP_VIEW)) != 0;
    size_t carriers = 0;
    bool ranks_differ = false;

    if ((traits & MWI_OP_STATEFUL) != 0 || (!any_rank && (traits & MWI_OP_PER_SAMPLE) == 0))
        return false;
    for (size_t i = 0; i < op->n_out; i++)
        if (!grew(&x->call.out[i], &y->call.out[i], grown)) return false;
    for (size_t i = 0; i < op->n_in; i++) {
        const mwi_view *const a = &x->call.in[i], *const b = &y->call.in[i];
        if (op->in[i] < 0) continue;
        if (one->places[op->in[i]] == MWI_NO_PLACE && many->places[op->in[i]] == MWI_NO_PLACE) {
            if ((traits & MWI_OP_VIEW) == 0 && !same_constant(a, b, grown)) return false;
            continue;
        }
        if (!grew(a, b, grown) || (!any_rank && a->rank < 2)) return false;
        carriers++;
        ranks_differ = ranks_differ || a->rank != x->call.out[0].rank;
    }
    return carriers <= 1 || !ranks_differ;
}

/* grown: samples of the two plans. */
static bool scales(const mw_session *s, const mwi_plan *one, const mwi_plan *many,
                   const int32_t *grown)
{
    const size_t n_ops = s->graph->n_ops;
    if (one->n_steps != many->n_steps || s->states.n > 0 || one->next_op < n_ops ||
        many->next_op < n_ops)
        return false;
    for (size_t i = 0; i < one->n_steps; i++)
        if (one->steps[i].op != many->steps[i].op || !keeps_samples_apart(one, many, i, grown))
            return false;
    for (size_t i = 0; i < s->n_outputs; i++)
        if (!grew(&one->views[s->outputs[i]], &many->views[s->outputs[i]], grown)) return false;
    return true;
}

/* Makes a plan for `batch` samples the present one. *planned false: single runs are needed. */
static mw_status plan_batch(mw_ctx *ctx, mw_session *s, size_t batch, bool *planned)
{
    mwi_plan *const before = s->present, *const one = s->kept[0].plan;
    mw_shape *const shapes = s->batch_shapes;
    mwi_error error;

    *planned = false;
    if (s->n_inputs == 0) return MW_OK;
    for (size_t i = 0; i < s->n_inputs; i++) {
        const mwi_view *const v = &one->views[s->inputs[i]];
        shapes[i].rank = v->rank;
        memcpy(shapes[i].dims, v->dims, sizeof shapes[i].dims);
        shapes[i].dims[0] = (int32_t)batch;
    }
    mwi_error_save(ctx, &error);
    const mw_status st = mwi_session_use_shapes(ctx, s, shapes);
    if (st == MW_ECANCELLED) return st;
    mwi_error_restore(ctx, &error); /* a batch that cannot be planned is run one by one */
    const int32_t grown[2] = {1, (int32_t)batch};
    *planned = st == MW_OK && scales(s, one, s->present, grown);
    if (*planned) return MW_OK;
    /* What a graph does not take once it never takes; memory may be there another time. */
    s->one_by_one = st != MW_ENOMEM && st != MW_ELIMIT;
    if (st == MW_OK) mwi_session_use_plan(s, before);
    return MW_OK;
}

/* ---- running ---- */

typedef struct batch_io {
    const void *const *in;
    void *const *out;
    size_t unit; /* samples of a run */
} batch_io;

/* One run of the present plan on `count` samples from `at`; where the plan takes more, the last is
 * repeated. */
static mw_status run_piece(mw_ctx *ctx, mw_session *s, const batch_io *io, size_t at, size_t count)
{
    for (size_t i = 0; i < s->n_inputs; i++) {
        const mwi_view *const v = &s->present->views[s->inputs[i]];
        const size_t sample = v->bytes / io->unit;
        if (v->bytes == 0) continue;
        memcpy(v->data, (const char *)io->in[i] + at * sample, count * sample);
        for (size_t k = count; k < io->unit; k++)
            memcpy((char *)v->data + k * sample,
                   (const char *)io->in[i] + (at + count - 1) * sample, sample);
    }
    MWI_TRY(mwi_session_run_once(ctx, s));
    for (size_t i = 0; i < s->n_outputs; i++) {
        const mwi_view *const v = &mwi_session_last_plan(s)->views[s->outputs[i]];
        const size_t sample = v->bytes / io->unit;
        if (sample != sample_bytes(s, s->outputs[i]))
            return mwi_fail(ctx, MW_EINVAL,
                            "%s: the size of output %zu depends on data: run samples one at a time",
                            s->model->name, i);
        if (v->bytes != 0) memcpy((char *)io->out[i] + at * sample, v->data, count * sample);
    }
    return MW_OK;
}

static mw_status run_pieces(mw_ctx *ctx, mw_session *s, const batch_io *io, size_t begin,
                            size_t end)
{
    for (size_t at = begin; at < end; at += io->unit)
        MWI_TRY(run_piece(ctx, s, io, at, end - at < io->unit ? end - at : io->unit));
    return MW_OK;
}

/* A model that is declared for several samples takes a part of them only when it keeps them apart.
 */
static bool takes_part(const mw_session *s, size_t unit)
{
    const mwi_plan *const p = s->kept[0].plan;
    const int32_t grown[2] = {(int32_t)unit, (int32_t)unit};
    return scales(s, p, p, grown);
}

static mw_status run_all(mw_ctx *ctx, mw_session *s, size_t batch, batch_io *io)
{
    size_t done = 0;

    if (io->unit == 1 && batch > 1 && !s->one_by_one && s->states.n == 0) {
        const size_t piece = batch < MAX_PIECE ? batch : MAX_PIECE;
        bool planned;
        MWI_TRY(plan_batch(ctx, s, piece, &planned));
        if (planned) {
            io->unit = piece;
            done = batch - batch % piece;
            MWI_TRY(run_pieces(ctx, s, io, 0, done));
            io->unit = 1;
        }
    }
    mwi_session_use_plan(s, s->kept[0].plan);
    return run_pieces(ctx, s, io, done, batch);
}

mw_status mw_session_run_batch(mw_ctx *ctx, mw_session *session, size_t batch,
                               const void *const *in, void *const *out)
{
    mwi_plan *const before = session->present;
    const size_t unit = unit_of(session);
    batch_io io = {.in = in, .out = out, .unit = unit == 0 ? 1 : unit};

    mwi_enter(ctx);
    if (batch == 0) return MW_OK;
    if (unit == 0 && batch != 1)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: its inputs and outputs have no batch dimension in common: give one "
                        "sample at a time, not %zu",
                        session->model->name, batch);
    if (batch % io.unit != 0 && !takes_part(session, unit))
        return mwi_fail(ctx, MW_EINVAL,
                        "%s takes %zu samples at a time and mixes them: give a multiple, not %zu",
                        session->model->name, unit, batch);
    mwi_session_drop_strings(ctx, session); /* once: those of all runs are good after the last */
    const mw_status st = run_all(ctx, session, batch, &io);
    mwi_session_use_plan(session, before);
    return st;
}
