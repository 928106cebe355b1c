"""Step the shipped bundle daily and hourly, compare, and draw the difference.

Prints the tables of docs/nextgen.md and draws docs/images/hourly_daily.png. Gauges of
the Delaware sample run through 1979, which does not count, and 1980. Hourly forcing is
made of the daily one: temperature is a cosine between the extremes of the day, warmest
at 15 h solar time; rain falls evenly, or in six hours.

    python scripts/make_hourly_figure.py
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmi_dmx import DeltaHbv, load_bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.demo.basin import gauges
from bmi_dmx.trainer.experiment_file import find_experiment, load_experiment
from bmi_dmx.trainer.tasks.basins.data.basins import BasinData
from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.streamflow.metrics import metrics
from bmi_dmx.trainer.tasks.streamflow.pairs import Pairs

Array = NDArray[np.float64]

TARGET = Path(__file__).parents[1] / "docs" / "images" / "hourly_daily.png"

SHOWN = ("01420500", "01439500", "01440000", "01445500", "01470500", "01481000")
DRAWN = "01420500"
FIRST, LAST = np.datetime64("1980-03-15"), np.datetime64("1980-04-20")
SCORED = np.datetime64("1980-01-01")
HOURS = 24
WARMEST = 15.0
STORM = slice(12, 18)
"""Hours of the day in which all rain falls, where it does not fall evenly."""


@dataclass(frozen=True)
class Way:
    """A way to run the bundle; without a mode, in steps of a day."""

    title: str
    mode: str | None
    storms: bool = False


DAILY = Way("daily", None)
EVEN = Way("hourly, rain even", "hourly")
WAYS = (
    EVEN,
    Way("hourly, rain in 6 h", "hourly", storms=True),
    Way("hours, `mode: daily`", "daily"),
)


def simulate(data: BasinData, way: Way) -> Array:
    """Return streamflow, mm/d, (time, location), of days or of hours."""
    names = [a.name for a in load_bundle("dhbv-conus-daily").variables.attributes]
    attributes = {name: data.attributes[name].tolist() for name in names}
    settings: dict[str, Any] = {
        "start_time": str(data.time[0]),
        "state": "equilibrium",
        "locations": {"ids": [str(i) for i in data.ids], "attributes": attributes},
    }
    if way.mode is not None:
        settings |= {"time_step": "hourly", "mode": way.mode}
    model = DeltaHbv()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "component.yaml"
        config.write_text(as_yaml(settings), encoding="utf-8")
        model.initialize(str(config))
    forcing = daily(data) if way.mode is None else hourly(data, way.storms)
    flow = model.get_value_ptr("streamflow")
    series = np.empty((len(forcing["precipitation"]), len(data.ids)))
    for step in range(len(series)):
        for name, values in forcing.items():
            model.set_value(name, values[step])
        model.update()
        series[step] = flow
    model.finalize()
    return series


def daily(data: BasinData) -> dict[str, Array]:
    """Return what daily steps are given."""
    names = ("precipitation", "air_temperature")
    extremes = ("air_temperature_min", "air_temperature_max")
    return {n: data.forcing[n].astype(np.float64) for n in (*names, *extremes)}


def hourly(data: BasinData, storms: bool) -> dict[str, Array]:
    """Return what hourly steps are given: the daily forcing, spread over the hours."""
    days = daily(data)
    hour = np.arange(HOURS)[:, None]
    course = np.zeros(HOURS)
    course[STORM if storms else slice(None)] = 1.0
    course /= course.mean()
    rain = days["precipitation"][:, None] * course[:, None]
    # Days are local days here, so that both runs see the same ones.
    angle = 2.0 * np.pi * (hour + 0.5 - WARMEST) / HOURS
    low, high = days["air_temperature_min"], days["air_temperature_max"]
    middle, half = 0.5 * (high + low)[:, None], 0.5 * (high - low)[:, None]
    temperature = middle + half * np.cos(angle)
    shape = (-1, len(data.ids))
    return {
        "precipitation": rain.reshape(shape),
        "air_temperature": temperature.reshape(shape),
    }


def lag(days: Array, hours: Array, longest: int = 36) -> float:
    """Return by how many hours the hourly flow is late.

    The lag is that by which its daily means have to be taken later to be correlated
    best with the daily flow.
    """
    inside = slice(2, -2)
    correlations = {}
    for shift in range(-longest, longest + 1):
        means = np.roll(hours, -shift).reshape(-1, HOURS).mean(axis=1)
        correlations[shift] = np.corrcoef(days[inside], means[inside])[0, 1]
    return float(max(correlations, key=lambda shift: correlations[shift]))


def nse(simulated: Array, observed: Array) -> Array:
    """Return the Nash–Sutcliffe efficiency of every location."""
    return metrics["nse"].function(Pairs(simulated, observed))


def comparison(data: BasinData, reference: Array, flow: Array) -> Array:
    """Return how hourly flow compares, (location, column) as :data:`COLUMNS`."""
    scored = data.time >= SCORED
    observed = data.target[scored].astype(np.float64)
    days = reference[scored]
    hours = flow.reshape(-1, HOURS, len(data.ids))[scored]
    means, series = hours.mean(axis=1), hours.reshape(-1, len(data.ids))
    columns = (
        nse(days, observed),
        nse(means, observed),
        nse(means, days),
        100.0 * (means.sum(axis=0) / days.sum(axis=0) - 1.0),
        np.array([lag(a, b) for a, b in zip(days.T, series.T, strict=True)]),
    )
    return np.stack(columns, axis=1)


COLUMNS = ("{:.2f}", "{:.2f}", "{:.2f}", "{:+.1f}", "{:+.0f}")
"""NSE of daily and of hourly steps, of hourly against daily; volume, %; lag, h."""


def print_rows(titles: list[str], table: Array) -> None:
    """Print rows of a Markdown table."""
    for title, values in zip(titles, table, strict=True):
        cells = [form.format(x) for form, x in zip(COLUMNS, values, strict=True)]
        print(f"| {' | '.join([title, *cells])} |")


def draw(data: BasinData, runs: dict[Way, Array]) -> None:
    """Draw two months of one gauge."""
    import matplotlib.pyplot as plt
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    at = list(map(str, data.ids)).index(DRAWN)
    days = (data.time >= FIRST) & (data.time < LAST)
    time = data.time[days]
    hour = time[0] + np.arange(HOURS * len(time)) * np.timedelta64(1, "h")
    figure, (above, axes) = plt.subplots(
        2, 1, figsize=(9, 5), sharex=True, layout="constrained",
        gridspec_kw={"height_ratios": [1, 4]},
    )  # fmt: skip
    above.bar(
        time + np.timedelta64(12, "h"), data.forcing["precipitation"][days, at],
        width=0.9, color="tab:blue",
    )  # fmt: skip
    above.invert_yaxis()
    above.set_ylabel("rain and\nsnow, mm/d")
    axes.stairs(
        data.target[days, at], [*time, time[-1] + 1], baseline=None, color="0.6",
        linewidth=3, label="observed, daily",
    )  # fmt: skip
    axes.stairs(
        runs[DAILY][days, at], [*time, time[-1] + 1], baseline=None, color="black",
        label="daily steps",
    )  # fmt: skip
    for way, color in zip(WAYS, ("tab:blue", "tab:green", "tab:red"), strict=True):
        flow = runs[way].reshape(-1, HOURS, len(data.ids))[days, :, at].reshape(-1)
        dashed = "--" if way.mode == "daily" else "-"
        title = way.title.replace("`", "")
        axes.plot(hour, flow, dashed, color=color, linewidth=1.2, label=title)
    axes.set_ylabel("streamflow, mm/d")
    axes.set_ylim(bottom=0.0)
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.legend(frameon=False)
    place = gauges([DRAWN]).names[0]
    figure.suptitle(f"{place}: one bundle, stepped daily and hourly")
    TARGET.parent.mkdir(exist_ok=True)
    figure.savefig(TARGET, dpi=120)
    plt.close(figure)


def main() -> None:
    """Run, print, draw."""
    spec = load_experiment(find_experiment("delaware")).data
    data = read(replace(spec, attributes_period=None))
    runs = {way: simulate(data, way) for way in (DAILY, *WAYS)}
    scores = {way: comparison(data, runs[DAILY], runs[way]) for way in WAYS}
    ids = [str(name) for name in data.ids]
    at = [ids.index(name) for name in SHOWN]
    print_rows(gauges(SHOWN).names, scores[EVEN][at])
    medians = np.stack([np.nanmedian(scores[way], axis=0) for way in WAYS])
    print_rows([way.title for way in WAYS], medians)
    draw(data, runs)


if __name__ == "__main__":
    main()
