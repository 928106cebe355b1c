"""The command ``dmx report``.

Only arguments are declared at import; what it needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

__all__ = ["report_arguments", "report_command"]


def report_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx report``."""
    parser.add_argument("bundle", type=Path, help="a bundle, by name or folder")
    parser.add_argument(
        "--data", nargs="+", required=True, metavar=("DATA", "data.key=value"),
        help="what it is scored on, and how that is read, as for dmx evaluate",
    )  # fmt: skip
    parser.add_argument(
        "--period", nargs=2, required=True, metavar=("FIRST", "LAST"),
        help="first and last day that are scored",
    )  # fmt: skip
    parser.add_argument(
        "--attributes", nargs=2, action="append", default=[],
        metavar=("FIRST", "LAST"),
        help="days from which attributes are computed instead; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--shift", type=int, action="append", default=[], metavar="STEPS",
        help="steps by which the main forcing is moved later; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--held-out", type=Path, action="append", default=[], metavar="STUDY",
        help="folder of a study (dmx experiment) of models like this one",
    )  # fmt: skip
    parser.add_argument(
        "--places", nargs="+", default=(), metavar="ID",
        help="only these places, or a file with one a line (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--warmup", type=int, metavar="STEPS",
        help="time steps simulated before the first day (default: those of a year)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="DIR",
        help="folder of the report (default: a new one in evaluations)",
    )  # fmt: skip


def report_command(options: Namespace) -> None:
    """Run ``dmx report``."""
    from .commands import examine

    examine(
        options.bundle,
        options.data,
        options.period,
        attributes=options.attributes,
        shifts=options.shift,
        held_out=options.held_out,
        places=options.places,
        warmup=options.warmup,
        output=options.output,
    )
