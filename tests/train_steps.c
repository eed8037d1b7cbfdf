/* tests/train_steps.c - prints the loss of each step of a training run, for
 * tests/keras_training.py: train_steps MODEL DATA SCALE EPOCHS BATCH OPTIMIZER RATE OUT.h5
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include <stdio.h>
#include <stdlib.h>

static void after_step(void *self, mw_trainer *trainer, const mw_step_state *state)
{
    (void)self, (void)trainer;
    (void)printf("%.9g\n", state->loss);
}

static mw_status run(mw_ctx *ctx, char **argv)
{
    const mw_train_hooks hooks = {.after_step = after_step};
    const mw_dataset_options data_options = {.scale = strtod(argv[3], NULL)};
    mw_train_options options = {.epochs = strtoull(argv[4], NULL, 10),
                                .batch = (uint32_t)strtoul(argv[5], NULL, 10),
                                .learning_rate = strtod(argv[7], NULL),
                                .keep_order = true,
                                .hooks = &hooks};
    mw_model *model = NULL, *trained = NULL;
    mw_dataset *data = NULL;
    mw_list_row row = {0};

    mw_status st = mw_list_find(ctx, "optimizers", argv[6], &row);
    options.optimizer = row.value;
    if (st == MW_OK) st = mw_model_load(ctx, argv[1], NULL, &model);
    if (st == MW_OK) st = mw_dataset_open(ctx, argv[2], &data_options, &data);
    if (st == MW_OK) st = mw_train(ctx, model, data, NULL, &options, &trained, NULL);
    if (st == MW_OK) st = mw_model_save(ctx, trained, argv[8]);
    mw_dataset_close(data);
    mw_model_destroy(trained);
    mw_model_destroy(model);
    return st;
}

int main(int argc, char **argv)
{
    mw_ctx *ctx;

    if (argc != 9 || mw_ctx_create(NULL, &ctx) != MW_OK) return 2;
    const mw_status st = run(ctx, argv);
    if (st != MW_OK) (void)fprintf(stderr, "train_steps: %s\n", mw_ctx_error(ctx));
    mw_ctx_destroy(ctx);
    return st == MW_OK ? 0 : 1;
}
