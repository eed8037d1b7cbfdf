/* formats/keras/initializers.c - see initializers.h.
 * Depends: formats/keras/layer, base/rng, base/hash.  Used by: formats/keras/.
 * Trust:   the config is hostile: numbers are checked before they are used.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/initializers.h"

#include "base/hash.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what is to be filled ---- */

typedef struct fill_call {
    mw_ctx *ctx;
    const json_t *config; /* of the initializer; NULL: all defaults */
    mwi_rng rng;
    int32_t rank;
    const int32_t *dims;
    size_t n;
    double fan_in, fan_out;
    float *out;
} fill_call;

/* As Keras counts: the last two dimensions are inputs and outputs, those before them a window. */
static void find_fans(fill_call *c)
{
    double window = 1;

    for (int32_t i = 0; i + 2 < c->rank; i++) window *= c->dims[i];
    c->fan_in = c->rank < 1 ? 1 : c->rank == 1 ? c->dims[0] : c->dims[c->rank - 2] * window;
    c->fan_out = c->rank < 1 ? 1 : c->rank == 1 ? c->dims[0] : c->dims[c->rank - 1] * window;
}

static double number(const fill_call *c, const char *key, double def)
{
    const json_t *const v = json_object_get(c->config, key);
    return json_is_number(v) ? json_number_value(v) : def;
}

/* ---- distributions ---- */

static void normal_pair(mwi_rng *rng, double *out)
{
    const double radius = sqrt(-2 * log(1 - mwi_rng_uniform(rng)));
    const double angle = 2 * M_PI * mwi_rng_uniform(rng);

    out[0] = radius * cos(angle);
    out[1] = radius * sin(angle);
}

static void fill_normal(fill_call *c, double mean, double deviation, bool truncated)
{
    for (size_t i = 0; i < c->n;) {
        double pair[2];
        normal_pair(&c->rng, pair);
        for (int k = 0; k < 2 && i < c->n; k++)
            if (!truncated || fabs(pair[k]) <= 2) c->out[i++] = (float)(mean + deviation * pair[k]);
    }
}

static void fill_uniform(fill_call *c, double low, double high)
{
    for (size_t i = 0; i < c->n; i++)
        c->out[i] = (float)(low + (high - low) * mwi_rng_uniform(&c->rng));
}

static void fill_constant(fill_call *c, double value)
{
    for (size_t i = 0; i < c->n; i++) c->out[i] = (float)value;
}

/* ---- initializers ---- */

static mw_status zeros(fill_call *c) { return fill_constant(c, 0), MW_OK; }
static mw_status ones(fill_call *c) { return fill_constant(c, 1), MW_OK; }
static mw_status constant(fill_call *c) { return fill_constant(c, number(c, "value", 0)), MW_OK; }

static mw_status random_normal(fill_call *c)
{
    fill_normal(c, number(c, "mean", 0), number(c, "stddev", 0.05), false);
    return MW_OK;
}

static mw_status truncated_normal(fill_call *c)
{
    fill_normal(c, number(c, "mean", 0), number(c, "stddev", 0.05), true);
    return MW_OK;
}

static mw_status random_uniform(fill_call *c)
{
    fill_uniform(c, number(c, "minval", -0.05), number(c, "maxval", 0.05));
    return MW_OK;
}

/* The deviation of a normal distribution that is cut at twice its own. */
#define TRUNCATED_DEVIATION 0.87962566103423978

static mw_status scaled(fill_call *c, double scale, const char *mode, const char *distribution)
{
    const double fan = strcmp(mode, "fan_in") == 0    ? c->fan_in
                       : strcmp(mode, "fan_out") == 0 ? c->fan_out
                                                      : (c->fan_in + c->fan_out) / 2;
    const double variance = scale / fmax(1, fan);

    if (!(scale > 0) || !isfinite(scale))
        return mwi_fail(c->ctx, MW_EFORMAT, "an initializer's scale is %g, allowed from 0", scale);
    if (strcmp(distribution, "uniform") == 0)
        fill_uniform(c, -sqrt(3 * variance), sqrt(3 * variance));
    else if (strcmp(distribution, "untruncated_normal") == 0)
        fill_normal(c, 0, sqrt(variance), false);
    else
        fill_normal(c, 0, sqrt(variance) / TRUNCATED_DEVIATION, true);
    return MW_OK;
}

