/* programs/milliwatt/distilling.c - see distilling.h.     SPDX-License-Identifier: Apache-2.0 */
#include "distilling.h"

mw_status load_teacher(mw_ctx *ctx, distilling *d, const shape_list *shapes)
{
    if (d->teacher == NULL || d->model != NULL) return MW_OK;
    return load_all_weights(ctx, d->teacher, shapes, &d->model);
}

mw_status use_teacher(mw_ctx *ctx, distilling *d, const shape_list *shapes,
                      mw_train_options *options)
{
    const mw_status st = load_teacher(ctx, d, shapes);

    if (st != MW_OK || d->model == NULL) return st;
    d->options.teacher = d->model;
    d->options.match = d->match.v;
    d->options.n_match = d->match.n;
    options->distill = &d->options;
    return MW_OK;
}

void forget_teacher(distilling *d)
{
    mw_model_destroy(d->model);
    d->model = NULL;
}
