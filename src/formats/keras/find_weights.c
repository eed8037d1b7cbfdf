/* formats/keras/find_weights.c - which stored array is which weight of which layer. .h5: one group
 * for each layer of the outer model, which lists all weights of what it holds: first the trained
 * ones, then the others. .keras: groups below groups, named by class and order of appearance.
 * Depends: formats/keras/config.  Used by: formats/keras/.
 * Trust:   names and shapes come from the file; layers check each shape.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/clusters.h"
#include "formats/keras/config.h"

#include <stdlib.h>
#include <string.h>

typedef struct finder {
    mw_ctx *ctx;
    const mwi_keras_archive *archive;
    mwi_arena *arena;
    struct named_place *places; /* .keras: groups that bear a layer's name */
    size_t n_places;
} finder;

/* Looking a weight up by its name takes all slots times all names. */
enum { MAX_COMPARISONS = 20000000 };

/* ---- the order of a .h5 ---- */

static mw_status put(mw_ctx *ctx, mwi_arena *arena, mwi_keras_slots *out, mwi_keras_slot *slot)
{
    MWI_TRY(mwi_arena_grow(ctx, arena, &out->v, out->n, &out->capacity, sizeof *out->v));
    out->v[out->n++] = slot;
    return MW_OK;
}

enum pass { TRAINED, OTHERS, ALL };

/* Trained weights of a layer that is not trainable count among the others. Depth is that of the
 * config. */
static mw_status collect(mw_ctx *ctx, mwi_arena *arena, mwi_keras_layer *l, enum pass pass,
                         mwi_keras_slots *out)
{
    if (pass == TRAINED && !l->trainable) return MW_OK;
    const enum pass below = pass == OTHERS && !l->trainable ? ALL : pass;
    for (size_t i = 0; i < l->n_slots; i++) {
        const bool frozen = l->slots[i].rule->frozen;
        if (below == ALL || frozen == (below == OTHERS))
            MWI_TRY(put(ctx, arena, out, &l->slots[i]));
    }
    for (size_t i = 0; i < l->n_children; i++) {
        if (below != ALL) {
            MWI_TRY(collect(ctx, arena, l->children[i], below, out));
            continue;
        }
        MWI_TRY(collect(ctx, arena, l->children[i], TRAINED, out));
        MWI_TRY(collect(ctx, arena, l->children[i], OTHERS, out));
    }
    return MW_OK;
}

mw_status mwi_keras_legacy_order(mw_ctx *ctx, mwi_arena *arena, mwi_keras_layer *layer,
                                 mwi_keras_slots *out)
{
    MWI_TRY(collect(ctx, arena, layer, TRAINED, out));
    return collect(ctx, arena, layer, OTHERS, out);
}

/* ---- names in a .h5 ---- */

/* The last part without ":0" and, for a second look, without "_1": "dense/kernel_1:0" is "kernel".
 */
static size_t base_of(const char *name, const char **out)
{
    const char *const slash = strrchr(name, '/');
    const char *const base = slash == NULL ? name : slash + 1;

    *out = base;
    return strcspn(base, ":");
}

/* Keras 1 joins layer and weight by an underscore: "dense_1_W". */
static bool ends_in(const char *alternatives, const char *base, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (base[i] == '_' && mwi_keras_name_in(alternatives, base + i + 1, n - i - 1)) return true;
    return false;
}

static size_t without_number(const char *base, size_t n)
{
    size_t k = n;

    while (k > 0 && base[k - 1] >= '0' && base[k - 1] <= '9') k--;
    return k > 1 && k < n && base[k - 1] == '_' ? k - 1 : n;
}

static bool fits(const mwi_keras_slot *slot, const char *name)
{
    const char *base;
    const size_t n = base_of(name, &base), k = without_number(base, n);
    const char *const rule = slot->rule->name;
    return mwi_keras_name_in(rule, base, n) || mwi_keras_name_in(rule, base, k) ||
           ends_in(rule, base, n);
}

/* Whether one of the name's parts is the layer's name, or what its parent adds to it:
 * "forward_lstm". */
