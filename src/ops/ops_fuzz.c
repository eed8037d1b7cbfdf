/* ops/ops_fuzz.c - one operator with operands, types, constants and attributes of the fuzzer's
 * choice: whatever passes the verifier is refused with a message or run to the end, inside its
 * buffers. Input: the row's number (two bytes), then decisions; a hash of the input goes on where
 * they end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/strings.h"
#include "ops/registry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct source {
    const uint8_t *data;
    size_t size, at;
    uint64_t state;
} source;

static uint64_t next(source *s)
{
    if (s->at < s->size) return s->data[s->at++];
    s->state = s->state * 6364136223846793005u + 1442695040888963407u;
    return s->state >> 33;
}

static uint64_t below(source *s, uint64_t n) { return next(s) % n; }

static int64_t odd_integer(source *s)
{
    static const int64_t odd[] = {INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX, -1,    0,
                                  1,         2,         255,       -128,      65536, INT32_MIN + 1};
    switch (below(s, 4)) {
    case 0: return odd[below(s, sizeof odd / sizeof *odd)];
    case 1: return (int64_t)below(s, 12) - 4;
    default: return (int64_t)below(s, 4);
    }
}

static double odd_float(source *s)
{
    static const double odd[] = {0,
                                 -0.0,
                                 1,
                                 -1,
                                 0.5,
                                 6,
                                 1e-40,
                                 1e30,
                                 -1e30,
                                 3e38,
                                 (double)__builtin_inff(),
                                 -(double)__builtin_inff(),
                                 (double)__builtin_nanf("")};
    return below(s, 2) == 0 ? odd[below(s, sizeof odd / sizeof *odd)]
                            : ((double)below(s, 256) - 128) / 16;
}

static void fill(source *s, mw_dtype dtype, size_t n, void *out)
{
    for (size_t i = 0; i < n; i++) {
        switch (dtype) {
        case MW_FLOAT32: ((float *)out)[i] = (float)odd_float(s); break;
        case MW_FLOAT64: ((double *)out)[i] = odd_float(s); break;
        case MW_INT32:
        case MW_UINT32: ((int32_t *)out)[i] = (int32_t)odd_integer(s); break;
        case MW_INT64:
        case MW_UINT64: ((int64_t *)out)[i] = odd_integer(s); break;
        case MW_INT16:
            ((int16_t *)out)[i] =
                (int16_t)(below(s, 2) == 0 ? odd_integer(s) : (int64_t)(next(s) * 257));
            break;
        case MW_FLOAT16:
        case MW_BFLOAT16:
        case MW_UINT16: ((uint16_t *)out)[i] = (uint16_t)(next(s) * 257); break;
        case MW_BOOL: ((uint8_t *)out)[i] = (uint8_t)below(s, 2); break;
        default: ((uint8_t *)out)[i] = (uint8_t)next(s); break;
        }
    }
}

/* ---- types: mostly as a kernel wants them ---- */

static mw_dtype any_type(source *s)
{
    static const mw_dtype types[] = {MW_FLOAT32, MW_INT8, MW_UINT8, MW_INT16, MW_INT32,
                                     MW_INT64,   MW_BOOL, MW_INT4,  MW_STRING};
    return types[below(s, sizeof types / sizeof *types)];
}

/* The i-th operand of a list of types; `out`: of the side behind '>'. */
static mw_dtype listed_type(source *s, const char *types, bool out, size_t i, const mw_dtype *in)
{
    const char *at = types, *pick = NULL;
    mw_dtype dtype;
    size_t n = 0;

    if (out) at = strchr(types, '>') + 1;
    for (; i > 0 && strchr(at, ',') != NULL && (out || strchr(at, ',') < strchr(types, '>')); i--)
        at = strchr(at, ',') + 1;
    for (size_t k = 1;; k++) { /* one of the alternatives */
        const size_t len = strcspn(at, "|,>?+");
        if (below(s, k) == 0) pick = at, n = len;
        if (at[len] != '|') break;
        at += len + 1;
    }
    if (*pick == '=') return in[n > 1 ? pick[1] - '0' : 0];
    return mwi_dtype_from_short(pick, n, &dtype) ? dtype : any_type(s);
}

/* ---- operands ---- */

typedef struct maker {
    source *s;
    mw_ctx *ctx;
    mw_model *model;
    mwi_graph *graph;
} maker;

