/* train/checkpoint.c - the state of a run as a file, written beside and renamed.
 * Depends: train/run.  Used by: train/trainer.
 * Trust:   every byte is hostile: each length is proven before it is used, numbers must be those of
 *          this run, and a checksum stands at the end.
 * Holds:   integers and floats are little-endian.
 * Format:  docs/training.md, "Checkpoints"     SPDX-License-Identifier: Apache-2.0 */
#include "train/run.h"

#include "base/hash.h"
#include "base/reader.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char magic[8] = "MWCKPT1\n";
enum { MAX_TEXT = 1 << 20, MAX_PART = 1 << 30, BUFFER = 1 << 16 };

/* ---- writing ---- */

typedef struct writer {
    mw_ctx *ctx;
    mwi_output *output;
    uint64_t hash;
    size_t n;
    uint8_t *buffer;
} writer;

static mw_status flush(writer *w)
{
    w->hash = mwi_hash(w->hash, w->buffer, w->n);
    const mw_status st = mwi_output_write(w->ctx, w->output, w->buffer, w->n);
    w->n = 0;
    return st;
}

static mw_status put(writer *w, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    while (n > 0) {
        const size_t piece = n < BUFFER - w->n ? n : BUFFER - w->n;
        memcpy(w->buffer + w->n, p, piece);
        w->n += piece;
        p += piece;
        n -= piece;
        if (w->n == BUFFER) MWI_TRY(flush(w));
    }
    return MW_OK;
}

static mw_status put_u64(writer *w, uint64_t v) { return put(w, &v, sizeof v); }

static mw_status put_bytes(writer *w, const void *bytes, size_t n)
{
    MWI_TRY(put_u64(w, n));
    return put(w, bytes, n);
}

static mw_status put_place(writer *w, const mwi_place *at)
{
    const uint64_t counts[] = {at->epoch,      at->step,         at->sample,       at->batch,
                               at->sums.right, at->sums.n_right, at->sums.samples, at->best_epoch,
                               at->waited,     at->stopped};
    const double numbers[] = {at->sums.loss, at->seconds, at->best, at->last_loss, at->last_rate};

    MWI_TRY(put(w, counts, sizeof counts));
    return put(w, numbers, sizeof numbers);
}

static mw_status put_params(writer *w, const mw_trainer *t)
{
    MWI_TRY(put_u64(w, t->graph.n_params));
    for (size_t i = 0; i < t->graph.n_params; i++) {
        const mwi_param *const p = t->graph.params[i];
        MWI_TRY(put_bytes(w, p->name, strlen(p->name)));
        MWI_TRY(put_u64(w, p->n));
        MWI_TRY(put(w, p->value, p->n * sizeof *p->value));
        for (int k = 0; k < MWI_OPTIMIZER_SLOTS; k++)
            if (p->slots[k] != NULL) MWI_TRY(put(w, p->slots[k], p->n * sizeof *p->value));
        if (t->best != NULL) MWI_TRY(put(w, t->best[i], p->n * sizeof *p->value));
    }
    return MW_OK;
}

static mw_status put_epochs(writer *w, const mw_trainer *t)
{
    MWI_TRY(put_u64(w, t->n_epochs));
    for (size_t i = 0; i < t->n_epochs; i++) {
        const mw_epoch *const e = &t->epochs[i];
        const double numbers[] = {e->loss,         e->accuracy,      e->val_loss,
                                  e->val_accuracy, e->learning_rate, e->seconds};
        MWI_TRY(put_u64(w, e->samples));
        MWI_TRY(put(w, numbers, sizeof numbers));
    }
    return MW_OK;
}

static mw_status put_parts(writer *w, const mw_trainer *t)
{
    mw_status st = MW_OK;

    for (size_t i = 0; i < t->n_parts && st == MW_OK; i++) {
        mwi_text text;
        mwi_text_init(w->ctx, &text, MAX_PART);
        if (t->parts[i].save != NULL) st = t->parts[i].save(t->parts[i].self, w->ctx, &text);
        if (st == MW_OK) st = put_bytes(w, mwi_text_chars(&text), text.n);
        mwi_text_deinit(&text);
    }
    return st;
}

static mw_status write_all(writer *w, const mw_trainer *t)
{
    mwi_text text;
    mw_status st;

    mwi_text_init(w->ctx, &text, MAX_TEXT);
    MWI_GOTO(mwi_trainer_describe(w->ctx, t, &text));
    MWI_GOTO(put(w, magic, sizeof magic));
    MWI_GOTO(put_bytes(w, mwi_text_chars(&text), text.n));
    MWI_GOTO(put_place(w, &t->at));
    MWI_GOTO(put_params(w, t));
    MWI_GOTO(put_epochs(w, t));
    MWI_GOTO(put_parts(w, t));
    MWI_GOTO(flush(w));
    st = mwi_output_write(w->ctx, w->output, &w->hash, sizeof w->hash);
out:
    mwi_text_deinit(&text);
    return st;
}

