"""Run folders to be spoilt and checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import netCDF4
import yaml

from bmi_dmx.config import as_yaml
from bmi_dmx.ngen.check import Finding, check
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.driver import Report, run
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.prepare import prepare
from bmi_dmx.ngen.realization_file import read_realization

IDS = ("cat-1451", "cat-1453", "cat-1455")
REALIZATION = Path("config/realization.json")
GEOPACKAGE = Path("config/sample.gpkg")


def prepared(sample: tuple[Path, Path], bundle: Path, folder: Path) -> None:
    """Make a run folder of three catchments and two days of March 1979."""
    span = {"start": datetime(1979, 3, 1), "end": datetime(1979, 3, 2, 23)}
    with open_domain(*sample, catchments=IDS, **span) as domain:
        prepare(domain, str(bundle), folder)


def checked() -> list[Finding]:
    return check(read_realization(REALIZATION), read_hydrofabric(GEOPACKAGE))


def ran() -> Report:
    return run(read_realization(REALIZATION), read_hydrofabric(GEOPACKAGE))


def change_realization(edit: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(REALIZATION.read_text(encoding="utf-8"))
    edit(content)
    REALIZATION.write_text(json.dumps(content), encoding="utf-8")


def change_params(**keys: Any) -> None:
    change_realization(lambda c: c["global"]["formulations"][0]["params"].update(keys))


def change_catchments(*names: str, **keys: Any) -> None:
    """Change the configuration of some catchments."""
    for name in names:
        path = Path(f"config/cat_config/dmx/{name}.yml")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(as_yaml({**content, **keys}), encoding="utf-8")


def change_forcing(name: str, catchment: int, hour: int, value: float) -> None:
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file[name][catchment, hour] = value
