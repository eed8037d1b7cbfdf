/* train/augment_test.c - images that are moved, turned, mirrored; the same for a seed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "train/augment.h"

#include <math.h>
#include <string.h>

enum { H = 5, W = 7, C = 2, N = H * W * C };
static const mwi_image_shape shape = {H, W, C};

static void fill(float *v)
{
    for (int i = 0; i < N; i++) v[i] = (float)(i * i % 31);
}

static void a_flip_is_exact(void **state)
{
    const mw_augment a = {.flip = true};
    float in[N], out[N];
    int flipped = 0;

    (void)state;
    fill(in);
    for (uint64_t sample = 0; sample < 200; sample++) {
        mwi_augment_image(&a, 1, 0, sample, &shape, in, out);
        const bool same = memcmp(in, out, sizeof in) == 0;
        flipped += !same;
        for (int y = 0; y < H && !same; y++)
            for (int x = 0; x < W; x++)
                for (int c = 0; c < C; c++)
                    assert_true(fabsf(out[(y * W + x) * C + c] - in[(y * W + W - 1 - x) * C + c]) <
                                1e-5f);
    }
    assert_in_range(flipped, 70, 130);
}

/* A picture that is its coordinates tells where each pixel came from. */
static void images_move_within_their_limits(void **state)
{
    enum { S = 21 };
    static const mwi_image_shape square = {S, S, 2};
    const mw_augment a = {.shift = 0.1};
    float in[S * S * 2], out[S * S * 2];
    double least = 9, most = -9;

    (void)state;
    for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++)
            in[(y * S + x) * 2] = (float)x, in[(y * S + x) * 2 + 1] = (float)y;
    for (uint64_t sample = 0; sample < 300; sample++) {
        mwi_augment_image(&a, 1, 2, sample, &square, in, out);
        const size_t middle = (10 * S + 10) * 2;
        const double dx = (double)out[middle] - 10, dy = (double)out[middle + 1] - 10;
        assert_true(fabs(dx) <= 2.1001 && fabs(dy) <= 2.1001);
        least = fmin(least, dx);
        most = fmax(most, dx);
        /* What is left of the image is its edge. */
        if (dx < 0) assert_true(out[(10 * S) * 2] == 0);
    }
    assert_true(least < -1.9 && most > 1.9);
}

static void turning_keeps_the_middle(void **state)
{
    enum { S = 9 };
    static const mwi_image_shape square = {S, S, 1};
    const mw_augment a = {.rotate = 90, .zoom = 0.2};
    float in[S * S] = {0}, out[S * S];

    (void)state;
    in[4 * S + 4] = 1;
    for (uint64_t sample = 0; sample < 50; sample++) {
        mwi_augment_image(&a, 3, 0, sample, &square, in, out);
        assert_true(fabsf(out[4 * S + 4] - 1) < 1e-5f);
    }
}

static void draws_follow_seed_epoch_and_sample(void **state)
{
    const mw_augment a = {.shift = 0.2, .noise = 0.5};
    float in[N], out[4][N], again[N];

    (void)state;
    fill(in);
    mwi_augment_image(&a, 1, 0, 0, &shape, in, out[0]);
    mwi_augment_image(&a, 2, 0, 0, &shape, in, out[1]);
    mwi_augment_image(&a, 1, 1, 0, &shape, in, out[2]);
    mwi_augment_image(&a, 1, 0, 1, &shape, in, out[3]);
    mwi_augment_image(&a, 1, 0, 0, &shape, in, again);
    assert_memory_equal(out[0], again, sizeof again);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++) assert_memory_not_equal(out[i], out[k], sizeof again);
}

static void noise_has_its_deviation(void **state)
{
    const mw_augment a = {.noise = 0.25};
    float in[N] = {0}, out[N];
    double sum = 0, square = 0;

    (void)state;
    for (uint64_t sample = 0; sample < 1000; sample++) {
        mwi_augment_image(&a, 1, 0, sample, &shape, in, out);
        for (int i = 0; i < N; i++) {
            sum += (double)out[i];
            square += (double)out[i] * (double)out[i];
        }
    }
    assert_true(fabs(sum / (1000 * N)) < 0.005);
    assert_true(fabs(sqrt(square / (1000 * N)) - 0.25) < 0.005);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flip_is_exact),
        cmocka_unit_test(images_move_within_their_limits),
        cmocka_unit_test(turning_keeps_the_middle),
        cmocka_unit_test(draws_follow_seed_epoch_and_sample),
        cmocka_unit_test(noise_has_its_deviation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
