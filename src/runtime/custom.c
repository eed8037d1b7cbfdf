/* runtime/custom.c - operators of the program (milliwatt/custom.h) as rows of the list of
 * operators: a session makes one for each, and its plans put them in place of the file's.
 * Depends: runtime/session_state, ops/shapes.  Used by: runtime/session, runtime/plan_steps.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"
#include "runtime/plan_maker.h"
#include "runtime/session_state.h"

#include <stdio.h>
#include <string.h>

/* A row, with what it calls. */
typedef struct custom_row {
    mwi_op_desc desc; /* first: a row is found from its desc */
    mwi_kernel kernels[2];
    mw_custom_op op;
} custom_row;

struct mwi_customs {
    size_t n;
    custom_row rows[];
};

mw_status mw_custom_fail(mw_ctx *ctx, mw_status status, const char *message)
{
    mwi_enter(ctx);
    if (status == MW_OK) status = MW_EINVAL;
    return mwi_fail(ctx, status, "%s", message == NULL ? "" : message);
}

/* ---- calls ---- */

static const custom_row *row_of(const mwi_op *op)
{
    return (const custom_row *)(const void *)op->desc;
}

static void put_view(const mwi_view *v, mw_buffer *out)
{
    memset(out, 0, sizeof *out);
    if (v->tensor == NULL) return;
    mwi_tensor_info(v->tensor, &out->info);
    out->info.dtype = v->dtype;
    out->info.rank = v->rank;
    memcpy(out->info.dims, v->dims, sizeof out->info.dims);
    out->data = v->data;
    out->bytes = v->bytes;
}

/* What prepare makes. */
typedef struct state {
    const mw_custom_op *op;
    mw_custom_call call;
    mw_buffer in[MW_CUSTOM_MAX_OPERANDS], out[MW_CUSTOM_MAX_OPERANDS];
} state;

static void fill(state *s, const mwi_op *op, const mwi_view *in, const mwi_view *out)
{
    s->op = &row_of(op)->op;
    for (size_t i = 0; i < op->n_in; i++) put_view(&in[i], &s->in[i]);
    for (size_t i = 0; i < op->n_out; i++) put_view(&out[i], &s->out[i]);
    s->call = (mw_custom_call){.options = op->custom_options,
                               .n_options = op->n_custom_options,
                               .n_in = op->n_in,
                               .n_out = op->n_out,
                               .in = s->in,
                               .out = s->out};
}

static mw_status plan(mw_ctx *ctx, state *s)
{
    const mw_status st = s->op->plan(s->op->self, ctx, &s->call);

    if (st == MW_OK || *mw_ctx_error(ctx) != '\0') return st;
    return mwi_fail(ctx, st, "its plan failed");
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    state s;

    if (call->n_in > MW_CUSTOM_MAX_OPERANDS || call->n_out > MW_CUSTOM_MAX_OPERANDS)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%zu inputs and %zu outputs, limit %d", call->n_in,
                        call->n_out, MW_CUSTOM_MAX_OPERANDS);
    fill(&s, call->op, call->in, call->out);
    MWI_TRY(plan(ctx, &s));
    call->unknown = s.call.unknown && !call->running;
    if (s.call.unknown && call->running)
        return mwi_fail(ctx, MW_EINVAL, "its plan does not know a shape though all data are there");
    for (size_t i = 0; i < call->n_out && !call->unknown; i++) {
        const mw_tensor_info *const t = &s.out[i].info;
        if (t->rank < 0 || t->rank > MW_MAX_RANK)
            return mwi_fail(ctx, MW_EINVAL, "its plan gave output %zu rank %d", i, t->rank);
        mwi_view_set_dims(&call->out[i], t->rank, t->dims);
    }
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &call->state));
    state *const s = call->state;
    fill(s, call->op, call->in, call->out);
    MWI_TRY(plan(ctx, s));
    call->scratch_bytes = s->call.scratch_bytes;
    /* The plan has had its say: what the run sees are the planned shapes. */
    for (size_t i = 0; i < call->n_out; i++) put_view(&call->out[i], &s->out[i]);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    state *const s = (state *)(uintptr_t)call->state; /* made by prepare, not shared */

    for (size_t i = 0; i < call->n_in; i++) s->in[i].data = call->in[i].data;
    for (size_t i = 0; i < call->n_out; i++) s->out[i].data = call->out[i].data;
    s->call.scratch = call->scratch;
    const mw_status st = s->op->run(s->op->self, ctx, &s->call);
    if (st == MW_OK || *mw_ctx_error(ctx) != '\0') return st;
    return mwi_fail(ctx, st, "its run failed");
}

