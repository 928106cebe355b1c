"""A forecast is the run up to now, gone on with."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.cli import main
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.run.forecast import ForecastRequest, forecast
from bmi_dmx.run.request import Request

from ..bmi.untrained import attributes
from .conftest import Ask
from .files import read, write_series, write_table

NOW = 30

Forecast = Callable[..., dict[str, Any]]


@pytest.fixture
def foresee(
    ask: Ask, tmp_path: Path, bundle: Path, ids: list[str], series: dict[str, Any]
) -> Forecast:
    """Ask for a forecast from the first days of the weather, and read it."""
    part(tmp_path / "past.nc", series, ids, slice(NOW))

    def asked(
        *members: Path, steps: int | None = None, days: float | None = None,
        **changes: Any,
    ) -> Any:  # fmt: skip
        span = None if days is None else timedelta(days=days)
        settings: dict[str, Any] = {
            "bundle": str(bundle),
            "forcing": tmp_path / "past.nc",
            "attributes": tmp_path / "table.csv",
            "output": tmp_path / "history.nc",
        }
        history = Request(**{**settings, **changes})
        output = tmp_path / "forecast.nc"
        return read(forecast(ForecastRequest(
            history=history, members=members, steps=steps, output=output, span=span
        )))  # fmt: skip

    return asked


def part(path: Path, series: dict[str, Any], ids: list[str], days: slice) -> Path:
    """Write some days of the weather."""
    count = len(next(iter(series.values())))
    some = {name: x[days] for name, x in series.items()}
    return write_series(path, some, ids=ids, times=24.0 * np.arange(count)[days])


def test_with_the_weather_that_came_it_is_the_run_over_all(
    ask: Ask, foresee: Forecast, tmp_path: Path, ids: list[str],
    series: dict[str, Any],
) -> None:  # fmt: skip
    whole = ask()["streamflow"]
    then = part(tmp_path / "then.nc", series, ids, slice(NOW, None))
    forecast = foresee(then)
    assert forecast["member"].tolist() == ["then"]
    np.testing.assert_array_equal(forecast["streamflow"][:, 0], whole[NOW:])
    np.testing.assert_array_equal(read(tmp_path / "history.nc")["streamflow"],
                                  whole[:NOW])  # fmt: skip


def test_what_a_killed_forecast_left_is_removed_by_the_next(
    foresee: Forecast, tmp_path: Path, ids: list[str], series: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    then = part(tmp_path / "then.nc", series, ids, slice(NOW, None))
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr("bmi_dmx.run.forecast._put_together", killed)
            foresee(then)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert [*tmp_path.glob(".forecast.*")]
    foresee(then)
    assert not [*tmp_path.glob(".*")]


def killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_each_member_is_a_run_of_its_own(
    ask: Ask, foresee: Forecast, tmp_path: Path, ids: list[str],
    series: dict[str, Any],
) -> None:  # fmt: skip
    wet = {**series, "precipitation": series["precipitation"] + 20.0}
    members = [
        part(tmp_path / "dry.nc", series, ids, slice(NOW, None)),
        part(tmp_path / "wet.nc", wet, ids, slice(NOW, NOW + 6)),
    ]
    forecast = foresee(*members)
    # As long as the shortest of them.
    assert forecast["streamflow"].shape == (6, 2, 3)
    assert forecast["member"].tolist() == ["dry", "wet"]
    dry, rain = forecast["streamflow"][-1]
    assert (rain > dry + 0.1).all()
    alone = foresee(members[0], steps=6)["streamflow"]
    np.testing.assert_array_equal(foresee(members[0], days=6)["streamflow"], alone)
    np.testing.assert_array_equal(forecast["streamflow"][:, 0], alone[:, 0])


def test_what_the_history_knows_of_places_serves_the_forecast(
    foresee: Forecast, tmp_path: Path, ids: list[str], series: dict[str, Any]
) -> None:
    from ..bmi.untrained import attributes

    then = part(tmp_path / "then.nc", series, ids, slice(NOW, None))
    expected = foresee(then)["streamflow"]
    some = {name: x[:NOW] for name, x in series.items()}
    write_series(tmp_path / "own.nc", some, ids=ids, constants=attributes(3))
    forecast = foresee(then, forcing=tmp_path / "own.nc", attributes=None)
    np.testing.assert_array_equal(forecast["streamflow"], expected)


def test_past_years_are_weather_to_come(
    ask: Ask, foresee: Forecast, tmp_path: Path, ids: list[str],
    series: dict[str, Any],
) -> None:  # fmt: skip
    # Three years up to 10 October 1983, each with another rain in its October.
    days = 3 * 365 + 10
    long = {name: np.resize(x, (days, 3)) for name, x in series.items()}
    for year in range(3):
        long["precipitation"][365 * year : 365 * year + 20] = 5.0 * year
    past = write_series(tmp_path / "years.nc", long, ids=ids)
    forecast = foresee(steps=5, forcing=past)
    assert forecast["member"].tolist() == ["1982", "1981", "1980"]
    state = tmp_path / "now.state"
    ask(forcing=past, save_state=state)
    for at, member in enumerate([1982, 1981, 1980]):
        first = 365 * (member - 1980) + 10
        same = {name: x[first : first + 5] for name, x in long.items()}
        times = 24.0 * (days + np.arange(5))
        path = write_series(tmp_path / "same.nc", same, ids=ids, times=times)
        expected = ask(forcing=path, state=str(state))["streamflow"]
        np.testing.assert_array_equal(forecast["streamflow"][:, at], expected)


def test_weather_of_one_step_is_of_the_length_of_the_history(
    ask: Ask, foresee: Forecast, tmp_path: Path, ids: list[str],
    series: dict[str, Any], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    tomorrow = part(tmp_path / "then.nc", series, ids, slice(NOW, NOW + 1))
    flow = foresee(tomorrow)["streamflow"]
    assert "then.nc: time: one time, taken for a step of 1 d" in caplog.text
    np.testing.assert_array_equal(flow[:, 0], ask()["streamflow"][NOW : NOW + 1])


def test_weather_that_does_not_begin_now_is_refused(
    foresee: Forecast, tmp_path: Path, ids: list[str], series: dict[str, Any]
) -> None:
    late = part(tmp_path / "late.nc", series, ids, slice(NOW + 1, None))
    early = part(tmp_path / "early.nc", series, ids, slice(NOW - 2, None))
    for path, how in ((late, "1 d are between"), (early, "2 d are in both")):
        message = rf"{path.name}: begins at .*, expected 1980-10-31 .* ends: {how}"
        with pytest.raises(DataError, match=message):
            foresee(path)
    # Nothing was run for it.
    assert not (tmp_path / "history.nc").exists()


def test_a_file_that_would_count_twice_is_refused(
    foresee: Forecast, tmp_path: Path, ids: list[str], series: dict[str, Any]
) -> None:
    coming = part(tmp_path / "coming.nc", series, ids, slice(NOW, None))
    other = tmp_path / "other.nc"
    other.symlink_to(coming)
    with pytest.raises(ConfigError, match=r"other\.nc: is the same file as .*coming"):
        foresee(coming, other)


def test_no_more_is_forecast_than_there_is_weather(
    foresee: Forecast, tmp_path: Path, ids: list[str], series: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    long = part(tmp_path / "long.nc", series, ids, slice(NOW, NOW + 6))
    short = part(tmp_path / "short.nc", series, ids, slice(NOW, NOW + 4))
    with pytest.raises(ConfigError, match=r"--steps: found 5, but .*short\.nc has 4"):
        foresee(long, short, steps=5)
    assert len(foresee(long, short)["time"]) == 4
    assert f"4 steps, those of {short}; others have up to 6" in caplog.text


def test_a_year_of_history_is_not_enough_for_past_years(foresee: Forecast) -> None:
    with pytest.raises(ConfigError, match=r"found 1\.5, expected a whole .*, 1 d"):
        foresee(days=1.5)
    with pytest.raises(ConfigError, match="the number of steps is needed"):
        foresee()
    with pytest.raises(DataError, match="no 5 steps of 1 d from 31 October on in a ye"):
        foresee(steps=5)


def test_the_state_of_now_is_come_to_from_the_start_that_the_model_has(
    foresee: Forecast, tmp_path: Path, ids: list[str], series: dict[str, Any]
) -> None:
    then = part(tmp_path / "then.nc", series, ids, slice(NOW, None))
    climate = {"p_mean": np.full(3, 3.0), "t_mean": np.array([4.0, 8.0, 12.0])}
    write_table(tmp_path / "table.csv", ids, {**attributes(3), **climate})
    flow = {
        state: foresee(then, state=state)["streamflow"]
        for state in ("now", "equilibrium", "cold")
    }
    np.testing.assert_array_equal(flow["now"], flow["equilibrium"])
    assert (flow["now"] != flow["cold"]).any()


def test_the_command_draws_what_it_forecasts(
    foresee: Forecast, bundle: Path, tmp_path: Path, ids: list[str],
    series: dict[str, Any], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        part(tmp_path / f"{name}.nc", series, ids, slice(NOW, None))
    status = main([
        "forecast", str(bundle), "past.nc", "a.nc", "b.nc", "c.nc",
        "--attributes", "table.csv", "--picture", "forecast.png",
    ])  # fmt: skip
    assert status == 0
    assert capsys.readouterr().out.split() == ["forecast.nc", "forecast.png"]
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")
