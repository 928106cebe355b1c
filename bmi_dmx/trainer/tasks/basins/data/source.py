"""What every reader offers, and the conversions they share."""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .....data.fill_values import WORDS, without_markers
from .....data.identity import refuse_repeated
from .....data.table import read_table
from .....errors import DataError, UnitsError, suggestion
from .....models.hydrology.climate import (
    AREA,
    CLIMATE,
    LATITUDE,
    LONGITUDE,
    TOPOGRAPHY,
)
from .basins import Array32, Array64, TargetObservations, Times, covered
from .fluxes import converted
from .remarks import remark
from .spec import DataSpec, class_attribute
from .stations import Station

__all__ = [
    "Period",
    "Series",
    "Source",
    "add_common_names",
    "by_name",
    "increasing",
    "numeric",
    "of_product",
    "others_in",
    "products_of",
    "table_rows",
    "within",
]

log = logging.getLogger(__name__)

Period = tuple[np.datetime64, np.datetime64]

COMMON_ATTRIBUTES: dict[str, tuple[str, tuple[str, ...]]] = {
    attribute.name: (attribute.units, names)
    for attribute, names in (
        (AREA, ("area_gages2", "area")),
        (LATITUDE, ("gauge_lat", "lat")),
        (LONGITUDE, ("gauge_lon", "lon")),
        (TOPOGRAPHY["elevation_mean"], ("elev_mean",)),
        (TOPOGRAPHY["slope_mean"], ()),
    )
}
"""Our name of an attribute, its units, and the names other data sets give it."""

BOUNDS = {
    called: attribute.limits
    for attribute in (LATITUDE, LONGITUDE)
    for called in (attribute.name, *COMMON_ATTRIBUTES[attribute.name][1])
}
"""What coordinates can be, by all their names: -99 is a longitude like others."""

MOST_CLASSES = 20
"""A text attribute with more different values is a name, not a class."""


@dataclass(frozen=True)
class Series:
    """Series as read: NaN where missing, in our names and units.

    Parameters
    ----------
    time : (T,) array of datetime64
    forcing : dict of str to (T, B) float32
    target : (T, B) float32
        Streamflow in mm d-1.
    observed : dict of str to TargetObservations
        What else was observed, by our names, in the units of the file.
    """

    time: Times
    forcing: dict[str, Array32]
    target: Array32
    observed: dict[str, TargetObservations] = field(default_factory=dict)


class Source(ABC):
    """One data set on disk.

    Parameters
    ----------
    spec : DataSpec
        Names and choices.
    path : Path
        The file or folder.

    Attributes
    ----------
    path : Path
        The file or folder.
    ids : (B,) array of str
        All basins of the data set.
    attributes : dict of str to (B,) float64
        Their attributes, those of :data:`COMMON_ATTRIBUTES` under our names and units.
    units : dict of str to str
        Units of the attributes, as far as they are known.
    stations : dict of str to Station
        What is known of the gauges of some of them, by basin.
    left_out : dict of str to str
        Basins of which the data set holds something but not all, and what it lacks.
    """

    choices: ClassVar[tuple[str, ...]] = ("forcings", "target")
    """Those of ``product``, ``products``, ``forcings``, ``target``, ``targets`` and
    ``units`` that it uses."""

    own: ClassVar[bool] = False
    """Whether people keep such data themselves, so that they are looked at first."""

    path: Path
    ids: NDArray[np.str_]
    attributes: dict[str, Array64]
    units: Mapping[str, str] = MappingProxyType(
        {name: units for name, (units, _) in COMMON_ATTRIBUTES.items()}
    )
    stations: Mapping[str, Station] = MappingProxyType({})
    left_out: Mapping[str, str] = MappingProxyType({})

    @abstractmethod
    def __init__(self, spec: DataSpec, path: Path) -> None: ...

    @classmethod
    def shipped(cls) -> Path | None:
        """Return the data set that comes with the package, if this is one."""
        return None

    @abstractmethod
    def series(self, ids: NDArray[np.str_], period: Period | None) -> Series:
        """Return the series of ``ids``, of the whole record when ``period`` is None."""

    @abstractmethod
    def where(self, name: str, basin: str) -> str:
        """Return file and variable of a forcing or ``streamflow``, for messages."""


