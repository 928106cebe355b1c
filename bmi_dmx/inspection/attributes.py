"""The table of attributes that bundles read: ``dmx data attributes``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..files import atomic
from ..models.hydrology.climate import CLIMATE, LATITUDE, LONGITUDE, TOPOGRAPHY
from ..trainer.tasks.basins.data.read import read
from ..trainer.tasks.basins.data.spec import NO_TARGET
from .check import HYDROFABRICS, spec_of

__all__ = ["write_attributes"]

WRITTEN = {a.name: a for a in (*CLIMATE, *TOPOGRAPHY, LATITUDE, LONGITUDE)}
"""Attributes that can be computed, or that say where a place is."""


def write_attributes(
    path: Path, places: Path | None, output: Path, settings: Sequence[str]
) -> Path:
    """Write the portable attributes of places as a table.

    Parameters
    ----------
    path : Path
        Basins, of which observed flow is not needed; with a hydrofabric, forcing of
        NextGen.
    places : Path, optional
        A table with latitude, area and more by basin, or a hydrofabric.
    output : Path
        CSV, units in the headings; exists whole or not at all.
    settings : sequence of str
        ``data.KEY=VALUE``, how basins are read.

    Raises
    ------
    DmxError
        When data cannot be read, or lack what climate is computed of.
    """
    if places is not None and places.suffix.lower() in HYDROFABRICS:
        if settings:
            raise ConfigError("--set: forcing of NextGen has no settings")
        ids, values = _of_hydrofabric(path, places)
    else:
        spec = replace(spec_of(path, settings), target=NO_TARGET, attributes="portable")
        if places is not None:
            spec = replace(spec, places=str(places.resolve()))
        data = read(spec)
        ids, values = data.ids.tolist(), dict(data.attributes)
    names = [name for name in WRITTEN if name in values]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["id", *(_title(name) for name in names)])
    for k, name in enumerate(ids):
        table.writerow([name, *(_cell(values[a][k]) for a in names)])
    with atomic(output) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
    return output


def _title(name: str) -> str:
    units = WRITTEN[name].units
    return name if units == "1" else f"{name} [{units}]"


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.7g}"


def _of_hydrofabric(
    path: Path, places: Path
) -> tuple[Sequence[str], Mapping[str, NDArray[np.float64]]]:
    """Return attributes of the catchments of a hydrofabric that have forcing."""
    from ..bmi.settings import settings_from
    from ..bmi.steps import operation_of
    from ..ngen.attributes import attributes_of
    from ..ngen.domain import open_domain
    from ..operate.bundle_cache import bundle_named
    from ..operate.system import system_of

    bundle = bundle_named(DEFAULT, Path())
    system = system_of(bundle.manifest.system)
    with open_domain(places, path) as domain:
        settings = {
            "bundle": DEFAULT, "time_step": "hourly", "start_time": domain.start_time,
        }  # fmt: skip
        operation = operation_of(settings_from(settings, system, DEFAULT), bundle)
        attributes = attributes_of(operation, domain.hydrofabric, domain.forcing)
        for remark in (*domain.remarks, *attributes.remarks):
            print(f"note: {remark}")
    return attributes.ids, attributes.values


DEFAULT = "dhbv-conus-daily"
"""A bundle that reads all of the portable attributes."""
