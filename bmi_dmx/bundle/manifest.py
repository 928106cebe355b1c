"""``model.yaml``: what stands in it, how it is written and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import config
from ..compose.part import Part
from ..conversion import convert, plain, shown
from ..errors import BundleError, ConfigError
from ..networks.statistics import Moments
from ..variables import Attribute
from .upgrades import FORMAT, upgraded

__all__ = [
    "HASHED_BLOCKS",
    "MANIFEST",
    "PROGRAMS",
    "WEIGHTS",
    "Manifest",
    "WeightRecord",
    "block_digest",
    "check_digest",
    "file_digest",
    "manifest_data",
    "manifest_text",
    "read_manifest",
]

MANIFEST = "model.yaml"
WEIGHTS = "weights.safetensors"
PROGRAMS = "programs.json"

HASHED_BLOCKS = (
    "model", "system", "seconds", "steps", "space", "answers", "parts", "attributes",
    "statistics", "weights", "fingerprint",
)  # fmt: skip
"""Keys of the manifest that decide numbers, or whose they are, and so carry a hash of
their own."""


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
    model : dict
        What it is made of; the same block as in a training configuration.
    system : str, optional
        Registered system whose names, units and ways of starting hosts are offered.
    seconds : float
        Length of the step it was trained at.
    steps : tuple of float
        Lengths of the steps it can be run at, in seconds.
    space : dict
        Where it lives; empty for any points.
    parts : tuple of Part
        Its parts with all they declare: units, bounds and meaning.
    attributes : tuple of Attribute
        What it is given once for every place.
    answers : tuple of str
        What it is asked for unless somebody says otherwise.
    scores : dict
        How well it does, and on what.
    provenance : dict
        Data, periods, seeds, commit and versions of the training.
    statistics : dict of str to Moments
        Normalisation of what its networks read.
    weights : dict of str to WeightRecord
        The arrays of the weights file.
    fingerprint : str, optional
        Of the bundle of an older format that this one gives the numbers of.
    sha256 : dict of str to str
        Hashes of the other files and of the blocks that decide numbers.
    """

    format: int
    name: str
    about: str = ""
    licence: str
    model: dict[str, Any]
    system: str | None = None
    seconds: float
    steps: tuple[float, ...]
    space: dict[str, Any] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    scores: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...]
    attributes: tuple[Attribute, ...] = ()
    statistics: dict[str, Moments]
    weights: dict[str, WeightRecord]
    fingerprint: str | None = None
    sha256: dict[str, str]

    def __post_init__(self) -> None:
        for key, lengths in (("seconds", (self.seconds,)), ("steps", self.steps)):
            for length in lengths:
                if not 0.0 < length < float("inf"):
                    raise ConfigError(
                        f"{key}: found {length}, expected a number above 0"
                    )
        if self.seconds not in self.steps:
            raise ConfigError(f"steps: {self.seconds:g}, the trained one, is missing")


def read_manifest(path: Path) -> tuple[Manifest, int]:
    """Read ``model.yaml`` and verify its layout and the hashes of its blocks.

    Returns
    -------
    Manifest
        In the present format.
    int
        The format it was written in.

    Raises
    ------
    BundleError
        Naming the file, the key, what was found and what was expected.
    """
    try:
        data = config.read(path)
        if not isinstance(data, Mapping):
            raise BundleError(f"{path}: expected a mapping, found {shown(data)}")
        version = _format(path, data)
        whole = upgraded(data, str(path), check_blocks)
        manifest = convert(whole, Manifest, str(path))
    except ConfigError as error:
        raise BundleError(str(error)) from None
    for name in (WEIGHTS, PROGRAMS):
        if name not in manifest.sha256:
            raise BundleError(f"{path}: sha256: {name!r} is missing")
    return manifest, version


def check_blocks(where: str, data: Mapping[str, Any], blocks: tuple[str, ...]) -> None:
    """Compare blocks of a manifest with the hashes it carries.

    Raises
    ------
    BundleError
        Naming the block that was altered, or has no hash.
    """
    hashes = data.get("sha256")
    if not isinstance(hashes, Mapping):
        raise BundleError(f"{where}: sha256: found {shown(hashes)}, expected a mapping")
    for block in blocks:
        if block not in hashes and block not in data:
            # Some may be left out; where one is needed, who reads it says so.
            continue
        if block not in hashes:
            raise BundleError(f"{where}: sha256: {block!r} is missing")
        if block not in data:
            raise BundleError(f"{where}: {block}: missing; its hash is there")
        check_digest(f"{where}: {block}", hashes[block], block_digest(data[block]))


def _format(path: Path, data: Mapping[str, Any]) -> int:
    # Before anything else: a later format may have other keys.
    if "format" not in data:
        raise BundleError(f"{path}: format: missing; expected {FORMAT}")
    number = data["format"]
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise BundleError(f"{path}: format: found {shown(number)}, expected {FORMAT}")
    if number > FORMAT:
        raise BundleError(
            f"{path}: format: found version {number}, this version of bmi_dmx reads up "
            f"to {FORMAT}; a newer one is needed"
        )
    return number


def check_digest(what: str, expected: str, digest: str) -> None:
    """Raise :class:`BundleError` where a hash is not the recorded one."""
    if digest != expected:
        raise BundleError(
            f"{what}: altered or truncated: sha256 is {digest}, recorded is {expected}"
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
    return config.as_yaml(manifest_data(manifest))


def block_digest(block: Any) -> str:
    """Return the hash of plain data, whatever the order of its keys."""
    text = json.dumps(block, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(content: bytes) -> str:
    """Return the hash of a file's content."""
    return hashlib.sha256(content).hexdigest()
