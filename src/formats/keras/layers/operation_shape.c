/* formats/keras/layers/operation_shape.c - functions that move, pick and make values.
 * Depends: layers/operation.  Used by: layers/layer_operation.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/operation.h"

#include <string.h>
#include <strings.h>

MWI_KERAS_EMIT(same)
{
    int32_t x;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    return mwi_keras_return(call, x);
}

/* "float32", or Keras 3's policy object. */
static mw_status read_dtype(mwi_keras_call *c, int position, mw_dtype *out)
{
    static const struct {
        const char *name;
        mw_dtype dtype;
    } types[] = {{"float32", MW_FLOAT32}, {"float16", MW_FLOAT32}, {"bfloat16", MW_FLOAT32},
                 {"float64", MW_FLOAT32}, {"int32", MW_INT32},     {"int64", MW_INT64},
                 {"uint8", MW_UINT8},     {"int8", MW_INT8},       {"bool", MW_BOOL}};
    const mwi_keras_operand o = mwi_keras_operand_of(c, position, "dtype");
    const json_t *const inner = json_object_get(json_object_get(o.json, "config"), "name");
    const char *const name = json_string_value(inner != NULL ? inner : o.json);

    for (size_t i = 0; i < MWI_COUNT(types) && name != NULL; i++)
        if (strcmp(types[i].name, name) == 0) return *out = types[i].dtype, MW_OK;
    return mwi_fail(c->ctx, MW_EUNSUPPORTED, "casts to %s, which has no lowering here",
                    name == NULL ? "an unknown type" : name);
}

MWI_KERAS_EMIT(cast)
{
    mw_dtype dtype;
    int32_t x;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(read_dtype(call, 1, &dtype));
    MWI_TRY(mwi_keras_cast(call, x, dtype, &x));
    return mwi_keras_return(call, x);
}

/* ---- shapes ---- */

/* One dimension may be -1: what is left. */
static mw_status fill_dims(mwi_keras_call *c, const mwi_tensor *t, size_t n, const int64_t *given,
                           int32_t *dims)
{
    size_t total, known = 1, open = n;

    if (!mwi_dims_count(t->rank, t->dims, &total))
        return mwi_fail(c->ctx, MW_ELIMIT, "reshapes too many values");
    for (size_t i = 0; i < n; i++) {
        if (given[i] < -1 || given[i] == 0 || given[i] > INT32_MAX || (given[i] < 0 && open < n))
            return mwi_fail(c->ctx, MW_EFORMAT, "has a new shape with a dimension of %lld",
                            (long long)given[i]);
        dims[i] = (int32_t)given[i];
        if (given[i] < 0)
            open = i;
        else if (__builtin_mul_overflow(known, (size_t)given[i], &known))
            return mwi_fail(c->ctx, MW_ELIMIT, "reshapes too many values");
    }
    if (open < n ? total % known != 0 : total != known)
        return mwi_fail(c->ctx, MW_EFORMAT, "has a new shape that does not hold %zu values", total);
    if (open < n) dims[open] = (int32_t)(total / known);
    return MW_OK;
}

MWI_KERAS_EMIT(reshape)
{
    int64_t given[MW_MAX_RANK];
    int32_t x, dims[MW_MAX_RANK];
    size_t n;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_operand_ints(call, 1, "newshape|shape", MW_MAX_RANK, given, &n));
    if (n == 0)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "has no constant shape that keeps the batch");
    MWI_TRY(fill_dims(call, mwi_keras_tensor(call, x), n, given, dims));
    MWI_TRY(mwi_keras_reshape(call, x, (int32_t)n, dims, &x));
    return mwi_keras_return(call, x);
}

