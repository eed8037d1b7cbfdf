/* tests/tflite_files.h - the files of tests/data/tflite, for the tests of this
 * folder. Depends: formats/tflite/testing.  Used by: *_test.c of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_TFLITE_FILES_H
#define MW_TESTS_TFLITE_FILES_H

#include "formats/tflite/testing.h"
#include "support.h"

#include <stdio.h>

static const char *const testing_files[] = {"features",      "outside",        "old_code",
                                            "no_identifier", "odd_identifier", "unknown_op"};

static inline void testing_map_file(mw_ctx *ctx, const char *name, mwi_mapping *out)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/tests/data/tflite/%s.tflite", test_source_dir(), name);
    assert_ok(ctx, mwi_file_map(ctx, path, out));
}

static inline void testing_load_file(mw_ctx *ctx, const char *name, mwi_mapping *map,
                                     mw_model **out)
{
    testing_map_file(ctx, name, map);
    assert_ok(ctx, testing_load(ctx, map->bytes, map->len, out));
}

/* What features.tflite says, in a model of that many tensors. */
static inline void testing_check_features(const mw_model *m, size_t n_tensors)
{
    const mwi_graph *const g = m->graphs[0];
    const mwi_sparsity *const s = g->tensors[7]->sparsity;
    const mwi_quant *q;

    assert_int_equal(m->n_graphs, 2);
    assert_string_equal(m->graphs[1]->name, "second");
    assert_string_equal(m->description, "every feature");
    assert_int_equal(g->n_tensors, n_tensors);
    assert_int_equal(g->tensors[0]->dims[0], 1);
    assert_int_equal(g->tensors[0]->signature[0], -1);
    assert_int_equal(g->tensors[0]->signature[1], 4);
    q = g->tensors[2]->quant;
    assert_int_equal(q->q.n_scales, 1);
    assert_true(q->q.scales[0] == 0.5f && q->q.zero_points[0] == -3 && q->min[0] == -64.0f &&
                q->max[0] == 63.5f);
    assert_true(g->tensors[2]->data == g->tensors[3]->data); /* one buffer */
    q = g->tensors[3]->quant;
    assert_true(q->q.n_scales == 2 && q->q.axis == 1 && q->q.scales[1] == 0.125f);
    q = g->tensors[4]->quant;
    assert_true(q->q.block_size == 32 && q->block_scales == 5 && q->block_zero_points == -1);
    assert_int_equal(g->tensors[4]->bytes, 64);
    assert_int_equal(g->tensors[6]->bytes, 2);
    assert_int_equal(s->n_dims, 4);
    assert_true(s->traversal_order[3] == 3 && s->block_map[0] == 2);
    assert_true(s->dims[0].format == 1 && s->dims[0].indices[0] == 1 &&
                s->dims[0].segments[1] == 1);
    assert_true(s->dims[1].segments[1] == 1 && s->dims[1].indices[0] == 300);
    assert_true(s->dims[2].segments[1] == 1 && s->dims[2].indices[0] == 1);
    assert_true(s->dims[3].format == 0 && s->dims[3].dense_size == 2);
    assert_true(g->tensors[8]->is_variable);
    assert_true(g->tensors[9]->quant->q.n_scales == 0 && g->tensors[9]->quant->n_max == 1);
    assert_true(mwi_tensor_is_const(g->tensors[10]) && g->tensors[10]->bytes == 0);
    assert_int_equal(*(const int64_t *)g->tensors[11]->data, -5);
    assert_int_equal(g->tensors[14]->bytes, 15);
    assert_int_equal(g->ops[0]->desc->tflite_code, 19);
    assert_string_equal(g->ops[1]->custom_code, "example_op");
    assert_int_equal(g->ops[1]->n_custom_options, 3);
    assert_int_equal(g->ops[1]->custom_options[2], 3);
    assert_int_equal(g->ops[1]->in[7], -1);
    assert_int_equal(g->ops[1]->intermediates[0], 13);
    assert_int_equal(m->n_signatures, 2);
    assert_string_equal(m->signatures[0].key, "serving_default");
    assert_string_equal(m->signatures[0].outputs[1].name, "z");
    assert_int_equal(m->signatures[0].outputs[1].tensor, 1);
    assert_int_equal(m->signatures[1].graph, 1);
    assert_int_equal(m->n_metadata, 2);
    assert_memory_equal(m->metadata[0].data, "1.2.3", 5);
    assert_int_equal(m->metadata[1].bytes, 0);
}

#endif
