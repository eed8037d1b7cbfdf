/* formats/keras/keras_json.c - JSON text as Python writes it, bounded; values of a layer's config
 * with errors that say what was seen and what is allowed.
 * Depends: formats/keras/layer, Jansson.  Used by: formats/keras/.
 * Trust:   the text is hostile.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Configs of the largest published models have a few MB; Jansson takes up to some 30 bytes a byte
 * of text. */
enum { MAX_TEXT = 64 << 20, DEPTH_PER_MODEL = 8 };

/* Nesting of brackets outside of strings; and whether Python's NaN or Infinity occur. */
static uint32_t scan(const char *text, size_t n, bool *out_special)
{
    uint32_t depth = 0, deepest = 0;
    bool in_string = false;

    *out_special = false;
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > deepest) deepest = depth;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        } else if (c == 'N' || c == 'I') {
            *out_special = true;
        }
    }
    return deepest;
}

/* Jansson knows no Infinity and no NaN: they become a huge number and, as only initialisers hold
 * it, zero. */
static void make_plain(char *text, size_t n)
{
    bool in_string = false;

    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
        } else if (text[i] == '"') {
            in_string = true;
        } else if (n - i >= 3 && memcmp(text + i, "NaN", 3) == 0) {
            memcpy(text + i, "0e0", 3);
        } else if (n - i >= 8 && memcmp(text + i, "Infinity", 8) == 0) {
            memcpy(text + i, "1e308   ", 8);
        }
    }
}

mw_status mwi_keras_json_parse(mw_ctx *ctx, const char *text, size_t n, const char *what,
                               json_t **out)
{
    const uint32_t limit = mwi_limits(ctx)->max_depth * DEPTH_PER_MODEL;
    json_error_t error;
    bool special;
    void *copy = NULL;

    *out = NULL;
    if (n > MAX_TEXT)
        return mwi_fail(ctx, MW_ELIMIT, "%s has %zu bytes, limit %d", what, n, MAX_TEXT);
    const uint32_t depth = scan(text, n, &special);
    if (depth > limit)
        return mwi_fail(ctx, MW_ELIMIT, "%s is nested %u deep, limit %u", what, depth, limit);
    if (special) {
        MWI_TRY(mwi_alloc(ctx, n, &copy));
        memcpy(copy, text, n);
        make_plain(copy, n);
    }
    *out = json_loadb(copy != NULL ? copy : text, n, JSON_DECODE_ANY, &error);
    mwi_free(ctx, copy, n);
    if (*out == NULL)
        return mwi_fail(ctx, MW_EFORMAT, "%s is not JSON: line %d: %s", what, error.line,
                        error.text);
    if (json_is_object(*out)) return MW_OK;
    json_decref(*out);
    *out = NULL;
    return mwi_fail(ctx, MW_EFORMAT, "%s is not a JSON object", what);
}

const char *mwi_keras_show(const json_t *value, char *text, size_t n)
{
    if (value == NULL) {
        (void)snprintf(text, n, "absent");
        return text;
    }
    const size_t got = json_dumpb(value, text, n - 1, JSON_ENCODE_ANY | JSON_COMPACT);
    if (got < n)
        text[got] = '\0';
    else
        (void)snprintf(text, n, "%s",
                       json_is_array(value)    ? "a long list"
                       : json_is_object(value) ? "an object"
                                               : "a long text");
    return text;
}

bool mwi_keras_name_in(const char *alternatives, const char *name, size_t n)
{
    for (const char *p = alternatives;; p++) {
        const size_t k = strcspn(p, "|");
        if (k == n && memcmp(p, name, n) == 0) return true;
        p += k;
        if (*p == '\0') return false;
    }
}

const json_t *mwi_keras_key(const mwi_keras_layer *layer, const char *keys)
{
    char key[64];

    for (const char *p = keys;; p++) {
        const size_t k = strcspn(p, "|");
        if (k < sizeof key) {
            memcpy(key, p, k);
            key[k] = '\0';
            const json_t *const v = json_object_get(layer->config, key);
            if (v != NULL && !json_is_null(v)) return v;
        }
        p += k;
        if (*p == '\0') return NULL;
    }
}

bool mwi_keras_json_int(const json_t *value, int64_t *out)
{
    if (json_is_boolean(value)) return *out = json_is_true(value), true;
    if (json_is_integer(value)) return *out = json_integer_value(value), true;
    if (!json_is_real(value)) return false;
    const double v = json_real_value(value);
    if (!(fabs(v) <= 9e15) || v != floor(v)) return false;
    *out = (int64_t)v;
    return true;
}

/* "filters" of "filters|nb_filter" */
static int first_key(const char *keys) { return (int)strcspn(keys, "|"); }

static mw_status to_int(mw_ctx *ctx, const char *keys, const json_t *v, int64_t min, int64_t max,
                        int32_t *out)
{
    char text[80];
    int64_t n;

    if (!mwi_keras_json_int(v, &n) || n < min || n > max)
        return mwi_fail(ctx, MW_EFORMAT,
                        "%.*s is %s, allowed are integers from %" PRId64 " to %" PRId64,
                        first_key(keys), keys, mwi_keras_show(v, text, sizeof text), min, max);
    *out = (int32_t)n;
    return MW_OK;
}

static mw_status absent(mw_ctx *ctx, const char *keys)
{
    return mwi_fail(ctx, MW_EFORMAT, "the config has no %.*s", first_key(keys), keys);
}

mw_status mwi_keras_int(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys, int64_t def,
                        int64_t min, int64_t max, int32_t *out)
{
    const json_t *const v = mwi_keras_key(layer, keys);

    if (v != NULL) return to_int(ctx, keys, v, min, max, out);
    if (def == MWI_KERAS_REQUIRED) return absent(ctx, keys);
    *out = (int32_t)def;
    return MW_OK;
}

