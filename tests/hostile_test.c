/* tests/hostile_test.c - every broken file of the shared material is refused with an error, or
 * loads and runs to an end: each in a process of its own with a time limit. Inputs are zeros, then
 * random bytes.
 * By hand: hostile_test [-v] [file]...   SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/rng.h"

#include <milliwatt/milliwatt.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 60, MEMORY_MB = 512, MESSAGE_BYTES = 1024 };
enum outcome { RAN = 0, REFUSED = 10, SILENT = 11 };

static bool verbose;

static unsigned sum_of(const void *data, size_t bytes)
{
    unsigned sum = 0;

    for (size_t i = 0; i < bytes; i++) sum += ((const uint8_t *)data)[i];
    return sum;
}

static mw_status run_once(mw_ctx *ctx, mw_session *s, mwi_rng *rng)
{
    mw_buffer b;
    mw_status st = MW_OK;

    for (size_t i = 0; i < mw_session_n_inputs(s) && st == MW_OK; i++) {
        st = mw_session_input(ctx, s, i, &b);
        if (st == MW_OK && rng != NULL)
            test_fill_any(b.info.dtype, b.data, b.bytes, rng);
        else if (st == MW_OK && b.bytes > 0)
            memset(b.data, 0, b.bytes);
    }
    if (st == MW_OK) st = mw_session_run(ctx, s);
    /* Outputs are read, so that a wrong place or size shows under a sanitizer. */
    unsigned sum = 0;
    for (size_t i = 0; i < mw_session_n_outputs(s) && st == MW_OK; i++) {
        st = mw_session_output(ctx, s, i, &b);
        if (st != MW_OK) break;
        sum += sum_of(b.data, b.bytes);
        for (size_t k = 0; b.info.dtype == MW_STRING && k < b.bytes / sizeof(mw_string); k++)
            sum +=
                sum_of(((const mw_string *)b.data)[k].data, ((const mw_string *)b.data)[k].bytes);
    }
    return sum == UINT32_MAX ? MW_EIO : st;
}

/* What runs goes through the passes too. */
static void try_optimised(mw_ctx *ctx, const mw_model *m)
{
    mw_model *o;
    mw_session *s = NULL;

    if (mw_optimize(ctx, m, NULL, &o, NULL) == MW_OK &&
        mw_session_create(ctx, o, NULL, &s) == MW_OK)
        (void)!run_once(ctx, s, NULL);
    mw_session_destroy(s);
    mw_model_destroy(o);
    mw_ctx_clear(ctx);
}

/* In the child. */
static enum outcome try_file(const char *path, int out)
{
    const mw_ctx_options options = {
        .limits = {.max_memory_bytes = (uint64_t)MEMORY_MB << 20, .max_loop_iterations = 100000}};
    mwi_rng rng = {1};
    mw_ctx *ctx = NULL;
    mw_model *m = NULL;
    mw_session *s = NULL;
    mw_model_summary summary;

    if (mw_ctx_create(&options, &ctx) != MW_OK) return SILENT;
    mw_status st = mw_model_load(ctx, path, NULL, &m);
    if (st == MW_OK) st = mw_model_summarize(ctx, m, &summary);
    if (st == MW_OK) st = mw_session_create(ctx, m, NULL, &s);
    if (st == MW_OK) st = run_once(ctx, s, NULL);
    if (st == MW_OK && run_once(ctx, s, &rng) != MW_OK)
        mw_ctx_clear(ctx); /* random indices may be refused */
    if (st == MW_OK) try_optimised(ctx, m);
    const char *const error = mw_ctx_error(ctx);
    const enum outcome o = st == MW_OK ? RAN : *error == '\0' ? SILENT : REFUSED;
    if (write(out, error, strnlen(error, MESSAGE_BYTES - 1)) < 0) return SILENT;
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
    return o;
}

/* Exit status of a child that tries the file, or minus the signal that ended it; `message` gets its
 * error. */
static int in_child(const char *path, char *message)
{
    int ends[2], status = 0;

    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        (void)alarm(SECONDS);
        _exit((int)try_file(path, ends[1]));
    }
    (void)close(ends[1]);
    size_t n = 0;
    for (ssize_t k;
         n < MESSAGE_BYTES - 1 && (k = read(ends[0], message + n, MESSAGE_BYTES - 1 - n)) > 0;)
        n += (size_t)k;
    message[n] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Whether what happened is what the index expects; prints it when not. */
static bool check_entry(const char *folder, const json_t *entry)
{
    const char *const file = json_string_value(json_object_get(entry, "file"));
    const char *const expect = json_string_value(json_object_get(entry, "expect"));
    char path[4096], message[MESSAGE_BYTES];

    if (file == NULL || expect == NULL) return false;
    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    const int got = in_child(path, message);
    const bool good =
        strcmp(expect, "no_crash") == 0 ? got == RAN || got == REFUSED : got == REFUSED;
    const char *const tail =
        strncmp(message, folder, strlen(folder)) == 0 ? message + strlen(folder) + 1 : message;
    if (!good || verbose)
        print_message("%s%s (%s): %s %d %s\n", good ? "" : "BAD ", file, expect,
                      got < 0          ? "ended by signal"
                      : got == RAN     ? "ran"
                      : got == REFUSED ? "refused"
                                       : "exit",
                      got < 0 ? -got : got, tail);
    return good;
}

static void hostile_files_are_refused_or_run(void **state)
{
    char path[4096];
    size_t i, bad = 0;
    json_t *entry;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/corpus/hostile", test_shared_dir());
    char index[4200];
    (void)snprintf(index, sizeof index, "%s/index.json", path);
    json_t *const list = json_load_file(index, 0, NULL);
    assert_non_null(list);
    json_array_foreach(list, i, entry) bad += !check_entry(path, entry);
    json_decref(list);
    assert_int_equal(bad, 0);
}

/* Files named by hand: what happens to each. */
static int try_by_hand(int n, char **paths)
{
    char message[MESSAGE_BYTES];
    int bad = 0;

    for (int i = 0; i < n; i++) {
        const int got = in_child(paths[i], message);
        (void)printf("%s: %s %d %s\n", paths[i], got < 0 ? "signal" : "exit", got < 0 ? -got : got,
                     message);
        bad += got != RAN && got != REFUSED;
    }
    return bad;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hostile_files_are_refused_or_run)};

    if (argc > 1 && strcmp(argv[1], "-v") == 0) verbose = true, argc--, argv++;
    if (argc > 1) return try_by_hand(argc - 1, argv + 1) > 0;
    if (test_shared_dir() == NULL) test_skip("the shared material is not here");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
