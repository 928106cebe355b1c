"""The climate of catchments: indices of their forcing, after it has been screened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compose.part import step_key
from ..errors import DataError
from ..models.hydrology.climate import (
    DAYS_PER_YEAR,
    climate_indices,
    day_of_year,
)
from ..models.hydrology.forcings import FORCINGS, SHORTENING, SLACK
from ..models.hydrology.shipped_processes import shipped
from ..operate.clock import DAY
from ..operate.operation import Operation
from ..operate.screen import Policy, Rule, rule_of, slightly_below, step_bounds
from ..program import evaluate
from ..units import convert
from ..variables import Forcing
from .forcing import STEP, Array, ForcingProvider, moment

__all__ = ["Repair", "climate"]

_FEW_YEARS = 3.0

_BLOCK = 2**21
"""Numbers of one variable in memory."""


class _Fault(NamedTuple):
    """The first value that is missing or absurd."""

    row: int
    place: int
    value: float


@dataclass
class Repair:
    """What a component will do with forcing that is missing or absurd, done before.

    Parameters
    ----------
    operation : Operation
        Whose forcings are judged, in units of the host.
    policy : Policy
        What is done with other values than may be.
    replaced, raised : dict of str to int
        How many values were replaced, and how many slightly below their bounds were
        taken for the lowest, by forcing.
    """

    operation: Operation
    policy: Policy = "raise"
    replaced: dict[str, int] = field(default_factory=dict)
    raised: dict[str, int] = field(default_factory=dict)

    def read(
        self,
        forcing: ForcingProvider,
        name: str,
        ids: Sequence[str],
        at: int,
        hours: int,
        last: Array,
    ) -> Array:
        """Return hours of a forcing in its declared units, (hour, catchment).

        Parameters
        ----------
        forcing : ForcingProvider
        name : str
            Short name.
        ids : sequence of str
        at, hours : int
            Seconds since 1970, and their number.
        last : (catchment,) ndarray
            The last good values; changed.

        Raises
        ------
        DataError
            When a value is refused, or there is nothing to hold yet.
        """
        variable = FORCINGS[name]
        values = forcing.block(ids, variable.standard_name, variable.units, at, hours)
        low, high = step_bounds(variable, STEP, SHORTENING)
        small = slightly_below(values, low, SLACK.get(name, 0.0))
        values[small] = low
        _count(self.raised, name, small)
        bad = ~((values >= low) & (values <= high))
        if bad.any():
            _count(self.replaced, name, bad)
            fault = _replaced(values, bad, self._rule(variable), last)
            if fault is not None:
                raise DataError(_message(forcing, variable, ids, at, fault, low, high))
        last[:] = values[-1]
        return values

    def _rule(self, variable: Forcing) -> Rule:
        """Return what is done with other values; a number in declared units."""
        rule = rule_of(self.policy, variable.name)
        hosts = {f.name: f.units for f in self.operation.forcings}
        if isinstance(rule, str) or variable.name not in hosts:
            return rule
        return float(convert(rule, hosts[variable.name], variable.units))

    def remarks(self) -> list[str]:
        """Return how many values were replaced before anything was computed."""
        return [
            *(
                f"{count} values of {name} are missing or absurd, and are replaced "
                "before the climate is computed as they will be in the run"
                for name, count in self.replaced.items()
            ),
            *(
                f"{count} values of {name} are slightly below "
                f"{FORCINGS[name].limits[0]:g} and taken for it"
                for name, count in self.raised.items()
            ),
        ]


def _count(counts: dict[str, int], name: str, where: NDArray[np.bool_]) -> None:
    number = int(where.sum())
    if number:
        counts[name] = counts.get(name, 0) + number


def _replaced(
    values: Array, bad: NDArray[np.bool_], rule: Rule, last: Array
) -> _Fault | None:
    """Replace values by a rule; return the first for which that cannot be done."""
    if not isinstance(rule, str):
        values[bad] = rule
        return None
    faults = bad if rule == "raise" else np.zeros_like(bad)
    if rule == "hold":
        rows = np.where(bad, -1, np.arange(len(values))[:, None])
        good = np.maximum.accumulate(rows, axis=0)
        earlier = np.take_along_axis(values, np.maximum(good, 0), axis=0)
        latest = np.where(good >= 0, earlier, last)
        faults = bad & np.isnan(latest)
        values[bad] = latest[bad]
    if not faults.any():
        return None
    row, place = (int(k) for k in np.argwhere(faults)[0])
    return _Fault(row, place, float(values[row, place]))


def _message(
    forcing: ForcingProvider,
    variable: Forcing,
    ids: Sequence[str],
    at: int,
    fault: _Fault,
    low: float,
    high: float,
) -> str:
    what = f"is {fault.value:g} {variable.units}, expected {low:g} to {high:g}"
    if np.isnan(fault.value):
        what = "is missing"
    return (
        f"{forcing.path}: {variable.name} of {ids[fault.place]!r} at "
        f"{moment(at + fault.row * STEP)} {what}; correct units or values, or choose a "
        "forcing policy (--forcing-policy)"
    )


def climate(
    forcing: ForcingProvider, ids: Sequence[str], latitude: Array, repair: Repair
) -> tuple[dict[str, Array], list[str]]:
    """Return the climate indices of all whole days (UTC) of the forcing, and caveats.

    Parameters
    ----------
    forcing : ForcingProvider
        Hourly precipitation and air temperature.
    ids : sequence of str
        The catchments.
    latitude : (B,) array
        Degrees north.
    repair : Repair
        What is done with values that are missing or absurd.

    Raises
    ------
    DataError
        When there is no whole day, a value is refused, or it never rains.
    """
    start, end = forcing.span(ids[0])
    first = -(-start // DAY) * DAY
    days = (end - first) // DAY
    if days < 1:
        raise DataError(
            f"{forcing.path}: from {moment(start)} to {moment(end)} there is no whole "
            "day; climate attributes need days, at best years"
        )
    rain, warm, low, high = _daily(forcing, ids, first, days, repair)
    begin = np.datetime64(first, "s").astype("datetime64[D]")
    dates = day_of_year(begin + np.arange(days))
    hargreaves = shipped("hargreaves").programs[step_key(DAY)]
    (evaporation,) = evaluate(hargreaves, {
        "f.air_temperature_min": low, "f.air_temperature_max": high,
        "f.day_of_year": dates[:, None], "p.latitude": latitude[None, :],
    }).values()  # fmt: skip
    try:
        indices = climate_indices(rain, warm, evaporation, dates)
    except DataError as error:
        raise DataError(f"{forcing.path}: {error}") from None
    years = days / DAYS_PER_YEAR
    remarks = repair.remarks()
    if years < _FEW_YEARS:
        remarks.append(
            f"climate attributes are those of {days} days ({years:.1f} years) of "
            "forcing, not of a climate; give better ones in a table "
            "(--attributes FILE)"
        )
    return indices, remarks


def _daily(
    forcing: ForcingProvider,
    ids: Sequence[str],
    first: int,
    days: int,
    repair: Repair,
) -> tuple[Array, Array, Array, Array]:
    """Return precipitation, mean, least and greatest temperature, (day, catchment)."""
    rain, warm, low, high = (np.empty((days, len(ids))) for _ in range(4))
    last = {
        name: np.full(len(ids), np.nan) for name in ("precipitation", "air_temperature")
    }
    few = max(1, _BLOCK // (24 * len(ids)))
    for day in range(0, days, few):
        some = slice(day, min(day + few, days))
        at, hours = first + day * DAY, (some.stop - day) * 24
        shape = (-1, DAY // STEP, len(ids))
        block, temperature = (
            repair.read(forcing, name, ids, at, hours, latest).reshape(shape)
            for name, latest in last.items()
        )
        rain[some] = block.mean(axis=1)
        warm[some] = temperature.mean(axis=1)
        low[some], high[some] = temperature.min(axis=1), temperature.max(axis=1)
    return rain, warm, low, high
