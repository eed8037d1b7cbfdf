/* data/dataset.c - what is the same for every kind of data: opening, fitting a model, conversion,
 * labels.
 * Depends: data/source, base/.  Used by: evaluate, compress, programs through the API.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/source.h"

#include "base/half.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define MWI_DATA_KIND(id) extern const mwi_data_kind mwi_data_kind_##id;
#include "data/kinds.def"
#undef MWI_DATA_KIND

const mwi_data_kind *const mwi_data_kinds[] = {
#define MWI_DATA_KIND(id) &mwi_data_kind_##id,
#include "data/kinds.def"
#undef MWI_DATA_KIND
    NULL,
};

/* Samples converted at a time: bounds the memory of one read. */
enum { CHUNK_BYTES = 1 << 18 };

bool mwi_data_name_matches(const char *array, const char *tensor)
{
    static const char prefix[] = "serving_default_";
    size_t n = strlen(tensor);

    if (strcmp(array, tensor) == 0) return true;
    if (strncmp(tensor, prefix, sizeof prefix - 1) == 0) {
        tensor += sizeof prefix - 1;
        n -= sizeof prefix - 1;
    }
    if (n > 2 && memcmp(tensor + n - 2, ":0", 2) == 0) n -= 2;
    return strlen(array) == n && memcmp(array, tensor, n) == 0;
}

/* ---- fitting a model ---- */

static mw_status shape_text(mw_ctx *ctx, mwi_text *t, int32_t rank, const int32_t *dims)
{
    mw_status st = mwi_text_printf(ctx, t, "[?");
    for (int32_t i = 0; i < rank && st == MW_OK; i++)
        st = dims[i] < 0 ? mwi_text_printf(ctx, t, ",?") : mwi_text_printf(ctx, t, ",%d", dims[i]);
    return st == MW_OK ? mwi_text_printf(ctx, t, "]") : st;
}

/* The next dimension that is not 1, or 0 at the end: [8,8] fits [8,8,1]. */
static int32_t next_dim(const int32_t *dims, int32_t rank, int32_t *at)
{
    while (*at < rank && dims[*at] == 1) (*at)++;
    return *at < rank ? dims[(*at)++] : 0;
}

static bool shape_fits(const mwi_column *c, const mw_tensor_info *input)
{
    /* An input without a batch dimension takes the whole sample. */
    const int32_t rank = input->rank > 0 ? input->rank - 1 : 0;
    const int32_t *const want = input->signature + (input->rank > 0 ? 1 : 0);
    int32_t a = 0, b = 0;

    if (c->rank == rank) {
        bool same = true;
        for (int32_t i = 0; i < rank; i++) same = same && (want[i] < 0 || want[i] == c->dims[i]);
        if (same) return true;
    }
    for (;;) {
        const int32_t da = next_dim(c->dims, c->rank, &a), db = next_dim(want, rank, &b);
        if (da != db) return false;
        if (da == 0) return true;
    }
}

static mw_status check_fit(mw_ctx *ctx, const mw_dataset *ds, const mwi_column *c,
                           const mw_tensor_info *input)
{
    mwi_text have, want;
    mw_status st;

    if (shape_fits(c, input)) return MW_OK;
    mwi_text_init(ctx, &have, 512);
    mwi_text_init(ctx, &want, 512);
    MWI_GOTO(shape_text(ctx, &have, c->rank, c->dims));
    MWI_GOTO(shape_text(ctx, &want, input->rank - 1, input->signature + 1));
    st = mwi_fail(ctx, MW_EINVAL,
                  "%s: array '%s' has samples of shape %s, the model's input '%s' wants %s",
                  ds->path, c->name, mwi_text_chars(&have), input->name, mwi_text_chars(&want));
out:
    mwi_text_deinit(&have);
    mwi_text_deinit(&want);
    return st;
}

