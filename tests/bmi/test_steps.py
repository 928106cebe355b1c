"""Lengths of steps as a configuration says them."""

from __future__ import annotations

from typing import Any

import pytest

from bmi_dmx import Component
from bmi_dmx.bmi.steps import step_length
from bmi_dmx.errors import ConfigError

from .untrained import static

WORDS = {"daily": 86400.0, "hourly": 3600.0}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("daily", 86400.0), (3600, 3600.0), (0.5, 0.5), ("3 h", 10800.0),
        ("3h", 10800.0), (" 15 min ", 900.0), ("1.5 d", 129600.0), ("90 s", 90.0),
        ("1e3 s", 1000.0),
    ],
)  # fmt: skip
def test_a_length_is_a_number_a_word_or_a_number_with_its_unit(
    text: str | float, seconds: float
) -> None:
    assert step_length("mode", text, WORDS) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("houry", "mode: unknown value 'houry'; did you mean 'hourly'"),
        ("3", "mode: unknown value '3'"),
        ("3 w", "mode: unknown value '3 w'.* or a number of seconds, or with a unit"),
        ("3 1", "mode: unknown value '3 1'"),
        ("1.2.3 h", "mode: found '1.2.3 h', expected a number and a unit"),
        ("0 h", "mode: found '0 h', expected a time above 0"),
        (-60, "mode: found -60, expected a time above 0"),
        (float("inf"), "mode: found inf, expected a time above 0"),
        (float("nan"), "mode: found nan, expected a time above 0"),
    ],
)
def test_what_is_no_length_is_refused(text: str | float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        step_length("mode", text, WORDS)


def test_words_are_those_of_the_system() -> None:
    with pytest.raises(ConfigError, match="time_step: unknown value 'daily'; or a num"):
        step_length("time_step", "daily", {})


@pytest.mark.parametrize("text", ["hourly", "1 h", "60 min", 3600])
def test_components_understand_them(text: str | float, start: Any) -> None:
    component = start(1, time_step=text)
    assert component.get_time_step() == 3600.0


@pytest.mark.parametrize("text", ["3 h", 10800, "180 min"])
def test_days_are_made_of_three_hours_too(text: str | float, start: Any) -> None:
    component = start(1, time_step=text, mode="daily")
    assert component.get_time_step() == 10800.0
    assert type(component.get_current_time()) is float
    for name in ("precipitation", "air_temperature"):
        component.get_value_ptr(name)[:] = 8.0
    component.update_until(86400.0)
    assert component.get_value_ptr("precipitation") == 8.0
    assert component.get_value_ptr("mass_in") == pytest.approx(8.0, rel=1e-14)


def test_the_step_is_that_of_the_training_unless_said(
    configure: Any, bundle_of: Any
) -> None:
    hourly = str(bundle_of(static(time_step="hourly")))
    component = Component()
    component.initialize(str(configure(1, bundle=hourly, time_step=None)))
    assert component.get_time_step() == 3600.0


def test_steps_the_model_does_not_know_are_refused(configure: Any) -> None:
    path = configure(1, time_step="5 h")
    message = "time_step: model 'untrained' runs at steps of 1 d or 1 h and cannot run"
    with pytest.raises(ConfigError, match=message):
        Component().initialize(str(path))
