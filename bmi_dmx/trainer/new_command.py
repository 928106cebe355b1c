"""The command ``dmx new``."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..errors import ConfigError
from ..files import atomic_folder
from .registries import DEFAULT_TASK, projects
from .schemas import write_schema

__all__ = ["new_arguments", "new_command"]


def new_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx new``."""
    parser.add_argument(
        "folder", type=Path, help="the folder to be made; its name is the experiment's"
    )
    parser.add_argument(
        "--kind", choices=sorted(projects), default=DEFAULT_TASK,
        help="what is learned from (default: %(default)s)",
    )  # fmt: skip


def new_command(options: Namespace) -> None:
    """Write a project that runs as it is, to be replaced file by file.

    Raises
    ------
    ConfigError
        Something is there already, or its name cannot be that of an experiment.
    """
    folder = options.folder
    name = folder.absolute().name
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise ConfigError(
            f"{folder}: found the name {name!r}, expected letters, digits and '-_.'"
        )
    if (folder.is_dir() and any(folder.iterdir())) or folder.is_file():
        raise ConfigError(f"{folder}: is there already, expected a new or empty folder")
    from .preflight import loading

    loading(folder)
    with atomic_folder(folder) as temporary:
        projects[options.kind](temporary, name)
        # Editors find it by the first line of the experiment.
        write_schema(options.kind, temporary / "experiment.schema.json")
    print(
        f"{folder}\n\nREADME.md in it says how to go on:\n"
        f"  cd {folder}\n  dmx train experiment.yaml"
    )