static const mwi_quant *quantization(maker *m, const mwi_tensor *t)
{
    static const float scales[] = {0.5f, 0.007f, 1.0f / 256, 1.0f / 32768, 1e-9f, 1e9f, 3.0f, 0.0f};
    const mwi_quant *q = NULL;
    const int64_t zero =
        t->dtype == MW_INT16 || t->dtype == MW_INT32 ? 0 : (int64_t)below(m->s, 100);

    if (mwi_quant_per_tensor(m->ctx, m->model, scales[below(m->s, 8)], zero, &q) != MW_OK)
        return NULL;
    if (below(m->s, 6) != 0 || t->rank == 0) return q;
    const int32_t axis = (int32_t)below(m->s, (uint64_t)t->rank);
    const size_t n = (size_t)t->dims[axis];
    void *many, *scale, *zeros;
    if (mwi_arena_array(m->ctx, &m->model->arena, 1, sizeof(mwi_quant), &many) != MW_OK ||
        mwi_arena_array(m->ctx, &m->model->arena, n, sizeof(float), &scale) != MW_OK ||
        mwi_arena_array(m->ctx, &m->model->arena, n, sizeof(int64_t), &zeros) != MW_OK)
        return q;
    for (size_t i = 0; i < n; i++) ((float *)scale)[i] = scales[below(m->s, 8)];
    mwi_quant *const out = many;
    *out = *q;
    out->q.n_scales = n;
    out->q.scales = scale;
    out->q.zero_points = zeros;
    out->q.axis = axis;
    return out;
}

/* A constant of strings in a block of its own, as a file holds it: mostly sound. */
static bool strings(maker *m, mwi_tensor *t, size_t n)
{
    static const char *const texts[] = {"", "a", " a  b c d e f", "two words", "\t", "x\0y"};
    mw_string all[4096];

    if (n > MWI_COUNT(all)) return false;
    for (size_t i = 0; i < n; i++) {
        const char *const text = texts[below(m->s, MWI_COUNT(texts))];
        all[i] = (mw_string){text, strlen(text)};
    }
    if (!mwi_strings_packed_bytes(all, n, &t->bytes)) return false;
    uint8_t *const memory = malloc(t->bytes);
    if (memory == NULL) abort();
    mwi_strings_pack(all, n, memory);
    if (below(m->s, 16) == 0) memory[below(m->s, t->bytes)] = (uint8_t)next(m->s);
    t->data = memory;
    return true;
}

static bool operand(maker *m, mw_dtype dtype, const mwi_tensor *like, bool with_data,
                    int32_t *index)
{
    mwi_tensor *t;
    size_t bytes, n;
    void *memory;

    if (mwi_graph_add_tensor(m->ctx, m->model, m->graph, "t", &t, index) != MW_OK) return false;
    t->dtype = dtype;
    t->has_rank = true;
    if (like != NULL && below(m->s, 3) != 0) {
        t->rank = like->rank;
        memcpy(t->dims, like->dims, sizeof t->dims);
    } else {
        t->rank = (int32_t)(below(m->s, 8) == 0 ? below(m->s, 9) : below(m->s, 5));
        for (int32_t i = 0; i < t->rank; i++)
            t->dims[i] = (int32_t)(below(m->s, 30) == 0 ? 0 : 1 + below(m->s, 4));
    }
    memcpy(t->signature, t->dims, sizeof t->dims);
    if (below(m->s, 8) != 0 && dtype != MW_FLOAT32 && dtype != MW_BOOL)
        t->quant = quantization(m, t);
    if (!with_data) return true;
    if (!mwi_dims_bytes(dtype, t->rank, t->dims, &bytes) || !mwi_dims_count(t->rank, t->dims, &n) ||
        bytes > 1 << 20)
        return false;
    if (dtype == MW_STRING) return strings(m, t, n);
    memory =
        malloc(bytes == 0 ? 1 : bytes); /* a block of its own, so that a sanitizer sees its ends */
    if (memory == NULL) abort();
    fill(m->s, dtype, mw_dtype_bits(dtype) < 8 ? bytes : n, memory);
    t->data = memory;
    t->bytes = bytes;
    return true;
}

static bool attributes(maker *m, const mwi_op *op)
{
    for (const mwi_field *f = op->desc->fields; f != NULL && f->kind != MWI_FIELD_END; f++) {
        char *const at = (char *)op->attr + f->offset;
        const bool ranged = f->min <= f->max;
        int64_t v = odd_integer(m->s);
        if (ranged && f->max - f->min < 100)
            v = (int64_t)f->min + (int64_t)below(m->s, (uint64_t)(f->max - f->min) + 1);
        void *list;
        const size_t n = below(m->s, 5);
        switch (f->kind) {
        case MWI_FIELD_I32:
        case MWI_FIELD_ENUM: *(int32_t *)(void *)at = (int32_t)v; break;
        case MWI_FIELD_I64: *(int64_t *)(void *)at = v; break;
        case MWI_FIELD_F32: *(float *)(void *)at = (float)odd_float(m->s); break;
        case MWI_FIELD_BOOL: *(bool *)at = (v & 1) != 0; break;
        case MWI_FIELD_I32S:
            if (mwi_arena_array(m->ctx, &m->model->arena, n, sizeof(int32_t), &list) != MW_OK)
                return false;
            fill(m->s, MW_INT32, n, list);
            *(mwi_i32s *)(void *)at = (mwi_i32s){n, list};
            break;
        case MWI_FIELD_F32S:
            if (mwi_arena_array(m->ctx, &m->model->arena, n, sizeof(float), &list) != MW_OK)
                return false;
            fill(m->s, MW_FLOAT32, n, list);
            *(mwi_f32s *)(void *)at = (mwi_f32s){n, list};
            break;
        case MWI_FIELD_I64S:
            if (mwi_arena_array(m->ctx, &m->model->arena, n, sizeof(int64_t), &list) != MW_OK)
                return false;
            fill(m->s, MW_INT64, n, list);
            *(mwi_i64s *)(void *)at = (mwi_i64s){n, list};
            break;
        default: break;
        }
    }
    return true;
}

