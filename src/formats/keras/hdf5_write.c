/* formats/keras/hdf5_write.c - the legacy .h5 layout that Keras 2 and 3 load, written with
 * libhdf5.
 * Depends: formats/keras/archive, HDF5 C.  Used by: formats/keras/.
 * Threads: libhdf5 keeps global state and is not thread-safe: one mutex, the only mutable global,
 *   keeps writers apart. A program that uses libhdf5 itself must not do so while this writes.
 * Format:  as Keras names its groups and attributes; compressed files use HDF5 1.10's layouts,
 *          which need 2 to 3 kB less a dataset than the older index of chunks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive.h"
#include "formats/keras/hdf5/h5.h"

#include <hdf5.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The most bytes of one list of names; Keras splits longer ones (HDF5_OBJECT_HEADER_LIMIT). */
enum { MAX_ATTRIBUTE_BYTES = 64512 };
/* Below this a deflated chunk with its filter list is no smaller. A chunk has less than 4 GiB; much
 * smaller ones deflate as well and take less memory to read. */
enum { MIN_DEFLATE_BYTES = 256, MAX_CHUNK_BYTES = 16 << 20 };

/* The innermost entry of libhdf5's error stack says what went wrong. */
static herr_t innermost(unsigned n, const H5E_error2_t *entry, void *self)
{
    const char **const text = self;
    if (n == 0 && entry->desc != NULL) *text = entry->desc;
    return 0;
}

/* The text lives in the stack: used before the next call of libhdf5. */
static mw_status failed(mw_ctx *ctx, const char *what, const char *name)
{
    const char *why = "no reason given";

    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &why);
    return mwi_fail(ctx, MW_EIO, "HDF5 cannot write %s '%.200s': %.300s", what, name, why);
}

/* ---- attributes ---- */

static mw_status put_attribute(mw_ctx *ctx, hid_t at, const char *name, hid_t type, hid_t space,
                               const void *value)
{
    const hid_t attribute = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const bool good = attribute >= 0 && (value == NULL || H5Awrite(attribute, type, value) >= 0);
    const mw_status st = good ? MW_OK : failed(ctx, "attribute", name);

    if (attribute >= 0) (void)H5Aclose(attribute);
    return st;
}

static mw_status put_text(mw_ctx *ctx, hid_t at, const char *name, const char *text)
{
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);

    (void)H5Tset_size(type, H5T_VARIABLE);
    (void)H5Tset_cset(type, H5T_CSET_UTF8);
    const mw_status st = put_attribute(ctx, at, name, type, space, &text);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    return st;
}

static size_t longest(const char *const *names, size_t n)
{
    size_t most = 1;

    for (size_t i = 0; i < n; i++) most = strlen(names[i]) > most ? strlen(names[i]) : most;
    return most;
}

/* Strings of one fixed length, as Keras writes lists of names. */
static mw_status put_some_names(mw_ctx *ctx, hid_t at, const char *name, const char *const *names,
                                size_t n)
{
    const size_t width = longest(names, n);
    const hsize_t dims[1] = {n};
    void *memory;

    MWI_TRY(mwi_alloc(ctx, width * n, &memory)); /* at most MAX_ATTRIBUTE_BYTES, or one name */
    for (size_t i = 0; i < n; i++) {
        char *const to = (char *)memory + i * width;
        memset(to, 0, width);
        memcpy(to, names[i], strlen(names[i]));
    }
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, dims, NULL);
    (void)H5Tset_size(type, width);
    (void)H5Tset_strpad(type, H5T_STR_NULLPAD);
    const mw_status st = put_attribute(ctx, at, name, type, space, memory);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    mwi_free(ctx, memory, width * n);
    return st;
}

static mw_status put_names(mw_ctx *ctx, hid_t at, const char *name, const char *const *names,
                           size_t n)
{
    const size_t width = longest(names, n), most = MAX_ATTRIBUTE_BYTES / width;
    char part[64];

    if (width > MAX_ATTRIBUTE_BYTES)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s holds a name of %zu bytes, Keras allows %d", name,
                        width, MAX_ATTRIBUTE_BYTES);
    if (n <= most) return put_some_names(ctx, at, name, names, n);
    for (size_t i = 0, k = 0; i < n; i += most, k++) {
        (void)snprintf(part, sizeof part, "%s%zu", name, k);
        MWI_TRY(put_some_names(ctx, at, part, names + i, n - i < most ? n - i : most));
    }
    return MW_OK;
}

