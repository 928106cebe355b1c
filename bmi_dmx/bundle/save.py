"""Save a trained model as a bundle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from ..compose.model import Model
from ..compose.plan import attributes_of
from ..conversion import plain
from ..errors import BundleError
from ..files import atomic_folder
from ..program import Program
from ..variables import Attribute
from .load import Bundle, load_bundle
from .manifest import (
    HASHED_BLOCKS,
    MANIFEST,
    PROGRAMS,
    WEIGHTS,
    Manifest,
    WeightRecord,
    block_digest,
    file_digest,
    manifest_data,
    manifest_text,
)
from .programs import programs_of
from .upgrades import FORMAT

__all__ = ["save_bundle", "write_files"]

Array = np.ndarray[Any, np.dtype[Any]]


def save_bundle(
    model: Model,
    path: str | PathLike[str],
    *,
    licence: str,
    provenance: Mapping[str, Any],
    scores: Mapping[str, Any],
    name: str | None = None,
    about: str = "",
    attributes: Iterable[Attribute] = (),
    overwrite: bool = False,
) -> Bundle:
    """Write a model to a folder, which then exists whole or not at all.

    The bundle is written beside its place, loaded and verified there, and moved.

    Parameters
    ----------
    model : Model
        The trained model.
    path : path-like
        Folder of the bundle.
    licence : str
        SPDX identifier of the licence of the weights.
    provenance : mapping
        Data, periods, seeds, commit and versions of the training.
    scores : mapping
        How well the model does, and on what.
    name : str, optional
        Name of the model; default: of the folder.
    about : str
        One line about the model.
    attributes : iterable of Attribute
        Declarations, with units, of the attributes the model reads.
    overwrite : bool
        Whether an older bundle at ``path`` may be replaced.

    Returns
    -------
    Bundle
        The bundle as it loads from its folder.

    Raises
    ------
    BundleError
        When something lies at ``path`` already, or the model cannot be saved.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise BundleError(
            f"{target}: exists already; remove it, or name another folder"
        )
    for part, entry in model.spec.parts.items():
        if entry.window_end:
            raise BundleError(
                f"{target}: parts.{part}.window_end: what is answered for a step "
                "depends on steps to come, so nobody can step this model; "
                "compose.windows.at_each_step returns one with the values of each step"
            )
    _refuse_prepared(target, model)
    weights = {
        n: x.detach().cpu().contiguous().numpy() for n, x in model.state_dict().items()
    }
    manifest = Manifest(
        format=FORMAT,
        name=name or target.name,
        about=about,
        licence=licence,
        model=plain(model.spec),
        system=model.spec.system,
        seconds=model.spec.seconds,
        steps=model.spec.lengths,
        space={} if model.space is None else model.space.to_dict(),
        answers=model.answers,
        parts=model.parts,
        attributes=_declared(model, attributes),
        statistics=dict(model.statistics),
        weights={
            n: WeightRecord(shape=x.shape, dtype=str(x.dtype))
            for n, x in weights.items()
        },
        sha256={},
        provenance=dict(provenance),
        scores=dict(scores),
    )
    with atomic_folder(target) as folder:
        write_files(folder, manifest, weights, programs_of(model))
        try:
            load_bundle(folder)
        except BundleError as error:
            # The folder that is named will not be there to look at.
            raise BundleError(str(error).replace(str(folder), str(target))) from None
    return load_bundle(target)


def _refuse_prepared(target: Path, model: Model) -> None:
    """Refuse what changes with time where it is prepared before the first step."""
    varying = {part.name for part in model.plan.networks if part.every != "once"}
    for part in model.plan.processes:
        declared = part.declared(model.spec.seconds)
        if not declared.prepared:
            continue
        for parameter in declared.parameters:
            link = model.plan.link(part, parameter.name)
            if link.giver == "part" and link.part in varying:
                raise BundleError(
                    f"{target}: parts.{part.name}: {parameter.name!r} is prepared once,"
                    f" but {link.part!r} changes it with time; see the options of the "
                    "process, or let a network of attributes give it"
                )


def _declared(model: Model, more: Iterable[Attribute]) -> tuple[Attribute, ...]:
    """Return the attributes the model reads, with what is known of them."""
    declarations = {a.name: a for a in more}
    attributes = {a.name: a for a in attributes_of(model.plans)}
    # What a process needs is declared there; others are known by their name alone.
    return tuple(
        declarations.get(name, a) if a == Attribute(name=name) else a
        for name, a in attributes.items()
    )


def write_files(
    folder: Path,
    manifest: Manifest,
    weights: Mapping[str, Array],
    programs: Mapping[str, Program],
) -> None:
    """Write the three files of a bundle, the manifest with the hashes of the others.

    Parameters
    ----------
    folder : Path
        Where; it exists.
    manifest : Manifest
        Without hashes, or with those of other files.
    weights, programs : mapping
        By name, as of :class:`~.load.Bundle`.
    """
    texts = {name: program.to_json() for name, program in programs.items()}
    files = {
        WEIGHTS: safetensors.numpy.save(dict(weights)),
        PROGRAMS: json.dumps(texts, separators=(",", ":")).encode(),
    }
    hashes = {name: file_digest(content) for name, content in files.items()}
    blocks = manifest_data(manifest)
    hashes |= {
        name: block_digest(blocks[name]) for name in HASHED_BLOCKS if name in blocks
    }
    files[MANIFEST] = manifest_text(replace(manifest, sha256=hashes)).encode()
    for name, content in files.items():
        (folder / name).write_bytes(content)