static mw_status check(mw_ctx *ctx, const mw_dataset *ds, const mw_dataset_options *o)
{
    if (o->n_inputs != 0 && ds->n_inputs != o->n_inputs)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: feeds %zu input, the model has %zu; use a .npz with an array for "
                        "each, named as it is",
                        ds->path, ds->n_inputs, o->n_inputs);
    for (size_t i = 0; i < ds->n_inputs; i++) {
        const mwi_column *const c = &ds->inputs[i];
        if (c->n_samples == 0)
            return mwi_fail(ctx, MW_EINVAL, "%s: array '%s' has no samples", ds->path, c->name);
        if (c->n_samples != ds->inputs[0].n_samples)
            return mwi_fail(ctx, MW_EINVAL, "%s: '%s' has %" PRIu64 " samples, '%s' has %" PRIu64,
                            ds->path, c->name, c->n_samples, ds->inputs[0].name,
                            ds->inputs[0].n_samples);
        if (i < o->n_inputs) MWI_TRY(check_fit(ctx, ds, c, &o->inputs[i]));
    }
    if (ds->labels != NULL && ds->labels->n_samples != ds->inputs[0].n_samples)
        return mwi_fail(ctx, MW_EINVAL, "%s: %" PRIu64 " labels for %" PRIu64 " samples", ds->path,
                        ds->labels->n_samples, ds->inputs[0].n_samples);
    return MW_OK;
}

/* ---- opening ---- */

/* "x_test; labels: y_test". */
static mw_status describe(mw_ctx *ctx, mw_dataset *ds)
{
    mwi_text t;
    mw_status st = MW_OK;

    mwi_text_init(ctx, &t, 1 << 16);
    for (size_t i = 0; i < ds->n_inputs && i < 20 && st == MW_OK; i++)
        st = mwi_text_printf(ctx, &t, "%s%.60s", i == 0 ? "" : ", ", ds->inputs[i].name);
    if (st == MW_OK)
        st = mwi_text_printf(ctx, &t, "; labels: %.60s",
                             ds->labels == NULL ? "none" : ds->labels->name);
    if (st == MW_OK) st = mwi_arena_string(ctx, &ds->arena, mwi_text_chars(&t), t.n, &ds->reading);
    mwi_text_deinit(&t);
    return st;
}

static mw_status open_kind(mw_ctx *ctx, const mwi_reader *r, const mw_dataset_options *o,
                           mw_dataset *ds)
{
    if (o->role != MW_DATA_TRAIN && o->role != MW_DATA_TEST)
        return mwi_fail(ctx, MW_EINVAL, "data role %d, allowed 0 to 1", (int)o->role);
    ds->scale = o->scale == 0 ? 1.0 : o->scale;
    ds->offset = o->offset;
    if (!isfinite(ds->scale) || !isfinite(ds->offset))
        return mwi_fail(ctx, MW_EINVAL, "scale %g and offset %g must be finite", o->scale,
                        o->offset);
    for (const mwi_data_kind *const *k = mwi_data_kinds; *k != NULL; k++) {
        if (!(*k)->probe(r->name, r->bytes, r->len)) continue;
        MWI_TRY((*k)->open(ctx, r, o, ds));
        MWI_TRY(check(ctx, ds, o));
        return ds->reading != NULL ? MW_OK : describe(ctx, ds);
    }
    return mwi_fail(ctx, MW_EFORMAT,
                    "%s: not a .npz, .npy or CSV file, nor a folder of images by class", r->name);
}

static mw_status open_reader(mw_ctx *ctx, const mwi_reader *r, mwi_mapping *mapping,
                             const mw_dataset_options *options, mw_dataset **out)
{
    static const mw_dataset_options none;
    void *memory;

    *out = NULL;
    MWI_TRY(mwi_alloc(ctx, sizeof(mw_dataset), &memory));
    mw_dataset *const ds = memory;
    memset(ds, 0, sizeof *ds);
    ds->heap = mwi_heap_retain(ctx);
    mwi_arena_init(ctx, &ds->arena);
    if (mapping != NULL) {
        ds->mapping = *mapping;
        memset(mapping, 0, sizeof *mapping);
    }
    mw_status st = mwi_arena_string(ctx, &ds->arena, r->name, strlen(r->name), &ds->path);
    if (st == MW_OK) {
        const mwi_reader named = {ds->path, r->bytes, r->len};
        st = open_kind(ctx, &named, options == NULL ? &none : options, ds);
    }
    if (st != MW_OK)
        mw_dataset_close(ds);
    else
        *out = ds;
    return st;
}