/* ---- datasets ---- */

static hid_t half_type(void)
{
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);

    (void)H5Tset_fields(type, 15, 10, 5, 0, 10);
    (void)H5Tset_ebias(type, 15);
    (void)H5Tset_size(type, 2);
    return type;
}

/* As h5py stores NumPy's bool. */
static hid_t bool_type(void)
{
    const hid_t type = H5Tenum_create(H5T_STD_I8LE);
    const int8_t no = 0, yes = 1;

    (void)H5Tenum_insert(type, "FALSE", &no);
    (void)H5Tenum_insert(type, "TRUE", &yes);
    return type;
}

/* A new handle; negative for types that Keras has no weights of. */
static hid_t file_type(mw_dtype dtype)
{
    switch (dtype) {
    case MW_BFLOAT16: /* widened: legacy files know no bfloat16 */
    case MW_FLOAT32: return H5Tcopy(H5T_IEEE_F32LE);
    case MW_FLOAT16: return half_type();
    case MW_FLOAT64: return H5Tcopy(H5T_IEEE_F64LE);
    case MW_INT8: return H5Tcopy(H5T_STD_I8LE);
    case MW_INT16: return H5Tcopy(H5T_STD_I16LE);
    case MW_INT32: return H5Tcopy(H5T_STD_I32LE);
    case MW_INT64: return H5Tcopy(H5T_STD_I64LE);
    case MW_UINT8: return H5Tcopy(H5T_STD_U8LE);
    case MW_UINT16: return H5Tcopy(H5T_STD_U16LE);
    case MW_UINT32: return H5Tcopy(H5T_STD_U32LE);
    case MW_UINT64: return H5Tcopy(H5T_STD_U64LE);
    case MW_BOOL: return bool_type();
    default: return -1;
    }
}

/* Whole leading slices up to MAX_CHUNK_BYTES; one chunk needs no index at all. */
static void choose_storage(hid_t creation, int rank, const hsize_t *dims, size_t bytes,
                           size_t element)
{
    hsize_t chunk[MW_MAX_RANK];
    size_t left = bytes;

    if (bytes < MIN_DEFLATE_BYTES) {
        if (bytes > 0) (void)H5Pset_layout(creation, H5D_COMPACT);
        return;
    }
    memcpy(chunk, dims, (size_t)rank * sizeof *dims);
    for (int i = 0; i < rank && left > MAX_CHUNK_BYTES; i++) {
        const size_t each = left / (size_t)dims[i]; /* bytes of one slice */
        chunk[i] = each >= MAX_CHUNK_BYTES ? 1 : MAX_CHUNK_BYTES / each;
        left = each * (size_t)chunk[i];
    }
    (void)H5Pset_chunk(creation, rank, chunk);
    if (element > 1) (void)H5Pset_shuffle(creation);
    (void)H5Pset_deflate(creation, 9);
}

static mw_status write_values(mw_ctx *ctx, hid_t set, hid_t type, const mwi_keras_array *a)
{
    const size_t n = a->bytes / 2;
    const void *values = a->data;
    void *wide = NULL;

    if (a->dtype == MW_BFLOAT16) { /* the upper half of a float32 */
        MWI_TRY(mwi_alloc(ctx, 2 * a->bytes, &wide));
        for (size_t i = 0; i < n; i++) {
            memset((char *)wide + 4 * i, 0, 2);
            memcpy((char *)wide + 4 * i + 2, (const char *)a->data + 2 * i, 2);
        }
        values = wide;
    }
    const bool good = H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    const mw_status st = good ? MW_OK : failed(ctx, "weight", a->path);
    mwi_free(ctx, wide, 2 * a->bytes);
    return st;
}

/* Files do not tell when they were made: the same weights are the same bytes. */
static hid_t timeless(hid_t of)
{
    const hid_t creation = H5Pcreate(of);
    (void)H5Pset_obj_track_times(creation, false);
    return creation;
}

/* One group below another; `fresh`: it must not be there already. Closes `group`. */
static hid_t go_below(hid_t group, const char *name, size_t n, bool fresh, hid_t creation)
{
    enum { MAX_NAME = 1024 };
    char part[MAX_NAME];
    hid_t below = -1;

    (void)snprintf(part, sizeof part, "%.*s", (int)(n < MAX_NAME ? n : 0), name);
    if (*part != '\0')
        below = !fresh && H5Lexists(group, part, H5P_DEFAULT) > 0
                    ? H5Gopen2(group, part, H5P_DEFAULT)
                    : H5Gcreate2(group, part, H5P_DEFAULT, creation, H5P_DEFAULT);
    (void)H5Gclose(group);
    return below;
}

