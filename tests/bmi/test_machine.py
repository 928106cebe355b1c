"""Whatever a host calls, and in any order: time, water and states stay in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bmi_dmx import Component
from bmi_dmx.errors import DataError, StateError, TimeError, VariableError

from .nextgen import HOURLY
from .untrained import attributes, dynamic, static

N = 2
HOUR = 3600.0
LEAVES = {"mass_in": 1.0, "mass_out": -1.0, "mass_adjusted": 1.0, "mass_stored": -1.0}

WAYS: dict[str, dict[str, Any]] = {
    "hours": {"spec": static(), **HOURLY},
    "network of days": {"spec": dynamic(), **HOURLY},
    "days of hours": {
        "spec": dynamic(),
        "mode": "daily",
        "day_start_hour": 5,
        **HOURLY,
    },
    "from an equilibrium": {"spec": static(), "state": "equilibrium", **HOURLY},
}

places = st.lists(st.integers(0, N - 1), min_size=1, max_size=N, unique=True)
SETTABLE = {
    "soil_moisture": st.floats(0.0, 0.4),
    "snowpack": st.floats(0.0, 0.2),
    "lower_zone": st.floats(0.0, 0.1),
    "fc": st.floats(60.0, 900.0),
    "routing_b": st.floats(0.0, 6.0),
    "aridity": st.floats(0.3, 3.0),
    "p_mean": st.floats(0.5, 9.0),
    "area_km2": st.floats(1.0, 1e3),
}
"""What a host may set beside the forcings: states, parameters and attributes."""


class Host(RuleBasedStateMachine):
    """Calls two components alike, of which one is ever again made anew."""

    def __init__(self, begin: Callable[[], Component]) -> None:
        super().__init__()
        self.begin = begin
        self.one, self.other = begin(), begin()
        self.steps = 0
        self.saved: list[tuple[bytes, int, dict[str, np.ndarray]]] = []
        self.give(3.0, 5.0)

    @property
    def both(self) -> tuple[Component, Component]:
        return self.one, self.other

    @rule(rain=st.floats(0.0, 30.0), warmth=st.floats(-15.0, 30.0))
    def give(self, rain: float, warmth: float) -> None:
        for each in self.both:
            each.set_value("precipitation", np.array([rain, 0.5 * rain]))
            each.set_value("air_temperature", np.array([warmth, warmth - 3.0]))

    @rule(count=st.integers(1, 30))
    def update(self, count: int) -> None:
        self.steps += count
        self.one.update_until(self.steps * HOUR)
        for _ in range(count):
            self.other.update()

    @rule(data=st.data(), name=st.sampled_from(list(SETTABLE)), at=places)
    def set_value(self, data: st.DataObject, name: str, at: list[int]) -> None:
        value = data.draw(SETTABLE[name])
        for each in self.both:
            each.set_value_at_indices(name, np.array(at), np.full(len(at), value))

    @rule()
    def read(self) -> None:
        """Look at everything, at one of the two alone."""
        for name in self.one.names():
            copied = self.one.get_value(name, np.empty(N))
            np.testing.assert_array_equal(copied, self.one.get_value_ptr(name))

    @rule()
    def save(self) -> None:
        content = self.one.state_bytes()
        assert len(content) == self.one.state_size()
        values = {n: self.one.get_value(n, np.empty(N)) for n in self.one.names()}
        self.saved.append((content, self.steps, values))

    @precondition(lambda self: self.saved)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        content, steps, values = data.draw(st.sampled_from(self.saved))
        self.steps = steps
        for each in self.both:
            each.set_state_bytes(content)
            assert each.state_bytes() == content
            for name, expected in values.items():
                actual = each.get_value(name, np.empty(N))
                np.testing.assert_array_equal(actual, expected, err_msg=name)

    @precondition(lambda self: self.saved)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        """Go on from a state of another time, as a framework does that restarts."""
        content, _, _ = data.draw(st.sampled_from(self.saved))
        for each in self.both:
            each.set_value(
                "ngen::serialization_state", np.frombuffer(content, np.uint8)
            )

    @rule()
    def make_anew(self) -> None:
        """Let another component, of another process as it were, go on."""
        content = self.one.state_bytes()
        self.other.finalize()
        self.other = self.begin()
        self.other.set_state_bytes(content)

    @rule()
    def reset_time(self) -> None:
        self.steps = 0
        for each in self.both:
            each.set_value("reset_time", np.zeros(1))

    @rule(bad=st.sampled_from([np.nan, np.inf, -1.0]))
    def fail(self, bad: float) -> None:
        """Do what is refused; nothing comes of it."""
        good = self.one.get_value("precipitation", np.empty(N))
        self.one.set_value("precipitation", np.array([good[0], bad]))
        with pytest.raises(DataError, match="forcing 'precipitation' at 'cat-1'"):
            self.one.update()
        self.one.set_value("precipitation", good)
        with pytest.raises(TimeError):
            self.one.update_until((self.steps + 0.5) * HOUR)
        with pytest.raises(VariableError):
            self.one.set_value("streamflow", np.zeros(N))
        with pytest.raises(DataError):
            self.one.set_value("soil_moisture", np.full(N, -1.0))
        with pytest.raises(StateError):
            self.one.set_state_bytes(b"nothing")

    @invariant()
    def time_is_the_number_of_steps(self) -> None:
        for each in self.both:
            assert each.get_current_time() == self.steps * HOUR

    @invariant()
    def water_is_accounted_for(self) -> None:
        terms = {n: self.one.get_value(n, np.empty(N)) for n in LEAVES}
        residual = sum(sign * terms[name] for name, sign in LEAVES.items())
        scale = 1.0 + sum(np.abs(x) for x in terms.values())
        assert (np.abs(residual) <= 1e-11 * scale).all(), terms

    @invariant()
    def both_are_the_same(self) -> None:
        one, other = (each.state() for each in self.both)
        for name, values in one.items():
            np.testing.assert_array_equal(other[name], values, err_msg=name)

    def teardown(self) -> None:
        for each in self.both:
            each.finalize()


@pytest.mark.parametrize("way", WAYS)
def test_any_order_of_calls(way: str, configure: Any, bundle_of: Any) -> None:
    changes = dict(WAYS[way])
    climate = {"t_mean": 8.0, "pet_mean": 2.4}
    config = configure(
        N,
        bundle=str(bundle_of(changes.pop("spec"))),
        locations={
            "ids": [f"cat-{k}" for k in range(N)],
            "attributes": {**attributes(N), **climate},
        },
        **changes,
    )

    def begin() -> Component:
        component = Component()
        component.initialize(str(config))
        return component

    run_state_machine_as_test(
        lambda: Host(begin),
        settings=settings(max_examples=20, stateful_step_count=20),
    )
