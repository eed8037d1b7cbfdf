/* compress/distill/distill.c - distillation as a part of a run: the teacher's values come in with
 * each batch, and terms of the loss compare the student's with them.
 * Depends: compress/part, compress/distill/teacher, train/step_graph.  Used by: the list of parts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "compress/distill/teacher.h"
#include "compress/part.h"
#include "train/augment.h"
#include "train/loss.h"
#include "train/step_graph.h"

#include <math.h>
#include <string.h>

#define MAX_KEPT_BYTES ((uint64_t)1 << 30)
enum { MAX_NAME = 256 };

/* A pair of layers. */
typedef struct match {
    char teacher[MAX_NAME], student[MAX_NAME];
} match;

typedef struct distill {
    mw_distill_options options;
    uint64_t seed;
    mwi_teacher teacher;
    match *matches;
    size_t *places; /* of the teacher's values among the step's inputs */
    float **values; /* for a call: where they are */
    const void **in;
    size_t n_in; /* inputs of the student: the first of the step's */
    bool kept;
    bool by_batch; /* the teacher takes the student's inputs as they are */
} distill;

static bool wanted(const mw_train_options *o) { return o->distill != NULL; }

/* ---- opening ---- */

/* "teacher=student", or one name for both. */
static mw_status split_names(mw_ctx *ctx, const char *text, match *out)
{
    const char *const equals = strchr(text, '=');
    const size_t n = equals == NULL ? strlen(text) : (size_t)(equals - text);
    const char *const student = equals == NULL ? text : equals + 1;

    if (n == 0 || n >= MAX_NAME || *student == '\0' || strlen(student) >= MAX_NAME)
        return mwi_fail(ctx, MW_EINVAL, "'%s' does not name two layers: teacher=student", text);
    memcpy(out->teacher, text, n);
    out->teacher[n] = '\0';
    memcpy(out->student, student, strlen(student) + 1);
    return MW_OK;
}

static mw_status check_options(mw_ctx *ctx, const mw_distill_options *o)
{
    if (o->teacher == NULL) return mwi_fail(ctx, MW_EINVAL, "there is no teacher");
    if (!(o->temperature >= 0.01 && o->temperature <= 1e6))
        return mwi_fail(ctx, MW_EINVAL, "the temperature is %g, allowed 0.01 to 1e6",
                        o->temperature);
    if (!(o->alpha >= 0 && o->alpha <= 1))
        return mwi_fail(ctx, MW_EINVAL, "alpha is %g, allowed 0 to 1", o->alpha);
    if (!(o->match_weight >= 0 && isfinite(o->match_weight)))
        return mwi_fail(ctx, MW_EINVAL, "the weight of matches is %g", o->match_weight);
    if (o->alpha == 1 && o->n_match == 0)
        return mwi_fail(ctx, MW_EINVAL, "with alpha 1 the teacher does nothing");
    return MW_OK;
}

static mw_status check_inputs(mw_ctx *ctx, const mwi_part_call *call, distill *d)
{
    const mwi_side *const side = &d->teacher.side;
    mw_tensor_info info;
    bool same = true;

    d->n_in = mw_model_n_inputs(call->model);
    if (side->n_in != d->n_in)
        return mwi_fail(ctx, MW_EINVAL, "the teacher has %zu inputs, the student %zu", side->n_in,
                        d->n_in);
    for (size_t i = 0; i < d->n_in; i++) {
        MWI_TRY(mw_model_input(ctx, call->model, i, &info));
        const mw_tensor_info *const t = &side->in[i].info;
        bool fits = t->rank == info.rank;
        for (int32_t k = 1; fits && k < info.rank; k++) fits = t->dims[k] == info.dims[k];
        if (!fits)
            return mwi_fail(ctx, MW_EINVAL,
                            "the teacher's input '%s' has another shape than the "
                            "student's '%s'",
                            t->name, info.name);
        same = same && t->dtype == info.dtype;
    }
    d->by_batch = same;
    return MW_OK;
}

static mw_status open_teacher(mw_ctx *ctx, const mwi_part_call *call, distill *d)
{
    const mw_train_options *const o = call->options;
    const bool changes = mwi_augment_any(&o->augment);
    const char **names;
    void *memory;

    MWI_TRY(mwi_alloc(ctx, d->options.n_match * sizeof(char *), &memory));
    names = memory;
    for (size_t i = 0; i < d->options.n_match; i++) names[i] = d->matches[i].teacher;
    const mw_status st = mwi_teacher_open(ctx, d->options.teacher, call->train, names,
                                          d->options.n_match, o->n_threads, &d->teacher);
    mwi_free(ctx, memory, d->options.n_match * sizeof(char *));
    MWI_TRY(st);
    MWI_TRY(check_inputs(ctx, call, d));
    if (!changes) return mwi_teacher_keep(ctx, &d->teacher, MAX_KEPT_BYTES, &d->kept);
    if (d->by_batch) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL,
                    "samples are changed while training, and the teacher takes its inputs in "
                    "another type than the student: use the teacher before it was quantized");
}

