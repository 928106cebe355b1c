"""Programs over places with arrays of their own: compiled, or evaluated in NumPy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..errors import ScanError
from ..program import Program, evaluate
from .print_places import ALONE, TOGETHER, PrintedProgram, printed
from .stepper import kernel_of

__all__ = ["NetworkProgram"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


class NetworkProgram:
    """A program from arrays whose first axis is that of places to others.

    It is printed once for all who run it.

    Parameters
    ----------
    name : str
        What is run, for messages.
    program : Program
        Any operations; what cannot be printed as C is evaluated in NumPy.
    fixed : mapping of str to ndarray
        Inputs that are the same at all places, such as weights.
    widths : mapping of str to tuple of int
        The other inputs: their shape behind the axis of places.
    """

    def __init__(
        self,
        name: str,
        program: Program,
        fixed: Mapping[str, Array],
        widths: Mapping[str, tuple[int, ...]],
    ) -> None:
        self.name, self._program = name, program
        self._fixed, self._widths = fixed, widths

    @cached_property
    def _alone(self) -> PrintedProgram | None:
        return self._printed(ALONE)

    @cached_property
    def _together(self) -> PrintedProgram | None:
        return self._printed(TOGETHER)

    def _printed(self, together: int) -> PrintedProgram | None:
        try:
            return printed(self._program, self._fixed, self._widths, together)
        except ScanError as error:
            _log.warning(
                "%s is evaluated in NumPy, which is slower: %s", self.name, error
            )
            return None

    def bind(
        self,
        inputs: Mapping[str, Array],
        outputs: Mapping[str, Array],
        divisors: Mapping[str, float] | None = None,
    ) -> Callable[[], object]:
        """Return a function that computes some arrays from others, again and again.

        Parameters
        ----------
        inputs, outputs : mapping of str to ndarray
            (place,) or (place, entry), float64, of any strides. What is read may be
            written as well.
        divisors : mapping of str to float, optional
            What inputs are divided by before anything else.

        Raises
        ------
        ScanError
            When an output has no room for its entries, or is of another type.
        """
        by = divisors or {}
        places = len(next(iter(outputs.values())))
        printout = self._alone if places == 1 else self._together
        library = None if printout is None else kernel_of(printout.source)
        if printout is None or library is None:
            return partial(self._evaluate, inputs, outputs, by)
        words = [places]
        for name in printout.inputs:
            words += _series(name, inputs[name], by.get(name, 1.0))
        for name, width in printout.outputs.items():
            entries = outputs[name].size // places
            if entries != width:
                raise ScanError(
                    f"{name!r} has {width} entries, found room for {entries}"
                )
            words += _series(name, outputs[name], 1.0)
        words += [*map(_address, printout.fixed), 0]
        block = np.array(words, dtype=np.int64)
        _refuse_other_size(library, len(block))
        return _Call(library, block, (inputs, outputs, printout))

    def _evaluate(
        self,
        inputs: Mapping[str, Array],
        outputs: Mapping[str, Array],
        divisors: Mapping[str, float],
    ) -> None:
        scaled = {name: x / divisors.get(name, 1.0) for name, x in inputs.items()}
        values = evaluate(self._program, {**self._fixed, **scaled})
        for name, target in outputs.items():
            target[...] = values[name].reshape(target.shape)


class _Call:
    """A call of a kernel; keeps alive what its arguments point into."""

    def __init__(self, library: Any, block: Array, alive: object) -> None:
        self._answer, self._address = library.answer, block.ctypes.data
        self._alive = block, alive

    def __call__(self) -> None:
        if self._answer(self._address):
            raise MemoryError("no memory for what a kernel works on")


def _series(name: str, array: Array, divisor: float) -> list[int]:
    """Return the words of ``Series`` in places.c."""
    if array.dtype != np.float64:
        raise ScanError(f"{name!r} is {array.dtype}, expected float64")
    rows = array.reshape(len(array), array.size // len(array))
    if rows.size and not np.may_share_memory(rows, array):
        raise ScanError(f"the entries of {name!r} do not follow each other")
    place, entry = (stride // array.itemsize for stride in rows.strides)
    by = int(np.float64(divisor).view(np.int64))
    return [_address(array), place, entry, by]


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def _refuse_other_size(library: Any, words: int) -> None:
    """Refuse a library that reads arguments of another size.

    Raises
    ------
    ScanError
        When it does; it would read and write anywhere.
    """
    expected = int(library.call_words())
    if words != expected:
        raise ScanError(
            f"the kernel takes arguments of {expected} numbers, found {words}"
        )
