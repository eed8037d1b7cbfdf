/* formats/keras/hdf5/checksum.h - Jenkins' lookup3 hash, which HDF5 puts behind its newer structures.
 * Depends: base/reader.  Used by: formats/keras/hdf5/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_KERAS_H5_CHECKSUM_H
#define MWI_KERAS_H5_CHECKSUM_H

#include "base/reader.h"

/* Proves the 4 bytes behind [at, at + n). Fails: MW_EFORMAT. */
MW_MUST_USE mw_status h5_check_sum(mw_ctx *ctx, const mwi_reader *r, uint64_t at, uint64_t n, const char *what);

#endif
