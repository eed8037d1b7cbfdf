/* formats/keras/narrow.c - see resize.h. The rewritten model goes through the .h5 that would be
 * saved, so that what is in memory is what Keras will read.
 * Depends: formats/keras/origin, config.  Used by: compress/prune.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/narrow.h"

#include "formats/format.h"
#include "formats/keras/config.h"
#include "formats/keras/origin.h"

#include <string.h>

bool mwi_keras_has_layers(const mw_model *m) { return mwi_keras_origin_of(m) != NULL; }

/* ---- layers by path ---- */

static mwi_keras_layer *layer_at(mwi_keras_layer *l, const char *path)
{
    if (l->net == NULL && strcmp(l->path, path) == 0) return l;
    for (size_t i = 0; i < l->n_children; i++) {
        mwi_keras_layer *const found = layer_at(l->children[i], path);
        if (found != NULL) return found;
    }
    return NULL;
}

/* The config as it would be saved, and its layers. *document is owned: json_decref. */
static mw_status parse(mw_ctx *ctx, const char *text, const mwi_keras_origin *o, mwi_arena *arena,
                       json_t **document, mwi_keras_layer **root)
{
    const char major = *o->keras_version;

    MWI_TRY(mwi_keras_json_parse(ctx, text, strlen(text), "the model's config", document));
    const mw_status st = mwi_keras_config_parse(ctx, *document,
                                                major >= '1' && major <= '9' ? major - '0'
                                                : o->v3                      ? 3
                                                                             : 2,
                                                arena, root);
    if (st != MW_OK) json_decref(*document);
    return st;
}

static void mark(const int32_t *tensors, size_t n, bool *fixed)
{
    for (size_t i = 0; i < n; i++)
        if (tensors[i] >= 0) fixed[tensors[i]] = true;
}

/* Whether a layer is part of the model `path`. */
static bool is_inside(const char *layer, const char *path)
{
    const size_t n = strlen(path);
    return layer != NULL && strncmp(layer, path, n) == 0 && layer[n] == '/';
}

static void mark_entries(const mwi_graph *g, const mwi_op *op, const mwi_keras_layer *l,
                         const mwi_keras_layer *root, bool *fixed)
{
    if (l->parent == NULL || l->parent == root) return;
    for (size_t k = 0; k < op->n_in; k++) {
        const int32_t t = op->in[k], at = t < 0 ? -1 : mwi_graph_producer(g, t);
        if (at >= 0 && !is_inside(g->ops[at]->layer, l->parent->path)) fixed[t] = true;
    }
}

mw_status mwi_keras_fixed_values(mw_ctx *ctx, const mw_model *m, bool *fixed)
{
    const mwi_keras_origin *const o = m->origin;
    const mwi_graph *const g = m->graphs[0];
    mwi_keras_layer *root;
    mwi_arena arena;
    json_t *document;

    mwi_arena_init(ctx, &arena);
    const mw_status st = parse(ctx, o->config_json, o, &arena, &document, &root);
    for (size_t i = 0; i < g->n_ops && st == MW_OK; i++) {
        const mwi_op *const op = g->ops[i];
        const mwi_keras_layer *const l = op->layer == NULL ? NULL : layer_at(root, op->layer);
        if (l != NULL && l->row != NULL && (l->row->flags & MWI_KERAS_FOLLOWS_INPUT) != 0) {
            mark_entries(g, op, l, root, fixed);
            continue;
        }
        mark(op->in, op->n_in, fixed);
        mark(op->out, op->n_out, fixed);
    }
    if (st == MW_OK) json_decref(document);
    mwi_arena_deinit(&arena);
    return st;
}

/* ---- weights ---- */

/* What stays of a stored weight, a list of flags for each dimension. */
struct cut {
    uint8_t *stays[MW_MAX_RANK];
};

struct job {
    const mw_model *model;
    const mwi_keras_origin *origin;
    const mwi_keras_kept *kept;
    int32_t *tensor_of_use; /* -1: not in the graph */
    mwi_arena *arena;
};

/* A dimension of a constant that holds a run of a part's dimensions, in the graph's order. */
struct run {
    int32_t tensor, axis;
    int32_t first, end;
};

static bool stays(const struct job *j, const struct run *r, int32_t index)
{
    return j->kept->stays(j->kept->self, r->tensor, r->axis, index);
}