static mw_status open_lists(mw_ctx *ctx, const mwi_part_call *call, distill *d, mwi_arena *arena)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, d->options.n_match, sizeof *d->matches, &memory));
    d->matches = memory;
    for (size_t i = 0; i < d->options.n_match; i++)
        MWI_TRY(split_names(ctx, d->options.match[i], &d->matches[i]));
    MWI_TRY(mwi_arena_array(ctx, arena, d->options.n_match + 1, sizeof *d->places, &memory));
    d->places = memory;
    MWI_TRY(mwi_arena_array(ctx, arena, d->options.n_match + 1, sizeof *d->values, &memory));
    d->values = memory;
    MWI_TRY(mwi_arena_array(ctx, arena, mw_model_n_inputs(call->model), sizeof *d->in, &memory));
    d->in = memory;
    return MW_OK;
}

/* ---- terms of the loss ---- */

/* The mean of a loss's rows. */
static mw_status add_term(mw_ctx *ctx, mwi_step_graph *g, const mwi_op_desc *op,
                          const mwi_setting *settings, int32_t mine, int32_t theirs, double factor)
{
    const mwi_emitter at = {.model = g->model, .graph = g->graph};
    int32_t rows[2], axes[MW_MAX_RANK], axes_tensor, mean;

    MWI_TRY(mwi_emit_n(ctx, &at, op, MWI_IN(mine, theirs), settings, rows, 2));
    const int32_t rank = g->graph->tensors[rows[0]]->rank;
    for (int32_t i = 0; i < rank; i++) axes[i] = i;
    MWI_TRY(mwi_emit_ints(ctx, &at, axes, (size_t)rank, &axes_tensor));
    MWI_TRY(mwi_emit(ctx, &at, &mwi_op_mean, MWI_IN(rows[0], axes_tensor), NULL, &mean));
    return mwi_step_add_loss(ctx, g, mean, factor);
}

static mw_status add_input(mw_ctx *ctx, mwi_step_graph *g, distill *d, size_t index,
                           const char *name, int32_t *out)
{
    const mwi_taught *const v = &d->teacher.values[index];
    int32_t dims[MW_MAX_RANK];

    memcpy(dims, v->dims, sizeof dims);
    dims[0] = -1;
    return mwi_step_add_input(ctx, g, name, MW_FLOAT32, v->rank, dims, out, &d->places[index]);
}

static bool same_dims(const mwi_tensor *t, const mwi_taught *v, bool channels_too)
{
    if (t->rank != v->rank || t->rank < 2) return false;
    for (int32_t i = 1; i < t->rank - (channels_too ? 0 : 1); i++)
        if (t->dims[i] != v->dims[i]) return false;
    return true;
}

/* alpha * what there is + (1 - alpha) * what the teacher says. */
static mw_status add_scores(mw_ctx *ctx, mwi_step_graph *g, distill *d)
{
    const int32_t labels_loss = g->loss, mine = g->logits >= 0 ? g->logits : g->output;
    const double alpha = d->options.alpha;
    const bool softmax = d->teacher.softmax && g->logits >= 0;
    const mwi_setting hot[] = {{"temperature", d->options.temperature, NULL}, {NULL, 0, NULL}};
    int32_t theirs;

    if (d->teacher.softmax != (g->logits >= 0))
        return mwi_fail(ctx, MW_EINVAL,
                        "one of teacher and student ends in a softmax, the other "
                        "does not: their outputs do not compare");
    if (!same_dims(g->graph->tensors[mine], &d->teacher.values[0], true))
        return mwi_fail(ctx, MW_EINVAL,
                        "the teacher's output has another shape than the student's '%s'",
                        g->graph->tensors[g->output]->name);
    MWI_TRY(add_input(ctx, g, d, 0, "teacher/scores", &theirs));
    g->loss = -1;
    MWI_TRY(mwi_step_add_loss(ctx, g, labels_loss, alpha));
    if (softmax) return add_term(ctx, g, &mwi_op_kl_divergence, hot, mine, theirs, 1 - alpha);
    return add_term(ctx, g, &mwi_op_squared_error, NULL, mine, theirs, 1 - alpha);
}

/* A trained linear map of the student's channels to as many as the teacher has. */
static mw_status map_channels(mw_ctx *ctx, mwi_step_graph *g, const distill *d, size_t index,
                              int32_t *tensor)
{
    const mwi_tensor *const t = g->graph->tensors[*tensor];
    const mwi_taught *const v = &d->teacher.values[index + 1];
    const int32_t dims[] = {v->dims[v->rank - 1], t->dims[t->rank - 1]};
    const mwi_emitter at = {.model = g->model, .graph = g->graph};
    const double limit = sqrt(6.0 / ((double)dims[0] + dims[1])); /* Glorot's */
    mwi_rng rng = {d->seed + index};
    mwi_param *p;
    const char *name;
    size_t n;
    void *memory;

    if (!mwi_dims_count(2, dims, &n)) return mwi_fail(ctx, MW_ELIMIT, "a map that is too large");
    MWI_TRY(mwi_arena_array(ctx, g->arena, n, sizeof(float), &memory));
    for (size_t i = 0; i < n; i++)
        ((float *)memory)[i] = (float)((2 * mwi_rng_uniform(&rng) - 1) * limit);
    MWI_TRY(mwi_arena_printf(ctx, g->arena, &name, "match/%s", d->matches[index].student));
    MWI_TRY(mwi_step_add_param(ctx, g, name, 2, dims, memory, &p));
    return mwi_emit(ctx, &at, &mwi_op_fully_connected, MWI_IN(*tensor, p->input, -1),
                    MWI_SET({"keep_num_dims", 1, NULL}), tensor);
}

