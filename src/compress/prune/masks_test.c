/* compress/prune/masks_test.c - which weights become zero, by tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "compress/prune/masks.h"

#include <math.h>
#include <string.h>

enum { MAX_VALUES = 32 };

/* A matrix of `out` rows; `keep` has a character a weight: '#' stays, '.' goes. */
static const struct example {
    const char *name;
    mw_structure structure;
    double sparsity;
    int32_t out, in;
    float values[MAX_VALUES];
    const char *keep;
} examples[] = {
    {"half of them", MW_STRUCTURE_NONE, 0.5, 1, 4, {1, -4, 3, -2}, ".##."},
    {"the first of equal ones go", MW_STRUCTURE_NONE, 0.5, 1, 4, {2, 2, 2, 2}, "..##"},
    {"zeros first, whatever their sign", MW_STRUCTURE_NONE, 0.5, 1, 4, {-0.0F, 1, 0, 2}, ".#.#"},
    {"what stays is rounded", MW_STRUCTURE_NONE, 0.9, 1, 6, {1, 2, 3, 4, 5, 6}, ".....#"},
    {"one stays at least", MW_STRUCTURE_NONE, 0.99, 1, 3, {1, 3, 2}, ".#."},
    {"none", MW_STRUCTURE_NONE, 0, 1, 3, {1, 3, 0}, "###"},
    {"tiny differences count", MW_STRUCTURE_NONE, 0.5, 1, 2, {1.0000001F, 1}, "#."},
    {"2:4", MW_STRUCTURE_2_4, 0, 2, 4, {1, 2, 3, 4, -9, 8, -7, 6}, "..####.."},
    {"2:4, of equal ones the first stay", MW_STRUCTURE_2_4, 0, 1, 4, {5, 5, 5, 5}, "##.."},
    {"2:4, a shorter last group", MW_STRUCTURE_2_4, 0, 1, 7, {1, 2, 3, 4, 3, 1, 2}, "..###.#"},
    {"1:4", MW_STRUCTURE_1_4, 0, 1, 8, {1, 2, 3, 4, 8, 7, 6, 5}, "...##..."},
    {"1x4", MW_STRUCTURE_1X4, 0.5, 2, 4, {1, 1, 1, 1, 0, 0, 0, 5}, "....####"},
    {"1x4, a shorter last block", MW_STRUCTURE_1X4, 0.7, 1, 6, {1, 1, 1, 1, 2, 2}, "....##"},
    {"4x1", MW_STRUCTURE_4X1, 0.5, 4, 2, {1, 2, 1, 2, 1, 2, 1, 2}, ".#.#.#.#"},
    {"blocks never go over the sparsity",
     MW_STRUCTURE_1X4,
     0.4,
     1,
     8,
     {1, 1, 1, 1, 2, 2, 2, 2},
     "########"},
};

static void examples_keep_what_they_say(void **state)
{
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(examples); i++) {
        const struct example *const e = &examples[i];
        const mwi_weight_axes axes = {
            .rank = 2, .dims = {e->out, e->in}, .out_axis = 0, .in_axis = 1, .n = strlen(e->keep)};
        uint8_t keep[MAX_VALUES];
        mwi_mask m = {&axes, e->values, keep};
        assert_ok(ctx, mwi_masks_choose(ctx, mwi_structure_find((int32_t)e->structure), e->sparsity,
                                        false, &m, 1));
        for (size_t k = 0; k < axes.n; k++)
            if ((keep[k] != 0) != (e->keep[k] == '#'))
                fail_msg("%s: weight %zu is %s", e->name, k, keep[k] != 0 ? "kept" : "zero");
    }
    mw_ctx_destroy(ctx);
}

/* In a kernel [out, h, w, in] groups lie along the last axis at each place of the window; in one
 * [in, out] they lie across the rows. */
static void groups_follow_the_input_channels(void **state)
{
    mw_ctx *const ctx = test_ctx();
    static const float conv[16] = {4, 3, 2, 1, 1, 2, 3, 4, 9, 0, 9, 0, 0, 9, 0, 9};
    static const float across[8] = {1, 8, 2, 7, 3, 6, 4, 5};
    const mwi_weight_axes a = {
        .rank = 4, .dims = {2, 1, 2, 4}, .out_axis = 0, .in_axis = 3, .n = 16};
    const mwi_weight_axes b = {.rank = 2, .dims = {4, 2}, .out_axis = 1, .in_axis = 0, .n = 8};
    static const uint8_t want_a[16] = {1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0, 1};
    static const uint8_t want_b[8] = {0, 1, 0, 1, 1, 0, 1, 0};
    uint8_t keep[16];

    (void)state;
    mwi_mask m = {&a, conv, keep};
    assert_ok(ctx, mwi_masks_choose(ctx, mwi_structure_find(MW_STRUCTURE_2_4), 0, false, &m, 1));
    assert_memory_equal(keep, want_a, sizeof want_a);
    m = (mwi_mask){&b, across, keep};
    assert_ok(ctx, mwi_masks_choose(ctx, mwi_structure_find(MW_STRUCTURE_2_4), 0, false, &m, 1));
    assert_memory_equal(keep, want_b, sizeof want_b);
    mw_ctx_destroy(ctx);
}

static void a_global_threshold_is_one_for_all(void **state)
{
    mw_ctx *const ctx = test_ctx();
    static const float small[4] = {1, 2, 3, 4}, large[4] = {10, 20, 30, 40};
    const mwi_weight_axes a = {.rank = 2, .dims = {1, 4}, .out_axis = 0, .in_axis = 1, .n = 4};
    static const uint8_t none[4] = {0}, all[4] = {1, 1, 1, 1}, half[4] = {0, 0, 1, 1};
    uint8_t keep[2][4];
    mwi_mask m[2] = {{&a, small, keep[0]}, {&a, large, keep[1]}};

    (void)state;
    assert_ok(ctx, mwi_masks_choose(ctx, mwi_structure_find(MW_STRUCTURE_NONE), 0.5, true, m, 2));
    assert_memory_equal(keep[0], none, sizeof none);
    assert_memory_equal(keep[1], all, sizeof all);
    assert_ok(ctx, mwi_masks_choose(ctx, mwi_structure_find(MW_STRUCTURE_NONE), 0.5, false, m, 2));
    assert_memory_equal(keep[0], half, sizeof half);
    assert_memory_equal(keep[1], half, sizeof half);
    mw_ctx_destroy(ctx);
}

/* The rows' numbers are those of the public enum, and each can be asked for. */
static void schedules_end_at_the_sparsity(void **state)
{
    const mw_prune_options o = {.sparsity = 0.8, .initial_sparsity = 0.2, .power = 2};

    (void)state;
    for (const mwi_prune_schedule_desc *s = mwi_prune_schedules; s->name != NULL; s++) {
        assert_ptr_equal(mwi_prune_schedule_find((int32_t)s->schedule), s);
        assert_true(fabs(s->at(&o, 1) - 0.8) < 1e-12);
    }
    const mwi_prune_schedule_desc *const p = mwi_prune_schedule_find(MW_PRUNE_POLYNOMIAL);
    assert_true(fabs(p->at(&o, 0) - 0.2) < 1e-12);
    assert_true(fabs(p->at(&o, 0.5) - (0.8 - 0.6 * 0.25)) < 1e-12);
    assert_null(mwi_prune_schedule_find(99));
    assert_null(mwi_structure_find(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_keep_what_they_say),
        cmocka_unit_test(groups_follow_the_input_channels),
        cmocka_unit_test(a_global_threshold_is_one_for_all),
        cmocka_unit_test(schedules_end_at_the_sparsity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
