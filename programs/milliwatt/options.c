/* programs/milliwatt/options.c - options by tables, and --help made from them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const command *self, const opt *opts, size_t n)
{
    (void)printf("milliwatt %s: %s\n\nusage: milliwatt %s %s\n\n", self->name, self->summary,
                 self->name, self->usage);
    for (size_t i = 0; i < n; i++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s%s%s", opts[i].name, opts[i].arg == NULL ? "" : " ",
                       opts[i].arg == NULL ? "" : opts[i].arg);
        (void)printf("  %-24s %s\n", left, opts[i].help);
    }
    (void)printf("  %-24s %s\n", "--help", "this text");
    if (self->more != NULL) (void)printf("\n%s\n", self->more);
    (void)printf("\nexample:\n  %s\n", self->example);
}

static int usage_error(const command *self, const char *what, const char *word)
{
    (void)fprintf(stderr, "milliwatt: %s: %s '%s'; 'milliwatt %s --help' tells the options\n",
                  self->name, what, word, self->name);
    return EXIT_USAGE;
}

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

static void append(opt_list *list, const char *value)
{
    /* One more place than used, so that the list always ends with NULL. */
    const char **const v = realloc(list->v, (list->n + 2) * sizeof *v);
    if (v == NULL) {
        (void)fprintf(stderr, "milliwatt: out of memory\n");
        exit(EXIT_FAILED);
    }
    list->v = v;
    list->v[list->n++] = value;
    list->v[list->n] = NULL;
}

static bool store(const opt *o, const char *value)
{
    switch (o->kind) {
    case OPT_FLAG: *(bool *)o->out = true; return true;
    case OPT_STRING: *(const char **)o->out = value; return true;
    case OPT_UINT: return parse_uint(value, o->out);
    case OPT_NUMBER: return parse_number(value, o->out);
    case OPT_STRINGS: append(o->out, value); return true;
    case OPT_MARK: append(o->out, NULL); return true;
    }
    return false;
}

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

int parse_options(const command *self, int argc, char **argv, const opt *opts, size_t n_opts,
                  const char **positional, size_t min_positional, size_t max_positional)
{
    size_t n = 0;

    for (int i = 0; i < argc; i++) {
        const char *const word = argv[i], *value;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(self, opts, n_opts);
            return EXIT_OK;
        }
        if (word[0] != '-' || word[1] == '\0') {
            if (n == max_positional) return usage_error(self, "one word too many:", word);
            positional[n++] = word;
            continue;
        }
        const opt *const o = find(opts, n_opts, word, &value);
        if (o == NULL) return usage_error(self, "no option", word);
        const bool wants_value = o->kind != OPT_FLAG && o->kind != OPT_MARK;
        if (!wants_value && value != NULL) return usage_error(self, "no value belongs to", o->name);
        if (wants_value && value == NULL) {
            if (i + 1 == argc) return usage_error(self, "a value is missing after", word);
            value = argv[++i];
        }
        if (!store(o, value)) return usage_error(self, "not a number:", value);
    }
    if (n >= min_positional) return -1;
    (void)fprintf(stderr, "milliwatt: %s: usage: milliwatt %s %s\n", self->name, self->name,
                  self->usage);
    return EXIT_USAGE;
}
