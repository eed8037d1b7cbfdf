/* ops/random.c - see random.h.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/random.h"

#include "base/clock.h"
#include "base/rng.h"
#include "ops/kept.h"
#include "ops/strided.h"

const mwi_field mwi_random_fields[] = {
    {"seed", offsetof(mwi_random_attr, seed), MWI_FIELD_I64, 0, 0, 1, 0, NULL},
    {"seed2", offsetof(mwi_random_attr, seed2), MWI_FIELD_I64, 1, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

mw_status mwi_random_prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_keep(ctx, call, sizeof(mwi_random));
}

mwi_random *mwi_random_of(const mwi_run_call *call)
{
    mwi_random *const r = mwi_kept(call);
    const mwi_random_attr *const a = call->attr;

    if (r->seeded) return r;
    r->seeds[0] = (int32_t)a->seed; /* LiteRT takes the low 32 bits, with their sign */
    r->seeds[1] = (int32_t)a->seed2;
    if (a->seed == 0 && a->seed2 == 0) {
        mwi_rng rng = {mwi_now_ns() ^ (uint64_t)(uintptr_t)r};
        r->seeds[0] = (int64_t)mwi_rng_next(&rng);
        r->seeds[1] = (int64_t)mwi_rng_next(&rng);
    }
    r->seeded = true;
    return r;
}

mw_status mwi_random_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int64_t shape[MW_MAX_RANK];
    int32_t dims[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, 1));
    MWI_TRY(mwi_param_ints(ctx, call, 0, MW_MAX_RANK, shape, &n));
    if (call->unknown) return MW_OK;
    for (size_t i = 0; i < n; i++) {
        if (shape[i] < 0 || shape[i] > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %zu is %lld", i, (long long)shape[i]);
        dims[i] = (int32_t)shape[i];
    }
    mwi_view_set_dims(&call->out[0], (int32_t)n, dims);
    return MW_OK;
}
