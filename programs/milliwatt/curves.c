/* programs/milliwatt/curves.c - loss and accuracy over the epochs: as CSV, and as a picture of two
 * panels in SVG.     SPDX-License-Identifier: Apache-2.0 */
#include "training.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a text file, beside and renamed ---- */

typedef struct page {
    const char *path;
    char *beside;
    FILE *file;
} page;

static bool fail_page(page *p)
{
    (void)fail_text("%s: cannot be written", p->path);
    free(p->beside);
    return false;
}

static bool open_page(page *p, const char *path)
{
    const size_t n = strlen(path) + 24;

    *p = (page){.path = path, .beside = must(malloc(n))};
    (void)snprintf(p->beside, n, "%s.%ld", path, (long)getpid());
    p->file = fopen(p->beside, "wx");
    return p->file != NULL || fail_page(p);
}

static bool close_page(page *p)
{
    const bool whole = fflush(p->file) == 0 && !ferror(p->file) && fsync(fileno(p->file)) == 0;

    if (fclose(p->file) != 0 || !whole || rename(p->beside, p->path) != 0) {
        (void)unlink(p->beside);
        return fail_page(p);
    }
    free(p->beside);
    return true;
}

/* ---- CSV ---- */

/* A number that is none is an empty cell. */
static void put_number(FILE *f, double v)
{
    if (isnan(v))
        (void)fprintf(f, ",");
    else
        (void)fprintf(f, ",%.9g", v);
}

bool write_curves_csv(const char *path, const mw_train_report *report)
{
    page p;

    if (!open_page(&p, path)) return false;
    (void)fprintf(p.file, "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,"
                          "samples\n");
    for (size_t i = 0; i < report->n_epochs; i++) {
        const mw_epoch *const e = &report->epochs[i];
        (void)fprintf(p.file, "%llu", (unsigned long long)e->epoch + 1);
        put_number(p.file, e->loss);
        put_number(p.file, e->accuracy);
        put_number(p.file, e->val_loss);
        put_number(p.file, e->val_accuracy);
        put_number(p.file, e->learning_rate);
        put_number(p.file, e->seconds);
        (void)fprintf(p.file, ",%llu\n", (unsigned long long)e->samples);
    }
    return close_page(&p);
}

/* ---- SVG ---- */

enum { WIDTH = 420, HEIGHT = 300, LEFT = 58, RIGHT = 16, TOP = 40, BOTTOM = 44, MAX_TICKS = 6 };
static const char TRAINING_COLOUR[] = "#1f6fb4", VALIDATION_COLOUR[] = "#d2691e";

typedef struct panel {
    FILE *file;
    double x0; /* its left edge */
    const mw_train_report *report;
    size_t training, validation; /* offsets in mw_epoch */
    double low, high, step;      /* of the vertical axis */
} panel;

static double value_of(const panel *p, size_t field, size_t epoch)
{
    return *(const double *)(const void *)((const char *)&p->report->epochs[epoch] + field);
}

static bool has(const panel *p, size_t field)
{
    for (size_t i = 0; i < p->report->n_epochs; i++)
        if (isfinite(value_of(p, field, i))) return true;
    return false;
}

/* 1, 2 or 5 times a power of ten, for at most MAX_TICKS steps. */
static double tick(double span)
{
    const double raw = span / MAX_TICKS, power = pow(10, floor(log10(raw)));

    for (int i = 0; i < 3; i++)
        if ((i == 0 ? 1 : i == 1 ? 2 : 5) * power >= raw)
            return (i == 0 ? 1 : i == 1 ? 2 : 5) * power;
    return 10 * power;
}

static void find_range(panel *p)
{
    p->low = HUGE_VAL;
    p->high = -HUGE_VAL;
    for (size_t i = 0; i < p->report->n_epochs; i++) {
        const double v[] = {value_of(p, p->training, i), value_of(p, p->validation, i)};
        for (int k = 0; k < 2; k++) {
            if (!isfinite(v[k])) continue;
            p->low = fmin(p->low, v[k]);
            p->high = fmax(p->high, v[k]);
        }
    }
    if (!(p->high > p->low)) p->high = p->low + fmax(fabs(p->low), 1e-3);
    p->step = tick(p->high - p->low);
    p->low = floor(p->low / p->step) * p->step;
    p->high = ceil(p->high / p->step) * p->step;
}

static double x_of(const panel *p, double epoch)
{
    const double last = p->report->n_epochs > 1 ? (double)p->report->n_epochs - 1 : 1;
    return p->x0 + LEFT + (WIDTH - LEFT - RIGHT) * epoch / last;
}

static double y_of(const panel *p, double v)
{
    return TOP + (HEIGHT - TOP - BOTTOM) * (p->high - v) / (p->high - p->low);
}

