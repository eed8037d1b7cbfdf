/* formats/keras/clusters.c - the values of clustered weights. The indices in the file are those of
 * the last call, which may be one training step older than weights and centroids: the nearest
 * centroid is looked for anew. Only with preserve_sparsity, where a mask that is not in the file
 * keeps pruned weights at a centroid of zero, do they say what the mask said.
 * Depends: formats/keras/clusters, formats/keras/origin (reading any type as floats).
 * Used by: formats/keras/find_weights.c.
 * Trust:   names and shapes come from the file and are checked here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/clusters.h"

#include "formats/keras/origin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char centroids_prefix[] = "cluster_centroids_", indices_prefix[] = "pulling_indices_";

/* Weights times centroids: a few seconds. */
#define MAX_DISTANCES ((size_t)4 << 30)

bool mwi_keras_is_of_clusters(const char *name)
{
    return strstr(name, centroids_prefix) != NULL || strstr(name, indices_prefix) != NULL;
}

/* "c/kernel:0" */
static bool has_base(const char *name, const char *base, size_t n)
{
    const char *const slash = name == NULL ? NULL : strrchr(name, '/');
    const char *const own = slash == NULL ? name : slash + 1;

    return own != NULL && strncmp(own, base, n) == 0 && (own[n] == '\0' || own[n] == ':');
}

/* Whether `wrapper` is the path's last part before `end`. */
static bool is_under(const char *name, const char *end, const char *wrapper)
{
    const size_t n = wrapper == NULL ? 0 : strlen(wrapper);

    if (n == 0 || (size_t)(end - name) < n + 1 || end[-1] != '/') return false;
    const char *const begin = end - 1 - n;
    return memcmp(begin, wrapper, n) == 0 && (begin == name || begin[-1] == '/');
}

static const char *wrapper_of(const mwi_keras_slot *s)
{
    const mwi_keras_layer *l = s->layer;

    while (l != NULL && l->wrapper == NULL) l = l->parent;
    return l == NULL ? NULL : l->wrapper;
}

/* "cluster_c/cluster_centroids_kernel:0" is for the kernel of what is in the wrapper cluster_c;
 * "cluster_b/cluster_centroids_kernel/1:0" for the second kernel in cluster_b. NULL: for none. */
static mwi_keras_slot *slot_of(const char *name, const mwi_keras_slots *slots)
{
    const char *const at = strstr(name, centroids_prefix);

    if (at == NULL) return NULL;
    const char *const base = at + sizeof centroids_prefix - 1;
    const size_t n = strcspn(base, "/:");
    unsigned long skip = base[n] == '/' ? strtoul(base + n + 1, NULL, 10) : 0;
    for (size_t i = 0; i < slots->n; i++) {
        mwi_keras_slot *const s = slots->v[i];
        if (s->array == NULL || !has_base(s->name, base, n)) continue;
        if (is_under(name, at, wrapper_of(s)) && skip-- == 0) return s;
    }
    return NULL;
}

/* ---- values ---- */

static float nearest(float value, const float *centroids, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (fabsf(value - centroids[i]) < fabsf(value - centroids[best])) best = i;
    return centroids[best];
}

static mw_status read_all(mw_ctx *ctx, const mwi_keras_array *a, mwi_arena *arena, float **out,
                          size_t *out_n)
{
    mwi_keras_part whole = {.rank = a->rank};
    void *memory;

    if (a->rank > MWI_KERAS_WEIGHT_RANK || !mwi_dims_count(a->rank, a->dims, out_n))
        return mwi_fail(ctx, MW_ELIMIT, "weight '%s' is too large", a->path);
    for (int32_t i = 0; i < a->rank; i++)
        whole.dims[i] = whole.size[i] = a->dims[i], whole.perm[i] = i;
    MWI_TRY(mwi_arena_array(ctx, arena, *out_n, sizeof(float), &memory));
    *out = memory;
    return mwi_keras_gather(ctx, a, &whole, memory);
}