mw_status mwi_dataset_open_bytes(mw_ctx *ctx, const mwi_reader *r,
                                 const mw_dataset_options *options, mw_dataset **out)
{
    return open_reader(ctx, r, NULL, options, out);
}

mw_status mw_dataset_open(mw_ctx *ctx, const char *path, const mw_dataset_options *options,
                          mw_dataset **out_dataset)
{
    mwi_mapping mapping = {0};
    struct stat info;

    mwi_enter(ctx);
    *out_dataset = NULL;
    if (stat(path, &info) != 0) return mwi_fail(ctx, MW_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode)) MWI_TRY(mwi_file_map(ctx, path, &mapping));
    const mwi_reader r = {path,
                          S_ISDIR(info.st_mode) ? NULL
                          : mapping.len == 0    ? (const uint8_t *)""
                                                : mapping.bytes,
                          mapping.len};
    const mw_status st = open_reader(ctx, &r, &mapping, options, out_dataset);
    mwi_file_unmap(&mapping);
    return st;
}

void mw_dataset_close(mw_dataset *dataset)
{
    if (dataset == NULL) return;
    if (dataset->close != NULL) dataset->close(dataset);
    for (size_t i = 0; dataset->inputs != NULL && i < dataset->n_inputs; i++)
        mwi_arena_deinit(&dataset->inputs[i].texts);
    mwi_heap *const heap = dataset->heap;
    mwi_arena_deinit(&dataset->arena);
    mwi_file_unmap(&dataset->mapping);
    mwi_heap_free(heap, dataset, sizeof *dataset);
    mwi_heap_release(heap);
}

uint64_t mw_dataset_n_samples(const mw_dataset *dataset) { return dataset->inputs[0].n_samples; }
size_t mw_dataset_n_inputs(const mw_dataset *dataset) { return dataset->n_inputs; }
const char *mw_dataset_reading(const mw_dataset *dataset) { return dataset->reading; }

mw_status mw_dataset_input(mw_ctx *ctx, const mw_dataset *dataset, size_t index,
                           mw_tensor_info *out_info)
{
    mwi_enter(ctx);
    if (index >= dataset->n_inputs)
        return mwi_fail(ctx, MW_EINVAL, "%s: input %zu of %zu", dataset->path, index,
                        dataset->n_inputs);
    const mwi_column *const c = &dataset->inputs[index];
    memset(out_info, 0, sizeof *out_info);
    out_info->name = c->name;
    out_info->dtype = c->dtype;
    out_info->rank = c->rank;
    memcpy(out_info->dims, c->dims, sizeof out_info->dims);
    memcpy(out_info->signature, c->dims, sizeof out_info->signature);
    return MW_OK;
}

/* ---- conversion ---- */

static double stored(mw_dtype t, const uint8_t *p)
{
    union {
        float f32;
        double f64;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
    } v;
    memcpy(&v, p, mw_dtype_bits(t) / 8);
    switch (t) {
    case MW_FLOAT32: return (double)v.f32;
    case MW_FLOAT64: return v.f64;
    case MW_FLOAT16: return (double)mwi_half_to_float(v.u16);
    case MW_INT8: return (int8_t)*p;
    case MW_UINT8:
    case MW_BOOL: return *p;
    case MW_INT16: return v.i16;
    case MW_UINT16: return v.u16;
    case MW_INT32: return v.i32;
    case MW_UINT32: return v.u32;
    case MW_INT64: return (double)v.i64;
    case MW_UINT64: return (double)v.u64;
    default: return 0;
    }
}

static bool convertible(mw_dtype t)
{
    return mw_dtype_bits(t) >= 8 && t != MW_STRING && t != MW_COMPLEX64 && t != MW_COMPLEX128 &&
           t != MW_BFLOAT16;
}

static void put_integer(mw_dtype t, double v, uint8_t *out)
{
    double low, high;
    switch (t) {
    case MW_INT8: low = -128, high = 127; break;
    case MW_UINT8: low = 0, high = 255; break;
    case MW_BOOL: low = 0, high = 1; break;
    case MW_INT16: low = -32768, high = 32767; break;
    case MW_UINT16: low = 0, high = 65535; break;
    case MW_INT32: low = INT32_MIN, high = INT32_MAX; break;
    case MW_UINT32: low = 0, high = UINT32_MAX; break;
    case MW_UINT64: low = 0, high = 0x1p53; break;
    default: low = -0x1p53, high = 0x1p53; break;
    }
    v = !(v > low) ? low : v > high ? high : v; /* NaN becomes the lowest */
    const int64_t i = (int64_t)v;
    memcpy(out, &i, mw_dtype_bits(t) / 8); /* little-endian */
}

