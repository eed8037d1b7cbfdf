/* ops/hashtable_lookup.c - HASHTABLE_LOOKUP: the rows of the values (input 2) whose key (1,
 * ascending) is looked up (0); zeros and a miss for a key that is not there.
 * Depends: ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/strided.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const lookup = &call->in[0], *const keys = &call->in[1],
                          *const values = &call->in[2];

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, 1));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, 1));
    MWI_TRY(mwi_need_input(ctx, call, 2, 1, MW_MAX_RANK));
    if (keys->dims[0] != values->dims[0])
        return mwi_fail(ctx, MW_EFORMAT, "%d keys for %d values", keys->dims[0], values->dims[0]);
    mwi_view_set_dims(&call->out[0], values->rank, values->dims);
    call->out[0].dims[0] = lookup->dims[0];
    mwi_view_set_dims(&call->out[1], 1, lookup->dims);
    return MW_OK;
}

/* The place of a key; n when it is not there. */
static size_t find(const int32_t *keys, size_t n, int32_t key)
{
    size_t low = 0, high = n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (keys[middle] == key) return middle;
        if (keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return n;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const values = &call->in[2];
    const size_t n = (size_t)values->dims[0], row = n == 0 ? 0 : values->bytes / n;
    uint8_t *const hits = call->out[1].data;

    (void)ctx;
    for (size_t i = 0; i < (size_t)call->in[0].dims[0]; i++) {
        const size_t at = find(call->in[1].data, n, ((const int32_t *)call->in[0].data)[i]);
        char *const to = (char *)call->out[0].data + i * row;
        hits[i] = at < n;
        if (row == 0) continue;
        if (at < n)
            memcpy(to, (const char *)values->data + at * row, row);
        else
            memset(to, 0, row);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_hashtable_lookup__ref", .types = "i32,i32," MWI_MOVED "|str>=2,u8", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_hashtable_lookup = {
    .name = "HASHTABLE_LOOKUP",
    .tflite_code = 10,
    .min_in = 3,
    .max_in = 3,
    .min_out = 2,
    .max_out = 2,
    .kernels = kernels,
    .infer = infer,
};
