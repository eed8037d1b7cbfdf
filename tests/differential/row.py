"""What the fuzzer knows of an operator: one row in a table of rows/.   SPDX-License-Identifier: Apache-2.0"""
import dataclasses
import typing

EXACT = (0.0, 0.0, 0.0)
ROUNDED = (3e-7, 0.0, 0.0)  # one rounding more or less
ELEMENTARY = (2e-6, 1e-7, 1e-37)  # functions of a mathematical library
SUMS = (2e-6, 4e-6, 0.0)  # sums of products, in any order
CANCELS = (2e-6, 1e-7, 1e-6)  # differences of numbers near 1


@dataclasses.dataclass
class Row:
    make: typing.Callable  # make(draw) -> Case; None: there is none
    tolerance: tuple = EXACT  # of floats: of their own size, of the output's largest, and of 1
    special: object = False  # floats may be infinite, NaN, denormal: True, or which values
    wide: bool = False  # 32 and 64-bit integers of all sizes
    extreme: bool = False  # scales of all sizes
    resizes: str = None  # inputs may be declared with every dimension 1 or open ("all"), the first one's first ("first"), or any open ("any")
    scalar_lists: bool = False  # a scalar may be a list of one
    wild_out: bool = False  # an output of any type is not of the input's
    attributes: dict = None  # what `make` needs to know of this operator beside its name
    version: int = 1  # of the operator in the file: the least that the reference kernels take
    instead: str = None  # its reference kernel is wrong, the other set's is compared with: the paragraph that says so
    unlike: dict = None  # {types: paragraph}: LiteRT runs them, as something else
