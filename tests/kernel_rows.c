/* tests/kernel_rows.c - see kernel_rows.h.   SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"

#include "base/rng.h"
#include "devices/device.h"
#include "support.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { OPERANDS = 24 };

/* Memory whose end is the end of what may be read. */
typedef struct guarded {
    char *map, *data;
    size_t map_bytes;
} guarded;

static guarded guarded_open(size_t bytes, size_t align)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = (bytes + align - 1) / align * align;
    const size_t body = (room + page - 1) / page * page;
    guarded g = {.map_bytes = body + page};

    g.map = mmap(NULL, g.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.map != MAP_FAILED);
    assert_int_equal(mprotect(g.map + body, page, PROT_NONE), 0);
    g.data = g.map + body - room;
    memset(g.data, 0xa5, room);
    return g;
}

static void guarded_close(guarded *g) { (void)munmap(g->map, g->map_bytes); }

typedef struct bench {
    mw_ctx *ctx;
    const mwi_op *op;
    const mwi_graph *graph;
    mwi_shape_call call;
    mwi_view in[OPERANDS], planned[OPERANDS], out[OPERANDS]; /* planned: data of constants only */
    guarded in_memory[OPERANDS], out_memory[OPERANDS];
    void *given[OPERANDS]; /* what inputs hold before a run: it may change state */
    mwi_pool *pool;
} bench;

/* Floats from -2 to 2; `is_wide`: some of them far outside. */
static void fill(mwi_view *v, mwi_rng *rng, bool is_wide)
{
    if (v->dtype == MW_FLOAT32)
        for (size_t i = 0; i < v->bytes / sizeof(float); i++)
            ((float *)v->data)[i] =
                (float)((4 * mwi_rng_uniform(rng) - 2) * (is_wide && i % 5 == 2   ? 8
                                                          : is_wide && i % 7 == 3 ? 60
                                                                                  : 1));
    else
        for (size_t i = 0; i < v->bytes; i++)
            ((uint8_t *)v->data)[i] = (uint8_t)mwi_rng_below(rng, 256);
}

static void bench_open(bench *t, builder *b, const mwi_op *op, mwi_arena *arena, uint64_t seed)
{
    mwi_rng rng = {seed};

    *t = (bench){.ctx = b->ctx, .op = op, .graph = b->graph};
    assert_ok(b->ctx, mwi_op_views(b->ctx, b->graph, op, arena, &t->call));
    assert_ok(b->ctx, mwi_op_infer(b->ctx, &t->call));
    assert_ok(b->ctx, mwi_pool_create(b->ctx, 3, &t->pool));
    assert_true(op->n_in <= OPERANDS && op->n_out <= OPERANDS);
    for (size_t i = 0; i < op->n_in; i++) {
        mwi_view *const v = &t->in[i];
        *v = t->call.in[i];
        if (v->tensor == NULL) continue;
        assert_true(mwi_dims_bytes(v->dtype, v->rank, v->dims, &v->bytes));
        t->in_memory[i] = guarded_open(v->bytes, 1);
        if (v->data != NULL) memcpy(t->in_memory[i].data, v->data, v->bytes);
        v->data = t->in_memory[i].data;
        t->planned[i] = *v;
        if (t->call.in[i].data == NULL) {
            fill(v, &rng, op->n_in == 1);
            t->planned[i].data = NULL;
        }
        assert_ok(b->ctx, mwi_arena_copy(b->ctx, arena, v->data, v->bytes, &t->given[i]));
    }
    for (size_t i = 0; i < op->n_out; i++) {
        mwi_view *const v = &t->out[i];
        *v = t->call.out[i];
        assert_true(mwi_dims_bytes(v->dtype, v->rank, v->dims, &v->bytes));
        t->out_memory[i] = guarded_open(v->bytes, 1);
        v->data = t->out_memory[i].data;
    }
}

static void bench_close(bench *t)
{
    for (size_t i = 0; i < t->op->n_in; i++)
        if (t->in[i].tensor != NULL) guarded_close(&t->in_memory[i]);
    for (size_t i = 0; i < t->op->n_out; i++) guarded_close(&t->out_memory[i]);
    mwi_pool_destroy(t->pool);
}

static mwi_prepare_call prepare_call(const bench *t, mwi_arena *arena, uint32_t n_threads)
{
    return (mwi_prepare_call){.op = t->op,
                              .attr = t->op->attr,
                              .graph = t->graph,
                              .n_in = t->op->n_in,
                              .n_out = t->op->n_out,
                              .in = t->planned,
                              .out = t->call.out,
                              .arena = arena,
                              .n_threads = n_threads};
}

