"""Days before hours: a model goes on at steps of another length."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component
from bmi_dmx.errors import ConfigError, StateError
from bmi_dmx.models.hydrology import system

from .untrained import START, attributes, dynamic, run, static, taken, weather

PLACES, DAYS = 3, 40
END = (datetime.fromisoformat(START) + timedelta(days=DAYS)).isoformat(" ")
STORES = ("snowpack", "meltwater", "soil_moisture", "upper_zone", "lower_zone")


@pytest.fixture(params=[static(), dynamic()], ids=["static", "dynamic"])
def folder(request: Any, bundle_of: Any) -> Path:
    """Folder of a bundle of days that runs hours as well."""
    path: Path = bundle_of(request.param)
    return path


@pytest.fixture
def days(start: Any, folder: Path) -> Component:
    """A component that has run days."""
    component: Component = start(PLACES, bundle=str(folder), name="days.yaml")
    run(component, weather(DAYS, PLACES), range(DAYS), ())
    return component


def water(component: Component) -> np.ndarray:
    """Return all water in stores and on its way, mm."""
    state = component.state()
    land = sum(state[f"land.{name}"].mean(axis=-1) for name in STORES)
    return np.asarray(land + state["outlet.in_transit"].sum(axis=0))


def hours(start: Any, folder: Path, **changes: Any) -> Component:
    """Return a component of hours that begins where the days end."""
    settings = {"start_time": END, "time_step": "hourly", "name": "hours.yaml"}
    component: Component = start(PLACES, bundle=str(folder), **settings | changes)
    return component


def rainless(steps: int) -> dict[str, np.ndarray]:
    """Return hours without water that comes or goes."""
    forcing = weather(steps, PLACES, hours=1.0)
    return {**forcing, "precipitation": np.zeros((steps, PLACES))}


def test_hours_go_on_from_a_state_of_days(
    start: Any, days: Component, folder: Path, tmp_path: Path
) -> None:
    days.save_state(tmp_path / "days.state")
    component = hours(start, folder, state="days.state")
    before, after = days.state(), component.state()
    for name in STORES:
        np.testing.assert_array_equal(after[f"land.{name}"], before[f"land.{name}"])
    np.testing.assert_allclose(water(component), water(days), rtol=1e-14)


def test_water_on_its_way_arrives_on_the_day_it_would_have(
    start: Any, days: Component, folder: Path, tmp_path: Path
) -> None:
    days.save_state(tmp_path / "days.state")
    transit = days.state()["outlet.in_transit"]
    component = hours(start, folder, state="days.state")
    spread = component.state()["outlet.in_transit"]
    by_day = spread[: 24 * len(transit)].reshape(len(transit), 24, PLACES)
    np.testing.assert_allclose(by_day.sum(axis=1), transit, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(by_day.std(axis=1), 0.0, atol=1e-15)
    assert not spread[24 * len(transit) :].any()


def test_the_balance_of_the_hours_closes(
    start: Any, days: Component, folder: Path, tmp_path: Path
) -> None:
    days.save_state(tmp_path / "days.state")
    component = hours(start, folder, state="days.state")
    run(component, weather(50, PLACES, hours=1.0), range(50), ())
    entered, outflow, stored = (
        component.get_value_ptr(f"mass_{name}") for name in ("in", "out", "stored")
    )
    np.testing.assert_allclose(entered - outflow, stored, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("process", ["gr4j", "sac_sma"])
def test_water_on_its_way_inside_a_process_goes_on_as_well(
    start: Any, bundle_of: Any, tmp_path: Path, process: str
) -> None:
    folder = bundle_of(static(process=process))
    days = start(PLACES, bundle=str(folder), name="days.yaml")
    run(days, weather(DAYS, PLACES), range(DAYS), ())
    days.save_state(tmp_path / "days.state")
    component = hours(start, folder, state="days.state")
    before, after = days.state(), component.state()
    stores = {
        n: x for n, x in before.items() if n.partition(".")[0] in ("land", "outlet")
    }
    assert any(after[name].shape != x.shape for name, x in stores.items())
    for name, store in stores.items():
        whole = after[name]
        if whole.shape != store.shape:
            whole, store = whole.sum(axis=0), store.sum(axis=0)
        np.testing.assert_allclose(whole, store, rtol=1e-12, atol=1e-12)


def test_what_a_network_answered_holds_through_the_first_day(
    start: Any, bundle_of: Any, tmp_path: Path
) -> None:
    folder = bundle_of(dynamic())
    days = start(PLACES, bundle=str(folder), name="days.yaml")
    run(days, weather(DAYS, PLACES), range(DAYS), ())
    days.save_state(tmp_path / "days.state")
    component = hours(start, folder, state="days.state")
    for name in ("beta", "k0"):
        answered = days.get_value_ptr(name).copy()
        first = run(component, rainless(24), range(1), (name,))[name][0]
        np.testing.assert_array_equal(first, answered)
    memory = [name for name in days.state() if name.startswith("dynamic.")]
    assert memory
    for name in memory:
        np.testing.assert_array_equal(component.state()[name], days.state()[name])


def test_a_file_of_days_may_come_before_hours(
    start: Any, folder: Path, tmp_path: Path
) -> None:
    forcing = weather(DAYS, 1)
    alone = start(1, bundle=str(folder), name="alone.yaml")
    names = taken(alone, forcing)
    run(alone, forcing, range(DAYS), ())
    alone.save_state(tmp_path / "alone.state")
    rows = [["time", *names]]
    rows += [[k, *(repr(float(forcing[n][k, 0])) for n in names)] for k in range(DAYS)]
    text = "\n".join(",".join(map(str, row)) for row in rows)
    (tmp_path / "before.csv").write_text(text, encoding="utf-8")
    before = {"file": "before.csv", "step": "daily"}
    settings = {"start_time": END, "time_step": "hourly", "bundle": str(folder)}
    one = start(1, name="one.yaml", spin_up=before, **settings)
    two = start(1, name="two.yaml", state="alone.state", **settings)
    for name, array in two.state().items():
        if name.partition(".")[0] not in ("repaired", "last", "forcing"):
            np.testing.assert_array_equal(one.state()[name], array, name)


def test_days_go_on_from_a_state_of_hours(
    start: Any, bundle_of: Any, tmp_path: Path
) -> None:
    folder = bundle_of(static())
    component = start(PLACES, bundle=str(folder), time_step="hourly", name="h.yaml")
    run(component, weather(48, PLACES, hours=1.0), range(48), ())
    component.save_state(tmp_path / "hours.state")
    after = datetime.fromisoformat(START) + timedelta(days=2)
    days = start(
        PLACES, bundle=str(folder), state="hours.state", start_time=after.isoformat(" ")
    )
    np.testing.assert_allclose(water(days), water(component), rtol=1e-14)


def test_places_in_another_order_are_found(
    start: Any, days: Component, folder: Path, tmp_path: Path
) -> None:
    days.save_state(tmp_path / "days.state")
    usual = hours(start, folder, state="days.state")
    other = [2, 0, 1]
    properties = {name: [x[k] for k in other] for name, x in attributes(PLACES).items()}
    places = {"ids": [f"cat-{k}" for k in other], "attributes": properties}
    moved = hours(start, folder, state="days.state", name="m.yaml", locations=places)
    name = "outlet.in_transit"
    np.testing.assert_array_equal(moved.state()[name], usual.state()[name][:, other])


def test_an_ensemble_starts_from_a_state_of_days(
    start: Any, bundle_of: Any, tmp_path: Path
) -> None:
    folder = bundle_of(static())
    days = start(PLACES, bundle=str(folder), name="days.yaml")
    run(days, weather(DAYS, PLACES), range(DAYS), ())
    days.save_state(tmp_path / "days.state")
    block = {"members": 4, "seed": 1}
    many = hours(start, folder, state="days.state", assimilation=block)
    expected = np.stack([days.state()["land.soil_moisture"]] * 4)
    np.testing.assert_array_equal(many.state()["members.land.soil_moisture"], expected)


def test_a_state_of_noon_is_refused_where_days_are_gathered(
    start: Any, bundle_of: Any, tmp_path: Path
) -> None:
    folder = bundle_of(dynamic())
    noon = f"{START} 12:00:00"
    days = start(1, bundle=str(folder), start_time=noon, name="days.yaml")
    run(days, weather(2, 1), range(2), ())
    days.save_state(tmp_path / "days.state")
    settings = {"start_time": "1980-10-03 12:00:00", "time_step": "hourly"}
    with pytest.raises(StateError, match="where their periods of 1 d begin"):
        start(1, bundle=str(folder), state="days.state", **settings)


def test_water_that_would_be_lost_is_refused(
    start: Any, bundle_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bundle_of(static())
    days = start(1, bundle=str(folder), name="days.yaml")
    run(days, weather(DAYS, 1), range(DAYS), ())
    days.save_state(tmp_path / "days.state")
    monkeypatch.setitem(vars(system.HYDROLOGY), "handover", None)
    with pytest.raises(StateError, match=r"which hold .* of water at 'cat-0'"):
        start(
            1, bundle=str(folder), state="days.state", start_time=END,
            time_step="hourly",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("dayly", "spin_up: step: unknown value 'dayly'; did you mean 'daily'"),
        ("3 h", "at steps of 1 h cannot go on from steps of 3 h, expected 1 h or 1 d"),
    ],
)
def test_steps_that_do_not_exist_are_refused(
    configure: Any, step: str, message: str
) -> None:
    before = {"file": "before.csv", "step": step}
    path = configure(1, time_step="hourly", spin_up=before)
    with pytest.raises(ConfigError, match=message):
        Component().initialize(str(path))