static mw_status variance_scaling(fill_call *c)
{
    const char *const mode = json_string_value(json_object_get(c->config, "mode"));
    const char *const kind = json_string_value(json_object_get(c->config, "distribution"));
    return scaled(c, number(c, "scale", 1), mode == NULL ? "fan_in" : mode,
                  kind == NULL ? "truncated_normal" : kind);
}

static mw_status glorot_uniform(fill_call *c) { return scaled(c, 1, "fan_avg", "uniform"); }
static mw_status glorot_normal(fill_call *c) { return scaled(c, 1, "fan_avg", "truncated_normal"); }
static mw_status he_uniform(fill_call *c) { return scaled(c, 2, "fan_in", "uniform"); }
static mw_status he_normal(fill_call *c) { return scaled(c, 2, "fan_in", "truncated_normal"); }
static mw_status lecun_uniform(fill_call *c) { return scaled(c, 1, "fan_in", "uniform"); }
static mw_status lecun_normal(fill_call *c) { return scaled(c, 1, "fan_in", "truncated_normal"); }

/* Row i becomes orthogonal to those before it, and of length 1; twice, as once leaves rounding. */
static void orthogonalize(double *rows, size_t i, size_t n)
{
    double *const row = rows + i * n;

    for (int again = 0; again < 2; again++) {
        double length = 0;
        for (size_t k = 0; k < i; k++) {
            double dot = 0;
            for (size_t j = 0; j < n; j++) dot += row[j] * rows[k * n + j];
            for (size_t j = 0; j < n; j++) row[j] -= dot * rows[k * n + j];
        }
        for (size_t j = 0; j < n; j++) length += row[j] * row[j];
        for (size_t j = 0; j < n; j++) row[j] /= sqrt(length);
    }
}

/* All but the last dimension are one. The shorter side has the orthogonal vectors. */
static mw_status orthogonal(fill_call *c)
{
    const size_t columns = c->rank < 2 ? 0 : (size_t)c->dims[c->rank - 1];
    const size_t lines = columns == 0 ? 0 : c->n / columns;
    const size_t few = lines < columns ? lines : columns, many = lines < columns ? columns : lines;
    const double gain = number(c, "gain", 1);
    void *memory;

    if (columns == 0)
        return mwi_fail(c->ctx, MW_EFORMAT, "an orthogonal initializer for %d dimensions", c->rank);
    MWI_TRY(mwi_alloc(c->ctx, c->n * sizeof(double), &memory));
    double *const rows = memory;
    for (size_t i = 0; i < c->n; i += 2) {
        double pair[2];
        normal_pair(&c->rng, pair);
        rows[i] = pair[0];
        if (i + 1 < c->n) rows[i + 1] = pair[1];
    }
    for (size_t i = 0; i < few; i++) orthogonalize(rows, i, many);
    for (size_t i = 0; i < lines; i++)
        for (size_t k = 0; k < columns; k++)
            c->out[i * columns + k] =
                (float)(gain * (lines < columns ? rows[i * many + k] : rows[k * many + i]));
    mwi_free(c->ctx, memory, c->n * sizeof(double));
    return MW_OK;
}

static mw_status identity(fill_call *c)
{
    const size_t columns = c->rank == 2 ? (size_t)c->dims[1] : 0;

    if (columns == 0)
        return mwi_fail(c->ctx, MW_EFORMAT, "an identity initializer for %d dimensions", c->rank);
    fill_constant(c, 0);
    for (size_t i = 0; i < columns && i < (size_t)c->dims[0]; i++)
        c->out[i * columns + i] = (float)number(c, "gain", 1);
    return MW_OK;
}

/* ---- by their names ---- */

/* Names of functions and classes differ by letters' case and underscores. */
static const struct {
    const char *name;
    mw_status (*fill)(fill_call *c);
} initializers[] = {
    {"zeros", zeros},
    {"zero", zeros},
    {"ones", ones},
    {"one", ones},
    {"constant", constant},
    {"randomnormal", random_normal},
    {"normal", random_normal},
    {"truncatednormal", truncated_normal},
    {"randomuniform", random_uniform},
    {"uniform", random_uniform},
    {"variancescaling", variance_scaling},
    {"glorotuniform", glorot_uniform},
    {"glorotnormal", glorot_normal},
    {"heuniform", he_uniform},
    {"henormal", he_normal},
    {"lecununiform", lecun_uniform},
    {"lecunnormal", lecun_normal},
    {"orthogonal", orthogonal},
    {"identity", identity},
    {"orthogonalinitializer", orthogonal},
    {"identityinitializer", identity},
};

