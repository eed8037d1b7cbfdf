/* train/step_build.h - making a step graph, in this order: open, parts, close.
 * Depends: train/step_graph, train/loss.  Used by: train/.     SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_TRAIN_STEP_BUILD_H
#define MWI_TRAIN_STEP_BUILD_H

#include "train/loss.h"
#include "train/step_graph.h"

/* The loss's case as far as the model decides it. Fails: MW_EUNSUPPORTED (several outputs). */
MW_MUST_USE mw_status mwi_step_look(mw_ctx *ctx, const mw_model *model, mwi_loss_case *out);
/* Everything up to the loss. `g` has original, arena, options and training set; g->model is owned
 * by the caller, on failure too. */
MW_MUST_USE mw_status mwi_step_open(mw_ctx *ctx, mwi_step_graph *g, const mwi_loss_desc *loss);
/* Gradients, outputs, verification. Fails: MW_EUNSUPPORTED (operators without a gradient),
 * MW_EINVAL (nothing to train). */
MW_MUST_USE mw_status mwi_step_close(mw_ctx *ctx, mwi_step_graph *g);

/* ---- parts of opening ---- */

/* Trained constants become inputs. Fails: MW_EINVAL (a pattern of `freeze` that matches nothing),
 * MW_EUNSUPPORTED. */
MW_MUST_USE mw_status mwi_step_take_params(mw_ctx *ctx, mwi_step_graph *g);
/* BATCH_NORMALIZATION and DROPOUT as they are while training. */
MW_MUST_USE mw_status mwi_step_take_forms(mw_ctx *ctx, mwi_step_graph *g);
/* Results whose shape is a constant get it from the batch. */
MW_MUST_USE mw_status mwi_step_take_batches(mw_ctx *ctx, mwi_step_graph *g);
/* Whether a layer's weights are trained in this run. */
bool mwi_step_is_trained(const mwi_step_graph *g, const mwi_tensor *weight);
/* A parameter for tensor `t` of the original. */
MW_MUST_USE mw_status mwi_step_param_of(mw_ctx *ctx, mwi_step_graph *g, int32_t t, mwi_param **out);

#endif