mw_status mwi_checkpoint_save(mw_ctx *ctx, const mw_trainer *t)
{
    writer w = {.ctx = ctx, .hash = MWI_HASH_START};
    mwi_error cancelled;
    void *memory;

    mwi_error_save(ctx, &cancelled);
    MWI_TRY(mwi_alloc(ctx, BUFFER, &memory));
    w.buffer = memory;
    mw_status st = mwi_output_open(ctx, t->options.checkpoint, &w.output);
    if (st == MW_OK) {
        st = write_all(&w, t);
        if (st == MW_OK)
            st = mwi_output_commit(ctx, w.output);
        else
            mwi_output_discard(w.output);
    }
    mwi_free(ctx, memory, BUFFER);
    if (st != MW_OK) return mwi_prefix(ctx, st, "checkpoint");
    mwi_error_restore(ctx, &cancelled);
    return MW_OK;
}

/* ---- reading ---- */

typedef struct cursor {
    mw_ctx *ctx;
    mwi_reader r;
    uint64_t at;
} cursor;

static mw_status take(cursor *c, const char *what, uint64_t n, const uint8_t **out)
{
    MWI_TRY(mwi_read_bytes(c->ctx, &c->r, c->at, n, what, out));
    c->at += n;
    return MW_OK;
}

static mw_status take_into(cursor *c, const char *what, void *out, size_t n)
{
    const uint8_t *bytes;

    MWI_TRY(take(c, what, n, &bytes));
    memcpy(out, bytes, n);
    return MW_OK;
}

static mw_status take_u64(cursor *c, const char *what, uint64_t *out)
{
    const uint8_t *bytes;

    MWI_TRY(take(c, what, 8, &bytes));
    *out = mwi_le64(bytes);
    return MW_OK;
}

static mw_status take_bytes(cursor *c, const char *what, const uint8_t **out, size_t *out_n)
{
    uint64_t n;

    MWI_TRY(take_u64(c, what, &n));
    MWI_TRY(take(c, what, n, out));
    *out_n = (size_t)n;
    return MW_OK;
}

static mw_status damaged(const cursor *c, const char *what)
{
    return mwi_fail(c->ctx, MW_EFORMAT, "%s: damaged checkpoint: %s", c->r.name, what);
}

/* The line of `text` that begins at *at, and the place behind it. */
static size_t line_at(const char *text, size_t n, size_t *at)
{
    size_t length = 0;

    while (*at + length < n && text[*at + length] != '\n') length++;
    *at += length + (*at + length < n);
    return length;
}

static mw_status compare(const cursor *c, const char *stored, size_t n, const mwi_text *now)
{
    size_t a = 0, b = 0;

    if (n == now->n && memcmp(stored, now->chars, n) == 0) return MW_OK;
    while (a < n || b < now->n) {
        const size_t line_a = a, line_b = b;
        const size_t n_a = line_at(stored, n, &a), n_b = line_at(now->chars, now->n, &b);
        if (n_a == n_b && memcmp(stored + line_a, now->chars + line_b, n_a) == 0) continue;
        return mwi_fail(c->ctx, MW_EINVAL,
                        "%s: is of another run: it has '%.*s', this run '%.*s'; give the model, "
                        "data and options that it was made with, or another file",
                        c->r.name, (int)(n_a < 200 ? n_a : 200), stored + line_a,
                        (int)(n_b < 200 ? n_b : 200), now->chars + line_b);
    }
    return damaged(c, "its description");
}

static mw_status take_description(cursor *c, const mw_trainer *t)
{
    const uint8_t *stored;
    mwi_text now;
    size_t n;

    MWI_TRY(take_bytes(c, "the description", &stored, &n));
    mwi_text_init(c->ctx, &now, MAX_TEXT);
    mw_status st = mwi_trainer_describe(c->ctx, t, &now);
    if (st == MW_OK) st = compare(c, (const char *)stored, n, &now);
    mwi_text_deinit(&now);
    return st;
}

static mw_status take_place(cursor *c, mw_trainer *t)
{
    uint64_t counts[10];
    double numbers[5];
    mwi_place *const at = &t->at;

    for (size_t i = 0; i < MWI_COUNT(counts); i++) MWI_TRY(take_u64(c, "the place", &counts[i]));
    MWI_TRY(take_into(c, "the place", numbers, sizeof numbers));
    *at = (mwi_place){.epoch = counts[0],
                      .step = counts[1],
                      .sample = counts[2],
                      .batch = (uint32_t)counts[3],
                      .sums = {numbers[0], counts[4], counts[5], counts[6]},
                      .seconds = numbers[1],
                      .best = numbers[2],
                      .best_epoch = counts[7],
                      .waited = counts[8],
                      .stopped = counts[9] != 0,
                      .last_loss = numbers[3],
                      .last_rate = numbers[4]};
    if (at->epoch > t->options.epochs || at->sample > t->train.n || at->sums.samples > at->sample ||
        counts[3] < 1 || counts[3] > t->train.n || at->sums.right > at->sums.n_right ||
        (at->best_epoch >= at->epoch && at->best_epoch > 0))
        return damaged(c, "its place in the run");
    return MW_OK;
}

