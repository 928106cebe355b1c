"""The command ``dmx data``: what it says of data, and the table it writes."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from bmi_dmx.cli import main
from bmi_dmx.inspection.lag import LAGS, best_lags, summary
from bmi_dmx.ngen.sample import make_sample
from bmi_dmx.trainer.tasks.basins.data import DataSpec, read
from tests.trainer.tasks.basins.data.spreadsheets import IDS, write_folder


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def dmx(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["data", *words]) == 0
    return capsys.readouterr().out


def test_what_a_folder_of_tables_holds_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_folder(Path("five"))
    output = dmx(capsys, "check", "five", "--picture", "five.png")
    for part in (
        "five: reader 'tables', 5 basins",
        "800 steps of 1 d from 2001-01-01 to 2003-03-11",
        "numbers are written with decimal commas",
        "'1031500' is taken for '01031500'",
        "flow rises best with rain: 5 basins on the same day",
    ):
        assert part in output, output
    assert max(map(len, output.splitlines())) <= 80
    with Image.open("five.png") as picture:
        colours = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)
    assert len(colours) > 50


def test_a_refusal_comes_after_what_was_understood(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_folder(Path("five"), skip=(3,))
    assert main(["data", "check", "five"]) == 1
    out, err = capsys.readouterr()
    assert "five: reader 'tables', 5 basins" in out
    assert "1 of 5 tables lack times" in out.replace("\n    ", " ")
    assert "is missing on 2001-01-04" in err
    assert main(["data", "check", "five", "data.gaps=hold"]) == 0


def test_forcing_and_hydrofabrics_are_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hydrofabric, forcing = make_sample(Path("domain"))
    output = dmx(capsys, "check", str(forcing))
    assert "forcing of 8 catchments, 17544 hours from 1979-01-01 00:00:00" in output
    assert "precip_rate (mm s^-1)" in output
    with closing(sqlite3.connect(hydrofabric)) as connection:
        connection.execute("UPDATE divides SET areasqkm = 0 WHERE divide_id='cat-1458'")
        connection.commit()
    output = dmx(capsys, "check", str(hydrofabric))
    assert "7 catchments, 6 nexuses, reference system 5070" in output
    assert "1 of 8 divides are left out: no area (cat-1458)" in output
    assert main(["data", "check", str(forcing), "--picture", "a.png"]) == 1
    assert "forcing of NextGen is not drawn" in capsys.readouterr().err


def test_the_table_of_attributes_is_what_training_computes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_folder(Path("five"))
    Path("five/stations.csv").rename("places.csv")
    dmx(capsys, "attributes", "five", "places.csv", "--output", "table.csv")
    with open("table.csv", encoding="utf-8", newline="") as file:
        rows = {row.pop("id"): row for row in csv.DictReader(file)}
    Path("places.csv").rename("five/stations.csv")
    data = read(DataSpec(reader="tables", path="five", attributes="portable"))
    assert list(rows) == sorted(IDS)
    for k, name in enumerate(data.ids):
        for title, cell in rows[str(name)].items():
            value = data.attributes[title.partition(" ")[0]][k]
            assert float(cell) == pytest.approx(value, rel=1e-6)


def test_the_table_is_read_where_the_model_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hydrofabric, forcing = make_sample(Path("domain"))
    words = (str(forcing), str(hydrofabric))
    dmx(capsys, "attributes", *words, "--output", "table.csv")
    command = ["ngen", "prepare", str(hydrofabric), str(forcing)]
    assert main([*command, "--output", "plain"]) == 0
    assert main([*command, "--attributes", "table.csv", "--output", "given"]) == 0
    plain, with_table = (
        yaml.safe_load(Path(name, "config/cat_config/dmx/cat-1451.yml").read_text())
        for name in ("plain", "given")
    )
    attributes = plain["locations"]["attributes"]
    assert with_table["locations"]["attributes"] == pytest.approx(attributes, rel=1e-6)


@pytest.mark.parametrize("lag", list(LAGS))
def test_a_lag_that_was_put_in_is_found(lag: int) -> None:
    rng = np.random.default_rng(0)
    rain = rng.gamma(0.3, 10.0, (1500, 3))
    store, flow = np.full(3, 10.0), np.empty_like(rain)
    for day in range(len(rain)):
        store = 0.9 * store + rain[day]
        flow[day] = 0.1 * store
    moved = np.roll(flow, lag, axis=0)
    moved[rng.random(moved.shape) < 0.2] = np.nan
    assert best_lags(rain, moved).tolist() == [lag] * 3


def test_what_seems_moved_is_said() -> None:
    late = summary(np.array([-1.0, -1.0, 0.0]), "day")
    assert "data.shift.precipitation=-1 moves it" in late[1]
    early = summary(np.array([2.0, 2.0, 1.0]), "day")
    assert "data.shift.precipitation=1 moves it" in early[1]
    assert len(summary(np.array([0.0, 1.0, np.nan]), "day")) == 1
    assert summary(np.array([np.nan]), "day") == []
    assert np.isnan(best_lags(np.ones((50, 1)), np.ones((50, 1)))).all()


def test_a_bundle_is_scored_on_a_folder_of_tables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_folder(Path("five"), 900)
    words = ["evaluate", "dhbv-conus-daily", "--data", "five", "--output", "scores"]
    assert main(words) == 0
    output = capsys.readouterr().out
    assert "all (5)" in output
    assert "bundle better" in output
    with open("scores/scores.csv", encoding="utf-8", newline="") as file:
        rows = {row["basin_id"]: float(row["nse"]) for row in csv.DictReader(file)}
    assert sorted(rows) == sorted(IDS)
    assert all(np.isfinite(list(rows.values())))