struct target {
    mw_dtype dtype;
    double scale, offset; /* of the data set */
    double q_scale;       /* 0: not quantized */
    double zero_point;
};

static uint64_t count_non_finite(mw_dtype t, const uint8_t *p, size_t n)
{
    const size_t bytes = mw_dtype_bits(t) / 8;
    uint64_t count = 0;

    if (t != MW_FLOAT16 && t != MW_FLOAT32 && t != MW_FLOAT64) return 0;
    for (size_t i = 0; i < n; i++) count += !isfinite(stored(t, p + i * bytes));
    return count;
}

static void convert(const mwi_column *c, const struct target *to, const uint8_t *from, size_t n,
                    uint8_t *out)
{
    const size_t from_bytes = mw_dtype_bits(c->dtype) / 8, to_bytes = mw_dtype_bits(to->dtype) / 8;

    for (size_t i = 0; i < n; i++, from += from_bytes, out += to_bytes) {
        const double real = stored(c->dtype, from) * to->scale + to->offset;
        if (to->dtype == MW_FLOAT32) {
            const float f = (float)real;
            memcpy(out, &f, sizeof f);
        } else if (to->dtype == MW_FLOAT64) {
            memcpy(out, &real, sizeof real);
        } else if (to->dtype == MW_FLOAT16) {
            const uint16_t h = mwi_float_to_half((float)real);
            memcpy(out, &h, sizeof h);
        } else if (to->q_scale > 0) {
            /* TFLite's quantization of a float input: in float32, halves away from zero. */
            put_integer(to->dtype,
                        (double)roundf((float)real / (float)to->q_scale) + to->zero_point, out);
        } else {
            put_integer(to->dtype, round(real), out);
        }
    }
}

static mw_status set_target(mw_ctx *ctx, const mw_dataset *ds, const mwi_column *c,
                            const mw_tensor_info *as, struct target *out)
{
    if (!convertible(c->dtype) || !convertible(as->dtype))
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: array '%s' of %s cannot feed a %s input",
                        ds->path, c->name, mw_dtype_name(c->dtype), mw_dtype_name(as->dtype));
    *out = (struct target){.dtype = as->dtype, .scale = ds->scale, .offset = ds->offset};
    if (as->quantization.n_scales == 1) {
        out->q_scale = (double)as->quantization.scales[0];
        out->zero_point = (double)as->quantization.zero_points[0];
    }
    return MW_OK;
}

static size_t elements_of(const mwi_column *c)
{
    const size_t bytes =
        c->dtype == MW_STRING && c->text.bytes > 0 ? c->text.bytes : mw_dtype_bits(c->dtype) / 8;
    return bytes == 0 ? 0 : c->sample_bytes / bytes;
}

/* Samples of strings: n of them. */
static mw_status read_strings(mw_ctx *ctx, mwi_column *c, uint64_t first, size_t count, size_t n,
                              mw_string *out)
{
    void *stored;

    if (c->texts.heap == NULL) mwi_arena_init(ctx, &c->texts);
    mwi_arena_reset(ctx, &c->texts);
    if (c->text.bytes == 0) return c->read(ctx, c, first, count, out);
    MWI_TRY(mwi_arena_alloc(ctx, &c->texts, count * c->sample_bytes, &stored));
    MWI_TRY(c->read(ctx, c, first, count, stored));
    mwi_npy_strings(&c->text, stored, n, out);
    return MW_OK;
}

