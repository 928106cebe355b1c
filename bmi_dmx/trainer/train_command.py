"""The commands from an experiment to a bundle: train, import, tune, export.

Only arguments are declared at import; what a command needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..arguments import whole

__all__ = [
    "export_arguments",
    "export_command",
    "import_arguments",
    "import_command",
    "train_arguments",
    "train_command",
    "tune_arguments",
    "tune_command",
]

_EXPERIMENT = "a YAML file or the name of one that comes with the package"


def train_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx train``."""
    continued = "or the folder of a run, which then continues from its last checkpoint"
    parser.add_argument("experiment", type=Path, help=f"{_EXPERIMENT}; {continued}")
    _settings_argument(parser)


def _settings_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "settings", nargs="*", metavar="key=value",
        help="replaces a value of the file, such as model.members=4",
    )  # fmt: skip


def train_command(options: Namespace) -> None:
    """Run ``dmx train``."""
    from .preflight import checked

    checked(options.experiment, options.settings)
    from .commands import train

    train(options.experiment, options.settings)


def import_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx import``."""
    from .registries import importers

    parser.add_argument("kind", choices=sorted(importers), help="whose it is")
    parser.add_argument(
        "file", type=Path, help="configuration file, or folder of a run"
    )
    _settings_argument(parser)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE",
        help="the experiment or bundle (default: its name, in the current folder)",
    )  # fmt: skip


def import_command(options: Namespace) -> None:
    """Run ``dmx import``."""
    from .preflight import loading

    loading(options.file)
    from .commands import import_file

    import_file(options.kind, options.file, options.settings, options.output)


def tune_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx tune``."""
    parser.add_argument("experiment", type=Path, help=_EXPERIMENT)
    parser.add_argument("search", type=Path, help="what to try, a YAML file")
    _settings_argument(parser)
    parser.add_argument(
        "--workers", type=whole(1), default=1, metavar="N",
        help="trainings at a time, each on a thread of its own (default: 1)",
    )  # fmt: skip


def tune_command(options: Namespace) -> None:
    """Run ``dmx tune``."""
    from .preflight import loading

    loading(options.experiment)
    from .commands import tune

    tune(options.experiment, options.search, options.settings, options.workers)


def export_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx export``."""
    parser.add_argument("run", type=Path, help="folder of a training run")
    parser.add_argument(
        "target", type=Path, nargs="?", metavar="DIR",
        help="folder of the bundle (default: bundle in the folder of the run)",
    )  # fmt: skip


def export_command(options: Namespace) -> None:
    """Run ``dmx export``."""
    from .preflight import loading

    loading(options.run)
    from .commands import export

    export(options.run, options.target)
