/* train/augment.h - images that differ a little in each epoch.
 * Depends: base/, data/.  Used by: train/.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_TRAIN_AUGMENT_H
#define MWI_TRAIN_AUGMENT_H

#include <milliwatt/train.h>

#include "data/image_decode.h" /* mwi_image_shape */

bool mwi_augment_any(const mw_augment *a);
/* Fails: MW_EINVAL (a number out of range). */
MW_MUST_USE mw_status mwi_augment_check(mw_ctx *ctx, const mw_augment *a);
/* The image of a sample in an epoch: depends on nothing else. What comes from outside of the image
 * is its nearest pixel.
 *   out  not `in` */
void mwi_augment_image(const mw_augment *a, uint64_t seed, uint64_t epoch, uint64_t sample,
                       const mwi_image_shape *shape, const float *in, float *out);

#endif
