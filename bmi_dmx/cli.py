"""The command line: ``dmx``.

Each command imports what it needs when it runs, so that ``dmx --help`` is immediate and
operation never pays for training. What fails ends with one line on the error stream and
a non-zero status.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

from . import __version__
from .arguments import add_common, parsed, picture, refuse_to_replace
from .command_groups import SHELLS, GroupedHelp, completion, listed
from .errors import ConfigError, DataProblems, DmxError
from .logs import logged
from .operate.repeated_warnings import afresh

__all__ = ["COMMANDS", "Command", "main"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Command:
    """One subcommand.

    Parameters
    ----------
    about : str
        One line of help.
    arguments : callable
        Adds the arguments to a parser.
    run : callable
        Does the work with the parsed arguments; raises when it fails.
    """

    about: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], None]


def _info_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.add_argument(
        "name", nargs="?",
        help="a process, network, recipe, task, loss, metric, experiment or bundle, "
        "or the folder of a bundle",
    )  # fmt: skip


def _info(options: Namespace) -> None:
    from . import info

    if options.json:
        print(info.as_json(options.name))
        return
    print(info.everything() if options.name is None else info.about(options.name))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"found {text!r}, expected a day YYYY-MM-DD") from None


def _plot_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, help="a streamflow.nc, or the folder it lies in"
    )
    parser.add_argument(
        "basins", nargs="*", metavar="basin",
        help="station identifiers (default: six from the best to the worst)",
    )  # fmt: skip
    parser.add_argument("--start", type=_day, metavar="DAY", help="first day drawn")
    parser.add_argument("--end", type=_day, metavar="DAY", help="last day drawn")
    parser.add_argument(
        "--output", type=picture, default=Path("hydrographs.png"), metavar="FILE",
        help="picture (default: hydrographs.png)",
    )  # fmt: skip


def _plot(options: Namespace) -> None:
    from .trainer.preflight import loading

    loading(options.source)
    from .trainer.commands import plot

    plot(
        options.source,
        options.basins,
        start=options.start,
        end=options.end,
        output=options.output,
    )


_BUNDLES = "bundles, by name or folder (default: those that come with the package)"


def _prebuild_arguments(parser: ArgumentParser) -> None:
    from .kernels.processor import DEFAULT_LEVEL, LEVELS

    parser.add_argument(
        "folder", type=Path, metavar="DIR",
        help="where to; BMI_DMX_KERNELS names it where the bundles are to run",
    )  # fmt: skip
    parser.add_argument("bundles", nargs="*", metavar="BUNDLE", help=_BUNDLES)
    parser.add_argument(
        "--level", choices=LEVELS, default=DEFAULT_LEVEL,
        help="instruction set (default: %(default)s)",
    )  # fmt: skip


def _prebuild(options: Namespace) -> None:
    from .bundle import bundles
    from .operate.kernels import prebuild

    folder = options.folder
    if str(folder) in bundles or (folder / "model.yaml").is_file():
        raise ConfigError(
            f"DIR: {folder} is a bundle, expected a folder to write to before it"
        )
    names = options.bundles or list(bundles)
    log.info("%s: looking for what %d bundles run with", folder, len(names))
    count = prebuild(folder, names, options.level)
    print(f"{count} kernels for {options.level} in {folder}")


def _completion_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="which one")


def _health_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("bundles", nargs="*", metavar="BUNDLE", help=_BUNDLES)


def _health(options: Namespace) -> None:
    from .bundle import bundles
    from .operate.health import check_health

    for name in options.bundles or bundles:
        print(check_health(name))


def _module(name: str) -> ModuleType:
    """Return a module of the package, imported when a command needs it."""
    return import_module(f"{__package__}.{name}")


_assimilation = partial(_module, "twins.commands")
_benchmarks = partial(_module, "benchmarks.command")
_demos = partial(_module, "demo.command")
_data = partial(_module, "inspection.commands")
_forecasts = partial(_module, "inspection.forecast")
_new = partial(_module, "trainer.new_command")
_ngen = partial(_module, "ngen.commands")
_protocols = partial(_module, "trainer.protocols.command")
_comparing = partial(_module, "trainer.compare_command")
_combining = partial(_module, "trainer.combine_command")
_reporting = partial(_module, "trainer.report_command")
_routing = partial(_module, "routing.commands")
_run = partial(_module, "run.command")
_schemas = partial(_module, "trainer.schemas")
_scoring = partial(_module, "trainer.evaluate_command")
_training = partial(_module, "trainer.train_command")


COMMANDS = {
    "info": Command(
        about="list what configurations can name, or describe one of them",
        arguments=_info_arguments,
        run=_info,
    ),
    "new": Command(
        about="begin a project of your own: data, experiment and what to do next",
        arguments=lambda parser: _new().new_arguments(parser),
        run=lambda options: _new().new_command(options),
    ),
    "train": Command(
        about="train a model as an experiment says, or continue a run",
        arguments=lambda parser: _training().train_arguments(parser),
        run=lambda options: _training().train_command(options),
    ),
    "import": Command(
        about="make an experiment or bundle of what another package wrote",
        arguments=lambda parser: _training().import_arguments(parser),
        run=lambda options: _training().import_command(options),
    ),
    "tune": Command(
        about="search for settings that do best in the validation period",
        arguments=lambda parser: _training().tune_arguments(parser),
        run=lambda options: _training().tune_command(options),
    ),
    "experiment": Command(
        about="judge models by what was held out of their training, as a protocol says",
        arguments=lambda parser: _protocols().experiment_arguments(parser),
        run=lambda options: _protocols().experiment_command(options),
    ),
    "evaluate": Command(
        about="score a trained model on its test period, or a bundle on any basins",
        arguments=lambda parser: _scoring().evaluate_arguments(parser),
        run=lambda options: _scoring().evaluate_command(options),
    ),
    "compare": Command(
        about="score runs, bundles and baselines on the same data, side by side",
        arguments=lambda parser: _comparing().compare_arguments(parser),
        run=lambda options: _comparing().compare_command(options),
    ),
    "report": Command(
        about="tell of a run in one page, or how far a bundle can be trusted",
        arguments=lambda parser: _reporting().report_arguments(parser),
        run=lambda options: _reporting().report_command(options),
    ),
    "plot": Command(
        about="draw observed and simulated flow",
        arguments=_plot_arguments,
        run=_plot,
    ),
    "data": Command(
        about="look at a data set before it is used, or write what bundles read of it",
        arguments=lambda parser: _data().data_arguments(parser),
        run=lambda options: _data().data(options),
    ),
    "schema": Command(
        about="write what a configuration file may hold, for editors that check it",
        arguments=lambda parser: _schemas().schema_arguments(parser),
        run=lambda options: _schemas().schema_command(options),
    ),
    "export": Command(
        about="save a trained model as a bundle",
        arguments=lambda parser: _training().export_arguments(parser),
        run=lambda options: _training().export_command(options),
    ),
    "combine": Command(
        about="make one bundle of several models, whose weighted mean it answers with",
        arguments=lambda parser: _combining().combine_arguments(parser),
        run=lambda options: _combining().combine_command(options),
    ),
    "run": Command(
        about="run a bundle over a file of forcing",
        arguments=lambda parser: _run().run_arguments(parser),
        run=lambda options: _run().run_command(options),
    ),
    "forecast": Command(
        about="run a bundle up to now, and on with forcing to come or of past years",
        arguments=lambda parser: _forecasts().forecast_arguments(parser),
        run=lambda options: _forecasts().forecast_command(options),
    ),
    "ngen": Command(
        about="make, check and run the run folders of ngen",
        arguments=lambda parser: _ngen().ngen_arguments(parser),
        run=lambda options: _ngen().ngen(options),
    ),
    "simulate": Command(
        about="run a model over all catchments of a hydrofabric at once",
        arguments=lambda parser: _ngen().simulate_arguments(parser),
        run=lambda options: _ngen().simulate(options),
    ),
    "river": Command(
        about="show what a file of a river holds, and draw it",
        arguments=lambda parser: _routing().river_arguments(parser),
        run=lambda options: _routing().river(options),
    ),
    "route": Command(
        about="route lateral inflow down a river, to its gauges or all reaches",
        arguments=lambda parser: _routing().route_arguments(parser),
        run=lambda options: _routing().route(options),
    ),
    "da": Command(
        about="try filters on systems that are known: data assimilation",
        arguments=lambda parser: _assimilation().da_arguments(parser),
        run=lambda options: _assimilation().da(options),
    ),
    "prebuild": Command(
        about="compile what bundles run with, for machines without a compiler",
        arguments=_prebuild_arguments,
        run=_prebuild,
    ),
    "health": Command(
        about="check that bundles are whole, compiled, and run",
        arguments=_health_arguments,
        run=_health,
    ),
    "completion": Command(
        about="write what lets a shell complete commands and options",
        arguments=lambda parser: _completion_arguments(parser),
        run=lambda options: print(completion(_parser(), options.shell)),
    ),
    "bench": Command(
        about="measure speed and memory",
        arguments=lambda parser: _benchmarks().bench_arguments(parser),
        run=lambda options: _benchmarks().bench_command(options),
    ),
    "demo": Command(
        about="train on a small river basin, step it through BMI, show the scores",
        arguments=lambda parser: _demos().demo_arguments(parser),
        run=lambda options: _demos().demo_command(options),
    ),
}
"""Subcommands by name."""


def _parser() -> ArgumentParser:
    listing = listed({name: command.about for name, command in COMMANDS.items()})
    description = "Trained differentiable models, stepped through time behind BMI."
    parser = ArgumentParser(
        prog="dmx", description=f"{description}\n\n{listing}",
        formatter_class=GroupedHelp, usage="dmx [-h] [--version] COMMAND ...",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"bmi_dmx {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", prog="dmx"
    )
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(
            name,
            help=command.about,
            # Not capitalize(), which would make BMI and PyTorch small.
            description=f"{command.about[:1].upper()}{command.about[1:]}.",
        )
        command.arguments(subparser)
        add_common(subparser, shown=None, traceback=False)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        Exit status: 0 done, 1 failed, 130 interrupted.

    Raises
    ------
    SystemExit
        With status 2 when the arguments themselves are wrong, with 0 for ``--help``.
    """
    for name in ("stdout", "stderr"):
        # Who starts us without them, as a daemon does, does not want to read.
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, stream)
        # What a console cannot show is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    options = parsed(_parser(), arguments)
    try:
        refuse_to_replace(options)
        with logged(options.shown), afresh():
            COMMANDS[options.command].run(options)
        sys.stdout.flush()
    except (DmxError, ModuleNotFoundError) as error:
        message = _message(error)
        if options.traceback or message is None:
            raise
        print(f"dmx {options.command}: error: {message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        message = " ".join(["interrupted", *map(str, interrupt.args)])
        print(f"dmx {options.command}: {message}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) has left. Python would complain again
        # when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if options.traceback:
            raise
        has_file = isinstance(error.filename, (str, bytes)) and error.strerror
        message = (
            f"{os.fsdecode(error.filename)}: {error.strerror}"
            if has_file
            else _message(error)
        )
        print(f"dmx {options.command}: error: {message}", file=sys.stderr)
        return 1
    return 0


_EXTRAS = {
    **dict.fromkeys(
        ("torch", "lightning", "matplotlib", "optuna", "tensorboard", "xarray"), "train"
    ),
    "geopandas": "ngen",
    "shtab": "completion",
}
"""Which extra brings a library that not everybody has, to the command line."""


_TOLD = 100
"""Most problems that are told together."""


def _message(error: Exception) -> str | None:
    """Return an error on one line, or None where only its traceback can help.

    Several problems have a line each.
    """
    if isinstance(error, DataProblems):
        problems, count = error.problems[:_TOLD], len(error.problems)
        lines = [f"  - {' '.join(text.split())}" for text in problems]
        if count > len(problems):
            lines.append(f"  - … and {count - len(problems)} more")
        return "\n".join([f"{count} problems", *lines])
    text = " ".join(str(error).split())
    lacking: BaseException = error
    while not isinstance(lacking, ModuleNotFoundError) and lacking.__cause__:
        lacking = lacking.__cause__
    if isinstance(lacking, ModuleNotFoundError):
        package = (lacking.name or "").partition(".")[0]
        if package == __package__ and lacking is error:
            return None
        if package in _EXTRAS:
            brings = f"pip install 'bmi-dmx[{_EXTRAS[package]}]' brings"
            if lacking is error:
                return f"needs {package!r}, which {brings}"
            return f"{text}; {brings} it"
    return text


if __name__ == "__main__":
    sys.exit(main())
