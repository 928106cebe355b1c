"""``model.yaml``: what stands in it, how it is written and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from .. import config
from ..conversion import convert, plain, shown
from ..errors import BundleError, ConfigError
from ..models.spec import ModelSpec
from ..models.statistics import Moments
from ..process import Budget, Process
from ..variables import Attribute, Flux, Forcing, Parameter, State

__all__ = [
    "FORMAT",
    "MANIFEST",
    "PROGRAMS",
    "WEIGHTS",
    "Manifest",
    "Part",
    "Variables",
    "WeightRecord",
    "block_digest",
    "check_digest",
    "file_digest",
    "manifest_data",
    "manifest_text",
    "read_manifest",
]

FORMAT = 1
"""Version of the layout of a bundle."""

MANIFEST = "model.yaml"
WEIGHTS = "weights.safetensors"
PROGRAMS = "programs.json"

HASHED_BLOCKS = ("model", "variables", "statistics", "weights")
"""Keys of the manifest that decide numbers, and so carry a hash of their own."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one part of the model takes in, remembers, is set by, answers and keeps."""

    forcings: tuple[Forcing, ...] = ()
    states: tuple[State, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    fluxes: tuple[Flux, ...] = ()
    budget: Budget | None = None

    @classmethod
    def of(cls, process: Process) -> Part:
        """Return what a process declares."""
        return cls(
            forcings=process.forcings,
            states=process.states,
            parameters=process.parameters,
            fluxes=process.fluxes,
            budget=process.budget,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the kinds of variables the part has."""
        kinds = {field.name: getattr(self, field.name) for field in fields(self)}
        return {kind: variables for kind, variables in kinds.items() if variables}


@dataclass(frozen=True, kw_only=True)
class Variables:
    """Everything named that goes into, stays in or comes out of the model.

    Parameters
    ----------
    attributes : tuple of Attribute
        What the model is given once for every location.
    process : Part
        The physics.
    evaporation : Part or None
        Potential evaporation, where the model computes it.
    routing : Part or None
        The unit hydrograph: its learned parameters, and its memory at the step the
        model was trained at.
    network : Part or None
        The memory of the dynamic network; entries per location and none per member.
    """

    attributes: tuple[Attribute, ...]
    process: Part
    evaporation: Part | None = None
    routing: Part | None = None
    network: Part | None = None

    @property
    def forcings(self) -> tuple[Forcing, ...]:
        """What the model is given at every step."""
        if self.evaporation is None:
            return self.process.forcings
        computed = {flux.name for flux in self.evaporation.fluxes}
        given = {f.name: f for f in self.process.forcings if f.name not in computed}
        given.update({f.name: f for f in self.evaporation.forcings})
        return tuple(given.values())


@dataclass(frozen=True, kw_only=True)
class WeightRecord:
    """Shape and type of one array in the weights file."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of ``model.yaml``.

    Parameters
    ----------
    format : int
        Version of the layout.
    name, about, licence : str
        What the model is called, one line about it, and its licence (SPDX).
    model : ModelSpec
        What it is made of; the same block as in a training configuration.
    scores : dict
        How well it does, and on what.
    provenance : dict
        Data, periods, seeds, commit and versions of the training.
    variables : Variables
        Its variables with units, bounds and meaning.
    statistics : dict of str to Moments
        Normalisation of what its networks read.
    weights : dict of str to WeightRecord
        The arrays of the weights file.
    sha256 : dict of str to str
        Hashes of the other files and of the blocks that decide numbers.
    """

    format: int
    name: str
    about: str = ""
    licence: str
    model: ModelSpec
    scores: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    variables: Variables
    statistics: dict[str, Moments]
    weights: dict[str, WeightRecord]
    sha256: dict[str, str]


def read_manifest(path: Path) -> Manifest:
    """Read ``model.yaml`` and verify its layout and the hashes of its blocks.

    Raises
    ------
    BundleError
        Naming the file, the key, what was found and what was expected.
    """
    try:
        data = config.read(path)
        if not isinstance(data, Mapping):
            raise BundleError(f"{path}: expected a mapping, found {shown(data)}")
        _check_format(path, data)
        manifest = convert(data, Manifest, str(path))
    except ConfigError as error:
        raise BundleError(str(error)) from None
    for block in (*HASHED_BLOCKS, WEIGHTS, PROGRAMS):
        if block not in manifest.sha256:
            raise BundleError(f"{path}: sha256: {block!r} is missing")
    for block in HASHED_BLOCKS:
        check_digest(
            f"{path}: {block}", manifest.sha256[block], block_digest(data[block])
        )
    return manifest


def _check_format(path: Path, data: Mapping[str, Any]) -> None:
    # Before anything else: a later format may have other keys.
    if "format" not in data:
        raise BundleError(f"{path}: format: missing; expected {FORMAT}")
    found = data["format"]
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise BundleError(f"{path}: format: found {shown(found)}, expected {FORMAT}")
    if found > FORMAT:
        raise BundleError(
            f"{path}: format: found version {found}, this version of bmi_dmx reads up "
            f"to {FORMAT}; a newer one is needed"
        )


def check_digest(what: str, expected: str, found: str) -> None:
    """Raise :class:`BundleError` where a hash is not the recorded one."""
    if found != expected:
        raise BundleError(
            f"{what}: altered or truncated: sha256 is {found}, recorded is {expected}"
        )


def manifest_data(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as plain data, its numbers all finite.

    Raises
    ------
    BundleError
        Naming the key of a value that YAML does not keep exactly.
    """
    try:
        data: dict[str, Any] = plain(manifest, MANIFEST, _refused)
    except ConfigError as error:
        raise BundleError(str(error)) from None
    return data


def _refused(value: float, where: str) -> float:
    raise BundleError(f"{where}: found {value}, expected a finite number")


def manifest_text(manifest: Manifest) -> str:
    """Return a manifest as the text of ``model.yaml``."""
    text: str = yaml.dump(
        manifest_data(manifest),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=88,
    )
    return text


def block_digest(block: Any) -> str:
    """Return the hash of plain data, whatever the order of its keys."""
    text = json.dumps(block, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(content: bytes) -> str:
    """Return the hash of a file's content."""
    return hashlib.sha256(content).hexdigest()


class _Dumper(yaml.SafeDumper):
    """Writes block mappings and one-line lists, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    # Configurations are read by rules a little other than the library's, by which text
    # such as 12e5 is a number: quote whatever could be taken for one.
    style = '"' if value[:1] in "+-.0123456789~" else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _sequence(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    short = not any(isinstance(item, (list, dict)) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=short)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _sequence)