static bool belongs(const mwi_keras_layer *l, const char *name)
{
    const size_t n = strlen(l->name);

    for (const char *p = name; p != NULL; p = strchr(p, '/')) {
        if (*p == '/') p++;
        const size_t k = strcspn(p, "/");
        if (strchr(p, '/') != NULL && k >= n && memcmp(p, l->name, n) == 0) return true;
    }
    return false;
}

/* Sub-layers whose names tell them apart: "query/kernel:0" for a rule with sub
 * "query_dense|_query_dense". */
static bool in_sub(const mwi_keras_slot *slot, const char *name)
{
    const char *const sub = slot->rule->sub;
    const size_t n = sub == NULL ? 0 : strcspn(sub, "_|");

    if (n < 3 || strncmp(sub, "cell", 4) == 0) return true;
    for (const char *p = strchr(name, '/'); p != NULL; p = strchr(p + 1, '/'))
        if (strncmp(p + 1, sub, n) == 0) return true;
    return strncmp(name, sub, n) == 0;
}

typedef struct group {
    const char *path;
    const char *const *names;
    size_t n;
    bool *used;
} group;

static mw_status array_of(finder *f, const group *g, size_t at, mwi_keras_slot *slot)
{
    const char *path;

    MWI_TRY(mwi_arena_printf(f->ctx, f->arena, &path, "%s/%s", g->path, g->names[at]));
    slot->array = mwi_keras_array_at(f->archive, path);
    slot->name = g->names[at];
    g->used[at] = true;
    return MW_OK;
}

/* All weights in their order, when the names do not speak against it. */
static bool order_fits(const mwi_keras_slots *slots, const group *g)
{
    if (slots->n != g->n) return false;
    for (size_t i = 0; i < g->n; i++)
        if (!fits(slots->v[i], g->names[i])) return false;
    return true;
}

static mw_status by_order(finder *f, const mwi_keras_slots *slots, const group *g)
{
    for (size_t i = 0; i < slots->n; i++) MWI_TRY(array_of(f, g, i, slots->v[i]));
    return MW_OK;
}

/* A weight by its name: in three rounds ever less is asked of it. */
static mw_status by_name(finder *f, const mwi_keras_slots *slots, const group *g)
{
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < slots->n; i++) {
            mwi_keras_slot *const s = slots->v[i];
            for (size_t k = 0; k < g->n && s->array == NULL; k++) {
                if (g->used[k] || !fits(s, g->names[k])) continue;
                if (round < 2 && !in_sub(s, g->names[k])) continue;
                if (round < 1 && !belongs(s->layer, g->names[k])) continue;
                MWI_TRY(array_of(f, g, k, s));
            }
        }
    return MW_OK;
}

/* A group's weights without what training tools add to them. */
static mw_status group_of(finder *f, const mwi_keras_group *found, group *out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(f->ctx, f->arena, found->n_weight_names, sizeof(char *), &memory));
    const char **const names = memory;
    *out = (group){.path = found->path, .names = names};
    for (size_t i = 0; i < found->n_weight_names; i++)
        if (!mwi_keras_is_of_clusters(found->weight_names[i]))
            names[out->n++] = found->weight_names[i];
    MWI_TRY(mwi_arena_array(f->ctx, f->arena, out->n, sizeof(bool), &memory));
    out->used = memory;
    return MW_OK;
}

static mw_status find_among(finder *f, const mwi_keras_layer *l, const mwi_keras_slots *slots,
                            const group *g)
{
    bool named = false;

    if (order_fits(slots, g)) return by_order(f, slots, g);
    if (slots->n > 0 && g->n > MAX_COMPARISONS / slots->n)
        return mwi_fail(f->ctx, MW_ELIMIT,
                        "layer '%s': %zu weights do not have the order of the config's %zu",
                        l->path, g->n, slots->n);
    for (size_t i = 0; i < slots->n; i++)
        for (size_t k = 0; k < g->n && !named; k++) named = fits(slots->v[i], g->names[k]);
    return named || slots->n != g->n ? by_name(f, slots, g) : by_order(f, slots, g);
}

