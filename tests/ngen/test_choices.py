"""Settings of the component that are chosen when a folder is prepared."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import yaml

from bmi_dmx.cli import main

RUNOFF = "land_surface_water__runoff_depth"
FIRST = Path("run/config/cat_config/dmx/cat-1451.yml")


@pytest.fixture
def command(sample, bundle):
    """Run a command over two days of two catchments; return how it ended."""
    hydrofabric, forcing = map(str, sample)

    def call(name: str, *options: str) -> int:
        line = ["ngen", "prepare", hydrofabric, forcing, "--output", "run"]
        if name == "simulate":
            line = ["simulate", "--hydrofabric", hydrofabric, "--forcing", forcing]
            line += ["--output", "all.nc"]
        line += ["--bundle", str(bundle), "--catchments", "cat-1451", "cat-1453"]
        line += ["--start", "1979-03-01", "--end", "1979-03-03 23:00"]
        return main([*line, *options])

    return call


def test_what_is_chosen_is_written_into_every_configuration(command):
    options = ["--mode", "daily", "--day-start-hour", "6"]
    options += ["--forcing-policy", "precipitation=0", "air_temperature=hold"]
    assert command("prepare", *options) == 0
    for path in FIRST.parent.iterdir():
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert content["mode"] == "daily"
        assert content["day_start_hour"] == 6
        assert content["forcing_policy"] == {
            "precipitation": 0.0, "air_temperature": "hold",
        }  # fmt: skip
    assert main(["ngen", "check", "run"]) == 0


def test_what_is_not_chosen_is_not_written(command):
    assert command("prepare") == 0
    content = yaml.safe_load(FIRST.read_text(encoding="utf-8"))
    assert not {"mode", "day_start_hour", "forcing_policy"} & set(content)


def test_a_simulation_by_days_is_the_run_by_days(command):
    options = ["--mode", "daily", "--day-start-hour", "6", "--forcing-policy", "hold"]
    assert command("prepare", *options) == 0
    assert command("simulate", *options) == 0
    assert main(["ngen", "run", "run"]) == 0
    with netCDF4.Dataset("all.nc") as file:
        depth = file[RUNOFF][:, 0].filled()
    path = "run/outputs/ngen/cat-1451.csv"
    alone = np.loadtxt(path, delimiter=",", skiprows=1, usecols=2)
    np.testing.assert_allclose(alone, depth, rtol=1e-6)
    # A day's runoff is given out evenly, from the last hour before six on.
    assert np.ptp(depth[29:53]) == 0.0
    assert depth[28] != depth[29]


@pytest.mark.parametrize("name", ["prepare", "simulate"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--forcing-policy", "keep"], "--forcing-policy: found 'keep', expected"),
        (["--forcing-policy", "precipitation=no"], "found 'precipitation=no', exp"),
        (["--forcing-policy", "rain=0"], "forcing_policy: unknown forcing 'rain'"),
        (["--forcing-policy", "precipitation=-1"], "precipitation: found -1, expected"),
        (["--day-start-hour", "24"], "day_start_hour: expected 0 to 23, found 24"),
    ],
)
def test_a_wrong_choice_is_told(command, capsys, name, options, message):
    assert command(name, *options) == 1
    error = capsys.readouterr().err
    assert message in error
    assert ".yml" not in error
    assert not Path("run").exists()
    assert not Path("all.nc").exists()
