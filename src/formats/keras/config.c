/* formats/keras/config.c - values of a layer's configuration, with errors that name layer, key and value.
 * Depends: build.h, Jansson.  Used by: formats/keras/.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <stdio.h>
#include <string.h>

mw_status kr_fail(kr_builder *b, const kr_layer *layer, mw_status status, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return mwi_fail(b->ctx, status, "%s: layer '%s' (%s): %s", b->model->name, layer->name, layer->class_name, text);
}

json_t *kr_value(const kr_layer *layer, const char *key)
{
    json_t *const v = json_object_get(layer->config, key);
    return v == NULL || json_is_null(v) ? NULL : v;
}

bool kr_bool(const kr_layer *layer, const char *key, bool otherwise)
{
    const json_t *const v = kr_value(layer, key);
    if (v == NULL) return otherwise;
    return json_is_number(v) ? json_number_value(v) != 0 : json_is_true(v);
}

double kr_number(const kr_layer *layer, const char *key, double otherwise)
{
    const json_t *const v = kr_value(layer, key);
    if (json_is_boolean(v)) return json_is_true(v) ? 1 : 0;
    return v != NULL && json_is_number(v) ? json_number_value(v) : otherwise;
}

const char *kr_text(const kr_layer *layer, const char *key, const char *otherwise)
{
    const char *const s = json_string_value(kr_value(layer, key));
    return s == NULL ? otherwise : s;
}

mw_status kr_int(kr_builder *b, const kr_layer *layer, const char *key, int32_t *out)
{
    const json_t *const v = kr_value(layer, key);
    const double d = json_number_value(v);

    if (v == NULL || !json_is_number(v) || d < 1 || d > 1 << 30 || d != (double)(int32_t)d)
        return kr_fail(b, layer, MW_EFORMAT, "'%s' must be a positive integer", key);
    *out = (int32_t)d;
    return MW_OK;
}

mw_status kr_ints(kr_builder *b, const kr_layer *layer, const char *key, size_t n, int32_t otherwise, int32_t *out)
{
    json_t *const v = kr_value(layer, key);

    for (size_t i = 0; i < n; i++) {
        const json_t *const item = json_is_array(v) ? json_array_get(v, i) : v;
        const double d = json_number_value(item);
        out[i] = otherwise;
        if (v == NULL) continue;
        if (item == NULL || !json_is_number(item) || d < 0 || d > 1 << 30 || d != (double)(int32_t)d ||
            (json_is_array(v) && json_array_size(v) != n))
            return kr_fail(b, layer, MW_EFORMAT, "'%s' must be %zu integers", key, n);
        out[i] = (int32_t)d;
    }
    return MW_OK;
}

mw_status kr_padding(kr_builder *b, const kr_layer *layer, int32_t *out)
{
    const char *const text = kr_text(layer, "padding", kr_text(layer, "border_mode", "valid"));

    *out = strcmp(text, "same") == 0 ? MWI_PADDING_SAME : MWI_PADDING_VALID;
    if (*out == MWI_PADDING_SAME || strcmp(text, "valid") == 0) return MW_OK;
    return kr_fail(b, layer, MW_EUNSUPPORTED, "padding '%s', allowed 'same' and 'valid'", text);
}

bool kr_channels_first(const kr_layer *layer)
{
    return strcmp(kr_text(layer, "data_format", "channels_last"), "channels_first") == 0 ||
           strcmp(kr_text(layer, "dim_ordering", "tf"), "th") == 0;
}
