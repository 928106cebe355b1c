"""Units: check and convert them by the UDUNITS rules.

Dimensionless is ``"1"``; the words ``none`` or ``-`` that some conventions use instead
are no UDUNITS, and are refused here. The library behind is imported at first use.
"""

from __future__ import annotations

import locale
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .errors import UnitsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["NO_DIMENSION", "check", "convert", "unknown"]

NO_DIMENSION = ("-", "none", "unitless", "dimensionless", "ratio", "fraction", "n/a")
"""What files write, in capitals or not, where UDUNITS has ``1``."""

_MEANT = {
    **dict.fromkeys(NO_DIMENSION, "1"),
    # C is the coulomb, F the farad.
    **dict.fromkeys(("c", "deg c", "deg. c", "degrees c", "celcius"), "degC"),
    **dict.fromkeys(("f", "deg f", "deg. f", "degrees f"), "degF"),
    **dict.fromkeys(("sq mi", "sqmi", "sq. mi.", "square miles"), "mi2"),
    **dict.fromkeys(("sq km", "sqkm", "square kilometers"), "km2"),
    "cfs": "ft3 s-1",
    "cms": "m3 s-1",
}


_PLAIN = re.compile(
    r"(?:1|(?:(?:(?:[hkcmu]?(?:m|s|g|K|Pa|J|W|V|mol)|min|h|d|yr|deg[CKF]|degrees_north"
    r"|degrees_east)(?:-?[1-9])?)(?: (?=.)|\Z))+)"
)
"""Products of usual units, which UDUNITS knows."""


_ROUND = dict.fromkeys((0x2DA, 0xBA, 0x1D52), "\N{DEGREE SIGN}")
"""A ring and two raised letters, which keyboards have where degrees are meant."""

_TYPESET = {
    **dict.fromkeys((0x2212, 0x2010, 0x2013, 0x2014), "-"),  # minus, hyphen and dashes
    **dict.fromkeys((0xB7, 0x22C5, 0x2219, 0x2022, 0xD7), "."),  # signs for times
    0x3BC: "u",
}
"""What typesetters write, after superscripts have become digits."""

_DEGREE_APART = re.compile("\N{DEGREE SIGN}\\s+(?=[CFK]\\b)")

_BRACED = re.compile(r"\^?\{([-+]?\d+)\}")
"""An exponent as TeX has it."""

_BRACKETED = re.compile(r"\[(.+)\]|\((.+)\)|\$(.+)\$")


def _typed(units: str) -> str:
    """Return units as UDUNITS writes them, however they were typeset."""
    text = unicodedata.normalize("NFKC", units.translate(_ROUND)).strip()
    text = _DEGREE_APART.sub("\N{DEGREE SIGN}", text.translate(_TYPESET))
    text = _BRACED.sub(r"\1", text)
    whole = _BRACKETED.fullmatch(text)
    inside = next(filter(None, whole.groups())) if whole else ""
    return inside.strip() if inside and not set("()[]$") & set(inside) else text


def _hint(units: str) -> str:
    meant = _MEANT.get(units.strip().lower())
    return f"; write {meant!r}" if meant else ""


def _small(units: str) -> str:
    """Return a hint where only capitals keep a unit from being one."""
    small = units.strip().lower()
    return f"; write {small!r}" if small != units.strip() and not unknown(small) else ""


@contextmanager
def _decimal_points() -> Iterator[None]:
    """Let the C library read numbers with points, whatever the host speaks.

    Hosts with windows set the language of the process to that of the user; where its
    numbers have commas UDUNITS does not even find its own tables right.
    """
    if locale.localeconv()["decimal_point"] == ".":
        yield
        return
    spoken = locale.setlocale(locale.LC_NUMERIC)
    locale.setlocale(locale.LC_NUMERIC, "C")
    try:
        yield
    finally:
        locale.setlocale(locale.LC_NUMERIC, spoken)


@lru_cache(maxsize=256)
def _unit(units: str) -> Any:
    with _decimal_points():
        from gimli._udunits2 import UdunitsError
        from gimli.units import units as system

        text = _typed(units)
        try:
            # The C library would stop reading at a NUL and believe the rest was fine.
            if text.isprintable():
                return system.Unit(text)
        except UdunitsError:
            pass
    hint = _hint(units) or _small(units)
    raise UnitsError(f"units {units!r} are not known to UDUNITS{hint}")


@lru_cache(maxsize=256)
def _converter(from_units: str, to_units: str) -> Any:
    source, target = _unit(from_units), _unit(to_units)
    from gimli._udunits2 import UdunitsError

    try:
        return source.to(target)
    except UdunitsError:
        message = f"units {from_units!r} cannot be converted into {to_units!r}"
        raise UnitsError(message + _hint(from_units)) from None


def check(units: str) -> None:
    """Refuse text that is not a unit.

    Parameters
    ----------
    units : str
        For example ``"mm d-1"``, ``"degC"``, ``"1"``.

    Raises
    ------
    UnitsError
        When UDUNITS does not know the units.
    """
    _unit(units)


def unknown(units: str) -> str:
    """Return why text is not a unit; nothing where it is one.

    Parameters
    ----------
    units : str
        As for :func:`check`.
    """
    # Whoever only runs what comes with the package can do without the library.
    if not _PLAIN.fullmatch(units):
        try:
            _unit(units)
        except UnitsError as error:
            return str(error)
    return ""


def convert(
    values: ArrayLike, from_units: str, to_units: str
) -> NDArray[np.floating[Any]]:
    """Convert values into other units.

    Parameters
    ----------
    values : array_like of number
        Any shape; not changed.
    from_units, to_units : str
        UDUNITS strings of the same dimension.

    Returns
    -------
    ndarray of float
        A new array of the same shape; float32 stays float32, all else is float64.

    Raises
    ------
    UnitsError
        When units are unknown or not of the same dimension.
    """
    import numpy as np

    array = np.asarray(values)
    kind = np.float32 if array.dtype == np.float32 else np.float64
    converted = np.array(array, dtype=kind, order="C", ndmin=1)
    converter = _converter(from_units, to_units)
    if converted.size:
        converter(converted, out=converted)
    return converted.reshape(array.shape)
