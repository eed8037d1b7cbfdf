/* formats/keras/trainees.c - what a layer's config says of training: frozen layers, regularisers,
 * and what is not trained here as Keras does.
 * Depends: formats/keras/build.  Used by: formats/keras/, train/.
 * Trust:   the config is hostile.     SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/trainees.h"
#include "formats/format.h"
#include "formats/keras/build.h"
#include "formats/keras/initializers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- regularisers ---- */

/* A number that is given, or `def` where its key is absent; negative or odd ones are not known. */
static bool factor(const json_t *config, const char *key, double def, float *out)
{
    const json_t *const v = json_object_get(config, key);
    const double number = v == NULL || json_is_null(v) ? def : json_number_value(v);

    *out = (float)number;
    return (v == NULL || json_is_null(v) || json_is_number(v)) && number >= 0 && isfinite(number);
}

/* {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}}, or a name alone. */
static bool read_regularizer(const json_t *r, mwi_keras_trainee *out)
{
    const json_t *const config = json_is_object(r) ? json_object_get(r, "config") : NULL;
    const char *const name =
        json_string_value(json_is_string(r) ? r : json_object_get(r, "class_name"));

    if (name == NULL) return false;
    if (strcasecmp(name, "l1") == 0) return factor(config, "l1", 0.01, &out->l1);
    if (strcasecmp(name, "l2") == 0) return factor(config, "l2", 0.01, &out->l2);
    if (strcasecmp(name, "l1l2") != 0 && strcasecmp(name, "l1_l2") != 0) return false;
    const double def = json_is_string(r) && strcasecmp(name, "l1_l2") == 0 ? 0.01 : 0;
    return factor(config, "l1", def, &out->l1) && factor(config, "l2", def, &out->l2);
}

static bool is_trainable(const mwi_keras_layer *l)
{
    while (l != NULL && l->trainable) l = l->parent;
    return l == NULL;
}

mw_status mwi_keras_fill_trainee(const mwi_keras_call *c, const mwi_keras_slot *slot,
                                 size_t n_values, mwi_keras_trainee *out)
{
    mwi_arena *const arena = &c->build->model->arena;
    const char *const weight = slot->rule->name;
    const size_t n = strcspn(weight, "|");
    const json_t *const r = mwi_keras_weight_key(slot->layer, weight, "_regularizer");
    char text[80];

    MWI_TRY(
        mwi_arena_string(c->ctx, arena, slot->layer->path, strlen(slot->layer->path), &out->layer));
    MWI_TRY(mwi_arena_string(c->ctx, arena, weight, n, &out->weight));
    out->stored = slot;
    out->trainable = is_trainable(slot->layer);
    out->statistic = slot->rule->frozen;
    out->n_stored = n_values;
    if (r == NULL || read_regularizer(r, out)) return MW_OK;
    return mwi_arena_printf(c->ctx, arena, &out->refusal, "the regularizer %s is not known",
                            mwi_keras_show(r, text, sizeof text));
}

/* ---- what is not trained ---- */

/* Layers that change values while training in ways that are not built here. */
static const char *const noisy[] = {"GaussianNoise", "GaussianDropout", "AlphaDropout",
                                    "ActivityRegularization", NULL};

static mw_status note(mwi_keras_build *b, const mwi_keras_layer *l, const char *what)
{
    return mwi_text_printf(b->ctx, &b->untrained, "%slayer '%s' (%s) has %s",
                           b->untrained.n == 0 ? "" : "; ", l->path, l->class_name, what);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

/* A key whose value would change training; the config's other keys do not. */
static bool matters(const mwi_keras_layer *l, const char *key, const json_t *v)
{
    if (json_is_null(v)) return false;
    if (ends_with(key, "_constraint")) return is_trainable(l);
    if (strcmp(key, "activity_regularizer") == 0 || strcmp(key, "renorm") == 0)
        return !json_is_false(v);
    if (strcmp(key, "noise_shape") == 0) return true;
    if (strcmp(key, "data_format") == 0) /* of values that are channels here, not of weights */
        return strncmp(l->class_name, "Spatial", 7) == 0 && json_string_value(v) != NULL &&
               strcmp(json_string_value(v), "channels_first") == 0;
    if (strcmp(key, "dropout") == 0 || strcmp(key, "recurrent_dropout") == 0)
        return json_number_value(v) != 0;
    return false;
}

mw_status mwi_keras_note_untrained(mwi_keras_build *b, const mwi_keras_layer *l)
{
    const char *key;
    json_t *v;

    for (size_t i = 0; noisy[i] != NULL; i++)
        if (strcmp(l->class_name, noisy[i]) == 0) return note(b, l, "no training form here");
    json_object_foreach((json_t *)(uintptr_t)l->config, key,
                        v) /* reads, the macro wants no const */
        if (matters(l, key, v)) MWI_TRY(note(b, l, key));
    return MW_OK;
}

/* Layers that compute their constants from a weight keep it as it is. */
mw_status mwi_keras_note_unused(mwi_keras_build *b, const mwi_keras_layer *l)
{
    char what[96];

    for (size_t i = 0; i < l->n_slots; i++) {
        const mwi_keras_slot *const s = &l->slots[i];
        if (s->rule->frozen || s->first_use >= 0 || s->array == NULL || l->n_calls == 0 ||
            !is_trainable(l))
            continue;
        (void)snprintf(what, sizeof what, "a weight '%.40s' that is not trained here",
                       s->rule->name);
        MWI_TRY(note(b, l, what));
    }
    for (size_t i = 0; i < l->n_children; i++) MWI_TRY(mwi_keras_note_unused(b, l->children[i]));
    return MW_OK;
}

/* ---- asking ---- */

const mwi_keras_origin *mwi_keras_origin_of(const mw_model *model)
{
    for (const mwi_format_desc *const *f = mwi_formats; *f != NULL; f++)
        if ((*f)->name == model->format && ((*f)->flags & MWI_FORMAT_KEEPS_LAYERS) != 0)
            return model->origin;
    return NULL;
}

const mwi_keras_trainee *mwi_keras_trainee_of(const mw_model *model, const mwi_tensor *tensor)
{
    const mwi_keras_origin *const o = mwi_keras_origin_of(model);

    if (o == NULL || tensor->source < 0 || (size_t)tensor->source >= o->n_uses) return NULL;
    return &o->uses[tensor->source].trainee;
}

mw_status mwi_keras_check_training(mw_ctx *ctx, const mw_model *model)
{
    const mwi_keras_origin *const o = mwi_keras_origin_of(model);

    if (o == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s did not come from Keras: what is trained is a .h5 or .keras",
                        model->name);
    if (o->untrained == NULL) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "%s cannot be trained as Keras does: %s", model->name,
                    o->untrained);
}
