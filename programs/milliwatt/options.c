/* programs/milliwatt/options.c - options by tables, and --help made from them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 80 };

/* ---- rows of mw_list ---- */

/* Calls `take` for each row of a table until it returns false. */
static void for_each_row(const char *table, bool (*take)(void *self, const mw_list_row *row),
                         void *self)
{
    mw_ctx *const ctx = open_ctx();
    mw_list_row row;

    for (size_t i = 0; i < mw_list_size(table); i++)
        if (mw_list_get(ctx, table, i, &row) != MW_OK || !take(self, &row)) break;
    mw_ctx_destroy(ctx);
}

static bool print_row(void *self, const mw_list_row *row)
{
    (void)self;
    (void)printf("  %-24s   %-14s %s\n", "", row->name, row->detail);
    return true;
}

struct names {
    char text[256];
    size_t used;
};

static bool add_name(void *self, const mw_list_row *row)
{
    struct names *const n = self;

    if (n->used < sizeof n->text)
        n->used += (size_t)snprintf(n->text + n->used, sizeof n->text - n->used, "%s%s",
                                    n->used == 0 ? "" : ", ", row->name);
    return true;
}

struct search {
    const char *name;
    int32_t *value;
    bool found;
};

static bool find_row(void *self, const mw_list_row *row)
{
    struct search *const s = self;

    if (strcmp(row->name, s->name) != 0) return true;
    *s->value = row->value;
    s->found = true;
    return false;
}

/* ---- help and mistakes ---- */

static void print_help(const command *self, const opt *opts, size_t n)
{
    (void)printf("milliwatt %s: %s\n\nusage: milliwatt %s %s\n\n", self->name, self->summary,
                 self->name, self->usage);
    for (size_t i = 0; i < n; i++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s%s%s", opts[i].name, opts[i].arg == NULL ? "" : " ",
                       opts[i].arg == NULL ? "" : opts[i].arg);
        (void)printf("  %-24s %s\n", left, opts[i].help);
        if (opts[i].kind == OPT_CHOICE) for_each_row(opts[i].table, print_row, NULL);
    }
    (void)printf("  %-24s %s\n", "--help", "this text");
    if (self->more != NULL) (void)printf("\n%s\n", self->more);
    (void)printf("\nexample:\n  %s\n", self->example);
}

static int usage_error(const command *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int usage_error(const command *self, const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "milliwatt: %s: ", self->name);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "; 'milliwatt %s --help' tells the options\n", self->name);
    return EXIT_USAGE;
}

/* "--threads takes a whole number from 1 to 256, not '0'" */
static int wrong_value(const command *self, const opt *o, const char *value)
{
    struct names names = {.text = ""};
    char range[80] = "";

    if (o->max > 0)
        (void)snprintf(range, sizeof range, " from %g to %.0f", o->min, o->max);
    else if (o->min > 0)
        (void)snprintf(range, sizeof range, " from %g", o->min);
    switch (o->kind) {
    case OPT_UINT:
        return usage_error(self, "%s takes a whole number%s, not '%s'", o->name,
                           *range == '\0' ? " from 0" : range, value);
    case OPT_NUMBER:
        return usage_error(self, "%s takes a number%s, not '%s'", o->name, range, value);
    case OPT_FACTOR:
        return usage_error(self, "%s takes a number other than 0, such as 1/255, not '%s'", o->name,
                           value);
    case OPT_CHOICE:
        for_each_row(o->table, add_name, &names);
        return usage_error(self, "%s '%s': there are %s", o->name, value, names.text);
    case OPT_SHAPES:
        return usage_error(self, "%s '%s' is not a shape such as 1,224,224,3", o->name, value);
    default: return usage_error(self, "%s takes %s, not ''", o->name, o->arg);
    }
}

/* ---- values ---- */

static bool parse_number(const char *text, double *out)
{
    const char *const slash = strchr(text, '/');
    double d = 1;

    if (!mw_parse_number(text, slash == NULL ? strlen(text) : (size_t)(slash - text), out))
        return false;
    if (slash != NULL && (!mw_parse_number(slash + 1, strlen(slash + 1), &d) || d == 0))
        return false;
    *out /= d;
    return *out - *out == 0; /* a quotient may be infinite */
}