static mw_status one_axis(mwi_keras_call *c, int position, const char *names, int32_t rank,
                          bool batch, int32_t *out)
{
    int64_t given[1];
    size_t n;

    MWI_TRY(mwi_keras_operand_ints(c, position, names, 1, given, &n));
    if (n == 0) return mwi_fail(c->ctx, MW_EUNSUPPORTED, "is called without '%s'", names);
    MWI_TRY(mwi_keras_axis(c->ctx, names, given[0], rank, out));
    if (*out == 0 && !batch)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "works along the batch; use another axis");
    return MW_OK;
}

/* The permutation that moves `from` to `to`, the others keeping their order. */
static void move_axis(int32_t rank, int32_t from, int32_t to, int32_t *perm)
{
    int32_t next = 0;

    for (int32_t i = 0; i < rank; i++) {
        if (i == to) {
            perm[i] = from;
            continue;
        }
        if (next == from) next++;
        perm[i] = next++;
    }
}

MWI_KERAS_EMIT(transpose)
{
    int32_t x, perm[MW_MAX_RANK] = {0}, a, b;
    int64_t given[MW_MAX_RANK];
    unsigned seen = 0;
    size_t n;

    MWI_TRY(mwi_keras_first(call, &x));
    const int32_t rank = mwi_keras_tensor(call, x)->rank;
    for (int32_t i = 0; i < rank; i++) perm[i] = i;
    if (strcmp(f->op, "axes") == 0) {
        MWI_TRY(mwi_keras_operand_ints(call, 1, "axes|perm", MW_MAX_RANK, given, &n));
        if (n != (size_t)rank)
            return mwi_fail(call->ctx, MW_EUNSUPPORTED, "names %zu axes of %d", n, rank);
        for (int32_t i = 0; i < rank; i++)
            MWI_TRY(mwi_keras_axis(call->ctx, "axes", given[i], rank, &perm[i]));
    } else if (strcmp(f->op, "swap") == 0) {
        MWI_TRY(one_axis(call, 1, "axis1", rank, true, &a));
        MWI_TRY(one_axis(call, 2, "axis2", rank, true, &b));
        perm[a] = b;
        perm[b] = a;
    } else {
        MWI_TRY(one_axis(call, 1, "source", rank, true, &a));
        MWI_TRY(one_axis(call, 2, "destination", rank, true, &b));
        move_axis(rank, a, b, perm);
    }
    for (int32_t i = 0; i < rank; i++) seen |= 1u << perm[i];
    if (seen != (1u << rank) - 1 || perm[0] != 0)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "moves the batch or names an axis twice");
    MWI_TRY(mwi_keras_transpose(call, x, perm, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(expand_dims)
{
    int32_t x, axis, dims[MW_MAX_RANK];

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    const mwi_tensor *const t = mwi_keras_tensor(call, x);
    const int32_t rank = t->rank;
    if (rank == MW_MAX_RANK) return mwi_fail(call->ctx, MW_ELIMIT, "rank %d is the limit", rank);
    MWI_TRY(one_axis(call, 1, "axis", rank + 1, false, &axis));
    for (int32_t i = 0; i <= rank; i++) dims[i] = i == axis ? 1 : t->dims[i < axis ? i : i - 1];
    MWI_TRY(mwi_keras_reshape(call, x, rank + 1, dims, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(squeeze)
{
    int32_t x, dims[MW_MAX_RANK], axis, rank = 0;
    int64_t given[MW_MAX_RANK];
    bool gone[MW_MAX_RANK] = {false};
    size_t n;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    const mwi_tensor *const t = mwi_keras_tensor(call, x);
    MWI_TRY(mwi_keras_operand_ints(call, 1, "axis|squeeze_dims", MW_MAX_RANK, given, &n));
    for (size_t i = 0; i < n; i++) {
        MWI_TRY(mwi_keras_axis(call->ctx, "axis", given[i], t->rank, &axis));
        if (axis == 0 || t->dims[axis] != 1)
            return mwi_fail(call->ctx, MW_EFORMAT, "takes away axis %d of %d places", axis,
                            t->dims[axis]);
        gone[axis] = true;
    }
    for (int32_t i = 0; i < t->rank; i++)
        if (!gone[i] && (n > 0 || i == 0 || t->dims[i] != 1)) dims[rank++] = t->dims[i];
    MWI_TRY(mwi_keras_reshape(call, x, rank, dims, &x));
    return mwi_keras_return(call, x);
}

/* ---- several values ---- */

/* Stack and Concatenate: the values of the first argument. */
MWI_KERAS_EMIT(join)
{
    const bool stack = strcmp(f->op, "PACK") == 0;
    const mwi_keras_operand o = mwi_keras_operand_of(call, 0, "x|xs|values|arrays");
    int32_t x, axis;
    int64_t given[1] = {stack ? 0 : -1};
    size_t n;

    if (o.n == 0 || o.n != call->n_in)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "joins constants, which has no lowering here");
    const int32_t rank = mwi_keras_tensor(call, o.in[0])->rank + (stack ? 1 : 0);
    MWI_TRY(mwi_keras_operand_ints(call, 1, "axis", 1, given, &n));
    if (n == 0) given[0] = stack ? 0 : -1;
    MWI_TRY(mwi_keras_axis(call->ctx, "axis", given[0], rank, &axis));
    if (axis == 0)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "joins along the batch; use another axis");
    const mwi_keras_attr attrs[] = {
        {"axis", axis}, {stack ? "values_count" : NULL, (double)o.n}, {NULL, 0}};
    if (!stack && o.n == 1) return mwi_keras_return(call, o.in[0]);
    MWI_TRY(mwi_keras_op(call, f->op, o.n, o.in, attrs, &x));
    return mwi_keras_return(call, x);
}

enum { MAX_PIECES = 4096 };

/* Parts of `sizes` along an axis. */
static mw_status slices(mwi_keras_call *c, int32_t x, int32_t axis, size_t n, const int64_t *sizes)
{
    int32_t begin[MW_MAX_RANK] = {0}, size[MW_MAX_RANK], out;

    for (int i = 0; i < MW_MAX_RANK; i++) size[i] = -1;
    for (size_t i = 0; i < n; i++) {
        if (sizes[i] < 1 || sizes[i] > mwi_keras_tensor(c, x)->dims[axis] - begin[axis])
            return mwi_fail(c->ctx, MW_EFORMAT, "splits off %lld places", (long long)sizes[i]);
        size[axis] = (int32_t)sizes[i];
        MWI_TRY(mwi_keras_slice(c, x, begin, size, &out));
        MWI_TRY(mwi_keras_return(c, out));
        begin[axis] += size[axis];
    }
    return MW_OK;
}

static mw_status pieces(mwi_keras_call *c, int32_t x, int32_t axis, bool unstack, int64_t n)
{
    const mwi_keras_attr split[] = {{"num_splits", (double)n}, {NULL, 0}};
    const mwi_keras_attr unpack[] = {{"num", (double)n}, {"axis", axis}, {NULL, 0}};
    const int32_t places = mwi_keras_tensor(c, x)->dims[axis];
    void *memory;
    int32_t a;

    if (n < 1 || n > MAX_PIECES || places % n != 0 || (unstack && n != places))
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "splits %d places into %lld", places,
                        (long long)n);
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, (size_t)n, sizeof(int32_t), &memory));
    int32_t *const out = memory;
    MWI_TRY(mwi_keras_const(c, "axis", MW_INT32, 0, NULL, &axis, &a));
    if (unstack)
        MWI_TRY(mwi_keras_ops(c, "UNPACK", 1, &x, unpack, (size_t)n, out));
    else
        MWI_TRY(mwi_keras_ops(c, "SPLIT", 2, (const int32_t[]){a, x}, split, (size_t)n, out));
    for (int64_t i = 0; i < n; i++) MWI_TRY(mwi_keras_return(c, out[i]));
    return MW_OK;
}

