/* milliwatt/prune.h - magnitude pruning and weight clustering of a model's kernels, without data or
 * while training (milliwatt/train.h).
 * Threads: calls are independent when each has its own ctx and data set; models may be shared.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_PRUNE_H
#define MILLIWATT_PRUNE_H

#include <milliwatt/data.h>
#include <milliwatt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of mw_list "structures". N:M and blocks lie along a kernel's input channels, as the kernels
 * of sparse weights read them; a kernel without input channels (a depthwise one) is left alone by
 * them. Where the input channels are no multiple of M, the last ones form a shorter group. */
typedef enum mw_structure {
    MW_STRUCTURE_NONE = 0,    /* each weight by itself */
    MW_STRUCTURE_2_4 = 1,     /* at most 2 of each 4 are not zero */
    MW_STRUCTURE_1_4 = 2,     /* at most 1 of each 4 is not zero */
    MW_STRUCTURE_1X4 = 3,     /* blocks: 1 output, 4 inputs */
    MW_STRUCTURE_4X1 = 4,     /* blocks: 4 outputs, 1 input */
    MW_STRUCTURE_1X16 = 5,    /* blocks: 1 output, 16 inputs */
    MW_STRUCTURE_CHANNEL = 6, /* whole channels are removed: the model gets smaller shapes */
} mw_structure;

/* Rows of mw_list "prune_schedules". */
typedef enum mw_prune_schedule {
    MW_PRUNE_CONSTANT = 0,   /* `sparsity` from the begin step on */
    MW_PRUNE_POLYNOMIAL = 1, /* from initial_sparsity to sparsity:
                              * s + (s0 - s) * (1 - (t - begin) / (end - begin))^power */
} mw_prune_schedule;

/* All fields but sparsity may be zero. */
typedef struct mw_prune_options {
    double sparsity;         /* share of zeros, 0 <= s < 1; N:M fix their own. CHANNEL: share of the
                              * multiply-accumulates that are removed */
    int32_t structure;       /* mw_structure */
    bool global;             /* one threshold for all layers; false: each layer its own */
    const char *const *skip; /* layers (names of layers, outputs or operators, or globs) that are
                              * left alone; borrowed for the call */
    size_t n_skip;
    /* While training; ignored by mw_prune. */
    int32_t schedule; /* mw_prune_schedule */
    double initial_sparsity;
    uint64_t begin_step, end_step; /* end 0: 3/4 of the run */
    uint64_t frequency;            /* steps between two updates of the masks; 0: a hundredth of the
                                    * steps from begin to end */
    double power;                  /* 0: 3 */
    bool keep_zeros;               /* sparsity 0: only what is zero already stays zero */
} mw_prune_options;

typedef struct mw_cluster_options {
    uint32_t clusters;       /* 2 to 256 different values of a kernel, or of each output channel */
    bool per_channel;        /* each output channel has values of its own */
    bool keep_zeros;         /* a kernel's zeros stay: zero is then one of its values */
    const char *const *skip; /* as in mw_prune_options */
    size_t n_skip;
    uint64_t seed; /* of k-means++: the same seed gives the same values */
} mw_cluster_options;

/* One pruned or clustered kernel. Strings are borrowed until the report is freed. */
typedef struct mw_pruned_layer {
    const char *name;   /* the Keras layer, else the layer's output */
    const char *op;     /* "CONV_2D" */
    const char *reason; /* why it was left alone; "" when it was not */
    uint64_t n, n_zero; /* weights now, and how many are zero */
    uint64_t n_before;  /* weights before channels were removed */
    uint32_t n_values;  /* different values, of the output channel with the most where they are
                         * clustered per channel; 0: not counted (mw_prune) */
} mw_pruned_layer;

typedef struct mw_prune_report {
    mw_model_summary before, after;
    size_t n_layers;
    mw_pruned_layer *layers;
    double sparsity;         /* share of zeros of all kernels that were not left alone */
    struct mwi_arena *arena; /* private: where `layers` came from */
} mw_prune_report;

/* Prunes once, without training: what is smallest becomes zero. Kernels may be float32, float16 or
 * integers (their zero is the zero point); quantized again, or trained with keep_zeros, zeros stay.
 *   out_model   owned: mw_model_destroy. Same graph, but for MW_STRUCTURE_CHANNEL
 *   out_report  may be NULL; else free with mw_prune_report_free
 * Fails: MW_EINVAL (a skip that matches nothing, a sparsity out of range), MW_EUNSUPPORTED (nothing
 *        to prune), MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_prune(mw_ctx *ctx, const mw_model *model,
                                      const mw_prune_options *options, mw_model **out_model,
                                      mw_prune_report *out_report);
/* Each kernel gets few different values: k-means over its weights (of integers: over the integers).
 * The file deflates to less.
 *   out_model, out_report  as in mw_prune
 * Fails: MW_EINVAL (a skip that matches nothing, a number of clusters out of range),
 *        MW_EUNSUPPORTED (nothing to cluster), MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_cluster(mw_ctx *ctx, const mw_model *model,
                                        const mw_cluster_options *options, mw_model **out_model,
                                        mw_prune_report *out_report);
MW_API void mw_prune_report_free(mw_prune_report *report); /* accepts NULL and zeroed */

/* Constant kernels with enough zeros are stored in TFLite's sparse encoding, where that is smaller:
 * as they are for operators that read it, else behind a DENSIFY.
 *   out_model  owned: mw_model_destroy; to be saved as .tflite
 *   out_n      kernels stored so; may be NULL
 * Fails: MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_sparsify(mw_ctx *ctx, const mw_model *model, mw_model **out_model,
                                         size_t *out_n);

/* How much one layer can be pruned: a row for each layer and sparsity tried. */
typedef struct mw_sensitivity {
    const char *name; /* borrowed until the report is freed */
    double sparsity;
    double top1, sqnr_db; /* with this layer alone pruned; NaN where it does not apply */
} mw_sensitivity;
typedef struct mw_sensitivity_report {
    double top1; /* of the model as it is; NaN where it does not apply */
    size_t n_rows;
    mw_sensitivity *rows;
    struct mwi_arena *arena; /* private: where `rows` came from */
} mw_sensitivity_report;
/* Prunes each layer alone and measures on data.
 *   options     structure and skip count
 *   sparsities  n values to try; NULL: 0.5, 0.6, 0.7, 0.8, 0.9, 0.95. N:M try their own alone
 *   n_threads   0: 1
 *   out_report  free with mw_sensitivity_report_free
 * Fails: as mw_prune and mw_evaluate do; MW_EUNSUPPORTED (MW_STRUCTURE_CHANNEL). */
MW_API MW_MUST_USE mw_status mw_prune_sensitivity(mw_ctx *ctx, const mw_model *model,
                                                  const mw_prune_options *options, mw_dataset *data,
                                                  const double *sparsities, size_t n,
                                                  uint32_t n_threads,
                                                  mw_sensitivity_report *out_report);
MW_API void mw_sensitivity_report_free(mw_sensitivity_report *report); /* accepts NULL, zeroed */

#ifdef __cplusplus
}
#endif
#endif
