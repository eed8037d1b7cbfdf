/* compress/distill/teacher.c - see teacher.h.
 * Depends: compress/distill/teacher, evaluate/side.  Used by: compress/distill.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/distill/teacher.h"

#include "ops/registry.h"

#include <string.h>

enum { BATCH = 64 };

int32_t mwi_find_layer_value(const mwi_graph *g, const char *name)
{
    int32_t found = -1;

    for (size_t i = 0; i < g->n_tensors; i++)
        if (strcmp(g->tensors[i]->name, name) == 0 && g->tensors[i]->data == NULL)
            return (int32_t)i;
    for (size_t i = 0; i < g->n_ops; i++)
        if (g->ops[i]->layer != NULL && strcmp(g->ops[i]->layer, name) == 0)
            found = g->ops[i]->out[0];
    return found;
}

/* ---- opening ---- */

/* What comes before a last softmax, looking through a last DEQUANTIZE. */
static int32_t scores_of(const mwi_graph *g, bool *softmax)
{
    int32_t tensor = g->outputs[0];

    *softmax = false;
    for (int32_t at; (at = mwi_graph_producer(g, tensor)) >= 0;) {
        const mwi_op *const op = g->ops[at];
        if (op->desc == &mwi_op_softmax) {
            *softmax = true;
            return op->in[0];
        }
        if (op->desc != &mwi_op_dequantize) break;
        tensor = op->in[0];
    }
    return g->outputs[0];
}

static mw_status choose_outputs(mw_ctx *ctx, mwi_teacher *t, const char *const *names, size_t n)
{
    mwi_graph *const g = t->model->graphs[0];
    void *memory;

    if (g->n_outputs != 1)
        return mwi_fail(ctx, MW_EINVAL, "the teacher %s has %zu outputs, it needs one",
                        t->model->name, g->n_outputs);
    MWI_TRY(mwi_arena_array(ctx, &t->arena, n + 1, sizeof(int32_t), &memory));
    int32_t *const outputs = memory;
    outputs[0] = scores_of(g, &t->softmax);
    for (size_t i = 0; i < n; i++) {
        outputs[i + 1] = mwi_find_layer_value(g, names[i]);
        if (outputs[i + 1] < 0)
            return mwi_fail(ctx, MW_EINVAL, "the teacher %s has no layer '%s'", t->model->name,
                            names[i]);
    }
    MWI_TRY(mwi_graph_set_io(ctx, t->model, g, g->inputs, g->n_inputs, outputs, n + 1));
    t->model->n_signatures = 0;
    MWI_TRY(mwi_model_sweep(ctx, t->model, NULL));
    return mwi_model_verify(ctx, t->model);
}

static mw_status note_values(mw_ctx *ctx, mwi_teacher *t)
{
    void *memory;

    t->n_values = t->side.n_out;
    MWI_TRY(mwi_arena_array(ctx, &t->arena, t->n_values, sizeof *t->values, &memory));
    t->values = memory;
    for (size_t i = 0; i < t->n_values; i++) {
        const mwi_end *const e = &t->side.out[i];
        t->values[i].rank = e->info.rank;
        memcpy(t->values[i].dims, e->info.dims, sizeof t->values[i].dims);
        t->values[i].n = e->n;
    }
    MWI_TRY(mwi_arena_array(ctx, &t->arena, t->n_values, sizeof *t->at, &memory));
    t->at = memory;
    MWI_TRY(mwi_arena_array(ctx, &t->arena, t->side.n_in, sizeof *t->places, &memory));
    t->places = memory;
    return MW_OK;
}

