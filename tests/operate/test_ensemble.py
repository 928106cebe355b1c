"""Members of an ensemble are places side by side, and their means the answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.bundle import load_bundle
from bmi_dmx.compose.ensemble import Ensemble
from bmi_dmx.errors import ConfigError, StateError
from bmi_dmx.operate.ensemble import mean_of
from tests.assimilation.operation.twins import block, follow, observed
from tests.bmi.test_batch import days_of_year
from tests.bmi.untrained import attributes, dynamic, give, static, weather

OUTPUTS = ("streamflow", "evaporation", "soil_moisture", "mass_in", "mass_out")
ALIKE = {"members": 5}
HOURS = {"time_step": "hourly"}


@given(value=st.floats(-1e6, 1e6), count=st.integers(1, 40))
def test_the_mean_of_equal_numbers_is_that_number(value: float, count: int) -> None:
    assert mean_of(np.full((count, 3), value)).tolist() == [value] * 3


def test_the_mean_is_the_mean() -> None:
    values = np.random.default_rng(1).normal(size=(7, 4))
    np.testing.assert_allclose(mean_of(values), values.mean(0), rtol=1e-13)


@pytest.mark.parametrize(
    ("spec", "more"),
    [(static(), ()), (dynamic(), ("k0",)), (static(routing="none"), ())],
)
@pytest.mark.parametrize("n", [1, 3])
def test_members_that_are_alike_give_the_bits_of_one(
    n: int, spec: Any, more: tuple[str, ...], start: Any, bundle_of: Any
) -> None:
    """Of a single place they are worked on together, and round otherwise."""
    bundle = str(bundle_of(spec))
    one = start(n, bundle=bundle, name="one.yaml")
    many = start(n, bundle=bundle, name="many.yaml", assimilation=ALIKE)
    forcing = weather(150, n)
    names = (*OUTPUTS, *more)
    expected = follow(one, forcing, range(150), names=names)
    outputs = follow(many, forcing, range(150), names=names)
    for name in names:
        if n > 1:
            np.testing.assert_array_equal(outputs[name], expected[name])
        np.testing.assert_allclose(outputs[name], expected[name], rtol=1e-13)


def test_hours_of_members_that_are_alike_give_the_bits_of_one(start: Any) -> None:
    one = start(2, name="one.yaml", **HOURS)
    many = start(2, name="many.yaml", assimilation=ALIKE, **HOURS)
    forcing = weather(200, 2, hours=1.0)
    expected = follow(one, forcing, range(200), names=OUTPUTS)
    outputs = follow(many, forcing, range(200), names=OUTPUTS)
    for name in OUTPUTS:
        np.testing.assert_array_equal(outputs[name], expected[name])


def test_stepping_members_is_one_batch_run_of_their_forcing(
    start: Any, bundle: Any
) -> None:
    n, steps, size = 3, 120, 8
    component = start(n, assimilation=block(observed={}))
    forcing = weather(steps, n)
    names = [f"{name}__ensemble" for name in ("streamflow", *component.runner.forcing)]
    outputs = follow(component, forcing, range(steps), names=tuple(names))
    series = {
        name: torch.from_numpy(outputs[f"{name}__ensemble"].reshape(steps, size, n))
        for name in component.runner.forcing
    }
    days = torch.from_numpy(days_of_year(steps, 1))
    series["day_of_year"] = days[:, None].expand(steps, n)
    model = load_bundle(bundle).model()
    places = {k: torch.tensor(x, dtype=torch.float64) for k, x in attributes(n).items()}
    with torch.no_grad():
        batch = Ensemble(model, size).simulate(series, places, outputs=("streamflow",))
    np.testing.assert_allclose(
        outputs["streamflow__ensemble"].reshape(steps, size, n),
        batch.outputs["streamflow"], rtol=1e-12, atol=1e-13,
    )  # fmt: skip
    assert (
        np.ptp(outputs["streamflow__ensemble"][-1].reshape(size, n), axis=0).min() > 0
    )


def test_a_step_at_a_time_is_many_at_once(start: Any) -> None:
    forcing = weather(1, 2)
    one, other = (start(2, name=f"{k}.yaml", assimilation=block()) for k in "ab")
    for component in (one, other):
        give(component, forcing, 0)
    for _ in range(10):
        one.update()
    other.update_until(10 * 86400.0)
    assert one.state_bytes() == other.state_bytes()


def test_a_run_goes_on_in_another_process_as_if_it_had_not_stopped(
    start: Any, configure: Any, tmp_path: Path
) -> None:
    n, steps, half = 2, 80, 37
    settings = {"assimilation": block(
        observed={"streamflow": {"error": {"absolute": 0.1}, "max_age": "3 d"}},
        filter={"name": "etkf", "rotate": True},
        perturbations={
            "forcing": {"precipitation": {"kind": "lognormal", "std": 0.4,
                                          "correlation_time": "2 d"}},
            "state": {"lower_zone": {"std": 0.05}},
            "parameters": {"k1": {"kind": "lognormal", "std": 0.2}},
        },
    )}  # fmt: skip
    forcing = weather(steps, n)
    values = observed(forcing)["precipitation"] * 0.3 + 0.2
    values[::3] = np.nan
    whole = start(n, name="whole.yaml", **settings)
    follow(whole, forcing, range(half), values)
    whole.save_state(tmp_path / "half.state")
    follow(whole, forcing, range(half, steps), values)
    path = configure(n, name="other.yaml", state=None, **settings)
    code = f"""