static mw_status add_match(mw_ctx *ctx, mwi_step_graph *g, distill *d, size_t index)
{
    const match *const m = &d->matches[index];
    const mwi_taught *const v = &d->teacher.values[index + 1];
    int32_t mine = mwi_find_layer_value(g->graph, m->student), theirs;
    const char *name;

    if (mine < 0) return mwi_fail(ctx, MW_EINVAL, "the student has no layer '%s'", m->student);
    const mwi_tensor *const t = g->graph->tensors[mine];
    if (!same_dims(t, v, false))
        return mwi_fail(ctx, MW_EINVAL,
                        "the layers '%s' of the teacher and '%s' of the student differ in more "
                        "than their channels",
                        m->teacher, m->student);
    MWI_TRY(mwi_arena_printf(ctx, g->arena, &name, "teacher/%s", m->teacher));
    MWI_TRY(add_input(ctx, g, d, index + 1, name, &theirs));
    if (!same_dims(t, v, true)) MWI_TRY(map_channels(ctx, g, d, index, &mine));
    return add_term(ctx, g, &mwi_op_squared_error, NULL, mine, theirs, d->options.match_weight);
}

static mw_status build(void *self, mw_ctx *ctx, mwi_step_graph *g)
{
    distill *const d = self;

    MWI_TRY(add_scores(ctx, g, d));
    for (size_t i = 0; i < d->options.n_match; i++) MWI_TRY(add_match(ctx, g, d, i));
    return MW_OK;
}

/* ---- steps ---- */

static mw_status feed(void *self, mw_ctx *ctx, mw_trainer *trainer, const uint64_t *samples,
                      size_t n)
{
    distill *const d = self;
    void *to;

    for (size_t v = 0; v < d->teacher.n_values; v++) {
        MWI_TRY(mwi_trainer_input(ctx, trainer, d->places[v], &to, NULL));
        d->values[v] = to;
        if (d->kept) MWI_TRY(mwi_teacher_kept(ctx, &d->teacher, v, samples, n, d->values[v]));
    }
    if (d->kept) return MW_OK;
    if (d->by_batch) {
        for (size_t i = 0; i < d->n_in; i++) {
            MWI_TRY(mwi_trainer_input(ctx, trainer, i, &to, NULL));
            d->in[i] = to;
        }
        return mwi_teacher_of_batch(ctx, &d->teacher, d->in, n, d->values);
    }
    for (size_t i = 0; i < n; i++) {
        MWI_TRY(mwi_teacher_of_sample(ctx, &d->teacher, samples[i], d->values));
        for (size_t v = 0; v < d->teacher.n_values; v++) d->values[v] += d->teacher.values[v].n;
    }
    return MW_OK;
}

static mw_status describe(void *self, mw_ctx *ctx, mwi_text *out)
{
    const distill *const d = self;

    MWI_TRY(mwi_text_printf(ctx, out, "temperature %.17g\nalpha %.17g\nmatch_weight %.17g\n",
                            d->options.temperature, d->options.alpha, d->options.match_weight));
    for (size_t i = 0; i < d->options.n_match; i++)
        MWI_TRY(mwi_text_printf(ctx, out, "match %s=%s\n", d->matches[i].teacher,
                                d->matches[i].student));
    return MW_OK;
}

/* ---- the row ---- */

typedef struct held {
    distill d;
    mwi_arena arena;
} held;

static void close_part(mw_ctx *ctx, void *self)
{
    held *const h = self;

    mwi_teacher_close(&h->d.teacher);
    mwi_arena_deinit(&h->arena);
    mwi_free(ctx, h, sizeof *h);
}

static mw_status open_part(mw_ctx *ctx, const mwi_part_call *call, mwi_train_part *out)
{
    void *memory;

    MWI_TRY(mwi_alloc(ctx, sizeof(held), &memory));
    held *const h = memory;
    memset(h, 0, sizeof *h);
    mwi_arena_init(ctx, &h->arena);
    *out = (mwi_train_part){.self = h, .build = build, .feed = feed, .describe = describe};
    h->d.options = *call->options->distill;
    h->d.seed = call->options->seed;
    if (h->d.options.temperature == 0) h->d.options.temperature = 4;
    if (h->d.options.match_weight == 0) h->d.options.match_weight = 1;
    MWI_TRY(check_options(ctx, &h->d.options));
    MWI_TRY(open_lists(ctx, call, &h->d, &h->arena));
    return open_teacher(ctx, call, &h->d);
}

const mwi_part_desc mwi_part_distill = {
    .name = "distillation",
    .wanted = wanted,
    .open = open_part,
    .close = close_part,
};
