"""A river with what enters its reaches and what was measured at its gauges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....compose import Plan
from ....config import expanded
from ....data import netcdf
from ....data.identity import listed
from ....errors import ConfigError, DataError, suggestion
from ....models.rivers.formats import ReachSeries, River, read_river, read_series
from .experiment import DAY, SAMPLE, DataSpec, Series
from .gauges import Gauges, gauges_of
from .land import LandData, read_land
from .land_spec import Land
from .whole_days import CALENDAR, day_of_year, whole_days

__all__ = ["LATERAL", "RiverData", "read"]

Array32 = NDArray[np.float32]
Array64 = NDArray[np.float64]

INFLOW = ("q_prime", "Qr", "lateral_inflow", "q_lateral")
"""Usual names of lateral inflow in files."""

OBSERVED = ("gauge_flow", "observed", "streamflow", "discharge")
"""Usual names of measured flow in files."""

_OTHER_UNITS = 10.0
"""How many times the inflow may be the flow, or the other way round, before one of them
is likely in other units."""

UNITS = "m3 s-1"

LATERAL = ("lateral_inflow", "land_inflow")
"""What lateral inflow is called in models: at the river, or before a lag."""


@dataclass(frozen=True)
class RiverData:
    """The reaches above some gauges, over whole days.

    Parameters
    ----------
    river : River
        The reaches.
    gauges : Gauges
        On reaches of it.
    days : (day,) datetime64[D]
        In the time of the inflow.
    per_day : int
        Steps of the inflow in a day.
    inflow : (day * per_day, reach) float32
        Local lateral inflow, m3 s-1, without gaps; NaN where land makes it that has
        not run.
    others : dict of str to array (day * per_day, reach) float32
        What networks read besides, without gaps.
    observed : (day, gauge) float32
        Flow of local days, m3 s-1; NaN where missing.
    disaggregation : {"repeat", "linear"}
        Lateral inflow within its steps.
    remarks : tuple of str
        What was assumed and repaired.
    land : LandData, optional
        What drives the land that makes the inflow.
    """

    river: River
    gauges: Gauges
    days: NDArray[np.datetime64]
    per_day: int
    inflow: Array32
    others: Mapping[str, Array32]
    observed: Array32
    disaggregation: Literal["repeat", "linear"] = "repeat"
    remarks: tuple[str, ...] = ()
    land: LandData | None = None

    @cached_property
    def forcing(self) -> dict[str, Array32]:
        """Everything that changes with time, by its name in models."""
        calendar = day_of_year(self.days, self.per_day)[:, None]
        return {
            **dict.fromkeys(LATERAL, self.inflow),
            CALENDAR: np.broadcast_to(calendar, self.inflow.shape),
            **self.others,
        }

    @cached_property
    def target(self) -> Array32:
        """Flow in mm per day over the area above the gauge, (day, gauge)."""
        return (self.observed * self.gauges.depth).astype(np.float32)

    def within(self, period: tuple[date, date], what: str) -> slice:
        """Return the positions of days.

        Raises
        ------
        DataError
            When not all of them are there; ``what`` names the period.
        """
        first, last = (np.datetime64(day, "D") for day in period)
        start, end = self.days[0], self.days[-1]
        if first < start or last > end:
            raise DataError(
                f"{what}: found {period[0]} to {period[1]}, but there is inflow from"
                f" {start} to {end}"
            )
        return slice(
            int((first - start).astype(int)), int((last - start).astype(int)) + 1
        )

    def attributes(self, names: Iterable[str]) -> dict[str, NDArray[np.float64]]:
        """Return attributes of reaches; what is not known of some is their mean.

        Raises
        ------
        DataError
            When nothing is known of one.
        """
        attributes = {}
        for name in names:
            values = self.river.attributes.get(name)
            if values is None or not np.isfinite(values).any():
                listing = ", ".join(self.river.attributes)
                raise DataError(
                    f"the river has no attribute {name!r} of reaches; it has {listing}"
                )
            attributes[name] = np.where(np.isfinite(values), values, np.nanmean(values))
        return attributes

    def fingerprint(self, attributes: Iterable[str], forcings: Iterable[str]) -> str:
        """Return a hash of all that is seen in a training."""
        digest = hashlib.sha256(self.river.tree.fingerprint.encode())
        columns = self.attributes(attributes).values()
        gauges = (self.gauges.area_km2, self.gauges.share, self.gauges.utc_offset)
        series = (self.forcing[name] for name in forcings)
        for values in (self.observed, *series, *gauges, *columns):
            digest.update(np.ascontiguousarray(values).data)
        if self.land is not None:
            digest.update(self.land.fingerprint().encode())
        return digest.hexdigest()


def read(spec: DataSpec, model: Plan, land: Land | None = None) -> RiverData:
    """Read what an experiment says.

    Parameters
    ----------
    spec : DataSpec
        Where it lies.
    model : Plan
        Which units forcings have.
    land : Land, optional
        What makes the lateral inflow; nothing is read of it then.

    Raises
    ------
    ConfigError, DataError, UnitsError
        Something is not there, or not usable; the message names it.
    """
    path = shipped() if spec.river == SAMPLE else expanded(spec.river, "data.river")
    whole = read_river(path, format=spec.format)
    whole, gauges = gauges_of(spec, whole)
    river = whole.upstream_of(gauges.reaches)
    observed = _series(spec.observed, path, OBSERVED, "observed")
    remarks = [*river.remarks, *observed.remarks]
    ground = None if land is None else read_land(land, river, path)
    if ground is None:
        inflow = _series(spec.inflow, path, INFLOW, "inflow")
        days, per_day, steps = whole_days(inflow, "inflow")
        local, filled = _of_reaches(spec, inflow, steps, river)
        remarks += [*inflow.remarks, *filled]
        positions = river.tree.positions(gauges.reaches)
        above = river.tree.accumulate(local.mean(axis=0, dtype=np.float64))[positions]
    else:
        days, per_day = ground.days, ground.per_day
        local = np.full((len(days) * per_day, len(river)), np.nan, np.float32)
        remarks += ground.remarks
        above = np.full(len(gauges), np.nan)
    measured = _of_gauges(observed, days, gauges)
    remarks += _doubt(above, measured)
    units = {forcing.name: forcing.units for forcing in model.forcings}
    for name in units:
        if name not in (*LATERAL, CALENDAR, *spec.forcings):
            hint = suggestion(name, spec.forcings)
            raise ConfigError(
                f"data.forcings: the model reads {name!r}, of which nothing is"
                f" said{hint}"
            )
    others = {}
    for name, source in spec.forcings.items():
        if name not in units:
            raise ConfigError(
                f"data.forcings: the model reads no {name!r}{suggestion(name, units)}"
            )
        where = (
            path
            if source.path is None
            else expanded(source.path, f"data.forcings.{name}.path")
        )
        series = read_series(where, source.variable or name, units=units[name])
        remarks += series.remarks
        others[name] = _on_steps(name, series, days, per_day, river, remarks)
    return RiverData(
        river, gauges, days, per_day, local, others, measured,
        spec.disaggregation, tuple(remarks), ground,
    )  # fmt: skip


def shipped() -> Path:
    """Return the file of the made river that comes with the package."""
    return Path(str(files("bmi_dmx") / "data" / "made_river.nc"))


def _series(spec: Series, river: Path, usual: Sequence[str], key: str) -> ReachSeries:
    path = river if spec.path is None else expanded(spec.path, f"data.{key}.path")
    name = spec.variable
    if name is None:
        with netcdf.opened(path) as file:
            there = [n for n in usual if n in file.variables]
            variables = ", ".join(file.variables)
        if len(there) != 1:
            raise ConfigError(
                f"data.{key}.variable: {path} has {' and '.join(there) or 'none'} of"
                f" {', '.join(usual)}; say which of its variables: {variables}"
            )
        (name,) = there
    return read_series(path, name, units=UNITS)


def _of_reaches(
    spec: DataSpec, series: ReachSeries, steps: slice, river: River
) -> tuple[Array32, tuple[str, ...]]:
    """Return inflow in the order of the reaches; gaps as asked for."""
    values = series.values[steps]
    at = {name: k for k, name in enumerate(series.ids)}
    if any(name in at for name in river.tree.ids):
        inflow = np.full((len(values), len(river)), np.nan)
        for k, name in enumerate(river.tree.ids):
            if name in at:
                inflow[:, k] = values[:, at[name]]
    else:
        entering = [name for name in series.ids if name in river.entering]
        if not entering:
            raise DataError(
                f"inflow: none of its places, such as {series.ids[0]!r}, is a reach of"
                f" the river, such as {river.tree.ids[0]!r}, or enters one"
            )
        inflow = river.map_from(entering).apply(values[:, [at[n] for n in entering]])
    missing = ~np.isfinite(inflow)
    if not missing.any():
        return inflow.astype(np.float32), ()
    lacking = [river.tree.ids[k] for k in np.flatnonzero(missing.any(axis=0))]
    if spec.missing_inflow == "refuse":
        raise DataError(
            f"inflow: {len(lacking)} of {len(river)} reaches lack some"
            f" ({listed(lacking)}); data.missing_inflow: fill takes {spec.least:g}"
            f" {UNITS} for it"
        )
    remark = (
        f"inflow: {int(missing.sum())} values of {len(lacking)} reaches are missing and"
        f" taken as {spec.least:g} {UNITS} ({listed(lacking)})"
    )
    return np.where(missing, spec.least, inflow).astype(np.float32), (remark,)


def _on_steps(
    name: str,
    series: ReachSeries,
    days: NDArray[np.datetime64],
    per_day: int,
    river: River,
    remarks: list[str],
) -> Array32:
    """Return what networks read, on the steps of the inflow.

    Where it is missing at some reaches it is the mean of the others.
    """
    key = f"data.forcings.{name}"
    dates, count, steps = whole_days(series, key)
    if per_day % count or dates[0] > days[0] or dates[-1] < days[-1]:
        raise DataError(
            f"{key}: found {count} steps a day from {dates[0]} to {dates[-1]}, expected"
            f" {per_day} or a part of them from {days[0]} to {days[-1]}"
        )
    at = {place: k for k, place in enumerate(series.ids)}
    lacking = [reach for reach in river.tree.ids if reach not in at]
    if lacking:
        raise DataError(
            f"{key}: nothing is known of {len(lacking)} of {len(river)} reaches"
            f" ({listed(lacking)})"
        )
    begin = int((days[0] - dates[0]).astype(int)) * count
    values = series.values[steps][begin : begin + len(days) * count]
    forcing = values[:, [at[reach] for reach in river.tree.ids]]
    missing = ~np.isfinite(forcing)
    unknown = missing.all(axis=1)
    if unknown.any():
        step = int(unknown.argmax())
        raise DataError(
            f"{key}: unknown at all reaches on {days[step // count]}, the first of"
            f" {int(unknown.sum())} such steps"
        )
    if missing.any():
        mean = np.nanmean(forcing, axis=1, keepdims=True)
        forcing = np.where(missing, mean, forcing)
        remarks.append(
            f"{key}: {int(missing.sum())} missing values are the mean of the other"
            " reaches"
        )
    return np.repeat(forcing, per_day // count, axis=0).astype(np.float32)


def _doubt(above: Array64, measured: Array32) -> tuple[str, ...]:
    """Return why inflow and flow cannot be in the same units, if so.

    Parameters
    ----------
    above : (gauge,) float64
        Mean inflow of all reaches above; NaN where it is not known.
    measured : (day, gauge) float32
        Flow.
    """
    count = np.isfinite(measured).sum(axis=0)
    flow = np.nansum(measured, axis=0) / np.maximum(count, 1)
    valid = np.isfinite(above) & (count > 0) & (flow > 0.0)
    ratio = float(np.median(above[valid] / flow[valid])) if valid.any() else 1.0
    if 1.0 / _OTHER_UNITS < ratio < _OTHER_UNITS:
        return ()
    return (
        f"the inflow above gauges is {ratio:.3g} times the flow that they observe "
        f"(median of {int(valid.sum())}): are both in the units that they are said to "
        "be in?",
    )


def _of_gauges(
    series: ReachSeries, days: NDArray[np.datetime64], gauges: Gauges
) -> Array32:
    """Return measured flow on the days of the inflow."""
    if abs(series.time.seconds - DAY) > 1.0:
        raise DataError(
            f"observed: its steps are of {series.time.seconds:g} s, expected means of"
            " days"
        )
    at = {name: k for k, name in enumerate(series.ids)}
    lacking = [name for name in gauges.ids if name not in at]
    if lacking:
        raise DataError(
            f"observed: there is no flow of {len(lacking)} of {len(gauges)} gauges"
            f" ({listed(lacking)})"
        )
    flow = series.values[:, [at[name] for name in gauges.ids]]
    when = series.time.times.astype("datetime64[D]")
    observed = np.full((len(days), len(gauges)), np.nan, dtype=np.float32)
    offset = (when - days[0]).astype(int)
    inside = (offset >= 0) & (offset < len(days))
    observed[offset[inside]] = flow[inside]
    if not np.isfinite(observed).any():
        raise DataError(
            f"observed: nothing on the days of the inflow, {days[0]} to {days[-1]}"
        )
    return observed
