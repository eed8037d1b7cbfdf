/* formats/keras/layers/layer_einsum_dense.c - EinsumDense: FULLY_CONNECTED with axes moved before
 * and behind, or BATCH_MATMUL where value, kernel and result share axes.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* "abc,cd->abd" in letters; the ellipsis became letters of its own. */
typedef struct equation {
    char x[MW_MAX_RANK + 1], w[MWI_KERAS_WEIGHT_RANK + 1], y[MW_MAX_RANK + 1];
    int32_t dims[256]; /* of each letter; 0: not known yet */
} equation;

static mw_status bad(mw_ctx *ctx, const char *text)
{
    return mwi_fail(ctx, MW_EUNSUPPORTED, "has the equation '%.60s', which has no lowering here",
                    text);
}

/* One side of the equation; "..." stands for `n_more` letters from '0' on. */
static bool read_side(const char *from, size_t n, int32_t n_more, char *out, size_t room)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        if (from[i] == ' ') continue;
        if (from[i] == '.') {
            if (i + 2 >= n || from[i + 1] != '.' || from[i + 2] != '.') return false;
            for (int32_t m = 0; m < n_more; m++) {
                if (k >= room) return false;
                out[k++] = (char)('0' + m);
            }
            i += 2;
            continue;
        }
        if (!isalpha((unsigned char)from[i]) || k >= room || memchr(out, from[i], k) != NULL)
            return false;
        out[k++] = from[i];
    }
    out[k] = '\0';
    return k > 0;
}

static mw_status parse(mwi_keras_call *c, const char *text, int32_t rank, equation *e)
{
    const char *const comma = text == NULL ? NULL : strchr(text, ',');
    const char *const arrow = comma == NULL ? NULL : strstr(comma, "->");
    int32_t letters = 0;

    if (arrow == NULL) return bad(c->ctx, text == NULL ? "" : text);
    for (const char *p = text; p < comma; p++) letters += isalpha((unsigned char)*p) != 0;
    const int32_t more = rank > letters ? rank - letters : 0;
    if (!read_side(text, (size_t)(comma - text), more, e->x, MW_MAX_RANK) ||
        !read_side(comma + 1, (size_t)(arrow - comma - 1), 0, e->w, MWI_KERAS_WEIGHT_RANK) ||
        !read_side(arrow + 2, strlen(arrow + 2), more, e->y, MW_MAX_RANK))
        return bad(c->ctx, text);
    if ((int32_t)strlen(e->x) != rank)
        return mwi_fail(c->ctx, MW_EFORMAT, "has the equation '%.60s' for an input of rank %d",
                        text, rank);
    if (e->y[0] != e->x[0] || strchr(e->w, e->x[0]) != NULL) return bad(c->ctx, text);
    for (const char *p = e->y; *p != '\0'; p++)
        if (strchr(e->x, *p) == NULL && strchr(e->w, *p) == NULL) return bad(c->ctx, text);
    for (const char *p = e->w; *p != '\0'; p++)
        if (strchr(e->x, *p) == NULL && strchr(e->y, *p) == NULL) return bad(c->ctx, text);
    return MW_OK;
}

/* Sizes of letters: of the input as it is, of the others from output_shape, which leaves out the
 * batch and may be one number. */
static mw_status read_dims(mwi_keras_call *c, const mwi_tensor *x, equation *e)
{
    const json_t *const shape = mwi_keras_key(c->layer, "output_shape");
    const size_t n = strlen(e->y), given = json_is_array(shape) ? json_array_size(shape) : 1;
    int64_t d;

    for (int32_t i = 0; i < x->rank; i++) e->dims[(unsigned char)e->x[i]] = x->dims[i];
    for (size_t i = 0; i < given; i++) {
        const json_t *const v = json_is_array(shape) ? json_array_get(shape, i) : shape;
        if (json_is_null(v) || given > n - 1) continue;
        const unsigned char letter = (unsigned char)e->y[n - given + i];
        if (!mwi_keras_json_int(v, &d) || d < 1 || d > INT32_MAX)
            return mwi_fail(c->ctx, MW_EFORMAT, "output_shape holds no dimension from 1");
        if (e->dims[letter] == 0) e->dims[letter] = (int32_t)d;
    }
    for (const char *p = e->w; *p != '\0'; p++)
        if (e->dims[(unsigned char)*p] == 0)
            return mwi_fail(c->ctx, MW_EFORMAT, "output_shape does not give the size of '%c'", *p);
    return MW_OK;
}

