/* ops/pool.h - what AVERAGE_POOL_2D and MAX_POOL_2D share: attributes, shapes, windows.
 * Depends: ops/window, ops/fixed.  Used by: pooling operators.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_POOL_H
#define MWI_OPS_POOL_H

#include "ops/fixed.h"
#include "ops/shapes.h"
#include "ops/window.h"

typedef struct mwi_pool_attr {
    int32_t padding, stride_w, stride_h, filter_w, filter_h, activation;
} mwi_pool_attr;
extern const mwi_field mwi_pool_fields[];
extern const mwi_windows mwi_pool_windows;

typedef struct mwi_pool_state {
    mwi_window w;
    int32_t low, high;
    float low_f, high_f;
} mwi_pool_state;

mw_status mwi_pool_infer(mw_ctx *ctx, mwi_shape_call *call);
mw_status mwi_pool_prepare_f32(mw_ctx *ctx, mwi_prepare_call *call);
/* State with the window over input i: for the gradients. */
mw_status mwi_pool_prepare_grad(mw_ctx *ctx, mwi_prepare_call *call, size_t i);
/* Proves that input `y` has the shape of the pool's result for input `x`, that of the output. */
mw_status mwi_pool_infer_grad(mw_ctx *ctx, mwi_shape_call *call, size_t x, size_t y);
mw_status mwi_pool_prepare_int(mw_ctx *ctx, mwi_prepare_call *call);
uint64_t mwi_pool_macs(const mwi_shape_call *call);

/* Calls `pixel` for each output position with the part of the window that lies inside the input:
 * rows [y0, y1), columns [x0, x1) of batch item b. `out` counts elements. In parallel over rows. */
typedef struct mwi_pool_pixel {
    const mwi_run_call *call;
    const mwi_pool_state *s;
    size_t item; /* first element of the batch item in the input */
    int32_t y0, y1, x0, x1;
    size_t out;
} mwi_pool_pixel;
void mwi_pool_run(const mwi_run_call *call, void (*pixel)(const mwi_pool_pixel *p));
/* The same, all windows of a batch item in order on one thread: for what adds to the input's
 * elements. */
void mwi_pool_run_items(const mwi_run_call *call, void (*pixel)(const mwi_pool_pixel *p));

#endif
