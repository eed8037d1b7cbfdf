/* compress/quantize/emit.h - making quantized tensors and the operators between types.
 * Depends: compress/quantize/job.  Used by: the rewrites of compress/quantize.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_EMIT_H
#define MWI_COMPRESS_EMIT_H

#include "compress/quantize/job.h"

/* Gives a tensor another type and per-tensor quantization; MW_FLOAT32 takes the quantization away.
 */
MW_MUST_USE mw_status mwi_emit_retype(mw_ctx *ctx, mw_model *model, mwi_tensor *tensor,
                                      mw_dtype dtype, mwi_params params);
/* A new computed tensor of the shape of `like`, named "<like><suffix>". */
MW_MUST_USE mw_status mwi_emit_value(mw_ctx *ctx, mw_model *model, mwi_graph *graph, int32_t like,
                                     const char *suffix, mw_dtype dtype, mwi_params params,
                                     int32_t *out);
/* Whether one operator turns one type into the other, in LiteRT too. */
bool mwi_emit_can_convert(mw_dtype from, mw_dtype to);
/* QUANTIZE or DEQUANTIZE, as the types say, before operator *at, which then moves up; by way of
 * float where no operator does it directly. */
MW_MUST_USE mw_status mwi_emit_convert(mw_ctx *ctx, mw_model *model, mwi_graph *graph, size_t *at,
                                       int32_t from, int32_t to);
/* Per-axis quantization with zero points 0; scales are copied. */
MW_MUST_USE mw_status mwi_emit_per_axis(mw_ctx *ctx, mw_model *model, const float *scales, size_t n,
                                        int32_t axis, const mwi_quant **out);
/* A constant of the result with the integers of a weight. */
MW_MUST_USE mw_status mwi_emit_weight(mw_ctx *ctx, mwi_qjob *job, const mwi_qweight *weight,
                                      int32_t *out);
/* A float or uint8 constant quantized to `dtype` per tensor. */
MW_MUST_USE mw_status mwi_emit_data(mw_ctx *ctx, mwi_qjob *job, int32_t tensor, mw_dtype dtype,
                                    mwi_params params, int32_t *out);
/* The bias of op i: int32 (int64 for int16 activations), scale = in_scale * weight scale. */
MW_MUST_USE mw_status mwi_emit_bias(mw_ctx *ctx, mwi_qjob *job, size_t i, float in_scale,
                                    int32_t *out);

#endif
