/* compress/distill/teacher.h - a teacher's values for each sample, kept or computed when asked for.
 * Depends: evaluate/side.  Used by: compress/distill.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_DISTILL_TEACHER_H
#define MWI_COMPRESS_DISTILL_TEACHER_H

#include "evaluate/side.h"
#include "model/graph.h"

/* One of the tensors that are asked of the teacher. */
typedef struct mwi_taught {
    int32_t rank;
    int32_t dims[MW_MAX_RANK]; /* with a batch of 1 */
    size_t n;                  /* values of a sample */
    float *kept;               /* of all samples; NULL: computed with each batch */
} mwi_taught;

typedef struct mwi_teacher {
    mwi_arena arena;
    mw_model *model; /* the teacher up to the tensors that are asked for */
    mw_dataset *data;
    mwi_side side;
    size_t batch;
    bool softmax; /* values[0] stand before its last softmax */
    mwi_taught *values;
    size_t n_values;
    float **at; /* for a call: where each value goes, where each input is */
    const void **places;
} mwi_teacher;

/* The values are those of its output, before a last softmax, then of the named layers or tensors.
 *   n_threads  of its session
 * Fails: MW_EINVAL (no such layer, several outputs), as mw_session_create. Close it on failure too.
 */
MW_MUST_USE mw_status mwi_teacher_open(mw_ctx *ctx, const mw_model *model, mw_dataset *data,
                                       const char *const *names, size_t n, uint32_t n_threads,
                                       mwi_teacher *out);
void mwi_teacher_close(mwi_teacher *teacher); /* accepts a zeroed one */

/* Runs it over all samples and keeps their values; *kept is false when they need more than
 * max_bytes, and nothing is done. */
MW_MUST_USE mw_status mwi_teacher_keep(mw_ctx *ctx, mwi_teacher *teacher, uint64_t max_bytes,
                                       bool *kept);
/* Values `index` of samples of the data set: out has n * values[index].n floats. */
MW_MUST_USE mw_status mwi_teacher_kept(mw_ctx *ctx, const mwi_teacher *teacher, size_t index,
                                       const uint64_t *samples, size_t n, float *out);
/* The same for one sample, or a batch that the caller has (inputs as the model takes them),
 * computed now; out[i] is for values[i]. */
MW_MUST_USE mw_status mwi_teacher_of_sample(mw_ctx *ctx, mwi_teacher *teacher, uint64_t sample,
                                            float *const *out);
MW_MUST_USE mw_status mwi_teacher_of_batch(mw_ctx *ctx, mwi_teacher *teacher, const void *const *in,
                                           size_t n, float *const *out);

/* The tensor of that name, or what the layer of that name gives last; -1: there is none. */
int32_t mwi_find_layer_value(const mwi_graph *graph, const char *name);

#endif