mw_status mw_dataset_read(mw_ctx *ctx, mw_dataset *ds, size_t index, uint64_t first, size_t count,
                          const mw_tensor_info *as, void *out, size_t out_bytes)
{
    struct target to;
    uint8_t *p = out;
    void *buffer;

    mwi_enter(ctx);
    if (index >= ds->n_inputs)
        return mwi_fail(ctx, MW_EINVAL, "%s: input %zu of %zu", ds->path, index, ds->n_inputs);
    mwi_column *const c = &ds->inputs[index];
    if (first > c->n_samples || count > c->n_samples - first)
        return mwi_fail(ctx, MW_EINVAL, "%s: samples %" PRIu64 " to %" PRIu64 " of %" PRIu64,
                        ds->path, first, first + count, c->n_samples);
    const size_t to_bytes = mw_dtype_bits(as->dtype) / 8, elements = elements_of(c);
    if (elements * to_bytes * count != out_bytes)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: %zu samples of '%s' are %zu bytes as %s, the input takes %zu",
                        ds->path, count, c->name, elements * to_bytes * count,
                        mw_dtype_name(as->dtype), out_bytes);
    if (count == 0 || elements == 0) return MW_OK;
    if (c->dtype == MW_STRING && as->dtype == MW_STRING)
        return read_strings(ctx, c, first, count, count * elements, out);
    const bool integer =
        as->dtype != MW_FLOAT32 && as->dtype != MW_FLOAT16 && as->dtype != MW_FLOAT64;
    if (c->dtype == as->dtype && (integer || (ds->scale == 1.0 && ds->offset == 0.0))) {
        MWI_TRY(c->read(ctx, c, first, count, out));
        ds->n_non_finite += count_non_finite(c->dtype, out, count * elements);
        return MW_OK;
    }
    MWI_TRY(set_target(ctx, ds, c, as, &to));
    const size_t at_once = c->sample_bytes >= CHUNK_BYTES ? 1 : CHUNK_BYTES / c->sample_bytes;
    const size_t samples = at_once < count ? at_once : count;
    MWI_TRY(mwi_alloc(ctx, samples * c->sample_bytes, &buffer));
    mw_status st = MW_OK;
    for (size_t done = 0; done < count && st == MW_OK; done += samples) {
        const size_t n = count - done < samples ? count - done : samples;
        st = c->read(ctx, c, first + done, n, buffer);
        if (st != MW_OK) break;
        ds->n_non_finite += count_non_finite(c->dtype, buffer, n * elements);
        convert(c, &to, buffer, n * elements, p + done * elements * to_bytes);
    }
    mwi_free(ctx, buffer, samples * c->sample_bytes);
    return st;
}

uint64_t mw_dataset_n_non_finite(const mw_dataset *dataset) { return dataset->n_non_finite; }

/* ---- labels ---- */

size_t mw_dataset_label_size(const mw_dataset *ds, bool *out_is_integer)
{
    const mwi_column *const c = ds->labels;

    if (out_is_integer != NULL) *out_is_integer = false;
    if (c == NULL || !convertible(c->dtype)) return 0;
    if (out_is_integer != NULL)
        *out_is_integer =
            c->dtype != MW_FLOAT16 && c->dtype != MW_FLOAT32 && c->dtype != MW_FLOAT64;
    return c->sample_bytes / (mw_dtype_bits(c->dtype) / 8);
}

mw_status mw_dataset_read_labels(mw_ctx *ctx, mw_dataset *ds, uint64_t first, size_t count,
                                 double *out)
{
    const size_t size = mw_dataset_label_size(ds, NULL);
    void *buffer;

    mwi_enter(ctx);
    if (size == 0) return mwi_fail(ctx, MW_EINVAL, "%s: no labels", ds->path);
    mwi_column *const c = ds->labels;
    if (first > c->n_samples || count > c->n_samples - first)
        return mwi_fail(ctx, MW_EINVAL, "%s: labels %" PRIu64 " to %" PRIu64 " of %" PRIu64,
                        ds->path, first, first + count, c->n_samples);
    if (count == 0) return MW_OK;
    MWI_TRY(mwi_alloc(ctx, count * c->sample_bytes, &buffer));
    const mw_status st = c->read(ctx, c, first, count, buffer);
    for (size_t i = 0; i < count * size && st == MW_OK; i++)
        out[i] = stored(c->dtype, (const uint8_t *)buffer + i * (mw_dtype_bits(c->dtype) / 8));
    mwi_free(ctx, buffer, count * c->sample_bytes);
    return st;
}
