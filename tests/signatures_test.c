/* tests/signatures_test.c - models that TensorFlow wrote (tests/data/strings, see PROVENANCE), a
 * session for each signature, all sharing variables and tables: a list of calls gives what LiteRT's
 * one interpreter gives.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/strings.h"
#include "support.h"

#include <milliwatt/milliwatt.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SIGNATURES = 4 };

typedef struct rig {
    mw_ctx *ctx;
    mw_model *model;
    struct {
        const char *key;
        mw_session *session;
    } users[MAX_SIGNATURES];
    size_t n_users;
} rig;

/* The session of a signature; made when it is first asked for. */
static mw_session *session_of(rig *r, const char *key, bool shares)
{
    mw_session_options options = {.signature = key};

    for (size_t i = 0; i < r->n_users; i++)
        if (strcmp(r->users[i].key, key) == 0) return r->users[i].session;
    assert_true(r->n_users < MAX_SIGNATURES);
    if (shares && r->n_users > 0) options.share_with = r->users[0].session;
    r->users[r->n_users].key = key;
    assert_ok(r->ctx, mw_session_create(r->ctx, r->model, &options, &r->users[r->n_users].session));
    return r->users[r->n_users++].session;
}

/* What a call gives or expects for a tensor, by the signature's name of it. */
static const json_t *value_of(rig *r, const char *key, bool out, size_t index, const json_t *call)
{
    const char *name = NULL;

    for (size_t i = 0; mw_model_signature_key(r->model, i) != NULL; i++)
        if (strcmp(mw_model_signature_key(r->model, i), key) == 0)
            name = out ? mw_model_signature_output(r->model, i, index)
                       : mw_model_signature_input(r->model, i, index);
    assert_non_null(name);
    const json_t *const value = json_object_get(json_object_get(call, out ? "out" : "in"), name);
    assert_non_null(value);
    return value;
}

static void resize(rig *r, mw_session *s, const char *key, const json_t *call)
{
    mw_shape shapes[4] = {{0}};

    for (size_t i = 0; i < mw_session_n_inputs(s); i++) {
        const json_t *const dims = json_object_get(value_of(r, key, false, i, call), "shape");
        shapes[i].rank = (int32_t)json_array_size(dims);
        for (int32_t k = 0; k < shapes[i].rank; k++)
            shapes[i].dims[k] = (int32_t)json_integer_value(json_array_get(dims, (size_t)k));
    }
    assert_ok(r->ctx, mw_session_resize(r->ctx, s, shapes));
}

static void put(const mw_buffer *b, size_t i, const json_t *v)
{
    switch (b->info.dtype) {
    case MW_FLOAT32: ((float *)b->data)[i] = (float)json_number_value(v); break;
    case MW_INT32: ((int32_t *)b->data)[i] = (int32_t)json_integer_value(v); break;
    case MW_INT64: ((int64_t *)b->data)[i] = json_integer_value(v); break;
    case MW_STRING:
        ((mw_string *)b->data)[i] = (mw_string){json_string_value(v), json_string_length(v)};
        break;
    default: fail_msg("a type that the calls do not have");
    }
}

static bool is(const mw_buffer *b, size_t i, const json_t *v)
{
    const mw_string text = {json_string_value(v), json_string_length(v)};

    switch (b->info.dtype) {
    case MW_FLOAT32: return ((const float *)b->data)[i] == (float)json_number_value(v);
    case MW_BOOL: return ((const uint8_t *)b->data)[i] == json_is_true(v);
    case MW_INT64: return ((const int64_t *)b->data)[i] == json_integer_value(v);
    case MW_STRING: return mwi_strings_equal(&((const mw_string *)b->data)[i], &text);
    default: return false;
    }
}