/* One set of centroids for all weights, or one for each index of the channels' dimension. */
static mw_status check(mw_ctx *ctx, const mwi_keras_slot *s, const mwi_keras_array *centroids,
                       int32_t *axis)
{
    const mwi_keras_array *const w = s->array;
    const json_t *const format = mwi_keras_key(s->layer, "data_format");
    const char *const name = json_string_value(format);
    const bool first = name != NULL && strcmp(name, "channels_first") == 0;
    const int32_t n = centroids->rank > 0 ? centroids->dims[centroids->rank - 1] : 0;

    *axis = first ? 1 : w->rank - 1;
    const bool fits =
        centroids->rank == 1 || (centroids->rank == 2 && *axis >= 0 && *axis < w->rank &&
                                 centroids->dims[0] == w->dims[*axis]);
    if (!fits || n < 1)
        return mwi_fail(ctx, MW_EFORMAT,
                        "weight '%s': centroids '%s' have %d dimensions, allowed are one list, or "
                        "one for each of the weight's channels",
                        s->name, centroids->path, centroids->rank);
    return MW_OK;
}

static mw_status indices_of(mw_ctx *ctx, const mwi_keras_archive *archive, mwi_arena *arena,
                            const mwi_keras_array *centroids, const mwi_keras_slot *s,
                            const mwi_keras_array **out)
{
    const char *const at = strstr(centroids->path, centroids_prefix);
    const char *path;

    MWI_TRY(mwi_arena_printf(ctx, arena, &path, "%.*s%s%s", (int)(at - centroids->path),
                             centroids->path, indices_prefix, at + sizeof centroids_prefix - 1));
    const mwi_keras_array *const a = mwi_keras_array_at(archive, path);
    const bool fits = a != NULL && a->dtype == MW_INT64 && a->rank == s->array->rank &&
                      memcmp(a->dims, s->array->dims, sizeof *a->dims * (size_t)a->rank) == 0;
    *out = fits ? a : NULL;
    return MW_OK;
}

static bool is_zero(const mwi_keras_array *indices, size_t i, const float *centroids, size_t n)
{
    if (indices == NULL) return false;
    const int64_t index = ((const int64_t *)indices->data)[i];
    return index >= 0 && (uint64_t)index < n && centroids[index] == 0;
}

static mw_status snap(mw_ctx *ctx, const mwi_keras_archive *archive, mwi_arena *arena,
                      const mwi_keras_array *centroids, mwi_keras_slot *s)
{
    const mwi_keras_array *indices;
    float *all, *values;
    size_t n_all, n, inner = 1;
    int32_t axis;
    void *copy;

    MWI_TRY(check(ctx, s, centroids, &axis));
    MWI_TRY(read_all(ctx, centroids, arena, &all, &n_all));
    MWI_TRY(read_all(ctx, s->array, arena, &values, &n));
    const size_t each = (size_t)centroids->dims[centroids->rank - 1];
    const size_t channels = n_all / each;
    if (n > 0 && each > MAX_DISTANCES / n)
        return mwi_fail(ctx, MW_ELIMIT, "weight '%s': %zu weights and %zu centroids are too many",
                        s->name, n, each);
    for (int32_t i = axis + 1; i < s->array->rank; i++) inner *= (size_t)s->array->dims[i];
    MWI_TRY(indices_of(ctx, archive, arena, centroids, s, &indices));
    for (size_t i = 0; i < n; i++) {
        const float *const own = all + i / inner % channels * each;
        values[i] = is_zero(indices, i, own, each) ? 0 : nearest(values[i], own, each);
    }
    MWI_TRY(mwi_arena_copy(ctx, arena, s->array, sizeof *s->array, &copy));
    mwi_keras_array *const a = copy;
    a->dtype = MW_FLOAT32;
    a->data = values;
    a->bytes = n * sizeof *values;
    s->array = a;
    return MW_OK;
}

mw_status mwi_keras_snap_to_centroids(mw_ctx *ctx, const mwi_keras_archive *archive,
                                      mwi_arena *arena, const mwi_keras_group *group,
                                      const mwi_keras_slots *slots)
{
    const char *path;

    for (size_t i = 0; i < group->n_weight_names; i++) {
        const char *const name = group->weight_names[i];
        mwi_keras_slot *const s = slot_of(name, slots);
        if (s == NULL) continue;
        MWI_TRY(mwi_arena_printf(ctx, arena, &path, "%s/%s", group->path, name));
        const mwi_keras_array *const centroids = mwi_keras_array_at(archive, path);
        if (centroids != NULL) MWI_TRY(snap(ctx, archive, arena, centroids, s));
    }
    return MW_OK;
}
