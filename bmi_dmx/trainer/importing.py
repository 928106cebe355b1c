"""Experiments made of the configuration files of others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .. import config
from ..errors import ConfigError
from ..files import atomic
from .experiment_file import load_experiment
from .registries import importers

__all__ = ["Imported", "Importer", "write_imported"]


@dataclass(frozen=True)
class Imported:
    """An experiment, and what is other in it than in the file it is made of.

    Parameters
    ----------
    experiment : dict
        As it stands in a file.
    remarks : tuple of str
        Each begins with the key of the file it is about.
    """

    experiment: dict[str, Any]
    remarks: tuple[str, ...]


class Importer(Protocol):
    """Reads one kind of configuration files."""

    def __call__(self, path: Path) -> Imported:
        """Return what a file means here.

        Raises
        ------
        ConfigError
            A key is not known, or means what no experiment can.
        """


def write_imported(
    kind: str, source: Path, settings: Iterable[str] = (), output: Path | None = None
) -> tuple[Path, tuple[str, ...]]:
    """Write the experiment that the configuration file of others stands for.

    Parameters
    ----------
    kind : str
        Registered kind of the file.
    source : Path
        The file.
    settings : iterable of str
        ``key.key=value`` settings that replace those of the experiment.
    output : Path, optional
        Where to; default: the name of the experiment, in the current folder.

    Returns
    -------
    path : Path
        The experiment, with the remarks as comments at its top.
    remarks : tuple of str
        What is other in it.

    Raises
    ------
    ConfigError
        The file cannot be taken over, or there is something at its place already.
    """
    found = importers[kind](source)
    data = config.override(found.experiment, settings)
    path = Path(f"{data['name']}.yaml") if output is None else output
    if path.exists():
        raise ConfigError(f"{path}: there is such a file already; give another name")
    lines = [f"Made of {source.name} ({kind}).", *found.remarks]
    notes = "".join(f"# {line}\n" for line in lines)
    with atomic(path) as temporary:
        temporary.write_text(f"{notes}\n{config.as_yaml(data)}", encoding="utf-8")
        try:
            load_experiment(temporary)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(temporary), str(source))) from None
    return path, found.remarks
