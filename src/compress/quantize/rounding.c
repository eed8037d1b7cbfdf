/* compress/quantize/rounding.c - learned rounding of one layer's weights.
 * Depends: compress/quantize/moments.  Used by: learn.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/rounding.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

enum { SWEEPS = 30 };

/* One piece of one output channel. */
struct row {
    size_t n;
    const double *c;     /* n * n covariance */
    const double *lower; /* Cholesky factor of the inverse's order, see feedback; NULL: none */
    double *w, *d, *g;   /* wanted weights, q * scale - w, C d */
    double *scale;       /* of each weight */
    int32_t *q, *start;
    int32_t limit;
    bool keep;
};

static double weight_scale(const mwi_qweight *weight, size_t index)
{
    if (weight->block > 0)
        return (double)mwi_half_to_float(weight->block_scales[index / weight->block]);
    return (double)weight->scales[mwi_channel(&weight->channels, index)];
}

/* d' C d, and g = C d. */
static double objective(struct row *r)
{
    double sum = 0;

    for (size_t i = 0; i < r->n; i++) r->g[i] = 0;
    for (size_t i = 0; i < r->n; i++) {
        r->d[i] = r->q[i] * r->scale[i] - r->w[i];
        if (r->d[i] == 0) continue;
        const double *const c = r->c + i * r->n;
        for (size_t j = 0; j < r->n; j++) r->g[j] += r->d[i] * c[j];
    }
    for (size_t i = 0; i < r->n; i++) sum += r->d[i] * r->g[i];
    return sum;
}

/* Whether q may go to `to`: within the type, and not further from w than the next integer but one.
 * What was pruned stays zero. */
static bool allowed(const struct row *r, size_t i, int32_t to)
{
    if (r->w[i] == 0) return to == 0;
    if (to > r->limit || to < -r->limit) return false;
    if (r->keep && (r->start[i] == r->limit || r->start[i] == -r->limit)) return false;
    return fabs(to * r->scale[i] - r->w[i]) <= 1.5 * r->scale[i];
}

static bool improve(struct row *r, size_t i)
{
    const double curve = r->c[i * r->n + i] * r->scale[i] * r->scale[i];
    const double slope = 2 * r->g[i] * r->scale[i];
    const int32_t step = slope > 0 ? -1 : 1;
    const double change = curve - fabs(slope);

    if (change >= -1e-12 * curve || !allowed(r, i, r->q[i] + step)) return false;
    const double *const c = r->c + i * r->n;
    const double moved = step * r->scale[i];
    r->q[i] += step;
    r->d[i] += moved;
    for (size_t j = 0; j < r->n; j++) r->g[j] += moved * c[j];
    return true;
}

static double descend(struct row *r)
{
    bool moved = true;

    (void)objective(r);
    for (int s = 0; s < SWEEPS && moved; s++) {
        moved = false;
        for (size_t i = 0; i < r->n; i++) moved = improve(r, i) || moved;
    }
    return objective(r);
}

/* Rounds one weight after the other; those that follow take up its error as far as their inputs go
 * along with its own (optimal brain compression, Frantar et al. 2022). lower: rows of the upper
 * Cholesky factor of the inverse covariance. */
static void feedback(struct row *r)
{
    for (size_t i = 0; i < r->n; i++) r->g[i] = r->w[i];
    for (size_t i = 0; i < r->n; i++) {
        double q = nearbyint(r->g[i] / r->scale[i]);
        q = fmin(fmax(q, -r->limit), r->limit);
        if (!allowed(r, i, (int32_t)q)) q = r->start[i];
        r->q[i] = (int32_t)q;
        const double error = (r->g[i] - q * r->scale[i]) / r->lower[i * r->n + i];
        for (size_t j = i; j < r->n; j++) r->g[j] -= error * r->lower[i * r->n + j];
    }
}

/* In place: the upper Cholesky factor U of the inverse of a: inverse = U' U. False: not positive.
 */
