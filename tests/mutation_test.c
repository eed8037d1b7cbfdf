/* tests/mutation_test.c - models of the operator corpus with random changes in memory: shapes,
 * types, scales, attributes, operands, constants. What the verifier lets through must plan and
 * run, or give an error, without a crash; under the sanitizers in their builds. Complements the
 * readers' fuzzers, whose changes seldom get as far as a kernel.
 * By hand: mutation_test [--rounds N] [--seed S] [--filter CONV_2D[/case]]: N changed models a
 * case.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "support.h"

#include "base/rng.h"
#include "ops/registry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MEMORY_MB = 192, SECONDS_A_CASE = 300, MAX_CHANGES = 3 };
/* Runs above this are right to take long, and are left out. */
static const uint64_t max_macs = 20000000, max_bytes = 64000000;

static uint64_t rounds = 1, first_seed = 1;
static char filter_op[256], filter_case[256];

/* What the children did, in memory shared with them. */
typedef struct tally {
    uint64_t seed; /* the last one */
    uint64_t tried, verified, planned, ran;
} tally;

typedef struct mutator {
    tally *t;
    mw_ctx *ctx;
    mw_model *m;
    mwi_graph *g;
    mwi_rng rng;
} mutator;

static uint64_t below(mutator *u, uint64_t n) { return mwi_rng_below(&u->rng, n); }
static mwi_tensor *any_tensor(mutator *u) { return u->g->tensors[below(u, u->g->n_tensors)]; }

static int32_t odd_number(mutator *u)
{
    static const int32_t odd[] = {0,         1,
                                  2,         3,
                                  4,         5,
                                  7,         8,
                                  16,        17,
                                  31,        64,
                                  255,       256,
                                  1000,      65535,
                                  65536,     1 << 20,
                                  INT32_MAX, INT32_MAX - 1,
                                  -1,        -2,
                                  -3,        -128,
                                  INT32_MIN, INT32_MIN + 1};
    return odd[below(u, MWI_COUNT(odd))];
}

static void *copy(mutator *u, const void *data, size_t bytes)
{
    void *out = NULL;
    assert_ok(u->ctx, mwi_arena_alloc(u->ctx, &u->m->arena, bytes + 8, &out));
    if (bytes > 0) memcpy(out, data, bytes);
    return out;
}

/* ---- changes ---- */

static void change_dims(mutator *u)
{
    mwi_tensor *const t = any_tensor(u);

    if (t->rank == 0) return;
    const size_t i = below(u, (uint64_t)t->rank), k = below(u, (uint64_t)t->rank);
    const int32_t kept = t->dims[i];
    switch (below(u, 5)) {
    case 0: t->dims[i] = t->dims[k], t->dims[k] = kept; break;
    case 1: t->dims[i] = odd_number(u); break;
    case 2: t->dims[i] += below(u, 2) == 0 ? 1 : -1; break;
    case 3: t->dims[i] = (int32_t)below(u, 9); break;
    default: t->dims[i] *= t->dims[k], t->dims[k] = i == k ? t->dims[k] : 1; break;
    }
    memcpy(t->signature, t->dims, sizeof t->signature);
}

static void change_rank(mutator *u)
{
    mwi_tensor *const t = any_tensor(u);

    if (below(u, 2) == 0 && t->rank < MW_MAX_RANK) {
        memmove(t->dims + 1, t->dims, (size_t)t->rank * sizeof *t->dims);
        t->dims[0] = 1;
        t->rank++;
    } else if (t->rank > 0) {
        if (t->rank > 1 && t->dims[0] > 0) t->dims[1] *= t->dims[0];
        t->rank--;
        memmove(t->dims, t->dims + 1, (size_t)t->rank * sizeof *t->dims);
    }
    memcpy(t->signature, t->dims, sizeof t->signature);
}

static void change_type(mutator *u)
{
    mwi_tensor *const t = any_tensor(u);
    const mw_dtype other = (mw_dtype)below(u, MW_N_DTYPES);
    if (t->data == NULL || mw_dtype_bits(other) == mw_dtype_bits(t->dtype)) t->dtype = other;
}

static void change_quant(mutator *u)
{
    static const float scales[] = {0.0f, 1e-40f, 1e-10f, 0.5f, 1.0f, 3.0f, 1e10f, 3e38f};
    static const int64_t zeros[] = {0, -128, 127, 255, 1, 32767, INT32_MAX, INT32_MIN};
    mwi_tensor *const t = any_tensor(u);

    if (t->quant == NULL || below(u, 4) == 0) {
        t->quant = any_tensor(u)->quant;
        return;
    }
    mwi_quant *const q = copy(u, t->quant, sizeof *t->quant);
    float *const s = copy(u, q->q.scales, q->q.n_scales * sizeof *s);
    int64_t *const z = copy(u, q->q.zero_points, q->q.n_scales * sizeof *z);
    if (q->q.n_scales > 0 && below(u, 2) == 0)
        s[below(u, q->q.n_scales)] = scales[below(u, MWI_COUNT(scales))];
    else if (q->q.n_scales > 0)
        z[below(u, q->q.n_scales)] = zeros[below(u, MWI_COUNT(zeros))];
    if (below(u, 8) == 0) q->q.axis = (int32_t)below(u, 4);
    if (below(u, 8) == 0 && q->q.n_scales > 1) q->q.n_scales = 1;
    q->q.scales = s;
    q->q.zero_points = z;
    t->quant = q;
}

