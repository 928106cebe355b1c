"""The commands on rivers.

Only arguments are declared at import; what a command needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

__all__ = ["river", "river_arguments"]


def river_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx river``."""
    parser.add_argument(
        "path", type=Path, metavar="FILE",
        help="GeoPackage of the hydrofabric, table of reaches (NetCDF, Zarr, text), "
        "segments of the National Hydrologic Model, sparse matrix in a Zarr store, or "
        "connectivity of RAPID; or delaware, the sample that comes with the package",
    )  # fmt: skip
    parser.add_argument(
        "--format", metavar="NAME", help="what it is; told by the content by default"
    )
    parser.add_argument(
        "--lakes", type=Path, metavar="FILE", help="lakes, such as LAKEPARM.nc"
    )
    parser.add_argument(
        "--gauges", type=Path, metavar="FILE", help="a table of gauges (STAID, COMID)"
    )
    parser.add_argument(
        "--above", nargs="+", default=(), metavar="NAME",
        help="only what is above some gauges or reaches",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="PNG, PDF or SVG of the tree"
    )


def river(options: Namespace) -> None:
    """Run ``dmx river``."""
    from ..models.rivers.formats import read_river
    from .summary import print_summary

    found = read_river(
        options.path,
        format=options.format,
        lakes=options.lakes,
        gauges=options.gauges,
    )
    if options.above:
        found = found.upstream_of(options.above)
    print_summary(found)
    if options.output is not None:
        from .picture import draw

        print(f"\n{draw(options.output, found, options.path.name)}")
