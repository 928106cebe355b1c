"""The command ``dmx forecast``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import timedelta
from pathlib import Path

from ..arguments import netcdf, number, picture, whole
from ..run.command import request_arguments, request_of

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
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=whole(1), metavar="N",
        help="steps of the forecast (default: as many as the files have)",
    )  # fmt: skip
    length.add_argument(
        "--days", type=number(0.0), metavar="N", help="its length in days instead"
    )
    request_arguments(
        parser, "HISTORY", Path("forecast.nc"),
        "what the history starts from: cold, a start of the model, or a saved state; "
        "now: the start that the model has by itself, to come to the state of now",
    )  # fmt: skip
    parser.add_argument(
        "--past", type=netcdf, default=Path("history.nc"), metavar="FILE",
        help="where to write the run over the history (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--picture", type=picture, metavar="FILE", help="PNG, PDF or SVG of both"
    )


def forecast_command(options: Namespace) -> None:
    """Forecast, draw it where that is wanted, and say where it is."""
    from ..run.forecast import ForecastRequest, forecast

    request = ForecastRequest(
        history=request_of(options, options.history, options.past),
        members=options.forcing,
        steps=options.steps,
        output=options.output,
        span=None if options.days is None else timedelta(days=options.days),
    )
    print(forecast(request))
    if options.picture is not None:
        from .forecast_picture import draw

        print(draw(options.picture, options.past, options.output))