/* Letters by what they do: shared (in all three), free of the input, summed, free of the kernel. */
typedef struct split {
    char shared[MW_MAX_RANK + 1], free_x[MW_MAX_RANK + 1], summed[MW_MAX_RANK + 1];
    char free_w[MW_MAX_RANK + 1], lost[MW_MAX_RANK + 1]; /* summed in the input alone */
} split;

static void add(char *list, char letter)
{
    const size_t n = strlen(list);
    list[n] = letter;
    list[n + 1] = '\0';
}

static void split_letters(const equation *e, split *s)
{
    memset(s, 0, sizeof *s);
    for (const char *p = e->x; *p != '\0'; p++) {
        const bool in_w = strchr(e->w, *p) != NULL, in_y = strchr(e->y, *p) != NULL;
        add(in_w && in_y ? s->shared : in_y ? s->free_x : in_w ? s->summed : s->lost, *p);
    }
    for (const char *p = e->w; *p != '\0'; p++)
        if (strchr(e->x, *p) == NULL) add(s->free_w, *p);
}

static int32_t product(const equation *e, const char *letters)
{
    int64_t n = 1;

    for (; *letters != '\0'; letters++)
        if (n <= INT32_MAX) n *= e->dims[(unsigned char)*letters];
    return n > INT32_MAX ? INT32_MAX : (int32_t)n;
}

static void order(const char *from, const char *to, int32_t *perm)
{
    for (int32_t i = 0; to[i] != '\0'; i++) perm[i] = (int32_t)(strchr(from, to[i]) - from);
}

/* The kernel as (shared,) free, summed or shared, summed, free. */
static mw_status read_kernel(mwi_keras_call *c, const equation *e, const split *s, bool batched,
                             int32_t *out)
{
    mwi_keras_part p = {.weight = "kernel", .rank = (int32_t)strlen(e->w), .permuted = true};
    char wanted[3 * MW_MAX_RANK + 1];
    const int32_t n = product(e, s->free_w), k = product(e, s->summed);

    (void)snprintf(wanted, sizeof wanted, "%s%s%s", s->shared, batched ? s->summed : s->free_w,
                   batched ? s->free_w : s->summed);
    for (int32_t i = 0; i < p.rank; i++) p.dims[i] = e->dims[(unsigned char)e->w[i]];
    order(e->w, wanted, p.perm);
    p.out_rank = batched ? 4 : 2;
    if (batched)
        memcpy(p.out_dims, (const int32_t[]){1, product(e, s->shared), k, n}, 4 * sizeof n);
    else
        memcpy(p.out_dims, (const int32_t[]){n, k}, 2 * sizeof n);
    return mwi_keras_weight(c, &p, out);
}

static mw_status sum_lost(mwi_keras_call *c, equation *e, const split *s, int32_t x, int32_t *out)
{
    static const mwi_keras_attr drop[] = {{"keep_dims", 0}, {NULL, 0}};
    int32_t axes[MW_MAX_RANK], n = 0, a;
    size_t k = 0;

    for (int32_t i = 0; e->x[i] != '\0'; i++) {
        if (strchr(s->lost, e->x[i]) != NULL)
            axes[n++] = i;
        else
            e->x[k++] = e->x[i];
    }
    e->x[k] = '\0';
    if (n == 0) return *out = x, MW_OK;
    MWI_TRY(mwi_keras_i32s(c, (size_t)n, axes, &a));
    return mwi_keras_op(c, "SUM", 2, (const int32_t[]){x, a}, drop, out);
}

