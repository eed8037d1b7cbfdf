/* ops/window_3d.c - see window_3d.h.
 * Depends: ops/window.  Used by: CONV_3D, CONV_3D_TRANSPOSE.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/window_3d.h"

#include "ops/window.h"

const mwi_field mwi_conv_3d_fields[] = {
    {"padding", offsetof(mwi_conv_3d_attr, padding), MWI_FIELD_ENUM, 0, 0, 0, 1, mwi_padding_names},
    {"stride_d", offsetof(mwi_conv_3d_attr, stride[0]), MWI_FIELD_I32, 1, 0, 1, INT32_MAX, NULL},
    {"stride_w", offsetof(mwi_conv_3d_attr, stride[2]), MWI_FIELD_I32, 2, 0, 1, INT32_MAX, NULL},
    {"stride_h", offsetof(mwi_conv_3d_attr, stride[1]), MWI_FIELD_I32, 3, 0, 1, INT32_MAX, NULL},
    {"fused_activation_function", offsetof(mwi_conv_3d_attr, activation), MWI_FIELD_ENUM, 4, 0, 0,
     5, mwi_activation_names},
    {"dilation_d_factor", offsetof(mwi_conv_3d_attr, dilation[0]), MWI_FIELD_I32, 5, 1, 1,
     INT32_MAX, NULL},
    {"dilation_w_factor", offsetof(mwi_conv_3d_attr, dilation[2]), MWI_FIELD_I32, 6, 1, 1,
     INT32_MAX, NULL},
    {"dilation_h_factor", offsetof(mwi_conv_3d_attr, dilation[1]), MWI_FIELD_I32, 7, 1, 1,
     INT32_MAX, NULL},
    MWI_FIELDS_END,
};

const mwi_windows mwi_conv_3d_windows = {
    .n = 3,
    .weight_axis = {0, 1, 2},
    .stride = {"stride_d", "stride_h", "stride_w"},
    .dilation = {"dilation_d_factor", "dilation_h_factor", "dilation_w_factor"}};

mw_status mwi_window_3d_make(mw_ctx *ctx, const mwi_conv_3d_attr *attr, const int32_t *in,
                             const int32_t *filter, mwi_window_3d *w)
{
    for (int i = 0; i < 3; i++) {
        /* A window of one row. */
        const mwi_view line = {.rank = 4, .dims = {1, 1, in[1 + i], 1}};
        mwi_window one = {.filter_h = 1,
                          .filter_w = filter[i],
                          .stride_h = 1,
                          .stride_w = attr->stride[i],
                          .dilation_h = 1,
                          .dilation_w = attr->dilation[i]};
        MWI_TRY(mwi_window_make(ctx, &line, attr->padding, &one));
        w->a[i] = (mwi_axis_3d){.in = in[1 + i],
                                .out = one.out_w,
                                .filter = filter[i],
                                .stride = attr->stride[i],
                                .dilation = attr->dilation[i],
                                .pad = one.pad_left};
    }
    return MW_OK;
}
