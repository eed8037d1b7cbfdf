/* tests/double_ops_moves.c - operators that move values, in double precision: see double_ops.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "double_ops.h"

#include <math.h>
#include <string.h>

static void copy(const double_call *c)
{
    memcpy(c->out[0].v, c->in[0].v, c->out[0].n * sizeof(double));
}

static void shape(const double_call *c)
{
    for (int32_t k = 0; k < c->in[0].rank; k++) c->out[0].v[k] = c->in[0].dims[k];
}
static void rank(const double_call *c) { c->out[0].v[0] = c->in[0].rank; }

static int32_t axis_of(double axis, int32_t rank_of)
{
    return (int32_t)(axis < 0 ? axis + rank_of : axis);
}

/* For each element of the output: the statements turn its place `o` into the input's `at`, or says
 * `continue` where it is not of the input. */
#define MOVE(name, ...)                                                                            \
    static void name(const double_call *c)                                                         \
    {                                                                                              \
        const double_value *const x = &c->in[0], *const y = &c->out[0];                            \
        int32_t o[MW_MAX_RANK], at[MW_MAX_RANK] = {0};                                             \
        for (size_t i = 0; i < y->n; i++) {                                                        \
            double_coords(y, i, o);                                                                \
            __VA_ARGS__;                                                                           \
            y->v[i] = x->v[double_place(x, at)];                                                   \
        }                                                                                          \
    }
#define EACH_AXIS(expression)                                                                      \
    for (int32_t k = 0; k < x->rank; k++) at[k] = (expression)

#define PARAM(input, k) ((int32_t)c->in[input].v[k])
MOVE(transpose, for (int32_t k = 0; k < x->rank; k++) at[axis_of(c->in[1].v[k], x->rank)] = o[k])
MOVE(tile, EACH_AXIS(o[k] % x->dims[k]))
MOVE(broadcast_to, EACH_AXIS(x->dims[k] == 1 ? 0 : o[k + y->rank - x->rank]))
MOVE(slice, EACH_AXIS(o[k] + PARAM(1, k)))

static bool inside(const double_value *x, const int32_t *at)
{
    bool all = true;
    for (int32_t k = 0; k < x->rank; k++) all = all && at[k] >= 0 && at[k] < x->dims[k];
    return all;
}
MOVE(
    pad, EACH_AXIS(o[k] - PARAM(1, 2 * k)); if (!inside(x, at)) {
        y->v[i] = c->n_in > 2 ? c->in[2].v[0] : 0;
        continue;
    })
static int32_t mirrored(int32_t at, int32_t dim, int32_t border)
{
    if (at < 0) return -at - 1 + border;
    return at < dim ? at : 2 * dim - 1 - border - at;
}
MOVE(mirror_pad,
     EACH_AXIS(mirrored(o[k] - PARAM(1, 2 * k), x->dims[k], double_i32(c, "mode") == 0)))

static bool names(const double_value *axes, int32_t k, int32_t rank_of)
{
    bool any = false;
    for (size_t i = 0; i < axes->n; i++) any = any || axis_of(axes->v[i], rank_of) == k;
    return any;
}
MOVE(reverse_v2, EACH_AXIS(names(&c->in[1], k, x->rank) ? x->dims[k] - 1 - o[k] : o[k]))

static int32_t reversed(const double_call *c, const int32_t *o)
{
    const int32_t n = PARAM(1, o[double_i32(c, "batch_dim")]), at = o[double_i32(c, "seq_dim")];
    return at < n ? n - 1 - at : at;
}
MOVE(reverse_sequence, EACH_AXIS(k == double_i32(c, "seq_dim") ? reversed(c, o) : o[k]))

#define BLOCK double_i32(c, "block_size")
MOVE(space_to_depth, at[0] = o[0]; at[1] = o[1] * BLOCK + o[3] / x->dims[3] / BLOCK;
     at[2] = o[2] * BLOCK + o[3] / x->dims[3] % BLOCK; at[3] = o[3] % x->dims[3])
MOVE(depth_to_space, at[0] = o[0]; at[1] = o[1] / BLOCK; at[2] = o[2] / BLOCK;
     at[3] = (o[1] % BLOCK * BLOCK + o[2] % BLOCK) * y->dims[3] + o[3])