static void change_field(mutator *u, const mwi_op *op, const mwi_field *f)
{
    void *const at = (char *)op->attr + f->offset;
    const double v =
        f->min <= f->max && below(u, 2) == 0 ? f->min + (double)below(u, 4) : (double)odd_number(u);

    switch (f->kind) {
    case MWI_FIELD_I32: *(int32_t *)at = (int32_t)fmin(fmax(v, INT32_MIN), INT32_MAX); break;
    case MWI_FIELD_I64: *(int64_t *)at = (int64_t)v; break;
    case MWI_FIELD_ENUM: *(int32_t *)at = (int32_t)below(u, 8); break;
    case MWI_FIELD_BOOL: *(bool *)at = !*(bool *)at; break;
    case MWI_FIELD_F32: *(float *)at = below(u, 4) == 0 ? NAN : (float)v; break;
    case MWI_FIELD_I32S: {
        mwi_i32s *const list = at;
        int32_t *const n = copy(u, list->v, list->n * sizeof *n);
        if (list->n > 0) n[below(u, list->n)] = odd_number(u);
        list->v = n;
        if (below(u, 4) == 0 && list->n > 0) list->n--;
        break;
    }
    default: break;
    }
}

static void change_attribute(mutator *u)
{
    if (u->g->n_ops == 0) return;
    const mwi_op *const op = u->g->ops[below(u, u->g->n_ops)];
    size_t n = 0;

    for (const mwi_field *f = op->desc->fields; f != NULL && f->kind != MWI_FIELD_END; f++) n++;
    if (n > 0) change_field(u, op, &op->desc->fields[below(u, n)]);
}

static void change_operand(mutator *u)
{
    if (u->g->n_ops == 0) return;
    mwi_op *const op = u->g->ops[below(u, u->g->n_ops)];
    const int32_t t = (int32_t)below(u, u->g->n_tensors + 1) - 1;

    switch (below(u, 6)) {
    case 0:
        if (op->n_out > 0 && t >= 0) op->out[below(u, op->n_out)] = t;
        break;
    case 1:
        if (op->n_in > 0) op->n_in--;
        break;
    case 2:
        if (op->n_out > 1) op->n_out--;
        break;
    default:
        if (op->n_in > 0) op->in[below(u, op->n_in)] = t;
        break;
    }
}

static void change_constant(mutator *u)
{
    mwi_tensor *const t = any_tensor(u);
    const unsigned bytes = mw_dtype_bits(t->dtype) / 8;

    if (t->data == NULL || t->bytes == 0 || bytes == 0) return;
    uint8_t *const data = copy(u, t->data, t->bytes);
    const size_t i = below(u, t->bytes / bytes);
    const int64_t v = below(u, 3) == 0 ? (int64_t)mwi_rng_next(&u->rng) : odd_number(u);
    const float f = below(u, 2) == 0 ? (float)v : below(u, 2) == 0 ? NAN : INFINITY;
    if (t->dtype == MW_FLOAT32)
        memcpy(data + i * bytes, &f, sizeof f);
    else
        memcpy(data + i * bytes, &v, bytes < 8 ? bytes : 8);
    t->data = data;
}

/* A constant becomes an input, or an input or value becomes state. */
static void change_role(mutator *u)
{
    const int32_t i = (int32_t)below(u, u->g->n_tensors);
    mwi_tensor *const t = u->g->tensors[i];

    if (t->data == NULL) {
        t->is_variable = !t->is_variable;
        return;
    }
    int32_t *const inputs = copy(u, u->g->inputs, u->g->n_inputs * sizeof i);
    inputs[u->g->n_inputs] = i; /* copy leaves room for two more */
    u->g->inputs = inputs;
    u->g->n_inputs++;
    t->data = NULL;
    t->bytes = 0;
    t->sparsity = NULL;
}

static void change(mutator *u)
{
    static void (*const changes[])(mutator *) = {change_dims,      change_dims,      change_rank,
                                                 change_type,      change_quant,     change_quant,
                                                 change_attribute, change_attribute, change_operand,
                                                 change_constant,  change_constant,  change_role};
    changes[below(u, MWI_COUNT(changes))](u);
}

/* ---- running ---- */

