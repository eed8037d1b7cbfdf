/* formats/keras/weight_values.c - stored weights as constants of the graph: parts, order of
 * dimensions, types.
 * Depends: formats/keras/build.  Used by: formats/keras/.
 * Trust:   shapes come from the file and are checked against what the layer wants; the archive has
 *          proven that data are as long as dims say.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include "base/half.h"
#include "formats/keras/initializers.h"

#include <stdio.h>
#include <string.h>

const mwi_keras_slot *mwi_keras_slot_of(const mwi_keras_layer *l, const char *weight)
{
    const size_t n = strlen(weight);

    for (size_t i = 0; i < l->n_slots; i++) {
        const char *const name = l->slots[i].rule->name;
        if (strncmp(name, weight, n) == 0 && (name[n] == '\0' || name[n] == '|'))
            return &l->slots[i];
    }
    return NULL;
}

/* ---- values ---- */

static bool is_number(mw_dtype t)
{
    return t == MW_FLOAT32 || t == MW_FLOAT64 || t == MW_FLOAT16 || t == MW_BFLOAT16 ||
           t == MW_INT8 || t == MW_UINT8 || t == MW_INT16 || t == MW_UINT16 || t == MW_INT32 ||
           t == MW_UINT32 || t == MW_INT64 || t == MW_UINT64;
}

#define AT(type) (((const type *)a->data)[i])
static float value_at(const mwi_keras_array *a, size_t i)
{
    switch (a->dtype) {
    case MW_FLOAT32: return AT(float);
    case MW_FLOAT64: return (float)AT(double);
    case MW_FLOAT16: return mwi_half_to_float(AT(uint16_t));
    case MW_BFLOAT16: return mwi_bfloat_to_float(AT(uint16_t));
    case MW_INT8: return AT(int8_t);
    case MW_UINT8: return AT(uint8_t);
    case MW_INT16: return AT(int16_t);
    case MW_UINT16: return AT(uint16_t);
    case MW_INT32: return (float)AT(int32_t);
    case MW_UINT32: return (float)AT(uint32_t);
    case MW_INT64: return (float)AT(int64_t);
    case MW_UINT64: return (float)AT(uint64_t);
    default: return 0;
    }
}
#undef AT

/* Walks the part in the graph's order: each element's place among the stored ones. */
typedef struct walk {
    int32_t rank;
    size_t count;
    int32_t dims[MWI_KERAS_WEIGHT_RANK];   /* in the graph's order */
    size_t strides[MWI_KERAS_WEIGHT_RANK]; /* in the stored order */
    int32_t at[MWI_KERAS_WEIGHT_RANK];
    size_t place;
} walk;

static void walk_start(const mwi_keras_part *p, walk *w)
{
    size_t stride = 1, strides[MWI_KERAS_WEIGHT_RANK];

    memset(w, 0, sizeof *w);
    w->rank = p->rank;
    w->count = 1;
    for (int32_t i = p->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        w->place += (size_t)p->begin[i] * stride;
        stride *= (size_t)p->dims[i];
    }
    for (int32_t i = 0; i < p->rank; i++) {
        w->dims[i] = p->size[p->perm[i]];
        w->strides[i] = strides[p->perm[i]];
        w->count *= (size_t)w->dims[i];
    }
}

static void walk_next(walk *w)
{
    for (int32_t i = w->rank - 1; i >= 0; i--) {
        w->place += w->strides[i];
        if (++w->at[i] < w->dims[i]) return;
        w->place -= w->strides[i] * (size_t)w->dims[i];
        w->at[i] = 0;
    }
}

static bool in_stored_order(const mwi_keras_part *p)
{
    for (int32_t i = 0; i < p->rank; i++)
        if (p->perm[i] != i || p->begin[i] != 0 || p->size[i] != p->dims[i]) return false;
    return true;
}

mw_status mwi_keras_gather(mw_ctx *ctx, const mwi_keras_array *array, const mwi_keras_part *part,
                           float *out)
{
    walk w;

    walk_start(part, &w);
    if (array == NULL) { /* only a config is built */
        memset(out, 0, w.count * sizeof *out);
        return MW_OK;
    }
    if (!is_number(array->dtype))
        return mwi_fail(ctx, MW_EUNSUPPORTED, "weight '%s' is %s, allowed are numbers", array->path,
                        mw_dtype_name(array->dtype));
    if (in_stored_order(part) && array->dtype == MW_FLOAT32) {
        memcpy(out, array->data, w.count * sizeof *out);
        return MW_OK;
    }
    for (size_t i = 0; i < w.count; i++, walk_next(&w)) out[i] = value_at(array, w.place);
    return MW_OK;
}

void mwi_keras_scatter(const mwi_keras_part *part, const float *values, float *all)
{
    walk w;

    walk_start(part, &w);
    for (size_t i = 0; i < w.count; i++, walk_next(&w)) all[w.place] = values[i];
}

/* ---- finding the stored array ---- */

