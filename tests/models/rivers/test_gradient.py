"""Derivatives of a loss by lateral inflow, against differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import MuskingumCunge, save_bundle
from bmi_dmx.compose import Model, ModelSpec, Moments, Statistics
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError, DataError, StateError, VariableError

from .small_river import run, started, weather
from .test_sources import NAMES, write_fabric

STEPS = 12
OUTPUTS = ("discharge", "velocity", "volume")


def losses(count: int = STEPS) -> dict[str, Any]:
    """Return derivatives of a loss by outputs."""
    luck = np.random.default_rng(1)
    scale = {"discharge": 1.0, "velocity": 3.0, "volume": 1e-4}
    return {name: x * luck.normal(size=(count, 5)) for name, x in scale.items()}


def make(folder: Path, way: str) -> MuskingumCunge:
    if way == "reaches":
        return started(folder)
    if not (folder / "river.gpkg").exists():
        write_fabric(folder / "river.gpkg")
    return started(folder, tree="river.gpkg", sources=list(NAMES))


@pytest.mark.parametrize("way", ["reaches", "nexuses"])
def test_derivatives_are_those_of_differences(tmp_path: Path, way: str) -> None:
    component = make(tmp_path, way)
    count = len(component.sources)
    inflow = 0.5 + weather(20, count)
    component.set_value("n", np.array([0.03, 0.04, 0.05, 0.06, 0.07]))
    run(component, inflow[:8])
    saved = component.state_bytes()
    component.mark()
    run(component, inflow[8:])
    weights = losses()
    gradient = component.gradient(weights)
    assert gradient.shape == (STEPS, count)

    def loss(changed: Any) -> float:
        component.set_state_bytes(saved)
        series = run(component, changed, *OUTPUTS)
        return sum(
            float((weights[n] * x).sum()) for n, x in zip(OUTPUTS, series, strict=True)
        )

    h = 1e-5
    for at in [(0, 0), (3, 1), (7, 2), (11, count - 1)]:
        up, down = inflow[8:].copy(), inflow[8:].copy()
        up[at] += h
        down[at] -= h
        difference = (loss(up) - loss(down)) / (2.0 * h)
        np.testing.assert_allclose(
            gradient[at], difference, rtol=1e-6, atol=1e-7 * np.abs(gradient).max()
        )


def test_steps_are_kept_from_the_mark_on_and_not_after_release(tmp_path: Path) -> None:
    component = started(tmp_path, state="hot")
    component.mark()
    run(component, weather(4))
    assert component.gradient({"discharge": np.ones((4, 5))}).shape == (4, 5)
    component.mark()
    run(component, weather(3))
    by_name = {"channel_exit_water_x-section__volume_flow_rate": np.ones((3, 5))}
    assert component.gradient(by_name).shape == (3, 5)
    component.release()
    with pytest.raises(StateError, match=r"gradient: mark\(\) comes before the steps"):
        component.gradient(by_name)


def set_state(component: MuskingumCunge) -> None:
    component.set_value("discharge", np.ones(5))


def set_parameter(component: MuskingumCunge) -> None:
    component.set_value("manning", np.full(5, 0.1))
    component.update()


def restore(component: MuskingumCunge) -> None:
    component.set_state_bytes(component.state_bytes())


@pytest.mark.parametrize(("change", "why"), [
    (set_state, "a state was set"), (set_parameter, "a parameter or attribute was set"),
    (restore, "a state was restored"),
])  # fmt: skip
def test_nothing_is_derived_through_what_was_set(
    tmp_path: Path, change: Any, why: str
) -> None:
    component = started(tmp_path)
    component.mark()
    run(component, weather(3))
    change(component)
    with pytest.raises(StateError, match=f"gradient: {why} after the first step"):
        component.gradient({"discharge": np.ones((3, 5))})


@pytest.mark.parametrize(("given", "error", "message"), [
    ({"discharge": np.ones((2, 5))}, DataError, r"shape \(2, 5\), expected"),
    ({"discharge": np.full((3, 5), np.nan)}, DataError, "a number is not finite"),
    ({"dischrge": np.ones((3, 5))}, VariableError, "did you mean 'discharge'"),
    ({"manning": np.ones((3, 5))}, VariableError, "no output 'manning'"),
    ({}, DataError, "found no output"),
])  # fmt: skip
def test_losses_that_do_not_fit_are_refused(
    tmp_path: Path, given: Any, error: type[Exception], message: str
) -> None:
    component = started(tmp_path)
    component.mark()
    run(component, weather(3))
    with pytest.raises(error, match=message):
        component.gradient(given)


def test_without_steps_there_is_nothing_to_derive(tmp_path: Path) -> None:
    component = started(tmp_path)
    component.mark()
    with pytest.raises(StateError, match="no step has been run since the mark"):
        component.gradient({"discharge": np.ones((0, 5))})


def test_nothing_is_derived_through_networks(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    reads = {
        "network": "lstm", "options": {"hidden": 4}, "forcings": ["lateral_inflow"],
        "gives": ["manning", "width_exponent"],
    }  # fmt: skip
    spec = {
        "parts": {"channel": reads, "river": {"process": "muskingum_cunge"}},
        "seconds": 3600, "system": "rivers",
    }  # fmt: skip
    moments = Statistics({"lateral_inflow": Moments(1.0, 1.0)})
    path = tmp_path_factory.mktemp("bundle") / "varying"
    model = Model(convert(spec, ModelSpec), moments).double()
    save_bundle(model, path, licence="CC0-1.0", provenance={}, scores={})
    component = started(tmp_path, bundle=str(path))
    with pytest.raises(ConfigError, match="network 'channel' reads the lateral inflow"):
        component.mark()
    run(component, weather(3))
    assert np.ptp(component.get_value_ptr("manning")) > 0.0
