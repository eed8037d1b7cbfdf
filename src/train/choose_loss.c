/* train/choose_loss.c - the list of losses, and the choice of one.
 * Depends: train/loss.  Used by: train/, api.     SPDX-License-Identifier: Apache-2.0 */
#include "train/loss.h"

#include <string.h>

#define MWI_LOSS(id) extern const mwi_loss_desc mwi_loss_##id;
#include "train/losses.def"
#undef MWI_LOSS

const mwi_loss_desc *const mwi_losses[] = {
#define MWI_LOSS(id) &mwi_loss_##id,
#include "train/losses.def"
#undef MWI_LOSS
    NULL,
};

const mwi_loss_desc *mwi_loss_find(int32_t number)
{
    for (const mwi_loss_desc *const *l = mwi_losses; *l != NULL; l++)
        if ((int32_t)(*l)->loss == number) return *l;
    return NULL;
}

mw_status mwi_loss_emit(mw_ctx *ctx, const mwi_emitter *at, const mwi_loss_desc *loss,
                        double smoothing, int32_t scores, int32_t labels, int32_t *out)
{
    const mwi_setting *const settings =
        smoothing == 0 ? NULL : MWI_SET({"label_smoothing", smoothing, NULL});
    int32_t axes[MW_MAX_RANK], axes_tensor, rows[2];

    MWI_TRY(mwi_emit_n(ctx, at, loss->op, MWI_IN(scores, labels), settings, rows, 2));
    const int32_t rank = at->graph->tensors[rows[0]]->rank;
    for (int32_t i = 0; i < rank; i++) axes[i] = i;
    MWI_TRY(mwi_emit_ints(ctx, at, axes, (size_t)rank, &axes_tensor));
    return mwi_emit(ctx, at, &mwi_op_mean, MWI_IN(rows[0], axes_tensor), NULL, out);
}

static mw_loss guess(const mwi_loss_case *w)
{
    const bool for_each = w->n_labels == w->n_values;

    if (w->n_labels == 0) return MW_LOSS_MSE;
    if (w->logistic && for_each) return MW_LOSS_BINARY_CROSSENTROPY;
    if (w->softmax && for_each && w->width > 1) return MW_LOSS_CATEGORICAL_CROSSENTROPY;
    if (w->width > 1 && w->n_labels * w->width == w->n_values && (w->softmax || w->integers))
        return MW_LOSS_SPARSE_CATEGORICAL_CROSSENTROPY;
    return MW_LOSS_MSE;
}

mw_status mwi_loss_choose(mw_ctx *ctx, const mw_train_options *o, const mwi_loss_case *w,
                          const mwi_loss_desc **out)
{
    const int32_t number = o->loss == MW_LOSS_AUTO ? (int32_t)guess(w) : o->loss;
    const mwi_loss_desc *const loss = mwi_loss_find(number);

    if (loss == NULL) return mwi_fail(ctx, MW_EINVAL, "there is no loss %d", number);
    if (w->n_labels == 0 && (!w->rebuilds || loss->of_classes))
        return mwi_fail(
            ctx, MW_EINVAL,
            "the data have no labels: give y_train beside x_train, or a column 'label'");
    if (w->n_labels == 0) return *out = loss, MW_OK;
    const bool numbers = w->width > 1 && w->n_labels * w->width == w->n_values;
    if (loss->class_numbers ? !numbers
                            : w->n_labels != w->n_values && !(numbers && loss->of_classes))
        return mwi_fail(ctx, MW_EINVAL,
                        "each sample has %zu label%s, the output of %s has %zu values: the loss %s "
                        "takes %s",
                        w->n_labels, w->n_labels == 1 ? "" : "s", w->model, w->n_values, loss->name,
                        loss->class_numbers ? "a class number" : "a value for each");
    if (o->label_smoothing != 0 && !loss->of_classes)
        return mwi_fail(ctx, MW_EINVAL, "label smoothing is for losses of classes, not for %s",
                        loss->name);
    *out = loss;
    return MW_OK;
}
