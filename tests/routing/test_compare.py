"""``dmx route --compare``: learned channels beside those of the file and the sum."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.cli import main
from tests.models.rivers.small_river import IDS, weather, write_tree

from .rivers import DAY, flow, write_inflow


def observed(tree: Path, values: Any, seconds: float, name: str = "gauge_flow") -> None:
    """Write what was seen at reaches into the file of a tree."""
    with netCDF4.Dataset(tree, "a") as file:
        file.createDimension("time", len(values))
        time = file.createVariable("time", "f8", ("time",))
        time.units = "seconds since 2000-01-01"
        time[:] = seconds * np.arange(len(values))
        variable = file.createVariable(name, "f8", ("time", "reach"))
        variable.units = "m3 s-1"
        variable[:] = values


def compared(folder: Path, *words: str) -> int:
    tree, inflow = str(folder / "tree.nc"), str(folder / "in.nc")
    output = ["--output", str(folder / "out.nc"), "--at", "all", "--compare"]
    return main(["route", inflow, tree, *output, *words])


def scores(folder: Path) -> list[dict[str, str]]:
    with open(folder / "out-compared" / "scores.csv", encoding="utf-8") as text:
        return list(csv.DictReader(text))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tree(tmp_path / "tree.nc")
    write_inflow(tmp_path / "in.nc", weather(24 * 12))
    return tmp_path


def test_the_truth_is_found_by_what_made_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--bundle", "rivers-plain", "--daily-mean", "--warmup", "0"]
    tree, inflow = str(folder / "tree.nc"), str(folder / "in.nc")
    options = ["--output", str(folder / "made.nc"), "--at", "all"]
    assert main(["route", inflow, tree, *options, *words]) == 0
    observed(folder / "tree.nc", flow(folder / "made.nc"), DAY)
    capsys.readouterr()
    assert compared(folder, *words) == 0
    text = capsys.readouterr().out
    assert "against observed" in text
    for name in ("rivers-plain", "sum of the inflow", "channels of the file"):
        assert name in text
    rows = scores(folder)
    assert [row["place"] for row in rows] == list(IDS)
    for row in rows:
        assert float(row["nse of rivers-plain"]) == pytest.approx(1.0)
        assert float(row["nse of sum of the inflow"]) < 0.99
        assert float(row["nse of channels of the file"]) < 1.0
    assert (folder / "out-compared" / "flow.png").stat().st_size > 1000
    assert flow(folder / "out-compared" / "given.nc").shape == (12, 5)


def test_the_sum_is_that_of_all_reaches_above(folder: Path) -> None:
    inflow = weather(24 * 12)
    above = {"wb-1": ("wb-1", "wb-3", "wb-4"), "wb-9": IDS, "wb-3": ("wb-3",)}
    total = np.full((len(inflow), 5), np.nan)
    for name, others in above.items():
        at = [IDS.index(other) for other in others]
        total[:, IDS.index(name)] = inflow[:, at].sum(axis=1)
    days = total.reshape(12, 24, 5).mean(axis=1)
    observed(folder / "tree.nc", days, DAY)
    assert compared(folder, "--daily-mean", "--warmup", "0") == 0
    for row in scores(folder):
        if row["place"] in above:
            assert float(row["nse of sum of the inflow"]) == pytest.approx(1.0)


def test_local_days_meet_observations_of_their_name(folder: Path) -> None:
    inflow = weather(24 * 12)
    days = inflow[5:-19].reshape(11, 24, 5).mean(axis=1)
    observed(folder / "tree.nc", days, DAY)
    words = ["--daily-mean", "--warmup", "0", "--utc-offset", "-5"]
    assert compared(folder, *words) == 0
    tops = [row for row in scores(folder) if row["place"] in ("wb-3", "wb-4", "wb-5")]
    for row in tops:
        assert float(row["nse of sum of the inflow"]) == pytest.approx(1.0)


def test_without_observations_the_channels_of_the_file_are_what_is_met(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(folder) == 0
    assert "against channels of the file" in capsys.readouterr().out


def test_a_file_that_says_nothing_to_compare_with(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tree(folder / "tree.nc", without=["n"])
    assert compared(folder) == 1
    error = capsys.readouterr().err
    assert "--compare:" in error
    assert "says neither what was observed" in error
    assert not (folder / "out-compared").exists()
    # What was asked for first is there.
    assert np.isfinite(flow(folder / "out.nc")).all()