/* Names of nested layers hold '/': the first n characters name groups below groups, which may be
 * there already; `fresh`: but the last. Negative: a name that HDF5 does not take, or is taken. */
static hid_t make_group(hid_t at, const char *name, size_t n, bool fresh)
{
    const hid_t creation = timeless(H5P_GROUP_CREATE);
    hid_t group = fresh && n == 0 ? -1 : H5Gopen2(at, ".", H5P_DEFAULT);

    for (size_t i = 0; group >= 0 && i < n;) {
        const size_t k = strcspn(name + i, "/"), length = k < n - i ? k : n - i;
        if (length > 0)
            group = go_below(group, name + i, length, fresh && i + length == n, creation);
        i += length + 1;
    }
    (void)H5Pclose(creation);
    return group;
}

/* Groups on the way ("dense/kernel:0") are made. */
static mw_status put_array(mw_ctx *ctx, hid_t group, const mwi_keras_array *a, bool compress)
{
    hsize_t dims[MW_MAX_RANK] = {0};
    mw_status st = MW_OK;

    const hid_t type = file_type(a->dtype);
    if (type < 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "weight '%.200s' is of type %s, which Keras does not keep in "
                        ".h5 files",
                        a->path, mw_dtype_name(a->dtype));
    for (int32_t i = 0; i < a->rank; i++) dims[i] = (hsize_t)a->dims[i];
    const hid_t space =
        a->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(a->rank, dims, NULL);
    const hid_t creation = timeless(H5P_DATASET_CREATE);
    const char *const slash = strrchr(a->path, '/');
    const size_t n_folder = slash == NULL ? 0 : (size_t)(slash - a->path);
    const hid_t parent = make_group(group, a->path, n_folder, false);
    if (compress && a->rank > 0)
        choose_storage(creation, a->rank, dims, a->bytes, H5Tget_size(type));
    const hid_t set = H5Dcreate2(parent, slash == NULL ? a->path : slash + 1, type, space,
                                 H5P_DEFAULT, creation, H5P_DEFAULT);
    if (set < 0)
        st = failed(ctx, "weight", a->path);
    else if (a->bytes > 0)
        st = write_values(ctx, set, type, a);
    if (set >= 0 && H5Dclose(set) < 0 && st == MW_OK) st = failed(ctx, "weight", a->path);
    if (parent >= 0) (void)H5Gclose(parent);
    (void)H5Pclose(creation);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    return st;
}

/* ---- groups ---- */

static mw_status put_layer(mw_ctx *ctx, hid_t weights, const mwi_keras_out_layer *layer,
                           bool compress)
{
    const hid_t group = make_group(weights, layer->name, strlen(layer->name), true);
    const size_t bytes = layer->n_weights * sizeof(char *);
    void *memory = NULL;

    if (group < 0) return failed(ctx, "layer", layer->name);
    mw_status st = mwi_alloc(ctx, bytes, &memory);
    if (st == MW_OK) {
        const char **const names = memory;
        for (size_t i = 0; i < layer->n_weights; i++) names[i] = layer->weights[i]->path;
        st = put_names(ctx, group, "weight_names", names, layer->n_weights);
        mwi_free(ctx, memory, bytes);
    }
    for (size_t i = 0; i < layer->n_weights && st == MW_OK; i++)
        st = put_array(ctx, group, layer->weights[i], compress);
    (void)H5Gclose(group);
    return st;
}

static mw_status put_layer_names(mw_ctx *ctx, hid_t group, const mwi_keras_out *what)
{
    const size_t bytes = what->n_layers * sizeof(char *);
    void *memory = NULL;

    MWI_TRY(mwi_alloc(ctx, bytes, &memory));
    const char **const names = memory;
    for (size_t i = 0; i < what->n_layers; i++) names[i] = what->layers[i].name;
    const mw_status st = put_names(ctx, group, "layer_names", names, what->n_layers);
    mwi_free(ctx, memory, bytes);
    return st;
}

