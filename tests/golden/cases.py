"""The runs whose numbers are kept, through public doors of the package alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import safetensors.numpy

from bmi_dmx import Component
from bmi_dmx.config import as_yaml

from .records import Array
from .weather import PRECIPITATION, RATES, weather, write_series

__all__ = ["CASES", "LSTM", "SHIPPED", "Case", "run"]

SHIPPED = "dhbv-conus-daily-0.1"
"""The bundle that came with version 0.1."""
LSTM = Path(__file__).with_name("lstm-format-1")
"""An untrained model in the first format of bundles, with an LSTM in it."""

EVAPORATIONS = (
    "bundle", "oudin", "hargreaves", "priestley_taylor", "penman_monteith", "given",
)  # fmt: skip
STEPS: dict[str, dict[str, str]] = {
    "daily": {"time_step": "daily"},
    "hourly": {"time_step": "hourly"},
    "days-of-hours": {"time_step": "hourly", "mode": "daily"},
}
DAYS, HOURS = 90, 12 * 24
EVERY = 30
"""Steps from one saved state to the next that is looked at."""

ATTRIBUTES: dict[str, list[float]] = {
    "p_mean": [3.3, 2.1, 4.4], "pet_mean": [2.2, 3.1, 1.9],
    "aridity": [0.67, 1.48, 0.43], "p_seasonality": [0.1, -0.4, 0.6],
    "frac_snow": [0.2, 0.05, 0.45], "high_prec_freq": [18.0, 22.0, 14.0],
    "high_prec_dur": [1.2, 1.1, 1.4], "low_prec_freq": [240.0, 280.0, 200.0],
    "low_prec_dur": [3.2, 5.1, 2.6], "t_mean": [8.5, 13.0, 4.5],
    "area_km2": [303.0, 42.0, 1250.0], "elevation_mean": [400.0, 150.0, 1800.0],
    "slope_mean": [20.0, 4.0, 110.0], "latitude": [41.1, 33.4, 46.0],
    "longitude": [-75.0, -84.0, -113.0],
}  # fmt: skip
PARAMETERS = (
    "beta", "fc", "k0", "k1", "k2", "lp", "perc", "uzl", "tt", "cfmax", "cfr", "cwh",
    "betaet", "c", "routing_a", "routing_b",
)  # fmt: skip
DIAGNOSTICS = (
    "mass_in", "mass_out", "mass_adjusted", "mass_stored", "water_stored",
    "day_of_year", "repaired_precipitation", "repaired_air_temperature",
)  # fmt: skip
FOUND_IN_OUTPUTS = ("output.", "forcing.")
"""Parts of a saved state that are seen at every step anyway."""

WET: dict[str, float] = {
    "snowpack": 25.0, "meltwater": 1.5, "soil_moisture": 180.0, "upper_zone": 40.0,
    "lower_zone": 30.0,
}  # fmt: skip
"""Stores, mm, from which water flows everywhere from the first step on."""

Middle = Literal["nothing", "set", "restore"]


@dataclass(frozen=True)
class Case:
    """A run of a component.

    Parameters
    ----------
    name : str
        Name of the case.
    locations : int
        How many.
    settings : dict
        More of its configuration.
    middle : {"nothing", "set", "restore"}
        What happens half way: states and a parameter are set, or another component goes
        on from the saved state.
    gaps : bool
        Whether some forcing is missing.
    wet : bool
        Whether it begins with stores that are set to be full.
    """

    name: str
    locations: int
    settings: dict[str, Any]
    middle: Middle = "nothing"
    gaps: bool = False
    wet: bool = False

    @property
    def hours(self) -> float:
        """Length of a step."""
        return 24.0 if self.settings["time_step"] == "daily" else 1.0

    @property
    def steps(self) -> int:
        """Number of steps."""
        return DAYS if self.settings["time_step"] == "daily" else HOURS


@dataclass
class _Course:
    """What is seen of a run, array after array, by name."""

    seen: dict[str, list[Array]] = field(default_factory=dict)

    def look(self, component: Component, names: list[str]) -> None:
        """Take down what the component answers."""
        for name in names:
            values = component.get_value(name, np.empty(component.get_grid_size(0)))
            self.seen.setdefault(name, []).append(values)

    def look_inside(self, component: Component) -> None:
        """Take down what the component remembers."""
        state = safetensors.numpy.load(component.state_bytes())
        for name in sorted(state):
            if not name.startswith(FOUND_IN_OUTPUTS):
                self.seen.setdefault(f"state {name}", []).append(state[name])


def run(case: Case, folder: Path) -> dict[str, Array]:
    """Run a case and return all that is seen of it.

    Parameters
    ----------
    case : Case
        What to run.
    folder : Path
        An empty folder for its files.

    Returns
    -------
    dict of str to ndarray
        (step, location) of outputs, parameters and diagnostics by name; and of every
        array ``name`` of the saved states, one after the other, ``state name``.
    """
    component, course = _started(case, folder), _Course()
    if case.wet:
        _fill(component, case)
    names, forcing = _names(component), _forcing(component, case)
    for step in range(case.steps):
        if step == case.steps // 2:
            component = _in_the_middle(component, case, folder)
        for name, series in forcing.items():
            component.set_value(name, series[step])
        component.update()
        course.look(component, names)
        if (step + 1) % EVERY == 0 or step + 1 == case.steps:
            course.look_inside(component)
    component.finalize()
    return {name: np.stack(arrays) for name, arrays in course.seen.items()}


def _started(case: Case, folder: Path) -> Component:
    n = case.locations
    settings = {
        "start_time": "1980-02-20 00:00:00",
        "locations": {
            "ids": [f"cat-{k}" for k in range(n)],
            "attributes": {name: x[:n] for name, x in ATTRIBUTES.items()},
        },
        **case.settings,
    }
    if "spin_up" in settings:
        path = folder / settings["spin_up"]["file"]
        write_series(path, settings["spin_up"]["steps"], case.hours)
    config = folder / "component.yaml"
    config.write_text(as_yaml(settings), encoding="utf-8")
    component = Component()
    component.initialize(str(config))
    return component


def _fill(component: Component, case: Case) -> None:
    for name, depth in WET.items():
        in_metres = component.get_var_units(name) == "m"
        amount = depth / 1000.0 if in_metres else depth
        component.set_value(name, np.full(case.locations, amount))


def _names(component: Component) -> list[str]:
    """Return everything that is looked at in every step."""
    names = set(component.names())
    more = [name for name in (*PARAMETERS, *DIAGNOSTICS) if name in names]
    return [*component.get_output_var_names(), *more]


def _forcing(component: Component, case: Case) -> dict[str, Array]:
    """Return what the component asks for, in its units."""
    series = weather(case.steps, case.locations, case.hours)
    forcing = {name: series[name] for name in component.get_input_var_names()}
    for name in RATES:
        if name in forcing and component.get_var_units(name) == "mm h-1":
            forcing[name] = forcing[name] / 24.0
    if case.gaps:
        forcing[PRECIPITATION][7::11, 0] = np.nan
    return forcing


def _in_the_middle(component: Component, case: Case, folder: Path) -> Component:
    if case.middle == "restore":
        content = component.state_bytes()
        component.finalize()
        component = _started(case, folder)
        component.set_state_bytes(content)
    elif case.middle == "set":
        now = component.get_value("soil_moisture", np.empty(case.locations))
        component.set_value("soil_moisture", 1.125 * now)
        now = component.get_value("upper_zone", np.empty(case.locations))
        first = np.array([0])
        component.set_value_at_indices("upper_zone", first, 1.5 * now[:1])
        component.set_value("fc", np.array([320.0, 410.0, 275.0])[: case.locations])
    return component


def _cases() -> Iterator[Case]:
    for short, bundle in {"shipped": SHIPPED, "lstm": str(LSTM)}.items():
        for steps, options in STEPS.items():
            settings: dict[str, Any] = {"bundle": bundle, **options}
            yield from _ways(f"{short} {steps}", settings)
            yield from _courses(f"{short} {steps}", settings)


def _ways(name: str, settings: dict[str, Any]) -> Iterator[Case]:
    """Yield every evaporation in every system of units, at one place and at three."""
    for evaporation, units, n in product(EVAPORATIONS, ("model", "ngen"), (1, 3)):
        options = {**settings, "evaporation": evaporation, "units": units}
        yield Case(f"{name} {evaporation} {units} {n}", n, options, wet=True)


def _courses(name: str, settings: dict[str, Any]) -> Iterator[Case]:
    """Yield runs with other beginnings, and with something in their middle."""
    if name.endswith("daily"):
        gaps = {**settings, "forcing_policy": "hold"}
        yield Case(f"{name} gaps", 3, gaps, gaps=True)
    else:
        settings = {**settings, "units": "ngen"}
        part = {"start_time": "1980-02-19 18:00:00", "day_start_hour": 6}
        yield Case(f"{name} part-of-a-day", 3, {**settings, **part})
    spin_up = {"file": "before.csv", "steps": 48, "repeat": 2}
    yield Case(f"{name} equilibrium", 3, {**settings, "state": "equilibrium"})
    yield Case(f"{name} spin-up", 3, {**settings, "spin_up": spin_up})
    yield Case(f"{name} set", 3, settings, "set")
    yield Case(f"{name} restored", 3, settings, "restore")


CASES = tuple(_cases())
