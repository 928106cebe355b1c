"""Load a bundle: everything verified, nothing executed, PyTorch not needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

from ..compose.part import Part, step_key
from ..compose.plan import Plan, plan
from ..conversion import shown
from ..errors import BundleError, ConfigError, suggestion
from ..networks.statistics import Statistics
from ..program import Program
from ..registry import Registry
from .declared import verify_declarations
from .manifest import (
    MANIFEST,
    PROGRAMS,
    WEIGHTS,
    Manifest,
    check_digest,
    file_digest,
    read_manifest,
)
from .upgrades import upgraded_programs
from .verify import verify_programs, verify_weights

if TYPE_CHECKING:
    from ..compose.model import Model

__all__ = ["Bundle", "bundles", "load_bundle"]

Array = np.ndarray[Any, np.dtype[Any]]

_LARGEST = 1 << 24
"""Most bytes of the file of programs."""

_SHIPPED = Path(__file__).resolve().parents[1] / "bundles"


@dataclass(frozen=True)
class Bundle:
    """A trained model as it lies on disk; the same object may serve many components.

    Parameters
    ----------
    path : Path
        Its folder.
    manifest : Manifest
        The content of ``model.yaml``.
    weights : dict of str to ndarray
        Read-only arrays by the name they have in the model.
    programs : dict of str to Program
        By part. A network that runs once: raw ``attributes`` (place, attribute) and
        weights ``w.<name>`` to ``p.<parameter>`` (place, member) or (place,), per unit
        of time. Other networks: also raw ``forcing`` (place, forcing) and
        ``s.<memory>`` to the new memory. A process: one time step of ``s.<state>``,
        ``f.<forcing>``, ``p.<parameter>`` to the new states and ``q.<flux>``, under
        ``<part>@<seconds>`` where it depends on the step; ``<part>.prepare`` is what
        makes of its parameters those that the step sees.
    """

    path: Path
    manifest: Manifest
    weights: Mapping[str, Array]
    programs: Mapping[str, Program]

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.manifest.name

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the model, with all they declare."""
        return self.manifest.parts

    @cached_property
    def plan(self) -> Plan:
        """The parts with every name resolved, at the step it was trained at."""
        return plan(self.parts, self.manifest.seconds)

    def program(self, part: Part, seconds: float, what: str = "") -> Program:
        """Return the program of a part at steps of a length.

        Parameters
        ----------
        part : Part
            One of :attr:`parts`.
        seconds : float
            Length of the step.
        what : str
            ``prepare`` for what makes of its parameters those that the step sees.
        """
        name = f"{part.name}.{what}" if what else part.name
        return self.programs[f"{name}@{step_key(seconds)}" if part.timed else name]

    @property
    def statistics(self) -> Statistics:
        """Normalisation of what the networks read."""
        return Statistics(self.manifest.statistics)

    @property
    def fingerprint(self) -> str:
        """Hash of weights and programs: equal for models that give equal numbers."""
        if self.manifest.fingerprint is not None:
            return self.manifest.fingerprint
        hashes = (self.manifest.sha256[name] for name in (WEIGHTS, PROGRAMS))
        return file_digest("".join(hashes).encode())

    @cached_property
    def constants(self) -> dict[str, Array]:
        """Weights in double precision by the name programs use, ``w.<name>``."""
        wide = {f"w.{name}": x.astype(np.float64) for name, x in self.weights.items()}
        _freeze(wide)
        return wide

    def model(self) -> Model:
        """Return the model with its weights, ready to simulate; imports PyTorch.

        Raises
        ------
        BundleError
            When this version declares another process, or the weights do not fit.
        """
        from .rebuild import rebuild

        return rebuild(self.path, self.manifest, self.weights)


def load_bundle(bundle: str | PathLike[str]) -> Bundle:
    """Load and verify a bundle.

    Parameters
    ----------
    bundle : str or path-like
        Name of a bundle that comes with the package, or the folder of any other.

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        When a file or key is missing, unknown, altered, truncated, of a later format,
        or does not fit the rest; names the file, the key, what was found and what was
        expected.
    """
    path = _locate(bundle)
    manifest, version = read_manifest(path / MANIFEST)
    verify_declarations(path, manifest)
    weights = _read_weights(path / WEIGHTS, manifest)
    programs = _read_programs(path / PROGRAMS, manifest, version)
    verify_weights(path, manifest, weights)
    verify_programs(path, manifest, weights, programs)
    _freeze(weights)
    return Bundle(path, manifest, weights, programs)


def _freeze(arrays: Mapping[str, Array]) -> None:
    # One bundle serves many components.
    for array in arrays.values():
        array.flags.writeable = False


def _locate(bundle: str | PathLike[str]) -> Path:
    shipped = isinstance(bundle, str) and bundle in bundles
    path = bundles[str(bundle)] if shipped else Path(bundle)
    if path.is_file():
        whole = path.parent if path.name in _FILES else None
        hint = f" {str(whole)!r}" if whole else "; unpack it, if it holds one"
        raise BundleError(f"{bundle}: is a file, expected the folder of a bundle{hint}")
    if not path.is_dir():
        hint = suggestion(str(bundle), bundles)
        raise BundleError(f"{bundle}: no such folder, and no bundle of that name{hint}")
    if (path / "config.yaml").is_file() and not (path / MANIFEST).is_file():
        raise BundleError(
            f"{path}: is the folder of a training; dmx export makes a bundle of it"
        )
    for name in _FILES:
        if not (path / name).is_file():
            # As after unpacking an archive that holds the folder.
            below = sorted(path.glob(f"*/{MANIFEST}"))
            hint = f"; there is one in {str(below[0].parent)!r}" if below else ""
            raise BundleError(f"{path}: file {name!r} is missing{hint}")
    return path


_FILES = (MANIFEST, WEIGHTS, PROGRAMS)


def _content(path: Path, manifest: Manifest) -> bytes:
    content = path.read_bytes()
    check_digest(
        f"{path} ({len(content)} bytes)",
        manifest.sha256[path.name],
        file_digest(content),
    )
    return content


def _read_weights(path: Path, manifest: Manifest) -> dict[str, Array]:
    try:
        arrays: dict[str, Array] = safetensors.numpy.load(_content(path, manifest))
    except safetensors.SafetensorError as error:
        raise BundleError(f"{path}: not a whole safetensors file: {error}") from None
    except KeyError as error:
        # What the library raises for types that NumPy does not have.
        raise BundleError(
            f"{path}: arrays of {error.args[0]}, expected float32 or float64"
        ) from None
    return arrays


def _read_programs(path: Path, manifest: Manifest, version: int) -> dict[str, Program]:
    if path.stat().st_size > _LARGEST:
        raise BundleError(f"{path}: larger than {_LARGEST} bytes")
    content = _content(path, manifest)
    try:
        data = json.loads(content, object_pairs_hook=_named_once)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not JSON: {error}") from None
    if not isinstance(data, dict):
        raise BundleError(f"{path}: expected programs by name, found {shown(data)}")
    try:
        data = upgraded_programs(data, version, manifest, str(path))
    except ConfigError as error:
        raise BundleError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    return {
        name: Program.from_json(program, f"{path}: {name}")
        for name, program in data.items()
    }


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping of JSON; the library would take the last of equal names."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r:.60} is given twice")
    return mapping


def _shipped() -> dict[str, Path | str]:
    manifests = sorted(_SHIPPED.glob(f"*/{MANIFEST}"))
    return {manifest.parent.name: manifest.parent for manifest in manifests}


bundles: Registry[Path] = Registry("bundle", _shipped())
"""Folders of the bundles that come with the package, by name."""
