/* runtime/text_test.c - strings and tables in sessions: who owns what when, plans that share
 * memory, loops, batches, failures, and models that would make addresses of numbers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_text.h"
#include "support.h"

#include <milliwatt/milliwatt.h>
#include <stdlib.h>
#include <string.h>

typedef struct rig {
    mw_ctx *ctx;
    mw_model *model;
    mw_session *session;
    size_t n_allocations;
} rig;

static void *count_alloc(void *self, size_t bytes, size_t align)
{
    void *p = NULL;
    ((rig *)self)->n_allocations++;
    return posix_memalign(&p, align < sizeof p ? sizeof p : align, bytes) == 0 ? p : NULL;
}

static void count_free(void *self, void *p, size_t bytes)
{
    (void)self, (void)bytes;
    free(p);
}

/* The session is not made when `error` must come while planning. */
static void rig_open(rig *r, const char *text, const char *error)
{
    const mw_allocator allocator = {count_alloc, count_free, r};
    const mw_ctx_options options = {.allocator = &allocator,
                                    .limits = {.max_memory_bytes = 16 << 20}};

    memset(r, 0, sizeof *r);
    assert_int_equal(mw_ctx_create(&options, &r->ctx), MW_OK);
    r->model = graph_from_text(r->ctx, text, 1);
    const mw_status st = mw_session_create(r->ctx, r->model, NULL, &r->session);
    if (error == NULL) {
        assert_ok(r->ctx, st);
        return;
    }
    if (st == MW_OK || strstr(mw_ctx_error(r->ctx), error) == NULL)
        fail_msg("wanted \"%s\", got \"%s\"", error, mw_ctx_error(r->ctx));
}

static void rig_close(rig *r)
{
    mw_session_destroy(r->session);
    mw_model_destroy(r->model);
    assert_int_equal(mw_ctx_memory_bytes(r->ctx), 0);
    mw_ctx_destroy(r->ctx);
}

static void feed(rig *r, size_t i, const char *const *texts, size_t n)
{
    mw_buffer b;
    assert_ok(r->ctx, mw_session_input(r->ctx, r->session, i, &b));
    assert_int_equal(b.bytes, n * sizeof(mw_string));
    for (size_t k = 0; k < n; k++)
        ((mw_string *)b.data)[k] = (mw_string){texts[k], strlen(texts[k])};
}

/* The strings of an output, "red|green|"; owned by the caller's buffer. */
static const char *result(rig *r, size_t i, char *out, size_t bytes)
{
    size_t n = 0;
    mw_buffer b;

    assert_ok(r->ctx, mw_session_output(r->ctx, r->session, i, &b));
    out[0] = '\0';
    for (size_t k = 0; k < b.bytes / sizeof(mw_string); k++) {
        const mw_string *const s = &((const mw_string *)b.data)[k];
        assert_true(n + s->bytes + 2 < bytes);
        n += (size_t)snprintf(out + n, bytes - n, "%.*s|", (int)s->bytes,
                              s->bytes == 0 ? "" : s->data);
    }
    return out;
}

static void run_fails(rig *r, const char *error)
{
    if (mw_session_run(r->ctx, r->session) == MW_OK || strstr(mw_ctx_error(r->ctx), error) == NULL)
        fail_msg("wanted \"%s\", got \"%s\"", error, mw_ctx_error(r->ctx));
    mw_ctx_clear(r->ctx);
}

static void strings_made_in_a_run_allocate_nothing_in_the_long_run(void **state)
{
    static const char *const texts[] = {"one two three four five six seven eight"};
    char out[512];
    rig r;

    (void)state;
    rig_open(&r, "x = input str [1]; y: str [?] = SKIP_GRAM x ngram_size=2 max_skip_size=7; out y",
             NULL);
    for (int i = 0; i < 6; i++) {
        const size_t before = r.n_allocations;
        feed(&r, 0, texts, 1);
        assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
        assert_true(strncmp(result(&r, 0, out, sizeof out), "one two|one three|", 18) == 0);
        if (i > 2) assert_int_equal(r.n_allocations, before);
    }
    rig_close(&r);
}

