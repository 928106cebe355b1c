"""From a bundle back to the PyTorch model it was saved from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import BundleError, DmxError
from ..models.delta import DeltaModel
from ..models.statistics import Statistics
from ..variables import Variable
from .describe import variables_of
from .manifest import MANIFEST, WEIGHTS, Manifest, Part, Variables

__all__ = ["rebuild"]

_NUMERIC = ("units", "bounds", "per_step", "initial", "default", "size")
"""Fields of a variable that decide numbers."""


def rebuild(
    path: Path, manifest: Manifest, arrays: Mapping[str, np.ndarray[Any, Any]]
) -> DeltaModel:
    """Return the model of a bundle with its weights, in evaluation mode.

    Parameters
    ----------
    path : Path
        Folder of the bundle, for messages.
    manifest : Manifest
        What the model is.
    arrays : mapping of str to ndarray
        Its weights; they are copied.

    Raises
    ------
    BundleError
        When this version declares another process, or the weights do not fit.
    """
    try:
        # Networks draw first weights when made; loading must not disturb who counts
        # on the state of the random numbers.
        with torch.random.fork_rng(devices=[]):
            model = DeltaModel(manifest.model, Statistics(manifest.statistics))
    except DmxError as error:
        raise BundleError(f"{path / MANIFEST}: model: {error}") from None
    _compare_declarations(path, manifest.variables, model)
    expected = model.state_dict()
    for name in sorted(set(expected) ^ set(arrays)):
        state = "missing" if name in expected else "not part of the model"
        raise BundleError(f"{path / WEIGHTS}: array {name!r} is {state}")
    for name, wanted in expected.items():
        found = arrays[name].shape
        if found != tuple(wanted.shape):
            raise BundleError(
                f"{path / WEIGHTS}: array {name!r} has shape {found}, the model "
                f"expects {tuple(wanted.shape)}"
            )
    # Copies: the bundle's arrays are shared and must stay as they are.
    weights = {n: torch.from_numpy(np.array(x)) for n, x in arrays.items()}
    model.to(next(iter(weights.values())).dtype).load_state_dict(weights)
    return model.eval()


def _compare_declarations(path: Path, known: Variables, model: DeltaModel) -> None:
    """Refuse a bundle of a process that has been declared anew since."""
    now = variables_of(model, known.attributes)
    for part in ("process", "evaporation", "routing", "network"):
        recorded = getattr(known, part) or Part()
        current = getattr(now, part) or Part()
        for kind in ("forcings", "states", "parameters", "fluxes"):
            where = f"{path / MANIFEST}: variables: {part}: {kind}"
            _compare(where, getattr(recorded, kind), getattr(current, kind))


def _compare(
    where: str, recorded: tuple[Variable, ...], current: tuple[Variable, ...]
) -> None:
    names, expected = [v.name for v in recorded], [v.name for v in current]
    if names != expected:
        raise BundleError(
            f"{where}: found {', '.join(names)}; this version of bmi_dmx declares "
            f"{', '.join(expected)}"
        )
    for old, new in zip(recorded, current, strict=True):
        for field in _NUMERIC:
            found, wanted = getattr(old, field, None), getattr(new, field, None)
            if found != wanted:
                raise BundleError(
                    f"{where}: {old.name}: {field}: found {found}, this version of "
                    f"bmi_dmx declares {wanted}"
                )