MWI_KERAS_EMIT(split)
{
    const bool unstack = strcmp(f->op, "UNPACK") == 0;
    const mwi_keras_operand how =
        mwi_keras_operand_of(call, unstack ? -1 : 1, "indices_or_sections|num_or_size_splits|num");
    int64_t given[256];
    int32_t x, axis;
    size_t n;

    MWI_TRY(mwi_keras_first(call, &x));
    const mwi_tensor *const t = mwi_keras_tensor(call, x);
    MWI_TRY(one_axis(call, unstack ? -1 : 2, "axis", t->rank, false, &axis));
    MWI_TRY(mwi_keras_operand_ints(call, unstack ? -1 : 1,
                                   "indices_or_sections|num_or_size_splits|num",
                                   MWI_COUNT(given) - 1, given, &n));
    if (unstack) return pieces(call, x, axis, true, n == 0 ? t->dims[axis] : given[0]);
    if (n == 0) return mwi_fail(call->ctx, MW_EFORMAT, "splits into nothing");
    if (!json_is_array(how.json)) return pieces(call, x, axis, false, given[0]);
    if (call->layer->keras_major >= 3) { /* where parts begin, not how long they are */
        int64_t before = 0;
        for (size_t i = 0; i < n; i++) {
            const int64_t at = given[i];
            given[i] = at - before;
            before = at;
        }
        given[n++] = t->dims[axis] - before;
    }
    return slices(call, x, axis, n, given);
}

