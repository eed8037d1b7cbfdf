"""All tables of rows.   SPDX-License-Identifier: Apache-2.0"""
from rows import control, conversions, elementwise, indices, layers, moving, others, recurrent, reductions, stablehlo

ROWS = {}
for module in (control, conversions, elementwise, indices, layers, moving, others, recurrent, reductions, stablehlo):
    for op, row in module.ROWS.items():
        assert op not in ROWS, op
        ROWS[op] = row
