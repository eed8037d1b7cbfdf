/* compress/quantize/equalize_groups.h - channels that must be scaled together: what some layers
 * make, what additions join, and the layers that read it.
 * Depends: compress/quantize/job, patches.  Used by: equalize.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_EQUALIZE_GROUPS_H
#define MWI_COMPRESS_EQUALIZE_GROUPS_H

#include "compress/quantize/job.h"
#include "compress/quantize/patches.h"

/* A value of a group that has a scale of its own: made by a layer or an addition. */
typedef struct mwi_shared_value {
    int32_t tensor;
    double *largest; /* by channel: largest magnitude seen */
    double *square;  /* by channel: sum of squares */
    uint64_t n;
    bool is_signed; /* negative values were seen */
} mwi_shared_value;

typedef struct mwi_shared_layer {
    mwi_patches patches;
    size_t value; /* of a reader: the value that its input comes from, a place in `values` */
    double input; /* of a producer: sum of squares of its inputs, and how many */
    uint64_t n;
} mwi_shared_layer;

/* Holds: a factor a channel that divides all that the producers make and multiplies the readers'
 * weights leaves the model's outputs as they are. */
typedef struct mwi_shared_channels {
    size_t channels;
    mwi_shared_value *values;
    size_t n_values, values_capacity;
    mwi_shared_layer *producers, *readers;
    size_t n_producers, producers_capacity, n_readers, readers_capacity;
} mwi_shared_channels;

/* All groups of the float graph, in the order of their first layer; memory from the job's arena. */
MW_MUST_USE mw_status mwi_shared_channels_find(mw_ctx *ctx, mwi_qjob *job,
                                               mwi_shared_channels **out, size_t *out_n);
/* The channel that patch element j meets in a reader's output channel o. */
size_t mwi_shared_channel_at(const mwi_patches *p, size_t o, size_t j, size_t channels);

#endif
