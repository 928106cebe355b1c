"""Series of forcing in a file: what is what in it, and numbers in the units wanted."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ..data.axis import TimeAxis
from ..data.identity import spelt_otherwise
from ..data.quantity import in_mass, quantity
from ..errors import DataError, UnitsError, suggestion
from ..operate.screen import Policy, rule_of
from ..operate.system import System
from ..variables import Attribute, Forcing

__all__ = ["Array", "Series", "Source"]

_log = logging.getLogger(__name__)

_YEAR, _FEW = 366 * 86400.0, 10_000
"""Seconds, and most steps, of a file that are looked at where units are assumed."""

_GLANCE = 60 * 86400.0
"""Seconds that are looked at where they are given."""

_ROUNDING = 1e-4
"""Share by which a lowest value may be above the highest: files round numbers."""

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Source:
    """Where a forcing comes from.

    Parameters
    ----------
    names : tuple of str
        Series of the file; of two, the highest and lowest, it is the middle.
    units : tuple of str
        Of each.
    assumed : bool
        Whether the file leaves units to be known.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    assumed: bool

    def __str__(self) -> str:
        pairs = zip(self.names, self.units, strict=True)
        return " and ".join(f"{name} ({units})" for name, units in pairs)


class Series(ABC):
    """Forcing at places, on one regular axis of time.

    Parameters
    ----------
    path : Path
        The file.
    names : mapping of str to str
        Name in the file by short name, where somebody said it.
    system : System
        Says what files usually call forcings and attributes.

    Attributes
    ----------
    start : datetime
        Beginning of the first step, UTC.
    seconds : float
        Length of a step.
    steps : int
        Number of steps.
    ids : tuple of str
        The places, once :meth:`choose` has found them.
    sources : dict of str to Source
        Where each forcing comes from, likewise.
    remarks : dict of str to None
        What was odd, each once, in order.
    """

    start: datetime
    seconds: float
    steps: int

    def __init__(self, path: Path, names: Mapping[str, str], system: System) -> None:
        self.path, self._names, self._system = path, names, system
        self.ids: tuple[str, ...] = ()
        self.sources: dict[str, Source] = {}
        self.remarks: dict[str, None] = {}

    def remark(self, text: str) -> None:
        """Say once what is odd about the file and how it was taken."""
        if text not in self.remarks:
            self.remarks[text] = None
            _log.warning("%s", text)

    @property
    @abstractmethod
    def variables(self) -> tuple[str, ...]:
        """Names of the series in the file."""

    @abstractmethod
    def _units(self, name: str) -> str:
        """Return the units of a series as the file gives them; empty if it does not."""

    @abstractmethod
    def _places(
        self,
        names: Sequence[str],
        ids: Sequence[str] | None,
        fields: Sequence[tuple[int, ...]] | None,
    ) -> tuple[str, ...]:
        """Return the places of some series; as :meth:`choose`."""

    @abstractmethod
    def _raw(self, name: str, first: int, count: int) -> Array:
        """Return numbers as they are in the file, (time, place); NaN where missing."""

    @property
    def chunk(self) -> tuple[int, int]:
        """Steps and places that the file has together, where it matters; else 1."""
        return 1, 1

    @property
    def divisible(self) -> bool:
        """Whether some of the places can be read without the others."""
        return False

    @property
    def here(self) -> tuple[str, ...]:
        """Names of the places that are read."""
        return self.ids

    def narrow(self, some: slice) -> None:
        """Read some of the places from now on, where it is :attr:`divisible`."""
        if some != slice(0, len(self.ids)):
            raise DataError(f"{self.path}: its places are read together")

    @abstractmethod
    def attributes(self, declared: Mapping[str, Attribute]) -> dict[str, Array]:
        """Return the constants of the places that the file has, (place,).

        Parameters
        ----------
        declared : mapping of str to Attribute
            By name.

        Raises
        ------
        UnitsError
            When units cannot be converted.
        """

    def refuse_elsewhere(  # noqa: B027 - not every file has coordinates
        self, nodes: Mapping[str, tuple[Array, Array]]
    ) -> None:
        """Refuse fields whose coordinates are not those of the model.

        Parameters
        ----------
        nodes : mapping of str to (array, array)
            Degrees north of the rows and east of the columns, by forcing.

        Raises
        ------
        DataError
            Naming the coordinate, what was found and what was expected.
        """

    def close(self) -> None:  # noqa: B027 - not every file is kept open
        """Let go of the file."""

    def __enter__(self) -> Series:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the file."""
        self.close()

    def aliases(self, name: str) -> tuple[str, ...]:
        """Return what files may call an attribute: as said, or one of its names."""
        if name in self._names:
            return (self._names[name],)
        aliases = self._system.aliases.items()
        return (name, *(alias for alias, short in aliases if short == name))

    def choose(
        self,
        forcings: Sequence[Forcing],
        declared: Mapping[str, str],
        ids: Sequence[str] | None = None,
        fields: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        """Find the series of some forcings, and the places they are of.

        Parameters
        ----------
        forcings : sequence of Forcing
            In units of the host.
        declared : mapping of str to str
            Their units where a file gives none and is of no usual kind.
        ids : sequence of str, optional
            The places of a model that lives at some of its own.
        fields : mapping of str to tuple of int, optional
            Shapes of the forcings of a model of whole fields.

        Raises
        ------
        DataError
            When there is no series of a forcing, or they are not at the same places,
            or not where the model lives.
        UnitsError
            When units cannot be converted.
        """
        sources = {f.name: self._source(f, forcings, declared) for f in forcings}
        lacking = [name for name, source in sources.items() if source is None]
        if lacking:
            there = ", ".join(self.variables) or "none"
            raise DataError(
                f"{self.path}: no series of {', '.join(lacking)}; found {there}; "
                f"--names {lacking[0]}=NAME says which one is meant"
            )
        self.sources = {name: s for name, s in sources.items() if s is not None}
        for forcing in forcings:
            for name, units in self._each(forcing):
                self._in_units(np.zeros(1), name, units, forcing)
        pairs = [(n, f.name) for f in forcings for n, _ in self._each(f)]
        shapes = None if fields is None else [fields[forcing] for _, forcing in pairs]
        self.ids = self._places([name for name, _ in pairs], ids, shapes)
        for forcing in forcings:
            self._look(forcing)

    def _look(self, forcing: Forcing) -> None:
        """Refuse numbers that cannot be in units that are assumed; doubt others."""
        usual = self._system.usual.get(forcing.name)
        if usual is None:
            return
        assumed = self.sources[forcing.name].assumed
        span = _YEAR if assumed else max(_GLANCE, usual.season)
        count = min(self.steps, max(1, round(span / self.seconds)), _FEW)
        long = count * self.seconds >= usual.season
        for name, units in self._each(forcing):
            values = self._raw(name, 0, count)
            doubt = usual.doubt(values, units, certain=not assumed)
            if doubt and assumed and long:
                raise UnitsError(f"{self.path}: {name}: {doubt}: write the units there")
            if doubt and (assumed or long):
                self.remark(f"{self.path}: {name}: {doubt}")
            total = usual.total(values)
            if total:
                self.remark(f"{self.path}: {name}: {total}")

    def together(
        self,
        forcings: Sequence[Forcing],
        first: int,
        count: int,
        policy: Policy = "raise",
    ) -> dict[str, Array]:
        """Return forcings over some steps by name, each in its units, (time, place).

        Parameters
        ----------
        forcings : sequence of Forcing
        first, count : int
            The steps.
        policy : Policy
            Lowest values above the highest of the same steps are refused, or missing
            where it does not refuse what is missing.

        Raises
        ------
        DataError
            When a lowest value is above the highest one.
        """
        forcing = {f.name: self.read(f, first, count, policy) for f in forcings}
        ends = {f.extreme: f.name for f in forcings if f.extreme is not None}
        for (end, base), low in ends.items():
            high = ends.get(("max", base))
            if end == "min" and high is not None:
                names = self.sources[low].names + self.sources[high].names
                rules = rule_of(policy, low), rule_of(policy, high)
                forcing[low], forcing[high] = self._ordered_ends(
                    forcing[low], forcing[high], names, first, "raise" in rules
                )
        return forcing

    def read(
        self, forcing: Forcing, first: int, count: int, policy: Policy = "raise"
    ) -> Array:
        """Return a forcing over some steps in its units, (time, place).

        It may be the middle of two series; ``policy`` as of :meth:`together`.
        """
        series = [
            self._in_units(self._raw(name, first, count), name, units, forcing)
            for name, units in self._each(forcing)
        ]
        if len(series) == 1:
            return series[0]
        names, refused = self.sources[forcing.name].names, rule_of(policy, forcing.name)
        low, high = self._ordered_ends(
            series[0], series[1], names, first, refused == "raise"
        )
        return 0.5 * (low + high)

    def _ordered_ends(
        self, low: Array, high: Array, names: Sequence[str], first: int, refused: bool
    ) -> tuple[Array, Array]:
        """Return lowest and highest values, missing where they contradict each other.

        Raises
        ------
        DataError
            When they do, and that is refused.
        """
        if (low <= high).all():
            return low, high
        crossed = low - high > _ROUNDING * np.maximum(1.0, np.abs(high))
        if refused and crossed.any():
            row, at = (int(k) for k in np.argwhere(crossed)[0])
            time = self.start + timedelta(seconds=self.seconds * (first + row))
            raise DataError(
                f"{self.path}: {names[0]} at {self.here[at]!r} is {low[row, at]:g} at "
                f"{time}, above {names[1]}, {high[row, at]:g}, the first of "
                f"{int(crossed.sum())} such values in the steps read: are the two "
                "exchanged? --missing hold keeps the last good ones there"
            )
        missing = np.where(crossed, np.nan, low)
        return missing, np.where(crossed, np.nan, np.maximum(low, high))

    def _each(self, forcing: Forcing) -> Iterable[tuple[str, str]]:
        source = self.sources[forcing.name]
        return zip(source.names, source.units, strict=True)

    def _in_units(
        self, values: Array, name: str, units: str, forcing: Forcing
    ) -> Array:
        where = f"{self.path}: {name}"
        target = in_mass(forcing, units, self._system.density)
        return quantity(values, units, target, where, self.remark)

    def _source(
        self,
        forcing: Forcing,
        forcings: Sequence[Forcing],
        declared: Mapping[str, str],
    ) -> Source | None:
        """Return the series of a forcing, or of the two it is the middle of."""
        name = self._find(forcing)
        if name is not None:
            return self._sourced((forcing, name), declared=declared)
        extremes = {f.extreme: f for f in (*self._system.extremes, *forcings)}
        ends = [extremes.get((end, forcing.name)) for end in ("min", "max")]
        pairs = [(f, n) for f in ends if f is not None and (n := self._find(f))]
        if len(pairs) < len(ends):
            return None
        return self._sourced(*pairs, declared=declared)

    def _sourced(
        self, *pairs: tuple[Forcing, str], declared: Mapping[str, str]
    ) -> Source:
        names = tuple(name for _, name in pairs)
        file_units = [self._units(name) for name in names]
        units = tuple(
            unit or self._usual_units(f, name) or declared.get(f.name, f.units)
            for unit, (f, name) in zip(file_units, pairs, strict=True)
        )
        return Source(names, units, not all(file_units))

    def _find(self, forcing: Forcing) -> str | None:
        """Return the name of a forcing in the file, or None where it has none."""
        choice = self._names.get(forcing.name)
        if choice is not None:
            if choice not in self.variables:
                hint = suggestion(choice, self.variables)
                raise DataError(f"{self.path}: no series {choice!r}{hint}")
            return choice
        files = [f for f in self._system.files if f.variable == forcing.name]
        published = self._system.names.get(forcing.name, "")
        usual = [name for file in files for name in file.names]
        aliases = dict.fromkeys(
            (forcing.name, forcing.standard_name, published, *usual)
        )
        there = [name for name in aliases if name and name in self.variables]
        if not there:
            there = self._spelt_otherwise([name for name in aliases if name])
        if len(there) > 1:
            self.remark(
                f"{self.path}: {' and '.join(there)} are both {forcing.name}; the "
                f"first is used, --names {forcing.name}=NAME chooses another"
            )
        return there[0] if there else None

    def _spelt_otherwise(self, aliases: Iterable[str]) -> list[str]:
        """Return the series whose name has other capitals than a usual one, if any."""
        for name in aliases:
            title = spelt_otherwise(name, self.variables)
            if title is not None:
                self.remark(f"{self.path}: {title!r} is taken for {name!r}")
                return [title]
        return []

    def _usual_units(self, forcing: Forcing, name: str) -> str:
        for file in self._system.files:
            usual = {alias.casefold() for alias in file.names}
            if file.variable == forcing.name and name.casefold() in usual:
                return file.units
        return ""

    def _keep_time(self, axis: TimeAxis, where: str) -> None:
        """Take over when the steps begin.

        Parameters
        ----------
        axis : TimeAxis
        where : str
            File and variable, for messages.
        """
        self.start, self.seconds = axis.start, axis.seconds
        self.steps = axis.steps
        for remark in axis.remarks:
            self.remark(f"{where}: {remark}")
        if axis.assumption:
            _log.info("%s: %s", where, axis.assumption)
