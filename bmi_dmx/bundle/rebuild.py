"""From a bundle back to the PyTorch model it was saved from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..compose.model import Model
from ..compose.part import Declarations, Part
from ..compose.spec import ModelSpec
from ..conversion import convert, shown
from ..errors import BundleError, DmxError
from ..networks.statistics import Statistics
from ..space import space_from
from ..variables import Parameter, Variable
from .manifest import MANIFEST, WEIGHTS, Manifest

__all__ = ["rebuild"]

_NUMERIC = (
    "units", "per_step", "initial", "default", "size", "spacing", "source", "target",
)  # fmt: skip
"""Fields of a variable that decide numbers, beside the bounds of what is learned."""

_STRUCTURE = (
    "kind", "every", "time", "members", "mean", "coupling", "links", "reads",
    "step", "before", "attributes", "inputs", "gives", "weights", "timed",
)  # fmt: skip
"""Fields of a part that decide numbers, beside its variables."""


def rebuild(
    path: Path, manifest: Manifest, arrays: Mapping[str, np.ndarray[Any, Any]]
) -> Model:
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
        spec = convert(manifest.model, ModelSpec)
        space = space_from(manifest.space) if manifest.space else None
        statistics = Statistics(manifest.statistics)
        # Shapes alone: what the model is made of may ask for more than memory holds.
        with torch.device("meta"):
            shape = Model(spec, statistics, space)
    except DmxError as error:
        raise BundleError(f"{path / MANIFEST}: model: {error}") from None
    _compare_parts(path, manifest.parts, shape.parts)
    expected = shape.state_dict()
    for name in sorted(set(expected) ^ set(arrays)):
        state = "missing" if name in expected else "not part of the model"
        raise BundleError(f"{path / WEIGHTS}: array {name!r} is {state}")
    for name, tensor in expected.items():
        actual = arrays[name].shape
        if actual != tuple(tensor.shape):
            raise BundleError(
                f"{path / WEIGHTS}: array {name!r} has shape {actual}, the model "
                f"expects {tuple(tensor.shape)}"
            )
    # Networks draw first weights when made; loading must not disturb who counts on the
    # state of the random numbers.
    with torch.random.fork_rng(devices=[]):
        model = Model(spec, statistics, space)
    # Copies: the bundle's arrays are shared and must stay as they are.
    weights = {n: torch.from_numpy(np.array(x)) for n, x in arrays.items()}
    kinds = [x.dtype for x in weights.values()]
    model.to(kinds[0] if kinds else torch.float64).load_state_dict(weights)
    return model.eval()


def _compare_parts(
    path: Path, recorded: tuple[Part, ...], current: tuple[Part, ...]
) -> None:
    """Refuse a bundle of a process that has been declared anew since."""
    where = f"{path / MANIFEST}: parts"
    names, expected = [p.name for p in recorded], [p.name for p in current]
    if names != expected:
        raise BundleError(
            f"{where}: found {', '.join(names)}; this version of bmi_dmx makes "
            f"{', '.join(expected)}"
        )
    for old, new in zip(recorded, current, strict=True):
        _compare_structure(f"{where}: {old.name}", old, new)
        for key, now in {"": new.variables, **new.at}.items():
            before = old.at.get(key, Declarations()) if key else old.variables
            for kind in ("forcings", "states", "parameters", "prepared", "fluxes"):
                at = f" at {key} s" if key else ""
                place = f"{where}: {old.name}{at}: {kind}"
                _compare(place, getattr(before, kind), getattr(now, kind))


def _compare_structure(where: str, recorded: Part, current: Part) -> None:
    for key in _STRUCTURE:
        old_value, new_value = getattr(recorded, key), getattr(current, key)
        if old_value != new_value:
            raise BundleError(
                f"{where}: {key}: found {_listed(old_value)}; this version of bmi_dmx "
                f"makes {_listed(new_value)}"
            )


def _listed(value: object) -> str:
    return (", ".join(value) or "none") if isinstance(value, tuple) else shown(value)


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
        learned = isinstance(new, Parameter) and new.source == "network"
        for field in (*_NUMERIC, "bounds") if learned else _NUMERIC:
            old_value, new_value = getattr(old, field, None), getattr(new, field, None)
            if old_value != new_value:
                raise BundleError(
                    f"{where}: {old.name}: {field}: found {old_value}, this version of "
                    f"bmi_dmx declares {new_value}"
                )