static bool inverse_factor(double *a, double *work, size_t n)
{
    /* a = L L' with L lower, made in `work`. */
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double s = a[i * n + j];
            for (size_t k = 0; k < j; k++) s -= work[i * n + k] * work[j * n + k];
            if (i == j) {
                if (s <= 0) return false;
                work[i * n + i] = sqrt(s);
            } else {
                work[i * n + j] = s / work[j * n + j];
            }
        }
    }
    /* Inverse of L, row by row, in place of its lower triangle. */
    for (size_t i = 0; i < n; i++) {
        work[i * n + i] = 1 / work[i * n + i];
        for (size_t j = 0; j < i; j++) {
            double s = 0;
            for (size_t k = j; k < i; k++) s += work[i * n + k] * work[k * n + j];
            work[i * n + j] = -s * work[i * n + i];
        }
    }
    /* inverse = (L^-1)' L^-1, row by row of L^-1. */
    memset(a, 0, n * n * sizeof *a);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i <= k; i++) {
            const double x = work[k * n + i];
            for (size_t j = 0; j <= i; j++) a[i * n + j] += x * work[k * n + j];
        }
    /* Lower factor M of the inverse; U = M'. */
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double s = a[i * n + j];
            for (size_t k = 0; k < j; k++) s -= work[i * n + k] * work[j * n + k];
            if (i == j) {
                if (s <= 0) return false;
                work[i * n + i] = sqrt(s);
            } else {
                work[i * n + j] = s / work[j * n + j];
            }
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) a[i * n + j] = j >= i ? work[j * n + i] : 0;
    return true;
}

static void round_row(struct row *r, int32_t *best)
{
    memcpy(r->q, r->start, r->n * sizeof *r->q);
    double least = descend(r);
    memcpy(best, r->q, r->n * sizeof *best);
    if (r->lower == NULL) return;
    feedback(r);
    if (descend(r) < least) memcpy(best, r->q, r->n * sizeof *best);
}

struct memory {
    double *c, *factor, *work, *reals;
    int32_t *integers;
};

static mw_status reserve(mw_ctx *ctx, mwi_arena *arena, size_t n, struct memory *out)
{
    void *p;

    MWI_TRY(mwi_arena_array(ctx, arena, n * n, sizeof(double), &p));
    out->c = p;
    MWI_TRY(mwi_arena_array(ctx, arena, n * n, sizeof(double), &p));
    out->factor = p;
    MWI_TRY(mwi_arena_array(ctx, arena, n * n, sizeof(double), &p));
    out->work = p;
    MWI_TRY(mwi_arena_array(ctx, arena, 4 * n, sizeof(double), &p));
    out->reals = p;
    MWI_TRY(mwi_arena_array(ctx, arena, 3 * n, sizeof(int32_t), &p));
    out->integers = p;
    return MW_OK;
}

static void round_piece(const mwi_moments *m, const float *w, const struct memory *memory,
                        const double *factor, size_t group, size_t piece, bool keep,
                        mwi_qweight *weight)
{
    const mwi_patches *const p = &m->patches;
    const size_t first = piece * m->piece, left = p->k - first;
    const size_t n = left < m->piece ? left : m->piece, per_group = p->n_out / p->n_groups;
    struct row r = {.n = n,
                    .c = memory->c,
                    .lower = factor,
                    .w = memory->reals,
                    .d = memory->reals + n,
                    .g = memory->reals + 2 * n,
                    .scale = memory->reals + 3 * n,
                    .q = memory->integers,
                    .start = memory->integers + n,
                    .limit = mwi_weight_limit(weight->bits),
                    .keep = keep};
    int32_t *const best = memory->integers + 2 * n;

    for (size_t o = group * per_group; o < (group + 1) * per_group; o++) {
        for (size_t j = 0; j < n; j++) {
            const size_t index = o * p->out_stride + (first + j) * p->in_stride;
            r.w[j] = (double)w[index];
            r.scale[j] = weight_scale(weight, index);
            r.start[j] = weight->q[index];
        }
        round_row(&r, best);
        for (size_t j = 0; j < n; j++)
            weight->q[o * p->out_stride + (first + j) * p->in_stride] = (int8_t)best[j];
    }
}

mw_status mwi_round_learned(mw_ctx *ctx, const mwi_moments *m, const float *w, double noise,
                            bool centred, bool keep, mwi_qweight *weight)
{
    struct memory memory;
    mwi_arena arena;

    mwi_arena_init(ctx, &arena);
    mw_status st = reserve(ctx, &arena, m->piece, &memory);
    for (size_t g = 0; g < m->patches.n_groups && st == MW_OK; g++) {
        for (size_t p = 0; p < m->n_pieces && st == MW_OK; p++) {
            const size_t left = m->patches.k - p * m->piece, n = left < m->piece ? left : m->piece;
            mwi_moments_covariance(m, g, p, centred, noise, memory.c);
            memcpy(memory.factor, memory.c, n * n * sizeof(double));
            const bool positive = inverse_factor(memory.factor, memory.work, n);
            round_piece(m, w, &memory, positive ? memory.factor : NULL, g, p, keep, weight);
            st = mwi_progress(ctx, "round", g * m->n_pieces + p, m->patches.n_groups * m->n_pieces);
        }
    }
    mwi_arena_deinit(&arena);
    weight->learned = true;
    return st;
}
