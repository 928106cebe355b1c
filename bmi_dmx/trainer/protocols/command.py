"""The command ``dmx experiment``.

Only arguments are declared at import; what it needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ...arguments import whole

__all__ = ["experiment_arguments", "experiment_command"]


def experiment_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx experiment``."""
    parser.add_argument(
        "protocol", help="a YAML file, or the name of one that comes with the package"
    )
    parser.add_argument(
        "settings", nargs="*", metavar="key=value",
        help="replaces a value of the file, such as seeds=[0,1]; settings.KEY=value is "
        "one of all its experiments, such as settings.training.steps=500",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=whole(1), default=1, metavar="N",
        help="trainings at a time, each on a thread of its own (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--root", type=Path, default=Path("runs"), metavar="DIR",
        help="where the folder of the study lies (default: %(default)s)",
    )  # fmt: skip


def experiment_command(options: Namespace) -> None:
    """Run ``dmx experiment``."""
    from ..preflight import loading

    loading(options.protocol)
    from .study import conduct

    report = conduct(
        options.protocol,
        options.settings,
        workers=options.workers,
        root=options.root,
    )
    report.show()
    print(f"\n{report.folder}")
