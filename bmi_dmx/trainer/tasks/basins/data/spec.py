"""The ``data:`` block of an experiment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .....config import expanded
from .....errors import ConfigError, DataError, suggestion
from .....models.hydrology.forcings import (
    AIR_TEMPERATURE_MAX,
    AIR_TEMPERATURE_MIN,
    POTENTIAL_EVAPORATION,
    PRECIPITATION,
)
from .....models.weather import AIR_TEMPERATURE
from .basins import Array64, positions, refuse_repeated

__all__ = [
    "FORCINGS",
    "NO_TARGET",
    "STREAMFLOW",
    "VARIABLES",
    "Condition",
    "DataSpec",
    "class_attribute",
    "looked_at",
    "satisfied",
]

VARIABLES = {
    forcing.name: forcing
    for forcing in (
        PRECIPITATION, AIR_TEMPERATURE, AIR_TEMPERATURE_MIN, AIR_TEMPERATURE_MAX,
        POTENTIAL_EVAPORATION,
    )
}  # fmt: skip
"""The forcings by name."""

FORCINGS = {name: forcing.units for name, forcing in VARIABLES.items()}
"""Names of the forcings and their units."""

STREAMFLOW = replace(PRECIPITATION, name="streamflow")
"""Over the area of a basin no more leaves than may fall on it."""

NO_TARGET = "none"
"""What :attr:`DataSpec.target` is for data without observations."""

MOST_SHIFT = 48
"""Steps by which a forcing may be moved."""

Condition = bool | float | tuple[float, float] | tuple[str, ...]
"""What an attribute equals, the lowest and highest that it is, or words that it is."""


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """Which data to read, and how.

    Parameters
    ----------
    reader : str
        Layout of the data: ``basins`` (one CF NetCDF file), ``camels_us`` (official
        tree), ``caravan`` (official tree), ``delaware`` (the sample in the package),
        ``tables`` (a text table for each basin, or a long one of all).
    path : str
        File or folder; ``~`` and ``$VARIABLES`` are expanded, a relative path starts at
        the configuration file, on the command line at the current folder. Empty for
        ``delaware``: the shipped file.
    product : str
        ``camels_us``: ``daymet``, ``maurer`` or ``nldas``; ``caravan``: one source data
        set such as ``camelsgb``, all of them when empty; ``basins`` and ``tables``: the
        mark of one forcing product among several, such as that of ``prcp_daymet``.
    products : list of str
        Several forcing products, read side by side: what differs between them is there
        as ``precipitation_daymet``, ``precipitation_nldas`` …, and under its plain name
        as that of the first; ``camels_us``, ``basins`` and ``tables`` alone.
    forcings : dict
        Our name to the variable's name in the file, where it is not the usual one.
    target : str
        Name of the observed streamflow in the file, where it is not the usual one, and
        ``none`` for data without; ``basins``, ``tables`` and ``caravan`` alone.
    targets : dict
        What else was observed: the name of an output of the model, such as
        ``snow_water_equivalent``, to the variable's name in the file; ``basins`` and
        ``tables`` alone. Models are compared with it, and never read it.
    units : dict
        Units of series, by our name, ``streamflow`` or that of a target, of which the
        tables give none; ``tables`` alone.
    places : str
        A table of more attributes: one row for each basin, found as :attr:`path` is.
    shift : dict
        Time steps by which forcings are moved later, by our name: 1 where the rain of a
        day stands at the day before, -1 where at the day after, as where it is read in
        the morning. Days at the ends of the record fall away.
    basins : str or list of str
        ``all``, identifiers, or the path of a text file with one identifier a line
        (``#`` starts a comment).
    where : dict
        Conditions on attributes of the file: a number or true/false must be equalled,
        ``[low, high]`` contain the value, both ends included; of an attribute of words
        or codes such as ``"01"``, a list of those there may be.
    period : (date, date), optional
        First and last day to read; the whole record when absent.
    gaps : str
        What happens to missing forcing: ``refuse``, ``hold`` the last value, or
        ``interpolate`` linearly in time.
    max_gap : int
        Longest gap, in time steps, that may be filled.
    unobserved : str
        What happens to basins without any observation in the training period:
        ``refuse``, or ``leave_out``.
    attributes : str
        ``file``: as the data set gives them; ``portable``: only what
        :func:`~.attributes.portable` computes; ``both``: all, the
        computed ones taking precedence where a name is shared.
    withheld : str
        A table of days of some basins that nothing is learned from, neither weights
        nor climate nor moments: columns ``place``, ``first`` and ``last``; found as
        :attr:`path` is.
    at_once : int, optional
        Basins that are read and checked at a time. Where there are more, series lie in
        a file of the cache folder (``BMI_DMX_CACHE``) instead of memory, which is as
        fast as long as there is room for both.
    attributes_period : (date, date), optional
        Days over which portable attributes are computed; all days when absent.
    attributes_years : (int, int), optional
        In training, climate attributes are those of runs of so many years within these
        days, from the shortest to the longest, another for each window; always those of
        all days when absent.

    Raises
    ------
    ConfigError
        A forcing has an unknown name, or the longest gap is not positive.
    """

    reader: str = "basins"
    path: str = ""
    product: str = ""
    products: tuple[str, ...] = ()
    forcings: dict[str, str] = field(default_factory=dict)
    target: str = ""
    targets: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    places: str = ""
    shift: dict[str, int] = field(default_factory=dict)
    basins: str | list[str] = "all"
    where: dict[str, Condition] = field(default_factory=dict)
    period: tuple[date, date] | None = None
    gaps: Literal["refuse", "hold", "interpolate"] = "refuse"
    max_gap: int = 3
    unobserved: Literal["refuse", "leave_out"] = "refuse"
    attributes: Literal["file", "portable", "both"] = "portable"
    withheld: str = ""
    at_once: int | None = None
    attributes_period: tuple[date, date] | None = None
    attributes_years: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for key, names in (
            ("forcings", self.forcings), ("units", self.units), ("shift", self.shift)
        ):  # fmt: skip
            observed = [STREAMFLOW.name, *self.targets] if key == "units" else []
            allowed_names = [*FORCINGS, *observed]
            if key == "shift":
                allowed_names += [f"{n}_{p}" for p in self.products for n in FORCINGS]
            for name in names:
                if name not in allowed_names:
                    hint = suggestion(name, allowed_names)
                    raise ConfigError(f"{key}: unknown forcing {name!r}{hint}")
        self._check_products()
        for name in self.targets:
            if name == STREAMFLOW.name:
                raise ConfigError(f"targets: {name!r} is named by the key 'target'")
            if name in FORCINGS:
                raise ConfigError(f"targets: {name!r} is a forcing, which models read")
        for name, steps in self.shift.items():
            if abs(steps) > MOST_SHIFT:
                raise ConfigError(
                    f"shift: {name}: found {steps}, expected at most {MOST_SHIFT} steps"
                )
        for key in ("period", "attributes_period"):
            first, last = getattr(self, key) or (date.min, date.max)
            if first > last:
                raise ConfigError(f"{key}: {first} to {last} ends before it starts")
        if self.attributes_years is not None:
            shortest, longest = self.attributes_years
            if not 1 <= shortest <= longest:
                raise ConfigError(
                    f"attributes_years: found [{shortest}, {longest}], expected the"
                    " years of the shortest and of the longest run"
                )
            if self.attributes == "file":
                raise ConfigError(
                    "attributes_years: attributes: 'file' are not computed from the"
                    " forcing; expected 'portable' or 'both'"
                )
        if self.at_once is not None and self.at_once < 1:
            raise ConfigError(
                f"at_once: found {self.at_once}, expected at least 1 basin"
            )
        if self.max_gap < 1:
            raise ConfigError(
                f"max_gap: found {self.max_gap}, expected at least 1 time step"
            )

    def _check_products(self) -> None:
        """Refuse one product among several, or none beside another."""
        products = self.products
        if products and self.product:
            raise ConfigError("products: found 'product' as well; expected one of them")
        if len(products) == 1 or len(set(products)) != len(products):
            raise ConfigError(
                f"products: found {', '.join(products)}; expected two or more, each"
                " once"
            )
        for name in products:
            if not f"p_{name}".isidentifier():
                raise ConfigError(
                    f"products: found {name!r}, expected letters, digits and '_'"
                )

    def without_computed(self) -> DataSpec:
        """Return the same data with the attributes that they hold, and no others."""
        return replace(self, attributes="file", attributes_years=None)

    def resolved(self, anchored: Callable[[str, str], str]) -> DataSpec:
        """Return the same with absolute paths.

        Parameters
        ----------
        anchored : callable
            Makes a path absolute, given its key and itself.
        """
        spec = self
        if isinstance(spec.basins, str) and spec.basins != "all":
            spec = replace(spec, basins=anchored("data.basins", spec.basins))
        return replace(
            spec,
            path=anchored("data.path", spec.path),
            places=anchored("data.places", spec.places),
            withheld=anchored("data.withheld", spec.withheld),
        )

    def locate(self, folder: Path, key: str = "path") -> Path:
        """Return a path with variables expanded, relative to ``folder``.

        Parameters
        ----------
        folder : Path
            Where relative paths start.
        key : {"path", "places"}
            Which one.

        Raises
        ------
        ConfigError
            No path is given, or an environment variable in it is not set.
        DataError
            Nothing is there.
        """
        text = getattr(self, key)
        if not text:
            raise ConfigError(f"data.{key}: the reader {self.reader!r} needs a path")
        path = expanded(text, f"data.{key}", folder)
        if not path.exists():
            raise DataError(f"data.{key}: nothing found at {path}")
        return path

    def choose(
        self,
        ids: NDArray[np.str_],
        attributes: Mapping[str, Array64],
        folder: Path,
        left_out: Mapping[str, str] = MappingProxyType({}),
    ) -> NDArray[np.str_]:
        """Return the identifiers that :attr:`basins` and :attr:`where` leave.

        Parameters
        ----------
        ids : (B,) array of str
            Basins of the data.
        attributes : mapping of str to (B,) float64
            Their attributes.
        folder : Path
            Where a relative path in :attr:`basins` starts.
        left_out : mapping of str to str
            Basins that the data do not hold completely, and what they lack.

        Raises
        ------
        DataError
            A listed basin or an attribute in a condition is unknown, or none remains.
        """
        names = self._listed(folder)
        refuse_repeated(np.array(names or (), dtype=np.str_), "data.basins")
        for name in names or ():
            if name in left_out:
                raise DataError(f"data.basins: basin {name!r}: {left_out[name]}")
        try:
            at = np.arange(ids.size) if names is None else positions(names, ids)
        except DataError as error:
            raise DataError(f"data.basins: {error}") from None
        keep = satisfied(attributes, self.where, ids.size, "data.where")
        selection = ids[at[keep[at]]]
        if selection.size == 0:
            raise DataError(
                f"data.where: none of {at.size} basins satisfies {self.where!r}"
            )
        return selection

    def _listed(self, folder: Path) -> list[str] | None:
        if self.basins == "all":
            return None
        if not isinstance(self.basins, str):
            if not self.basins:
                raise ConfigError(
                    "data.basins: the list is empty, expected identifiers or 'all'"
                )
            return [str(name) for name in self.basins]
        path = expanded(self.basins, "data.basins", folder)
        if not path.is_file():
            raise DataError(
                f"data.basins: no file {path}; expected 'all', a list, or a text file"
                " with one identifier a line"
            )
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        names = [re.split(r"[,;\t]", line.split("#")[0]) for line in lines]
        listed = [name.strip() for row in names for name in row if name.strip()]
        if not listed:
            raise DataError(f"data.basins: {path} lists no identifier")
        return listed


def satisfied(
    attributes: Mapping[str, Array64],
    conditions: Mapping[str, Condition],
    count: int,
    key: str,
) -> NDArray[np.bool_]:
    """Return which basins satisfy all conditions.

    Parameters
    ----------
    attributes : mapping of str to (B,) float64
        Of the basins.
    conditions : mapping of str to Condition
        By name of the attribute.
    count : int
        Number of basins.
    key : str
        Key of the conditions in the configuration, for messages.

    Raises
    ------
    ConfigError
        As of :func:`looked_at`.
    DataError
        There is no such attribute.
    """
    keep = np.ones(count, dtype=bool)
    for name, condition in conditions.items():
        one = {name: condition}
        values = [_known(attributes, column, key) for column in looked_at(one, key)]
        keep &= np.any([_satisfied(column, condition) for column in values], axis=0)
    return keep


def class_attribute(name: str, word: str) -> str:
    """Return the attribute that is 1 where one of words is ``word``, else 0."""
    return f"{name}__{re.sub(r'[^a-z0-9]+', '_', word.lower()).strip('_')}"


def looked_at(conditions: Mapping[str, Condition], key: str) -> list[str]:
    """Return the numeric attributes that conditions look at.

    Raises
    ------
    ConfigError
        A condition has a list without anything in it, or a range that ends before it
        begins.
    """
    names = []
    for name, condition in conditions.items():
        if condition == ():
            raise ConfigError(f"{key}.{name}: the list is empty, expected words")
        listed = condition if isinstance(condition, tuple) else ()
        words = [word for word in listed if isinstance(word, str)]
        numbers = [float(number) for number in listed if not isinstance(number, str)]
        if numbers != sorted(numbers):
            raise ConfigError(
                f"{key}.{name}: found {numbers}, expected the lowest value before the"
                " highest"
            )
        names += [class_attribute(name, word) for word in words] or [name]
    return names


def _known(attributes: Mapping[str, Array64], name: str, key: str) -> Array64:
    if name not in attributes:
        hint = suggestion(name, attributes)
        raise DataError(f"{key}: no attribute {name!r} in the data{hint}")
    return attributes[name]


def _satisfied(values: Array64, condition: Condition) -> NDArray[np.bool_]:
    if not isinstance(condition, tuple):
        equal: NDArray[np.bool_] = values == float(condition)
        return equal
    low, high = (1.0, 1.0) if isinstance(condition[0], str) else condition
    return (values >= float(low)) & (values <= float(high))