import numpy as np
from bmi_dmx import Component
from tests.assimilation.operation.twins import follow, observed
from tests.bmi.untrained import weather
component = Component()
component.initialize({str(path)!r})
component.load_state({str(tmp_path / "half.state")!r})
forcing = weather({steps}, {n})
values = observed(forcing)["precipitation"] * 0.3 + 0.2
values[::3] = np.nan
follow(component, forcing, range({half}, {steps}), values)
component.save_state({str(tmp_path / "whole.state")!r})
"""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "whole.state").read_bytes() == whole.state_bytes()


def test_a_lagging_network_goes_on_for_every_member(start: Any, bundle_of: Any) -> None:
    settings = {
        "bundle": str(bundle_of(dynamic())), "time_step": "hourly",
        "assimilation": block(),
    }  # fmt: skip
    forcing = weather(70, 2, hours=1.0)
    one, other = (start(2, name=f"{k}.yaml", **settings) for k in "ab")
    follow(one, forcing, range(40))
    other.set_state_bytes(one.state_bytes())
    for component in (one, other):
        follow(component, forcing, range(40, 70))
    assert one.state_bytes() == other.state_bytes()


def test_a_state_of_other_members_is_refused(start: Any) -> None:
    one = start(1, name="a.yaml", assimilation={"members": 4})
    other = start(1, name="b.yaml", assimilation={"members": 5})
    with pytest.raises(StateError, match="ensemble of 4 members"):
        other.set_state_bytes(one.state_bytes())


def test_an_ensemble_spreads_from_the_state_of_one(start: Any) -> None:
    n, forcing = 2, weather(60, 2)
    one = start(n, name="one.yaml")
    follow(one, forcing, range(50))
    many = start(n, name="many.yaml", assimilation=ALIKE)
    many.set_state_bytes(one.state_bytes())
    for component in (one, many):
        follow(component, forcing, range(50, 60))
    for name in (*OUTPUTS, "ngen::mass_stored"):
        np.testing.assert_array_equal(many.get_value_ptr(name), one.get_value_ptr(name))


def test_one_goes_on_from_the_mean_of_an_ensemble(start: Any) -> None:
    n, forcing = 2, weather(60, 2)
    many = start(n, name="many.yaml", assimilation=block(observed={}))
    follow(many, forcing, range(50))
    one = start(n, name="one.yaml")
    one.set_state_bytes(many.state_bytes())
    for name in ("streamflow", "soil_moisture", "mass_in", "mass_stored"):
        state, expected = (c.get_value_ptr(name) for c in (one, many))
        np.testing.assert_allclose(state, expected, rtol=1e-13)
    assert one.get_current_time() == many.get_current_time()
    follow(one, forcing, range(50, 60))
    entered, outflow, stored = (
        one.get_value_ptr(f"mass_{k}") for k in ("in", "out", "stored")
    )
    np.testing.assert_allclose(entered - outflow, stored, rtol=1e-10)


def test_a_store_that_is_set_is_the_mean_of_members_in_proportion(start: Any) -> None:
    n, forcing = 3, weather(31, 3)
    component = start(n, assimilation=block(observed={}))
    follow(component, forcing, range(30))
    before = component.get_value_ptr("soil_moisture__ensemble").reshape(8, n).copy()
    component.set_value_at_indices("soil_moisture", [0, 2], [80.0, 30.0])
    after = component.get_value_ptr("soil_moisture__ensemble").reshape(8, n)
    np.testing.assert_allclose(
        component.get_value_ptr("soil_moisture")[[0, 2]], [80, 30]
    )
    np.testing.assert_array_equal(after[:, 1], before[:, 1])
    ratio = after[:, [0, 2]] / before[:, [0, 2]]
    np.testing.assert_allclose(ratio, ratio[:1].repeat(8, 0), rtol=1e-12)
    follow(component, forcing, range(30, 31))
    entered, outflow, stored, leaked = (
        component.get_value_ptr(f"ngen::mass_{k}")
        for k in ("in", "out", "stored", "leaked")
    )
    np.testing.assert_allclose(entered - outflow - stored - leaked, 0.0, atol=1e-11)
    assert np.abs(leaked[[0, 2]]).min() > 1.0


def test_every_member_can_be_set_by_a_host(start: Any) -> None:
    component = start(2, assimilation=ALIKE)
    members = np.linspace(10.0, 100.0, 10)
    component.set_value("lower_zone__ensemble", members)
    np.testing.assert_allclose(component.get_value_ptr("lower_zone__ensemble"), members)
    mean = members.reshape(5, 2).mean(0)
    np.testing.assert_allclose(component.get_value_ptr("lower_zone"), mean)
    follow(component, weather(1, 2), range(1))
    assert np.ptp(component.get_value_ptr("streamflow__ensemble")) > 0.0


def test_an_equilibrium_is_the_start_of_all_members(start: Any) -> None:
    settings = {"state": "equilibrium"}
    columns = {**attributes(2), "t_mean": [8.0, 12.0]}
    places = {"ids": ["a", "b"], "attributes": columns}
    one = start(2, name="one.yaml", locations=places, **settings)
    many = start(2, name="many.yaml", locations=places, assimilation=ALIKE, **settings)
    for component in (one, many):
        follow(component, weather(20, 2), range(20))
    for name in OUTPUTS:
        np.testing.assert_array_equal(many.get_value_ptr(name), one.get_value_ptr(name))


def test_steps_that_are_gathered_have_no_ensemble(start: Any) -> None:
    with pytest.raises(ConfigError, match="the same time_step and mode"):
        start(1, time_step="hourly", mode="daily", assimilation=ALIKE)