/* The batch stays first: its size is open. */
static mw_status multiply(mwi_keras_call *c, const equation *e, const split *s, int32_t x,
                          int32_t *out)
{
    static const mwi_keras_attr keep[] = {{"keep_num_dims", 1}, {NULL, 0}};
    const bool batched = *s->shared != '\0';
    const int32_t batch = e->dims[(unsigned char)e->x[0]], k = product(e, s->summed);
    char moved[3 * MW_MAX_RANK + 1], result[3 * MW_MAX_RANK + 1];
    int32_t perm[MW_MAX_RANK], dims[MW_MAX_RANK], kernel, n = 0;

    (void)snprintf(moved, sizeof moved, "%c%s%s%s", e->x[0], s->shared, s->free_x + 1, s->summed);
    order(e->x, moved, perm);
    MWI_TRY(mwi_keras_transpose(c, x, perm, &x));
    MWI_TRY(read_kernel(c, e, s, batched, &kernel));
    if (batched) {
        MWI_TRY(mwi_keras_reshape(
            c, x, 4, (const int32_t[]){batch, product(e, s->shared), product(e, s->free_x + 1), k},
            &x));
        MWI_TRY(mwi_keras_binary(c, "BATCH_MATMUL", x, kernel, &x));
    } else {
        MWI_TRY(
            mwi_keras_reshape(c, x, 3, (const int32_t[]){batch, product(e, s->free_x + 1), k}, &x));
        MWI_TRY(mwi_keras_op(c, "FULLY_CONNECTED", 3, (const int32_t[]){x, kernel, -1}, keep, &x));
    }
    (void)snprintf(result, sizeof result, "%c%s%s%s", e->x[0], s->shared, s->free_x + 1, s->free_w);
    for (; result[n] != '\0'; n++) {
        if (n >= MW_MAX_RANK) return bad(c->ctx, result);
        dims[n] = e->dims[(unsigned char)result[n]];
    }
    MWI_TRY(mwi_keras_reshape(c, x, n, dims, &x));
    order(result, e->y, perm);
    return mwi_keras_transpose(c, x, perm, out);
}

/* The bias has one dimension for each of bias_axes, in the result's order. */
static mw_status add_bias(mwi_keras_call *c, const equation *e, int32_t x, int32_t *out)
{
    const char *const axes = json_string_value(mwi_keras_key(c->layer, "bias_axes"));
    mwi_keras_part p = {.weight = "bias"};
    int32_t bias;

    if (axes == NULL || *axes == '\0') return *out = x, MW_OK;
    for (const char *l = e->y; *l != '\0'; l++) {
        const bool has = strchr(axes, *l) != NULL;
        if (!has && p.rank == 0) continue;
        if (has && p.rank < MWI_KERAS_WEIGHT_RANK) p.dims[p.rank++] = e->dims[(unsigned char)*l];
        p.out_dims[p.out_rank++] = has ? e->dims[(unsigned char)*l] : 1;
    }
    if (p.rank == 0) return mwi_fail(c->ctx, MW_EFORMAT, "bias_axes is '%.40s'", axes);
    MWI_TRY(mwi_keras_weight(c, &p, &bias));
    return mwi_keras_binary(c, "ADD", x, bias, out);
}

static mw_status build(mwi_keras_call *c)
{
    const char *const text = json_string_value(mwi_keras_key(c->layer, "equation"));
    equation e = {.dims = {0}};
    split s;
    int32_t x;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, 2, MW_MAX_RANK));
    MWI_TRY(parse(c, text, mwi_keras_tensor(c, c->in[0])->rank, &e));
    MWI_TRY(read_dims(c, mwi_keras_tensor(c, c->in[0]), &e));
    split_letters(&e, &s);
    MWI_TRY(sum_lost(c, &e, &s, c->in[0], &x));
    MWI_TRY(multiply(c, &e, &s, x, &x));
    MWI_TRY(add_bias(c, &e, x, &x));
    MWI_TRY(mwi_keras_activate(c, "activation", x, &x));
    return mwi_keras_return(c, x);
}

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    return mwi_keras_check_activation(ctx, l, "activation");
}

static const char *const classes[] = {"EinsumDense", NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel"}, {.name = "bias", .when = "bias_axes?"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_einsum_dense = {
    .classes = classes,
    .summary = "FULLY_CONNECTED or BATCH_MATMUL between TRANSPOSE and RESHAPE",
    .weights = weights,
    .check = check,
    .build = build,
};
