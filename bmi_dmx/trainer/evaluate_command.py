"""The command ``dmx evaluate``.

Only arguments are declared at import; what it needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..arguments import whole
from ..errors import ConfigError

__all__ = ["evaluate_arguments", "evaluate_command"]


def evaluate_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx evaluate``."""
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="run",
        help="folder of a training run; the flow of several is averaged. With --data a "
        "bundle, by name or folder",
    )  # fmt: skip
    parser.add_argument(
        "--data", nargs="+", metavar=("DATA", "data.key=value"),
        help="score a bundle on these basins: a NetCDF file, a folder of CAMELS or "
        "Caravan; and how they are read, such as data.gaps=hold",
    )  # fmt: skip
    parser.add_argument(
        "--period", nargs="+", metavar=("PERIOD", "DAY"),
        help="what to score: train, validation or test (default: test); with --data "
        "the first and the last day (default: all after the warm-up)",
    )  # fmt: skip
    parser.add_argument(
        "--basins", nargs="+", default=(), metavar="ID",
        help="only these basins, or a file with one a line (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--warmup", type=whole(0), metavar="STEPS",
        help="time steps simulated before the first day (default: those of a year)",
    )  # fmt: skip
    parser.add_argument(
        "--evaporation", metavar="NAME",
        help="where potential evaporation comes from (default: as the bundle learned)",
    )  # fmt: skip
    parser.add_argument(
        "--window-end", action="store_true",
        help="with --data: constant parameters are those of the last scored step, as "
        "in the training of a model that reads them there (default: as in operation)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate", nargs=2, metavar="DAY",
        help="with --data: first and last day, outside the scored ones, from whose "
        "errors a range around the flow is learned",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="DIR",
        help="folder of the results (default: a new one in evaluations)",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true",
        help="print the summary as JSON instead of tables, for scripts",
    )  # fmt: skip


def evaluate_command(options: Namespace) -> None:
    """Run ``dmx evaluate``.

    Raises
    ------
    ConfigError
        Options do not go together.
    """
    from .preflight import loading

    _refuse(options)
    loading(options.runs[0])
    from .commands import evaluate, score

    if options.data is None:
        evaluate(options.runs, options.period, as_json=options.json)
        return
    evaporation = options.evaporation
    score(
        options.runs,
        options.data,
        options.period,
        places=options.basins,
        warmup=options.warmup,
        choices={} if evaporation is None else {"evaporation": evaporation},
        window_end=options.window_end,
        output=options.output,
        calibration=options.calibrate,
        as_json=options.json,
    )


def _refuse(options: Namespace) -> None:
    """Refuse options that do not go together."""
    from .preflight import days, of_run, only

    if options.data is None:
        for name in ("basins", "warmup", "evaporation", "output", "calibrate"):
            if getattr(options, name) not in (None, ()):
                raise ConfigError(f"--{name}: goes with a bundle and --data")
        if options.window_end:
            raise ConfigError("--window-end: goes with a bundle and --data")
        of_run(options.period)
        return
    only(options.runs)
    for name in ("period", "calibrate"):
        if getattr(options, name) is not None:
            days(getattr(options, name), f"--{name}")
