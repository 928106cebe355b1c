"""What is done with a run folder, which is the current folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from bmi_dmx.config import as_yaml
from bmi_dmx.ngen.check import Finding, check
from bmi_dmx.ngen.driver import run
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.realization_file import read_realization

REALIZATION = Path("config/realization.json")
GEOPACKAGE = Path("config/sample.gpkg")
SPAN = {"start": datetime(1979, 3, 1), "end": datetime(1979, 3, 4, 23)}


def checked() -> list[Finding]:
    return check(read_realization(REALIZATION), read_hydrofabric(GEOPACKAGE))


def ran() -> Any:
    return run(read_realization(REALIZATION), read_hydrofabric(GEOPACKAGE))


def change(edit: Callable[[dict[str, Any]], None]) -> None:
    """Change the params of the module in the realization."""
    content = json.loads(REALIZATION.read_text())
    edit(content["global"]["formulations"][0]["params"])
    REALIZATION.write_text(json.dumps(content))


def edited(edit: Callable[[dict[str, Any]], None], name: str = "cat-1453") -> None:
    """Change the configuration of one catchment."""
    path = Path(f"config/cat_config/dmx/{name}.yml")
    content = yaml.safe_load(path.read_text())
    edit(content)
    path.write_text(as_yaml(content))
