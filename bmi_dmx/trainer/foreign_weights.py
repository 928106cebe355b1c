"""Weights that others saved with PyTorch: read as arrays by name, nothing executed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..compose import Model
from ..errors import DataError

__all__ = ["LARGEST", "put_in", "read_weights"]

LARGEST = 1 << 28
"""Bytes of weights that are looked at."""


def read_weights(
    path: Path, axes: Mapping[str, int], ignored: Collection[str] = ()
) -> dict[str, Tensor]:
    """Return the arrays of a file of weights.

    Parameters
    ----------
    path : Path
        What ``torch.save`` wrote of a ``state_dict``.
    axes : mapping of str to int
        The arrays that are expected, and how many axes each has.
    ignored : collection of str
        Arrays that may be there as well.

    Raises
    ------
    DataError
        The file is missing or holds something else; names the array.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file of weights")
    if path.stat().st_size > LARGEST:
        raise DataError(f"{path}: larger than {LARGEST} bytes")
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # as many kinds as there are ways to damage a file
        raise DataError(f"{path}: expected arrays by name, and nothing else") from None
    names = set(weights) if isinstance(weights, Mapping) else set()
    for name in sorted(map(str, set(axes) ^ (names - set(ignored)))):
        state = "missing" if name in axes else "not part of the network"
        raise DataError(f"{path}: array {name!r} is {state}")
    for name, count in axes.items():
        x = weights[name]
        if not (isinstance(x, Tensor) and x.is_floating_point()):
            raise DataError(f"{path}: {name}: expected an array of real numbers")
        if x.ndim != count:
            raise DataError(f"{path}: {name}: found {x.ndim} dimensions")
        if not torch.isfinite(x).all():
            raise DataError(f"{path}: {name}: holds values that are no numbers")
    return {name: weights[name] for name in axes}


def put_in(
    model: Model, arrays: Mapping[str, Tensor], names: Mapping[str, str], path: Path
) -> None:
    """Give a model weights that others trained.

    Parameters
    ----------
    model : Model
        Changed in place.
    arrays : mapping of str to Tensor
        By their names there.
    names : mapping of str to str
        From these to the names in the model.
    path : Path
        File of the weights, for messages.

    Raises
    ------
    DataError
        An array has another shape than the configuration asks for.
    """
    own = model.state_dict()
    for name, x in arrays.items():
        shape = own[names[name]].shape
        if x.shape != shape:
            raise DataError(
                f"{path}: {name} has shape {tuple(x.shape)}, the configuration asks for"
                f" {tuple(shape)}"
            )
    model.load_state_dict({**own, **{names[n]: x for n, x in arrays.items()}})
