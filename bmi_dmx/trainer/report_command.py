"""The command ``dmx report``.

Only arguments are declared at import; what it needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..arguments import whole
from ..errors import ConfigError, suggestion

__all__ = ["report_arguments", "report_command"]


def report_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx report``."""
    parser.add_argument(
        "source", type=Path, metavar="run",
        help="folder of a run; or, with --data, a bundle, by name or folder",
    )  # fmt: skip
    parser.add_argument(
        "--period", nargs="+", metavar=("PERIOD", "DAY"),
        help="of a run: train, validation or test (default: test); of a bundle the "
        "first and the last day that are scored",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="PATH",
        help="the page of a run (default: report.html in it); the folder of the report "
        "of a bundle (default: a new one in evaluations)",
    )  # fmt: skip
    bundles = parser.add_argument_group(
        "bundles", "how far one can be trusted under conditions it was not made for"
    )
    bundles.add_argument(
        "--data", nargs="+", metavar=("DATA", "data.key=value"),
        help="what it is scored on, and how that is read, as for dmx evaluate",
    )  # fmt: skip
    bundles.add_argument(
        "--attributes", nargs=2, action="append", default=[],
        metavar=("FIRST", "LAST"),
        help="days from which attributes are computed instead; may be repeated",
    )  # fmt: skip
    bundles.add_argument(
        "--shift", type=int, action="append", default=[], metavar="STEPS",
        help="steps by which the main forcing is moved later than data.shift moves it; "
        "may be repeated",
    )  # fmt: skip
    bundles.add_argument(
        "--held-out", type=Path, action="append", default=[], metavar="STUDY",
        help="folder of a study (dmx experiment) of models like this one",
    )  # fmt: skip
    bundles.add_argument(
        "--places", nargs="+", default=(), metavar="ID",
        help="only these places, or a file with one a line (default: all)",
    )  # fmt: skip
    bundles.add_argument(
        "--warmup", type=whole(0), metavar="STEPS",
        help="time steps simulated before the first day (default: those of a year)",
    )  # fmt: skip


def report_command(options: Namespace) -> None:
    """Run ``dmx report``.

    Raises
    ------
    ConfigError
        There is neither a run nor a bundle, or what is given goes with the other.
    """
    from .run_folder import RunFolder

    if RunFolder(options.source).config.is_file():
        _run(options)
        return
    from ..bundle import bundles

    source = options.source
    if str(source) not in bundles and not source.is_dir():
        hint = suggestion(str(source), bundles)
        raise ConfigError(f"{source}: no such run, and no bundle of that name{hint}")
    _bundle(options)


def _run(options: Namespace) -> None:
    for name in ("data", "attributes", "shift", "held_out", "places", "warmup"):
        if getattr(options, name) not in (None, (), []):
            option = name.replace("_", "-")
            raise ConfigError(
                f"--{option}: goes with a bundle, {options.source} is a run"
            )
    from .preflight import loading, of_run

    of_run(options.period)
    loading(options.source)
    from .commands import report

    report(options.source, options.period, options.output)


def _bundle(options: Namespace) -> None:
    for name, what in (("data", "which places"), ("period", "which days")):
        if getattr(options, name) is None:
            raise ConfigError(
                f"--{name}: {options.source} is no run but a bundle, expected {what} "
                "it is scored on"
            )
    from .preflight import days, loading

    days(options.period)
    for pair in options.attributes:
        days(pair, "--attributes")
    loading(options.source)
    from .commands import examine

    examine(
        options.source,
        options.data,
        options.period,
        attributes=options.attributes,
        shifts=options.shift,
        held_out=options.held_out,
        places=options.places,
        warmup=options.warmup,
        output=options.output,
    )
