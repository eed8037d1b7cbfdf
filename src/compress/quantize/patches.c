/* compress/quantize/patches.c - layers that are a matrix product of patches of their input.
 * Depends: ops/.  Used by: moments, rounding, equalize.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/patches.h"

#include <string.h>

static int32_t pad_before(int32_t in, int32_t out, int32_t kernel, int32_t stride, int32_t dilation,
                          int32_t padding)
{
    const int64_t total = ((int64_t)out - 1) * stride + ((int64_t)kernel - 1) * dilation + 1 - in;
    return padding == MWI_PADDING_SAME && total > 0 ? (int32_t)(total / 2) : 0;
}

static void set_window(const mwi_op *op, const mwi_tensor *in, const mwi_tensor *out,
                       mwi_patches *p)
{
    const int32_t padding = mwi_op_get_i32(op, "padding", MWI_PADDING_VALID);

    p->in_h = in->dims[1];
    p->in_w = in->dims[2];
    p->out_h = out->dims[1];
    p->out_w = out->dims[2];
    p->stride_h = mwi_op_get_i32(op, "stride_h", 1);
    p->stride_w = mwi_op_get_i32(op, "stride_w", 1);
    p->dilation_h = mwi_op_get_i32(op, "dilation_h_factor", 1);
    p->dilation_w = mwi_op_get_i32(op, "dilation_w_factor", 1);
    p->pad_h = pad_before(p->in_h, p->out_h, p->kernel_h, p->stride_h, p->dilation_h, padding);
    p->pad_w = pad_before(p->in_w, p->out_w, p->kernel_w, p->stride_w, p->dilation_w, padding);
}

static bool fill(const mwi_linear *l, const mwi_tensor *in, const mwi_tensor *w,
                 const mwi_tensor *out, mwi_patches *p)
{
    if (w->rank != l->rank || w->data == NULL || w->dtype != MW_FLOAT32) return false;
    if (!mwi_dims_count(in->rank, in->dims, &p->n_input) || p->n_input == 0 || in->rank < 1)
        return false;
    p->kernel_h = p->kernel_w = p->in_h = p->in_w = p->out_h = p->out_w = 1;
    p->stride_h = p->stride_w = p->dilation_h = p->dilation_w = 1;
    p->channels = in->dims[in->rank - 1];
    if (l->flattens) {
        p->n_out = (size_t)w->dims[0];
        p->k = p->k_channels = (size_t)w->dims[1];
        p->n_groups = 1;
        p->out_stride = p->k;
        p->in_stride = 1;
        /* A matrix product may take its rows across several dimensions of the input. */
        p->channels = w->dims[1];
        if (p->k == 0 || p->n_out == 0 || p->n_input % p->k != 0) return false;
        p->n_positions = p->n_input / p->k;
        return true;
    }
    if (in->rank != 4 || out->rank != 4 || p->channels <= 0) return false;
    p->kernel_h = w->dims[1];
    p->kernel_w = w->dims[2];
    p->n_out = (size_t)w->dims[l->depthwise ? 3 : 0];
    p->k_channels = l->depthwise ? 1 : (size_t)w->dims[3];
    p->k = (size_t)p->kernel_h * (size_t)p->kernel_w * p->k_channels;
    if (p->k == 0 || p->n_out == 0) return false;
    p->n_groups = (size_t)p->channels / p->k_channels;
    p->out_stride = l->depthwise ? 1 : p->k;
    p->in_stride = l->depthwise ? p->n_out : 1;
    p->n_positions = (size_t)out->dims[0] * (size_t)out->dims[1] * (size_t)out->dims[2];
    return p->n_groups > 0 && p->n_out % p->n_groups == 0 &&
           (size_t)p->channels == p->n_groups * p->k_channels;
}

/* Rows of a matrix product, or windows over height and width: [out, in], [out, h, w, in], or
 * [1, h, w, out] of a depthwise layer. */
static bool has_patches(const mwi_op_desc *desc)
{
    const mwi_linear *const l = desc->linear;

    if (l == NULL || l->transposed || l->value != 0 || l->weight != 1) return false;
    if (l->flattens) return l->rank == 2 && l->out_axis == 0;
    return l->rank == 4 && desc->windows != NULL && desc->windows->n == 2 &&
           l->out_axis == (l->depthwise ? 3 : 0);
}

bool mwi_patches_of(const mwi_graph *g, const mwi_op *op, mwi_patches *out)
{
    memset(out, 0, sizeof *out);
    if (!has_patches(op->desc) || op->n_in < 2 || op->in[0] < 0 || op->in[1] < 0 || op->n_out < 1)
        return false;
    const mwi_tensor *const in = g->tensors[op->in[0]], *const result = g->tensors[op->out[0]];
    out->op = op;
    out->input = op->in[0];
    if (in->dtype != MW_FLOAT32 || mwi_tensor_is_const(in)) return false;
    if (!fill(op->desc->linear, in, g->tensors[op->in[1]], result, out)) return false;
    if (!op->desc->linear->flattens) set_window(op, in, result, out);
    return true;
}

void mwi_patch_gather(const mwi_patches *p, const float *input, size_t position, size_t group,
                      float *out)
{
    const size_t per_image = (size_t)p->out_h * (size_t)p->out_w;
    const size_t image = position / per_image, at = position % per_image;
    const int32_t y0 = (int32_t)(at / (size_t)p->out_w) * p->stride_h - p->pad_h;
    const int32_t x0 = (int32_t)(at % (size_t)p->out_w) * p->stride_w - p->pad_w;
    const size_t row = (size_t)p->channels;
    const float *const base =
        input + image * (size_t)p->in_h * (size_t)p->in_w * row + group * p->k_channels;

    for (int32_t ky = 0; ky < p->kernel_h; ky++) {
        for (int32_t kx = 0; kx < p->kernel_w; kx++, out += p->k_channels) {
            const int32_t y = y0 + ky * p->dilation_h, x = x0 + kx * p->dilation_w;
            if (y < 0 || x < 0 || y >= p->in_h || x >= p->in_w) {
                memset(out, 0, p->k_channels * sizeof *out);
                continue;
            }
            const float *const from = base + ((size_t)y * (size_t)p->in_w + (size_t)x) * row;
            memcpy(out, from, p->k_channels * sizeof *out);
        }
    }
}
