"""Forcings and attributes on their way into a model: checked, completed, summarised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..errors import ConfigError, DataError, suggestion
from ..process import Process
from ..program.trace import call_step
from .registries import evaporations
from .spec import ModelSpec
from .statistics import Statistics

__all__ = [
    "POTENTIAL_EVAPORATION",
    "attribute_values",
    "columns",
    "evaporation_process",
    "fit_statistics",
    "forcing_series",
    "potential_evaporation",
]

POTENTIAL_EVAPORATION = "potential_evaporation"

T = TypeVar("T")


def forcing_series(
    given: Mapping[str, Tensor], names: Sequence[str], dtype: torch.dtype
) -> dict[str, Tensor]:
    """Return the named forcings, (time, location), all of one shape and finite.

    Raises
    ------
    DataError
        Naming the forcing that is missing, misshapen or not finite.
    """
    series = {name: _entry("forcing", given, name) for name in names}
    first = series[names[0]]
    for name, x in series.items():
        if x.ndim != 2 or not x.numel():
            raise DataError(
                f"forcing {name!r} has shape {tuple(x.shape)}, expected "
                "(time, location) with at least one of each"
            )
        if x.shape != first.shape:
            raise DataError(
                f"forcing {name!r} has shape {tuple(x.shape)}, {names[0]!r} has "
                f"{tuple(first.shape)}"
            )
        _screen("forcing", name, x)
    return {name: x.to(dtype) for name, x in series.items()}


def attribute_values(
    given: Mapping[str, Tensor],
    names: Sequence[str],
    dtype: torch.dtype,
    locations: int | None = None,
) -> dict[str, Tensor]:
    """Return the named attributes, (location,), all of one length and finite.

    Raises
    ------
    DataError
        Naming the attribute that is missing, misshapen or not finite.
    """
    values = {name: _entry("attribute", given, name) for name in names}
    for name, x in values.items():
        if locations is None and x.ndim == 1:
            locations = len(x)
        if tuple(x.shape) != (locations,):
            raise DataError(
                f"attribute {name!r} has shape {tuple(x.shape)}, expected one value "
                f"for each of {locations or 'the'} locations"
            )
        _screen("attribute", name, x)
    return {name: x.to(dtype) for name, x in values.items()}


def columns(values: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """Return the named tensors stacked along a new last axis."""
    return torch.stack([values[name] for name in names], -1)


def evaporation_process(name: str) -> Process | None:
    """Return the process of a configured evaporation; None where it is given.

    Raises
    ------
    ConfigError
        When the name is unknown.
    """
    if name == "given":
        return None
    if name not in evaporations:
        hint = suggestion(name, ["given", *evaporations])
        raise ConfigError(f"evaporation: unknown {name!r}{hint}")
    return evaporations[name]()


def potential_evaporation(
    process: Process, forcing: Mapping[str, Tensor], attributes: Mapping[str, Tensor]
) -> Tensor:
    """Return potential evaporation, (time, location), mm per day.

    The process has no memory, so one call of its step serves the whole series.
    """
    values = {f"f.{f.name}": forcing[f.name] for f in process.forcings}
    values |= {f"p.{p.name}": attributes[p.name] for p in process.parameters}
    return call_step(process, values)[f"q.{POTENTIAL_EVAPORATION}"]


def fit_statistics(
    spec: ModelSpec,
    forcing: Mapping[str, ArrayLike],
    attributes: Mapping[str, ArrayLike],
) -> Statistics:
    """Return the statistics of everything a model's networks read.

    Parameters
    ----------
    spec : ModelSpec
        The model; potential evaporation is computed the way it does.
    forcing : mapping of str to array_like
        (time, location), the training period of the training locations.
    attributes : mapping of str to array_like
        (location,).

    Raises
    ------
    DataError
        When a quantity is missing or has values that are not finite.
    """
    evaporation = evaporation_process(spec.evaporation)

    def numbers(what: str, given: Mapping[str, ArrayLike], name: str) -> Tensor:
        return torch.from_numpy(np.array(_entry(what, given, name), dtype=np.float64))

    def value(name: str) -> Tensor:
        if name in spec.network_attributes:
            return numbers("attribute", attributes, name)
        if name == POTENTIAL_EVAPORATION and evaporation is not None:
            drivers = {
                f.name: numbers("forcing", forcing, f.name)
                for f in evaporation.forcings
            }
            places = {
                p.name: numbers("attribute", attributes, p.name)
                for p in evaporation.parameters
            }
            return potential_evaporation(evaporation, drivers, places)
        return numbers("forcing", forcing, name)

    values = {name: value(name).numpy() for name in spec.network_inputs}
    return Statistics.fit(values, spec.transforms)


def _entry(what: str, given: Mapping[str, T], name: str) -> T:
    if name not in given:
        raise DataError(f"{what} {name!r} is missing{suggestion(name, given)}")
    return given[name]


def _screen(what: str, name: str, x: Tensor) -> None:
    # One pass and no temporary where all is well; a sum of finite numbers may overflow,
    # hence the second look.
    if not bool(torch.isfinite(x.detach().sum())):
        bad = (~x.detach().isfinite()).nonzero()
        if len(bad):
            place = tuple(bad[0].tolist())
            raise DataError(f"{what} {name!r} is not finite at index {place}")
