"""Experiments and bundles made of what others wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .. import config
from ..bundle import save_bundle
from ..compose import Model
from ..errors import ConfigError, suggestion
from ..files import atomic
from .experiment_file import load_experiment
from .registries import importers

__all__ = ["ImportedExperiment", "ImportedModel", "Importer", "write_imported"]

_UNKNOWN_LICENCE = "LicenseRef-unknown"


@dataclass(frozen=True)
class ImportedExperiment:
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


@dataclass(frozen=True, kw_only=True)
class ImportedModel:
    """A model that others trained, and what is other in it than there.

    Parameters
    ----------
    model : Model
        With their weights.
    name, about : str
        Of the bundle.
    provenance : mapping of str to object
        How it was trained.
    remarks : tuple of str
        Each begins with the key of their configuration it is about.
    """

    model: Model
    name: str
    about: str
    provenance: Mapping[str, Any]
    remarks: tuple[str, ...]


class Importer(Protocol):
    """Reads one kind of configuration files, or of trained models."""

    def __call__(self, path: Path) -> ImportedExperiment | ImportedModel:
        """Return what a file or folder means here.

        Raises
        ------
        ConfigError
            A key is not known, or means what no experiment can.
        """


def write_imported(
    kind: str, source: Path, settings: Iterable[str] = (), output: Path | None = None
) -> tuple[Path, tuple[str, ...]]:
    """Write the experiment or bundle that files of others stand for.

    Parameters
    ----------
    kind : str
        Registered kind of the file.
    source : Path
        The file, or folder.
    settings : iterable of str
        ``key.key=value`` settings that replace those of the experiment; of a model its
        ``name``, ``about`` and ``licence``.
    output : Path, optional
        Where to; default: the name of the experiment or model, in the current folder.

    Returns
    -------
    path : Path
        The experiment, with the remarks as comments at its top, or the bundle.
    remarks : tuple of str
        What is other in it.

    Raises
    ------
    ConfigError
        The file cannot be taken over, or there is something at its place already.
    """
    imported = importers[kind](source)
    if isinstance(imported, ImportedModel):
        return _bundle(kind, imported, settings, output), imported.remarks
    data = config.override(imported.experiment, settings)
    path = Path(f"{data['name']}.yaml") if output is None else output
    if path.exists():
        raise ConfigError(f"{path}: there is such a file already; give another name")
    lines = [f"Made of {source.name} ({kind}).", *imported.remarks]
    notes = "".join(f"# {line}\n" for line in lines)
    with atomic(path) as temporary:
        temporary.write_text(f"{notes}\n{config.as_yaml(data)}", encoding="utf-8")
        try:
            load_experiment(temporary)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(temporary), str(source))) from None
    return path, imported.remarks


def _bundle(
    kind: str, imported: ImportedModel, settings: Iterable[str], output: Path | None
) -> Path:
    """Save a model that others trained, and return the folder of the bundle."""
    usual = {
        "name": imported.name, "about": imported.about, "licence": _UNKNOWN_LICENCE
    }  # fmt: skip
    entries = config.override(usual, settings)
    for key in entries:
        if key not in usual:
            raise ConfigError(f"{key}: unknown key{suggestion(key, usual)}")
    path = Path(str(entries["name"])) if output is None else output
    bundle = save_bundle(
        imported.model,
        path,
        name=str(entries["name"]),
        about=str(entries["about"]),
        licence=str(entries["licence"]),
        provenance={"imported": kind, **imported.provenance},
        scores={},
    )
    return bundle.path