def of_product(names: Iterable[str], product: str) -> tuple[str, ...]:
    """Return what a variable of one product among several may be called.

    Parameters
    ----------
    names : iterable of str
        Usual names.
    product : str
        ``prcp_daymet`` or ``daymet_prcp`` is precipitation of ``daymet``; what has no
        mark is of all. Empty: there are no several.
    """
    plain = tuple(names)
    if not product:
        return plain
    marked = (f"{name}_{product}" for name in plain)
    return (*marked, *(f"{product}_{name}" for name in plain), *plain)


def products_of(there: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the products of which variables with some usual names are there."""
    products: dict[str, None] = {}
    for variable in there:
        for name in names:
            if variable.startswith(f"{name}_"):
                products[variable.removeprefix(f"{name}_")] = None
            elif variable.endswith(f"_{name}"):
                products[variable.removesuffix(f"_{name}")] = None
    return tuple(products)


def others_in(
    there: Iterable[str],
    spec: DataSpec,
    forcings: Mapping[str, str],
    target: str | None,
    where: str,
) -> dict[str, str]:
    """Return the variables of all that was observed beside streamflow.

    Parameters
    ----------
    there : iterable of str
        The variables of a file.
    spec : DataSpec
        Says what they are called.
    forcings : mapping of str to str
        The variables of the forcings, none of which may be a target.
    target : str, optional
        The variable of streamflow.
    where : str
        File, for messages.

    Raises
    ------
    DataError
        There is no such variable, or it serves as something else already.
    """
    names = list(there)
    uses = {variable: name for name, variable in forcings.items()}
    if target is not None:
        uses[target] = "streamflow"
    for name, variable in spec.targets.items():
        if variable not in names:
            hint = suggestion(variable, names)
            raise DataError(f"{where}: no variable {variable!r} for {name!r}{hint}")
        if variable in uses:
            raise DataError(
                f"{where}: data.targets.{name}: {variable!r} is read as"
                f" {uses[variable]} already"
            )
    return dict(spec.targets)


def numeric(name: str, values: NDArray[Any], where: str = "") -> dict[str, Array64]:
    """Return an attribute as numbers.

    Numbers are kept, also where a text file holds them; empty cells, words such as
    ``NA`` and markers such as -999 are unknown (NaN). Text that starts with a
    superfluous zero (``01``) is a code, no number. Other text with at most 20 different
    values becomes one 0/1 attribute per value, named ``attribute__value`` with
    everything but letters and digits turned into ``_``; text with more values (names)
    is left out. A missing text is in no class.

    Parameters
    ----------
    name : str
        Name of the attribute.
    values : (B,) array
        Numbers or text.
    where : str
        File, for what is said of markers that it does not declare.
    """
    if np.ma.getdata(values).dtype.kind in "iufb":
        return {name: _known(name, values, where)}
    text = np.array([str(value).strip() for value in values], dtype=np.str_)
    missing = np.array([value.casefold() in WORDS for value in text], dtype=bool)
    classes = np.unique(text[~missing])
    if not any(re.match(r"0\d", value) for value in classes):
        try:
            numbers = np.where(missing, "nan", text).astype(np.float64)
            return {name: _known(name, numbers, where)}
        except ValueError:
            pass
    if len(classes) > MOST_CLASSES:
        return {}
    return {
        class_attribute(name, value): (text == value).astype(np.float64)
        for value in classes
    }


def _known(name: str, values: NDArray[Any], where: str) -> Array64:
    """Return numbers without markers; of a place, those it may be at are none."""
    marked = without_markers(values, BOUNDS.get(name))
    if marked.markers:
        remark(marked.remark(f"{where}: attribute {name!r}"))
    return marked.values


def by_name(files: Sequence[Path], name_of: Callable[[Path], str]) -> dict[str, Path]:
    """Return files by the basin that they are named after.

    Raises
    ------
    DataError
        Two files are of one basin.
    """
    paths: dict[str, Path] = {}
    for file in files:
        name = name_of(file)
        if name in paths:
            raise DataError(f"{file}: basin {name!r} has another file, {paths[name]}")
        paths[name] = file
    return paths


def table_rows(file: Path) -> dict[str, dict[str, str]]:
    """Return the rows of a table of attributes as text, by the column ``gauge_id``.

    Parameters
    ----------
    file : Path
        The table.

    Raises
    ------
    DataError
        There is no such column, a row is not as long as the header, or a gauge has two.
    """
    table = read_table(file, "one row for each gauge")
    if "gauge_id" not in table.titles:
        raise DataError(f"{file}: no column 'gauge_id' in {list(table.titles)}")
    refuse_repeated(table.titles, f"{file}: header", first=1, entry="column")
    for text in table.remarks:
        if not text.startswith("cells are"):  # by what, is no matter here
            remark(f"{file}: {text}")
    columns = {title: table.plain(at) for at, title in enumerate(table.titles)}
    places = table.places(table.titles.index("gauge_id"))
    del columns["gauge_id"]
    return {
        gauge: {title: cells[row] for title, cells in columns.items()}
        for gauge, row in places.items()
    }


def add_common_names(
    attributes: dict[str, Array64], units: Mapping[str, str], where: str
) -> dict[str, str]:
    """Enter the common attributes under our names and units, where the file has them.

    Climate indices that bear our names are brought to our units where theirs are given.

    Parameters
    ----------
    attributes : dict of str to (B,) float64
        Changed in place.
    units : mapping of str to str
        Units of the attributes, by the file's name.
    where : str
        File, for messages.

    Returns
    -------
    dict of str to str
        Units of all attributes that have any, the common ones included.

    Raises
    ------
    UnitsError
        A common attribute has no units or wrong ones.
    """
    all_units = {
        name: text for name, text in units.items() if text and name in attributes
    }
    for name, (target, aliases) in COMMON_ATTRIBUTES.items():
        there = [alias for alias in (name, *aliases) if alias in attributes]
        if not there:
            continue
        title = there[0]
        if len(there) > 1 and not np.array_equal(
            attributes[title], attributes[there[1]], equal_nan=True
        ):
            log.warning(
                "%s: %s are all %s and differ; %s is used",
                where, " and ".join(there), name, title,
            )  # fmt: skip
        if not units.get(title):
            raise UnitsError(
                f"{where}: attribute {title!r} has no units, not {target!r}"
            )
        place, values, unit = (
            f"{where}: attribute {title!r}",
            attributes[title],
            units[title],
        )
        if name == "slope_mean" and re.match("deg|rad", unit.strip().lower()):
            # To UDUNITS an angle is a ratio already, which holds for small ones alone.
            values, unit = np.tan(converted(values, unit, "radian", place)), "1"
        attributes[name] = converted(values, unit, target, place)
        all_units[name] = target
    for index in CLIMATE:
        # In the units under which a bundle asks for it; text for a ratio is no matter.
        if index.name in all_units and index.units != "1":
            place = f"{where}: attribute {index.name!r}"
            attributes[index.name] = converted(
                attributes[index.name], all_units[index.name], index.units, place
            )
            all_units[index.name] = index.units
    return all_units


def increasing(time: Times, where: str) -> Times:
    """Return times, refusing those that are not later than the ones before.

    Raises
    ------
    DataError
        Naming ``where`` and the two times.
    """
    right = np.diff(time) > np.timedelta64(0, "D")
    if not right.all():
        at = int(np.argmin(right))
        what = "days" if time.dtype == np.dtype("datetime64[D]") else "times"
        raise DataError(
            f"{where}: the {what} do not increase: {time[at]} is followed by"
            f" {time[at + 1]}"
        )
    return time


def within(time: Times, period: Period | None, where: str) -> slice:
    """Return the part of ``time`` that ``period`` covers, which must be all of it.

    Raises
    ------
    DataError
        The period reaches beyond the record.
    """
    if period is None:
        return slice(0, time.size)
    first, last = period
    steps = covered(time, first, last)
    if steps is None:
        raise DataError(
            f"{where}: data.period {first} to {last} is not covered; the record is from"
            f" {time[0]} to {time[-1]}"
        )
    return steps