static bool same_name(const char *plain, const char *given)
{
    for (; *given != '\0'; given++) {
        const char c = *given >= 'A' && *given <= 'Z' ? (char)(*given - 'A' + 'a') : *given;
        if (c == '_') continue;
        if (c != *plain) return false;
        plain++;
    }
    return *plain == '\0';
}

/* What Keras takes where the config says nothing, by the end of the weight's name. */
static const struct {
    const char *end, *initializer;
} defaults[] = {
    {"recurrent_kernel", "orthogonal"},
    {"kernel", "glorot_uniform"},
    {"embeddings", "uniform"},
    {"gamma", "ones"},
    {"moving_variance", "ones"},
    {"variance", "ones"},
    {"scale", "ones"},
    {"concat_score_weight", "ones"},
    {"vector_u", "truncated_normal"},
};

const json_t *mwi_keras_weight_key(const mwi_keras_layer *l, const char *weight, const char *suffix)
{
    static const char kernel[] = "_kernel";
    const size_t k = sizeof kernel - 1;
    size_t n = strcspn(weight, "|");
    char key[96];

    if (n > k && memcmp(weight + n - k, kernel, k) == 0) n -= k;
    (void)snprintf(key, sizeof key, "%.*s%s", (int)n, weight, suffix);
    return mwi_keras_key(l, key);
}

static const char *default_of(const char *weight)
{
    const size_t n = strcspn(weight, "|");

    for (size_t i = 0; i < MWI_COUNT(defaults); i++) {
        const size_t k = strlen(defaults[i].end);
        if (n >= k && memcmp(weight + n - k, defaults[i].end, k) == 0)
            return defaults[i].initializer;
    }
    return "zeros";
}

/* Sub-layers of attention have their parent's initializers: "query_kernel" is of
 * kernel_initializer.
 */
static const json_t *config_of(const mwi_keras_layer *l, const mwi_keras_weight_rule *rule)
{
    const size_t n = strcspn(rule->name, "|");
    const json_t *found = mwi_keras_weight_key(l, rule->name, "_initializer");

    if (found != NULL || rule->sub == NULL) return found;
    const bool bias = n >= 4 && memcmp(rule->name + n - 4, "bias", 4) == 0;
    return mwi_keras_key(l, bias ? "bias_initializer" : "kernel_initializer");
}

/* Gates are i, f, c, o: the second is open at first. */
static void open_forget_gate(const mwi_keras_layer *l, const mwi_keras_weight_rule *rule,
                             fill_call *c)
{
    const json_t *const v = mwi_keras_key(l, "unit_forget_bias");

    if (strstr(l->class_name, "LSTM") == NULL || strncmp(rule->name, "bias", 4) != 0 ||
        json_is_false(v))
        return;
    for (size_t i = c->n / 4; i < c->n / 2; i++) c->out[i] = 1;
}

mw_status mwi_keras_initialize(mw_ctx *ctx, const mwi_keras_layer *l,
                               const mwi_keras_weight_rule *rule, uint64_t seed, int32_t rank,
                               const int32_t *dims, float *out)
{
    const json_t *const config = config_of(l, rule);
    const char *name =
        json_string_value(json_is_object(config) ? json_object_get(config, "class_name") : config);
    uint64_t stream = mwi_hash(MWI_HASH_START, l->path, strlen(l->path));
    fill_call c = {.ctx = ctx, .rank = rank, .dims = dims, .out = out};
    char text[80];

    stream = mwi_hash(mwi_hash(stream, "/", 1), rule->name, strlen(rule->name));
    c.rng.state = seed;
    c.rng.state = mwi_rng_next(&c.rng) ^ stream;
    if (!mwi_dims_count(rank, dims, &c.n))
        return mwi_fail(ctx, MW_ELIMIT, "weight '%s' is too large", rule->name);
    find_fans(&c);
    if (config == NULL) name = default_of(rule->name);
    if (json_is_object(config)) c.config = json_object_get(config, "config");
    for (size_t i = 0; name != NULL && i < MWI_COUNT(initializers); i++) {
        if (!same_name(initializers[i].name, name)) continue;
        MWI_TRY(initializers[i].fill(&c));
        open_forget_gate(l, rule, &c);
        return MW_OK;
    }
    return mwi_fail(ctx, MW_EUNSUPPORTED, "has an initializer for '%s' that is not known: %s",
                    rule->name, mwi_keras_show(config, text, sizeof text));
}
