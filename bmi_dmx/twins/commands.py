"""The commands on assimilation, ``dmx da``.

Only arguments are declared at import; what a command needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..arguments import netcdf

__all__ = ["da", "da_arguments"]

_EXPERIMENT = "a YAML file, or the name of a twin experiment of the package"


def da_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx da``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _twin_arguments(
        actions.add_parser("twin", help="follow a known system with one filter")
    )
    _table_arguments(
        actions.add_parser(
            "table", help="follow it with all filters of a file, beside known scores"
        )
    )
    _archive_arguments(
        actions.add_parser("archive", help="write noisy observations of a system")
    )
    _hindcast_arguments(
        actions.add_parser(
            "hindcast",
            help="forecast past days of gauged basins, or leave gauges of a river out",
        )
    )
    _dapper_arguments(
        actions.add_parser(
            "dapper", help="follow a known system with a method of DAPPER"
        )
    )


def _system_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", type=Path, metavar="SYSTEM", help=_EXPERIMENT)
    parser.add_argument(
        "settings", nargs="*", metavar="key=value",
        help="replaces a value of the file, such as system.parameters.drive=10",
    )  # fmt: skip
    parser.add_argument(
        "--observe", metavar="WORD",
        help="full, half, every-Nth in turn, or projections (default: as in the file)",
    )  # fmt: skip
    parser.add_argument(
        "--error", type=float, metavar="STD", help="standard deviation of its errors"
    )
    parser.add_argument("--cycles", type=int, metavar="N", help="times it is observed")
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="truths that are followed side by side"
    )


def _twin_arguments(parser: ArgumentParser) -> None:
    _system_arguments(parser)
    parser.add_argument(
        "--filter", metavar="NAME", help="default: the first of the file"
    )
    parser.add_argument("--members", type=int, metavar="M", help="of the ensemble")
    for name, about in (
        ("inflation", "factors of the anomalies after the analysis"),
        ("radius", "of localisation, in places; 0 is none"),
    ):
        parser.add_argument(
            f"--{name}", type=float, nargs="+", metavar="X",
            help=f"{about}; several are run side by side",
        )  # fmt: skip
    parser.add_argument(
        "--lag", type=int, metavar="L", help="cycles of the window of a smoother"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="key=value",
        help="of the filter, such as rotate=true",
    )  # fmt: skip
    _output_arguments(parser, "scores, series and pictures")


def _table_arguments(parser: ArgumentParser) -> None:
    _system_arguments(parser)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="rows whose name has one of these"
    )
    _output_arguments(parser, "the table, as Markdown and JSON")


def _archive_arguments(parser: ArgumentParser) -> None:
    _system_arguments(parser)
    parser.add_argument(
        "--output", type=netcdf, required=True, metavar="FILE", help="CF NetCDF"
    )
    parser.add_argument(
        "--truth", action="store_true", help="tell the truth in it as well"
    )


def _hindcast_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, metavar="FILE",
        help="YAML: model, data, days, assimilation; or the name of one that comes "
        "with the package (of a river where its data have one)",
    )  # fmt: skip
    parser.add_argument(
        "settings", nargs="*", metavar="key=value",
        help="replaces a value of the file, such as leads=5",
    )  # fmt: skip
    _output_arguments(parser, "pictures, and of a river scores by gauge")


def _dapper_arguments(parser: ArgumentParser) -> None:
    _system_arguments(parser)
    parser.add_argument(
        "--method", required=True, metavar="NAME", help="of DAPPER, such as LETKF"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="key=value",
        help="of the method, such as N=10, infl=1.04 or loc_rad=4",
    )  # fmt: skip


def _output_arguments(parser: ArgumentParser, what: str) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write scores here")
    parser.add_argument("--output", type=Path, metavar="DIR", help=f"write {what}")


def da(options: Namespace) -> None:
    """Run ``dmx da``."""
    from ..trainer.preflight import loading

    loading(options.file if options.action == "hindcast" else options.system)
    if options.action == "archive":
        from .archive import archive

        archive(options)
    elif options.action == "hindcast":
        from .hindcast import hindcast

        hindcast(options)
    elif options.action == "dapper":
        from .dapper import compare

        compare(options)
    elif options.action == "table":
        from .table import table

        table(options)
    else:
        from .twin import twin

        twin(options)
