/* ops/skip_gram.c - SKIP_GRAM: the n-grams of a sentence's words (the first string of input 0),
 * with up to max_skip_size words left out between two that are taken; with include_all_ngrams those
 * of fewer words too. A gram's words are joined by blanks.
 * Depends: ops/shapes, ops/subgraph, base/checked.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/checked.h"
#include "ops/shapes.h"
#include "ops/subgraph.h"

#include <string.h>

typedef struct attr {
    int32_t ngram_size, max_skip_size;
    bool include_all_ngrams;
} attr;

static const mwi_field fields[] = {
    {"ngram_size", offsetof(attr, ngram_size), MWI_FIELD_I32, 0, 0, 1, 0, NULL},
    {"max_skip_size", offsetof(attr, max_skip_size), MWI_FIELD_I32, 1, 0, 1, 0, NULL},
    {"include_all_ngrams", offsetof(attr, include_all_ngrams), MWI_FIELD_BOOL, 2, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

/* ---- words ---- */

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* LiteRT's words to the letter: a blank at the very beginning takes the first word with it, or
 * stays at its head when it is the last one. `words` NULL: only counts. */
static size_t split(const mw_string *text, mw_string *words)
{
    size_t n = 0, begin = 0;

    for (size_t i = 1; i < text->bytes; i++) {
        if (!is_blank(text->data[i])) continue;
        if (i > begin && !is_blank(text->data[begin])) {
            if (words != NULL) words[n] = (mw_string){text->data + begin, i - begin};
            n++;
        }
        begin = i + 1;
    }
    if (text->bytes <= begin) return n;
    if (words != NULL) words[n] = (mw_string){text->data + begin, text->bytes - begin};
    return n + 1;
}

/* ---- grams ---- */

/* A walk over all grams in order: `place` holds the words of the present one. */
typedef struct walk {
    const attr *a;
    const mw_string *words;
    size_t n_words;
    size_t *place; /* ngram_size of them */
    size_t depth;  /* words in the present gram; 0 at the end */
    void *memory;  /* to give back */
    size_t bytes;
} walk;

/* Words and places of a sentence. n_words is 0 when there are too few for any gram. */
static mw_status begin(mw_ctx *ctx, const mwi_host *host, const attr *a, const mw_string *text,
                       walk *w)
{
    void *memory;
    size_t places;

    *w = (walk){.a = a, .n_words = split(text, NULL)};
    if (a->ngram_size < 1 || w->n_words < (size_t)a->ngram_size) {
        w->n_words = 0;
        return MW_OK;
    }
    if (!mwi_mul(w->n_words, sizeof(mw_string), &w->bytes) ||
        !mwi_mul((size_t)a->ngram_size, sizeof(size_t), &places) ||
        !mwi_add(w->bytes, places, &w->bytes))
        return mwi_fail(ctx, MW_ELIMIT, "%zu words", w->n_words);
    MWI_TRY(mwi_host_scratch(ctx, host, w->bytes, &memory, &w->memory));
    (void)split(text, memory);
    w->words = memory;
    w->place = (size_t *)(void *)((mw_string *)memory + w->n_words);
    return MW_OK;
}

static void end(mw_ctx *ctx, const walk *w) { mwi_free(ctx, w->memory, w->bytes); }

/* Whether a gram that ends at word `at`, the depth-th, can become one that counts. */
static bool may_go_on(const walk *w, size_t at, size_t depth)
{
    const size_t wanted = (size_t)w->a->ngram_size;
    return depth <= wanted && at < w->n_words &&
           (w->a->include_all_ngrams || w->n_words - at > wanted - depth);
}

static bool counts(const walk *w)
{
    return w->a->include_all_ngrams || w->depth == (size_t)w->a->ngram_size;
}

/* Adds words while that may be: grams come longest first. */
static void descend(walk *w)
{
    while (w->a->max_skip_size >= 0 && may_go_on(w, w->place[w->depth - 1] + 1, w->depth + 1)) {
        w->place[w->depth] = w->place[w->depth - 1] + 1;
        w->depth++;
    }
}