static size_t some(source *s, int8_t least, int8_t most)
{
    const size_t low = least < 0 ? 0 : (size_t)least, high = most < 0 ? low + 3 : (size_t)most;
    return low + below(s, high - low + 1);
}

static bool build(maker *m, const mwi_op_desc *desc, mwi_op **out)
{
    const size_t n_in = some(m->s, desc->min_in, desc->max_in),
                 n_out = some(m->s, desc->min_out, desc->max_out);
    const char *types = "*>*";
    mw_dtype in[64] = {MW_FLOAT32};
    size_t n_kernels = 0;
    mwi_op *op;

    while (desc->kernels != NULL && desc->kernels[n_kernels].name != NULL) n_kernels++;
    if (n_kernels > 0) types = desc->kernels[below(m->s, n_kernels)].types;
    if (n_in > 64 ||
        mwi_graph_add_op(m->ctx, m->model, m->graph, 0, desc, n_in, n_out, &op) != MW_OK)
        return false;
    for (size_t i = 0; i < n_in; i++) {
        if (below(m->s, 40) == 0) continue; /* left out */
        in[i] = below(m->s, 30) == 0 ? any_type(m->s) : listed_type(m->s, types, false, i, in);
        const mwi_tensor *const like =
            i > 0 && op->in[0] >= 0 ? m->graph->tensors[op->in[0]] : NULL;
        if (!operand(m, in[i], like, true, &op->in[i])) return false;
    }
    for (size_t i = 0; i < n_out; i++) {
        const mw_dtype dtype =
            below(m->s, 30) == 0 ? any_type(m->s) : listed_type(m->s, types, true, i, in);
        if (!operand(m, dtype, NULL, false, &op->out[i])) return false;
    }
    *out = op;
    return attributes(m, op);
}

static void run(maker *m, const mwi_op_desc *desc)
{
    mwi_arena arena;
    mwi_shape_call call;
    mwi_op *op;

    if (!build(m, desc, &op) || mwi_model_verify(m->ctx, m->model) != MW_OK) return;
    mwi_arena_init(m->ctx, &arena);
    mw_status st = mwi_op_views(m->ctx, m->graph, op, &arena, &call);
    const uint64_t hidden = next(m->s); /* shapes first without some of the data */
    mwi_view *const in = (mwi_view *)(uintptr_t)call.in;
    for (size_t i = 0; i < call.n_in && st == MW_OK; i++)
        if ((hidden >> i & 1) != 0) in[i].data = NULL;
    if (st == MW_OK && mwi_op_infer(m->ctx, &call) != MW_OK) mw_ctx_clear(m->ctx);
    if (st == MW_OK) st = mwi_op_views(m->ctx, m->graph, op, &arena, &call);
    if (st == MW_OK && mwi_op_eval(m->ctx, &call, &arena) == MW_OK && desc->macs != NULL)
        (void)desc->macs(&call);
    if (st == MW_OK && desc->version != NULL) (void)desc->version(&call);
    mwi_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mw_ctx_options options = {.limits = {.max_memory_bytes = 64 << 20}};
    source s = {.data = data, .size = size, .state = 0x9e3779b97f4a7c15u};
    maker m = {.s = &s};
    size_t n_rows = 0;

    while (mwi_ops[n_rows] != NULL) n_rows++;
    for (size_t i = 0; i < size; i++) s.state = (s.state ^ data[i]) * 0x100000001b3u;
    if (mw_ctx_create(&options, &m.ctx) != MW_OK) abort();
    const size_t row = (next(&s) | next(&s) << 8) % n_rows;
    mw_status st = mwi_model_create(m.ctx, "fuzz", &m.model);
    if (st == MW_OK) st = mwi_model_add_graph(m.ctx, m.model, "main", &m.graph);
    if (st == MW_OK) run(&m, mwi_ops[row]);
    for (size_t i = 0; m.graph != NULL && i < m.graph->n_tensors; i++)
        free((void *)(uintptr_t)m.graph->tensors[i]->data);
    mw_model_destroy(m.model);
    mw_ctx_destroy(m.ctx);
    return 0;
}
