/* compress/quantize/job.h - one call of mw_quantize: what its steps share.
 * Depends: model/, ops/, runtime/.  Used by: compress/quantize, compress/qat. Order of the steps:
 * float model (passes) -> keep -> equalize -> decide -> calibrate -> scales -> layers (weights to
 * integers) -> moments, rounding, bias -> rewrite -> error report. Holds: (1) values and ops are
 * indexed as the tensors and ops of `fg`, which is not changed once they exist;  (2) a value's
 * parameters are those of its group's root. SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_JOB_H
#define MWI_COMPRESS_JOB_H

#include "compress/quantize/affine.h"
#include "compress/quantize/observe.h"
#include "compress/quantize/scheme.h"
#include "ops/registry.h"
#include "runtime/session.h"

/* A tensor of the float graph. */
typedef struct mwi_qvalue {
    mwi_observer *observer; /* NULL: not calibrated */
    int32_t group;          /* union-find parent: values that share one scale */
    bool activation;        /* float, computed or fed, touched by an integer operator */
    bool fixed, symmetric;  /* of the root: parameters given by the specification; zero point 0 */
    bool ranged;
    bool settled;      /* was always 0, and has the scale of what it meets */
    bool index;        /* a CAST makes an integer of it: an input stays as it is */
    mwi_range range;   /* calibrated; of the root: of the group */
    mwi_params params; /* of the root */
} mwi_qvalue;

/* A weight of an operator, turned into integers. Shared by operators that read the same constant.
 */
typedef struct mwi_qweight {
    int32_t tensor, axis, bits;
    mwi_channels channels;
    size_t block;  /* > 0: blockwise; block_scales then, not scales */
    float *scales; /* channels.n_channels */
    uint16_t *block_scales;
    int8_t *q;                /* channels.n, one a byte */
    bool learned;             /* rounding was learned */
    struct mwi_qweight *next; /* another of the same tensor; NULL: none */
    int32_t made;             /* its tensor in the result; -1 before */
} mwi_qweight;

typedef struct mwi_qop {
    bool integer;        /* becomes an integer operator */
    bool hybrid;         /* keeps float activations, integer weights */
    bool behind;         /* its weight goes behind a DEQUANTIZE */
    int bits;            /* of its weight */
    const char *reason;  /* why it stays float; "" when it does not */
    mwi_qweight *weight; /* NULL: none */
    float *bias;         /* corrected bias, n_bias long; NULL: as it is */
    size_t n_bias;
    const int32_t *bias_integers; /* of a uint8 model's operator: n_bias, of scale input * weight */
} mwi_qop;

/* What quantization-aware training knows, in place of calibration; by tensors and operators of the
 * model that is given. */
typedef struct mwi_qgiven {
    const mwi_range *ranges; /* by tensor; min > max: unknown, calibrated where there are data */
    /* By operator: the range of its weight's channels as a share of their largest magnitude; NULL:
     * that. */
    const float *const *shares;
} mwi_qgiven;

typedef struct mwi_qjob {
    const mw_quantize_options *options;
    const mwi_scheme_desc *scheme;
    const mwi_method_desc *method;
    mw_dataset *data;        /* NULL: none */
    const mwi_qgiven *given; /* NULL: nothing is given */
    mwi_arena arena;
    mw_model *flt;           /* the optimised float model; errors are measured against it */
    mwi_graph *fg;           /* the graph that is rewritten; of the job itself the main one */
    size_t graph;            /* its place among the model's */
    struct mwi_qjob *others; /* one for each other graph: bodies of loops and branches, whose values
                              * from and to the operator that calls them stay as they are */
    size_t n_others;
    mw_model *out;   /* the clone that becomes the result */
    mw_dtype act;    /* MW_INT8 or MW_INT16 when activations are quantized, else MW_FLOAT32 */
    mw_dtype source; /* what becomes `act`: MW_FLOAT32, or MW_UINT8 */
    const int32_t *given_tensor, *given_op; /* by tensor and operator of fg: place in the model that
                                             * was given; -1: a pass made it */
    mwi_qvalue *values;
    mwi_qop *ops;
    mwi_qweight **weights; /* by tensor: what it was turned into; a list by `next` */
    mwi_tensor *
        *made; /* by float tensor: the result's tensor that holds the same value, NULL none */
    mwi_op **made_ops; /* by float op: the same of the result */
    uint64_t n_samples;
} mwi_qjob;

/* ---- quantizer.c ---- */
/* Everything up to the decisions: the optimised model, what becomes integer, and which values share
 * a scale. `data` may be NULL. Fails: as mw_quantize. The job is to be closed then, too. */
MW_MUST_USE mw_status mwi_qjob_open(mw_ctx *ctx, mwi_qjob *job, const mw_model *model,
                                    const mw_quantize_options *options, mw_dataset *data);
void mwi_qjob_close(mwi_qjob *job); /* accepts a zeroed one */
/* mw_quantize with ranges that are given. `data` calibrates what they leave out; NULL: operators at
 * such values stay float. */
MW_MUST_USE mw_status mwi_quantize_given(mw_ctx *ctx, const mw_model *model,
                                         const mw_quantize_options *options,
                                         const mwi_qgiven *given, mw_dataset *data,
                                         mw_model **out_model);