static void show_dims(int32_t rank, const int32_t *dims, char *text, size_t n)
{
    size_t at = (size_t)snprintf(text, n, "(");

    for (int32_t i = 0; i < rank && at < n; i++)
        at += (size_t)snprintf(text + at, n - at, i == 0 ? "%d" : ", %d", dims[i]);
    if (at < n) (void)snprintf(text + at, n - at, ")");
}

/* Dimensions of 1 may be missing or added: Keras 1 stores a Conv1D kernel as (k, 1, in, out). */
static bool same_shape(const mwi_keras_array *a, int32_t rank, const int32_t *dims)
{
    int32_t i = 0, k = 0;

    while (i < a->rank || k < rank) {
        if (i < a->rank && k < rank && a->dims[i] == dims[k])
            i++, k++;
        else if (i < a->rank && a->dims[i] == 1)
            i++;
        else if (k < rank && dims[k] == 1)
            k++;
        else
            return false;
    }
    return true;
}

static mw_status missing(mwi_keras_call *c, const char *weight)
{
    const mwi_keras_group *const g =
        c->build->archive->v3 ? NULL : mwi_keras_group_at(c->build->archive, c->layer->name);
    char list[300] = "";
    size_t at = 0;

    for (size_t i = 0; g != NULL && i < g->n_weight_names && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s",
                               i == 0 ? "; its group holds: " : ", ", g->weight_names[i]);
    return mwi_fail(c->ctx, MW_EFORMAT, "weight '%s' is not in the file%s", weight, list);
}

/* A weight that no file holds gets its first values. */
static mw_status make_array(mwi_keras_call *c, mwi_keras_slot *slot, int32_t rank,
                            const int32_t *dims)
{
    mwi_arena *const arena = &c->build->model->arena;
    void *array_memory, *memory;
    size_t n;

    if (!mwi_dims_count(rank, dims, &n))
        return mwi_fail(c->ctx, MW_ELIMIT, "weight '%s' is too large", slot->rule->name);
    MWI_TRY(mwi_arena_array(c->ctx, arena, 1, sizeof(mwi_keras_array), &array_memory));
    MWI_TRY(mwi_arena_array(c->ctx, arena, n, sizeof(float), &memory));
    MWI_TRY(mwi_keras_initialize(c->ctx, c->layer, slot->rule, c->build->seed, rank, dims, memory));
    mwi_keras_array *const a = array_memory;
    *a = (mwi_keras_array){
        .dtype = MW_FLOAT32, .rank = rank, .data = memory, .bytes = n * sizeof(float)};
    if (rank > 0) memcpy(a->dims, dims, (size_t)rank * sizeof *dims);
    MWI_TRY(mwi_arena_printf(c->ctx, arena, &a->path, "%s/%s", c->layer->path, slot->rule->name));
    slot->array = a;
    return MW_OK;
}

static mw_status find(mwi_keras_call *c, const char *weight, int32_t rank, const int32_t *dims,
                      mwi_keras_slot **out_slot)
{
    char seen[100], wanted[100];

    for (size_t i = 0; i < c->layer->n_slots; i++)
        if (&c->layer->slots[i] == mwi_keras_slot_of(c->layer, weight))
            *out_slot = &c->layer->slots[i];
    const mwi_keras_array *const a = *out_slot == NULL ? NULL : (*out_slot)->array;
    if (a == NULL && *out_slot != NULL && c->build->initialize)
        return make_array(c, *out_slot, rank, dims);
    if (a == NULL && c->build->archive != NULL) return missing(c, weight);
    if (a == NULL || same_shape(a, rank, dims)) return MW_OK;
    show_dims(a->rank, a->dims, seen, sizeof seen);
    show_dims(rank, dims, wanted, sizeof wanted);
    return mwi_fail(c->ctx, MW_EFORMAT, "weight '%s' has shape %s, the config needs %s", weight,
                    seen, wanted);
}

mw_status mwi_keras_values(mwi_keras_call *c, const char *weight, int32_t rank, const int32_t *dims,
                           const float **out)
{
    mwi_keras_slot *slot = NULL;
    mwi_keras_part p = {.rank = rank};
    void *memory;
    size_t n;

    MWI_TRY(find(c, weight, rank, dims, &slot));
    if (!mwi_dims_count(rank, dims, &n))
        return mwi_fail(c->ctx, MW_ELIMIT, "weight '%s' is too large", weight);
    for (int32_t i = 0; i < rank; i++) p.dims[i] = p.size[i] = dims[i], p.perm[i] = i;
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, n, sizeof(float), &memory));
    *out = memory;
    return mwi_keras_gather(c->ctx, slot == NULL ? NULL : slot->array, &p, memory);
}

/* ---- constants ---- */