static void run_model(mutator *u)
{
    mw_model_summary sum;
    mw_session *s = NULL;
    mw_buffer b;
    unsigned bits = 0;

    if (mw_model_summarize(u->ctx, u->m, &sum) != MW_OK || sum.macs > max_macs ||
        sum.moved_bytes > max_bytes)
        return;
    if (mw_session_create(u->ctx, u->m, NULL, &s) != MW_OK) return;
    u->t->planned++;
    for (int run = 0; run < 2; run++) {
        for (size_t i = 0; i < mw_session_n_inputs(s); i++) {
            if (mw_session_input(u->ctx, s, i, &b) != MW_OK) break;
            if (b.bytes > 0) memset(b.data, 0, b.bytes);
            if (run == 1) test_fill_any(b.info.dtype, b.data, b.bytes, &u->rng);
            for (size_t k = 0; run == 1 && b.info.dtype == MW_BOOL && k < b.bytes; k++)
                ((uint8_t *)b.data)[k] &= 1;
        }
        mw_ctx_clear(u->ctx);
        if (mw_session_run(u->ctx, s) != MW_OK) continue;
        u->t->ran += run == 0;
        for (size_t i = 0; i < mw_session_n_outputs(s); i++)
            if (mw_session_output(u->ctx, s, i, &b) == MW_OK)
                for (size_t k = 0; k < b.bytes; k++)
                    bits |= ((const uint8_t *)b.data)[k]; /* read all of it */
    }
    mw_session_destroy(s);
    if (bits == 1u << 30) (void)printf("!");
}

/* One changed model: as a reader would, shapes are inferred and all is verified before it runs. */
static void try_seed(mw_ctx *ctx, const mw_model *model, tally *t)
{
    mutator u = {.t = t, .ctx = ctx, .rng = {t->seed}};

    mw_ctx_clear(ctx);
    assert_ok(ctx, mwi_model_clone(ctx, model, &u.m));
    u.g = u.m->graphs[below(&u, u.m->n_graphs)];
    const uint64_t n = 1 + below(&u, MAX_CHANGES);
    for (uint64_t i = 0; i < n && u.g->n_tensors > 0; i++) change(&u);
    mw_status st = mwi_model_verify(ctx, u.m);
    for (size_t i = 0; i < u.m->n_graphs && st == MW_OK; i++)
        st = mwi_graph_infer(ctx, u.m, u.m->graphs[i]);
    if (st == MW_OK) st = mwi_model_verify(ctx, u.m);
    mw_ctx_clear(ctx);
    t->tried++;
    t->verified += st == MW_OK;
    if (st == MW_OK) run_model(&u);
    mw_model_destroy(u.m);
}

static void try_case(const char *folder, tally *t)
{
    const mw_ctx_options options = {
        .limits = {.max_memory_bytes = (uint64_t)MEMORY_MB << 20, .max_loop_iterations = 1000}};
    char path[4096];
    mw_ctx *ctx = NULL;
    mw_model *m = NULL;

    (void)snprintf(path, sizeof path, "%s/model.tflite", folder);
    if (mw_ctx_create(&options, &ctx) != MW_OK) abort();
    if (mw_model_load(ctx, path, NULL, &m) == MW_OK)
        for (t->seed = first_seed; t->seed < first_seed + rounds; t->seed++) try_seed(ctx, m, t);
    mw_model_destroy(m);
    if (mw_ctx_memory_bytes(ctx) != 0) abort();
    mw_ctx_destroy(ctx);
}

/* In a child. */
static bool survives(const char *name, const char *folder, tally *t)
{
    int status = 0;

    (void)fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(SECONDS_A_CASE);
        try_case(folder, t);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    print_message("%s: seed %llu: %s %d: mutation_test --filter %s --seed %llu\n", name,
                  (unsigned long long)t->seed, WIFSIGNALED(status) ? "signal" : "exit",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), name,
                  (unsigned long long)t->seed);
    return false;
}

static size_t try_op(const char *shared, const char *op, tally *t)
{
    char path[4096], name[600];
    size_t n, bad = 0;

    (void)snprintf(path, sizeof path, "%s/corpus/ops/%s", shared, op);
    char **const cases = list_folders(path, &n);
    for (size_t i = 0; i < n; i++) {
        if (*filter_case != '\0' && strcmp(filter_case, cases[i]) != 0) continue;
        (void)snprintf(path, sizeof path, "%s/corpus/ops/%s/%s", shared, op, cases[i]);
        (void)snprintf(name, sizeof name, "%.250s/%.250s", op, cases[i]);
        bad += !survives(name, path, t);
    }
    free_list(cases, n);
    return bad;
}

static void changed_models_run_or_give_an_error(void **state)
{
    char path[4096];
    size_t n, bad = 0;

    (void)state;
    tally *const t =
        mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(t != MAP_FAILED);
    (void)snprintf(path, sizeof path, "%s/corpus/ops", test_shared_dir());
    char **const ops = list_folders(path, &n);
    for (size_t i = 0; i < n; i++)
        if (*filter_op == '\0' || strcmp(filter_op, ops[i]) == 0)
            bad += try_op(test_shared_dir(), ops[i], t);
    free_list(ops, n);
    print_message("%llu changed models: %llu verified, %llu planned, %llu ran\n",
                  (unsigned long long)t->tried, (unsigned long long)t->verified,
                  (unsigned long long)t->planned, (unsigned long long)t->ran);
    (void)munmap(t, sizeof *t);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(changed_models_run_or_give_an_error)};

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0) rounds = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0) first_seed = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--filter") == 0)
            (void)sscanf(argv[i + 1], "%255[^/]/%255[^/]", filter_op, filter_case);
    }
    if (test_shared_dir() == NULL) test_skip("the shared material is not here");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
