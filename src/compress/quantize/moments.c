/* compress/quantize/moments.c - means and second moments of the patches that a layer sees.
 * Depends: compress/quantize/patches.  Used by: learn.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/moments.h"

#include "base/rng.h"

#include <string.h>

/* More patches of one run tell little that is new about the mean. */
enum { MOST_FOR_MEAN = 1024 };

static size_t piece_of(const mwi_patches *p)
{
    const size_t n = (p->k + MWI_MOMENTS_WIDEST - 1) / MWI_MOMENTS_WIDEST;
    return (p->k + n - 1) / n;
}

size_t mwi_moments_bytes(const mwi_patches *p)
{
    const size_t piece = piece_of(p), n_pieces = (p->k + piece - 1) / piece;
    return p->n_groups * n_pieces * piece * piece * sizeof(double) +
           2 * p->n_groups * p->k * sizeof(double);
}

mw_status mwi_moments_init(mw_ctx *ctx, mwi_moments *m, const mwi_patches *p, bool second,
                           mwi_arena *arena)
{
    void *memory;

    memset(m, 0, sizeof *m);
    m->patches = *p;
    m->piece = piece_of(p);
    m->n_pieces = (p->k + m->piece - 1) / m->piece;
    MWI_TRY(mwi_arena_array(ctx, arena, p->n_groups * p->k, sizeof(double), &memory));
    m->mean = memory;
    if (!second) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, arena, p->n_groups * p->k, sizeof(double), &memory));
    m->partial = memory;
    MWI_TRY(mwi_arena_array(ctx, arena, p->n_groups * m->n_pieces,
                            m->piece * m->piece * sizeof(double), &memory));
    m->second = memory;
    return MW_OK;
}

static size_t piece_length(const mwi_moments *m, size_t piece)
{
    const size_t left = m->patches.k - piece * m->piece;
    return left < m->piece ? left : m->piece;
}

static void add_second(mwi_moments *m, size_t group, const float *patch)
{
    double *const sum = m->partial + group * m->patches.k;

    for (size_t j = 0; j < m->patches.k; j++) sum[j] += (double)patch[j];
    for (size_t p = 0; p < m->n_pieces; p++) {
        double *const s = m->second + (group * m->n_pieces + p) * m->piece * m->piece;
        const float *const x = patch + p * m->piece;
        const size_t n = piece_length(m, p);
        for (size_t i = 0; i < n; i++) {
            const double xi = (double)x[i];
            double *const row = s + i * m->piece;
            if (xi == 0) continue; /* half of them, after a RELU */
            for (size_t j = i; j < n; j++) row[j] += xi * (double)x[j];
        }
    }
}

void mwi_moments_add(mwi_moments *m, const float *input, uint64_t run, size_t take, float *patch)
{
    const mwi_patches *const p = &m->patches;
    const size_t step = p->n_positions / MOST_FOR_MEAN + 1;
    mwi_rng rng = {run * 0x9e3779b97f4a7c15u + p->k};

    for (size_t at = (size_t)(run % step); at < p->n_positions; at += step) {
        for (size_t g = 0; g < p->n_groups; g++) {
            double *const sum = m->mean + g * p->k;
            mwi_patch_gather(p, input, at, g, patch);
            for (size_t j = 0; j < p->k; j++) sum[j] += (double)patch[j];
        }
        m->n++;
    }
    if (m->second == NULL) return;
    const size_t n = take < p->n_positions ? take : p->n_positions;
    for (size_t i = 0; i < n; i++) {
        const size_t at = n == p->n_positions ? i : (size_t)mwi_rng_below(&rng, p->n_positions);
        for (size_t g = 0; g < p->n_groups; g++) {
            mwi_patch_gather(p, input, at, g, patch);
            add_second(m, g, patch);
        }
        m->n_second++;
    }
}

/* How far to go towards the identity, from traces of the covariance and of its square. */
static double shrinkage(double trace, double trace_of_square, double n, double k)
{
    const double squared = trace * trace;
    const double above = (1 - 2 / k) * trace_of_square + squared;
    const double below = (n + 1 - 2 / k) * (trace_of_square - squared / k);
    const double rho = below <= 0 ? 1 : above / below;
    return rho < 0 ? 0 : rho > 1 ? 1 : rho;
}

void mwi_moments_covariance(const mwi_moments *m, size_t group, size_t piece, bool centred,
                            double noise, double *out)
{
    const size_t n = piece_length(m, piece), wide = m->piece;
    const double *const s = m->second + (group * m->n_pieces + piece) * wide * wide;
    const double *const sum = m->partial + group * m->patches.k + piece * wide;
    const double count = (double)m->n_second;
    double trace = 0, square = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = i; j < n; j++) {
            double c = s[i * wide + j] / count;
            if (centred) c -= sum[i] / count * (sum[j] / count);
            out[i * n + j] = out[j * n + i] = c;
            square += c * c * (i == j ? 1 : 2);
        }
        trace += out[i * n + i];
    }
    const double rho = shrinkage(trace, square, count, (double)n);
    const double target = trace / (double)n;
    for (size_t i = 0; i < n * n; i++) out[i] *= 1 - rho;
    for (size_t i = 0; i < n; i++) out[i * n + i] += rho * target + noise;
}