static bool parse_uint(const char *text, uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9') return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool parse_shape(const char *text, mw_shape *out)
{
    *out = (mw_shape){0};
    for (const char *at = text; *at != '\0';) {
        char *end;
        const long v = strtol(at, &end, 10);
        if (end == at || v < 1 || v > INT32_MAX || out->rank == MW_MAX_RANK) return false;
        out->dims[out->rank++] = (int32_t)v;
        if (*end == ',' || *end == 'x')
            end++;
        else if (*end != '\0')
            return false;
        at = end;
    }
    return out->rank > 0;
}

/* One more place than used, so that a list of strings can end with NULL. */
static void *grown(void *list, size_t n, size_t size)
{
    void *const v = realloc(list, (n + 2) * size);
    if (v != NULL) return v;
    (void)fprintf(stderr, "milliwatt: out of memory\n");
    exit(EXIT_FAILED);
}

static bool append(opt_list *list, const char *value)
{
    list->v = grown(list->v, list->n, sizeof *list->v);
    list->v[list->n++] = value;
    list->v[list->n] = NULL;
    return true;
}

static bool append_shape(shape_list *list, const char *value)
{
    list->v = grown(list->v, list->n, sizeof *list->v);
    return parse_shape(value, &list->v[list->n++]);
}

static bool choose(const opt *o, const char *value)
{
    struct search s = {value, o->out, false};
    for_each_row(o->table, find_row, &s);
    return s.found;
}

static bool in_range(const opt *o, double v) { return v >= o->min && (o->max <= 0 || v <= o->max); }

static bool store(const opt *o, const char *value)
{
    switch (o->kind) {
    case OPT_FLAG: *(bool *)o->out = true; return true;
    case OPT_STRING: *(const char **)o->out = value; return *value != '\0';
    case OPT_UINT: return parse_uint(value, o->out) && in_range(o, (double)*(uint64_t *)o->out);
    case OPT_NUMBER: return parse_number(value, o->out) && in_range(o, *(double *)o->out);
    case OPT_FACTOR: return parse_number(value, o->out) && *(double *)o->out != 0;
    case OPT_CHOICE: return choose(o, value);
    case OPT_STRINGS: return append(o->out, value) && *value != '\0';
    case OPT_MARK: return append(o->out, NULL);
    case OPT_SHAPES: return append_shape(o->out, value);
    }
    return false;
}

/* ---- words ---- */

/* "--name=value" or "--name value". */
static const opt *find(const opt *opts, size_t n, const char *word, const char **out_value)
{
    const char *const equals = strchr(word, '=');
    const size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);

    *out_value = equals == NULL ? NULL : equals + 1;
    for (size_t i = 0; i < n; i++)
        if (strlen(opts[i].name) == length && memcmp(opts[i].name, word, length) == 0)
            return &opts[i];
    return NULL;
}

static bool takes_value(const opt *o) { return o->kind != OPT_FLAG && o->kind != OPT_MARK; }
static bool takes_one(const opt *o)
{
    return takes_value(o) && o->kind != OPT_STRINGS && o->kind != OPT_SHAPES;
}

/* An option in argv[*i], with its value; -1 to go on. */
static int take_option(const command *self, int argc, char **argv, int *i, const opt *opts,
                       size_t n_opts, bool *given)
{
    const char *const word = argv[*i], *value, *unused;
    const opt *const o = find(opts, n_opts, word, &value);

    if (o == NULL) return usage_error(self, "no option '%s'", word);
    if (!takes_value(o) && value != NULL)
        return usage_error(self, "no value belongs to '%s'", o->name);
    if (takes_value(o) && value == NULL) {
        if (*i + 1 == argc) return usage_error(self, "a value is missing after '%s'", word);
        if (argv[*i + 1][0] == '-' && find(opts, n_opts, argv[*i + 1], &unused) != NULL)
            return usage_error(self, "a value is missing after '%s': '%s' is an option", word,
                               argv[*i + 1]);
        value = argv[++*i];
    }
    if (given[o - opts] && takes_one(o)) return usage_error(self, "%s is given twice", o->name);
    given[o - opts] = true;
    return store(o, value) ? -1 : wrong_value(self, o, value);
}

/* Options that would do nothing. */
static int check_needs(const command *self, const opt *opts, size_t n, const bool *given)
{
    for (size_t i = 0; i < n; i++) {
        bool met = !given[i] || opts[i].needs == NULL;
        for (size_t k = 0; k < n && !met; k++)
            met = given[k] && strcmp(opts[k].name, opts[i].needs) == 0;
        if (!met)
            return usage_error(self, "%s does nothing without %s", opts[i].name, opts[i].needs);
    }
    return -1;
}

static int take_words(const command *self, int argc, char **argv, const opt *opts, size_t n_opts,
                      const char **positional, size_t min_positional, size_t max_positional)
{
    bool given[MAX_OPTIONS] = {false};
    size_t n = 0;

    for (int i = 0; i < argc; i++) {
        const char *const word = argv[i];
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(self, opts, n_opts);
            return EXIT_OK;
        }
        if (word[0] == '-' && word[1] != '\0') {
            const int done = take_option(self, argc, argv, &i, opts, n_opts, given);
            if (done >= 0) return done;
            continue;
        }
        if (n == max_positional) return usage_error(self, "one word too many: '%s'", word);
        positional[n++] = word;
    }
    if (n >= min_positional) return check_needs(self, opts, n_opts, given);
    (void)fprintf(stderr, "milliwatt: %s: usage: milliwatt %s %s\n", self->name, self->name,
                  self->usage);
    return EXIT_USAGE;
}

int parse_options(const command *self, int argc, char **argv, const opt *opts, size_t n_opts,
                  const char **positional, size_t min_positional, size_t max_positional)
{
    const int done =
        take_words(self, argc, argv, opts, n_opts, positional, min_positional, max_positional);
    if (done >= 0) free_options(opts, n_opts);
    return done;
}

void free_options(const opt *opts, size_t n_opts)
{
    for (size_t i = 0; i < n_opts; i++) {
        if (opts[i].kind == OPT_STRINGS) {
            opt_list *const list = opts[i].out;
            free(list->v);
            *list = (opt_list){0};
        } else if (opts[i].kind == OPT_SHAPES) {
            shape_list *const list = opts[i].out;
            free(list->v);
            *list = (shape_list){0};
        }
    }
}
