"""What a trained model must beat to be worth its training.

None of them looks at the flow that is scored, but for persistence, which is given what
was observed the day before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ....compose import Model, ModelSpec, Statistics
from ....compose.windows import unsettled
from ....models.hydrology.climate import day_of_year
from .data.basins import SECONDS_PER_DAY, BasinData, Times
from .evaluate import AT_ONCE, mean_flow
from .scored_data import FEW_YEARS, whole_years

__all__ = [
    "HALF_WINDOW",
    "beside",
    "climatology",
    "climatology_of_other_years",
    "mid_range",
    "persistence",
]

Array = NDArray[np.float64]

HALF_WINDOW = 15
"""Days to either side of a date that its climatology is the mean over."""

COMMON_YEAR, LEAP_YEAR = 365, 366


def beside(
    model: Model, data: BasinData, part: BasinData, lead: int
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the flow of all baselines over scored days, and what they are.

    Parameters
    ----------
    model : Model
        What is compared with them.
    data : BasinData
        All there is.
    part : BasinData
        Warm-up and scored days.
    lead : int
        Time steps of the warm-up.

    Returns
    -------
    flows : dict of str to array (T, B)
        mm per day, by name.
    about : dict of str to str
        A few words about each.
    """
    scored = part.part(slice(lead, None))
    expected, of = _usual(data, scored)
    flows = {"climatology": expected, "persistence": persistence(part, lead)}
    about = {
        "climatology": f"flow observed around the date (mean of {2 * HALF_WINDOW + 1}"
        f" days), {of}",
        "persistence": "flow observed a day before, which the model is not told",
    }
    # Of a network alone there are no parameters to be in the middle of.
    if any(True for _ in model.plan.given()):
        untrained = mid_range(model.spec, model.statistics).to(model.dtype)
        flows["mid-range"] = mean_flow([untrained], [(part, lead)], AT_ONCE)
        about["mid-range"] = "the same physics, every parameter amid its range"
    return flows, about


def _usual(data: BasinData, scored: BasinData) -> tuple[Array, str]:
    """Return the climatology of scored days, and what it is made of.

    The scored flow serves only where little lies before it, and never its own year.
    """
    first, begin = (x.time[0].astype("datetime64[D]") for x in (data, scored))
    last = scored.time[-1].astype("datetime64[D]")
    earlier = whole_years(first.item(), (begin - 1).item())
    others = whole_years(begin.item(), last.item()) - 1
    if earlier >= FEW_YEARS or earlier > others:
        before = data.time < scored.time[0]
        expected = climatology(data.time[before], data.target[before], scored.time)
        return expected, f"on the days before the scored ones, {first} to {begin - 1}"
    if others > 0:
        expected = climatology_of_other_years(scored.time, scored.target)
        return expected, (
            "in all scored years but the own one (whole years before the scored ones:"
            f" {earlier})"
        )
    nothing = np.full(scored.target.shape, np.nan)
    return nothing, "which takes a year before the scored days, or two scored years"


def mid_range(spec: ModelSpec, statistics: Statistics) -> Model:
    """Return a model with all its parameters in the middle of their bounds.

    It differs from the trained one in nothing but what was learned.

    Parameters
    ----------
    spec : ModelSpec
        The trained model.
    statistics : Statistics
        Its statistics; they have no effect.
    """
    parts = {
        name: replace(part, members=1)
        if part.members and part.member_weights == "mean"
        else unsettled(part)
        for name, part in spec.parts.items()
    }
    model = Model(replace(spec, parts=parts), statistics)
    with torch.no_grad():
        # A network that answers 0 means the middle, whatever it reads.
        for weight in model.parameters():
            weight.zero_()
    return model.eval()


def climatology(time: Times, flow: NDArray[Any], when: Times) -> Array:
    """Return the flow to be expected from the date alone.

    Parameters
    ----------
    time : array (T,) of datetime64
        Steps of a day or a part of it; a year or more.
    flow : array (T, B)
        Flow observed at them; NaN where missing.
    when : array (N,) of datetime64
        Steps at which flow is to be expected.

    Returns
    -------
    array (N, B)
        Mean over the days around the same day of all the years; the year is taken to be
        a circle. NaN where nothing was observed around that day.
    """
    return _expected(*_sums(time, flow), when)


def _sums(time: Times, flow: NDArray[Any]) -> tuple[Array, Array]:
    """Return sum and number of the observations on each day of the year, (366, B)."""
    days, observed = day_of_year(time) - 1, np.isfinite(flow)
    total, count = np.zeros((2, LEAP_YEAR, flow.shape[1]))
    np.add.at(total, days, np.where(observed, flow, 0.0))
    np.add.at(count, days, observed)
    return total, count


def _expected(total: Array, count: Array, when: Times) -> Array:
    """Return the mean of all that was observed around the day of the year."""
    # Without a leap year there is nothing on its last day, which the circle then lacks.
    length = LEAP_YEAR if count[-1].any() else COMMON_YEAR
    near = range(-HALF_WINDOW, HALF_WINDOW + 1)
    sums = [
        np.add.reduce([np.roll(x[:length], lag, axis=0) for lag in near])
        for x in (total, count)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        smooth: Array = np.where(sums[1] > 0, sums[0] / sums[1], np.nan)
    expected: Array = smooth[np.minimum(day_of_year(when), length) - 1]
    return expected


def climatology_of_other_years(time: Times, flow: NDArray[Any]) -> Array:
    """Return the flow to be expected from the date, by all years but its own.

    Parameters
    ----------
    time : array (T,) of datetime64
        Steps of several years.
    flow : array (T, B)
        Flow observed at them; NaN where missing.

    Returns
    -------
    array (T, B)
        As of :func:`climatology`; NaN throughout where there is one year alone.
    """
    total, count = _sums(time, flow)
    years = time.astype("datetime64[Y]")
    expected = np.empty(flow.shape)
    for year in np.unique(years):
        same_year = years == year
        here, number = _sums(time[same_year], flow[same_year])
        expected[same_year] = _expected(total - here, count - number, time[same_year])
    return expected


def persistence(data: BasinData, lead: int) -> Array:
    """Return the flow observed a day before every step.

    Parameters
    ----------
    data : BasinData
        Steps before those that are asked for, and these.
    lead : int
        How many come before.

    Returns
    -------
    array (T, B)
        NaN where nothing was observed a day before.
    """
    lag = SECONDS_PER_DAY // data.seconds
    before = np.full((lag, data.target.shape[1]), np.nan)
    late: Array = np.concatenate([before, data.target])[lead : len(data.time)]
    return late
