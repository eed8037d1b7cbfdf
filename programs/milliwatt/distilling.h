/* programs/milliwatt/distilling.h - the teacher of a run: options that train and distill share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_DISTILLING_H
#define MILLIWATT_DISTILLING_H

#include "command.h"

/* Zeroed, but for alpha. */
typedef struct distilling {
    const char *teacher; /* a path; NULL: none */
    opt_list match;
    mw_distill_options options; /* the numbers that are given */
    mw_model *model;            /* the teacher, once it is loaded */
} distilling;

enum { DISTILL_ALPHA_PERCENT = 10 }; /* default */

/* `needed`: the option that names the teacher, NULL where there always is one. */
#define DISTILL_OPTS(d, needed)                                                                    \
    {"--temperature",                                                                              \
     OPT_NUMBER,                                                                                   \
     &(d).options.temperature,                                                                     \
     "T",                                                                                          \
     .help = "of the teacher's softmax (default 4)",                                               \
     .min = 0.01,                                                                                  \
     .max = 1e6,                                                                                   \
     .needs = (needed)},                                                                           \
        {"--alpha",                                                                                \
         OPT_NUMBER,                                                                               \
         &(d).options.alpha,                                                                       \
         "SHARE",                                                                                  \
         .help = "of the labels' loss, the rest is the teacher's (default 0.1)",                   \
         .max = 1,                                                                                 \
         .needs = (needed)},                                                                       \
        {"--match",                                                                                \
         OPT_STRINGS,                                                                              \
         &(d).match,                                                                               \
         "A=B",                                                                                    \
         .help = "make layer B like the teacher's layer A; may be given again",                    \
         .needs = (needed)},                                                                       \
    {                                                                                              \
        "--match-weight", OPT_NUMBER, &(d).options.match_weight, "W",                              \
            .help = "of matched layers in the loss (default 1)", .max = 1e6, .needs = "--match"    \
    }

/* Loads the teacher, where one is named. */
mw_status load_teacher(mw_ctx *ctx, distilling *d, const shape_list *shapes);
/* Puts it, loaded now where it is not yet, into `options`, which it outlives: forget_teacher. */
mw_status use_teacher(mw_ctx *ctx, distilling *d, const shape_list *shapes,
                      mw_train_options *options);
void forget_teacher(distilling *d);

#endif