static mw_status put_weights(mw_ctx *ctx, hid_t file, const mwi_keras_out *what)
{
    const hid_t group = make_group(file, "model_weights", strlen("model_weights"), true);

    if (group < 0) return failed(ctx, "group", "model_weights");
    mw_status st = put_layer_names(ctx, group, what);
    if (st == MW_OK) st = put_text(ctx, group, "keras_version", what->keras_version);
    if (st == MW_OK) st = put_text(ctx, group, "backend", what->backend);
    for (size_t i = 0; i < what->n_layers && st == MW_OK; i++)
        st = put_layer(ctx, group, &what->layers[i], what->compress);
    (void)H5Gclose(group);
    return st;
}

static mw_status put_all(mw_ctx *ctx, hid_t file, const mwi_keras_out *what)
{
    if (what->config_json != NULL) MWI_TRY(put_text(ctx, file, "model_config", what->config_json));
    if (what->training_json != NULL)
        MWI_TRY(put_text(ctx, file, "training_config", what->training_json));
    MWI_TRY(put_text(ctx, file, "keras_version", what->keras_version));
    MWI_TRY(put_text(ctx, file, "backend", what->backend));
    return put_weights(ctx, file, what);
}

/* H5Fget_file_image takes the mark "open for writing" out of a superblock of version 3 (byte 11 of
 * 48), but leaves the checksum of the marked one behind (HDF5 1.10.8). */
static void close_superblock(uint8_t *image, size_t n)
{
    if (n < 48 || image[8] != 3) return;
    image[11] = 0;
    const uint32_t sum = mwi_h5_lookup3(image, 44, 0);
    for (size_t i = 0; i < 4; i++) image[44 + i] = (uint8_t)(sum >> (8 * i));
}

static mw_status take_image(mw_ctx *ctx, hid_t file, mwi_arena *arena, const uint8_t **bytes,
                            size_t *n)
{
    void *memory;

    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) return failed(ctx, "the end of", "file");
    const ssize_t size = H5Fget_file_image(file, NULL, 0);
    if (size <= 0) return failed(ctx, "the image of", "file");
    MWI_TRY(mwi_arena_alloc(ctx, arena, (size_t)size, &memory));
    if (H5Fget_file_image(file, memory, (size_t)size) != size)
        return failed(ctx, "the image of", "file");
    close_superblock(memory, (size_t)size);
    *bytes = memory;
    *n = (size_t)size;
    return MW_OK;
}

/* The file is made in memory: a libhdf5 that runs into a full disk does not get over it (its close
 * fails, then the end of the process), and names bytes instead of the reason. */
static mw_status make_file(mw_ctx *ctx, const mwi_keras_out *what, mwi_arena *arena,
                           const uint8_t **bytes, size_t *n)
{
    enum { GROW_BYTES = 1 << 20 };
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);

    (void)H5Pset_fapl_core(access, GROW_BYTES, 0);
    (void)H5Pset_meta_block_size(access, 0); /* blocks' unused ends would stay in the image */
    (void)H5Pset_small_data_block_size(access, 0);
    if (what->compress) (void)H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    const hid_t creation = timeless(H5P_FILE_CREATE);
    const hid_t file = H5Fcreate("model.h5", H5F_ACC_TRUNC, creation, access); /* only a name */
    (void)H5Pclose(creation);
    (void)H5Pclose(access);
    if (file < 0) return failed(ctx, "the start of", "file");
    mw_status st = put_all(ctx, file, what);
    if (st == MW_OK) st = take_image(ctx, file, arena, bytes, n);
    (void)H5Fclose(file);
    return st;
}

mw_status mwi_keras_make_h5(mw_ctx *ctx, const mwi_keras_out *what, mwi_arena *arena,
                            const uint8_t **bytes, size_t *n)
{
    H5E_auto2_t print = NULL;
    void *print_self = NULL;

    (void)pthread_mutex_lock(&lock);
    (void)H5Eget_auto2(H5E_DEFAULT, &print, &print_self);
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* errors come through us, not on stderr */
    const mw_status st = make_file(ctx, what, arena, bytes, n);
    (void)H5Eset_auto2(H5E_DEFAULT, print, print_self);
    (void)pthread_mutex_unlock(&lock);
    return st;
}

mw_status mwi_keras_write_h5(mw_ctx *ctx, const mwi_keras_out *what, mwi_output *output)
{
    const uint8_t *bytes;
    mwi_arena arena;
    size_t n;

    mwi_arena_init(ctx, &arena);
    mw_status st = mwi_keras_make_h5(ctx, what, &arena, &bytes, &n);
    if (st == MW_OK) st = mwi_output_write(ctx, output, bytes, n);
    mwi_arena_deinit(&arena);
    return st;
}
