/* classify.c - load, optimise, quantize, save, run: the C API in one page.
 *   cc classify.c $(pkg-config --cflags --libs milliwatt) -o classify
 *   ./classify model.h5 digits.npz small.tflite          SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include <stdio.h>
#include <string.h>

/* Calibrates on the training half, writes the int8 model, and gives it back. */
static mw_status shrink(mw_ctx *ctx, const mw_model *model, const char *data_path,
                        const char *out_path, mw_model **out)
{
    mw_tensor_info input;
    mw_dataset *data = NULL;
    mw_model *fused = NULL;
    mw_quantize_report report = {0};

    mw_status st = mw_model_input(ctx, model, 0, &input);
    const mw_dataset_options options = {
        .role = MW_DATA_TRAIN, .scale = 1.0 / 16, .inputs = &input, .n_inputs = 1};
    if (st == MW_OK) st = mw_dataset_open(ctx, data_path, &options, &data);
    if (st == MW_OK) st = mw_optimize(ctx, model, NULL, &fused, NULL);
    const mw_quantize_options quantize = {
        .scheme = MW_QUANT_INT8, .io = MW_IO_FLOAT, .max_samples = 100};
    if (st == MW_OK) st = mw_quantize(ctx, fused, &quantize, data, out, &report);
    if (st == MW_OK) st = mw_model_save(ctx, *out, out_path);
    if (st == MW_OK)
        printf("weights %llu -> %llu bytes, SQNR %.1f dB\n",
               (unsigned long long)report.before.weight_bytes,
               (unsigned long long)report.after.weight_bytes, report.output_sqnr_db);
    mw_quantize_report_free(&report);
    mw_model_destroy(fused);
    mw_dataset_close(data);
    return st;
}

/* Runs the first test images and prints the class of each. */
static mw_status classify(mw_ctx *ctx, const mw_model *model, const char *data_path)
{
    mw_session *session = NULL;
    mw_dataset *data = NULL;
    mw_buffer in, out;

    mw_status st = mw_session_create(ctx, model, NULL, &session);
    if (st == MW_OK) st = mw_session_input(ctx, session, 0, &in);
    if (st == MW_OK) st = mw_session_output(ctx, session, 0, &out);
    const mw_dataset_options options = {.role = MW_DATA_TEST, .scale = 1.0 / 16};
    if (st == MW_OK) st = mw_dataset_open(ctx, data_path, &options, &data);
    for (uint64_t i = 0; i < 8 && st == MW_OK; i++) {
        st = mw_dataset_read(ctx, data, 0, i, 1, &in.info, in.data, in.bytes);
        if (st == MW_OK) st = mw_session_run(ctx, session);
        if (st != MW_OK) break;
        const float *const scores = out.data;
        size_t best = 0;
        for (size_t k = 1; k < out.bytes / sizeof *scores; k++)
            if (scores[k] > scores[best]) best = k;
        printf("image %llu: class %zu (%.3f)\n", (unsigned long long)i, best, (double)scores[best]);
    }
    mw_dataset_close(data);
    mw_session_destroy(session);
    return st;
}

int main(int argc, char **argv)
{
    mw_ctx *ctx = NULL;
    mw_model *model = NULL, *small = NULL;

    if (argc != 4) {
        fprintf(stderr, "usage: classify MODEL DATA.npz OUT.tflite\n");
        return 2;
    }
    if (mw_ctx_create(NULL, &ctx) != MW_OK) return 1;
    mw_status st = mw_model_load(ctx, argv[1], NULL, &model);
    if (st == MW_OK) st = shrink(ctx, model, argv[2], argv[3], &small);
    if (st == MW_OK) st = classify(ctx, small, argv[2]);
    if (st != MW_OK) fprintf(stderr, "classify: %s\n", mw_ctx_error(ctx));
    mw_model_destroy(small);
    mw_model_destroy(model);
    mw_ctx_destroy(ctx);
    return st == MW_OK ? 0 : 1;
}