/* ---- x[...] ---- */

/* One dimension of the input: a range, or one place that goes away. */
typedef struct pick {
    int32_t begin[MW_MAX_RANK], end[MW_MAX_RANK], stride[MW_MAX_RANK];
    int32_t begin_mask, end_mask, shrink;
    int32_t at, rank;
    bool added[2 * MW_MAX_RANK]; /* of the result, before shrinking: a new axis */
    bool gone[2 * MW_MAX_RANK];
    int32_t n_result;
} pick;

static mw_status pick_range(mwi_keras_call *c, const json_t *v, pick *p)
{
    const json_t *const slice =
        json_object_get(v, "config") != NULL ? json_object_get(v, "config") : v;
    int64_t start = 0, stop = 0, step = 1;
    const json_t *const from = json_object_get(slice, "start");
    const json_t *const to = json_object_get(slice, "stop");
    const json_t *const by = json_object_get(slice, "step");

    if ((!json_is_null(from) && !mwi_keras_json_int(from, &start)) ||
        (!json_is_null(to) && !mwi_keras_json_int(to, &stop)) ||
        (!json_is_null(by) && !mwi_keras_json_int(by, &step)) || step == 0 || step > INT32_MAX ||
        step < INT32_MIN || start > INT32_MAX || start < INT32_MIN || stop > INT32_MAX ||
        stop < INT32_MIN)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "is indexed by a range that is not constant");
    if (json_is_null(from)) p->begin_mask |= 1 << p->at;
    if (json_is_null(to)) p->end_mask |= 1 << p->at;
    p->begin[p->at] = (int32_t)start;
    p->end[p->at] = (int32_t)stop;
    p->stride[p->at] = (int32_t)step;
    return MW_OK;
}

static void pick_all(pick *p)
{
    p->begin_mask |= 1 << p->at;
    p->end_mask |= 1 << p->at;
    p->begin[p->at] = p->end[p->at] = 0;
    p->stride[p->at] = 1;
    p->at++;
    p->n_result++;
}

static bool is_ellipsis(const json_t *v)
{
    const json_t *const class_name = json_object_get(v, "class_name");
    const char *const text = json_string_value(class_name != NULL ? class_name : v);

    return text != NULL && (strcmp(text, "__ellipsis__") == 0 || strcmp(text, "...") == 0 ||
                            strcmp(text, "Ellipsis") == 0);
}

