"""Land and river together: by the driver, at once, restored, and accounted for."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch
import yaml

from bmi_dmx import DeltaHbv, MuskingumCunge, load_bundle, scan
from bmi_dmx.cli import main
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.rivers.formats import read_river
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.driver import run
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.netcdf_forcing import NetcdfForcing
from bmi_dmx.ngen.prepare import prepare
from bmi_dmx.ngen.realization_file import read_realization

START, END = datetime(1980, 3, 15), datetime(1980, 3, 18, 23)
HOURS, DAYS = 96, 40
FLOW = "land_surface_water_source__volume_flow_rate"
SOURCES = "land_surface_water_source__id"
RUNOFF = "land_surface_water__runoff_depth"
SERIES = ("precipitation", "air_temperature", "air_temperature_min",
          "air_temperature_max")  # fmt: skip


@pytest.fixture(scope="module")
def made(sample: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of the sample; its hydrofabric has channels."""
    folder = tmp_path_factory.mktemp("river") / "run"
    with open_domain(*sample, start=START, end=END) as domain:
        prepare(domain, "dhbv-conus-daily", folder)
    return folder


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run folder as the current folder."""
    monkeypatch.chdir(made)
    return made


def river_file(folder: Path, tree: Path, **changes: Any) -> Path:
    """Write the configuration of a river."""
    settings = {
        "start_time": "1980-03-15", "tree": str(tree), "parameters": "tree",
        "bundle": "rivers-plain", **changes,
    }  # fmt: skip
    path = folder / "river.yaml"
    path.write_text(as_yaml(settings), encoding="utf-8")
    return path


def routed(config: Path) -> Any:
    """Run the run folder, which is the current folder, with a river."""
    realization = read_realization(Path("config/realization.json"))
    return run(realization, read_hydrofabric(Path("config/sample.gpkg")), route=config)


def runoff_of(folder: Path, ids: Any) -> Any:
    """Return what catchments yielded, m, (hour, catchment)."""
    columns = (
        np.loadtxt(folder / f"{name}.csv", delimiter=",", skiprows=1, usecols=2)
        for name in ids
    )
    return np.stack(list(columns), axis=1)


def areas_of(path: Path) -> dict[str, float]:
    return {n: c.area_km2 for n, c in read_hydrofabric(path).catchments.items()}


def test_a_river_runs_after_all_catchments_of_a_step(
    here: Path, tmp_path: Path
) -> None:
    fabric = Path("config/sample.gpkg").resolve()
    report = routed(river_file(tmp_path, fabric))
    area = areas_of(fabric)
    depth = runoff_of(report.folder, area)
    flow = depth * np.array(list(area.values())) * 1e6 / 3600.0
    alone = MuskingumCunge()
    alone.initialize(str(tmp_path / "river.yaml"))
    alone.set_value(SOURCES, list(area))
    with netCDF4.Dataset(report.river.path) as file:
        assert file["reach_id"][:].tolist() == list(alone.runner.ids)
        assert file["time"].size == HOURS
        discharge = file["discharge"][:].filled()
    for row, expected in zip(flow, discharge, strict=True):
        alone.set_value(FLOW, row)
        alone.update()
        # Depths were written with nine digits, which a drying reach makes fewer.
        np.testing.assert_allclose(
            alone.get_value_ptr("discharge"), expected, rtol=1e-7, atol=1e-9
        )
    assert report.river.reaches == 8
    assert report.river.residual <= 1e-12 * report.river.entered


def test_it_may_be_fed_with_the_flow_at_nexuses(here: Path, tmp_path: Path) -> None:
    fabric = Path("config/sample.gpkg").resolve()
    report = routed(river_file(tmp_path, fabric, sources="nex-"))
    area = areas_of(fabric)
    depth = runoff_of(report.folder, area)
    volume = (depth @ np.array(list(area.values()))).sum() * 1e6
    river = MuskingumCunge()
    river.initialize(str(tmp_path / "river.yaml"))
    below = {c.toid for c in read_hydrofabric(fabric).catchments.values()}
    assert len(below) == 6  # of eight catchments
    assert any(name.startswith("tnx-") for name in below)
    flow = {
        name: np.loadtxt(report.folder / f"{name}_output.csv", delimiter=",", usecols=2)
        for name in below
    }
    river.set_value(SOURCES, list(flow))
    for row in np.stack(list(flow.values()), axis=1):
        river.set_value(FLOW, row)
        river.update()
    with netCDF4.Dataset(report.river.path) as file:
        last = file["discharge"][-1].filled()
    np.testing.assert_allclose(river.get_value_ptr("discharge"), last, rtol=1e-5)
    total = 3600.0 * sum(series.sum() for series in flow.values())
    np.testing.assert_allclose(total, volume, rtol=1e-5)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another start": ({"start_time": "1980-03-16"}, "start_time: found 1980-03-16"),
    "steps that do not fit": (
        {"time_step": 86400}, r"ngen_dt: found .* a multiple of the time_step of 86400",
    ),
    "a part of the tree": ({"outlets": ["wb-1451"]}, r"'cat-14.*' is no name of a so"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_river_that_does_not_fit_is_refused_before_anything_is_written(
    here: Path, tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, message = WRONG[what]
    config = river_file(tmp_path, Path("config/sample.gpkg").resolve(), **changes)
    with pytest.raises(ConfigError, match=message):
        routed(config)
    command = ["ngen", "check", str(here), "--route", str(config), "--catchments",
              "cat-1451", "cat-1455"]  # fmt: skip
    if what != "a part of the tree":
        assert main(command) == 1
        assert "correct the configuration of the river" in capsys.readouterr().out


def test_a_river_that_fails_says_when(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = river_file(tmp_path, Path("config/sample.gpkg").resolve())

    def fail(self: MuskingumCunge) -> None:
        raise DataError("no water")

    monkeypatch.setattr(MuskingumCunge, "update", fail)
    message = r"step 0 \(1980-03-15 00:00:00\) at the river: no water"
    with pytest.raises(DataError, match=message):
        routed(config)


# Days, as the land was trained, through hours of the river.


@pytest.fixture(scope="module")
def weather(sample: tuple[Path, Path]) -> dict[str, Any]:
    """Days of weather by catchment, (day, catchment)."""
    with NetcdfForcing(sample[1]) as forcing:
        ids = list(forcing.ids)
        start, _ = forcing.span(ids[0])
        hours = 24 * DAYS
        rain = forcing.block(ids, "precip_rate", "mm d-1", start, hours)
        warmth = forcing.block(ids, "TMP_2maboveground", "degC", start, hours)
    of_days = (DAYS, 24, len(ids))
    warm = warmth.reshape(of_days)
    values = (rain.reshape(of_days).mean(1), warm.mean(1), warm.min(1), warm.max(1))
    return {"ids": ids, **dict(zip(SERIES, values, strict=True))}


def places(run_folder: Path, ids: list[str]) -> dict[str, Any]:
    """Return the attributes that were found for the catchments."""
    entries = [
        yaml.safe_load((run_folder / f"config/cat_config/dmx/{name}.yml").read_text())
        for name in ids
    ]
    each = [entry["locations"]["attributes"] for entry in entries]
    return {name: [float(entry[name]) for entry in each] for name in each[0]}


def write_chain(folder: Path, run_folder: Path, ids: list[str]) -> None:
    """Write the configurations of land and river."""
    land = {
        "start_time": "1979-01-01",
        "locations": {"ids": ids, "attributes": places(run_folder, ids)},
    }
    (folder / "land.yaml").write_text(as_yaml(land), encoding="utf-8")
    tree = run_folder / "config/sample.gpkg"
    river_file(folder, tree, start_time="1979-01-01")


def chain(folder: Path, ids: list[str]) -> tuple[DeltaHbv, MuskingumCunge]:
    """Return land and river, the one to feed the other."""
    land, river = DeltaHbv(), MuskingumCunge()
    land.initialize(str(folder / "land.yaml"))
    river.initialize(str(folder / "river.yaml"))
    river.set_value("ngen_dt", np.array([land.get_time_step()]))
    river.set_value(SOURCES, ids)
    return land, river


def day(land: DeltaHbv, river: MuskingumCunge, weather: dict[str, Any], at: int) -> Any:
    """Run a day of both; return the discharge at its end."""
    for name in SERIES:
        land.set_value(name, weather[name][at])
    land.update()
    river.set_value(FLOW, land.get_value_ptr("runoff_volume"))
    river.update()
    return river.get_value("discharge", np.empty(8))


def test_stepped_together_they_give_the_numbers_of_one_run(
    made: Path, weather: dict[str, Any], tmp_path: Path
) -> None:
    ids = weather["ids"]
    write_chain(tmp_path, made, ids)
    land, river = chain(tmp_path, ids)
    discharge = np.array([day(land, river, weather, at) for at in range(DAYS)])

    model = load_bundle("dhbv-conus-daily").model().double()
    attributes = {n: torch.tensor(x, dtype=torch.float64)
             for n, x in places(made, ids).items()}  # fmt: skip
    series = {name: torch.from_numpy(weather[name]) for name in SERIES}
    series["day_of_year"] = torch.arange(1.0, DAYS + 1, dtype=torch.float64)[
        :, None
    ].expand(DAYS, 8)
    with torch.no_grad():
        runoff = model.simulate(series, attributes, outputs=["runoff_volume"]).outputs
    tree = read_river(made / "config/sample.gpkg")
    enter = tree.map_from(ids)
    lateral = np.repeat(enter.apply(runoff["runoff_volume"].numpy()), 24, axis=0)
    process = load_bundle("rivers-plain").model().processes["river"]
    channel = {"width_exponent": 0.5, "width_coefficient": 21.0}
    parameters = {n: np.full(8, x) for n, x in channel.items()} | {
        name: tree.attributes[name] for name in ("length", "slope", "manning")
    }
    with torch.no_grad():
        expected = scan(
            process.on(tree.tree),
            None,
            {"lateral_inflow": torch.from_numpy(lateral)},
            {n: torch.from_numpy(x).unsqueeze(-1) for n, x in parameters.items()},
            dt=3600.0,
            outputs=["discharge"],
            average=True,
        ).outputs["discharge"]
    np.testing.assert_allclose(discharge, expected[23::24].numpy(), rtol=1e-11)


def test_water_is_accounted_for_through_both(
    made: Path, weather: dict[str, Any], tmp_path: Path
) -> None:
    ids = weather["ids"]
    write_chain(tmp_path, made, ids)
    land, river = chain(tmp_path, ids)
    river.set_value("ngen_dt", np.array([3600.0]))  # so that all steps are seen
    volume = 1e3 * np.array(places(made, ids)["area_km2"])  # m3 of a mm
    evaporated: Any = 0.0
    missed: Any = 0.0  # by gauges, and added
    created: Any = 0.0
    for at in range(DAYS):
        for name in SERIES:
            land.set_value(name, weather[name][at])
        land.update()
        evaporated += volume @ land.get_value_ptr("evaporation")
        missed += volume @ land.get_value_ptr("undercatch")
        river.set_value(FLOW, land.get_value_ptr("runoff_volume"))
        for _ in range(24):
            river.update()
            created += 3600.0 * river.get_value_ptr("created").sum()
    below = river.get_value_ptr("segment_toid")
    outflow = river.get_value_ptr("mass_out")[int(np.argmin(below))]
    stored = river.get_value_ptr("mass_stored").sum()
    land_storage = volume @ land.get_value_ptr("mass_stored")
    rain = volume @ np.sum(weather["precipitation"], axis=0)
    assert min(evaporated, outflow, stored) > 0.0
    np.testing.assert_allclose(
        rain + missed + created,
        evaporated + land_storage + outflow + stored,
        rtol=1e-12,
    )


def test_both_are_restored_bitwise_in_another_process(
    made: Path, weather: dict[str, Any], tmp_path: Path
) -> None:
    ids = weather["ids"]
    write_chain(tmp_path, made, ids)
    land, river = chain(tmp_path, ids)
    for at in range(20):
        day(land, river, weather, at)
    land.save_state(tmp_path / "land.state")
    river.save_state(tmp_path / "river.state")
    expected = np.array([day(land, river, weather, at) for at in range(20, DAYS)])
    np.savez(tmp_path / "weather.npz", **weather)
    script = (
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from tests.ngen.test_river import DAYS, chain, day\n"
        "here = Path('.')\n"
        "weather = dict(np.load('weather.npz'))\n"
        "land, river = chain(here, weather['ids'].tolist())\n"
        "land.load_state('land.state')\n"
        "river.load_state('river.state')\n"
        "found = [day(land, river, weather, at) for at in range(20, DAYS)]\n"
        "np.save('found.npy', found)\n"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(root)!r})\n{script}"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    assert (np.load(tmp_path / "found.npy") == expected).all()
