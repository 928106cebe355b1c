"""Run folders: whole, ready to run, and never in the place of another."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import yaml

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.prepare import prepare

from .run_folder import GEOPACKAGE, SPAN, checked, ran


def test_a_run_folder_has_the_layout_of_nextgen_in_a_box(folder):
    for name in ("config", "forcings", "outputs/ngen", "outputs/troute", "restart"):
        assert Path(name).is_dir()
    assert len(list(Path().rglob("*.gpkg"))) == 1
    assert len(list(Path("config").glob("*realization*.json"))) == 1
    assert sorted(read_hydrofabric(GEOPACKAGE).catchments) == [
        "cat-1451", "cat-1453", "cat-1455",
    ]  # fmt: skip
    with netCDF4.Dataset("forcings/forcings.nc") as file:
        assert file["Time"].dimensions == ("catchment-id", "time")
        assert file["precip_rate"].dtype == np.float32
        assert file["precip_rate"].units == "mm s^-1"


def test_a_prepared_folder_is_ready_and_runs_with_its_water_accounted_for(folder):
    assert checked() == []
    report = ran()
    assert report.mass_watched == 3
    assert report.mass_breaches == 0
    assert report.mass_residual < 1e-9
    assert len(list(Path("outputs/ngen").glob("cat-*.csv"))) == 3
    assert len(list(Path("outputs/ngen").glob("*_output.csv"))) == report.nexuses


def test_a_domain_with_routing_names_the_channels(shared_data, sample, bundle):
    path = shared_data / "ngen/logan_river_gage-10109001.gpkg"
    fabric = read_hydrofabric(path)
    ids = list(fabric.catchments)[:2]
    ours = list(read_hydrofabric(sample[0]).catchments)
    Path("x.csv").write_text(f"a,b\n{ids[0]},{ours[0]}\n{ids[1]},{ours[1]}\n")
    table = Path("x.csv")
    with open_domain(
        path, sample[1], catchments=ids, crosswalk=table, **SPAN
    ) as domain:
        prepare(domain, str(bundle), Path("run"), routing=True)
    plan = yaml.safe_load(Path("run/config/troute.yaml").read_text())
    forcing = plan["compute_parameters"]["forcing_parameters"]
    assert (forcing["nts"], forcing["dt"], forcing["qts_subdivisions"]) == (
        1152,
        300,
        12,
    )
    columns = plan["network_topology_parameters"]["supernetwork_parameters"]["columns"]
    assert columns["dx"] == "Length_m"
    assert columns["waterbody"] == "WaterbodyID"


def test_a_folder_that_is_there_is_left_alone(sample, bundle):
    Path("run").mkdir()
    Path("run/mine").touch()
    message = "run: is there already and not empty"
    with (
        open_domain(*sample, **SPAN) as domain,
        pytest.raises(ConfigError, match=message),
    ):
        prepare(domain, str(bundle), Path("run"))


def test_a_single_hour_is_no_run(sample, bundle):
    at = SPAN["start"]
    with (
        open_domain(*sample, start=at, end=at) as domain,
        pytest.raises(ConfigError, match="found 1 hour, expected 2 at least"),
    ):
        prepare(domain, str(bundle), Path("run"))


def test_a_folder_that_fails_is_not_there_at_all(sample, bundle):
    with open_domain(*sample, **SPAN) as domain:
        with pytest.raises(DataError, match="flowpath-attributes: no column 'nCC'"):
            prepare(domain, str(bundle), Path("run"), routing=True)
        with pytest.raises(ConfigError, match="expected cold or equilibrium"):
            prepare(domain, str(bundle), Path("run"), state="last.state")
    assert list(Path().iterdir()) == []
