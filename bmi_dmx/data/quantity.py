"""Numbers of a file as a declared quantity: missing values and units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UnitsError
from ..units import NO_DIMENSION, convert
from ..variables import Variable
from .fill_values import without_markers

__all__ = ["assumed", "converts", "in_mass", "quantity", "refuse_impossible"]

Array = NDArray[np.float64]

Remark = Callable[[str], Any]

_THOUSANDTHS = "1e-3"
_PRACTICAL = ("1", "psu", "pss-78", "pss78")
"""What is practical has no units, or such as these; one of it counts as 1e-3."""

_ROUNDED = 0.01
"""Share of what is possible by which numbers may be outside of it, as sensors are."""

VariableType = TypeVar("VariableType", bound=Variable)


def quantity(
    values: Any, units: str, variable: Variable, where: str, remark: Remark
) -> Array:
    """Return numbers of a file as a declared quantity.

    Parameters
    ----------
    values : array_like
        As in the file; masked or NaN where it declares that nothing is known.
    units : str
        As the file states them; empty: as declared.
    variable : Variable
        What is wanted: units and bounds.
    where : str
        File and name there, for messages.
    remark : callable
        Takes what there is to say, such as a marker that the file does not declare.

    Returns
    -------
    ndarray of float64
        In declared units, NaN where nothing is known.

    Raises
    ------
    UnitsError
        When units are unknown, or of something else. Numbers that are declared without
        a dimension are taken as they are instead, which is remarked on; and those that
        are practical for thousandths.
    """
    file_units = units or variable.units
    if file_units.casefold() in NO_DIMENSION:
        file_units = "1"
    if variable.units == "1" and not converts(file_units, "1"):
        remark(f"{where}: units {units!r} are passed over, a plain number is expected")
        file_units = "1"
    if variable.units == _THOUSANDTHS and file_units.casefold() in _PRACTICAL:
        file_units = _THOUSANDTHS
    try:
        if file_units != variable.units:
            convert(0.0, file_units, variable.units)
        bounds = None
        if variable.bounds is not None:
            ends = convert(np.array(variable.bounds), variable.units, file_units)
            bounds = (float(ends.min()), float(ends.max()))
        marked = without_markers(values, bounds)
        numbers = marked.values
        if file_units != variable.units:
            numbers = np.asarray(
                convert(numbers, file_units, variable.units), np.float64
            )
    except UnitsError as error:
        raise UnitsError(f"{where}: {error}") from None
    if marked.markers:
        remark(marked.remark(where))
    return numbers


def refuse_impossible(values: Array, variable: Variable, where: str) -> None:
    """Refuse numbers that cannot be, as in other units than those that are said.

    Parameters
    ----------
    values : ndarray
        In units of the variable; NaN where nothing is known.
    variable : Variable
        What they are of; one without bounds can be anything.
    where : str
        File and name there, for the message.

    Raises
    ------
    DataError
        Naming the number that is furthest out, and the bounds.
    """
    if variable.bounds is None or not np.isfinite(values).any():
        return
    low, high = variable.bounds
    least, most = float(np.nanmin(values)), float(np.nanmax(values))
    slack = _ROUNDED * (high - low)
    if least < low - slack or most > high + slack:
        furthest = most if most > high + slack else least
        units = "" if variable.units == "1" else f" {variable.units}"
        raise DataError(
            f"{where}: found {furthest:g}, expected {low:g} to {high:g}{units}"
        )


def in_mass(variable: VariableType, units: str, density: str) -> VariableType:
    """Return what is wanted of a file, as a mass where the file has one.

    Parameters
    ----------
    variable : Variable
        Declared as a volume or a depth, or as a flux of it.
    units : str
        As the file states them.
    density : str
        Of what it is of, with units; empty where no mass stands for its volume.

    Returns
    -------
    Variable
        With the units of the mass where those of the file are of one; else as it was.
    """
    mass = f"({variable.units}) ({density})"
    if not density or not units or converts(units, variable.units):
        return variable
    return replace(variable, units=mass) if converts(units, mass) else variable


def converts(units: str, into: str) -> bool:
    """Return whether numbers in some units can be had in others."""
    try:
        convert(0.0, units, into)
    except UnitsError:
        return False
    return True


def assumed(units: Mapping[str, str]) -> str:
    """Return what to say of names whose units no file gives; empty if there are none.

    Parameters
    ----------
    units : mapping of str to str
        What is assumed, by name.
    """
    if not units:
        return ""
    listed = ", ".join(f"{name} ({unit})" for name, unit in units.items())
    return f"units assumed, for none are given: {listed}"
