"""Catchments and what was simulated there as a layer to look at in a map program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import DataError
from ..files import atomic
from .forcing import Array
from .hydrofabric import Hydrofabric

__all__ = ["LAYER", "write_map"]

LAYER = "catchments"


def write_map(
    path: Path, hydrofabric: Hydrofabric, columns: Mapping[str, Array]
) -> Path:
    """Write outlines of catchments with one number or more each, as a GeoPackage.

    Parameters
    ----------
    path : Path
        The file, with the one layer :data:`LAYER`, in the hydrofabric's coordinates.
    hydrofabric : Hydrofabric
        The catchments; their outlines are read from its file.
    columns : mapping of str to (B,) array
        Values in the order of the catchments.

    Raises
    ------
    DataError
        When the file of the hydrofabric has no outlines.
    ModuleNotFoundError
        Without geopandas, which comes with the extra ``ngen``.
    """
    import geopandas

    source = hydrofabric.path
    package = source.suffix.lower() == ".gpkg"
    where = {"layer": "divides"} if package else {}
    shapes = geopandas.read_file(source, **where)
    if not isinstance(shapes, geopandas.GeoDataFrame) or shapes.geometry.isna().all():
        raise DataError(f"{source}: its catchments have no outlines to draw")
    key = "divide_id" if package else "id"
    ids = list(hydrofabric.catchments)
    outlines = shapes.set_index(key).geometry.loc[ids]
    layer = geopandas.GeoDataFrame(
        dict(columns), index=outlines.index, geometry=outlines
    )
    with atomic(path) as temporary:
        layer.reset_index().to_file(temporary, layer=LAYER, driver="GPKG")
    return path
