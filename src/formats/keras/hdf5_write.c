/* formats/keras/hdf5_write.c - the legacy .h5 layout that Keras 2 and 3 load, written with libhdf5.
 * Depends: formats/keras/archive, HDF5 C.  Used by: formats/keras/.
 * Threads: libhdf5 keeps global state: one mutex keeps writers apart.     SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive.h"

#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The most bytes of one list of names; Keras splits longer ones. */
enum { MAX_ATTRIBUTE_BYTES = 64512 };

static mw_status failed(mw_ctx *ctx, const char *what)
{
    return mwi_fail(ctx, MW_EIO, "HDF5 cannot write %s", what);
}

/* A variable-length string. */
static mw_status put_text(mw_ctx *ctx, hid_t at, const char *name, const char *text)
{
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    (void)H5Tset_size(type, H5T_VARIABLE);
    (void)H5Tset_cset(type, H5T_CSET_UTF8);
    const hid_t attribute = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const bool good = attribute >= 0 && H5Awrite(attribute, type, &text) >= 0;
    if (attribute >= 0) (void)H5Aclose(attribute);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    return good ? MW_OK : failed(ctx, name);
}

static size_t longest(const char *const *names, size_t n)
{
    size_t most = 1;
    for (size_t i = 0; i < n; i++) most = strlen(names[i]) > most ? strlen(names[i]) : most;
    return most;
}

/* Strings of one fixed length, as Keras writes lists of names. */
static mw_status put_some_names(mw_ctx *ctx, hid_t at, const char *name, const char *const *names, size_t n)
{
    const size_t width = longest(names, n);
    const hsize_t dims[1] = {n};
    void *memory;

    MWI_TRY(mwi_alloc(ctx, width * n + 1, &memory));
    memset(memory, 0, width * n + 1);
    for (size_t i = 0; i < n; i++) memcpy((char *)memory + i * width, names[i], strlen(names[i]));
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, dims, NULL);
    (void)H5Tset_size(type, width);
    (void)H5Tset_strpad(type, H5T_STR_NULLPAD);
    const hid_t attribute = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const bool good = attribute >= 0 && (n == 0 || H5Awrite(attribute, type, memory) >= 0);
    if (attribute >= 0) (void)H5Aclose(attribute);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    mwi_free(ctx, memory, width * n + 1);
    return good ? MW_OK : failed(ctx, name);
}

static mw_status put_names(mw_ctx *ctx, hid_t at, const char *name, const char *const *names, size_t n)
{
    const size_t width = longest(names, n), most = MAX_ATTRIBUTE_BYTES / width;
    char part[64];

    if (n * width <= MAX_ATTRIBUTE_BYTES) return put_some_names(ctx, at, name, names, n);
    for (size_t i = 0, k = 0; i < n; i += most, k++) {
        (void)snprintf(part, sizeof part, "%s%zu", name, k);
        MWI_TRY(put_some_names(ctx, at, part, names + i, n - i < most ? n - i : most));
    }
    return MW_OK;
}

static hid_t file_type(mw_dtype dtype)
{
    switch (dtype) {
    case MW_FLOAT64: return H5T_IEEE_F64LE;
    case MW_INT32: return H5T_STD_I32LE;
    case MW_INT64: return H5T_STD_I64LE;
    case MW_UINT8: return H5T_STD_U8LE;
    case MW_INT8: return H5T_STD_I8LE;
    case MW_UINT32: return H5T_STD_U32LE;
    case MW_UINT64: return H5T_STD_U64LE;
    default: return H5T_IEEE_F32LE;
    }
}