static void first(walk *w)
{
    w->depth = w->n_words == 0 ? 0 : 1;
    if (w->depth == 0) return;
    w->place[0] = 0;
    descend(w);
}

/* The next word in the last place and on from there, else the gram without that place, which comes
 * after all that begin with it. Each but the first word's leads to a gram that counts. */
static void advance(walk *w)
{
    const size_t last = w->depth - 1, at = ++w->place[last];

    if ((last == 0 || at - w->place[last - 1] <= (size_t)w->a->max_skip_size + 1) &&
        may_go_on(w, at, w->depth))
        descend(w);
    else
        w->depth--;
}

static size_t gram_bytes(const walk *w)
{
    size_t n = w->depth - 1;
    for (size_t i = 0; i < w->depth; i++) n += w->words[w->place[i]].bytes;
    return n;
}

static void write_gram(const walk *w, char *out)
{
    for (size_t i = 0; i < w->depth; i++) {
        const mw_string *const word = &w->words[w->place[i]];
        if (i > 0) *out++ = ' ';
        memcpy(out, word->data, word->bytes);
        out += word->bytes;
    }
}

/* How many grams, and their bytes. Fails: MW_ELIMIT, MW_ECANCELLED. */
static mw_status measure(mw_ctx *ctx, walk *w, size_t *out_n, size_t *out_bytes)
{
    enum { BETWEEN_LOOKS = 1 << 16 };
    const uint64_t most = mwi_limits(ctx)->max_memory_bytes;

    *out_n = *out_bytes = 0;
    for (first(w); w->depth > 0; advance(w)) {
        if (!counts(w)) continue;
        *out_bytes += gram_bytes(w);
        if (++*out_n > INT32_MAX || *out_n * sizeof(mw_string) + *out_bytes > most)
            return mwi_fail(ctx, MW_ELIMIT,
                            "the grams of %zu words are over limits.max_memory_bytes", w->n_words);
        if (*out_n % BETWEEN_LOOKS == 0) MWI_TRY(mwi_progress(ctx, "skip grams", *out_n, 0));
    }
    return MW_OK;
}

/* ---- the operator ---- */

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    size_t n, bytes;
    walk w;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    if (x->dtype != MW_STRING)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "words of %s", mw_dtype_name(x->dtype));
    if (mwi_view_count(x) == 0) return mwi_fail(ctx, MW_EFORMAT, "input 0 has no string");
    call->unknown = x->data == NULL || x->tensor->is_variable;
    if (call->unknown) return MW_OK;
    MWI_TRY(begin(ctx, call->host, call->attr, x->data, &w));
    const mw_status st = measure(ctx, &w, &n, &bytes);
    end(ctx, &w);
    mwi_view_set_dims(&call->out[0], 1, (const int32_t[1]){(int32_t)n});
    return st;
}

static mw_status write_grams(mw_ctx *ctx, const mwi_run_call *call, walk *w)
{
    mw_string *const out = call->out[0].data;
    size_t n, bytes, i = 0;
    void *memory;

    MWI_TRY(measure(ctx, w, &n, &bytes));
    if (n != mwi_view_count(&call->out[0]))
        return mwi_fail(ctx, MW_EINVAL, "%zu grams for an output of %zu", n,
                        mwi_view_count(&call->out[0]));
    MWI_TRY(mwi_arena_alloc(ctx, call->strings, bytes, &memory));
    char *text = memory;
    for (first(w); w->depth > 0; advance(w)) {
        if (!counts(w)) continue;
        write_gram(w, text);
        out[i] = (mw_string){text, gram_bytes(w)};
        text += out[i++].bytes;
    }
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    walk w;

    MWI_TRY(begin(ctx, call->host, call->attr, call->in[0].data, &w));
    const mw_status st = write_grams(ctx, call, &w);
    end(ctx, &w);
    return st;
}

static const mwi_kernel kernels[] = {
    {.name = "skip_gram__ref", .types = "str>str", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_skip_gram = {
    .name = "SKIP_GRAM",
    .tflite_code = 30,
    .options_type = 18,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
