/* api/model_io.c - mw_model_load and mw_model_save: formats, inference, verification, lowering.
 * Depends: formats/, passes/, model/.  Used by: programs.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/format.h"
#include "passes/pass.h"

#include <stdio.h>
#include <string.h>

static const mwi_format_desc *format_of(const mwi_reader *r)
{
    for (const mwi_format_desc *const *f = mwi_formats; *f != NULL; f++)
        if ((*f)->probe(r->bytes, r->len)) return *f;
    return NULL;
}

static mw_status load(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options,
                      mw_model *model)
{
    static const mw_load_options none;
    const mwi_format_desc *const f = format_of(r);

    if (f == NULL)
        return mwi_fail(ctx, MW_EFORMAT, "%s: not a .tflite, .h5 or .keras file (%zu bytes)",
                        r->name, r->len);
    model->format = f->name;
    model->file_bytes = r->len;
    if (options == NULL) options = &none;
    MWI_TRY(f->load(ctx, r, options, model));
    MWI_TRY(mwi_model_verify(ctx, model));
    if (options->input_shapes != NULL && options->n_input_shapes != model->graphs[0]->n_inputs)
        return mwi_fail(ctx, MW_EINVAL, "%s: %zu input shapes are given, the model has %zu inputs",
                        r->name, options->n_input_shapes, model->graphs[0]->n_inputs);
    for (size_t i = 0; i < model->n_graphs; i++)
        MWI_TRY(mwi_graph_infer(ctx, model, model->graphs[i]));
    return mwi_model_verify(ctx, model);
}

static mw_status open_model(mw_ctx *ctx, const char *name, const uint8_t *bytes, size_t n,
                            mwi_mapping *mapping, const mw_load_options *options, mw_model **out)
{
    mw_model *m;

    MWI_TRY(mwi_model_create(ctx, name, &m));
    if (mapping != NULL) {
        m->mapping = *mapping;
        memset(mapping, 0, sizeof *mapping);
    }
    const mwi_reader r = {m->name, bytes, n};
    const mw_status st = load(ctx, &r, options, m);
    if (st == MW_OK)
        *out = m;
    else
        mw_model_destroy(m);
    return st;
}

mw_status mw_model_load(mw_ctx *ctx, const char *path, const mw_load_options *options,
                        mw_model **out_model)
{
    mwi_mapping mapping;

    mwi_enter(ctx);
    *out_model = NULL;
    MWI_TRY(mwi_file_map(ctx, path, &mapping));
    const mw_status st =
        open_model(ctx, path, mapping.bytes, mapping.len, &mapping, options, out_model);
    mwi_file_unmap(&mapping);
    return st;
}

mw_status mw_model_load_memory(mw_ctx *ctx, const void *bytes, size_t n_bytes, const char *name,
                               const mw_load_options *options, mw_model **out_model)
{
    mwi_enter(ctx);
    *out_model = NULL;
    return open_model(ctx, name, bytes, n_bytes, NULL, options, out_model);
}

static const mwi_format_desc *format_by_suffix(const char *path)
{
    const size_t n = strlen(path);

    for (const mwi_format_desc *const *f = mwi_formats; *f != NULL; f++) {
        const size_t k = (*f)->suffix == NULL || (*f)->save == NULL ? 0 : strlen((*f)->suffix);
        if (k != 0 && n > k && strcmp(path + n - k, (*f)->suffix) == 0) return *f;
    }
    return NULL;
}

static bool has_training_ops(const mw_model *model)
{
    for (size_t g = 0; g < model->n_graphs; g++)
        for (size_t i = 0; i < model->graphs[g]->n_ops; i++)
            if ((model->graphs[g]->ops[i]->desc->traits & MWI_OP_TRAINING_ONLY) != 0) return true;
    return false;
}

static mw_status save(mw_ctx *ctx, const mwi_format_desc *f, const mw_model *model,
                      const char *path)
{
    mwi_output *output;

    MWI_TRY(mwi_output_open(ctx, path, &output));
    const mw_status st = f->save(ctx, model, output);
    if (st == MW_OK) return mwi_output_commit(ctx, output);
    mwi_output_discard(output);
    /* What fails while it is written names the file already. */
    return strncmp(mw_ctx_error(ctx), path, strlen(path)) == 0 ? st
                                                               : mwi_prefix(ctx, st, "%s", path);
}

static mw_status no_format(mw_ctx *ctx, const char *path)
{
    char names[128] = "";
    size_t used = 0;

    for (const mwi_format_desc *const *f = mwi_formats; *f != NULL; f++)
        if ((*f)->suffix != NULL && (*f)->save != NULL && used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                     used == 0 ? "" : " or ", (*f)->suffix);
    return mwi_fail(ctx, MW_EINVAL, "%s: the format is chosen by the suffix: %s", path, names);
}

mw_status mw_model_format_of_path(mw_ctx *ctx, const char *path, mw_format_info *out_info)
{
    const mwi_format_desc *const f = format_by_suffix(path);

    mwi_enter(ctx);
    if (f == NULL) return no_format(ctx, path);
    *out_info = (mw_format_info){f->name, (f->flags & MWI_FORMAT_KEEPS_LAYERS) != 0};
    return MW_OK;
}

mw_status mw_model_save(mw_ctx *ctx, const mw_model *model, const char *path)
{
    const mwi_format_desc *const f = format_by_suffix(path);
    mw_model *lowered;
    mw_status st;

    mwi_enter(ctx);
    if (f == NULL) return no_format(ctx, path);
    if (model->integer != NULL && (f->flags & MWI_FORMAT_KEEPS_LAYERS) == 0)
        return save(ctx, f, model->integer, path);
    if ((f->flags & MWI_FORMAT_TRAINING_OPS) != 0 || !has_training_ops(model))
        return save(ctx, f, model, path);
    MWI_TRY(mwi_model_clone(ctx, model, &lowered));
    MWI_GOTO(mwi_passes_run(ctx, lowered, MWI_PASS_LOWER, NULL, NULL));
    st = save(ctx, f, lowered, path);
out:
    mw_model_destroy(lowered);
    return st;
}

/* ---- what a model says of itself ---- */

const char *mw_model_format(const mw_model *model) { return model->format; }
const char *mw_model_name(const mw_model *model) { return model->name; }
size_t mw_model_n_inputs(const mw_model *model) { return model->graphs[0]->n_inputs; }
size_t mw_model_n_outputs(const mw_model *model) { return model->graphs[0]->n_outputs; }

static mw_status io_info(mw_ctx *ctx, const mw_model *model, const char *what,
                         const int32_t *tensors, size_t n, size_t index, mw_tensor_info *out_info)
{
    if (index >= n)
        return mwi_fail(ctx, MW_EINVAL, "%s: %s %zu of %zu", model->name, what, index, n);
    mwi_tensor_info(model->graphs[0]->tensors[tensors[index]], out_info);
    return MW_OK;
}

mw_status mw_model_input(mw_ctx *ctx, const mw_model *model, size_t index, mw_tensor_info *out_info)
{
    mwi_enter(ctx);
    const mwi_graph *const g = model->graphs[0];
    return io_info(ctx, model, "input", g->inputs, g->n_inputs, index, out_info);
}

mw_status mw_model_output(mw_ctx *ctx, const mw_model *model, size_t index,
                          mw_tensor_info *out_info)
{
    mwi_enter(ctx);
    const mwi_graph *const g = model->graphs[0];
    return io_info(ctx, model, "output", g->outputs, g->n_outputs, index, out_info);
}
