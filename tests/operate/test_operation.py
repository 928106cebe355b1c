"""How a bundle may be run, and how it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bundle import Bundle, load_bundle
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.operate.operation import Operation, step_text

from ..bmi.untrained import dynamic
from .models import DAY, HOUR, SHARES, TANK, run, running, saved, series

SWING = {"swing": {"process": "swing"}}
TARIFF = {"tariff": {"process": "tariff"}}


@pytest.fixture(scope="module")
def tank(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("tank")
    steps = [3 * HOUR, 5 * HOUR, 36 * HOUR]
    return saved(folder, {"shares": SHARES, "tank": TANK}, steps=steps)


WRONG: dict[str, tuple[tuple[Any, ...], str]] = {
    "step": (
        (2 * HOUR, 2 * HOUR),
        "time_step: model 'bundle' runs at steps of 1 h or 3 h or .* cannot run at 2 h",
    ),
    "mode": ((HOUR, 4 * HOUR), "mode: model 'bundle' .* cannot run at 4 h"),
    "division": (
        (2 * HOUR, 3 * HOUR),
        "mode: steps of 3 h of the physics are not made of steps of 2 h of the host",
    ),
    "longer": ((3 * HOUR, HOUR), "mode: steps of 1 h of the physics are not made of"),
    "day": (
        (HOUR, 5 * HOUR),
        "mode: steps are gathered for 5 h, expected a whole part of a day, or a day",
    ),
    "days": ((HOUR, 36 * HOUR), "mode: steps are gathered for 36 h, expected a whole"),
    "units": ((HOUR, HOUR, {}, "gram"), "units: unknown 'gram'; did you mean 'grams'"),
    "part": ((HOUR, HOUR, {"tank": "x"}), "parts: nothing can be chosen for 'tank'"),
}


@pytest.mark.parametrize(("how", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_run_is_refused(
    how: tuple[Any, ...], message: str, tank: Bundle
) -> None:
    with pytest.raises(ConfigError, match=message):
        Operation(tank, *how)


def test_a_choice_that_does_not_exist_is_refused() -> None:
    bundle = load_bundle("dhbv-conus-daily")
    for choices, message in (
        ({"evaporation": "hargreave"}, "evaporation: unknown .*mean 'hargreaves'"),
        ({"evaporatio": "oudin"}, "chosen for 'evaporatio'; did you mean 'evaporation"),
    ):
        with pytest.raises(ConfigError, match=message):
            Operation(bundle, DAY, DAY, choices)
    Operation(bundle, DAY, DAY, {"evaporation": "bundle"})


def test_networks_cannot_lag_behind_physics_that_waits(bundle_of: Any) -> None:
    bundle = load_bundle(bundle_of(dynamic()))
    assert Operation(bundle, HOUR, HOUR).lags
    assert Operation(bundle, HOUR, DAY).waits
    message = "mode: networks of model 'untrained' step every 1 d, which cannot be seen"
    with pytest.raises(ConfigError, match=message):
        Operation(bundle, HOUR / 2, HOUR)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(86400.0, "1 d"), (172800.0, "2 d"), (10800.0, "3 h"), (5400.0, "90 min"),
     (90.0, "90 s"), (0.05, "0.05 s")],
)  # fmt: skip
def test_steps_are_written_as_people_do(seconds: float, text: str) -> None:
    assert step_text(seconds) == text


def test_physics_of_three_hours_waits_for_hours(tank: Bundle) -> None:
    """What it answers at the end of three hours is that of their mean."""
    late = running(Operation(tank, HOUR, 3 * HOUR))
    whole = running(Operation(tank, 3 * HOUR, 3 * HOUR))
    hours = series(30)
    means = {n: x.reshape(10, 3, -1).mean(axis=1) for n, x in hours.items()}
    outputs = run(late, hours, range(30))
    expected = run(whole, means, range(10))
    for name, values in outputs.items():
        np.testing.assert_allclose(values[2::3], expected[name], rtol=1e-13)
    for runner in (late, whole):
        runner.storage.close_balance()
    np.testing.assert_allclose(
        late.storage.balance["goods_in"], hours["supply"].sum(axis=0), rtol=1e-13
    )


@pytest.mark.parametrize("seconds", [HOUR, 3 * HOUR])
def test_extremes_are_found_in_shorter_steps(seconds: float, tmp_path: Path) -> None:
    bundle = saved(tmp_path, SWING, seconds=DAY)
    assert {f.name for f in Operation(bundle, DAY, DAY).forcings} == {
        "coldest", "warmest",
    }  # fmt: skip
    operation = Operation(bundle, seconds, DAY)
    (forcing,) = operation.forcings
    assert (forcing.name, forcing.units) == ("temperature", "degC")
    per_day = round(DAY / seconds)
    temperature = series(3 * per_day)
    outputs = run(running(operation), temperature, range(3 * per_day))
    days = temperature["temperature"].reshape(3, per_day, -1)
    expected = days.max(axis=1) - days.min(axis=1)
    np.testing.assert_array_equal(outputs["range"][per_day - 1 :: per_day], expected)


def test_attributes_are_those_of_the_declaration(tmp_path: Path) -> None:
    operation = Operation(saved(tmp_path, TARIFF), HOUR, HOUR)
    assert [a.name for a in operation.attributes] == ["height", "width"]
    assert operation.required == ("height",)
    assert operation.understood["height"].bounds == (0.0, 100.0)


def test_what_follows_from_an_attribute_that_is_lacking_is_not_told(
    tmp_path: Path,
) -> None:
    runner = running(Operation(saved(tmp_path, TARIFF), HOUR, HOUR))
    runner.parameters.set_attribute("width", np.full(3, np.nan), np.arange(3))
    outputs = run(runner, series(2), range(2))
    heights = runner.parameters.attribute["height"]
    np.testing.assert_allclose(outputs["pressure"], series(2)["supply"] * heights)
    with pytest.raises(DataError, match="attribute 'width' at 'place 0' is nan"):
        runner.check_attribute("width")
    runner.parameters.set_attribute("height", np.full(3, np.nan), np.arange(3))
    with pytest.raises(DataError, match="attribute 'height' at 'place 0' is nan"):
        runner.advance()
    runner.parameters.set_attribute("height", np.full(3, 400.0), np.arange(3))
    with pytest.raises(DataError, match=r"'height' at 'place 0' is 400; .* 0 to 100"):
        runner.advance()
