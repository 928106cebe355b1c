"""A check reads all the forcing of a run."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import pytest

from bmi_dmx.errors import DataError

from .checks import (
    change_catchments,
    change_forcing,
    change_realization,
    checked,
    prepared,
    ran,
)

RAIN = "atmosphere_water__liquid_equivalent_precipitation_rate"


@pytest.fixture
def folder(sample, bundle, somewhere, monkeypatch) -> Path:
    """A run folder, which is the current folder."""
    prepared(sample, bundle, Path("run"))
    monkeypatch.chdir("run")
    return somewhere / "run"


@pytest.mark.parametrize("block", [3 * 7, 2**20])
def test_absurd_values_in_the_middle_of_a_run_are_found(folder, block, monkeypatch):
    monkeypatch.setattr("bmi_dmx.ngen.check_forcing._BLOCK", block)
    change_forcing("precip_rate", 1, 30, -1e-4)
    (finding,) = checked()
    assert finding.level == "error"
    assert (
        f"forcings/forcings.nc: '{RAIN}' of 'cat-1453' is -0.36 mm h-1 at 1979-03-02 "
        "06:00:00, expected 0 to 663, the first of 1: the run would stop"
    ) in finding.problem
    assert "forcing_policy" in finding.cure
    with pytest.raises(DataError, match=r"step 30 .* at cat-1453"):
        ran()


def test_values_that_will_be_replaced_are_warned_of(folder):
    change_forcing("precip_rate", 1, 30, -1e-4)
    change_forcing("TMP_2maboveground", 1, 40, 900.0)
    policy = {"precipitation": 0.0, "air_temperature": "hold"}
    change_catchments("cat-1453", forcing_policy=policy)
    findings = checked()
    assert [f.level for f in findings] == ["warning", "warning"]
    problems = " ".join(f.problem for f in findings)
    assert "'cat-1453' is -0.36 mm h-1" in problems
    assert "0 will be used" in problems
    assert "the last good value will be used" in problems
    assert ran().steps == 48


def test_nothing_can_be_held_before_there_was_a_good_value(folder):
    change_forcing("TMP_2maboveground", 1, 0, 900.0)
    change_catchments("cat-1453", forcing_policy="hold")
    (finding,) = checked()
    assert finding.level == "error"
    assert "there is nothing to hold yet" in finding.problem


def test_each_catchment_has_a_rule_of_its_own(folder):
    for k in (0, 1):
        change_forcing("precip_rate", k, 5, float("nan"))
    change_catchments("cat-1453", forcing_policy="hold")
    levels = {f.problem.split("'")[3]: f.level for f in checked()}
    assert levels == {"cat-1451": "error", "cat-1453": "warning"}


def test_units_that_are_not_given_are_warned_of(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["TMP_2maboveground"].delncattr("units")
    (finding,) = checked()
    assert finding.level == "warning"
    assert "units assumed, for none are given: TMP_2maboveground (K)" in finding.problem


def test_units_that_cannot_be_the_assumed_ones_are_an_error(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["TMP_2maboveground"].delncattr("units")
        file["TMP_2maboveground"][:] = file["TMP_2maboveground"][:] - 273.15
    findings = [f for f in checked() if "no units are given" in f.problem]
    assert [f.level for f in findings] == ["error"]


def test_hours_of_the_forcing_between_those_of_the_run_are_found(folder):
    change_realization(
        lambda c: c["time"].update(
            start_time="1979-03-01 00:30:00", end_time="1979-03-02 12:30:00"
        )
    )
    finding = checked()[0]
    assert "hours of the forcing begin at 1979-03-01 00:00:00" in finding.problem
