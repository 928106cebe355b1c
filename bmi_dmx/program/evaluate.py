"""Run a program on NumPy arrays: networks and parameterizations without PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ScanError
from .ops import OPS
from .program import Program

__all__ = ["evaluate"]

Array = np.ndarray[Any, np.dtype[Any]]


def evaluate(
    program: Program,
    inputs: Mapping[str, Array],
    before: Callable[[str, Sequence[Any]], None] | None = None,
) -> dict[str, Array]:
    """Return the named outputs of a program.

    Parameters
    ----------
    program : Program
        What to compute.
    inputs : mapping of str to ndarray
        An array for every input; shapes as traced, with any size along a free axis.
    before : callable, optional
        Is shown each operation and its arguments before it is done.

    Raises
    ------
    ScanError
        When an input is missing.
    """
    values: dict[str, Any] = {}
    for name, value in program.inputs.items():
        if name not in inputs:
            raise ScanError(f"program input {name!r} is missing")
        values[value] = inputs[name]

    # As in C, nothing is said of what is not finite on the way, such as the logarithm
    # of 0. Values are dropped as soon as they are spent, so that memory is used again.
    with np.errstate(all="ignore"):
        for instruction, spent in zip(program.instructions, program.spent, strict=True):
            arguments = [_resolve(a, values) for a in instruction.args]
            if before is not None:
                before(instruction.op, arguments)
            values[instruction.out] = OPS[instruction.op].numpy(*arguments)
            del arguments
            for name in spent:
                del values[name]
    return {n: np.asarray(_resolve(v, values)) for n, v in program.outputs.items()}


def _resolve(arg: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(arg, str):
        return values[arg]
    if isinstance(arg, list):
        return [_resolve(a, values) for a in arg]
    return arg