mw_status mwi_keras_ints(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys, size_t n,
                         int64_t def, int64_t min, int64_t max, int32_t *out)
{
    const json_t *const v = mwi_keras_key(layer, keys);
    char text[80];

    if (v == NULL && def == MWI_KERAS_REQUIRED) return absent(ctx, keys);
    if (json_is_array(v) && json_array_size(v) != n)
        return mwi_fail(ctx, MW_EFORMAT, "%.*s is %s, allowed is an integer or a list of %zu",
                        first_key(keys), keys, mwi_keras_show(v, text, sizeof text), n);
    for (size_t i = 0; i < n; i++) {
        if (v == NULL)
            out[i] = (int32_t)def;
        else
            MWI_TRY(
                to_int(ctx, keys, json_is_array(v) ? json_array_get(v, i) : v, min, max, &out[i]));
    }
    return MW_OK;
}

mw_status mwi_keras_float(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys, double def,
                          double *out)
{
    const json_t *const v = mwi_keras_key(layer, keys);
    char text[80];

    if (v != NULL && !json_is_number(v) && !json_is_boolean(v))
        return mwi_fail(ctx, MW_EFORMAT, "%.*s is %s, allowed is a number", first_key(keys), keys,
                        mwi_keras_show(v, text, sizeof text));
    *out = v == NULL ? def : json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
    return MW_OK;
}

mw_status mwi_keras_bool(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys, bool def,
                         bool *out)
{
    const json_t *const v = mwi_keras_key(layer, keys);
    char text[80];
    int64_t n = def;

    if (v != NULL && !mwi_keras_json_int(v, &n))
        return mwi_fail(ctx, MW_EFORMAT, "%.*s is %s, allowed are true and false", first_key(keys),
                        keys, mwi_keras_show(v, text, sizeof text));
    *out = n != 0;
    return MW_OK;
}

static void join(const char *const *names, char *text, size_t n)
{
    size_t at = 0;

    *text = '\0';
    for (; *names != NULL && at < n; names++)
        at += (size_t)snprintf(text + at, n - at, "%s%s", at == 0 ? "" : ", ", *names);
}

mw_status mwi_keras_choice(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys,
                           const char *const *allowed, int *out)
{
    const json_t *const v = mwi_keras_key(layer, keys);
    char text[80], all[200];

    *out = 0;
    if (v == NULL) return MW_OK;
    for (int i = 0; allowed[i] != NULL && json_is_string(v); i++)
        if (strcasecmp(allowed[i], json_string_value(v)) == 0) return *out = i, MW_OK;
    join(allowed, all, sizeof all);
    return mwi_fail(ctx, MW_EUNSUPPORTED, "%.*s is %s, allowed are: %s", first_key(keys), keys,
                    mwi_keras_show(v, text, sizeof text), all);
}

/* ---- pieces that several layers share ---- */

mw_status mwi_keras_channels_first(mw_ctx *ctx, const mwi_keras_layer *layer, bool *out)
{
    static const char *const formats[] = {
        "channels_last", "channels_first", "tf", "th", "default", NULL};
    int k;

    MWI_TRY(mwi_keras_choice(ctx, layer, "data_format|dim_ordering", formats, &k));
    *out = k == 1 || k == 3;
    return MW_OK;
}

mw_status mwi_keras_padding(mw_ctx *ctx, const mwi_keras_layer *layer, bool causal, int *out)
{
    static const char *const two[] = {"valid", "same", NULL}, *const three[] = {"valid", "same",
                                                                                "causal", NULL};
    return mwi_keras_choice(ctx, layer, "padding|border_mode", causal ? three : two, out);
}

mw_status mwi_keras_axis(mw_ctx *ctx, const char *key, int64_t axis, int32_t rank, int32_t *out)
{
    if (axis < -rank || axis >= rank)
        return mwi_fail(ctx, MW_EFORMAT,
                        "%s is %" PRId64 " for an input of rank %d, allowed %d to %d", key, axis,
                        rank, -rank, rank - 1);
    *out = (int32_t)(axis < 0 ? axis + rank : axis);
    return MW_OK;
}

bool mwi_keras_is_class(const mwi_keras_layer *layer, const char *class_name)
{
    return strcmp(layer->class_name, class_name) == 0;
}

mw_status mwi_keras_snake_case(mw_ctx *ctx, mwi_arena *arena, const char *name, const char **out)
{
    const size_t n = strlen(name);
    void *first, *second;
    size_t a = 0, b = 0;

    MWI_TRY(mwi_arena_alloc(ctx, arena, 2 * n + 1, &first));
    MWI_TRY(mwi_arena_alloc(ctx, arena, 4 * n + 1, &second));
    char *const s = first, *const t = second;
    for (size_t i = 0; i < n; i++) { /* (.)([A-Z][a-z]+): the match takes the whole word */
        if (!isalnum((unsigned char)name[i]) && name[i] != '_') continue;
        const bool word =
            a > 0 && isupper((unsigned char)name[i]) && islower((unsigned char)name[i + 1]);
        if (word) s[a++] = '_';
        s[a++] = name[i];
        while (word && islower((unsigned char)name[i + 1])) s[a++] = name[++i];
    }
    for (size_t i = 0; i < a; i++) { /* ([a-z])([A-Z]) */
        if (i > 0 && islower((unsigned char)s[i - 1]) && isupper((unsigned char)s[i])) t[b++] = '_';
        t[b++] = s[i];
    }
    for (size_t i = 0; i < b; i++) t[i] = (char)tolower((unsigned char)t[i]);
    t[b] = '\0';
    *out = t;
    return MW_OK;
}