static mw_status find_in_group(finder *f, mwi_keras_layer *l)
{
    const mwi_keras_group *const found =
        mwi_keras_group_at(f->archive, l->wrapper != NULL ? l->wrapper : l->name);
    mwi_keras_slots slots = {0};
    group g;

    if (found == NULL) return MW_OK;
    MWI_TRY(mwi_keras_legacy_order(f->ctx, f->arena, l, &slots));
    MWI_TRY(group_of(f, found, &g));
    MWI_TRY(find_among(f, l, &slots, &g));
    return mwi_keras_snap_to_centroids(f->ctx, f->archive, f->arena, found, &slots);
}

/* ---- paths in a .keras ---- */

static const char *const containers[] = {"layers", "_layer_checkpoint_dependencies"};

static mw_status below(finder *f, const char *at, const char *name, const char **out)
{
    return mwi_arena_printf(f->ctx, f->arena, out, "%s%s%s", at,
                            *at == '\0' || *name == '\0' ? "" : "/", name);
}

/* Takes the first of "a|b" below `at` that holds the variable; arrays are named 0, 1, ... in
 * `vars`. */
static mw_status find_variable(finder *f, const char *at, const char *subs, size_t index,
                               mwi_keras_slot *slot)
{
    const char *path;

    for (const char *p = subs;; p++) {
        const size_t n = strcspn(p, "|");
        MWI_TRY(mwi_arena_printf(f->ctx, f->arena, &path, "%s%s%.*s%svars/%zu", at,
                                 *at == '\0' ? "" : "/", (int)n, p, n == 0 ? "" : "/", index));
        slot->array = mwi_keras_array_at(f->archive, path);
        if (slot->array != NULL) return MW_OK;
        p += n;
        if (*p == '\0') return MW_OK;
    }
}

static bool same_sub(const mwi_keras_weight_rule *a, const mwi_keras_weight_rule *b)
{
    return a->sub == b->sub || (a->sub != NULL && b->sub != NULL && strcmp(a->sub, b->sub) == 0);
}

/* Variables are numbered as they were made, trained ones first. */
static mw_status find_own(finder *f, mwi_keras_layer *l, const char *at)
{
    for (size_t i = 0; i < l->n_slots; i++) {
        const mwi_keras_weight_rule *const rule = l->slots[i].rule;
        size_t index = 0;
        for (size_t k = 0; k < l->n_slots; k++) {
            const mwi_keras_weight_rule *const other = l->slots[k].rule;
            if (k == i || !same_sub(rule, other)) continue;
            if (other->frozen != rule->frozen ? rule->frozen : k < i) index++;
        }
        MWI_TRY(find_variable(f, at, rule->sub == NULL ? "" : rule->sub, index, &l->slots[i]));
    }
    return MW_OK;
}