/* An index of one of the run's dimensions goes when every element that has it goes; what is left
 * must be all combinations of those that stay. */
static mw_status cut_run(mw_ctx *ctx, const struct job *j, const mwi_keras_part *p,
                         const struct run *r, struct cut *c)
{
    int32_t total = 1, left = 0, product = 1;

    for (int32_t d = r->first; d < r->end; d++) total *= p->size[p->perm[d]];
    for (int32_t i = 0; i < total; i++) left += stays(j, r, i);
    for (int32_t d = r->first, inner = total; d < r->end; d++) {
        const int32_t s = p->perm[d], n = p->size[s];
        int32_t n_left = 0;
        inner /= n;
        for (int32_t k = 0; k < n; k++) {
            bool any = false;
            for (int32_t i = 0; i < total; i++) any |= i / inner % n == k && stays(j, r, i);
            n_left += any;
            if (!any) c->stays[s][p->begin[s] + k] = 0;
        }
        product *= n_left;
    }
    if (product == left) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "channels of a kernel that Keras stores otherwise");
}

/* Dimensions of the constant beside runs of the part's: a dimension of 1 on either side is alone.
 */
static mw_status cut_by_use(mw_ctx *ctx, const struct job *j, int32_t use, struct cut *c)
{
    const mwi_keras_part *const p = &j->origin->uses[use].part;
    int32_t at = 0;

    for (int32_t axis = 0; axis < p->out_rank; axis++) {
        struct run r = {j->tensor_of_use[use], axis, at, at};
        int64_t n = 1;
        while (r.end < p->rank && n < p->out_dims[axis]) n *= p->size[p->perm[r.end++]];
        if (n != p->out_dims[axis])
            return mwi_fail(ctx, MW_EUNSUPPORTED, "a kernel that Keras stores in another shape");
        MWI_TRY(cut_run(ctx, j, p, &r, c));
        at = r.end;
        while (at < p->rank && p->size[p->perm[at]] == 1) at++;
    }
    return MW_OK;
}

/* The elements of `a` that stay, in a copy. */
static mw_status cut_array(mw_ctx *ctx, const struct job *j, const struct cut *c,
                           mwi_keras_array *a)
{
    const size_t element = mw_dtype_bits(a->dtype) / 8;
    int32_t at[MW_MAX_RANK] = {0};
    const char *const from = a->data;
    void *memory;
    size_t n, n_left = 0;

    if (!mwi_dims_count(a->rank, a->dims, &n) || element == 0) return MW_EUNSUPPORTED;
    MWI_TRY(mwi_arena_array(ctx, j->arena, n, element, &memory));
    for (size_t i = 0; i < n; i++) {
        bool all = true;
        for (int32_t d = 0; d < a->rank; d++) all &= c->stays[d][at[d]] != 0;
        if (all) memcpy((char *)memory + n_left++ * element, from + i * element, element);
        for (int32_t d = a->rank - 1; d >= 0 && ++at[d] == a->dims[d]; d--) at[d] = 0;
    }
    for (int32_t d = 0; d < a->rank; d++) {
        int32_t left = 0;
        for (int32_t i = 0; i < a->dims[d]; i++) left += c->stays[d][i];
        a->dims[d] = left;
    }
    a->data = memory;
    a->bytes = n_left * element;
    return MW_OK;
}

static mw_status cut_weight(mw_ctx *ctx, const struct job *j, const mwi_keras_stored *w,
                            const mwi_keras_array **array)
{
    struct cut c = {{NULL}};
    void *memory;
    bool used = false;

    for (int32_t u = w->first_use; u >= 0; u = j->origin->uses[u].next)
        used |= j->tensor_of_use[u] >= 0;
    if (!used) return MW_OK;
    MWI_TRY(mwi_arena_copy(ctx, j->arena, *array, sizeof **array, &memory));
    mwi_keras_array *const copy = memory;
    for (int32_t d = 0; d < copy->rank; d++) {
        MWI_TRY(mwi_arena_array(ctx, j->arena, (size_t)copy->dims[d], 1, &memory));
        memset(memory, 1, (size_t)copy->dims[d]);
        c.stays[d] = memory;
    }
    for (int32_t u = w->first_use; u >= 0; u = j->origin->uses[u].next)
        if (j->tensor_of_use[u] >= 0)
            MWI_TRY(mwi_prefix(ctx, cut_by_use(ctx, j, u, &c), "weight '%s'", w->name));
    *array = copy;
    return cut_array(ctx, j, &c, copy);
}

