"""The command ``dmx run``."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

__all__ = ["run_arguments", "run_command"]


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
    parser.add_argument(
        "--attributes", type=Path, metavar="TABLE",
        help="CSV or NetCDF table of the places; goes before what FORCING has of them",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, default=Path("run.nc"), metavar="FILE",
        help="CF NetCDF file to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", nargs="+", default=[], metavar="NAME",
        help="what to write (default: what the model answers with)",
    )  # fmt: skip
    parser.add_argument(
        "--state", default="cold", help="cold, a start of the model, or a saved state"
    )
    parser.add_argument(
        "--save-state", type=Path, metavar="FILE", help="where to save the last state"
    )
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


def run_command(options: Namespace) -> None:
    """Run it, and say where the output is."""
    from .run import Request, run

    done = run(
        Request(
            bundle=options.bundle,
            forcing=options.forcing,
            output=options.output,
            attributes=options.attributes,
            outputs=tuple(options.outputs),
            state=options.state,
            save_state=options.save_state,
            mode=options.mode,
            parts=dict(options.parts),
            units=options.units,
            names=dict(options.names),
            policy=options.missing,
        )
    )
    print(done)
