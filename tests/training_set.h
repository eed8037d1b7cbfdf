/* tests/training_set.h - a small model and a small set, for the tests of training.
 * Depends: data/source, tests/support.  Used by: the tests in src/train.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_TRAINING_SET_H
#define MW_TESTS_TRAINING_SET_H

#include "support.h"

#include <milliwatt/train.h>

#include "base/rng.h"
#include "base/text.h"
#include "data/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES = 21, PIXELS = 16, CLASSES = 3 };

/* Convolution, batch normalisation, dropout, two dense layers. */
static inline mw_model *testing_model(mw_ctx *ctx)
{
    static const char config[] =
        "{\"class_name\": \"Sequential\", \"keras_version\": \"2.15.0\", \"config\": {\"name\": "
        "\"net\", \"layers\": [{\"class_name\": \"Conv2D\", \"config\": {\"name\": \"conv\", "
        "\"batch_input_shape\": [null, 4, 4, 1], \"filters\": 5, \"kernel_size\": [3, 3], "
        "\"padding\": \"same\", \"activation\": \"relu\"}}, {\"class_name\": "
        "\"BatchNormalization\", \"config\": {\"name\": \"norm\", \"momentum\": 0.9, \"axis\": "
        "[3]}}, "
        "{\"class_name\": \"Flatten\", \"config\": {\"name\": \"flat\"}}, {\"class_name\": "
        "\"Dropout\", \"config\": {\"name\": \"drop\", \"rate\": 0.25}}, {\"class_name\": "
        "\"Dense\", "
        "\"config\": {\"name\": \"fc\", \"units\": 3, \"activation\": \"softmax\"}}]}}";
    mw_model *m;

    assert_ok(ctx, mw_model_load_memory(ctx, config, sizeof config - 1, "net.json", NULL, &m));
    return m;
}

/* Noise with labels 0, 1, 2, 0, ...; `label` in place of that of sample 5 when it is not NULL. */
typedef struct testing_set {
    mwi_text text;
    mw_dataset *data;
} testing_set;

static inline void testing_open(mw_ctx *ctx, testing_set *s, const mw_model *model,
                                const char *label)
{
    mw_tensor_info input;
    mwi_rng rng = {7};

    mwi_text_init(ctx, &s->text, 1 << 20);
    assert_ok(ctx, mwi_text_printf(ctx, &s->text, "label"));
    for (int k = 0; k < PIXELS; k++) assert_ok(ctx, mwi_text_printf(ctx, &s->text, ",p%d", k));
    for (int i = 0; i < SAMPLES; i++) {
        if (i == 5 && label != NULL)
            assert_ok(ctx, mwi_text_printf(ctx, &s->text, "\n%s", label));
        else
            assert_ok(ctx, mwi_text_printf(ctx, &s->text, "\n%d", i % CLASSES));
        for (int k = 0; k < PIXELS; k++)
            assert_ok(ctx, mwi_text_printf(ctx, &s->text, ",%.3f", mwi_rng_uniform(&rng)));
    }
    assert_ok(ctx, mwi_text_printf(ctx, &s->text, "\n"));
    assert_ok(ctx, mw_model_input(ctx, model, 0, &input));
    const mw_dataset_options o = {.inputs = &input, .n_inputs = 1};
    const mwi_reader r = {"set.csv", (const uint8_t *)s->text.chars, s->text.n};
    assert_ok(ctx, mwi_dataset_open_bytes(ctx, &r, &o, &s->data));
}

static inline void testing_close(testing_set *s)
{
    mw_dataset_close(s->data);
    mwi_text_deinit(&s->text);
}

/* A file of this process alone. */
static inline void testing_path(char *path, size_t n, const char *what)
{
    (void)snprintf(path, n, "/tmp/milliwatt_%s_%ld", what, (long)getpid());
}

#endif