/* First group whose path is not before `path`. */
static size_t lower_bound(const mwi_keras_archive *a, const char *path)
{
    size_t low = 0, high = a->n_groups;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (strcmp(a->groups[mid].path, path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* "layers/dense/vars" whose attribute says "my_dense": container "layers", place "layers/dense". */
struct named_place {
    const char *container, *place, *name;
};

static int by_container(const void *a, const void *b)
{
    const struct named_place *const x = a, *const y = b;
    const int order = strcmp(x->container, y->container);
    return order != 0 ? order : strcmp(x->name, y->name);
}

static mw_status index_places(finder *f)
{
    void *memory;

    MWI_TRY(mwi_arena_array(f->ctx, f->arena, f->archive->n_groups, sizeof(struct named_place),
                            &memory));
    f->places = memory;
    for (size_t i = 0; i < f->archive->n_groups; i++) {
        const mwi_keras_group *const g = &f->archive->groups[i];
        struct named_place *const p = &f->places[f->n_places];
        const size_t n = strlen(g->path);
        if (g->name == NULL || n < 5 || strcmp(g->path + n - 5, "/vars") != 0) continue;
        MWI_TRY(mwi_arena_string(f->ctx, f->arena, g->path, n - 5, &p->place));
        const char *const slash = strrchr(p->place, '/');
        const size_t k = slash == NULL ? 0 : (size_t)(slash - p->place);
        MWI_TRY(mwi_arena_string(f->ctx, f->arena, p->place, k, &p->container));
        p->name = g->name;
        f->n_places++;
    }
    if (f->n_places > 0) qsort(f->places, f->n_places, sizeof *f->places, by_container);
    return MW_OK;
}

/* The group in the container whose `vars` say that they are the layer's; NULL when none does. */
static const char *place_by_name(const finder *f, const char *container, const char *name)
{
    const struct named_place key = {.container = container, .name = name};
    const struct named_place *const found =
        f->n_places == 0 ? NULL : bsearch(&key, f->places, f->n_places, sizeof key, by_container);
    return found == NULL ? NULL : found->place;
}

/* How many layers of each class the model had so far. */
struct class_count {
    const char *class_name;
    size_t n;
};
struct class_counts {
    struct class_count *v;
    size_t n, capacity;
};

/* "dense", "dense_1", ... Sequential does not count its input among its layers. */
static mw_status numbered_class(finder *f, const mwi_keras_layer *l, struct class_counts *counts,
                                const char **out)
{
    const bool skipped =
        l->parent->net->sequential && l->row != NULL && (l->row->flags & MWI_KERAS_NO_DATA) != 0;
    size_t i = 0, before = 0;

    while (i < counts->n && strcmp(counts->v[i].class_name, l->class_name) != 0) i++;
    if (i == counts->n && !skipped &&
        l->row != NULL) { /* the list stays as short as the list of rows */
        MWI_TRY(mwi_arena_grow(f->ctx, f->arena, &counts->v, counts->n, &counts->capacity,
                               sizeof *counts->v));
        counts->v[counts->n++] = (struct class_count){l->class_name, 0};
    }
    if (i < counts->n && !skipped) before = counts->v[i].n++;
    MWI_TRY(mwi_keras_snake_case(f->ctx, f->arena, l->class_name, out));
    return before == 0 ? MW_OK : mwi_arena_printf(f->ctx, f->arena, out, "%s_%zu", *out, before);
}

static bool any_below(const mwi_keras_archive *a, const char *path)
{
    const size_t at = lower_bound(a, path), n = strlen(path);

    return at < a->n_groups && strncmp(a->groups[at].path, path, n) == 0 &&
           (a->groups[at].path[n] == '\0' || a->groups[at].path[n] == '/');
}

/* Where a layer is: the numbered class, unless its `vars` bear another layer's name. */
static mw_status place_of(finder *f, const mwi_keras_layer *l, const char *container,
                          struct class_counts *counts, const char **out)
{
    const char *key, *vars;

    MWI_TRY(numbered_class(f, l, counts, &key));
    MWI_TRY(below(f, container, key, out));
    MWI_TRY(below(f, *out, "vars", &vars));
    const mwi_keras_group *const g = mwi_keras_group_at(f->archive, vars);
    if (g != NULL && (g->name == NULL || strcmp(g->name, l->name) == 0)) return MW_OK;
    const char *const named = place_by_name(f, container, l->name);
    if (named != NULL) *out = named;
    return MW_OK;
}

static mw_status find_below(finder *f, mwi_keras_layer *l, const char *at)
{
    struct class_counts counts = {0};
    const char *container, *place;

    MWI_TRY(find_own(f, l, at));
    if (l->net == NULL) {
        for (size_t i = 0; i < l->n_children; i++) {
            MWI_TRY(below(f, at, l->children[i]->place, &place));
            MWI_TRY(find_below(f, l->children[i], place));
        }
        return MW_OK;
    }
    for (size_t k = 0; k < MWI_COUNT(containers); k++) {
        MWI_TRY(below(f, at, containers[k], &container));
        if (any_below(f->archive, container)) break;
    }
    for (size_t i = 0; i < l->n_children; i++) {
        MWI_TRY(place_of(f, l->children[i], container, &counts, &place));
        MWI_TRY(find_below(f, l->children[i], place));
    }
    return MW_OK;
}

mw_status mwi_keras_find_weights(mw_ctx *ctx, const mwi_keras_archive *archive, mwi_arena *arena,
                                 mwi_keras_layer *root)
{
    finder f = {.ctx = ctx, .archive = archive, .arena = arena};

    if (archive->v3) {
        MWI_TRY(index_places(&f));
        return find_below(&f, root, "");
    }
    for (size_t i = 0; i < root->n_children; i++) MWI_TRY(find_in_group(&f, root->children[i]));
    return MW_OK;
}