/* Rank 4, blocks [h, w]. */
MOVE(space_to_batch, at[0] = o[0] % x->dims[0];
     at[1] = o[1] * PARAM(1, 0) + o[0] / x->dims[0] / PARAM(1, 1) - PARAM(2, 0);
     at[2] = o[2] * PARAM(1, 1) + o[0] / x->dims[0] % PARAM(1, 1) - PARAM(2, 2); at[3] = o[3];
     if (!inside(x, at)) continue)
MOVE(batch_to_space, const int32_t h = o[1] + PARAM(2, 0), w = o[2] + PARAM(2, 2);
     at[0] = (h % PARAM(1, 0) * PARAM(1, 1) + w % PARAM(1, 1)) * y->dims[0] + o[0];
     at[1] = h / PARAM(1, 0); at[2] = w / PARAM(1, 1); at[3] = o[3])

static double position(const double_call *c, int32_t i, int32_t in, int32_t out)
{
    const double scale =
        double_bool(c, "align_corners") && out > 1 ? (in - 1.0) / (out - 1) : (double)in / out;
    return double_bool(c, "half_pixel_centers") ? (i + 0.5) * scale - 0.5 : i * scale;
}
static int32_t nearest(const double_call *c, int32_t i, int32_t in, int32_t out)
{
    const double at = position(c, i, in, out) + (double_bool(c, "half_pixel_centers") ? 0.5 : 0);
    const double whole = double_bool(c, "align_corners") ? round(at) : floor(at + 1e-9);
    return (int32_t)fmin(fmax(whole, 0), in - 1);
}
MOVE(resize_nearest, EACH_AXIS(k == 1 || k == 2 ? nearest(c, o[k], x->dims[k], y->dims[k]) : o[k]))

static void resize_bilinear(const double_call *c)
{
    const double_value *const x = &c->in[0], *const y = &c->out[0];
    int32_t o[4];

    for (size_t i = 0; i < y->n; i++) {
        double_coords(y, i, o);
        const double row = position(c, o[1], x->dims[1], y->dims[1]);
        const double column = position(c, o[2], x->dims[2], y->dims[2]);
        for (int32_t k = 0; k < 4; k++) {
            const double r = floor(row) + k / 2, w = floor(column) + k % 2;
            const double weight = (1 - fabs(row - r)) * (1 - fabs(column - w));
            const int32_t at[] = {o[0], (int32_t)fmin(fmax(r, 0), x->dims[1] - 1),
                                  (int32_t)fmin(fmax(w, 0), x->dims[2] - 1), o[3]};
            y->v[i] += weight * x->v[double_place(x, at)];
        }
    }
}

/* Terms without new axes or ellipses. */
static void strided_slice(const double_call *c)
{
    const double_value *const x = &c->in[0], *const y = &c->out[0];
    int32_t o[MW_MAX_RANK], at[MW_MAX_RANK];

    for (size_t i = 0; i < y->n; i++) {
        int32_t n = 0;
        double_coords(y, i, o);
        for (int32_t k = 0; k < x->rank; k++) {
            const bool named = (size_t)k < c->in[1].n,
                       gone = double_i32(c, "shrink_axis_mask") >> k & 1;
            const int32_t stride = named ? PARAM(3, k) : 1;
            const bool masked = !named || (double_i32(c, "begin_mask") >> k & 1);
            const int32_t begin =
                masked ? (stride > 0 ? 0 : x->dims[k] - 1) : axis_of(PARAM(1, k), x->dims[k]);
            at[k] = gone ? begin : begin + o[n++] * stride;
        }
        y->v[i] = x->v[double_place(x, at)];
    }
}

/* ---- several outputs or inputs ---- */

/* Elements of `part`, which begins at `first` along `axis` of `whole`; joined or taken apart. */
static void part_of(const double_value *whole, const double_value *part, int32_t axis,
                    int32_t first, bool join)
{
    int32_t at[MW_MAX_RANK];

    for (size_t i = 0; i < part->n; i++) {
        double_coords(part, i, at);
        at[axis] += first;
        double *const a = &whole->v[double_place(whole, at)], *const b = &part->v[i];
        *(join ? a : b) = *(join ? b : a);
    }
}

static void concatenation(const double_call *c)
{
    const int32_t axis = axis_of(double_i32(c, "axis"), c->out[0].rank);
    int32_t first = 0;

    for (size_t k = 0; k < c->n_in; first += c->in[k++].dims[axis])
        part_of(&c->out[0], &c->in[k], axis, first, true);
}

