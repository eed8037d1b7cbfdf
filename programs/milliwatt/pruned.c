/* programs/milliwatt/pruned.c - see pruned.h.     SPDX-License-Identifier: Apache-2.0 */
#include "pruned.h"

#include <string.h>

mw_prune_options pruning_options(const pruning *p)
{
    mw_prune_options o = p->options;

    o.global = p->scope != NULL && strcmp(p->scope, "global") == 0;
    o.skip = p->skip.v;
    o.n_skip = p->skip.n;
    return o;
}

bool fixes_sparsity(int32_t structure)
{
    return structure == MW_STRUCTURE_2_4 || structure == MW_STRUCTURE_1_4;
}

const char *pruning_mistake(const pruning *p)
{
    if (p->scope != NULL && strcmp(p->scope, "layer") != 0 && strcmp(p->scope, "global") != 0)
        return "--scope is layer or global";
    if (fixes_sparsity(p->options.structure) && p->options.sparsity != 0)
        return "this structure fixes the sparsity: leave --sparsity out";
    return NULL;
}

mw_status fine_tune(mw_ctx *ctx, const training *t, const fine_tuning *how, const mw_model *model,
                    mw_model **out_model, mw_train_report *report)
{
    mw_qat_options qat;
    mw_train_options options = training_options(t, &qat);
    mw_dataset *data = NULL, *validation = NULL;

    options.prune = how->prune;
    options.cluster = how->cluster;
    mw_status st = open_training_data(ctx, t, model, &data, &validation);
    if (st == MW_OK) st = mw_train(ctx, model, data, validation, &options, out_model, report);
    progress_done();
    mw_dataset_close(data);
    mw_dataset_close(validation);
    return st;
}

void receipt_sizes(mw_ctx *ctx, receipt *r, const char *in, const char *out,
                   const mw_prune_report *report)
{
    uint64_t before, after;

    receipt_change(r, "file_bytes", "file", file_size(in), file_size(out), "bytes");
    if (mw_file_deflated_bytes(ctx, in, &before) == MW_OK &&
        mw_file_deflated_bytes(ctx, out, &after) == MW_OK)
        receipt_change(r, "deflated_bytes", "file, deflated", before, after, "bytes");
    receipt_change(r, "weight_bytes", "weights", report->before.weight_bytes,
                   report->after.weight_bytes, "bytes");
    receipt_change(r, "macs", "MACs a run", report->before.macs, report->after.macs, "");
}

void receipt_kernels(receipt *r, const mw_prune_report *report, bool values)
{
    const char *const columns[] = {"op",     "weights",    "zeros", "sparsity",
                                   "values", "left_alone", "layer"};
    const char *const plain[] = {"op", "weights", "zeros", "sparsity", "left_alone", "layer"};

    receipt_table(r, "layers", "\nkernels", values ? columns : plain, values ? 7 : 6);
    for (size_t i = 0; i < report->n_layers; i++) {
        const mw_pruned_layer *const l = &report->layers[i];
        const cell reason = TEXT(*l->reason == '\0' ? "-" : l->reason);
        const cell share = NUMBER(l->n == 0 ? 0 : (double)l->n_zero / (double)l->n, "%.3f");
        if (values)
            receipt_row(r, (cell[]){TEXT(l->op), UINT(l->n), UINT(l->n_zero), share,
                                    UINT(l->n_values), reason, TEXT(l->name)});
        else
            receipt_row(r, (cell[]){TEXT(l->op), UINT(l->n), UINT(l->n_zero), share, reason,
                                    TEXT(l->name)});
    }
}

mw_status receipt_accuracy(mw_ctx *ctx, receipt *r, const mw_model *before, const mw_model *after,
                           mw_dataset *data, uint32_t n_threads)
{
    mw_evaluate_options o = {.n_threads = n_threads};
    mw_evaluation a, b;

    mw_status st = mw_evaluate(ctx, before, data, &o, &a);
    o.against = before;
    if (st == MW_OK) st = mw_evaluate(ctx, after, data, &o, &b);
    if (st != MW_OK) return st;
    receipt_text(r, "data_reading", "data", mw_dataset_reading(data));
    receipt_uint(r, "samples", "samples", b.samples, "");
    receipt_number(r, "top1_before", "top-1 before", a.top1, "%.4f");
    receipt_number(r, "top1", "top-1", b.top1, "%.4f");
    receipt_number(r, "auc_before", "AUC before", a.auc, "%.4f");
    receipt_number(r, "auc", "AUC", b.auc, "%.4f");
    receipt_number(r, "mse_before", "MSE before", a.mse, "%.6g");
    receipt_number(r, "mse", "MSE", b.mse, "%.6g");
    receipt_number(r, "agreement", "agreement", b.agreement, "%.4f");
    receipt_sqnr(r, "sqnr_db", "SQNR", b.sqnr_db, "%.2f dB");
    return MW_OK;
}