mw_status mwi_teacher_open(mw_ctx *ctx, const mw_model *model, mw_dataset *data,
                           const char *const *names, size_t n, uint32_t n_threads, mwi_teacher *out)
{
    memset(out, 0, sizeof *out);
    mwi_arena_init(ctx, &out->arena);
    out->data = data;
    out->batch = BATCH;
    MWI_TRY(mwi_model_clone(ctx, model, &out->model));
    MWI_TRY(choose_outputs(ctx, out, names, n));
    MWI_TRY(mwi_side_open(ctx, out->model, out->batch, n_threads, &out->arena, &out->side));
    if (out->side.has_state) out->batch = 1;
    return note_values(ctx, out);
}

void mwi_teacher_close(mwi_teacher *t)
{
    if (t->model == NULL) return;
    mwi_side_close(&t->side);
    mw_model_destroy(t->model);
    mwi_arena_deinit(&t->arena);
    memset(t, 0, sizeof *t);
}

/* ---- values ---- */

static void take(const mwi_teacher *t, size_t n, float *const *out)
{
    for (size_t v = 0; v < t->n_values; v++)
        for (size_t i = 0; i < n * t->values[v].n; i++) out[v][i] = (float)t->side.out[v].values[i];
}

mw_status mwi_teacher_keep(mw_ctx *ctx, mwi_teacher *t, uint64_t max_bytes, bool *kept)
{
    const uint64_t n = mw_dataset_n_samples(t->data);
    uint64_t bytes = 0, ns;
    void *memory;

    *kept = false;
    for (size_t v = 0; v < t->n_values; v++) bytes += t->values[v].n * sizeof(float);
    if (bytes > 0 && n > max_bytes / bytes) return MW_OK;
    for (size_t v = 0; v < t->n_values; v++) {
        MWI_TRY(
            mwi_arena_array(ctx, &t->arena, (size_t)n * t->values[v].n, sizeof(float), &memory));
        t->values[v].kept = memory;
    }
    for (uint64_t first = 0; first < n; first += t->batch) {
        const size_t count = n - first < t->batch ? (size_t)(n - first) : t->batch;
        MWI_TRY(mwi_progress(ctx, "run the teacher", first, n));
        MWI_TRY(mwi_side_run(ctx, &t->side, t->data, first, count, &ns));
        for (size_t v = 0; v < t->n_values; v++)
            t->at[v] = t->values[v].kept + (size_t)first * t->values[v].n;
        take(t, count, t->at);
    }
    *kept = true;
    return MW_OK;
}

mw_status mwi_teacher_kept(mw_ctx *ctx, const mwi_teacher *t, size_t index, const uint64_t *samples,
                           size_t n, float *out)
{
    const mwi_taught *const v = &t->values[index];
    const uint64_t n_kept = mw_dataset_n_samples(t->data);

    for (size_t i = 0; i < n; i++) {
        if (samples[i] >= n_kept)
            return mwi_fail(ctx, MW_EINVAL, "the teacher has seen no sample %llu",
                            (unsigned long long)samples[i]);
        memcpy(out + i * v->n, v->kept + (size_t)samples[i] * v->n, v->n * sizeof *out);
    }
    return MW_OK;
}

mw_status mwi_teacher_of_sample(mw_ctx *ctx, mwi_teacher *t, uint64_t sample, float *const *out)
{
    uint64_t ns;

    MWI_TRY(mwi_side_run(ctx, &t->side, t->data, sample, 1, &ns));
    take(t, 1, out);
    return MW_OK;
}

mw_status mwi_teacher_of_batch(mw_ctx *ctx, mwi_teacher *t, const void *const *in, size_t n,
                               float *const *out)
{
    for (size_t first = 0; first < n; first += t->batch) {
        const size_t count = n - first < t->batch ? n - first : t->batch;
        for (size_t i = 0; i < t->side.n_in; i++)
            t->places[i] = (const uint8_t *)in[i] + first * t->side.in[i].sample_bytes;
        MWI_TRY(mwi_side_run_given(ctx, &t->side, t->places, count));
        for (size_t v = 0; v < t->n_values; v++) t->at[v] = out[v] + first * t->values[v].n;
        take(t, count, t->at);
    }
    return MW_OK;
}
