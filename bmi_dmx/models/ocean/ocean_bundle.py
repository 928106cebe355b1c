"""Bundles of oceans whose bottom and coefficients are known before any training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from ...bundle import Bundle, save_bundle
from ...compose.model import Model
from ...compose.parameterization import ConstantParameters
from ...errors import ConfigError, DataError
from ...networks.statistics import Statistics
from ...space import Grid, field_shape
from ...variables import Parameter
from .ocean_recipe import PrimitiveOceanModel

__all__ = ["ocean_bundle"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def ocean_bundle(
    path: Path,
    grid: Grid,
    cell_fraction: Array,
    *,
    seconds: float,
    options: Mapping[str, Any],
    coefficients: Mapping[str, ArrayLike],
    source: str,
    licence: str,
    overwrite: bool = False,
) -> Bundle:
    """Write an ocean as a bundle that components run.

    Parameters
    ----------
    path : Path
        Folder of the bundle.
    grid : Grid
        With levels, and a mask of what is water.
    cell_fraction : ndarray
        (level, row, column) share of cells above the bottom.
    seconds : float
        Length of a step.
    options : mapping
        Of the process.
    coefficients : mapping of str to array_like
        Numbers, or (row, column) maps, of coefficients that are not as declared.
    source : str
        Where bottom and coefficients come from.
    licence : str
        SPDX identifier of the licence of the bottom.
    overwrite : bool
        Whether an older bundle may be replaced.

    Raises
    ------
    DataError
        When a number is outside the bounds of what it is.
    ConfigError
        When a step is not stable with them.
    """
    recipe = PrimitiveOceanModel(
        space=grid.to_dict(), seconds=seconds, maps=tuple(coefficients),
        options=dict(options),
    )  # fmt: skip
    model = Model(recipe.model(), Statistics({})).double()
    maps = {"cell_fraction": cell_fraction, **coefficients}
    for name in (part.name for part in model.plan.networks):
        network = model.network(name)
        assert isinstance(network, ConstantParameters)
        _fill(network, maps, grid)
    _refuse_unstable(model)
    return save_bundle(
        model, path, licence=licence, provenance={"source": source}, scores={},
        about="ocean of levels", overwrite=overwrite,
    )  # fmt: skip


def _fill(
    network: ConstantParameters, maps: Mapping[str, ArrayLike], grid: Grid
) -> None:
    """Let a network of maps answer with what is known."""
    table: Any = network.network.output.bias
    for column, entry in enumerate(network.supplied):
        p = entry.parameter
        values = np.asarray(maps[p.name], np.float64).reshape(-1)
        bad = p.first_outside(values)
        if bad is not None:
            raise DataError(
                f"{p.name}: found {values[bad]:g} at position {bad}, expected "
                f"{p.expected}"
            )
        field_shape(grid, p, values.size)
        with torch.no_grad():
            table[:, column] = torch.from_numpy(_raw(p, values))


def _raw(p: Parameter, values: Array) -> Array:
    """Return what a network answers for values of a parameter inside its bounds."""
    if p.spacing == "free":
        return values
    low, high = p.limits
    if p.spacing == "log":
        low, high, values = np.log(low), np.log(high), np.log(values)
    share = (values - low) / (high - low)
    inside = np.clip(share, np.finfo(float).eps, 1.0 - np.finfo(float).eps)
    raw: Array = np.log(inside / (1.0 - inside))
    return raw


def _refuse_unstable(model: Model) -> None:
    """Refuse coefficients with which steps would not stay finite."""
    ran = model.simulate(
        {f: x for f, x in _calm(model).items()}, {}, outputs=("elevation",)
    )
    if not bool(torch.isfinite(ran.outputs["elevation"]).all()):
        raise ConfigError("coefficients: the first step from rest is not finite")


def _calm(model: Model) -> dict[str, torch.Tensor]:
    """Return one step of forcings in which nothing happens."""
    assert model.space is not None
    return {
        f.name: torch.zeros((1, *model.space.shape(f)), dtype=torch.float64)
        for f in model.plan.forcings
    }
