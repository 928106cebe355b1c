"""Missing or absurd forcing is refused, held or filled; it never reaches a store."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component
from bmi_dmx.errors import ConfigError, DataError

from ..bmi.untrained import give, run, weather

FILL = {
    "precipitation": 0.0,
    "air_temperature": 5,
    "air_temperature_min": "hold",
    "air_temperature_max": "raise",
}


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0, 3001.0])
def test_a_bad_value_is_refused_and_nothing_has_happened(
    n: int, bad: float, start: Any
) -> None:
    component, other = start(n, name="a.yaml"), start(n, name="b.yaml")
    forcing = weather(6, n)
    for model in (component, other):
        run(model, forcing, range(4), ())
    forcing["precipitation"][4, n - 1] = bad
    give(component, forcing, 4)
    message = (
        rf"forcing 'precipitation' at 'cat-{n - 1}' is {bad:g} mm d-1 at "
        r"1980-10-05 00:00:00 \(step 4\); expected 0 to 3000"
    )
    for _ in range(2):
        with pytest.raises(DataError, match=message.replace("+", r"\+")):
            component.update()
    assert component.get_current_time() == 4 * 86400.0
    good = weather(6, n)
    for model in (component, other):
        run(model, good, range(4, 6), ())
    assert component.state_bytes() == other.state_bytes()


def test_forcing_that_was_never_set_is_refused(start: Any) -> None:
    with pytest.raises(DataError, match="forcing 'precipitation' at 'cat-0' is nan"):
        start(1).update()


def test_an_hour_may_bring_as_much_rain_as_it_ever_did(start: Any) -> None:
    component = start(1, time_step="hourly")
    give(component, weather(1, 1), 0)
    component.set_value("precipitation", np.array([24.0 * 600.0]))
    component.update()
    component.set_value("precipitation", np.array([24.0 * 700.0]))
    with pytest.raises(DataError, match="expected 0 to 15900"):
        component.update()


@pytest.mark.parametrize("n", [1, 3])
def test_the_last_good_value_is_held(n: int, start: Any) -> None:
    component = start(n, name="a.yaml", forcing_policy="hold")
    other = start(n, name="b.yaml")
    forcing, substitute = weather(9, n), weather(9, n)
    forcing["precipitation"][3:5, 0] = np.nan
    forcing["air_temperature"][5, n - 1] = 99.0
    substitute["precipitation"][3:5, 0] = substitute["precipitation"][2, 0]
    substitute["air_temperature"][5, n - 1] = substitute["air_temperature"][4, n - 1]
    outputs = ("streamflow", "soil_moisture", "precipitation")
    series = run(component, forcing, range(9), outputs)
    expected = run(other, substitute, range(9), outputs)
    for name in outputs:
        np.testing.assert_array_equal(series[name], expected[name])
    counts = {k: component.get_value_ptr(f"repaired_{k}").sum() for k in FILL}
    assert [*counts.values()] == [2.0, 1.0, 0.0, 0.0]


def test_there_is_nothing_to_hold_before_the_first_good_value(start: Any) -> None:
    component = start(2, forcing_policy="hold")
    forcing = weather(1, 2)
    forcing["air_temperature"][0, 1] = np.nan
    give(component, forcing, 0)
    with pytest.raises(DataError, match="forcing 'air_temperature' at 'cat-1' is nan"):
        component.update()


@pytest.mark.parametrize("n", [1, 3])
def test_each_forcing_has_its_own_rule(n: int, start: Any) -> None:
    component = start(n, forcing_policy=FILL)
    forcing = weather(6, n)
    run(component, forcing, range(2), ())
    for name in ("precipitation", "air_temperature", "air_temperature_min"):
        forcing[name][2, n - 1] = np.nan
    give(component, forcing, 2)
    component.update()
    last = {name: component.get_value_ptr(name)[n - 1] for name in FILL}
    assert last["precipitation"] == 0.0
    assert last["air_temperature"] == 5.0
    assert last["air_temperature_min"] == forcing["air_temperature_min"][1, n - 1]
    forcing["air_temperature_max"][3] = np.nan
    give(component, forcing, 3)
    with pytest.raises(DataError, match="forcing 'air_temperature_max'"):
        component.update()


def test_repairs_are_told_once_and_counted_at_the_end(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    component = start(1, forcing_policy={"precipitation": 0.0})
    forcing = weather(5, 1)
    forcing["precipitation"][1:4] = np.nan
    run(component, forcing, range(5), ())
    component.finalize()
    messages = [r.getMessage() for r in caplog.records if r.name.startswith("bmi_dmx")]
    assert messages == [
        "forcing 'precipitation' at 'cat-0' is nan mm d-1 at 1980-10-02 00:00:00 "
        "(step 1); expected 0 to 3000; 0 is used; more of this is said at level DEBUG",
        "cat-0: forcings replaced: precipitation 3",
    ]


def test_a_rule_for_no_forcing_of_the_model_is_refused(configure: Any) -> None:
    path = configure(1, forcing_policy={"precipitaton": 0.0})
    message = "forcing_policy: unknown forcing 'precipitaton'; did you mean 'precip"
    with pytest.raises(ConfigError, match=message):
        Component().initialize(str(path))


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(("units", "hours"), [("model", 24.0), ("ngen", 1.0)])
def test_slightly_negative_potential_evaporation_is_none_and_counted(
    n: int, units: str, hours: float, start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Of data to train with as well: tests/trainer/tasks/basins/data."""
    component = start(
        n, evaporation="given", units=units, forcing_policy="raise",
        time_step="daily" if hours == 24.0 else "hourly",
    )  # fmt: skip
    give(component, weather(1, n), 0, ("precipitation", "air_temperature"))
    name = "potential_evaporation"
    slack = 5.0 * hours / 24.0
    rates = np.full(n, 0.1)
    rates[-1] = -0.9 * slack
    for _ in range(2):
        component.set_value(name, rates)
        component.update()
        assert component.get_value_ptr(name)[-1] == 0.0
    counts = component.get_value_ptr(f"repaired_{name}")
    assert counts.tolist() == [0.0] * (n - 1) + [2.0]
    accepted = component.accepted()[component.get_input_var_names()[-1]]
    assert (accepted.low, accepted.slack) == (0.0, pytest.approx(slack))
    rates[-1] = -1.1 * slack
    component.set_value(name, rates)
    with pytest.raises(DataError, match=f"'{name}' at 'cat-{n - 1}' is -"):
        component.update()
    component.finalize()
    assert f"forcings replaced: {name} 2" in caplog.text