static mw_status take_floats(cursor *c, float *out, size_t n)
{
    MWI_TRY(take_into(c, "a parameter", out, n * sizeof *out));
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i])) return damaged(c, "a value that is not finite");
    return MW_OK;
}

static mw_status take_params(cursor *c, mw_trainer *t)
{
    uint64_t n;

    MWI_TRY(take_u64(c, "the number of parameters", &n));
    if (n != t->graph.n_params) return damaged(c, "the number of parameters");
    for (size_t i = 0; i < t->graph.n_params; i++) {
        mwi_param *const p = t->graph.params[i];
        const uint8_t *name;
        size_t n_name;
        MWI_TRY(take_bytes(c, "a parameter's name", &name, &n_name));
        MWI_TRY(take_u64(c, "a parameter's size", &n));
        if (n != p->n || n_name != strlen(p->name) || memcmp(name, p->name, n_name) != 0)
            return damaged(c, "a parameter of another model");
        MWI_TRY(take_floats(c, p->value, p->n));
        for (int k = 0; k < MWI_OPTIMIZER_SLOTS; k++)
            if (p->slots[k] != NULL) MWI_TRY(take_floats(c, p->slots[k], p->n));
        if (t->best != NULL) MWI_TRY(take_floats(c, t->best[i], p->n));
    }
    return MW_OK;
}

static mw_status take_epochs(cursor *c, mw_trainer *t)
{
    uint64_t n;
    double v[6];
    void *memory;

    MWI_TRY(take_u64(c, "the number of epochs", &n));
    if (n != t->at.epoch || n > (c->r.len - c->at) / (8 + sizeof v))
        return damaged(c, "the number of epochs");
    MWI_TRY(mwi_arena_array(c->ctx, &t->arena, (size_t)n, sizeof *t->epochs, &memory));
    t->epochs = memory;
    t->n_epochs = t->epochs_capacity = (size_t)n;
    for (size_t i = 0; i < t->n_epochs; i++) {
        mw_epoch *const e = &t->epochs[i];
        MWI_TRY(take_u64(c, "an epoch", &e->samples));
        MWI_TRY(take_into(c, "an epoch", v, sizeof v));
        e->epoch = i;
        e->loss = v[0], e->accuracy = v[1], e->val_loss = v[2], e->val_accuracy = v[3];
        e->learning_rate = v[4], e->seconds = v[5];
    }
    return MW_OK;
}

static mw_status take_parts(cursor *c, mw_trainer *t)
{
    for (size_t i = 0; i < t->n_parts; i++) {
        const uint8_t *bytes;
        size_t n;
        MWI_TRY(take_bytes(c, "a part's state", &bytes, &n));
        if (t->parts[i].load != NULL)
            MWI_TRY(mwi_prefix(c->ctx, t->parts[i].load(t->parts[i].self, c->ctx, bytes, n), "%s",
                               c->r.name));
        else if (n != 0)
            return damaged(c, "a part's state");
    }
    return c->at == c->r.len ? MW_OK : damaged(c, "bytes after the end");
}

mw_status mwi_checkpoint_read(mw_ctx *ctx, mw_trainer *t, const char *name, const uint8_t *bytes,
                              size_t n)
{
    cursor c = {.ctx = ctx, .r = {name, bytes, n}, .at = sizeof magic};

    if (n < sizeof magic + sizeof(uint64_t) || memcmp(bytes, magic, sizeof magic) != 0)
        return mwi_fail(ctx, MW_EFORMAT, "%s: not a checkpoint of a training run", name);
    c.r.len -= sizeof(uint64_t);
    if (mwi_hash(MWI_HASH_START, bytes, c.r.len) != mwi_le64(bytes + c.r.len))
        return damaged(&c, "the checksum is wrong");
    MWI_TRY(take_description(&c, t));
    MWI_TRY(take_place(&c, t));
    MWI_TRY(take_params(&c, t));
    MWI_TRY(take_epochs(&c, t));
    return take_parts(&c, t);
}

mw_status mwi_checkpoint_load(mw_ctx *ctx, mw_trainer *t)
{
    mwi_mapping mapping;

    MWI_TRY(mwi_file_map(ctx, t->options.checkpoint, &mapping));
    const mw_status st =
        mwi_checkpoint_read(ctx, t, t->options.checkpoint, mapping.bytes, mapping.len);
    mwi_file_unmap(&mapping);
    return st;
}
