/* ops/conv_3d_backprop.c - see conv_3d_backprop.h.
 * Depends: ops/window_3d, ops/shapes.  Used by: gradients of CONV_3D.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_3d_backprop.h"

mw_status mwi_conv_3d_backprop_infer(mw_ctx *ctx, mwi_shape_call *call,
                                     const mwi_conv_3d_operands *o)
{
    mwi_window_3d w;

    for (size_t i = 0; i < 3; i++) MWI_TRY(mwi_need_input(ctx, call, i, 5, 5));
    const int32_t *const x = call->in[o->x].dims, *const f = call->in[o->w].dims;
    const int32_t *const dy = call->in[o->dy].dims;
    if (x[4] < 1 || f[3] != x[4] || f[4] < 1)
        return mwi_fail(ctx, MW_EFORMAT, "%d input channels do not fit weights for %d to %d", x[4],
                        f[3], f[4]);
    MWI_TRY(mwi_window_3d_make(ctx, call->attr, x, f, &w));
    if (dy[0] != x[0] || dy[1] != w.a[0].out || dy[2] != w.a[1].out || dy[3] != w.a[2].out ||
        dy[4] != f[4])
        return mwi_fail(ctx, MW_EFORMAT, "the gradient's shape is not that of the result");
    mwi_view_set_dims(&call->out[0], 5, call->in[2].dims);
    return MW_OK;
}

uint64_t mwi_conv_3d_backprop_macs(const mwi_shape_call *call, const mwi_conv_3d_operands *o)
{
    const mwi_view *const f = &call->in[o->w];
    const int32_t out_c = f->rank == 5 ? f->dims[4] : 0;
    return out_c < 1 ? 0 : mwi_view_count(&call->in[o->dy]) / (uint64_t)out_c * mwi_view_count(f);
}

mw_status mwi_conv_3d_backprop_prepare(mw_ctx *ctx, mwi_prepare_call *call,
                                       const mwi_conv_3d_operands *o)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_window_3d), &memory));
    call->state = memory;
    return mwi_window_3d_make(ctx, call->attr, call->in[o->x].dims, call->in[o->w].dims, memory);
}

void mwi_conv_3d_each(const mwi_conv_3d_walk *walk, mwi_conv_3d_fn fn, void *arg)
{
    const mwi_axis_3d *const a = walk->w->a;
    size_t dy = walk->item * (size_t)a[0].out * (size_t)a[1].out * (size_t)a[2].out * walk->out_c;

    for (int32_t d = 0; d < a[0].out; d++)
        for (int32_t h = 0; h < a[1].out; h++)
            for (int32_t k = 0; k < a[2].out; k++, dy += walk->out_c) {
                const int64_t id = mwi_tap_3d(&a[0], d, walk->at[0]);
                const int64_t ih = mwi_tap_3d(&a[1], h, walk->at[1]);
                const int64_t ik = mwi_tap_3d(&a[2], k, walk->at[2]);
                if (id < 0 || ih < 0 || ik < 0) continue;
                const size_t row =
                    (walk->item * (size_t)a[0].in + (size_t)id) * (size_t)a[1].in + (size_t)ih;
                fn(arg, (row * (size_t)a[2].in + (size_t)ik) * walk->in_c, dy);
            }
}
