"""Forcings and attributes on their way into a model: checked, completed, summarised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..errors import ConfigError, DataError, suggestion
from ..networks.statistics import Moments, Statistics
from ..program.trace import call_step
from .parts import BuiltPart, make_parts
from .periods import Periods, periods_of, rule_of
from .plan import Link, Plan, plan
from .precursors import steps_before
from .spec import ModelSpec

__all__ = [
    "attribute_values",
    "check_spec",
    "columns",
    "fit_statistics",
    "forcing_series",
]

T = TypeVar("T")


def forcing_series(
    forcings: Mapping[str, Tensor],
    names: Sequence[str],
    dtype: torch.dtype,
    *,
    fields: bool = False,
) -> dict[str, Tensor]:
    r"""Return the named forcings, (time, place), all of one shape and finite.

    Parameters
    ----------
    forcings : mapping of str to Tensor
        Forcings by name.
    names : sequence of str
        Those that are wanted.
    dtype : torch.dtype
        Type to bring them to.
    fields : bool
        They are (time, ..., \*shape of the space), whose shapes may differ by where
        on the grid they stand.

    Raises
    ------
    DataError
        Naming the forcing that is missing, misshapen or not finite.
    """
    series = {name: _entry("forcing", forcings, name) for name in names}
    first = series[names[0]]
    for name, x in series.items():
        if not x.numel() or (x.ndim != 2 and not fields):
            raise DataError(
                f"forcing {name!r} has shape {tuple(x.shape)}, expected "
                "(time, place) with at least one of each"
            )
        if x.shape != first.shape and not (fields and len(x) == len(first)):
            raise DataError(
                f"forcing {name!r} has shape {tuple(x.shape)}, {names[0]!r} has "
                f"{tuple(first.shape)}"
            )
        _screen("forcing", name, x)
    return {name: x.to(dtype) for name, x in series.items()}


def attribute_values(
    attributes: Mapping[str, Tensor],
    names: Sequence[str],
    dtype: torch.dtype,
    places: int | None = None,
    *,
    fields: bool = False,
) -> dict[str, Tensor]:
    """Return the named attributes, (place,), all of one length and finite.

    Parameters
    ----------
    attributes : mapping of str to Tensor
        By name.
    names, dtype
        As of :func:`forcing_series`.
    places : int, optional
        Number of places; default: that of the first.
    fields : bool
        They are numbers or whole fields.

    Raises
    ------
    DataError
        Naming the attribute that is missing, misshapen or not finite.
    """
    values = {name: _entry("attribute", attributes, name) for name in names}
    for name, x in values.items():
        if places is None and x.ndim == 1:
            places = len(x)
        if tuple(x.shape) != (places,) and not fields:
            raise DataError(
                f"attribute {name!r} has shape {tuple(x.shape)}, expected one value "
                f"for each of {places or 'the'} places"
            )
        _screen("attribute", name, x)
    return {name: x.to(dtype) for name, x in values.items()}


def columns(
    values: Mapping[str, Tensor], names: Sequence[str], nothing: Tensor | None = None
) -> Tensor:
    """Return the named tensors stacked along a new last axis.

    Where none is named it is ``nothing``, whose last axis is empty.
    """
    if not names and nothing is not None:
        return nothing
    return torch.stack([values[name] for name in names], -1)


def fit_statistics(
    spec: ModelSpec,
    forcing: Mapping[str, ArrayLike],
    attributes: Mapping[str, ArrayLike],
    seconds: float | None = None,
    observed: Mapping[str, ArrayLike] | None = None,
) -> Statistics:
    """Return the statistics of all that a model's networks read, and answer by.

    Parameters
    ----------
    spec : ModelSpec
        The model; what networks read of earlier parts is computed the way it does.
    forcing : mapping of str to array_like
        (time, place), the training period of the training places.
    attributes : mapping of str to array_like
        (place,).
    seconds : float, optional
        Length of the steps of the forcing; default: that of the model. Networks with a
        longer step of their own read means over it, and so it is these that count.
    observed : mapping of str to array_like
        (time, place) of the same period and places, NaN where missing: what parameters
        stand for that are answered by the moments of observations.

    Raises
    ------
    DataError
        When a quantity is missing or has values that are not finite.
    ConfigError
        When a network reads what only a trained model could compute.
    """
    pieces = {m.part.name: m for m in make_parts(spec)}
    parts = [m.part for m in pieces.values()]
    length = seconds or spec.seconds
    whole = plan(parts, spec.seconds)
    readings = _read(whole, pieces, forcing, attributes)
    values = {name: readings[name] for name in spec.network_inputs if name in readings}
    for name in values:
        readers = [p for p in whole.networks if name in p.inputs]
        # What is read as it is, too, varies as it does.
        if readers and all(part.gathers for part in readers):
            (part, *_) = readers
            periods = periods_of(whole, replace(part, inputs=(name,)), length)
            values[name] = periods.whole(values[name].unsqueeze(-1))
    transforms = {n: t for n, t in spec.transforms.items() if n in values}
    for step in steps_before(parts):
        at = plan(parts, step)
        longer = _in_longer_steps(at, forcing, max(1, round(step / length)))
        long_readings = _read(at, pieces, longer, attributes)
        for part in at.networks:
            # Longer steps have other moments than those of the model.
            names = {n: f"{part.name}.{n}" for n in part.inputs if part.before}
            names |= {n: n for n in part.attributes}
            values |= {new: long_readings[n] for n, new in names.items()}
            transforms |= {
                new: spec.transforms[n]
                for n, new in names.items()
                if n in spec.transforms
            }
    samples = {name: x.numpy() for name, x in values.items()}
    for name in whole.targets:
        x = _numbers("observed", observed or {}, name).numpy()
        samples[name] = x[np.isfinite(x)]
    return Statistics.fit(samples, transforms)


def _numbers(what: str, values: Mapping[str, ArrayLike], name: str) -> Tensor:
    return torch.from_numpy(np.array(_entry(what, values, name), dtype=np.float64))


def _in_longer_steps(
    at: Plan, forcing: Mapping[str, ArrayLike], ratio: int
) -> Mapping[str, ArrayLike]:
    """Return the forcing of a plan in steps so many times as long."""
    if ratio == 1:
        return forcing
    series = {}
    for f in at.forcings:
        source = f.extreme[1] if f.extreme and f.name not in forcing else f.name
        x = _numbers("forcing", forcing, source).unsqueeze(-1)
        series[f.name] = Periods("", ratio, [rule_of(f)]).whole(x).squeeze(-1).numpy()
    return series


def _read(
    at: Plan,
    pieces: Mapping[str, BuiltPart],
    forcing: Mapping[str, ArrayLike],
    attributes: Mapping[str, ArrayLike],
) -> dict[str, Tensor]:
    """Return what the networks of a plan read, by name."""

    def value(link: Link) -> Tensor:
        if link.giver == "part":
            return computed(pieces[link.part])[link.name]
        if link.giver == "attribute":
            return _numbers("attribute", attributes, link.name)
        return _numbers("forcing", forcing, link.name)

    def computed(one: BuiltPart) -> dict[str, Tensor]:
        part, process = one.part, one.process
        declared = part.declared(at.seconds)
        if process is None or declared.states:
            raise ConfigError(
                f"parts.{part.name}: a network reads it, but it cannot be computed "
                "before training; expected a process without memory"
            )
        inputs = (*declared.forcings, *declared.parameters)
        values = {v.name: value(at.link(part, v.name)) for v in inputs}
        names = {
            **{f.name: f"f.{f.name}" for f in declared.forcings},
            **{p.name: f"p.{p.name}" for p in declared.parameters},
        }
        ready = process.at(part.dt(at.seconds))
        outputs = call_step(ready, {names[n]: x for n, x in values.items()})
        return {flux.name: outputs[f"q.{flux.name}"] for flux in ready.fluxes}

    links = {
        name: Link("attribute", name)
        if name in part.attributes
        else at.link(part, name)
        for part in at.networks
        for name in (*part.attributes, *part.inputs)
    }
    return {name: value(link) for name, link in links.items()}


def check_spec(spec: ModelSpec) -> None:
    """Refuse names that a model cannot be made of, before any data are read.

    Raises
    ------
    ConfigError
        Naming the key.
    """
    from .model import Model

    whole = plan((m.part for m in make_parts(spec)), spec.seconds)
    names = (*spec.network_inputs, *whole.targets)
    statistics = Statistics({n: Moments(0.0, 1.0) for n in names})
    # Of shapes alone: no memory, however wide, and no random numbers.
    with torch.device("meta"):
        Model(spec, statistics)


def _entry(what: str, values: Mapping[str, T], name: str) -> T:
    if name not in values:
        raise DataError(f"{what} {name!r} is missing{suggestion(name, values)}")
    return values[name]


def _screen(what: str, name: str, x: Tensor) -> None:
    # One pass and no temporary where all is well; a sum of finite numbers may overflow,
    # hence the second look.
    if not bool(torch.isfinite(x.detach().sum())):
        bad = (~x.detach().isfinite()).nonzero()
        if len(bad):
            place = tuple(bad[0].tolist())
            raise DataError(f"{what} {name!r} is not finite at index {place}")
