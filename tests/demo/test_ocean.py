"""What `dmx demo ocean` writes: a sea, a model that learned from it, a forecast."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from bmi_dmx.demo.ocean import ocean_demo
from bmi_dmx.models.ocean.made_sea import COLUMNS, ROWS, made_sea


def test_the_made_sea_is_the_same_every_time(tmp_path: Path) -> None:
    with netCDF4.Dataset(made_sea(tmp_path / "a.nc")) as file:
        sst = file["sst"][:].filled(np.nan)
        assert "no measurement" in file.title
    with netCDF4.Dataset(made_sea(tmp_path / "b.nc")) as file:
        np.testing.assert_array_equal(file["sst"][:].filled(np.nan), sst)
    assert sst.shape == (480, ROWS, COLUMNS)
    assert (np.isnan(sst) == np.isnan(sst[0])).all()
    assert np.nanmin(sst) > -5.0
    assert np.nanmax(sst) < 45.0


@pytest.mark.slow
def test_the_demonstration_ends_in_a_forecast(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["training.steps=4", "training.validate_every=2"]
    path = ocean_demo(tmp_path, few)
    shown = capsys.readouterr()
    assert "lim15" in shown.out
    assert "5/5" in shown.err
    with netCDF4.Dataset(path) as file:
        assert file["temperature"].shape == (12, ROWS, COLUMNS)
        assert np.isfinite(file["anomaly"][:]).all()
    expected = {"made_sea.nc", "training", "test", "bundle", "forecast.nc",
                "global_ocean.png"}  # fmt: skip
    assert expected <= {f.name for f in tmp_path.iterdir()}