/* Each plan has its values elsewhere in the one block; what floats have left there is no string. */
static void an_input_that_is_not_written_is_empty_or_as_before(void **state)
{
    static const char *const texts[] = {"red", "green"};
    const mw_shape small[] = {{1, {2}}, {1, {2}}}, large[] = {{1, {2}}, {1, {512}}};
    char out[64];
    mw_buffer b;
    rig r;

    (void)state;
    rig_open(&r,
             "x = input str [2]; f = input f32 [?]; i = const i32 [2] = 1,0;"
             "g = ADD f f; h = MUL g g; y = GATHER x i; out y h",
             NULL);
    assert_ok(r.ctx, mw_session_resize(r.ctx, r.session, small));
    assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
    assert_string_equal(result(&r, 0, out, sizeof out), "||");
    feed(&r, 0, texts, 2);
    for (int i = 0; i < 3; i++) {
        assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
        assert_string_equal(result(&r, 0, out, sizeof out), "green|red|");
    }
    assert_ok(r.ctx, mw_session_resize(r.ctx, r.session, large));
    assert_ok(r.ctx, mw_session_input(r.ctx, r.session, 1, &b));
    memset(b.data, 0x55, b.bytes);
    assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
    assert_ok(r.ctx, mw_session_resize(r.ctx, r.session, small));
    assert_string_equal(result(&r, 0, out, sizeof out), "||");
    assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
    assert_string_equal(result(&r, 0, out, sizeof out), "||");
    rig_close(&r);
}

/* What a loop's body makes in one turn is good in all later ones. */
static void strings_live_as_long_as_the_run(void **state)
{
    static const char *const texts[] = {"a b c d"};
    char out[64];
    rig r;

    (void)state;
    rig_open(&r,
             "x = input str [1]; i = const i32 [1] = 0;"
             "n y: str [1] = WHILE i x cond_subgraph_index=1 body_subgraph_index=2; out y n;"
             "graph; i = input i32 [1]; x = input str [1]; n = const i32 [1] = 3;"
             "c: bool = LESS i n; out c;"
             "graph; i = input i32 [1]; x = input str [1]; one = const i32 [1] = 1;"
             "j = ADD i one; g: str [?] = SKIP_GRAM x ngram_size=2 max_skip_size=0;"
             "b = const i32 [1] = 0; e = const i32 [1] = 1; s = STRIDED_SLICE g b e e; out j s",
             NULL);
    for (int i = 0; i < 3; i++) {
        feed(&r, 0, texts, 1);
        assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
        assert_string_equal(result(&r, 0, out, sizeof out), "a b|");
    }
    rig_close(&r);
}

static void a_batch_keeps_the_strings_of_all_its_runs(void **state)
{
    const mw_string in[3] = {{"a b c", 5}, {"d e f", 5}, {"g h i", 5}};
    mw_string out[3];
    const void *ins[] = {in};
    void *outs[] = {out};
    rig r;

    (void)state;
    rig_open(&r,
             "x = input str [1]; g: str [?] = SKIP_GRAM x ngram_size=3 max_skip_size=0;"
             "s = const i32 [1] = 1; y = RESHAPE g s; out y",
             NULL);
    assert_ok(r.ctx, mw_session_run_batch(r.ctx, r.session, 3, ins, outs));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(out[i].bytes, 5);
        assert_memory_equal(out[i].data, in[i].data, 5);
    }
    rig_close(&r);
}

static void a_run_that_fails_leaves_no_strings(void **state)
{
    static const char *const texts[] = {"red", "green"};
    char out[64];
    mw_buffer b;
    rig r;

    (void)state;
    rig_open(&r,
             "x = input str [2]; i = input i32 [1]; y = GATHER x i; one = const i32 [1] = 1;"
             "t: str [?] = TILE y i; out t y",
             NULL);
    feed(&r, 0, texts, 2);
    assert_ok(r.ctx, mw_session_input(r.ctx, r.session, 1, &b));
    *(int32_t *)b.data = 1;
    assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
    assert_string_equal(result(&r, 1, out, sizeof out), "green|");
    feed(&r, 0, texts, 2);
    assert_ok(r.ctx, mw_session_input(r.ctx, r.session, 1, &b));
    *(int32_t *)b.data = 2;
    run_fails(&r, "index 2");
    assert_string_equal(result(&r, 1, out, sizeof out), "|");
    rig_close(&r);
}

