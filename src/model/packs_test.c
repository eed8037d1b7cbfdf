/* model/packs_test.c - packs are made once for each key, from several threads too, and not at all
 * when memory is gone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/packs.h"
#include "support.h"

#include "model/op_desc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { N_KEYS = 500, BYTES = 48 };

typedef struct counted {
    _Atomic int *calls;
    uint8_t byte;
} counted;

static void fill(const void *arg, void *out)
{
    const counted *const c = arg;
    atomic_fetch_add(c->calls, 1);
    memset(out, c->byte, BYTES);
}

static const char constants[2] = {0};

/* Key i: every part of a key differs somewhere. */
static mwi_pack_key key_of(int i)
{
    return (mwi_pack_key){.kind = i % 2 == 0 ? "even" : "odd",
                          .tensor = &constants[i / 2 % 2],
                          .data = i / 4 % 2 == 0 ? NULL : &constants[1],
                          .p0 = i / 8 % 8,
                          .p1 = i / 64,
                          .bytes = BYTES};
}

static void check_all(mw_ctx *ctx, mwi_packs *packs, _Atomic int *calls)
{
    for (int i = 0; i < N_KEYS; i++) {
        const mwi_pack_key key = key_of(i);
        const counted c = {calls, (uint8_t)i};
        const void *got = NULL;
        assert_ok(ctx, mwi_packs_get(ctx, packs, &key, fill, &c, &got));
        assert_int_equal((uintptr_t)got % 64, 0);
        for (int k = 0; k < BYTES; k++) assert_int_equal(((const uint8_t *)got)[k], (uint8_t)i);
    }
}

static void each_key_is_filled_once(void **state)
{
    mw_ctx *const ctx = test_ctx();
    _Atomic int calls = 0;
    mwi_packs *packs;

    (void)state;
    assert_ok(ctx, mwi_packs_create(ctx, &packs));
    assert_int_equal(mwi_packs_bytes(packs), 0);
    check_all(ctx, packs, &calls);
    check_all(ctx, packs, &calls);
    assert_int_equal(calls, N_KEYS);
    assert_int_equal(mwi_packs_bytes(packs), N_KEYS * BYTES);
    mwi_packs_destroy(packs);
    mwi_packs_destroy(NULL);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

typedef struct worker {
    mwi_packs *packs;
    _Atomic int *calls;
} worker;

static void *work(void *arg)
{
    const worker *const w = arg;
    mw_ctx *const ctx = test_ctx();
    check_all(ctx, w->packs, w->calls);
    mw_ctx_destroy(ctx);
    return NULL;
}

static void threads_share_packs(void **state)
{
    mw_ctx *const ctx = test_ctx();
    _Atomic int calls = 0;
    mwi_packs *packs;
    pthread_t threads[3];

    (void)state;
    assert_ok(ctx, mwi_packs_create(ctx, &packs));
    worker w = {packs, &calls};
    for (size_t i = 0; i < MWI_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &w), 0);
    for (size_t i = 0; i < MWI_COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(calls, N_KEYS);
    mwi_packs_destroy(packs);
    mw_ctx_destroy(ctx);
}

static void a_pack_needs_memory(void **state)
{
    mw_ctx *ctx;
    _Atomic int calls = 0;
    mwi_packs *packs;
    const void *got = NULL;
    mwi_pack_key key = key_of(0);

    (void)state;
    assert_int_equal(mw_ctx_create(&(mw_ctx_options){.limits.max_memory_bytes = 1 << 16}, &ctx),
                     MW_OK);
    assert_ok(ctx, mwi_packs_create(ctx, &packs));
    key.bytes = 1 << 20;
    assert_int_equal(mwi_packs_get(ctx, packs, &key, fill, &(counted){&calls, 1}, &got), MW_ELIMIT);
    assert_int_equal(calls, 0);
    assert_int_equal(mwi_packs_bytes(packs), 0);
    mw_ctx_clear(ctx);
    key.bytes = BYTES; /* and the lock is free again */
    assert_ok(ctx, mwi_packs_get(ctx, packs, &key, fill, &(counted){&calls, 1}, &got));
    mwi_packs_destroy(packs);
    mw_ctx_destroy(ctx);
}

/* What a plan alone knows (a value folded at its shapes) is packed for that plan. */
static void only_fixed_constants_are_shared(void **state)
{
    mw_ctx *const ctx = test_ctx();
    _Atomic int calls = 0;
    const counted c = {&calls, 7};
    const mwi_tensor tensor = {.data = constants};
    mwi_view view = {.tensor = &tensor, .data = (void *)(uintptr_t)constants, .fixed = true};
    mwi_packs *packs;
    mwi_arena arena;
    const void *a, *b;

    (void)state;
    mwi_arena_init(ctx, &arena);
    assert_ok(ctx, mwi_packs_create(ctx, &packs));
    mwi_prepare_call call = {.arena = &arena, .packs = packs};
    assert_ok(ctx, mwi_pack(ctx, &call, "even", &view, 0, 0, BYTES, fill, &c, &a));
    assert_ok(ctx, mwi_pack(ctx, &call, "even", &view, 0, 0, BYTES, fill, &c, &b));
    assert_ptr_equal(a, b);
    view.fixed = false;
    assert_ok(ctx, mwi_pack(ctx, &call, "even", &view, 0, 0, BYTES, fill, &c, &b));
    assert_ptr_not_equal(a, b);
    view.fixed = true;
    call.packs = NULL;
    assert_ok(ctx, mwi_pack(ctx, &call, "even", &view, 0, 0, BYTES, fill, &c, &b));
    assert_ptr_not_equal(a, b);
    assert_int_equal(calls, 3);
    mwi_packs_destroy(packs);
    mwi_arena_deinit(&arena);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_filled_once),
        cmocka_unit_test(threads_share_packs),
        cmocka_unit_test(a_pack_needs_memory),
        cmocka_unit_test(only_fixed_constants_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
