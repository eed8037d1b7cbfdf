/* train/gradients.c - gradients between the graph and the optimizer: regularisers are added, then
 * they are clipped. Sums are taken in the order of the weights, whatever the threads.
 * Depends: train/run.  Used by: train/.     SPDX-License-Identifier: Apache-2.0 */
#include "train/run.h"

#include <math.h>

static bool regularised(const mwi_param *p) { return p->l1 != 0 || p->l2 != 0; }

double mwi_gradients_penalty(const mw_trainer *t)
{
    double sum = 0;

    for (size_t k = 0; k < t->graph.n_params; k++) {
        const mwi_param *const p = t->graph.params[k];
        double absolute = 0, square = 0;
        if (!p->trainable || !regularised(p)) continue;
        for (size_t i = 0; i < p->n; i++) {
            absolute += fabs((double)p->value[i]);
            square += (double)p->value[i] * (double)p->value[i];
        }
        sum += (double)p->l1 * absolute + (double)p->l2 * square;
    }
    return sum;
}

/* d(l1 |w| + l2 w^2)/dw; |w| has slope 0 at 0, as TensorFlow's sign. */
static void regularise(mwi_param *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const float w = p->value[i];
        const float sign = w > 0 ? 1.0f : w < 0 ? -1.0f : 0.0f;
        p->gradient[i] += p->l1 * sign + 2 * p->l2 * w;
    }
}

static double sum_of_squares(const mwi_param *p)
{
    double sum = 0;

    for (size_t i = 0; i < p->n; i++) sum += (double)p->gradient[i] * (double)p->gradient[i];
    return sum;
}

static void scale(mwi_param *p, double by)
{
    for (size_t i = 0; i < p->n; i++) p->gradient[i] = (float)((double)p->gradient[i] * by);
}

/* Whether parameter k is the first part of its Keras weight. */
static bool is_first(const mw_trainer *t, size_t k)
{
    const mwi_param *const p = t->graph.params[k];

    for (size_t i = 0; p->stored != NULL && i < k; i++)
        if (t->graph.params[i]->stored == p->stored) return false;
    return true;
}

static bool same_weight(const mwi_param *a, const mwi_param *b)
{
    return a == b || (a->stored != NULL && a->stored == b->stored);
}

/* The norm is that of Keras's weight, of which several parameters may be parts. */
static void clip_each(mw_trainer *t, double limit)
{
    mwi_param **const p = t->graph.params;
    const size_t n = t->graph.n_params;

    for (size_t k = 0; k < n; k++) {
        double sum = 0;
        if (!is_first(t, k)) continue;
        for (size_t i = k; i < n; i++)
            if (p[i]->gradient != NULL && same_weight(p[i], p[k])) sum += sum_of_squares(p[i]);
        const double norm = sqrt(sum);
        for (size_t i = k; i < n && norm > limit; i++)
            if (p[i]->gradient != NULL && same_weight(p[i], p[k])) scale(p[i], limit / norm);
    }
}

static void clip_together(mw_trainer *t, double limit)
{
    double sum = 0;

    for (size_t k = 0; k < t->graph.n_params; k++)
        if (t->graph.params[k]->gradient != NULL) sum += sum_of_squares(t->graph.params[k]);
    const double norm = sqrt(sum);
    for (size_t k = 0; k < t->graph.n_params && norm > limit; k++)
        if (t->graph.params[k]->gradient != NULL) scale(t->graph.params[k], limit / norm);
}

static void clip_values(mwi_param *p, float limit)
{
    for (size_t i = 0; i < p->n; i++) p->gradient[i] = fminf(fmaxf(p->gradient[i], -limit), limit);
}

void mwi_gradients_finish(mw_trainer *t, double *out_penalty)
{
    const mw_train_options *const o = &t->options;

    *out_penalty = mwi_gradients_penalty(t);
    for (size_t k = 0; k < t->graph.n_params; k++) {
        mwi_param *const p = t->graph.params[k];
        if (p->gradient == NULL) continue;
        if (regularised(p)) regularise(p);
        if (o->clip_value > 0) clip_values(p, (float)o->clip_value);
    }
    if (o->clip_norm > 0) clip_each(t, o->clip_norm);
    if (o->clip_global_norm > 0) clip_together(t, o->clip_global_norm);
}