/* ---- config ---- */

static json_t *config_of(const mwi_keras_layer *l)
{
    return (json_t *)(uintptr_t)l->config; /* of a document of our own */
}

/* Sets the first of the alternatives "a|b" that the config has. */
static void put_key(const mwi_keras_layer *l, const char *keys, json_t *value)
{
    const char *key;
    json_t *old;

    json_object_foreach(config_of(l), key, old)
    {
        if (!mwi_keras_name_in(keys, key, strlen(key))) continue;
        (void)json_object_set_new(config_of(l), key, value);
        return;
    }
    json_decref(value);
}

static void put_width(const mwi_keras_layer *l, const mwi_graph *g, const mwi_op *op)
{
    const mwi_linear *const linear = op->desc->linear;

    if (l->row->width_key == NULL || linear == NULL || linear->depthwise) return;
    put_key(l, l->row->width_key,
            json_integer(g->tensors[op->in[linear->weight]]->dims[linear->out_axis]));
}

/* The dimensions behind the batch; -1 stays. */
static void put_shape(const mwi_keras_layer *l, const mwi_graph *g, const mwi_op *op)
{
    const mwi_tensor *const out = g->tensors[op->out[0]];
    json_t *const list =
        (json_t *)(uintptr_t)(l->row->shape_key == NULL ? NULL
                                                        : mwi_keras_key(l, l->row->shape_key));

    for (size_t i = 0; i < json_array_size(list) && (int32_t)i + 1 < out->rank; i++) {
        int64_t d;
        if (mwi_keras_json_int(json_array_get(list, i), &d) && d > 0)
            (void)json_array_set_new(list, i, json_integer(out->dims[i + 1]));
    }
}

/* Shapes for which Keras 3 would build its layers before they are called. */
static void drop_build_configs(json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_object(value)) (void)json_object_del(value, "build_config");
    json_object_foreach(value, key, item) drop_build_configs(item);
    json_array_foreach(value, i, item) drop_build_configs(item);
}

static mw_status dump(mw_ctx *ctx, const json_t *document, mwi_arena *arena, const char **out)
{
    const size_t n = json_dumpb(document, NULL, 0, JSON_COMPACT);
    void *memory;

    if (n == 0) return mwi_fail(ctx, MW_ENOMEM, "out of memory");
    MWI_TRY(mwi_arena_alloc(ctx, arena, n + 1, &memory));
    (void)json_dumpb(document, memory, n, JSON_COMPACT);
    ((char *)memory)[n] = '\0';
    *out = memory;
    return MW_OK;
}

static mw_status rewrite_config(mw_ctx *ctx, const struct job *j, const mwi_graph *smaller,
                                mwi_keras_out *out)
{
    mwi_keras_layer *root;
    json_t *document;

    MWI_TRY(parse(ctx, out->config_json, j->origin, j->arena, &document, &root));
    for (size_t i = 0; i < smaller->n_ops; i++) {
        const mwi_op *const op = smaller->ops[i];
        const mwi_keras_layer *const l = op->layer == NULL ? NULL : layer_at(root, op->layer);
        if (l == NULL || l->row == NULL || !json_is_object(l->config)) continue;
        put_width(l, smaller, op);
        put_shape(l, smaller, op);
    }
    drop_build_configs(document);
    const mw_status st = dump(ctx, document, j->arena, &out->config_json);
    json_decref(document);
    return st;
}

/* ---- reading again ---- */

static mw_status load(mw_ctx *ctx, const mw_model *like, const mwi_reader *r, mw_model *m)
{
    extern const mwi_format_desc mwi_format_keras_h5;
    const mwi_graph *const g = like->graphs[0];
    mw_load_options options = {.n_input_shapes = g->n_inputs};
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &m->arena, g->n_inputs, sizeof(mw_shape), &memory));
    mw_shape *const shapes = memory;
    for (size_t i = 0; i < g->n_inputs; i++) {
        const mwi_tensor *const t = g->tensors[g->inputs[i]];
        shapes[i].rank = t->rank;
        memcpy(shapes[i].dims, t->dims, sizeof shapes[i].dims);
    }
    options.input_shapes = shapes;
    m->format = mwi_format_keras_h5.name;
    MWI_TRY(mwi_format_keras_h5.load(ctx, r, &options, m));
    MWI_TRY(mwi_model_verify(ctx, m));
    MWI_TRY(mwi_graph_infer(ctx, m, m->graphs[0]));
    return mwi_model_verify(ctx, m);
}

