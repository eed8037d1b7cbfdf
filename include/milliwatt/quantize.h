/* milliwatt/quantize.h - post-training quantization by TFLite's 8-bit quantization specification.
 * Threads: calls are independent when each has its own ctx and data set; the model may be shared.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_QUANTIZE_H
#define MILLIWATT_QUANTIZE_H

#include <milliwatt/data.h>
#include <milliwatt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mw_quant_scheme {
    MW_QUANT_INT8 = 0,    /* int8 weights (per channel) and activations; needs calibration */
    MW_QUANT_INT16X8 = 1, /* int8 weights, int16 activations; needs calibration */
    MW_QUANT_DYNAMIC = 2, /* int8 weights; activations quantized at run time */
    MW_QUANT_FLOAT16 = 3, /* float16 weights behind DEQUANTIZE */
    MW_QUANT_INT4 = 4,    /* int4 weights per channel, dynamic activations where a kernel exists */
    MW_QUANT_INT4_BLOCK = 5, /* int4 weights, a scale per block of 32 */
    MW_QUANT_WEIGHTS = 6,    /* int8 weights behind DEQUANTIZE */
    MW_QUANT_INT8X4 = 7,     /* int4 weights (per channel) and int8 activations, int8 weights where
                                no kernel reads int4; needs calibration */
} mw_quant_scheme;

typedef enum mw_calibration_method {
    MW_CALIBRATE_MINMAX = 0,
    MW_CALIBRATE_MOVING_AVERAGE = 1,
    MW_CALIBRATE_PERCENTILE = 2,
    MW_CALIBRATE_ENTROPY = 3,
    MW_CALIBRATE_MSE = 4,
} mw_calibration_method;

typedef enum mw_quant_io {
    MW_IO_DEFAULT = 0, /* the scheme's activation type */
    MW_IO_INT8 = 1,
    MW_IO_UINT8 = 2,
    MW_IO_FLOAT = 3,
} mw_quant_io;

/* All fields may be zero. */
typedef struct mw_quantize_options {
    mw_quant_scheme scheme;
    mw_calibration_method method;
    double percentile; /* 0: 99.99; for MW_CALIBRATE_PERCENTILE */
    mw_quant_io io;
    const char *const
        *keep; /* layers (output name, operator name or glob) that stay float; borrowed */
    size_t n_keep;
    uint64_t max_samples; /* calibration samples; 0: all */
    bool per_tensor;      /* one scale a weight tensor in place of one a channel */
    bool equalize;        /* cross-layer equalisation first */
    bool bias_correction; /* adjust biases by the measured mean error */
    bool adaround;        /* learn each weight's rounding from the calibration data */
    /* Keep the layers that were read, for a format that holds them (mw_model_format_of_path):
     * weights become floats that are integer * scale. */
    bool keep_layers;
    uint32_t n_threads; /* 0: 1 */
} mw_quantize_options;

/* One quantized layer's error against the float model, measured on calibration samples. */
typedef struct mw_layer_error {
    const char *name; /* the output tensor; borrowed until the report is freed */
    const char *op;
    double sqnr_db;            /* the layer alone: float inputs, quantized kernel's rounding */
    double cumulative_sqnr_db; /* with all layers before it quantized */
    double min, max;           /* calibrated range */
    bool quantized;
    const char *reason; /* why it stayed float; "" when it did not */
} mw_layer_error;

typedef struct mw_quantize_report {
    mw_model_summary before, after;
    size_t n_layers;
    mw_layer_error *layers;
    uint64_t n_samples;
    double output_sqnr_db; /* model outputs against the float model on calibration samples; NaN:
                              none */
    size_t n_kept;         /* operators that stayed float */
    bool random_inputs;    /* a uint8 model without calibration data: measured on seeded random
                              inputs, which is no more than a check that both compute the same */
    struct mwi_heap *heap; /* private: where `layers` came from */
} mw_quantize_report;

/* Makes a quantized model.
 *   calibration  read from its start; needed by int8 and int16x8 and for the error report, else
 * NULL out_model    owned: mw_model_destroy out_report   may be NULL; else free with
 * mw_quantize_report_free A uint8 model (asymmetric, per tensor) with scheme int8 is rewritten as
 * int8: to the bit where each operator allows it, else requantized per channel, as the report says.
 * Fails: MW_EINVAL (calibration missing or unfit, a --keep that matches nothing), MW_EUNSUPPORTED
 *        (nothing to quantize), MW_ENOMEM, MW_ECANCELLED. */
MW_API MW_MUST_USE mw_status mw_quantize(mw_ctx *ctx, const mw_model *model,
                                         const mw_quantize_options *options,
                                         mw_dataset *calibration, mw_model **out_model,
                                         mw_quantize_report *out_report);
MW_API void mw_quantize_report_free(mw_quantize_report *report); /* accepts NULL and zeroed */

#ifdef __cplusplus
}
#endif
#endif
