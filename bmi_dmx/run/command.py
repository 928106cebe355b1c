"""The command ``dmx run``."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..arguments import by_name, netcdf, whole
from ..errors import ConfigError

if TYPE_CHECKING:
    from .request import Request

__all__ = [
    "crew_arguments",
    "request_arguments",
    "request_of",
    "run_arguments",
    "run_command",
]


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise ArgumentTypeError(f"found {text!r}, expected KEY=VALUE")
    return key, value


def run_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("bundle", help="a bundle, by name or folder")
    parser.add_argument(
        "forcing", type=Path,
        help="NetCDF file of forcing at any number of places, or CSV file of one",
    )  # fmt: skip
    request_arguments(parser, "FORCING", Path("run.nc"))
    parser.add_argument(
        "--save-state", type=Path, metavar="FILE", help="where to save the last state"
    )
    precision_argument(parser)
    parser.add_argument(
        "--forecast-from", type=_date, metavar="DATE",
        help="begin with what FORCING observed before this date, and go on alone",
    )  # fmt: skip
    parser.add_argument(
        "--steps",
        type=whole(1),
        metavar="N",
        help="steps of a forecast (default: 12)",
    )
    crew_arguments(parser)


_STATE = "cold, a start of the model, or a saved state"


def request_arguments(
    parser: ArgumentParser, forcing: str, output: Path, state: str = _STATE
) -> None:
    """Add the arguments that say how a bundle is run over a file.

    Parameters
    ----------
    parser : ArgumentParser
    forcing : str
        What the argument of the file is called.
    output : Path
        Where the output is written by default.
    state : str
        What runs may start from.
    """
    parser.add_argument(
        "--attributes", type=Path, metavar="TABLE",
        help="CSV or NetCDF table of the places; goes before what "
        f"{forcing} has of them",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=netcdf, default=output, metavar="FILE",
        help="CF NetCDF file to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", nargs="+", default=[], metavar="NAME",
        help="what to write (default: what the model answers with)",
    )  # fmt: skip
    parser.add_argument("--state", default="cold", help=state)
    parser.add_argument("--mode", help="length of a step of the physics, such as '1 d'")
    parser.add_argument(
        "--parts", nargs="+", type=_pair, default=[], metavar="PART=NAME",
        help="what to run in place of parts of the bundle",
    )  # fmt: skip
    parser.add_argument(
        "--names", nargs="+", type=_pair, default=[], metavar="OURS=THEIRS",
        help="what files call forcings and attributes, if by none of the usual names",
    )  # fmt: skip
    parser.add_argument(
        "--units", default="model", help="unit system of the outputs (default: model)"
    )
    parser.add_argument(
        "--missing", choices=("raise", "hold"), default="raise",
        help="forcing that is missing or absurd: refuse it, or hold the last good one",
    )  # fmt: skip


def request_of(options: Namespace, forcing: Path, output: Path) -> Request:
    """Return what is asked for by the arguments of :func:`request_arguments`."""
    from .request import Request

    return Request(
        bundle=options.bundle,
        forcing=forcing,
        output=output,
        attributes=options.attributes,
        outputs=tuple(options.outputs),
        state=options.state,
        mode=options.mode,
        parts=by_name("--parts", options.parts),
        units=options.units,
        names=by_name("--names", options.names),
        policy=options.missing,
    )


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(f"{text}-01" if len(text) == 7 else text)
    except ValueError:
        raise ArgumentTypeError(
            f"found {text!r}, expected YYYY-MM or YYYY-MM-DD"
        ) from None


def precision_argument(parser: ArgumentParser) -> None:
    """Add the argument that says how many digits an output keeps."""
    parser.add_argument(
        "--precision", choices=("double", "single"), default="double",
        help="of numbers in the output; single ones take half the room (default: "
        "%(default)s)",
    )  # fmt: skip


def crew_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that say who runs, and how much at a time."""
    parser.add_argument(
        "--workers", type=whole(1), metavar="N",
        help="share the places among N processes (needs Dask)",
    )  # fmt: skip
    parser.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="share them among the workers of a scheduler of Dask, which see the same "
        "files, such as tcp://10.0.0.1:8786",
    )  # fmt: skip
    parser.add_argument(
        "--block-places", type=whole(1), metavar="N",
        help="places that are stepped together (default: as the chunks of the forcing "
        "are, about 2048)",
    )  # fmt: skip


def run_command(options: Namespace) -> None:
    """Run it, and say where the output is."""
    from .cluster import Crew
    from .run import run

    if options.forecast_from is not None:
        print(_forecast(options))
        return
    if options.steps is not None:
        raise ConfigError(
            "--steps: a run is as long as its forcing; see --forecast-from"
        )
    request = replace(
        request_of(options, options.forcing, options.output),
        save_state=options.save_state,
        places=options.block_places,
        crew=Crew(options.workers, options.scheduler),
        single=options.precision == "single",
    )
    print(run(request))


def _forecast(options: Namespace) -> Path:
    from .unforced_forecast import Forecast, forecast

    return forecast(
        Forecast(
            bundle=options.bundle,
            observed=options.forcing,
            start=options.forecast_from,
            steps=12 if options.steps is None else options.steps,
            output=options.output,
            outputs=tuple(options.outputs),
            names=dict(options.names),
            units=options.units,
        )
    )