static void split_whole(const double_call *c, const double_value *x, double along)
{
    const int32_t axis = axis_of(along, x->rank);
    int32_t first = 0;

    for (size_t k = 0; k < c->n_out; first += c->out[k++].dims[axis])
        part_of(x, &c->out[k], axis, first, false);
}
static void split(const double_call *c) { split_whole(c, &c->in[1], c->in[0].v[0]); }
static void split_v(const double_call *c) { split_whole(c, &c->in[0], c->in[2].v[0]); }

/* The same with a dimension of 1 put into the part. */
static double_value widened(const double_value *v, int32_t axis)
{
    double_value w = *v;

    w.rank++;
    for (int32_t k = w.rank - 1; k > axis; k--) w.dims[k] = w.dims[k - 1];
    w.dims[axis] = 1;
    return w;
}
static void pack(const double_call *c)
{
    const int32_t axis = axis_of(double_i32(c, "axis"), c->out[0].rank);

    for (size_t k = 0; k < c->n_in; k++) {
        const double_value w = widened(&c->in[k], axis);
        part_of(&c->out[0], &w, axis, (int32_t)k, true);
    }
}
static void unpack(const double_call *c)
{
    const int32_t axis = axis_of(double_i32(c, "axis"), c->in[0].rank);

    for (size_t k = 0; k < c->n_out; k++) {
        const double_value w = widened(&c->out[k], axis);
        part_of(&c->in[0], &w, axis, (int32_t)k, false);
    }
}

static void gather_along(const double_call *c, const double_value *x, const double_value *ids,
                         int32_t axis, int32_t batch)
{
    int32_t o[MW_MAX_RANK], at[MW_MAX_RANK], id[MW_MAX_RANK];

    for (size_t i = 0; i < c->out[0].n; i++) {
        double_coords(&c->out[0], i, o);
        for (int32_t k = 0; k < ids->rank; k++) id[k] = k < batch ? o[k] : o[k - batch + axis];
        for (int32_t k = 0; k < x->rank; k++)
            at[k] = k < axis ? o[k] : k > axis ? o[k + ids->rank - batch - 1] : 0;
        at[axis] = (int32_t)ids->v[double_place(ids, id)];
        c->out[0].v[i] = x->v[double_place(x, at)];
    }
}
static void gather(const double_call *c)
{
    gather_along(c, &c->in[0], &c->in[1], axis_of(double_i32(c, "axis"), c->in[0].rank),
                 double_i32(c, "batch_dims"));
}
static void embedding_lookup(const double_call *c) { gather_along(c, &c->in[1], &c->in[0], 0, 0); }

/* The new axis is the last. */
static void one_hot(const double_call *c)
{
    const size_t depth = double_last(&c->out[0]);

    for (size_t i = 0; i < c->out[0].n; i++)
        c->out[0].v[i] = c->in[c->in[0].v[i / depth] == (double)(i % depth) ? 2 : 3].v[0];
}

const double_op double_ops_moves[] = {
    {"RESHAPE", copy},
    {"SQUEEZE", copy},
    {"EXPAND_DIMS", copy},
    {"SHAPE", shape},
    {"RANK", rank},
    {"TRANSPOSE", transpose},
    {"TILE", tile},
    {"BROADCAST_TO", broadcast_to},
    {"SLICE", slice},
    {"STRIDED_SLICE", strided_slice},
    {"PAD", pad},
    {"PADV2", pad},
    {"MIRROR_PAD", mirror_pad},
    {"REVERSE_V2", reverse_v2},
    {"REVERSE_SEQUENCE", reverse_sequence},
    {"SPACE_TO_DEPTH", space_to_depth},
    {"DEPTH_TO_SPACE", depth_to_space},
    {"SPACE_TO_BATCH_ND", space_to_batch},
    {"BATCH_TO_SPACE_ND", batch_to_space},
    {"RESIZE_NEAREST_NEIGHBOR", resize_nearest},
    {"RESIZE_BILINEAR", resize_bilinear},
    {"CONCATENATION", concatenation},
    {"SPLIT", split},
    {"SPLIT_V", split_v},
    {"PACK", pack},
    {"UNPACK", unpack},
    {"GATHER", gather},
    {"ONE_HOT", one_hot},
    {"EMBEDDING_LOOKUP", embedding_lookup},
    {NULL, NULL},
};
