"""The command ``dmx forecast``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..run.command import pair

__all__ = ["forecast_arguments", "forecast_command"]


def forecast_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("bundle", help="a bundle, by name or folder")
    parser.add_argument(
        "history", type=Path,
        help="forcing up to the beginning of the forecast, NetCDF, or CSV of one place",
    )  # fmt: skip
    parser.add_argument(
        "forcing", type=Path, nargs="*",
        help="forcing from then on, one file for each member of an ensemble (default: "
        "the same days of the past years of the history)",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=int, metavar="N",
        help="steps of the forecast (default: as many as the files have)",
    )  # fmt: skip
    parser.add_argument(
        "--attributes", type=Path, metavar="TABLE",
        help="CSV or NetCDF table of the places; goes before what HISTORY has of them",
    )  # fmt: skip
    parser.add_argument(
        "--state", default="cold",
        help="what the history starts from: cold, a start of the model such as "
        "equilibrium, or a saved state",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", nargs="+", default=[], metavar="NAME",
        help="what to write (default: what the model answers with)",
    )  # fmt: skip
    parser.add_argument(
        "--names", nargs="+", type=pair, default=[], metavar="OURS=THEIRS",
        help="what files call forcings and attributes, if by none of the usual names",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, default=Path("forecast.nc"), metavar="FILE",
        help="CF NetCDF file to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--past", type=Path, default=Path("history.nc"), metavar="FILE",
        help="where to write the run over the history (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="PNG, PDF or SVG of both"
    )


def forecast_command(options: Namespace) -> None:
    """Forecast, draw it where that is wanted, and say where it is."""
    from ..run.forecast import Asked, forecast
    from ..run.run import Request

    history = Request(
        bundle=options.bundle,
        forcing=options.history,
        output=options.past,
        attributes=options.attributes,
        outputs=tuple(options.outputs),
        state=options.state,
        names=dict(options.names),
    )
    asked = Asked(
        history=history,
        members=options.forcing,
        steps=options.steps,
        output=options.output,
    )
    print(forecast(asked))
    if options.picture is not None:
        from .forecast_picture import draw

        print(draw(options.picture, options.past, options.output))
