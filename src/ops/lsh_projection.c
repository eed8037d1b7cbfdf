/* ops/lsh_projection.c - LSH_PROJECTION: bits by locality sensitive hashing. For each seed (input
 * 0, [functions, bits]) the sign of the sum over the items of input 1 (its first dimension) of a
 * hash of seed and item, weighted by input 2. Dense: a value a bit; sparse: a number a function.
 * Depends: base/fingerprint, model/strings, ops/subgraph.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/checked.h"
#include "base/fingerprint.h"
#include "model/strings.h"
#include "ops/shapes.h"
#include "ops/subgraph.h"

enum { SPARSE = 1, DENSE = 2, MAX_BITS = 32 };

typedef struct attr {
    int32_t type;
} attr;

static const char *const names[] = {"UNKNOWN", "SPARSE", "DENSE"};
static const mwi_field fields[] = {
    {"type", offsetof(attr, type), MWI_FIELD_ENUM, 0, 0, 0, 2, names},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const seeds = &call->in[0], *const items = &call->in[1];
    const bool dense = ((const attr *)call->attr)->type == DENSE;

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, 2));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, MW_MAX_RANK));
    if (((const attr *)call->attr)->type == 0)
        return mwi_fail(ctx, MW_EFORMAT, "type is UNKNOWN, allowed SPARSE and DENSE");
    if (seeds->dims[1] > MAX_BITS)
        return mwi_fail(ctx, MW_EFORMAT, "%d bits a function, allowed up to %d", seeds->dims[1],
                        MAX_BITS);
    if (items->dims[0] < 1) return mwi_fail(ctx, MW_EFORMAT, "input 1 has no items");
    if (call->n_in > 2 && call->in[2].tensor != NULL) {
        MWI_TRY(mwi_need_input(ctx, call, 2, 1, 1));
        if (call->in[2].dims[0] != items->dims[0])
            return mwi_fail(ctx, MW_EFORMAT, "%d weights for %d items", call->in[2].dims[0],
                            items->dims[0]);
    }
    if (dense && seeds->dims[0] > INT32_MAX / MAX_BITS)
        return mwi_fail(ctx, MW_ELIMIT, "%d functions", seeds->dims[0]);
    const int32_t n = seeds->dims[0] * (dense ? seeds->dims[1] : 1);
    mwi_view_set_dims(&call->out[0], 1, &n);
    return MW_OK;
}

/* What is hashed: `item_bytes` from each of n items that follow each other, behind a seed. */
typedef struct source {
    const uint8_t *items;
    size_t n, item_bytes;
    uint8_t *key;         /* seed and item */
    const float *weights; /* NULL: all are 1 */
} source;

/* Of strings LiteRT hashes the buffer that holds them in a file, cut into as many pieces as there
 * are strings. */
static mw_status begin(mw_ctx *ctx, const mwi_run_call *call, source *s, void **own, size_t *bytes)
{
    const mwi_view *const v = &call->in[1];
    const size_t n_strings = v->dtype == MW_STRING ? mwi_view_count(v) : 0;
    size_t packed = 0;
    void *memory;

    if (v->dtype == MW_STRING && !mwi_strings_packed_bytes(v->data, n_strings, &packed))
        return mwi_fail(ctx, MW_ELIMIT, "strings of more than %d bytes", INT32_MAX);
    s->n = (size_t)v->dims[0];
    s->item_bytes = (v->dtype == MW_STRING ? packed : v->bytes) / s->n;
    if (!mwi_add(sizeof(float) + s->item_bytes, packed, bytes))
        return mwi_fail(ctx, MW_ELIMIT, "items of %zu bytes", s->item_bytes);
    MWI_TRY(mwi_host_scratch(ctx, call->host, *bytes, &memory, own));
    s->key = memory;
    s->items = v->data;
    if (v->dtype == MW_STRING) {
        s->items = s->key + sizeof(float) + s->item_bytes;
        mwi_strings_pack(v->data, n_strings, s->key + sizeof(float) + s->item_bytes);
    }
    s->weights = call->n_in > 2 && call->in[2].tensor != NULL ? call->in[2].data : NULL;
    return MW_OK;
}

static int32_t sign_bit(const source *s, float seed)
{
    double score = 0;

    memcpy(s->key, &seed, sizeof seed);
    for (size_t i = 0; i < s->n; i++) {
        if (s->item_bytes > 0)
            memcpy(s->key + sizeof seed, s->items + i * s->item_bytes, s->item_bytes);
        const double value =
            (double)(int64_t)mwi_fingerprint64(s->key, sizeof seed + s->item_bytes);
        score += s->weights == NULL ? value : (double)s->weights[i] * value;
    }
    return score > 0;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const seeds = &call->in[0];
    const bool dense = ((const attr *)call->attr)->type == DENSE;
    const size_t n_bits = (size_t)seeds->dims[1];
    int32_t *out = call->out[0].data;
    source s;
    void *own;
    size_t bytes;

    MWI_TRY(begin(ctx, call, &s, &own, &bytes));
    for (size_t f = 0; f < (size_t)seeds->dims[0]; f++) {
        uint32_t number = 0;
        for (size_t b = 0; b < n_bits; b++) {
            const int32_t bit = sign_bit(&s, ((const float *)seeds->data)[f * n_bits + b]);
            number = number << 1 | (uint32_t)bit;
            if (dense) *out++ = bit;
        }
        /* Numbers of different functions differ while they fit into 32 bits. */
        if (!dense) *out++ = (int32_t)(number + (uint32_t)((uint64_t)f << n_bits));
    }
    mwi_free(ctx, own, bytes);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_lsh_projection__ref", .types = "f32,*|str,f32?>i32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_lsh_projection = {
    .name = "LSH_PROJECTION",
    .tflite_code = 15,
    .options_type = 4,
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
