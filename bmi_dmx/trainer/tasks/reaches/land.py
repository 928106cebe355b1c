"""Land whose runoff enters the reaches of a river: its weather, and where it drains."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....compose import Plan, plan
from ....compose.parts import make_parts
from ....config import expanded
from ....data.identity import listed
from ....data.table import read_table
from ....errors import ConfigError, DataError, suggestion
from ....models.rivers.formats import ReachSeries, River, read_series
from ....space import Map
from ...result_files import write_table
from .land_spec import Land
from .whole_days import CALENDAR, day_of_year, whole_days

__all__ = ["AREA", "LandData", "read_land", "write_links"]

Array32 = NDArray[np.float32]
Array64 = NDArray[np.float64]

AREA = "area_km2"

MIDDLE, EXTREMES = "air_temperature", ("air_temperature_min", "air_temperature_max")
"""What is taken from the lowest and highest of a day where it is not given."""

YEAR = 365
"""Days at the beginning of a record that stand for those before it."""


@dataclass(frozen=True)
class LandData:
    """What drives land, and where its water goes.

    Parameters
    ----------
    map : Map
        From the places of the land to the reaches.
    days : (day,) datetime64[D]
        Of the weather.
    per_day : int
        Steps of the weather in a day.
    forcing : dict of str to array (step, place) float32
        By name in the model.
    attributes : dict of str to array (place,)
        What the networks and processes read, and the area.
    remarks : tuple of str
        What was assumed.
    """

    map: Map
    days: NDArray[np.datetime64]
    per_day: int
    forcing: Mapping[str, Array32]
    attributes: Mapping[str, Array64]
    remarks: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Return a hash of all that the land is driven by."""
        digest = hashlib.sha256(",".join(self.map.source.ids).encode())
        for values in (
            *self.forcing.values(), *self.attributes.values(),
            self.map.rows, self.map.columns, self.map.weights,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()

    def steps(
        self, start: NDArray[np.int64], before: int, count: int
    ) -> NDArray[np.int64]:
        """Return positions of the steps of windows, (window, step), in the record.

        Parameters
        ----------
        start : (B,) array of int
            Days on which they begin.
        before, count : int
            Days before these, and from them on.
        """
        size = len(self.days) * self.per_day
        year = min(YEAR * self.per_day, size)
        window = np.arange(-before * self.per_day, count * self.per_day)
        at = start[:, None] * self.per_day + window
        # Behind the record the last step stands for those to come.
        return np.where(at < 0, at % year, np.minimum(at, size - 1))


def read_land(spec: Land, river: River, path: Path) -> LandData:
    """Read the weather over land, and what is known of it.

    Parameters
    ----------
    spec : Land
        Where it lies.
    river : River
        What the land enters; land that enters none of it is left out.
    path : Path
        File of the river.

    Raises
    ------
    ConfigError, DataError, UnitsError
        Something is missing; the message names it.
    """
    inner = spec.spec
    model = plan((m.part for m in make_parts(inner)), inner.seconds)
    weather = path if spec.path is None else expanded(spec.path, "land.path")
    series, remarks = _weather(spec, model, weather)
    first = next(iter(series.values()))
    days, per_day, steps = whole_days(first, "land.forcings")
    if abs(inner.seconds * per_day - 86400.0) > 1.0:
        raise ConfigError(
            f"land.model: its steps are of {inner.seconds:g} s, those of the weather of"
            f" {86400.0 / per_day:g} s; expected the same"
        )
    ids = _entering(first, river)
    at = [first.ids.index(name) for name in ids]
    forcing = {n: _whole(f"land.forcings.{n}", s, steps, at) for n, s in series.items()}
    if MIDDLE not in forcing and set(EXTREMES) <= set(forcing):
        low, high = (forcing[name] for name in EXTREMES)
        forcing[MIDDLE] = 0.5 * (low + high)
        remarks.append(f"{MIDDLE} is the middle of the lowest and highest of the day")
    calendar = day_of_year(days, per_day)[:, None]
    forcing[CALENDAR] = np.broadcast_to(calendar, (len(calendar), len(ids))).copy()
    names = [a.name for a in model.attributes if a.name not in model.optional]
    attributes = _attributes(expanded(spec.attributes, "land.attributes"), ids, names)
    return LandData(
        river.map_from(ids), days, per_day,
        {f.name: forcing[f.name] for f in model.forcings}, attributes, tuple(remarks),
    )  # fmt: skip


def _weather(
    spec: Land, model: Plan, path: Path
) -> tuple[dict[str, ReachSeries], list[str]]:
    """Return the series that a model reads, all of the same places and times."""
    units = {f.name: f.units for f in model.forcings if f.name != CALENDAR}
    for name in spec.forcings:
        if name not in units:
            raise ConfigError(
                f"land.forcings: the land reads no {name!r}{suggestion(name, units)}"
            )
    series: dict[str, ReachSeries] = {}
    remarks: list[str] = []
    for name, unit in units.items():
        source = spec.forcings.get(name)
        if source is None:
            if name == MIDDLE and set(EXTREMES) <= set(units):
                continue
            raise ConfigError(
                f"land.forcings: the land reads {name!r}, of which nothing is said"
            )
        where = (
            path
            if source.path is None
            else expanded(source.path, f"land.forcings.{name}.path")
        )
        one = read_series(where, source.variable or name, units=unit)
        remarks += one.remarks
        first = next(iter(series.values()), one)
        if one.ids != first.ids or not np.array_equal(one.time.times, first.time.times):
            raise DataError(
                f"land.forcings.{name}: its places or times are not those of"
                f" {next(iter(series))}"
            )
        series[name] = one
    if not series:
        raise ConfigError("land.forcings: expected at least one, found none")
    return series, remarks


def _entering(series: ReachSeries, river: River) -> list[str]:
    places = {*river.entering, *river.tree.ids}
    ids = [name for name in series.ids if name in places]
    if not ids:
        raise DataError(
            f"land.forcings: none of its places, such as {series.ids[0]!r}, enters a"
            f" reach of the river, such as {river.tree.ids[0]!r}"
        )
    return ids


def _whole(key: str, series: ReachSeries, steps: slice, at: list[int]) -> Array32:
    values = series.values[steps][:, at]
    missing = ~np.isfinite(values).all(axis=0)
    if missing.any():
        lacking = [series.ids[at[k]] for k in np.flatnonzero(missing).tolist()]
        raise DataError(
            f"{key}: missing at {len(lacking)} of {len(at)} places ({listed(lacking)})"
        )
    return values.astype(np.float32)


def _attributes(
    path: Path, ids: Sequence[str], names: Sequence[str]
) -> dict[str, Array64]:
    """Return what is known of places, from a table."""
    table = read_table(path, "a place")
    rows = table.places()
    for name in ids:
        if name not in rows:
            raise DataError(f"{path}: nothing is said of {name!r}")
    at = [rows[name] for name in ids]
    attributes = {}
    for name in dict.fromkeys((*names, AREA)):
        if name not in table.titles:
            hint = suggestion(name, table.titles)
            raise DataError(f"{path}: no column {name!r}{hint}")
        attributes[name] = table.numbers(table.titles.index(name), missing=False)[at]
    if not (attributes[AREA] > 0.0).all():
        raise DataError(f"{path}: {AREA}: expected numbers above 0")
    return attributes


def write_links(path: Path, data: LandData) -> None:
    """Write which land enters which reach, with the area of the land.

    The share is that of the water of a place which enters the reach; those of a place
    sum to 1.
    """
    whole = data.map
    entries = (whole.rows.tolist(), whole.columns.tolist(), whole.weights.tolist())
    rows = (
        (whole.source.ids[n], whole.target.ids[row], share, data.attributes[AREA][n])
        for row, n, share in zip(*entries, strict=True)
    )
    write_table(path, ("land", "reach", "share", AREA), rows)
