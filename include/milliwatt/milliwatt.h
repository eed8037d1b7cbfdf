/* milliwatt/milliwatt.h - the whole C API.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_MILLIWATT_H
#define MILLIWATT_MILLIWATT_H

#include <milliwatt/context.h>
#include <milliwatt/custom.h>
#include <milliwatt/data.h>
#include <milliwatt/evaluate.h>
#include <milliwatt/list.h>
#include <milliwatt/model.h>
#include <milliwatt/optimize.h>
#include <milliwatt/prune.h>
#include <milliwatt/quantize.h>
#include <milliwatt/session.h>
#include <milliwatt/tensor.h>
#include <milliwatt/train.h>

#endif
