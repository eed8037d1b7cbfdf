/* tests/conformance_test.c - the real models and the operator corpus against their expected
 * outputs. Each case with 1 and 3 threads, with reference kernels alone, and with each row of the
 * devices' lists; after a reset again; as a batch; and no run allocates.
 * tests/conformance_expected.txt names the operators of which every case must agree. By hand:
 * conformance_test [--filter CONV_2D[/case]] [-v]: a line for each case.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "devices/device.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_BYTES = 2048 };

static char filter_op[256], filter_case[256];
static bool verbose;

/* Lines of the list of operators that must be green. */
static bool must_agree(const char *op)
{
    char path[4096], line[256];
    bool found = false;

    (void)snprintf(path, sizeof path, "%s/tests/conformance_expected.txt", test_source_dir());
    FILE *const f = fopen(path, "r");
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        found = strcmp(line, op) == 0;
    }
    if (f != NULL) (void)fclose(f);
    return found;
}

/* The first way in which a case does not agree; `why` says which. */
static verdict run_ways(verdict (*run)(const char *, const run_options *, char *, size_t),
                        const char *folder, char *why)
{
    static const struct {
        const char *name;
        run_options options;
    } ways[] = {
        {"", {.n_threads = 1, .thorough = true}},
        {"with 3 threads: ", {.n_threads = 3}},
        {"with reference kernels: ", {.n_threads = 1, .kernels = "*__ref"}},
        {"optimised: ", {.n_threads = 1, .thorough = true, .optimize = true}},
    };

    for (size_t i = 0; i < MWI_COUNT(ways); i++) {
        const size_t n = (size_t)snprintf(why, WHY_BYTES, "%s", ways[i].name);
        const verdict v = run(folder, &ways[i].options, why + n, WHY_BYTES - n);
        if (v != AGREES) return i == 0 ? v : DIFFERS;
    }
    *why = '\0';
    return AGREES;
}

static size_t run_models(const char *parent, const char *kind)
{
    char path[4096], why[WHY_BYTES];
    size_t n, bad = 0;

    (void)snprintf(path, sizeof path, "%s/%s", parent, kind);
    char **const names = list_folders(path, &n);
    for (size_t i = 0; i < n; i++) {
        if (*filter_op != '\0' && strcmp(filter_op, names[i]) != 0) continue;
        (void)snprintf(path, sizeof path, "%s/%s/%s", parent, kind, names[i]);
        const verdict v = run_ways(run_model_case, path, why);
        if (v != AGREES) bad++;
        print_message("model %-30s %s\n", names[i], v == AGREES ? "agrees" : why);
    }
    free_list(names, n);
    return bad;
}

/* "a: b: the end" without the path that the message begins with. */
static const char *without_path(const char *why)
{
    const char *const file = strstr(why, "model.tflite: ");
    return file == NULL ? why : file + strlen("model.tflite: ");
}

/* Counts the cases of one operator and prints a line for it. */
static size_t run_op(const char *shared, const char *op)
{
    static const char *const words[] = {"agrees", "DIFFERS", "refused"};
    char path[4096], why[WHY_BYTES], reason[WHY_BYTES] = "";
    size_t n, counts[3] = {0}, total = 0;

    (void)snprintf(path, sizeof path, "%s/corpus/ops/%s", shared, op);
    char **const cases = list_folders(path, &n);
    for (size_t i = 0; i < n; i++) {
        if (*filter_case != '\0' && strcmp(filter_case, cases[i]) != 0) continue;
        (void)snprintf(path, sizeof path, "%s/corpus/ops/%s/%s", shared, op, cases[i]);
        const verdict v = run_ways(run_corpus_case, path, why);
        counts[v]++;
        total++;
        if (v == REFUSED && *reason == '\0')
            (void)snprintf(reason, sizeof reason, "%.*s", 160, without_path(why));
        if (v == DIFFERS || verbose || (v != AGREES && *filter_op != '\0'))
            print_message("  %s/%s: %s %s\n", op, cases[i], words[v], without_path(why));
    }
    free_list(cases, n);
    const bool must = must_agree(op), green = counts[AGREES] == total;
    print_message("%-32s %3zu agree %3zu differ %3zu refused  %s\n", op, counts[AGREES],
                  counts[DIFFERS], counts[REFUSED], must && !green ? "ALL MUST AGREE" : reason);
    if (!must && green && total > 0)
        print_message("  all agree: add %s to conformance_expected.txt\n", op);
    return must ? total - counts[AGREES] : 0;
}

/* ---- each row of a device in turn ---- */

/* The models with all kernels that the pattern names. */
static size_t run_models_with(const char *shared, const char *pattern, size_t *n_named)
{
    char path[4096], why[WHY_BYTES];
    size_t n, bad = 0;
    const run_options options = {.n_threads = 1, .kernels = pattern, .n_named = n_named};

    (void)snprintf(path, sizeof path, "%s/models", shared);
    char **const names = list_folders(path, &n);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "%s/models/%s", shared, names[i]);
        if (run_model_case(path, &options, why, sizeof why) == AGREES) continue;
        print_message("model %-30s with %s: %s\n", names[i], pattern, why);
        bad++;
    }
    free_list(names, n);
    return bad;
}

/* All cases of the row's operator, and the models where no case is for it. Counts what does not
 * agree; a row that nothing reaches does not. */