/* The results stay in the outputs' memory. */
static void run_row(bench *t, const mwi_kernel *k, uint32_t n_threads)
{
    mwi_arena arena;

    mwi_arena_init(t->ctx, &arena);
    mwi_prepare_call prep = prepare_call(t, &arena, n_threads);
    if (k->prepare != NULL) assert_ok(t->ctx, k->prepare(t->ctx, &prep));
    guarded scratch = guarded_open(prep.scratch_bytes, 64);
    const mwi_run_call call = {.attr = t->op->attr,
                               .n_in = t->op->n_in,
                               .n_out = t->op->n_out,
                               .in = t->in,
                               .out = t->out,
                               .state = prep.state,
                               .scratch = scratch.data,
                               .pool = n_threads > 1 ? t->pool : NULL};
    for (size_t i = 0; i < t->op->n_in; i++)
        if (t->in[i].tensor != NULL) memcpy(t->in[i].data, t->given[i], t->in[i].bytes);
    for (size_t i = 0; i < t->op->n_out; i++) memset(t->out[i].data, 0xa5, t->out[i].bytes);
    assert_ok(t->ctx, k->run(t->ctx, &call));
    guarded_close(&scratch);
    mwi_arena_deinit(&arena);
}

static double largest(const mwi_view *v, const float *values)
{
    double most = 0;
    for (size_t i = 0; i < v->bytes / sizeof(float); i++)
        if (isfinite(values[i]) && fabs((double)values[i]) > most) most = fabs((double)values[i]);
    return most;
}

static void compare(const bench *t, const mwi_kernel *k, const void *const *wanted,
                    double tolerance)
{
    for (size_t o = 0; o < t->op->n_out; o++) {
        const mwi_view *const v = &t->out[o];
        if (v->dtype != MW_FLOAT32) {
            for (size_t i = 0; i < v->bytes; i++)
                if (((const uint8_t *)v->data)[i] != ((const uint8_t *)wanted[o])[i])
                    fail_msg("%s: byte %zu of output %zu is %d, not %d", k->name, i, o,
                             ((const uint8_t *)v->data)[i], ((const uint8_t *)wanted[o])[i]);
            continue;
        }
        const float *const got = v->data, *const want = wanted[o];
        const double allowed = tolerance * largest(v, want);
        for (size_t i = 0; i < v->bytes / sizeof(float); i++) {
            const double a = (double)got[i], b = (double)want[i];
            if (a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= allowed) continue;
            fail_msg("%s: value %zu of output %zu is %.9g, not %.9g (allowed %.3g)", k->name, i, o,
                     a, b, allowed);
        }
    }
}

/* Copies of the outputs. */
static void keep(const bench *t, mwi_arena *arena, const void **out)
{
    for (size_t i = 0; i < t->op->n_out; i++) {
        void *memory;
        assert_ok(t->ctx, mwi_arena_copy(t->ctx, arena, t->out[i].data, t->out[i].bytes, &memory));
        out[i] = memory;
    }
}

static void check_row(bench *t, const mwi_kernel *k, mwi_arena *arena, const void *const *wanted,
                      double tolerance)
{
    const void *once[OPERANDS];

    run_row(t, k, 1);
    compare(t, k, wanted, tolerance);
    keep(t, arena, once);
    run_row(t, k, 3);
    compare(t, k, once, 0);
}

size_t kernel_rows_agree(builder *b, const mwi_op *op, double tolerance, uint64_t seed)
{
    const mwi_device_desc *const device = mwi_device_by_name("/CPU:0");
    const void *wanted[OPERANDS];
    mwi_arena arena;
    size_t n = 0;
    bench t;

    mwi_arena_init(b->ctx, &arena);
    bench_open(&t, b, op, &arena, seed);
    const mwi_prepare_call prep = prepare_call(&t, &arena, 1);
    const mwi_kernel *const ref = mwi_kernel_choose(NULL, &prep, NULL);
    assert_non_null(ref);
    run_row(&t, ref, 1);
    keep(&t, &arena, wanted);
    for (const mwi_device_kernel *const *list = device->kernels; *list != NULL; list++) {
        for (const mwi_device_kernel *d = *list; d->op != NULL; d++) {
            const mwi_kernel *const k = &d->kernel;
            if (d->op != op->desc || (k->cpu_features & ~device->features()) != 0 ||
                !mwi_types_match(k->types, t.planned, op->n_in, t.call.out, op->n_out) ||
                (k->accepts != NULL && !k->accepts(&prep)))
                continue;
            check_row(&t, k, &arena, wanted, tolerance);
            n++;
        }
    }
    bench_close(&t);
    mwi_arena_deinit(&arena);
    return n;
}