static mw_status complete(mwi_keras_call *c, mwi_keras_part *p)
{
    int32_t dims[MWI_KERAS_WEIGHT_RANK];
    size_t count, wanted;

    MWI_ASSERT(p->rank >= 0 && p->rank <= MWI_KERAS_WEIGHT_RANK);
    for (int32_t i = 0; i < p->rank; i++) {
        if (!p->permuted) p->perm[i] = i;
        if (p->size[i] == 0) p->size[i] = p->dims[i] - p->begin[i];
        if (p->begin[i] < 0 || p->size[i] < 1 || p->size[i] > p->dims[i] - p->begin[i])
            return mwi_fail(c->ctx, MW_EFORMAT, "weight '%s': dimension %d is %d", p->weight, i,
                            p->dims[i]);
    }
    p->permuted = true;
    for (int32_t i = 0; i < p->rank; i++) dims[i] = p->size[p->perm[i]];
    if (p->out_rank == 0) {
        p->out_rank = p->rank;
        if (p->rank > 0) memcpy(p->out_dims, dims, (size_t)p->rank * sizeof *dims);
    }
    if (!mwi_dims_count(p->rank, dims, &count) ||
        !mwi_dims_count(p->out_rank, p->out_dims, &wanted) || count != wanted)
        return mwi_fail(c->ctx, MW_ELIMIT, "weight '%s' is too large", p->weight);
    return MW_OK;
}

static bool same_part(const mwi_keras_part *a, const mwi_keras_part *b)
{
    const size_t n = sizeof(int32_t) * (size_t)a->rank;

    return a->rank == b->rank && a->out_rank == b->out_rank &&
           (n == 0 || (memcmp(a->begin, b->begin, n) == 0 && memcmp(a->size, b->size, n) == 0 &&
                       memcmp(a->perm, b->perm, n) == 0)) &&
           memcmp(a->out_dims, b->out_dims, sizeof(int32_t) * (size_t)a->out_rank) == 0;
}

static mw_status add_use(mwi_keras_call *c, mwi_keras_slot *slot, const mwi_keras_part *p,
                         int32_t tensor, int32_t *out)
{
    mwi_keras_origin *const o = c->build->origin;
    size_t n;

    MWI_TRY(mwi_arena_grow(c->ctx, &c->build->model->arena, &o->uses, o->n_uses, &o->uses_capacity,
                           sizeof *o->uses));
    if (o->n_uses > INT32_MAX) return mwi_fail(c->ctx, MW_ELIMIT, "too many weights");
    *out = (int32_t)o->n_uses;
    o->uses[o->n_uses++] = (mwi_keras_use){.array = slot->array,
                                           .next = slot->first_use,
                                           .tensor = tensor,
                                           .graph = c->build->graph,
                                           .part = *p};
    o->uses[*out].part.weight = o->uses[*out].part.tensor = NULL;
    slot->first_use = *out;
    if (!mwi_dims_count(p->rank, p->dims, &n))
        return mwi_fail(c->ctx, MW_ELIMIT, "weight '%s' is too large", p->weight);
    return mwi_keras_fill_trainee(c, slot, n, &o->uses[*out].trainee);
}

/* The file's own bytes where nothing has to move: they live as long as the model. */
static mw_status fill(mwi_keras_call *c, const mwi_keras_array *a, const mwi_keras_part *p,
                      mwi_tensor *t)
{
    void *memory;

    t->dtype = MW_FLOAT32;
    t->rank = p->out_rank;
    memcpy(t->dims, p->out_dims, sizeof t->dims);
    memcpy(t->signature, p->out_dims, sizeof t->signature);
    if (!mwi_dims_bytes(MW_FLOAT32, t->rank, t->dims, &t->bytes))
        return mwi_fail(c->ctx, MW_ELIMIT, "weight '%s' is too large", p->weight);
    if (a != NULL && a->dtype == MW_FLOAT32 && in_stored_order(p)) {
        t->data = a->data;
        return MW_OK;
    }
    MWI_TRY(mwi_arena_alloc(c->ctx, &c->build->model->arena, t->bytes, &memory));
    t->data = memory;
    return mwi_keras_gather(c->ctx, a, p, memory);
}

mw_status mwi_keras_weight(mwi_keras_call *c, const mwi_keras_part *part, int32_t *out)
{
    mwi_keras_build *const b = c->build;
    mwi_keras_part p = *part;
    mwi_keras_slot *slot = NULL;
    mwi_tensor *t;
    const char *name;
    int32_t use;

    MWI_TRY(complete(c, &p));
    MWI_TRY(find(c, p.weight, p.rank, p.dims, &slot));
    if (slot == NULL)
        return mwi_fail(c->ctx, MW_EFORMAT, "the config leads to no weight '%s'", p.weight);
    for (use = slot->first_use; use >= 0; use = b->origin->uses[use].next)
        if (b->origin->uses[use].graph == b->graph && same_part(&b->origin->uses[use].part, &p))
            return *out = b->origin->uses[use].tensor, MW_OK;
    MWI_TRY(mwi_arena_printf(c->ctx, b->scratch, &name, "%s/%s", c->layer->path,
                             p.tensor != NULL ? p.tensor : p.weight));
    MWI_TRY(mwi_graph_add_tensor(c->ctx, b->model, b->graph, name, &t, out));
    MWI_TRY(fill(c, slot->array, &p, t));
    MWI_TRY(add_use(c, slot, &p, *out, &t->source));
    return MW_OK;
}

mw_status mwi_keras_vector(mwi_keras_call *c, const char *weight, int32_t n, int32_t *out)
{
    return mwi_keras_weight(c, &(mwi_keras_part){.weight = weight, .rank = 1, .dims = {n}}, out);
}