/* Whether the call gives what LiteRT gave. */
static bool call_agrees(rig *r, const json_t *call, bool shares)
{
    const char *const key = json_string_value(json_object_get(call, "signature"));
    mw_session *const s = session_of(r, key, shares);
    bool same = true;
    mw_buffer b;

    resize(r, s, key, call);
    for (size_t i = 0; i < mw_session_n_inputs(s); i++) {
        const json_t *const v = json_object_get(value_of(r, key, false, i, call), "values");
        assert_ok(r->ctx, mw_session_input(r->ctx, s, i, &b));
        for (size_t k = 0; k < json_array_size(v); k++) put(&b, k, json_array_get(v, k));
    }
    assert_ok(r->ctx, mw_session_run(r->ctx, s));
    for (size_t i = 0; i < mw_session_n_outputs(s); i++) {
        const json_t *const v = json_object_get(value_of(r, key, true, i, call), "values");
        assert_ok(r->ctx, mw_session_output(r->ctx, s, i, &b));
        assert_int_equal(b.bytes * 8 / mw_dtype_bits(b.info.dtype), json_array_size(v));
        for (size_t k = 0; k < json_array_size(v); k++)
            same = same && is(&b, k, json_array_get(v, k));
    }
    return same;
}

static void open_rig(rig *r, const char *name, bool optimized)
{
    char path[4096];

    *r = (rig){.ctx = test_ctx()};
    (void)snprintf(path, sizeof path, "%s/tests/data/strings/%s.tflite", test_source_dir(), name);
    assert_ok(r->ctx, mw_model_load(r->ctx, path, NULL, &r->model));
    if (!optimized) return;
    mw_model *const before = r->model;
    assert_ok(r->ctx, mw_optimize(r->ctx, before, NULL, &r->model, NULL));
    mw_model_destroy(before);
}

/* The session that others share with goes first: resources live as long as any of them. */
static void close_rig(rig *r)
{
    for (size_t i = 0; i < r->n_users; i++) mw_session_destroy(r->users[i].session);
    mw_model_destroy(r->model);
    assert_int_equal(mw_ctx_memory_bytes(r->ctx), 0);
    mw_ctx_destroy(r->ctx);
}

static json_t *load_calls(void)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/tests/data/strings/expected.json", test_source_dir());
    json_t *const root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

static void calls_give_what_one_interpreter_gives(void **state)
{
    json_t *const root = load_calls();
    const char *name;
    json_t *calls;

    (void)state;
    json_object_foreach(root, name, calls)
    {
        for (int optimized = 0; optimized < 2; optimized++) {
            rig r;
            open_rig(&r, name, optimized != 0);
            for (size_t i = 0; i < json_array_size(calls); i++)
                if (!call_agrees(&r, json_array_get(calls, i), true))
                    fail_msg("%s: call %zu differs", name, i);
            assert_int_equal(mw_session_reset(r.ctx, r.users[r.n_users - 1].session), MW_OK);
            for (size_t i = 0; i < json_array_size(calls);
                 i++) /* all as at first, in all sessions */
                if (!call_agrees(&r, json_array_get(calls, i), true))
                    fail_msg("%s: after a reset call %zu differs", name, i);
            close_rig(&r);
        }
    }
    json_decref(root);
}

static void sessions_that_do_not_share_keep_apart(void **state)
{
    json_t *const root = load_calls(), *const calls = json_object_get(root, "counter");
    bool all = true;
    rig r;

    (void)state;
    open_rig(&r, "counter", false);
    for (size_t i = 0; i < json_array_size(calls); i++)
        all = call_agrees(&r, json_array_get(calls, i), false) && all;
    assert_false(all);
    close_rig(&r);
    json_decref(root);
}

static void only_sessions_of_one_model_share(void **state)
{
    mw_session *other = NULL;
    rig a, b;

    (void)state;
    open_rig(&a, "counter", false);
    open_rig(&b, "counter", false);
    const mw_session_options options = {.signature = "train",
                                        .share_with = session_of(&a, "infer", true)};
    assert_int_equal(mw_session_create(b.ctx, b.model, &options, &other), MW_EINVAL);
    assert_non_null(strstr(mw_ctx_error(b.ctx), "another model"));
    assert_null(other);
    close_rig(&b);
    close_rig(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_give_what_one_interpreter_gives),
        cmocka_unit_test(sessions_that_do_not_share_keep_apart),
        cmocka_unit_test(only_sessions_of_one_model_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
