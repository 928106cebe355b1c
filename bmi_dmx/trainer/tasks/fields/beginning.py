"""What maps of a model begin with: what is known, and a linear inverse model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ....compose import Model
from ....compose.parameterization import ConstantParameters
from ....errors import DataError
from ....networks.maps import Maps
from ....variables import Parameter
from .baselines import DampedPersistence, LinearInverse
from .experiment import Experiment
from .samples import FieldSamples
from .seasonal import SeasonalInverse, fading, waves_of

__all__ = ["begin_with", "known_maps"]

Array = NDArray[np.float64]

_MARGIN = 1e-4
"""Share of their bounds that maps stay off the ends, where nothing could be learned."""


def known_maps(
    samples: FieldSamples, experiment: Experiment, modes: int, *, seasonal: bool
) -> dict[str, Array]:
    """Return maps by the name of the parameter that they are of, (row, column).

    Parameters
    ----------
    samples : FieldSamples
        What was observed.
    experiment : Experiment
        Its years to learn from, and what maps begin with.
    modes : int
        Patterns of the linear inverse model.
    seasonal : bool
        Whether it, and what cells fade by, change with the season.

    Returns
    -------
    dict of str to ndarray
        ``sea``, the mask; ``usual_1`` to ``usual_12``, the climatology of the months;
        ``damping``; ``weight_1`` … and ``response_1`` … of a linear inverse model;
        where it is seasonal ``damping_cosine``, ``response_cosine_1`` … and the same of
        the sine. All of them are of the first field. Means of all steps are
        ``usual_NAME``.
    """
    name = next(iter(samples.anomalies))
    maps = {"sea": samples.mask.astype(np.float64)}
    usual = samples.climatology.get(name)
    if usual is not None and usual.kind == "months":
        maps |= {f"usual_{k + 1}": x for k, x in enumerate(usual.table)}
    for state, climate in samples.climatology.items():
        if climate.kind == "mean":
            maps[f"usual_{state}"] = climate.table[0]
    if experiment.start.kind == "nothing":
        return {**maps, "damping": np.zeros(samples.mask.shape)}
    cell_maps = (_seasonal if seasonal else _steady)(samples, experiment, name, modes)

    def field(cells: Array) -> Array:
        whole = np.zeros(samples.mask.shape)
        whole[samples.mask] = cells
        return whole

    return maps | {n: field(x) for n, x in cell_maps.items()}


def _steady(
    samples: FieldSamples, experiment: Experiment, name: str, modes: int
) -> dict[str, Array]:
    """Return maps of cells of a linear inverse model, the same all year."""
    steps, share = samples.steps(experiment.periods.train), experiment.start.share
    learned = samples.cells(name, slice(steps.start, steps.stop))
    rest, maps = DampedPersistence(learned).share(1), {}
    if modes:
        weights = samples.weights[samples.mask]
        inverse = LinearInverse.fit(learned, weights, modes, residual=True)
        rest = share * inverse.fading + (1.0 - share) * rest
        for k in range(modes):
            maps[f"weight_{k + 1}"] = inverse.projection[:, k]
            maps[f"response_{k + 1}"] = share * inverse.responses[k]
    return {**maps, "damping": 1.0 - rest}


def _seasonal(
    samples: FieldSamples, experiment: Experiment, name: str, modes: int
) -> dict[str, Array]:
    """Return maps of cells of a linear inverse model that changes with the season."""
    steps, share = samples.steps(experiment.periods.train), experiment.start.share
    learned = samples.cells(name, slice(steps.start, steps.stop))
    before, after = learned[:-1], learned[1:]
    season = waves_of(samples.turns(np.arange(steps.start + 1, steps.stop)))
    rest, maps = fading(before, after, season).tables, {}
    if modes:
        weights = samples.weights[samples.mask]
        inverse = SeasonalInverse.fit(before, after, season, weights, modes)
        rest = share * inverse.fading.tables + (1.0 - share) * rest
        responses = inverse.responses.scaled(share).tables
        for k in range(modes):
            maps[f"weight_{k + 1}"] = inverse.projection[:, k]
            for kind, x in zip(("", "_cosine", "_sine"), responses, strict=True):
                maps[f"response{kind}_{k + 1}"] = x[k]
    damping, cosine, sine = 1.0 - rest[0], -rest[1], -rest[2]
    return {**maps, "damping": damping, "damping_cosine": cosine, "damping_sine": sine}


def begin_with(model: Model, samples: FieldSamples, experiment: Experiment) -> None:
    """Set the maps of a model that something is known of; others stay as they are.

    Maps inside bounds that nothing is known of begin in the middle of these where they
    may have either sign, else near the lower end.

    Raises
    ------
    DataError
        What is usual is beyond what the model can hold.
    """
    parts = [
        module
        for name in (part.name for part in model.plan.networks)
        if isinstance(module := model.network(name), ConstantParameters)
        and isinstance(module.network, Maps)
    ]
    names = [entry.parameter.name for module in parts for entry in module.supplied]
    modes = sum(name.startswith("weight_") for name in names)
    seasonal = "damping_cosine" in names
    maps = known_maps(samples, experiment, modes, seasonal=seasonal)
    for module in parts:
        table = module.network.output.bias
        with torch.no_grad():
            for column, entry in enumerate(module.supplied):
                _refuse_absurd(entry.parameter, maps, samples, experiment)
                raw = _raw(entry.parameter, maps)
                if raw is not None:
                    table[:, column] = torch.from_numpy(raw.reshape(-1)).to(table)


def _refuse_absurd(
    parameter: Parameter,
    maps: Mapping[str, Array],
    samples: FieldSamples,
    experiment: Experiment,
) -> None:
    """Refuse what is usual in a file where a model cannot hold it, as in other units.

    Raises
    ------
    DataError
        Naming the file, the map, the number and its bounds.
    """
    values = maps.get(parameter.name)
    if values is None or not parameter.name.startswith("usual_"):
        return
    low, high = parameter.limits
    cells = values[samples.mask]
    if cells.size and not (low <= cells.min() and cells.max() <= high):
        furthest = cells.min() if cells.min() < low else cells.max()
        raise DataError(
            f"{experiment.data.source}: {parameter.name} is {furthest:g}, expected "
            f"{low:g} to {high:g} {parameter.units}, the units of the model: the "
            "numbers of the file are taken as they are"
        )


def _raw(parameter: Parameter, maps: Mapping[str, Array]) -> Array | None:
    """Return what a network answers for a map; None where it stays as it is."""
    values = maps.get(parameter.name)
    if parameter.spacing == "free":
        return values
    low, high = parameter.limits
    if values is None:
        if low < 0.0:
            return None
        values = np.full(next(iter(maps.values())).shape, low + 0.05 * (high - low))
    share = np.clip((values - low) / (high - low), _MARGIN, 1.0 - _MARGIN)
    logits: Array = np.log(share / (1.0 - share))
    return logits
