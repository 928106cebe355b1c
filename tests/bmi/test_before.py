"""A network of days hands over to one of hours: behind BMI as in a batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx import Component
from bmi_dmx.bundle import load_bundle
from bmi_dmx.compose import ModelSpec
from bmi_dmx.compose.other_steps import after_longer_steps, in_longer_steps
from bmi_dmx.errors import ConfigError, DataError, StateError
from bmi_dmx.models.hydrology.transit import in_shorter_steps

from .untrained import (
    ATTRIBUTES,
    START,
    attributes,
    learned_flow,
    run,
    static,
    taken,
    untrained,
    weather,
)  # fmt: skip

PLACES, DAYS, HOURS = 3, 20, 30
END = (datetime.fromisoformat(START) + timedelta(days=DAYS)).isoformat(" ")

OUTPUTS = {"land": ("streamflow", "soil_moisture"), "flow": ("streamflow",)}


def land(**daily: Any) -> ModelSpec:
    """Return a model of hours whose parameters two LSTMs change."""
    network = {
        "parameters": ["beta", "k0"],
        "forcings": ["precipitation", "air_temperature"],
        "attributes": ["p_mean"],
        "hidden": 4,
        "daily": {
            "forcings": ["precipitation", "potential_evaporation"],
            "attributes": list(ATTRIBUTES),
            "options": {"hidden": 6},
            **daily,
        },
    }
    few = {"attributes": ["p_mean"], "hidden": [16]}
    return static(dynamic=network, static=few, time_step="hourly", evaporation="oudin")


def flow() -> ModelSpec:
    """Return an LSTM of hours, before it one of days; no physics."""
    return learned_flow(
        forcings=["precipitation", "air_temperature"], evaporation="given",
        time_step="hourly", daily={"options": {"hidden": 5}, "transfer": "mlp"},
    )  # fmt: skip


SPECS = {"land": land(), "flow": flow()}


@pytest.fixture(params=list(SPECS))
def kind(request: Any) -> str:
    """Name of a model."""
    return str(request.param)


@pytest.fixture
def folder(kind: str, bundle_of: Any) -> Path:
    """Folder of its bundle."""
    path: Path = bundle_of(SPECS[kind])
    return path


class Batch:
    """The same by PyTorch, through days and hours at once."""

    def __init__(self, kind: str) -> None:
        self.model = untrained(SPECS[kind])
        steps = 24 * DAYS + HOURS
        series = weather(steps, PLACES, hours=1.0)
        first = datetime.fromisoformat(START).timetuple().tm_yday
        days = (np.arange(steps) // 24 + first).astype(float)
        series["day_of_year"] = np.repeat(days[:, None], PLACES, axis=1)
        self.forcing = {n: torch.from_numpy(series[n]) for n in self.model.forcings}
        properties = attributes(PLACES)
        self.places = {
            n: torch.tensor(properties[n], dtype=torch.float64)
            for n in self.model.attributes
        }

    @property
    def past(self) -> dict[str, torch.Tensor]:
        return {n: x[: 24 * DAYS] for n, x in self.forcing.items()}

    @property
    def days(self) -> dict[str, np.ndarray]:
        longer = in_longer_steps(self.model, self.past, 24)
        return {n: x.numpy() for n, x in longer.items()}

    @property
    def hours(self) -> dict[str, np.ndarray]:
        return {n: x[24 * DAYS :].numpy() for n, x in self.forcing.items()}

    def handed(self) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            return after_longer_steps(
                self.model, self.past, self.places, 24, in_shorter_steps
            )

    def outputs(self, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        ahead = {n: x[24 * DAYS :] for n, x in self.forcing.items()}
        with torch.no_grad():
            series = self.model.simulate(
                ahead, self.places, state=self.handed(), outputs=names
            ).outputs
        return {n: x.numpy() for n, x in series.items()}


@pytest.fixture
def batch(kind: str) -> Batch:
    return Batch(kind)


@pytest.fixture
def days(start: Any, folder: Path, batch: Batch, tmp_path: Path) -> Component:
    """A component that has run days, and its state in ``days.state``."""
    component: Component = start(PLACES, bundle=str(folder), name="days.yaml")
    run(component, batch.days, range(DAYS), ())
    component.save_state(tmp_path / "days.state")
    return component


def hours(start: Any, folder: Path, **changes: Any) -> Component:
    settings = {
        "start_time": END, "time_step": "hourly", "name": "hours.yaml",
        "state": "days.state",
    }  # fmt: skip
    component: Component = start(PLACES, bundle=str(folder), **settings | changes)
    return component


def test_hours_after_days_are_those_of_a_batch(
    start: Any, kind: str, folder: Path, batch: Batch, days: Component
) -> None:
    component = hours(start, folder)
    for name, expected in batch.handed().items():
        np.testing.assert_allclose(
            component.state()[name], expected.numpy(), rtol=1e-12, atol=1e-14
        )
    assert np.abs(component.state()["dynamic.hidden"]).min() > 0.0
    outputs = run(component, batch.hours, range(HOURS), OUTPUTS[kind])
    for name, expected in batch.outputs(OUTPUTS[kind]).items():
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            outputs[name], expected, rtol=1e-10, atol=1e-12 * scale
        )
        assert scale > 0.0


def test_a_state_of_hours_holds_all_that_goes_on(
    start: Any, kind: str, folder: Path, batch: Batch, days: Component, tmp_path: Path
) -> None:
    whole = hours(start, folder)
    cut = HOURS // 2
    run(whole, batch.hours, range(cut), ())
    whole.save_state(tmp_path / "hours.state")
    names = OUTPUTS[kind]
    expected = run(whole, batch.hours, range(cut, HOURS), names)
    later = (datetime.fromisoformat(END) + timedelta(hours=cut)).isoformat(" ")
    again = hours(
        start, folder, name="again.yaml", state="hours.state", start_time=later
    )
    outputs = run(again, batch.hours, range(cut, HOURS), names)
    for name in names:
        np.testing.assert_array_equal(outputs[name], expected[name])
    state, expected_held = again.state(), whole.state()
    for name, array in expected_held.items():
        np.testing.assert_array_equal(state[name], array, name)


def test_a_file_of_days_is_read_by_the_network_of_days(
    start: Any, folder: Path, batch: Batch, days: Component, tmp_path: Path
) -> None:
    one = {n: x[:, :1] for n, x in batch.days.items()}
    names = taken(days, one)
    rows = [["time", *names]]
    rows += [[k, *(repr(float(one[n][k, 0])) for n in names)] for k in range(DAYS)]
    text = "\n".join(",".join(map(str, row)) for row in rows)
    (tmp_path / "before.csv").write_text(text, encoding="utf-8")
    alone = start(
        1, bundle=str(folder), name="one.yaml", start_time=END, time_step="hourly",
        spin_up={"file": "before.csv", "step": "daily"},
    )  # fmt: skip
    reference = start(1, bundle=str(folder), name="reference.yaml")
    run(reference, one, range(DAYS), ())
    reference.save_state(tmp_path / "one.state")
    expected = start(
        1, bundle=str(folder), name="two.yaml", start_time=END, time_step="hourly",
        state="one.state",
    )  # fmt: skip
    for name, array in expected.state().items():
        if name.partition(".")[0] not in ("repaired", "last", "forcing"):
            np.testing.assert_array_equal(alone.state()[name], array, name)


def test_nothing_leads_from_hours_to_days(
    start: Any, folder: Path, days: Component, tmp_path: Path
) -> None:
    component = hours(start, folder)
    component.save_state(tmp_path / "hours.state")
    message = "belongs to another time step: found '3600 s', this component has '86400"
    with pytest.raises(StateError, match=message):
        hours(start, folder, time_step="daily", state="hours.state", name="d.yaml")
    settings = {"time_step": "daily", "state": None, "name": "e.yaml"}
    before = {"file": "before.csv", "step": "hourly"}
    with pytest.raises(ConfigError, match="cannot go on from steps of 1 h, expected 1"):
        hours(start, folder, spin_up=before, **settings)


def test_attributes_of_both_networks_are_asked_for(start: Any, bundle_of: Any) -> None:
    properties = attributes(1)
    del properties["aridity"]
    with pytest.raises(DataError, match="attribute 'aridity' of the model is missing"):
        start(
            1, bundle=str(bundle_of(SPECS["land"])), time_step="hourly",
            locations={"ids": ["a"], "attributes": properties},
        )  # fmt: skip


def test_a_bundle_holds_both_networks_and_what_leads_on(folder: Path) -> None:
    bundle = load_bundle(folder)
    assert {"daily", "daily.transfer", "dynamic"} <= set(bundle.programs)
    assert bundle.manifest.steps == (3600.0, 86400.0)
    model = bundle.model()
    weights = model.state_dict()
    assert any(n.startswith("daily.transfer.maps.hidden") for n in weights)
    for name, array in bundle.weights.items():
        np.testing.assert_array_equal(weights[name].numpy(), array)


@pytest.mark.parametrize("kind", ["flow"], indirect=True)
def test_half_hours_begin_with_what_days_answered_last(
    start: Any, bundle_of: Any, batch: Batch, tmp_path: Path
) -> None:
    """The network of hours sees an hour when it is over; so long days hold."""
    spec = replace(flow(), steps=(1800.0,), recipe=None, settings=None)
    folder = bundle_of(spec)
    days = start(PLACES, bundle=str(folder), name="days.yaml")
    run(days, batch.days, range(DAYS), ())
    days.save_state(tmp_path / "days.state")
    component = hours(start, folder, time_step="30 min")
    streamflow = run(component, batch.hours, range(4), ("streamflow",))["streamflow"]
    np.testing.assert_array_equal(streamflow[0], days.get_value_ptr("streamflow"))
    np.testing.assert_array_equal(streamflow[1], streamflow[0])
    assert not np.array_equal(streamflow[2], streamflow[1])
