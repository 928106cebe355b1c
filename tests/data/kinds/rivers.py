"""Rivers: tables of reaches, links, segments and hydrofabrics."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmi_dmx.models.rivers.formats import read_river
from tests.models.rivers.formats.made import (
    MADE,
    Made,
    geopackage,
    rapid,
    reach_csv,
    reach_netcdf,
    route_link,
    segments,
)

from .squares import Reader

__all__ = ["RIVERS"]


@dataclass
class Content:
    """The small river, as one kind of file."""

    writer: Callable[[Path, Made], Path]

    def write(self, path: Path) -> None:
        """Write it under a name."""
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            self.writer(Path(folder), MADE).replace(path)


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read a river."""
    river = read_river(path)
    lakes = [] if river.lakes is None else list(river.lakes.ids)
    contents = {
        "ids": river.tree.ids,
        "below": river.tree.downstream,
        "gauges": sorted(river.gauges.items()),
        "entering": sorted(map(str, river.entering.items())),
        "lakes": lakes,
        **river.attributes,
    }
    return contents, list(river.remarks)


def reader(writer: Callable[[Path, Made], Path], name: str) -> Reader:
    """Return the reader of one kind of file."""

    def expected() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            return read(writer(Path(folder), MADE))[0]

    return Reader(lambda: Content(writer), name, read, expected)


RIVERS = {
    "river": reader(reach_netcdf, "river.nc"),
    "river-csv": reader(reach_csv, "river.csv"),
    "river-links": reader(route_link, "links.nc"),
    "river-rapid": reader(rapid, "rapid.csv"),
    "river-segments": reader(segments, "segments.nc"),
    "river-fabric": reader(geopackage, "river.gpkg"),
}
"""By name."""
