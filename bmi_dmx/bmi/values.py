"""Values given to hosts and taken from them: the getters and setters of BMI."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..conversion import shown
from ..errors import DataError, VariableError
from ..operate.repeated_warnings import warn_once
from ..operate.runner import Runner
from .filling import fill, fill_at, misfit, no_name, within
from .serialization import Signal
from .table import Quantities, Quantity
from .turn import Turn

__all__ = ["Values"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


class Values:
    """The getters and setters of BMI over one table of quantities.

    Forcings, attributes, parameters and states can be set. What a state is set to is
    the mean of its members, which keep their proportions; the amount this adds is
    booked as adjusted. A parameter is the same for all members from then on. Values
    written through a pointer reach the model for forcings only. A name that is not
    known is an error when asked for, but is ignored, with one warning, when set: hosts
    offer all they have.

    Parameters
    ----------
    table : Quantities
        What there is.
    runner : Runner
        The model.
    set_store : callable
        Sets the members' mean of a store at some places.
    turn : Turn
        Whose turn it is; all that reads or changes values has to be alone.
    """

    def __init__(
        self,
        table: Quantities,
        runner: Runner,
        set_store: Callable[[str, Array, Array], None],
        turn: Turn,
    ) -> None:
        self._table, self._runner, self._set_store = table, runner, set_store
        self._turn = turn
        self._ignored: set[str] = set()

    def get_value_ptr(self, name: str) -> Array:
        """Return the values themselves, (place,): the same array for life.

        Parameters
        ----------
        name : str
            Standard or short name.

        Raises
        ------
        VariableError
            When the name is not known.
        """
        try:
            quantity = self._table[name]
        except TypeError:
            raise no_name(name) from None
        if quantity.refresh is not None:
            turn = self._turn
            try:
                others, turn.taken = turn.taken, True
                if others:
                    raise turn.refusal()
                quantity.refresh()
            finally:
                if not others:
                    turn.taken = False
        return quantity.buffer

    def get_value(self, name: str, dest: Array) -> Array:
        """Copy the values into ``dest``, and return it.

        Raises
        ------
        VariableError
            When the name is not known.
        DataError
            When ``dest`` has another size, cannot be written to, or is not of floating
            point.
        """
        values = self.get_value_ptr(name)
        turn = self._turn
        try:
            others, turn.taken = turn.taken, True
            if others:
                raise turn.refusal()
            return fill(name, values, dest)
        finally:
            if not others:
                turn.taken = False

    def get_value_at_indices(self, name: str, dest: Array, inds: Array) -> Array:
        """Copy the values at some places into ``dest``, and return it.

        Raises
        ------
        VariableError
            When the name is not known.
        DataError
            When ``dest`` has another size, cannot be written to or is not of floating
            point, or there is no such location.
        """
        try:
            quantity = self._table[name]
        except TypeError:
            raise no_name(name) from None
        turn = self._turn
        try:
            others, turn.taken = turn.taken, True
            if others:
                raise turn.refusal()
            if quantity.refresh is not None:
                quantity.refresh()
            return fill_at(name, quantity.buffer, dest, inds)
        finally:
            if not others:
                turn.taken = False

    def set_value(self, name: str, src: ArrayLike) -> None:
        """Set a forcing, attribute, parameter, or the members' mean of a state.

        Parameters
        ----------
        name : str
            Standard or short name.
        src : array_like
            One number for every place.

        Raises
        ------
        VariableError
            When the variable cannot be set.
        DataError
            When sizes differ, or a value is outside the bounds of a state.
        """
        # What is there is asked for once, and then found at once.
        try:
            quantity = self._table.get(name) or self._settable(name)
        except TypeError:
            raise no_name(name) from None
        if quantity is None:
            return
        values = src if type(src) is np.ndarray else _filled(name, src)
        if isinstance(quantity, Signal):
            quantity.receive(values)
            return
        if values.size != quantity.buffer.size:
            raise misfit(name, values.size, quantity.buffer.size)
        kind = values.dtype
        if kind is not quantity.buffer.dtype and kind.kind not in "fiub":
            raise DataError(f"{name!r}: expected numbers, found {shown(src)}")
        turn = self._turn
        try:
            others, turn.taken = turn.taken, True
            if others:
                raise turn.refusal()
            if quantity.role == "forcing":
                if values.shape == (1,):
                    quantity.buffer[0] = values.item()
                else:
                    quantity.buffer[:] = values.reshape(-1)
            else:
                self._set(quantity, values, np.arange(values.size))
        finally:
            if not others:
                turn.taken = False

    def set_value_at_indices(self, name: str, inds: Array, src: ArrayLike) -> None:
        """Set values at some places; otherwise as :meth:`set_value`."""
        quantity = self._settable(name)
        if quantity is not None:
            numbers = _filled(name, src)
            at = within(name, inds, quantity.buffer.size)
            if numbers.size != at.size:
                raise DataError(
                    f"{name!r}: found {numbers.size} values for {at.size} locations"
                )
            if numbers.dtype.kind not in "fiub":
                raise DataError(f"{name!r}: expected numbers, found {shown(src)}")
            if isinstance(quantity, Signal):
                values = quantity.buffer.copy()
                values[at] = numbers.reshape(-1)
                quantity.receive(values)
            else:
                with self._turn.alone():
                    self._set(quantity, numbers, at)

    def _settable(self, name: str) -> Quantity | Signal | None:
        """Return a quantity that can be set; None, with one warning, if unknown."""
        if not isinstance(name, str):
            raise no_name(name)
        if not self._table.knows(name):
            if name not in self._ignored:
                self._ignored.add(name)
                warn_once(
                    _log, name, "%s: set_value: the model has no %r, which is ignored",
                    self._runner.place, name,
                )  # fmt: skip
            return None
        return self._table[name]

    def _set(self, quantity: Quantity, numbers: Array, at: Array) -> None:
        """Set a quantity at some places, and nothing elsewhere."""
        values = numbers.reshape(-1).astype(float)
        if quantity.role in ("flux", "diagnostic"):
            raise VariableError(
                f"{quantity.short!r} is a {quantity.role} and cannot be set; forcings, "
                "states, parameters and attributes can"
            )
        if quantity.role in ("forcing", "observation"):
            quantity.buffer[at] = values
        elif quantity.role == "state":
            self._set_store(quantity.short, values, at)
        elif quantity.role == "attribute":
            self._runner.parameters.set_attribute(quantity.short, values, at)
        else:
            self._runner.parameters.set_parameter(quantity.short, values, at)


def _filled(name: str, src: ArrayLike) -> Array:
    """Return values as an array, with NaN where they are masked."""
    # Nobody has masked values who did not load what makes them, which takes a while.
    if "numpy.ma" in sys.modules and isinstance(src, np.ma.MaskedArray):
        return np.asarray(np.ma.filled(src.astype(float), np.nan))
    try:
        return np.asarray(src)
    except (TypeError, ValueError):
        raise DataError(
            f"{name!r}: expected an array of numbers, found {shown(src)}"
        ) from None