static size_t run_row(const char *shared, const mwi_device_kernel *d)
{
    char path[4096], why[WHY_BYTES];
    size_t n, n_cases = 0, n_named = 0, n_steps = 0, bad = 0;
    const run_options options = {.n_threads = 1, .kernels = d->kernel.name, .n_named = &n_named};

    (void)snprintf(path, sizeof path, "%s/corpus/ops/%s", shared, d->op->name);
    char **const cases = list_folders(path, &n);
    for (size_t i = 0; i < n; i++) {
        const size_t before = n_named;
        (void)snprintf(path, sizeof path, "%s/corpus/ops/%s/%s", shared, d->op->name, cases[i]);
        const verdict v = run_corpus_case(path, &options, why, sizeof why);
        n_cases += n_named > before;
        if (v != DIFFERS || n_named == before) continue;
        print_message("  %s: %s: %s\n", d->kernel.name, cases[i], without_path(why));
        bad++;
    }
    free_list(cases, n);
    if (n_cases == 0) bad += run_models_with(shared, d->kernel.name, &n_steps);
    print_message("%-48s %3zu cases", d->kernel.name, n_cases);
    if (n_cases == 0) print_message(", %zu steps of models", n_steps);
    print_message("\n");
    return bad + (n_cases + n_steps == 0);
}

static bool is_first_of_its_set(const mwi_device_desc *device, const mwi_kernel *kernel)
{
    for (const mwi_device_kernel *const *list = device->kernels; *list != NULL; list++)
        for (const mwi_device_kernel *d = *list; d->op != NULL; d++)
            if (strcmp(strstr(d->kernel.name, "__"), strstr(kernel->name, "__")) == 0)
                return &d->kernel == kernel;
    return false;
}

/* The models with all kernels of one set of instructions: "..__avx2". */
static size_t run_set(const mwi_kernel *kernel)
{
    char pattern[64];
    size_t n_named = 0;

    (void)snprintf(pattern, sizeof pattern, "*%s", strstr(kernel->name, "__"));
    const size_t bad = run_models_with(test_shared_dir(), pattern, &n_named);
    print_message("%-48s %3zu steps of models\n", pattern, n_named);
    return bad;
}

static void every_row_of_a_device_agrees(void **state)
{
    size_t bad = 0;

    (void)state;
    if (test_shared_dir() == NULL) test_skip_part("the shared material is not here");
    for (size_t i = 0; mwi_devices[i] != NULL; i++) {
        const mwi_device_desc *const device = mwi_devices[i];
        const uint32_t have = device->features == NULL ? 0 : device->features();
        for (const mwi_device_kernel *const *list = device->kernels; *list != NULL; list++)
            for (const mwi_device_kernel *d = *list; d->op != NULL; d++) {
                if ((d->kernel.cpu_features & ~have) != 0) continue;
                /* No file has these: the kernels' own tests run every row. */
                if ((d->op->traits & MWI_OP_TRAINING_ONLY) != 0) continue;
                if (*filter_op != '\0' && strcmp(filter_op, d->op->name) != 0) continue;
                bad += run_row(test_shared_dir(), d);
                if (is_first_of_its_set(device, &d->kernel)) bad += run_set(&d->kernel);
            }
    }
    assert_int_equal(bad, 0);
}

/* Two networks that the repository carries: a clean clone tests integers to the bit. */
static void own_models_agree_with_their_expected_outputs(void **state)
{
    char path[4096];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/data", test_source_dir());
    assert_int_equal(run_models(path, "models"), 0);
}

/* TFLite Micro's operators, run after run. */
static void signal_operators_agree_with_the_reference(void **state)
{
    char path[4096];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/data", test_source_dir());
    assert_int_equal(run_models(path, "signal"), 0);
}

/* Keras models as the quantizer made them, with LiteRT's bytes. */
static void quantized_models_agree_with_litert(void **state)
{
    char path[4096];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/data", test_source_dir());
    assert_int_equal(run_models(path, "quantized"), 0);
}

static void models_agree_with_their_expected_outputs(void **state)
{
    (void)state;
    if (test_shared_dir() == NULL) test_skip_part("the shared material is not here");
    assert_int_equal(run_models(test_shared_dir(), "models"), 0);
}

static void operators_agree_with_the_corpus(void **state)
{
    char path[4096];
    size_t n, bad = 0;

    (void)state;
    if (test_shared_dir() == NULL) test_skip_part("the shared material is not here");
    (void)snprintf(path, sizeof path, "%s/corpus/ops", test_shared_dir());
    char **const ops = list_folders(path, &n);
    for (size_t i = 0; i < n; i++)
        if (*filter_op == '\0' || strcmp(filter_op, ops[i]) == 0)
            bad += run_op(test_shared_dir(), ops[i]);
    free_list(ops, n);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_models_agree_with_their_expected_outputs),
        cmocka_unit_test(signal_operators_agree_with_the_reference),
        cmocka_unit_test(quantized_models_agree_with_litert),
        cmocka_unit_test(models_agree_with_their_expected_outputs),
        cmocka_unit_test(operators_agree_with_the_corpus),
        cmocka_unit_test(every_row_of_a_device_agrees),
    };

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) verbose = true;
        if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc)
            (void)sscanf(argv[++i], "%255[^/]/%255[^/]", filter_op, filter_case);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
