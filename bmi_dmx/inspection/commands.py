"""The command ``dmx data``.

Only arguments are declared at import; what a command needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..arguments import picture
from ..errors import ConfigError

__all__ = ["data", "data_arguments"]

_DATA = (
    "a NetCDF file or Zarr store of basins, a folder or table of text, a folder of "
    "CAMELS or Caravan"
)

_HOW = "how basins are read, such as data.units.streamflow=m3/s"


def data_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx data``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser(
        "check", help="say what is understood, what is assumed, and what is odd"
    )
    check.add_argument(
        "path", type=Path, metavar="PATH",
        help=f"{_DATA}; forcing of NextGen; a hydrofabric",
    )  # fmt: skip
    check.add_argument(
        "--picture", type=picture, metavar="FILE", help="PNG, PDF or SVG of the series"
    )
    check.add_argument("settings", nargs="*", metavar="data.key=value", help=_HOW)
    attributes = actions.add_parser(
        "attributes", help="write the table of attributes that bundles read"
    )
    attributes.add_argument(
        "path", type=Path, metavar="FORCING", help=f"{_DATA}; or forcing of NextGen"
    )
    attributes.add_argument(
        "more", nargs="*", metavar="PLACES",
        help="a table with latitude, area and more, or a hydrofabric; and "
        f"data.key=value, {_HOW}",
    )  # fmt: skip
    attributes.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="CSV table"
    )


def data(options: Namespace) -> None:
    """Run ``dmx data``."""
    if options.action == "check":
        from .check import check

        check(options.path, options.settings, options.picture)
        return
    from .attributes import write_attributes

    settings = [word for word in options.more if "=" in word]
    places = [Path(word) for word in options.more if "=" not in word]
    if len(places) > 1:
        raise ConfigError(f"expected one table of places, found {len(places)}")
    place = places[0] if places else None
    print(write_attributes(options.path, place, options.output, settings))
