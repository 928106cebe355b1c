"""The commands on rivers.

Only arguments are declared at import; what a command needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from ..arguments import by_name, netcdf, number, picture, whole

__all__ = ["river", "river_arguments", "route", "route_arguments"]


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
        "--output", type=picture, metavar="FILE", help="PNG, PDF or SVG of the tree"
    )


def river(options: Namespace) -> None:
    """Run ``dmx river``."""
    from ..models.rivers.formats import read_river
    from .summary import print_summary

    river = read_river(
        options.path,
        format=options.format,
        lakes=options.lakes,
        gauges=options.gauges,
    )
    if options.above:
        river = river.upstream_of(options.above)
    print_summary(river)
    if options.output is not None:
        from .picture import draw

        print(f"\n{draw(options.output, river, options.path.name)}")


def _pair(text: str) -> tuple[str, float]:
    key, equals, value = text.partition("=")
    try:
        if key and equals:
            return key, float(value)
    except ValueError:
        pass
    raise ArgumentTypeError(f"found {text!r}, expected NAME=NUMBER")


def route_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx route``."""
    parser.add_argument(
        "inflow", type=Path, metavar="INFLOW",
        help="lateral inflow: NetCDF file or Zarr store by time and reach, nexus or "
        "unit of land; or a run folder of NextGen: nex-*_output.csv, cat-*.csv",
    )  # fmt: skip
    parser.add_argument(
        "tree", type=Path, metavar="TREE",
        help="file of the reaches, as of dmx river",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=netcdf, default=Path("route.nc"), metavar="FILE",
        help="CF NetCDF file to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--bundle", metavar="NAME",
        help="a bundle of a river, by name or folder (default: rivers-delaware)",
    )  # fmt: skip
    parser.add_argument(
        "--parameters", metavar="tree|TABLE",
        help="channels in place of what the bundle answers: of the tree, or a table",
    )  # fmt: skip
    parser.add_argument(
        "--at", default="gauges", metavar="WHERE",
        help="gauges, outlets, all, names with commas between them, or a file of names "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--compare", action="store_true",
        help="route once more by the channels that the tree says, and write scores and "
        "pictures of both beside the sum of the inflow",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=whole(1), default=1, metavar="N",
        help="that share the work (default: %(default)s)",
    )  # fmt: skip
    _add_times(parser)
    _add_files(parser)


def _add_times(parser: ArgumentParser) -> None:
    when = parser.add_argument_group("when")
    when.add_argument(
        "--start", metavar="DATE", help="what is written begins (default: the inflow)"
    )
    when.add_argument(
        "--end",
        metavar="DATE",
        help="and ends; a date with its day (default: the inflow)",
    )
    when.add_argument(
        "--daily-mean", action="store_true",
        help="write means of days (default: the flow at the end of every hour)",
    )  # fmt: skip
    when.add_argument(
        "--utc-offset", type=number(-18.0, 18.0), default=0.0, metavar="HOURS",
        help="east of Greenwich, of the time in which days, --start and --end are",
    )  # fmt: skip
    when.add_argument(
        "--step", type=float, default=3600.0, metavar="SECONDS",
        help="length of a step of the physics (default: %(default)g)",
    )  # fmt: skip
    when.add_argument(
        "--warmup", type=number(0.0), default=30.0, metavar="DAYS",
        help="run before --start, as far as there is inflow (default: %(default)g)",
    )  # fmt: skip
    when.add_argument(
        "--state", default="hot", metavar="STATE",
        help="hot: as if the first inflow had lasted; cold: dry; or a saved state",
    )  # fmt: skip
    when.add_argument(
        "--first-flow", metavar="NAME",
        help="variable of INFLOW: the flow of reaches to start from",
    )  # fmt: skip
    when.add_argument(
        "--save-state", type=Path, metavar="FILE", help="where to save the last state"
    )


def _add_files(parser: ArgumentParser) -> None:
    files = parser.add_argument_group("files")
    files.add_argument(
        "--variable", metavar="NAME", help="of the lateral inflow, if by no usual name"
    )
    files.add_argument(
        "--units", default="", metavar="UNITS",
        help="of the lateral inflow, where the file has none: m3 s-1, or mm h-1",
    )  # fmt: skip
    files.add_argument(
        "--stamps", choices=("begin", "end"), default="begin",
        help="times of the inflow are those of the begin or of the end of its steps",
    )  # fmt: skip
    files.add_argument(
        "--within", choices=("repeat", "linear"), default="repeat",
        help="inflow within its steps: constant, or straight lines with the same means",
    )  # fmt: skip
    files.add_argument(
        "--catchments", action="store_true",
        help="of a run folder, read the files of catchments and not of nexuses",
    )  # fmt: skip
    files.add_argument(
        "--format", metavar="NAME", help="what TREE is; told by its content by default"
    )
    files.add_argument(
        "--lakes", type=Path, metavar="FILE", help="lakes, such as LAKEPARM.nc"
    )
    files.add_argument(
        "--gauges", type=Path, metavar="FILE", help="a table of gauges (STAID, COMID)"
    )
    files.add_argument(
        "--above", nargs="+", default=(), metavar="NAME",
        help="run only what is above some gauges or reaches",
    )  # fmt: skip
    files.add_argument(
        "--attributes", nargs="+", type=_pair, default=(), metavar="NAME=NUMBER",
        help="of all reaches, where TREE has none",
    )  # fmt: skip


def route(options: Namespace) -> None:
    """Run ``dmx route``, and say what became of the water."""
    from ..models.rivers.formats.read import found
    from .route import BUNDLE, Request
    from .route import route as routed
    from .span import RequestedSpan
    from .water import lines

    when = RequestedSpan(
        start=options.start, end=options.end, step=options.step,
        daily=options.daily_mean, utc_offset=options.utc_offset, warmup=options.warmup,
    )  # fmt: skip
    request = Request(
        inflow=found(options.inflow), tree=found(options.tree),
        output=options.output, bundle=options.bundle or BUNDLE, at=options.at,
        when=when, format=options.format,
        lakes=options.lakes, gauges=options.gauges, above=tuple(options.above),
        parameters=options.parameters,
        attributes=by_name("--attributes", options.attributes),
        variable=options.variable, units=options.units, ends=options.stamps == "end",
        by_catchment=options.catchments, lines=options.within == "linear",
        state=options.state, first_flow=options.first_flow,
        save_state=options.save_state, threads=options.threads,
    )  # fmt: skip
    run = routed(request)
    print("\n".join(lines(run.water, run.residual)))
    print(f"\n{run.path}: {run.stations} of {run.reaches} reaches, {run.steps} steps")
    if options.compare:
        from .compare import compare

        print(compare(request))
