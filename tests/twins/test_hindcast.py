"""Hindcasts know of the future nothing but the weather."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import config
from bmi_dmx.assimilation.operation.settings import AssimilationSettings
from bmi_dmx.cli import main
from bmi_dmx.config import as_yaml
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec
from bmi_dmx.twins import hindcast
from bmi_dmx.twins.held_out_gauges import HeldOutGauges
from bmi_dmx.twins.hindcast import Hindcast, Leads, hindcast_of, hindcasts
from bmi_dmx.twins.hindcast_pictures import draw


def settings(**changes: Any) -> dict[str, Any]:
    """Return a hindcast of two basins of the shipped sample; changes replace keys."""
    return {
        "bundle": "dhbv-conus-daily",
        "data": {
            "reader": "delaware", "attributes": "both",
            "basins": ["01423000", "01413500"],
        },
        "begin": "1979-01-01",
        "learned": ["1979-01-01", "1979-12-31"],
        "scored": ["1980-01-01", "1980-01-31"],
        "leads": 4,
        "assimilation": {
            "members": 6,
            "observed": {"streamflow": {"error": {"relative": 0.2, "absolute": 0.1}}},
            "perturbations": {
                "forcing": {"precipitation": {"kind": "lognormal", "std": 0.4}}
            },
        },
        **changes,
    }  # fmt: skip


def days(**changes: Any) -> Hindcast:
    """Return the settings as data."""
    return convert(settings(**changes), Hindcast)


def leads_of(settings: Hindcast) -> Leads:
    """Return the forecasts of a hindcast."""
    return hindcast_of(settings).leads


def test_paths_of_data_start_from_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "delaware.yaml"
    text = as_yaml(settings(data={"reader": "basins", "path": "lost.nc"}))
    path.write_text(text, encoding="utf-8")
    assert main(["da", "hindcast", str(path)]) == 1
    assert f"nothing found at {tmp_path}/lost.nc" in capsys.readouterr().err


def test_all_methods_are_scored_by_lead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "delaware.yaml"
    path.write_text(as_yaml(settings()), encoding="utf-8")
    assert main(["da", "hindcast", str(path), "--json", str(tmp_path / "s.json")]) == 0
    shown = capsys.readouterr().out
    for name in ("persistence", "damped anomaly", "open loop", "AR(1)", "filter"):
        assert name in shown
    assert "2 basins, 1980-01-01 to 1980-01-31" in shown
    assert (tmp_path / "s.json").is_file()


def test_what_comes_after_a_forecast_was_made_does_not_change_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leads = leads_of(days())
    real, late = hindcast.read, np.datetime64("1980-01-20")

    def poisoned(spec: DataSpec) -> Any:
        data = real(spec)
        data.target[data.time.astype("datetime64[D]") >= late] = 77.0
        return data

    monkeypatch.setattr(hindcast, "read", poisoned)
    other = leads_of(days())
    first = int((late - np.datetime64("1980-01-01")).astype(int))
    for name, forecast in leads.forecast.items():
        for lead in range(4):
            # The first day that knows of the first poisoned one.
            until = first + lead + 1
            np.testing.assert_array_equal(
                forecast[lead, :until], other.forecast[name][lead, :until], err_msg=name
            )
    assert not np.allclose(
        leads.forecast["filter"][0, first + 1], other.forecast["filter"][0, first + 1]
    )


def test_forecasts_without_a_filter_are_those_of_the_open_loop() -> None:
    block = settings()["assimilation"]
    leads = leads_of(days(assimilation={"members": 3, "filter": {"name": "none"},
                                        "observed": block["observed"]}))  # fmt: skip
    np.testing.assert_array_equal(leads.forecast["filter"], leads.forecast["open loop"])
    scores = leads.efficiency()
    observed = leads.observed[0]
    expected = 1 - ((leads.forecast["open loop"][0] - observed) ** 2).sum(0) / (
        (observed - observed.mean(0)) ** 2
    ).sum(0)
    np.testing.assert_allclose(scores["open loop"][0], expected)


def test_gaps_are_those_of_the_method_alone() -> None:
    run = hindcast_of(
        days(
            methods={"all": {}, "none": {"gaps": 0.999}, "other": {
                "assimilation": {"filter": {"name": "none"}}}},
        )
    )  # fmt: skip
    forecast = run.leads.forecast
    assert "AR(1), 100% missing" in forecast
    np.testing.assert_allclose(
        forecast["other"], forecast["open loop"], rtol=0.2, atol=0.05
    )
    few, many = (
        np.abs(forecast[name][0] - forecast["open loop"][0]).mean()
        for name in ("none", "all")
    )
    assert few < 0.2 * many


def test_a_filter_may_start_late() -> None:
    run = hindcast_of(days(spin_up=10))
    flow = run.corrected["filter"].flow
    first = run.scored.start - 10
    assert np.isnan(flow[:first]).all()
    assert np.isfinite(flow[first:]).all()
    with pytest.raises(ConfigError, match="spin_up"):
        days(spin_up=5000)


def test_pictures_are_drawn(tmp_path: Path) -> None:
    files = list(draw(tmp_path, hindcast_of(days())))
    assert [file.name for file in files] == ["scores.png", "forecasts.png"]
    assert all(file.stat().st_size > 20_000 for file in files)


def test_basins_without_observations_are_left_out_of_medians() -> None:
    observed = np.array([[1.0, np.nan, 5.0], [2.0, np.nan, 5.0], [4.0, np.nan, 5.0]])
    leads = Leads(observed[None], {"exact": observed[None], "one": 0 * observed[None]})
    scores = leads.efficiency()
    assert np.isnan(scores["exact"][0, 1:]).all()
    assert hindcast.medians(scores)["exact"].tolist() == [1.0]
    assert hindcast.medians(scores)["one"].tolist() == [scores["one"][0, 0]]


@pytest.mark.parametrize(
    ("flow", "why"),
    [(np.nan, "no basin has observations"), (1.0, "never change at any of the 2")],
)
def test_days_without_observations_are_refused_before_anything_is_run(
    monkeypatch: pytest.MonkeyPatch, flow: float, why: str
) -> None:
    def without(spec: DataSpec) -> Any:
        data = read(spec)
        data.target[365:] = flow
        return data

    monkeypatch.setattr(hindcast, "read", without)
    monkeypatch.setattr(hindcast, "alone", None)
    with pytest.raises(DataError, match=f"scored: .*{why}.* from 1980-01-01 to"):
        hindcast_of(days())


def test_hindcasts_of_the_package_are_understood() -> None:
    paths = hindcasts()
    assert {"camels", "delaware", "rivers_delaware", "rivers_juniata"} <= set(paths)
    for name, path in paths.items():
        kind = HeldOutGauges if name.startswith("rivers_") else Hindcast
        settings = config.load(path, kind)
        convert(settings.assimilation, AssimilationSettings)


def test_days_that_do_not_follow_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected days that follow each other"):
        days(scored=["1979-12-01", "1980-01-01"])
    with pytest.raises(ConfigError, match=r"learned: .* expected a year or more"):
        days(learned=["1979-03-01", "1979-12-31"])
    assert days().scored[0] == date(1980, 1, 1)