/* The layers must have become what was taken out of the graph. */
static mw_status compare(mw_ctx *ctx, const mwi_graph *wanted, const mwi_graph *got)
{
    bool same = wanted->n_ops == got->n_ops;

    for (size_t i = 0; i < wanted->n_ops && same; i++) {
        const mwi_tensor *const a = wanted->tensors[wanted->ops[i]->out[0]];
        const mwi_tensor *const b = got->tensors[got->ops[i]->out[0]];
        same =
            a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
        if (!same)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "the config of layer '%s' cannot be made smaller",
                            wanted->ops[i]->layer == NULL ? "?" : wanted->ops[i]->layer);
    }
    return same ? MW_OK
                : mwi_fail(ctx, MW_EUNSUPPORTED, "the layers' configs cannot be made smaller");
}

static mw_status read_again(mw_ctx *ctx, const struct job *j, const mwi_keras_out *out,
                            const mwi_graph *smaller, mw_model **out_model)
{
    const uint8_t *bytes;
    size_t n;
    mw_model *m;

    MWI_TRY(mwi_model_create(ctx, j->model->name, &m));
    mw_status st = mwi_keras_make_h5(ctx, out, &m->arena, &bytes, &n);
    const mwi_reader r = {m->name, bytes, n};
    if (st == MW_OK) st = load(ctx, j->model, &r, m);
    if (st == MW_OK) st = compare(ctx, smaller, m->graphs[0]);
    if (st == MW_OK)
        *out_model = m;
    else
        mw_model_destroy(m);
    return st;
}

static mw_status find_uses(mw_ctx *ctx, struct job *j)
{
    const mwi_graph *const g = j->model->graphs[0];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, j->arena, j->origin->n_uses, sizeof(int32_t), &memory));
    j->tensor_of_use = memory;
    for (size_t i = 0; i < j->origin->n_uses; i++) j->tensor_of_use[i] = -1;
    for (size_t i = 0; i < g->n_tensors; i++) {
        const mwi_tensor *const t = g->tensors[i];
        if (t->source >= 0 && (size_t)t->source < j->origin->n_uses && t->data != NULL)
            j->tensor_of_use[t->source] = (int32_t)i;
    }
    return MW_OK;
}

static mw_status narrow(mw_ctx *ctx, struct job *j, const mwi_graph *smaller, mw_model **out_model)
{
    mwi_keras_out out = {0};
    void *memory;

    MWI_TRY(mwi_keras_collect(ctx, j->model, j->arena, &out));
    MWI_TRY(find_uses(ctx, j));
    MWI_TRY(
        mwi_arena_array(ctx, j->arena, j->origin->n_weights, sizeof(mwi_keras_array *), &memory));
    const mwi_keras_array **const arrays = memory;
    MWI_TRY(mwi_arena_copy(ctx, j->arena, out.layers, out.n_layers * sizeof *out.layers, &memory));
    mwi_keras_out_layer *const layers = memory;
    for (size_t i = 0; i < out.n_layers; i++) {
        const size_t first = j->origin->groups[i].first;
        for (size_t k = 0; k < layers[i].n_weights; k++) {
            arrays[first + k] = layers[i].weights[k];
            MWI_TRY(cut_weight(ctx, j, &j->origin->weights[first + k], &arrays[first + k]));
        }
        layers[i].weights = arrays + first;
    }
    out.layers = layers;
    out.compress = false;
    MWI_TRY(rewrite_config(ctx, j, smaller, &out));
    return read_again(ctx, j, &out, smaller, out_model);
}

mw_status mwi_keras_narrow(mw_ctx *ctx, const mw_model *model, const mwi_keras_kept *kept,
                           const mw_model *smaller, mw_model **out_model)
{
    mwi_arena arena;
    struct job j = {.model = model, .origin = model->origin, .kept = kept, .arena = &arena};

    mwi_arena_init(ctx, &arena);
    const mw_status st = narrow(ctx, &j, smaller->graphs[0], out_model);
    mwi_arena_deinit(&arena);
    return st;
}