static void what_is_no_string_is_refused(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"x = input i64 [1]; s = const i32 [1] = 1; y: str [1] = RESHAPE x s; out y",
         "i64,i32>str"},
        {"x = input f32 [4]; y: str [1,4] = SQUEEZE x; out y", "f32>str"},
        {"x = input i64 [2]; y: str [1] = BITCAST x; out y", "BITCAST"},
        {"x = input i64 [2]; y: str [2] = CAST x; out y", "i64>str"},
        {"x = input str [2]; y: i64 [2] = CAST x; out y", "str>i64"},
        {"x = input i32 [2]; y: str [2] = ABS x; out y", "i32>str"},
        {"x = input i64 [2]; i = input i32 [1]; y: str [1] = GATHER x i; out y", "i64,i32>str"},
        {"x = input str [1]; h: res = VAR_HANDLE shared_name=v; = ASSIGN_VARIABLE h x; out x",
         "res,str>"},
        {"x = input str [1]; h: res = VAR_HANDLE shared_name=v; y: str [1] = READ_VARIABLE h; out "
         "y",
         "res>str"},
        {"x = input i64 [2]; y: str [2] = CALL x subgraph_index=1; out y;"
         "graph; x = input i64 [2]; out x",
         "output 0 is string"},
        {"h: res = HASHTABLE table_id=1 key_dtype=4 value_dtype=4; out h", "int64 to int64"},
        {"a: res = HASHTABLE table_id=1 key_dtype=4 value_dtype=5;"
         "b: res = HASHTABLE table_id=1 key_dtype=5 value_dtype=4; out a b",
         "table 1 is of int64 to string"},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        rig r;
        rig_open(&r, cases[i].text, cases[i].error);
        mw_ctx_clear(r.ctx);
        rig_close(&r);
    }
}

#define TABLE "h: res = HASHTABLE table_id=7 key_dtype=5 value_dtype=4;"

static void tables_check_what_they_are_given(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"x = input str [2];" TABLE "d = const i64 [1] = -1;"
         "y: i64 [2] = HASHTABLE_FIND h x d; out y",
         "has not been filled"},
        {"x = input i64 [1];" TABLE "d = const str [1] = none;"
         "y: str [1] = HASHTABLE_FIND h x d; out y",
         "for a table of string to int64"},
        {"x = input str [2]; h: res = VAR_HANDLE shared_name=v; d = const i64 [1] = -1;"
         "y: i64 [2] = HASHTABLE_FIND h x d; out y",
         "is not a table"},
        {"x = input i64 [1];" TABLE "= ASSIGN_VARIABLE h x; out x", "is not a variable"},
        {"x = input str [2]; h = const res [1] = 9; d = const i64 [1] = -1;"
         "y: i64 [2] = HASHTABLE_FIND h x d; out y",
         "resource 9 of 0"},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        rig r;
        rig_open(&r, cases[i].text, NULL);
        run_fails(&r, cases[i].error);
        rig_close(&r);
    }
}

/* The first of equal keys counts; a second import changes nothing; a reset empties the table. */
static void a_table_is_filled_once(void **state)
{
    static const char *const asked[] = {"b", "a", "c", ""};
    mw_buffer b;
    rig r;

    (void)state;
    rig_open(&r,
             "x = input str [4];" TABLE "d = const i64 [1] = -1;"
             "k = const str [4] = b,a,b,; v = const i64 [4] = 1,2,3,4;"
             "w = const i64 [4] = 9; = HASHTABLE_IMPORT h k v; = HASHTABLE_IMPORT h k w;"
             "y: i64 [4] = HASHTABLE_FIND h x d; n: i64 [1] = HASHTABLE_SIZE h; out y n",
             NULL);
    for (int turn = 0; turn < 2; turn++) {
        feed(&r, 0, asked, 4);
        assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
        assert_ok(r.ctx, mw_session_output(r.ctx, r.session, 0, &b));
        assert_memory_equal(b.data, ((const int64_t[]){1, 2, -1, 4}), b.bytes);
        assert_ok(r.ctx, mw_session_output(r.ctx, r.session, 1, &b));
        assert_int_equal(*(const int64_t *)b.data, 3);
        assert_ok(r.ctx, mw_session_reset(r.ctx, r.session));
    }
    rig_close(&r);
}

/* 40 words, any 20 of them: 10^11 grams. */
static void grams_are_bounded(void **state)
{
    static const char *const texts[] = {
        "a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M N"};
    rig r;

    (void)state;
    rig_open(&r,
             "x = input str [1]; y: str [?] = SKIP_GRAM x ngram_size=20 max_skip_size=99; out y",
             NULL);
    feed(&r, 0, texts, 1);
    run_fails(&r, "max_memory_bytes");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_made_in_a_run_allocate_nothing_in_the_long_run),
        cmocka_unit_test(an_input_that_is_not_written_is_empty_or_as_before),
        cmocka_unit_test(strings_live_as_long_as_the_run),
        cmocka_unit_test(a_batch_keeps_the_strings_of_all_its_runs),
        cmocka_unit_test(a_run_that_fails_leaves_no_strings),
        cmocka_unit_test(what_is_no_string_is_refused),
        cmocka_unit_test(tables_check_what_they_are_given),
        cmocka_unit_test(a_table_is_filled_once),
        cmocka_unit_test(grams_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
