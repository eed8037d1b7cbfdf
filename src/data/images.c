/* data/images.c - a folder with one folder of PNG or JPEG images a class; the label is the folder's
 * name where all names are whole numbers, else its place among the sorted names. Images are scaled
 * (bilinear, half-pixel centres) to the model's input. Depends: data/source, data/image_decode.
 * Used by: the list of kinds. SPDX-License-Identifier: Apache-2.0 */
#include "data/image_decode.h"
#include "data/source.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_FILES = 10000000, MAX_CLASSES = 100000 };

struct names {
    const char **v;
    size_t n, capacity;
};

struct images {
    const char **paths;
    int32_t *labels;
    mwi_image_shape shape;
};

static bool probe(const char *path, const uint8_t *bytes, size_t n)
{
    (void)path;
    (void)n;
    return bytes == NULL;
}

static bool is_image(const char *name)
{
    static const char *const suffixes[] = {".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".JPEG"};
    const size_t n = strlen(name);

    for (size_t i = 0; i < MWI_COUNT(suffixes); i++) {
        const size_t k = strlen(suffixes[i]);
        if (n > k && strcmp(name + n - k, suffixes[i]) == 0) return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends the sorted paths of a folder's folders, or of its images. */
static mw_status list(mw_ctx *ctx, mwi_arena *arena, const char *path, bool folders,
                      struct names *out)
{
    const size_t before = out->n;
    struct stat info;
    mw_status st = MW_OK;
    DIR *const dir = opendir(path);

    if (dir == NULL) return mwi_fail(ctx, MW_EIO, "%s: %s", path, strerror(errno));
    for (const struct dirent *e; st == MW_OK && (e = readdir(dir)) != NULL;) {
        const char *child;
        if (e->d_name[0] == '.') continue;
        MWI_GOTO(mwi_arena_printf(ctx, arena, &child, "%s/%s", path, e->d_name));
        if (stat(child, &info) != 0) continue;
        if (folders ? !S_ISDIR(info.st_mode) : !S_ISREG(info.st_mode) || !is_image(e->d_name))
            continue;
        if (out->n >= (folders ? MAX_CLASSES : MAX_FILES))
            MWI_GOTO(mwi_fail(ctx, MW_ELIMIT, "%s: more than %zu entries", path, out->n));
        MWI_GOTO(mwi_arena_grow(ctx, arena, &out->v, out->n, &out->capacity, sizeof *out->v));
        out->v[out->n++] = child;
    }
    if (out->n > before + 1) qsort(out->v + before, out->n - before, sizeof *out->v, by_name);
out:
    (void)closedir(dir);
    return st;
}

static mw_status read_image(mw_ctx *ctx, mwi_column *c, uint64_t first, size_t count, void *out)
{
    const struct images *const im = c->self;

    for (size_t i = 0; i < count; i++)
        MWI_TRY(mwi_image_load(ctx, im->paths[first + i], &im->shape,
                               (uint8_t *)out + i * c->sample_bytes));
    return MW_OK;
}

/* [h,w,c] or [h,w] from the model; a folder alone takes the first image's shape. */
static mw_status choose_shape(mw_ctx *ctx, const char *path, const mw_dataset_options *o,
                              const char *first, mwi_image_shape *out)
{
    if (o->n_inputs == 0) return mwi_image_probe(ctx, first, out);
    const mw_tensor_info *const in = &o->inputs[0];
    if (in->rank == 4 && (in->dims[3] == 1 || in->dims[3] == 3) && in->signature[1] > 0 &&
        in->signature[2] > 0)
        *out = (mwi_image_shape){in->dims[1], in->dims[2], in->dims[3]};
    else if (in->rank == 3 && in->signature[1] > 0 && in->signature[2] > 0)
        *out = (mwi_image_shape){in->dims[1], in->dims[2], 1};
    else
        return mwi_fail(
            ctx, MW_EINVAL,
            "%s: images feed an input [?,height,width,1 or 3], the model's '%s' is another", path,
            in->name);
    if ((uint64_t)out->height * (uint64_t)out->width > MWI_IMAGE_MAX_PIXELS)
        return mwi_fail(ctx, MW_ELIMIT, "%s: the model takes images of %d x %d pixels, limit %d",
                        path, out->width, out->height, MWI_IMAGE_MAX_PIXELS);
    return MW_OK;
}

/* ---- classes ---- */

static const char *base_name(const char *path) { return strrchr(path, '/') + 1; }

/* "7", "007"; -1 when it is no number that may be a class. */
static int32_t number_of(const char *name)
{
    int32_t v = 0;

    for (size_t i = 0; name[i] != '\0'; i++) {
        if (name[i] < '0' || name[i] > '9' || v > MAX_CLASSES) return -1;
        v = v * 10 + (name[i] - '0');
    }
    return v;
}

static int by_number(const void *a, const void *b)
{
    const int32_t x = number_of(base_name(*(const char *const *)a)),
                  y = number_of(base_name(*(const char *const *)b));
    return x != y ? (x > y) - (x < y) : by_name(a, b);
}

/* Folders 0, 3, 10 are the classes 0, 3 and 10, wherever sorting puts them; "1" beside "01" are
 * names. */
static bool sort_by_number(const struct names *classes)
{
    for (size_t i = 0; i < classes->n; i++)
        if (number_of(base_name(classes->v[i])) < 0) return false;
    if (classes->n > 1) qsort(classes->v, classes->n, sizeof *classes->v, by_number);
    for (size_t i = 1; i < classes->n; i++)
        if (number_of(base_name(classes->v[i])) == number_of(base_name(classes->v[i - 1]))) {
            qsort(classes->v, classes->n, sizeof *classes->v, by_name);
            return false;
        }
    return true;
}

/* "2 classes, numbered by their folders' names: 0 3", "... by the order of ...: 0 cat, 1 dog". */
static mw_status describe(mw_ctx *ctx, mwi_text *t, const struct names *classes, bool numbers)
{
    enum { SHOWN = 20 };

    MWI_TRY(mwi_text_printf(ctx, t, "%zu class%s, numbered by %stheir folders' names:", classes->n,
                            classes->n == 1 ? "" : "es", numbers ? "" : "the order of "));
    for (size_t i = 0; i < classes->n && i < SHOWN; i++) {
        const char *const name = base_name(classes->v[i]);
        if (numbers)
            MWI_TRY(mwi_text_printf(ctx, t, " %d", number_of(name)));
        else
            MWI_TRY(mwi_text_printf(ctx, t, "%s %zu %.40s", i == 0 ? "" : ",", i, name));
    }
    return classes->n > SHOWN ? mwi_text_printf(ctx, t, " ...") : MW_OK;
}

/* What is done to the first image; others may have other sizes. */
static mw_status describe_scaling(mw_ctx *ctx, mwi_text *t, const char *path,
                                  const mwi_image_shape *to)
{
    mwi_image_shape from;

    MWI_TRY(mwi_image_probe(ctx, path, &from));
    if (from.height == to->height && from.width == to->width && from.channels == to->channels)
        return MW_OK;
    return mwi_text_printf(ctx, t, "; images are made %d x %d %s (the first is %d x %d %s)",
                           to->width, to->height, to->channels == 1 ? "grey" : "RGB", from.width,
                           from.height, from.channels == 1 ? "grey" : "RGB");
}

/* All images, class by class, with their labels. */
static mw_status collect(mw_ctx *ctx, mwi_arena *arena, const char *path, struct names *files,
                         struct images *im, mwi_text *reading)
{
    struct names classes = {0};
    size_t n_labels = 0, capacity = 0;

    MWI_TRY(list(ctx, arena, path, true, &classes));
    const bool numbers = sort_by_number(&classes);
    MWI_TRY(describe(ctx, reading, &classes, numbers));
    for (size_t k = 0; k < classes.n; k++) {
        MWI_TRY(list(ctx, arena, classes.v[k], false, files));
        for (; n_labels < files->n; n_labels++) {
            MWI_TRY(
                mwi_arena_grow(ctx, arena, &im->labels, n_labels, &capacity, sizeof *im->labels));
            im->labels[n_labels] = numbers ? number_of(base_name(classes.v[k])) : (int32_t)k;
        }
    }
    if (files->n == 0)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: no PNG or JPEG images in folders by class (%s/<class>/*.png)", path,
                        path);
    im->paths = files->v;
    return MW_OK;
}

static mw_status open_folder(mw_ctx *ctx, const mwi_reader *r, const mw_dataset_options *o,
                             mw_dataset *ds, mwi_text *reading)
{
    struct names files = {0};
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &ds->arena, 1, sizeof(struct images), &memory));
    struct images *const im = memory;
    MWI_TRY(collect(ctx, &ds->arena, r->name, &files, im, reading));
    MWI_TRY(choose_shape(ctx, r->name, o, files.v[0], &im->shape));
    MWI_TRY(describe_scaling(ctx, reading, files.v[0], &im->shape));
    MWI_TRY(mwi_arena_string(ctx, &ds->arena, mwi_text_chars(reading), reading->n, &ds->reading));
    MWI_TRY(mwi_arena_array(ctx, &ds->arena, 2, sizeof *ds->inputs, &memory));
    ds->inputs = memory;
    ds->n_inputs = 1;
    ds->labels = ds->inputs + 1;
    ds->inputs[0] =
        (mwi_column){.name = "images",
                     .dtype = MW_UINT8,
                     .rank = 3,
                     .dims = {im->shape.height, im->shape.width, im->shape.channels},
                     .n_samples = files.n,
                     .sample_bytes = (size_t)im->shape.height * (size_t)im->shape.width *
                                     (size_t)im->shape.channels,
                     .read = read_image,
                     .self = im};
    ds->inputs[1] = (mwi_column){.name = "classes",
                                 .dtype = MW_INT32,
                                 .n_samples = files.n,
                                 .sample_bytes = sizeof(int32_t),
                                 .read = mwi_column_read_mapped,
                                 .self = im->labels};
    return MW_OK;
}

static mw_status open_images(mw_ctx *ctx, const mwi_reader *r, const mw_dataset_options *o,
                             mw_dataset *ds)
{
    mwi_text reading;

    mwi_text_init(ctx, &reading, 1 << 16);
    const mw_status st = open_folder(ctx, r, o, ds, &reading);
    mwi_text_deinit(&reading);
    return st;
}

const mwi_data_kind mwi_data_kind_images = {
    .name = "images",
    .summary = "folder with a folder of PNG or JPEG images for each class",
    .probe = probe,
    .open = open_images,
};