static mw_status pick_item(mwi_keras_call *c, const json_t *v, int32_t n_ranges, pick *p)
{
    int64_t place;

    if (p->n_result >= 2 * MW_MAX_RANK - 1)
        return mwi_fail(c->ctx, MW_ELIMIT, "is indexed by too many dimensions");
    if (json_is_null(v)) {
        p->added[p->n_result++] = true;
        return MW_OK;
    }
    if (is_ellipsis(v)) {
        for (int32_t left = p->rank - n_ranges; left > 0 && p->at < p->rank; left--) pick_all(p);
        return MW_OK;
    }
    if (p->at >= p->rank)
        return mwi_fail(c->ctx, MW_EFORMAT, "is indexed by more than its %d dimensions", p->rank);
    if (json_is_integer(v) && mwi_keras_json_int(v, &place)) {
        const int64_t size = mwi_keras_tensor(c, c->in[0])->dims[p->at];
        if (p->at == 0) return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes one sample of the batch");
        if (place < 0) place += size;
        if (place < 0 || place >= size)
            return mwi_fail(c->ctx, MW_EFORMAT, "takes place %lld of %lld", (long long)place,
                            (long long)size);
        p->begin[p->at] = (int32_t)place;
        p->end[p->at] = (int32_t)place + 1;
        p->stride[p->at] = 1;
        p->gone[p->n_result] = true;
    } else if (json_is_object(v)) {
        MWI_TRY(pick_range(c, v, p));
        const int32_t whole = p->begin_mask & p->end_mask & 1;
        if (p->at == 0 && (whole == 0 || p->stride[0] != 1))
            return mwi_fail(c->ctx, MW_EUNSUPPORTED, "takes some samples of the batch");
    } else
        return mwi_fail(c->ctx, MW_EUNSUPPORTED, "is indexed by what is no number and no range");
    p->at++;
    p->n_result++;
    return MW_OK;
}

static mw_status emit_pick(mwi_keras_call *c, const pick *p, int32_t x)
{
    const mwi_keras_attr attrs[] = {
        {"begin_mask", p->begin_mask}, {"end_mask", p->end_mask}, {NULL, 0}};
    const size_t n = (size_t)p->rank;
    int32_t operands[4] = {x, -1, -1, -1}, dims[MW_MAX_RANK], rank = 0, from = 0;

    MWI_TRY(mwi_keras_i32s(c, n, p->begin, &operands[1]));
    MWI_TRY(mwi_keras_i32s(c, n, p->end, &operands[2]));
    MWI_TRY(mwi_keras_i32s(c, n, p->stride, &operands[3]));
    MWI_TRY(mwi_keras_op(c, "STRIDED_SLICE", 4, operands, attrs, &x));
    const mwi_tensor *const t = mwi_keras_tensor(c, x);
    for (int32_t i = 0; i < p->n_result; i++) {
        const int32_t d = p->added[i] ? 1 : t->dims[from++];
        if (p->gone[i]) continue;
        if (rank == MW_MAX_RANK) return mwi_fail(c->ctx, MW_ELIMIT, "gives rank %d", rank + 1);
        dims[rank++] = d;
    }
    MWI_TRY(mwi_keras_reshape(c, x, rank, dims, &x));
    return mwi_keras_return(c, x);
}

MWI_KERAS_EMIT(get_item)
{
    const mwi_keras_operand key = mwi_keras_operand_of(call, 1, "key|slice_spec");
    const bool many = json_is_array(key.json);
    const size_t n = many ? json_array_size(key.json) : 1;
    int32_t n_ranges = 0, x;
    pick p = {0};

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    p.rank = mwi_keras_tensor(call, x)->rank;
    if (key.json == NULL || key.n > 0)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "is indexed by a value, which has no lowering");
    for (size_t i = 0; i < n; i++) {
        const json_t *const v = many ? json_array_get(key.json, i) : key.json;
        n_ranges += !json_is_null(v) && !is_ellipsis(v);
    }
    for (size_t i = 0; i < n; i++)
        MWI_TRY(pick_item(call, many ? json_array_get(key.json, i) : key.json, n_ranges, &p));
    while (p.at < p.rank) {
        if (p.n_result >= 2 * MW_MAX_RANK - 1)
            return mwi_fail(call->ctx, MW_ELIMIT, "is indexed by too many dimensions");
        pick_all(&p);
    }
    return emit_pick(call, &p, x);
}