/* ---- rows ---- */

/* "*|str?,*|str?,...>*|str?,...": any operands. */
static mw_status make_types(mw_ctx *ctx, mwi_arena *arena, const char **out)
{
    static const char any[] = "*|str?";
    char text[2 * MW_CUSTOM_MAX_OPERANDS * sizeof any];
    size_t n = 0;

    for (size_t i = 0; i < 2 * MW_CUSTOM_MAX_OPERANDS; i++) {
        if (i > 0) text[n++] = i == MW_CUSTOM_MAX_OPERANDS ? '>' : ',';
        memcpy(text + n, any, sizeof any - 1);
        n += sizeof any - 1;
    }
    return mwi_arena_string(ctx, arena, text, n, out);
}

static mw_status make_row(mw_ctx *ctx, mwi_arena *arena, const mw_custom_op *op, const char *types,
                          custom_row *r)
{
    if (op->name == NULL || op->plan == NULL || op->run == NULL)
        return mwi_fail(ctx, MW_EINVAL, "a custom operator needs a name, plan and run");
    r->op = *op;
    MWI_TRY(mwi_arena_string(ctx, arena, op->name, strlen(op->name), &r->op.name));
    MWI_TRY(mwi_arena_printf(ctx, arena, &r->kernels[0].name, "%s__ref", op->name));
    r->kernels[0].types = types;
    r->kernels[0].prepare = prepare;
    r->kernels[0].run = run;
    r->desc = (mwi_op_desc){.name = r->op.name,
                            .tflite_code = -1,
                            .custom = true,
                            .max_in = MW_CUSTOM_MAX_OPERANDS,
                            .max_out = MW_CUSTOM_MAX_OPERANDS,
                            .traits = MWI_OP_STATEFUL,
                            .kernels = r->kernels,
                            .infer = infer};
    return MW_OK;
}

mw_status mwi_customs_create(mw_ctx *ctx, mwi_arena *arena, const mw_custom_op *ops, size_t n,
                             const mwi_customs **out)
{
    const char *types;
    void *memory;

    *out = NULL;
    if (n == 0) return MW_OK;
    if (n > UINT16_MAX) return mwi_fail(ctx, MW_ELIMIT, "%zu custom operators", n);
    MWI_TRY(mwi_arena_array(ctx, arena, sizeof(mwi_customs) + n * sizeof(custom_row), 1, &memory));
    MWI_TRY(make_types(ctx, arena, &types));
    mwi_customs *const c = memory;
    for (; c->n < n; c->n++) MWI_TRY(make_row(ctx, arena, &ops[c->n], types, &c->rows[c->n]));
    *out = c;
    return MW_OK;
}

mw_status mwi_customs_replace(mw_ctx *ctx, const mwi_customs *customs, mwi_arena *arena,
                              const mwi_op **op)
{
    for (size_t i = 0; customs != NULL && (*op)->custom_code != NULL && i < customs->n; i++) {
        const custom_row *const r = &customs->rows[i];
        void *memory;
        if (strcmp(r->op.name, (*op)->custom_code) != 0) continue;
        MWI_TRY(mwi_arena_copy(ctx, arena, *op, sizeof **op, &memory));
        ((mwi_op *)memory)->desc = &r->desc;
        *op = memory;
        return MW_OK;
    }
    return MW_OK;
}
