/* ops/signal_refuse_test.c - what TFLite Micro's signal operators must refuse: shapes, attributes,
 * options and indices that do not fit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"
#include "ops/flex.h"
#include "support.h"

#include <string.h>

static void shapes_and_attributes(void **state)
{
    static const op_case cases[] = {
        {"SignalDelay delay_length=2147483647: i16[2147483647,1]? > i16", "would pass the limit"},
        {"SignalDelay delay_length=1: i16[3,0] > i16", "no values in its last dimension"},
        {"SignalEnergy end_index=4: i16[6] > u32", "bins 0 to 4 of 3"},
        {"SignalEnergy start_index=2 end_index=1: i16[6] > u32", "bins 2 to 1 of 3"},
        {"SignalEnergy: i16[5] > u32", "not pairs"},
        {"SignalFftAutoScale: i16[2,2] > i16 i32", "rank 2"},
        {"SignalFilterBank num_channels=3: u32[4] i16[4] i16[4] i16[4] i16[4] i16[3] > u64",
         "input 5 has 3 values, needed are 4"},
        {"SignalFilterBank num_channels=1: u32[4] i16[4] i16[4] i16[2]=0,0 i16[2]=0,0 i16[2]=4,5 > "
         "u64",
         "channel 1: 5 bins"},
        {"SignalFilterBank num_channels=1: u32[4] i16[4] i16[4] i16[2]=-1,0 i16[2]=0,0 i16[2]=1,1 "
         "> u64",
         "channel 0: 1 bins from -1"},
        {"SignalFilterBank num_channels=1: u32[4] i16[9] i16[4] i16[2]=0,0 i16[2]=0,4 i16[2]=1,1 > "
         "u64",
         "channel 1: 1 bins"},
        {"SignalFilterBankLog input_correction_bits=32: u32[4] > i16", "input_correction_bits"},
        {"SignalFilterBankSquareRoot: u64[4] i32[]=32 > u32", "32 bits"},
        {"SignalFilterBankSpectralSubtraction num_channels=3: u32[4] > u32 u32", "needed are 3"},
        {"SignalFramer frame_size=4 frame_step=3: i16[4] > i16 bool", "steps of 3"},
        {"SignalFramer frame_size=4 frame_step=5 prefill=1: i16[5] > i16 bool",
         "larger than the 4"},
        {"SignalIrfft fft_length=8: i16[8] > i16", "needed are 5 pairs"},
        {"SignalIrfft fft_length=14: i16[16] > i16", "product of 2, 3 and 5"},
        {"SignalOverlapAdd frame_step=3: i16[1,2] > i16", "steps of 3"},
        {"SignalPCAN snr_shift=2: u32[4] u32[4] i16[124] > u32", "needed are 125"},
        {"SignalPCAN snr_shift=2: u32[4] u32[3] i16[125] > u32", "needed are 4"},
        {"SignalRfft fft_length=8: f32[9] > f32", "allowed 8"},
        {"SignalRfft fft_length=22: f32[9] > f32", "product of 2, 3 and 5"},
        {"SignalRfft fft_length=9: f32[9] > f32", "product of 2, 3 and 5"},
        {"SignalStacker num_channels=2 stacker_step=2: i16[2] > i16 bool", "a step of 2"},
        {"SignalStacker num_channels=2: i16[3] > i16 bool", "needed are 2"},
        {"SignalWindow: i16[2,3] i16[2] > i16", "needed are 3"},
    };
    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

/* {"b": 7, "c": true} as flexbuffers writes it. */
static const uint8_t map[] = {'b', 0, 'c', 0, 2, 5, 4, 2, 1, 2, 7, 1, 0x04, 0x68, 4, 0x24, 1};

typedef struct pair {
    int32_t b, other;
    bool c;
} pair;

static mw_status read_pair(mw_ctx *ctx, const uint8_t *bytes, size_t n, double most, pair *out)
{
    const mwi_field fields[] = {
        {"b", offsetof(pair, b), MWI_FIELD_I32, -1, 0, 0, most, NULL},
        {"c", offsetof(pair, c), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
        {"other", offsetof(pair, other), MWI_FIELD_I32, -1, 3, 0, 9, NULL},
        MWI_FIELDS_END,
    };
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static void options_by_name(void **state)
{
    mw_ctx *const ctx = test_ctx();
    pair p = {0};

    (void)state;
    assert_ok(ctx, read_pair(ctx, map, sizeof map, 10, &p));
    assert_int_equal(p.b, 7);
    assert_true(p.c);
    assert_int_equal(p.other, 3);
    assert_int_equal(read_pair(ctx, map, sizeof map, 6, &p), MW_EFORMAT);
    assert_non_null(strstr(mw_ctx_error(ctx), "b is 7"));
    mw_ctx_destroy(ctx);
}

/* Each byte changed to any value, and each length: read or refused. */
static void hostile_options(void **state)
{
    mw_ctx *const ctx = test_ctx();
    uint8_t bytes[sizeof map];
    size_t refused = 0;
    pair p = {0};

    (void)state;
    for (size_t n = 0; n < sizeof map; n++) {
        const uint8_t *const end = map + sizeof map - n;
        refused += read_pair(ctx, end, n, 10, &p) != MW_OK;
    }
    for (size_t i = 0; i < sizeof map; i++)
        for (int v = 0; v < 256; v++) {
            memcpy(bytes, map, sizeof map);
            bytes[i] = (uint8_t)v;
            refused += read_pair(ctx, bytes, sizeof bytes, 10, &p) != MW_OK;
        }
    assert_true(refused > sizeof map);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_attributes),
        cmocka_unit_test(options_by_name),
        cmocka_unit_test(hostile_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