static void draw_axes(const panel *p)
{
    const size_t n = p->report->n_epochs;
    const double right = p->x0 + WIDTH - RIGHT, bottom = HEIGHT - BOTTOM;
    const double every = n > 1 ? fmax(1, tick((double)n - 1)) : 1;

    for (double v = p->low; v < p->high + p->step / 2; v += p->step) {
        const double shown = fabs(v) < p->step / 2 ? 0 : v;
        (void)fprintf(p->file,
                      "<path d='M%.1f %.1fH%.1f' stroke='#e0e0e0'/>"
                      "<text x='%.1f' y='%.1f' text-anchor='end'>%.6g</text>\n",
                      p->x0 + LEFT, y_of(p, v), right, p->x0 + LEFT - 6, y_of(p, v) + 4, shown);
    }
    for (double e = 0; e < (double)n; e += every)
        (void)fprintf(p->file,
                      "<path d='M%.1f %.1fv4' stroke='#404040'/>"
                      "<text x='%.1f' y='%.1f' text-anchor='middle'>%.0f</text>\n",
                      x_of(p, e), bottom, x_of(p, e), bottom + 17, e + 1);
    (void)fprintf(p->file,
                  "<path d='M%.1f %d V%.1f H%.1f' fill='none' stroke='#404040'/>"
                  "<text x='%.1f' y='%.1f' text-anchor='middle'>epoch</text>\n",
                  p->x0 + LEFT, TOP, bottom, right, (p->x0 + LEFT + right) / 2, bottom + 34);
}

static void draw_curve(const panel *p, size_t field, const char *colour)
{
    bool down = false;

    (void)fprintf(p->file, "<path fill='none' stroke='%s' stroke-width='1.8' d='", colour);
    for (size_t i = 0; i < p->report->n_epochs; i++) {
        const double v = value_of(p, field, i);
        if (isfinite(v))
            (void)fprintf(p->file, "%s%.1f %.1f", down ? " L" : "M", x_of(p, (double)i),
                          y_of(p, v));
        down = isfinite(v);
    }
    (void)fprintf(p->file, "'/>\n");
    for (size_t i = 0; i < p->report->n_epochs && p->report->n_epochs <= 40; i++)
        if (isfinite(value_of(p, field, i)))
            (void)fprintf(p->file, "<circle cx='%.1f' cy='%.1f' r='2.2' fill='%s'/>",
                          x_of(p, (double)i), y_of(p, value_of(p, field, i)), colour);
}

static void draw_legend(const panel *p, const char *title)
{
    const double x = p->x0 + WIDTH - RIGHT;

    (void)fprintf(p->file, "<text x='%.1f' y='22' font-size='15' font-weight='bold'>%s</text>\n",
                  p->x0 + LEFT, title);
    (void)fprintf(p->file, "<text x='%.1f' y='22' text-anchor='end' fill='%s'>training%s</text>\n",
                  has(p, p->validation) ? x - 74 : x, TRAINING_COLOUR,
                  has(p, p->validation) ? "," : "");
    if (has(p, p->validation))
        (void)fprintf(p->file,
                      "<text x='%.1f' y='22' text-anchor='end' fill='%s'>validation</text>\n", x,
                      VALIDATION_COLOUR);
}

static void draw(panel *p, const char *title)
{
    find_range(p);
    draw_legend(p, title);
    draw_axes(p);
    draw_curve(p, p->training, TRAINING_COLOUR);
    if (has(p, p->validation)) draw_curve(p, p->validation, VALIDATION_COLOUR);
}

bool write_curves_svg(const char *path, const mw_train_report *report)
{
    panel loss = {.report = report,
                  .training = offsetof(mw_epoch, loss),
                  .validation = offsetof(mw_epoch, val_loss)};
    panel accuracy = {.x0 = WIDTH,
                      .report = report,
                      .training = offsetof(mw_epoch, accuracy),
                      .validation = offsetof(mw_epoch, val_accuracy)};
    page p;

    if (!open_page(&p, path)) return false;
    loss.file = accuracy.file = p.file;
    const int panels =
        (has(&loss, loss.training) ? 1 : 0) + (has(&accuracy, accuracy.training) ? 1 : 0);
    const int width = panels == 2 ? 2 * WIDTH : WIDTH;
    (void)fprintf(p.file,
                  "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
                  "viewBox='0 0 %d %d' font-family='sans-serif' font-size='12' fill='#202020'>\n"
                  "<rect width='100%%' height='100%%' fill='white'/>\n",
                  width, HEIGHT, width, HEIGHT);
    if (has(&loss, loss.training)) draw(&loss, "loss");
    if (has(&accuracy, accuracy.training)) draw(&accuracy, "accuracy");
    (void)fprintf(p.file, "</svg>\n");
    return close_page(&p);
}