/* Groups on the way ("dense/kernel:0") are made. */
static mw_status put_array(mw_ctx *ctx, hid_t group, const mwi_keras_array *a, bool compress)
{
    hsize_t dims[MW_MAX_RANK];
    bool empty = false;

    for (int32_t i = 0; i < a->rank; i++) {
        dims[i] = (hsize_t)a->dims[i];
        empty = empty || a->dims[i] == 0;
    }
    const hid_t space = a->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(a->rank, dims, NULL);
    const hid_t links = H5Pcreate(H5P_LINK_CREATE), creation = H5Pcreate(H5P_DATASET_CREATE);
    (void)H5Pset_create_intermediate_group(links, 1);
    if (compress && a->rank > 0 && !empty && a->bytes >= 1024) {
        (void)H5Pset_chunk(creation, a->rank, dims);
        (void)H5Pset_shuffle(creation);
        (void)H5Pset_deflate(creation, 9);
    }
    const hid_t type = file_type(a->dtype), set = H5Dcreate2(group, a->path, type, space, links, creation, H5P_DEFAULT);
    const bool good = set >= 0 && (empty || H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->data) >= 0);
    if (set >= 0) (void)H5Dclose(set);
    (void)H5Pclose(creation);
    (void)H5Pclose(links);
    (void)H5Sclose(space);
    return good ? MW_OK : failed(ctx, a->path);
}

static mw_status put_layer(mw_ctx *ctx, hid_t weights, const mwi_keras_out_layer *layer, bool compress)
{
    const hid_t group = H5Gcreate2(weights, layer->name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    void *memory;

    if (group < 0) return failed(ctx, layer->name);
    mw_status st = mwi_alloc(ctx, (layer->n_weights + 1) * sizeof(char *), &memory);
    if (st == MW_OK) {
        const char **const names = memory;
        for (size_t i = 0; i < layer->n_weights; i++) names[i] = layer->weights[i]->path;
        st = put_names(ctx, group, "weight_names", names, layer->n_weights);
        mwi_free(ctx, memory, (layer->n_weights + 1) * sizeof(char *));
    }
    for (size_t i = 0; i < layer->n_weights && st == MW_OK; i++) st = put_array(ctx, group, layer->weights[i], compress);
    (void)H5Gclose(group);
    return st;
}

static mw_status put_weights(mw_ctx *ctx, hid_t file, const mwi_keras_out *what)
{
    const hid_t group = H5Gcreate2(file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    void *memory;

    if (group < 0) return failed(ctx, "model_weights");
    mw_status st = mwi_alloc(ctx, (what->n_layers + 1) * sizeof(char *), &memory);
    if (st == MW_OK) {
        const char **const names = memory;
        for (size_t i = 0; i < what->n_layers; i++) names[i] = what->layers[i].name;
        st = put_names(ctx, group, "layer_names", names, what->n_layers);
        mwi_free(ctx, memory, (what->n_layers + 1) * sizeof(char *));
    }
    if (st == MW_OK) st = put_text(ctx, group, "keras_version", what->keras_version);
    if (st == MW_OK) st = put_text(ctx, group, "backend", what->backend);
    for (size_t i = 0; i < what->n_layers && st == MW_OK; i++) st = put_layer(ctx, group, &what->layers[i], what->compress);
    (void)H5Gclose(group);
    return st;
}

static mw_status write_file(mw_ctx *ctx, const mwi_keras_out *what, const char *path)
{
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* errors come through us, not on stderr */
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    mw_status st = MW_OK;

    if (file < 0) return failed(ctx, path);
    if (what->config_json != NULL) st = put_text(ctx, file, "model_config", what->config_json);
    if (st == MW_OK && what->training_json != NULL) st = put_text(ctx, file, "training_config", what->training_json);
    if (st == MW_OK) st = put_text(ctx, file, "keras_version", what->keras_version);
    if (st == MW_OK) st = put_text(ctx, file, "backend", what->backend);
    if (st == MW_OK) st = put_weights(ctx, file, what);
    if (H5Fclose(file) < 0 && st == MW_OK) st = failed(ctx, path);
    return st;
}

mw_status mwi_keras_write_h5(mw_ctx *ctx, const mwi_keras_out *what, mwi_output *output)
{
    (void)pthread_mutex_lock(&lock);
    const mw_status st = write_file(ctx, what, mwi_output_path(output));
    (void)pthread_mutex_unlock(&lock);
    return st;
}
