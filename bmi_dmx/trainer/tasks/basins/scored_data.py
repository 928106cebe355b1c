"""Data that a bundle is scored on: read, completed, and held against what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .... import config
from ....bundle import Bundle
from ....errors import ConfigError, DataError, DmxError, UnitsError, suggestion
from ....models.hydrology.climate import CLIMATE, TOPOGRAPHY
from ....models.hydrology.daily_range import (
    DRY_RANGE,
    WET_RANGE,
    estimated_extremes,
)
from ....units import convert
from ...requests import ScoringRequest
from ..streamflow.periods import Period
from .data.attributes import has_extremes, portable
from .data.basins import Array64, BasinData
from .data.read import SHOWN, read
from .data.spec import DataSpec
from .recognition import reader_of

if TYPE_CHECKING:
    from ....compose import Model

__all__ = [
    "FEW_YEARS",
    "ScoredData",
    "climate_days",
    "completed",
    "data_spec",
    "source_of",
    "whole_years",
]

MINIMUM, MAXIMUM = "air_temperature_min", "air_temperature_max"

FEW_YEARS = 5
"""Whole years before a scored period that suffice for a climate."""

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Block:
    """The data as an experiment has them."""

    data: DataSpec


@dataclass(frozen=True)
class ScoredData:
    """What a bundle is scored on.

    Parameters
    ----------
    data : BasinData
        With all that the model reads.
    notes : tuple of str
        What was assumed, estimated or left out.
    """

    data: BasinData
    notes: tuple[str, ...]


def data_spec(request: ScoringRequest) -> DataSpec:
    """Return how the data are read, the reader chosen by what they are.

    Raises
    ------
    ConfigError
        A setting is not one of the data, or is wrong.
    DataError
        No reader understands the data.
    """
    for setting in request.settings:
        if not setting.partition("=")[0].strip().startswith("data."):
            raise ConfigError(f"--data: setting {setting!r}, expected data.KEY=VALUE")
    block: dict[str, Any] = {"attributes": "both", "basins": _chosen(request.places)}
    block = config.override({"data": block}, request.settings)["data"]
    if "path" in block:
        raise ConfigError(f"data.path: given already, as --data {request.data}")
    if "reader" not in block:
        block["reader"] = reader_of(request.data)
    if request.data.exists():
        block["path"] = str(request.data)
    elif str(request.data) != block["reader"]:
        raise DataError(f"{request.data}: no such file or folder")
    return config.convert({"data": block}, _Block).data


def _chosen(places: Sequence[str]) -> str | list[str]:
    if len(places) == 1 and Path(places[0]).is_file():
        return str(Path(places[0]).resolve())
    return list(places) or "all"


def completed(
    bundle: Bundle, model: Model, spec: DataSpec, period: Period | None
) -> ScoredData:
    """Read data, and complete them by what follows from what they hold.

    Parameters
    ----------
    bundle : Bundle
        Whose attributes have units.
    model : Model
        That of the bundle; says what is read.
    spec : DataSpec
        How the data are read.
    period : (date, date), optional
        What is scored, if it is known already.

    Raises
    ------
    ConfigError, DataError, UnitsError
        The data cannot be read, or lack what the model reads; says what could give it.
    """
    # The file's own first: what can be computed beside them depends on what they hold.
    data = read(spec.without_computed())
    notes: list[str] = []
    where = spec.path or f"the data of {spec.reader!r}"
    climate = [n for n in model.attributes if n in CLIMATE]
    computed = bool(climate) and spec.attributes != "file"
    if not has_extremes(data) and (computed or MINIMUM in model.forcings):
        data = _with_extremes(data)
        notes.append(
            "the data hold no lowest and highest temperature of the day: the range is"
            f" estimated, {DRY_RANGE} degC on dry and {WET_RANGE} degC on wet days, as"
            " in the mean of CAMELS-US"
        )
    if computed:
        data, note = _with_climate(data, spec, period, where)
        notes.append(note)
    _refuse_lacking(bundle, model, data, where)
    data, more = _in_units_of(bundle, model, data, where)
    notes += more
    data, more = _with_known(model, data, where)
    return ScoredData(data, (*notes, *more))


def _with_extremes(data: BasinData) -> BasinData:
    mean, rain = data.forcing["air_temperature"], data.forcing["precipitation"]
    lowest, highest = estimated_extremes(mean, rain)
    return replace(data, forcing={**data.forcing, MINIMUM: lowest, MAXIMUM: highest})


def climate_days(data: BasinData, period: Period | None) -> Period:
    """Return the days that the climate of basins is computed from.

    Whole years before the scored period, if there are a few, else those of all the
    record, to its end.

    Parameters
    ----------
    data : BasinData
        All there is.
    period : (date, date), optional
        What is scored.
    """
    days = data.time.astype("datetime64[D]")
    first, last = days[0].item(), days[-1].item()
    if period is not None:
        before = period[0] - ONE_DAY
        if whole_years(first, before) >= FEW_YEARS:
            last = before
    years = whole_years(first, last)
    return (_years_before(last + ONE_DAY, years) if years else first), last


def whole_years(first: date, last: date) -> int:
    """Return the number of whole years of days, both ends included."""
    end = last + ONE_DAY
    years = end.year - first.year
    return max(years if _years_before(end, years) >= first else years - 1, 0)


def _years_before(day: date, years: int) -> date:
    # The 29th of February has no day in most years.
    leap = day.month == 2 and day.day == 29
    return day.replace(year=day.year - years, day=28 if leap else day.day)


def _with_climate(
    data: BasinData, spec: DataSpec, period: Period | None, where: str
) -> tuple[BasinData, str]:
    """Return data with portable attributes, and which days they are of."""
    days = spec.attributes_period or climate_days(data, period)
    try:
        portables = portable(data, days)
    except DataError as error:
        raise DataError(f"{where}: portable attributes: {error}") from None
    both = {**data.attributes, **portables}
    units = {**data.units, **{a.name: a.units for a in (*CLIMATE, *TOPOGRAPHY)}}
    note = f"the climate of the basins is that of their weather, {days[0]} to {days[1]}"
    if period is not None and days[1] >= period[0]:
        note += ", scored days among them (no flow enters)"
    attributes = portables if spec.attributes == "portable" else both
    return replace(data, attributes=attributes, units=units), note


def _refuse_lacking(bundle: Bundle, model: Model, data: BasinData, where: str) -> None:
    """Refuse data without a forcing or an attribute, saying what could give it."""
    declared = {f.name: f for f in model.plan.forcings}
    forcing = {*data.forcing, "day_of_year"}
    lacking = [f"{n} [{declared[n].units}]" for n in model.forcings if n not in forcing]
    if lacking:
        raise DataError(
            f"{where}: the data lack forcing that bundle {bundle.name!r} reads:"
            f" {', '.join(lacking)}; they hold {', '.join(data.forcing)};"
            " data.forcings={NAME: VARIABLE} says what it is called, --evaporation NAME"
            " which formula does with other forcing"
        )
    attributes = {a.name: a for a in bundle.manifest.attributes}
    missing: dict[str, str] = {}
    for name in model.attributes:
        if name not in data.attributes:
            units = attributes[name].units if name in attributes else "1"
            missing[name] = f"{name} [{units}] ({source_of(name)})"
    if missing:
        hint = suggestion(next(iter(missing)), data.attributes)
        raise DataError(
            f"{where}: the data lack attributes that bundle {bundle.name!r} reads:"
            f" {', '.join(missing.values())}{hint}"
        )


def source_of(name: str) -> str:
    """Return what could give an attribute."""
    if name in CLIMATE:
        return "computed from the forcing unless data.attributes is 'file'"
    if name in TOPOGRAPHY and name != "area_km2":
        return "from an elevation model"
    if name in ("latitude", "longitude", "area_km2"):
        return "from the outline of the basin or the table of its gauge"
    return "as in the data that the bundle learned from"


def _in_units_of(
    bundle: Bundle, model: Model, data: BasinData, where: str
) -> tuple[BasinData, list[str]]:
    """Return data with attributes in the units that the bundle has them in."""
    attributes: dict[str, Array64] = dict(data.attributes)
    assumed: list[str] = []
    for attribute in bundle.manifest.attributes:
        name, target_units = attribute.name, attribute.units
        if name not in model.attributes or target_units == data.units.get(name):
            continue
        units = data.units.get(name)
        if units is None:
            # Units of 1 are those of attributes that say none.
            assumed += [f"{name} [{target_units}]"] if target_units != "1" else []
            continue
        if target_units == "1" and not _converts(units, target_units):
            assumed.append(f"{name} [{units}]")
            continue
        try:
            values = convert(attributes[name], units, target_units)
        except UnitsError as error:
            raise UnitsError(f"{where}: attribute {name!r}: {error}") from None
        attributes[name] = values.astype(np.float64)
    notes = []
    if assumed:
        notes.append(
            f"units of attributes are assumed, not compared: {', '.join(assumed)}"
        )
    return replace(data, attributes=attributes), notes


def _converts(units: str, target_units: str) -> bool:
    try:
        convert(1.0, units, target_units)
    except DmxError:
        return False
    return True


def _with_known(
    model: Model, data: BasinData, where: str
) -> tuple[BasinData, list[str]]:
    """Return the basins of which all attributes are known, and who was left out."""
    rows: list[Array64] = [data.attributes[name] for name in model.attributes]
    complete: NDArray[np.bool_] = np.ones(len(data.ids), dtype=bool)
    for row in rows:
        complete &= np.isfinite(row)
    if complete.all():
        return data, []
    unknown = [
        name
        for name, row in zip(model.attributes, rows, strict=True)
        if not np.isfinite(row).all()
    ]
    if not complete.any():
        raise DataError(
            f"{where}: in no basin all attributes are known; unknown in some are"
            f" {', '.join(unknown)}"
        )
    incomplete = data.ids[~complete]
    note = (
        f"{len(incomplete)} of {len(data.ids)} basins are left out, for"
        f" {' or '.join(unknown)} is not known: {_listed(incomplete.tolist())}"
    )
    return data.select(data.ids[complete].tolist()), [note]


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:SHOWN]) + (", …" if len(every) > SHOWN else "")