/* ---- trace.c ---- */
/* Addresses before the passes. */
typedef struct mwi_qtrace {
    const struct place *tensors, *ops;
    size_t n_tensors, n_ops;
} mwi_qtrace;
MW_MUST_USE mw_status mwi_qjob_trace_begin(mw_ctx *ctx, mwi_qjob *job, mwi_qtrace *out);
/* Sets given_tensor and given_op. */
MW_MUST_USE mw_status mwi_qjob_trace_end(mw_ctx *ctx, mwi_qjob *job, const mwi_qtrace *trace);

/* ---- keep.c ---- */
/* Marks operators of all graphs whose layer, output or name matches one of options->keep.
 * Fails: MW_EINVAL (a pattern that matches nothing). */
MW_MUST_USE mw_status mwi_qjob_keep(mw_ctx *ctx, mwi_qjob *job);

/* ---- decide.c ---- */
/* Whether a graph's inputs and outputs keep their type whatever the options say. */
static inline bool mwi_qjob_is_called(const mwi_qjob *job) { return job->graph > 0; }
/* Which operators of all graphs become integer, hybrid, or stay float and why. */
MW_MUST_USE mw_status mwi_qjob_decide(mw_ctx *ctx, mwi_qjob *job);
/* Whether input `i` is an activation of a rule (not weight, not bias, not an index). */
bool mwi_rule_is_data(const mwi_quant_rule *rule, size_t i);
/* First data input that is computed and of a type that is quantized, -1 none. */
int32_t mwi_rule_main_input(const mwi_graph *graph, const mwi_op *op);
/* NULL when a kernel that LiteRT has too takes the operator with every operand of type job->source
 * as job->act (weight int8, bias int32 or int64); else why not. */
MW_MUST_USE mw_status mwi_qjob_why_not_integer(mw_ctx *ctx, mwi_qjob *job, const mwi_op *op,
                                               const char **out_reason);

/* ---- index_values.c ---- */
/* Marks floats that are indices, and the operators that carry them: those stay float. */
MW_MUST_USE mw_status mwi_qjob_indices(mw_ctx *ctx, mwi_qjob *job);

/* ---- calibrate.c ---- */
/* All graphs in one pass over the data. */
MW_MUST_USE mw_status mwi_qjob_calibrate(mw_ctx *ctx, mwi_qjob *job);

/* ---- scales.c ---- */
/* Which values share a scale, and which have a fixed one. */
MW_MUST_USE mw_status mwi_qjob_groups(mw_ctx *ctx, mwi_qjob *job);
/* The parameters of all groups, by the ranges of their values. */
MW_MUST_USE mw_status mwi_qjob_scales(mw_ctx *ctx, mwi_qjob *job);
int32_t mwi_qjob_root(const mwi_qjob *job, int32_t tensor);
mwi_params mwi_qjob_params(const mwi_qjob *job, int32_t tensor);

/* ---- multipliers.c ---- */
/* Moves scales to where LiteRT's kernels take them; values that were always 0 get the scale of what
 * they meet. */
void mwi_qjob_bound_scales(mwi_qjob *job);
/* Parameters for a float constant by its own range; `otherwise` when it is all zeros. */
mwi_params mwi_qjob_const_params(const mwi_qjob *job, int32_t tensor, bool symmetric,
                                 mwi_params otherwise);
/* Fails: MW_EUNSUPPORTED where LiteRT would end the process. */
MW_MUST_USE mw_status mwi_qjob_check_multipliers(mw_ctx *ctx, const mw_model *model);

/* ---- layers.c ---- */
/* Quantizes the weights of all operators that were chosen. */
MW_MUST_USE mw_status mwi_qjob_layers(mw_ctx *ctx, mwi_qjob *job);
/* The floats that a weight's integers stand for. */
void mwi_qweight_floats(const mwi_qweight *weight, float *out);
/* The bias that op `i` will have: corrected, or the constant; NULL none. *out_n its length. */
const float *mwi_qjob_bias(const mwi_qjob *job, size_t i, size_t *out_n);

/* ---- learn.c: rounding and bias from the calibration data ---- */
MW_MUST_USE mw_status mwi_qjob_learn(mw_ctx *ctx, mwi_qjob *job);

/* ---- equalize.c ---- */
MW_MUST_USE mw_status mwi_qjob_equalize(mw_ctx *ctx, mwi_qjob *job);

/* ---- rewrite.c, rewrite_weights.c ---- */
MW_MUST_USE mw_status mwi_qjob_rewrite(mw_ctx *ctx, mwi_qjob *job);
MW_MUST_USE mw_status mwi_qjob_rewrite_weights(mw_ctx *ctx, mwi_qjob *job);
/* Sets input `k` of an operator, making room where the operator has fewer. */
MW_MUST_USE mw_status mwi_qjob_set_input(mw_ctx *ctx, mw_model *model, mwi_op *op, size_t k,
                                         int32_t tensor);

/* ---- keras_weights.c ---- */
/* The rewrite of a graph for options->keep_layers. */
MW_MUST_USE mw_status mwi_qjob_keras(mw_ctx *ctx, mwi_qjob *job);

/* ---- uint8_models.c ---- */
bool mwi_model_is_uint8(const mw_model *model);
MW_MUST_USE mw_status mwi_qjob_uint8(mw_ctx *ctx, mwi_qjob *job);

/* ---- error_report.c ---- */
MW_MUST_USE mw_status mwi_qjob_report(mw_ctx *ctx, mwi_qjob *job, const mw_model *before,
                                      mw_quantize_report *out);

#endif
