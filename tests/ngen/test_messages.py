"""The messages of the troubleshooting table are those that faults provoke."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import yaml

from bmi_dmx.cli import main
from bmi_dmx.config import as_yaml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "nextgen.md"
PERIOD = ["--start", "1980-03-01", "--end", "1980-03-10 23:00"]
SAMPLE = ["ngen", "prepare", "domain/sample.gpkg", "domain/forcing.nc"]
CHECK, RUN = ["ngen", "check", "run"], ["ngen", "run", "run"]
TWO = ["--catchments", "cat-1451", "cat-1452"]

ELSEWHERE = (
    "belongs to other places",  # tests/bmi
    "no forcing of 88 catchments",  # a real hydrofabric
    "there is no whole day",  # test_attributes
    "no C compiler",  # tests/scan
)
"""Rows that need more than the sample."""


def messages() -> list[str]:
    """Return the first column of the table."""
    section = PAGE.read_text(encoding="utf-8").partition("## Troubleshooting")[2]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def realization(**params: Any) -> Callable[[], None]:
    """Return what changes keys of the module."""

    def change() -> None:
        path = Path("run/config/realization.json")
        content = json.loads(path.read_text(encoding="utf-8"))
        time = {k: params.pop(k) for k in ("start_time", "end_time") if k in params}
        content["time"] |= time
        content["global"]["formulations"][0]["params"] |= params
        path.write_text(json.dumps(content), encoding="utf-8")

    return change


def catchment(**keys: Any) -> Callable[[], None]:
    """Return what changes keys of one catchment; None removes an attribute."""

    def change() -> None:
        path = Path("run/config/cat_config/dmx/cat-1451.yml")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key, value in keys.items():
            if value is None:
                del content["locations"]["attributes"][key]
            else:
                content[key] = value
        path.write_text(as_yaml(content), encoding="utf-8")

    return change


def forcing(change: Callable[[Any], None]) -> Callable[[], None]:
    """Return what changes the forcing file."""

    def open_and_change() -> None:
        with netCDF4.Dataset("run/forcings/forcings.nc", "a") as file:
            change(file)

    return open_and_change


def unconvertible(file: Any) -> None:
    file["precip_rate"].units = "furlong"


def kelvins_called_degrees(file: Any) -> None:
    file["TMP_2maboveground"].units = "degC"


def rain_in_metres(file: Any) -> None:
    amount = file.createVariable("APCP_surface", "f4", file["precip_rate"].dimensions)
    amount.units = "kg m^-2"
    amount[:] = 3600.0 * file["precip_rate"][:]
    file["precip_rate"][:] = file["precip_rate"][:] / 1000.0


def gap(file: Any) -> None:
    file["precip_rate"][:, 30] = np.nan


def no_attributes() -> None:
    shutil.copy("domain/sample.gpkg", "na.gpkg")
    connection = sqlite3.connect("na.gpkg")
    connection.execute('DROP TABLE "divide-attributes"')
    connection.execute("DELETE FROM gpkg_contents WHERE table_name LIKE 'divide-%'")
    connection.commit()
    connection.close()


def without_a_row() -> None:
    shutil.copy("domain/sample.gpkg", "few.gpkg")
    with closing(sqlite3.connect("few.gpkg")) as connection:
        row = "DELETE FROM \"divide-attributes\" WHERE divide_id = 'cat-1451'"
        connection.execute(row)
        connection.commit()


def table(column: str, value: float) -> Callable[[], None]:
    def write() -> None:
        text = f"divide_id,{column}\ncat-1451,{value:g}\n"
        Path("table.csv").write_text(text, encoding="utf-8")

    return write


def steep() -> None:
    numbers = (1451, 1452, 1453, 1454, 1455, 1456, 1457, 1458)
    rows = "".join(f"cat-{k},{k - 1100}\n" for k in numbers)
    Path("steep.csv").write_text(f"divide_id,slope_mean\n{rows}", encoding="utf-8")


def without_routing() -> None:
    path = Path("run/config/realization.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    routing = {"t_route_config_file_with_path": "./config/troute.yaml"}
    path.write_text(json.dumps({**content, "routing": routing}), encoding="utf-8")


def remove_configuration() -> None:
    Path("run/config/cat_config/dmx/cat-1451.yml").unlink()


def no_room() -> None:
    Path("run/outputs/ngen").rmdir()
    Path("run/outputs/ngen").touch()


def of_another_version() -> None:
    with netCDF4.Dataset("run/forcings/forcings.nc", "a") as file:
        names = list(file["ids"][:])
        file["ids"][names.index("cat-1451")] = "cat-2861379"


def second_hydrofabric() -> None:
    shutil.copy("run/config/sample.gpkg", "run/other.gpkg")


def nothing() -> None:
    pass


def prepare(*more: str) -> list[str]:
    return [*SAMPLE, "--output", "other", *more]


PET = "land_surface_water__potential_evaporation_volume_flux"
FAULTS: dict[str, tuple[Callable[[], None], list[str]]] = {
    "'bmi_dmxx.Component'": (realization(python_type="bmi_dmxx.Component"), CHECK),
    "'Componet'": (realization(python_type="bmi_dmx.Componet"), CHECK),
    "cat-1451.yml: no such file": (remove_configuration, CHECK),
    "is not covered": (realization(end_time="1980-04-10 23:00:00"), CHECK),
    "the run starts at": (realization(start_time="1980-03-02 00:00:00"), CHECK),
    "attribute 'slope_mean' of the model": (catchment(slope_mean=None), CHECK),
    "unknown key": (catchment(evapotranspiration="oudin"), CHECK),
    "dhbv-conus-dialy": (catchment(bundle="dhbv-conus-dialy"), CHECK),
    "runoff_dept'": (
        realization(main_output_variable="land_surface_water__runoff_dept"), CHECK,
    ),
    "'m3 s-1'": (
        realization(main_output_variable="land_surface_water__runoff_volume_flux"),
        CHECK,
    ),
    "gives 'land_surface_air__pressure'": (
        catchment(evaporation="penman_monteith"), CHECK,
    ),
    f"gives '{PET}'": (catchment(evaporation="given"), CHECK),
    "'furlong'": (forcing(unconvertible), CHECK),
    "only the first is used": (forcing(rain_in_metres), CHECK),
    "258.179 degC": (forcing(kelvins_called_degrees), RUN),
    "is nan mm h-1": (forcing(gap), RUN),
    "parameter 'fc'": (realization(model_params={"fc": 1e6}), CHECK),
    "tolerance 1e-16": (realization(mass_balance={"check": True}), CHECK),
    "uses_forcing_file": (realization(uses_forcing_file=True), CHECK),
    "'s.safetensors'": (nothing, prepare("--state", "s.safetensors")),
    "is there already": (nothing, [*SAMPLE, "--output", "run"]),
    "not one of whole hours": (nothing, prepare("--start", "1985-01-01")),
    "latitude of the catchments": (
        no_attributes,
        ["ngen", "prepare", "na.gpkg", "domain/forcing.nc", "--output", "other"],
    ),
    "few.gpkg": (
        without_a_row,
        ["ngen", "prepare", "few.gpkg", "domain/forcing.nc", "--output", "other"],
    ),
    "is 1203": (
        table("p_mean", 1203.0), prepare(*PERIOD, "--attributes", "table.csv"),
    ),
    "'slop_mean'": (
        table("slop_mean", 30.0), prepare(*PERIOD, "--attributes", "table.csv"),
    ),
    "far from the training": (
        steep, prepare(*PERIOD, "--attributes", "steep.csv"),
    ),
    "t_route_config_file": (without_routing, CHECK),
    "flowpath-attributes": (nothing, prepare(*PERIOD, "--routing")),
    "Not a directory": (no_room, CHECK),
    "no forcing of catchment": (of_another_version, CHECK),
    "start_time: state, but": (catchment(start_time="state"), CHECK),
    "expected one hydrofabric": (second_hydrofabric, CHECK),
}  # fmt: skip
"""Part of a message, what provokes it, and the command that tells it."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample domain and its run folder."""
    folder = tmp_path_factory.mktemp("messages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["ngen", "sample", "domain"]) == 0
        assert main([*SAMPLE, *PERIOD, "--output", "run"]) == 0
    return folder


def test_every_message_of_the_table_is_tested() -> None:
    for message in messages():
        assert sum(part in message for part in (*FAULTS, *ELSEWHERE)) == 1, message


@pytest.mark.parametrize("part", FAULTS)
def test_a_fault_is_told_in_the_words_of_the_table(
    part: str,
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    provoke, command = FAULTS[part]
    (message,) = (text for text in messages() if part in text)
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    provoke()
    main([*command, *TWO] if command in (CHECK, RUN) else command)
    captured = capsys.readouterr()
    assert message in f"{captured.out}\n{captured.err}"