/* ---- repeating, turning, padding, picking ---- */

MWI_KERAS_EMIT(repeat)
{
    int64_t times[1];
    int32_t x, axis, places;
    void *memory;
    size_t n;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    const mwi_tensor *const t = mwi_keras_tensor(call, x);
    MWI_TRY(mwi_keras_operand_ints(call, 1, "repeats", 1, times, &n));
    MWI_TRY(one_axis(call, 2, "axis", t->rank, false, &axis));
    const int64_t count = t->dims[axis];
    if (n == 0 || times[0] < 1 || times[0] > (1 << 20) / count)
        return mwi_fail(call->ctx, MW_ELIMIT, "repeats %lld places too often", (long long)count);
    MWI_TRY(mwi_arena_array(call->ctx, call->build->scratch, (size_t)(count * times[0]),
                            sizeof(int32_t), &memory));
    for (int64_t i = 0; i < count * times[0]; i++) ((int32_t *)memory)[i] = (int32_t)(i / times[0]);
    const mwi_keras_attr attrs[] = {{"axis", axis}, {NULL, 0}};
    MWI_TRY(mwi_keras_i32s(call, (size_t)(count * times[0]), memory, &places));
    MWI_TRY(mwi_keras_op(call, "GATHER", 2, (const int32_t[]){x, places}, attrs, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(tile)
{
    int64_t given[MW_MAX_RANK];
    int32_t x, times[MW_MAX_RANK], t;
    size_t n;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(mwi_keras_operand_ints(call, 1, "repeats|multiples", MW_MAX_RANK, given, &n));
    if (n != (size_t)mwi_keras_tensor(call, x)->rank || given[0] != 1)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "repeats the batch, or not each dimension");
    for (size_t i = 0; i < n; i++) {
        if (given[i] < 1 || given[i] > INT32_MAX)
            return mwi_fail(call->ctx, MW_EFORMAT, "repeats a dimension %lld times",
                            (long long)given[i]);
        times[i] = (int32_t)given[i];
    }
    MWI_TRY(mwi_keras_i32s(call, n, times, &t));
    MWI_TRY(mwi_keras_binary(call, "TILE", x, t, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(flip)
{
    int32_t x, axis, a;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(one_axis(call, 1, "axis", mwi_keras_tensor(call, x)->rank, false, &axis));
    MWI_TRY(mwi_keras_i32s(call, 1, &axis, &a));
    MWI_TRY(mwi_keras_binary(call, "REVERSE_V2", x, a, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(cumsum)
{
    const mwi_keras_attr attrs[] = {{"exclusive", mwi_keras_operand_flag(call, -1, "exclusive")},
                                    {"reverse", mwi_keras_operand_flag(call, -1, "reverse")},
                                    {NULL, 0}};
    int32_t x, axis, a;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    MWI_TRY(one_axis(call, 1, "axis", mwi_keras_tensor(call, x)->rank, false, &axis));
    MWI_TRY(mwi_keras_const(call, "axis", MW_INT32, 0, NULL, &axis, &a));
    MWI_TRY(mwi_keras_op(call, "CUMSUM", 2, (const int32_t[]){x, a}, attrs, &x));
    return mwi_keras_return(call, x);
}

/* [[before, after], ...] of every dimension. */
MWI_KERAS_EMIT(pad)
{
    const mwi_keras_operand o = mwi_keras_operand_of(call, 1, "pad_width|paddings");
    const mwi_keras_operand mode = mwi_keras_operand_of(call, 2, "mode");
    const char *const how = json_string_value(mode.json);
    int32_t pads[2 * MW_MAX_RANK], operands[3] = {-1, -1, -1}, x;
    double value;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    const int32_t rank = mwi_keras_tensor(call, x)->rank, dims[2] = {rank, 2};
    if (how != NULL && strcasecmp(how, "constant") != 0)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED, "pads in mode '%.20s', allowed is constant",
                        how);
    MWI_TRY(mwi_keras_operand_number(call, -1, "constant_values", 0, &value));
    if (o.n > 0 || json_array_size(o.json) != (size_t)rank)
        return mwi_fail(call->ctx, MW_EUNSUPPORTED,
                        "has borders that are not one pair a dimension");
    for (int32_t i = 0; i < 2 * rank; i++) {
        const json_t *const pair = json_array_get(o.json, (size_t)i / 2);
        int64_t n;
        if (!mwi_keras_json_int(json_array_get(pair, (size_t)i % 2), &n) || n < 0 ||
            n > INT32_MAX / 4 || (i < 2 && n != 0))
            return mwi_fail(call->ctx, MW_EUNSUPPORTED, "pads the batch, or by no number from 0");
        pads[i] = (int32_t)n;
    }
    operands[0] = x;
    MWI_TRY(mwi_keras_const(call, "paddings", MW_INT32, 2, dims, pads, &operands[1]));
    if (value != 0) MWI_TRY(mwi_keras_scalar(call, value, &operands[2]));
    MWI_TRY(
        mwi_keras_op(call, value == 0 ? "PAD" : "PADV2", value == 0 ? 2 : 3, operands, NULL, &x));
    return mwi_keras_return(call, x);
}

MWI_KERAS_EMIT(take)
{
    int64_t given[4096];
    int32_t x, axis, places[4096], p;
    size_t n;

    (void)f;
    MWI_TRY(mwi_keras_first(call, &x));
    const mwi_tensor *const t = mwi_keras_tensor(call, x);
    const mwi_keras_operand o = mwi_keras_operand_of(call, 1, "indices");
    MWI_TRY(mwi_keras_operand_ints(call, 1, "indices", MWI_COUNT(given), given, &n));
    MWI_TRY(one_axis(call, 2, "axis", t->rank, false, &axis));
    for (size_t i = 0; i < n; i++) {
        if (given[i] < 0) given[i] += t->dims[axis];
        if (given[i] < 0 || given[i] >= t->dims[axis])
            return mwi_fail(call->ctx, MW_EFORMAT, "takes place %lld of %d", (long long)given[i],
                            t->dims[axis]);
        places[i] = (int32_t)given[i];
    }
    const mwi_keras_attr attrs[] = {{"axis", axis}, {NULL, 0}};
    const bool one = json_is_integer(o.json);
    const int32_t dims[1] = {(int32_t)n};
    if (n == 0) return mwi_fail(call->ctx, MW_EFORMAT, "takes nothing");
    MWI_TRY(mwi_keras_const(call, "places", MW_INT32, one ? 0 : 1, dims, places, &p));
    MWI_TRY(mwi_keras_op(call, "GATHER", 2, (const int32_t[]){x, p}, attrs, &x));
    return mwi_keras_return(call, x);
}

/* x * 0 + value would keep what is not finite: the shape alone is taken. */
MWI_KERAS_EMIT(fill_like)
{
    double value = 0;
    int32_t x;

    MWI_TRY(mwi_keras_first(call, &x));
    if (f->op == NULL)
        MWI_TRY(mwi_keras_operand_number(call, 1, "fill_value", 0, &value));
    else
        value = *f->op - '0';
    MWI_TRY(mwi_keras_to_float(call, x, &x));
    MWI_TRY(mwi_keras_unary(call, "ZEROS_LIKE", x, &x));
    if (value != 0) MWI_TRY(mwi_keras_with(call, "ADD", x, value, &x));
    return mwi_keras_return(call, x);
}
