"""A model run over windows and whole periods: warmed up, basin by basin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from numpy.typing import NDArray
from torch import Tensor

from ....compose import Model, ModelSpec
from ....compose.other_steps import after_longer_steps
from ....errors import ConfigError, DataError
from ....models.hydrology.transit import in_shorter_steps
from ..streamflow.periods import Period
from .data.basins import SECONDS_PER_DAY, Array32, BasinData
from .sampler import BasinBlocks, Batch
from .targets import TARGET, flow_factor

__all__ = [
    "TARGET",
    "Blocks",
    "blocks",
    "predict",
    "refuse_diverged",
    "simulate",
    "steps_a_day",
    "steps_within",
    "usual_warmup",
    "with_lead",
]


YEAR = 365
"""Days of warm-up unless something else is said."""


@dataclass(frozen=True)
class Blocks:
    """A period of all basins, ready to be simulated.

    Parameters
    ----------
    batches : collection of Batch
        Blocks of basins with all time steps, warm-up first; cut anew each time.
    warmup : int
        Time steps before the period.
    parts : int
        Steps of the model in one of the data.
    observed : array (T, B)
        Observed flow of the period, mm per day; NaN where missing.
    others : dict of str to array (T, B)
        What else was observed, by name, in its own units.
    """

    batches: BasinBlocks
    warmup: int
    parts: int
    observed: Array32
    others: dict[str, Array32]


def steps_within(data: BasinData, spec: ModelSpec) -> int:
    """Return how many steps of a model make up one of the data.

    Raises
    ------
    ConfigError
        Not a whole number of them.
    """
    parts = data.seconds / spec.seconds
    if parts < 1.0 or parts != round(parts):
        raise ConfigError(
            f"model.time_step: steps of {spec.seconds:g} s do not divide those of the "
            f"data, {data.seconds:g} s"
        )
    return round(parts)


def steps_a_day(model: Model) -> int:
    """Return how many steps of a model make up a day."""
    return round(SECONDS_PER_DAY / model.spec.seconds)


def usual_warmup(data: BasinData) -> int:
    """Return the steps of a year, which models warm up on unless something is said."""
    return YEAR * SECONDS_PER_DAY // data.seconds


def periods_in(data: BasinData, spec: ModelSpec) -> dict[str, int]:
    """Return at which steps of the data those of networks with their own begin.

    Returns
    -------
    dict of str to int
        ``every`` so many steps, from step ``first`` on; with every one where networks
        step as often as the data.
    """
    every = max(1, round(spec.period / data.seconds))
    offset = data.time[0] - data.time[0].astype("datetime64[D]")
    steps = int(offset / np.timedelta64(1, "s")) // data.seconds
    return {"every": every, "first": -steps % every}


def with_lead(data: BasinData, period: Period, steps: int) -> tuple[BasinData, int]:
    """Return a period with time steps before it, as far as the record reaches.

    Parameters
    ----------
    data : BasinData
        All time steps.
    period : (date, date)
        First and last day.
    steps : int
        Time steps wanted before the first day.

    Returns
    -------
    data : BasinData
        The time steps before the period, and the period.
    lead : int
        How many of them lie before it.
    """
    within = data.within(*period)
    start = max(within.start - steps, 0)
    return data.part(slice(start, within.stop)), within.start - start


def blocks(model: Model, data: BasinData, *, warmup: int, basins: int) -> Blocks:
    """Cut data into blocks of basins for a model.

    Parameters
    ----------
    model : Model
        Says which forcings and attributes are needed.
    data : BasinData
        Warm-up and period.
    warmup : int
        Time steps at the beginning that are not to be scored.
    basins : int
        Most basins in a block.

    Raises
    ------
    ConfigError
        They begin in the middle of a step of networks that have their own, or the
        warm-up is no whole days for a network of days.
    """
    if periods_in(data, model.spec)["first"]:
        raise ConfigError(
            f"evaluation.warmup: {data.time[0]} is in the middle of a step of the "
            f"networks, of {model.spec.period:g} s; expected whole ones"
        )
    if model.spec.step_before is not None and warmup * data.seconds % SECONDS_PER_DAY:
        raise ConfigError(
            f"evaluation.warmup: {warmup} steps of {data.seconds} s from "
            f"{data.time[0]} on are no whole days for the network of days"
        )
    batches = BasinBlocks(
        data, model.forcings, model.attributes, warmup=warmup, basins=basins
    )
    parts = steps_within(data, model.spec)
    others = {name: target.values[warmup:] for name, target in data.targets.items()}
    return Blocks(batches, warmup, parts, data.target[warmup:], others)


def simulate(
    model: Model,
    batch: Batch,
    *,
    warmup: int,
    parts: int,
    warmup_gradient: bool = False,
    daily_warmup: bool = False,
    outputs: Sequence[str] = (TARGET,),
) -> dict[str, Tensor]:
    """Run a model over a batch.

    Where its steps are shorter than those of the data, forcing is held within these,
    and the answer is averaged over them. Streamflow is brought to mm per day.

    Parameters
    ----------
    model : Model
        The model, where the batch is.
    batch : Batch
        Forcing and attributes.
    warmup : int
        Time steps of the data at the beginning, without answer.
    parts : int
        Steps of the model in one of the data.
    warmup_gradient : bool
        Whether the gradient reaches back through the warm-up.
    daily_warmup : bool
        Whether the warm-up, of whole days, is run in days; a model with a network of
        days before that of hours has it in any case.
    outputs : sequence of str
        What to record.

    Returns
    -------
    dict of str to Tensor
        (T, B), after the warm-up.
    """
    forcing = batch["forcing"]
    if parts > 1:
        forcing = {n: x.repeat_interleave(parts, 0) for n, x in forcing.items()}
    attributes, before = batch["attributes"], warmup * parts
    state = None
    if (daily_warmup or model.spec.step_before is not None) and before:
        past = {name: x[:before] for name, x in forcing.items()}
        forcing = {name: x[before:] for name, x in forcing.items()}
        with torch.set_grad_enabled(warmup_gradient and torch.is_grad_enabled()):
            state = after_longer_steps(
                model, past, attributes, steps_a_day(model), in_shorter_steps
            )
        before = 0
    series = model.simulate(
        forcing, attributes, state=state, warmup=before,
        warmup_gradient=warmup_gradient, outputs=outputs,
    ).outputs  # fmt: skip
    if parts > 1:
        series = {
            name: x.reshape(-1, parts, x.shape[1]).mean(1) for name, x in series.items()
        }
    if TARGET in series and (factor := flow_factor(model.plan)) != 1.0:
        series = {**series, TARGET: factor * series[TARGET]}
    return series


def predict(
    model: Model, basin_blocks: Blocks, outputs: Sequence[str] = (TARGET,)
) -> dict[str, NDArray[Any]]:
    """Simulate a period, without gradient; the model must be in evaluation mode.

    Returns
    -------
    dict of str to array (T, B)
        The outputs of the time steps after the warm-up.
    """
    answers = []
    device = next(model.parameters()).device
    with torch.no_grad():
        for batch in basin_blocks.batches:
            ran = simulate(
                model,
                move_data_to_device(batch, device),
                warmup=basin_blocks.warmup,
                parts=basin_blocks.parts,
                outputs=outputs,
            )
            answers.append({name: x.cpu().numpy() for name, x in ran.items()})
    return {name: np.concatenate([f[name] for f in answers], 1) for name in outputs}


def refuse_diverged(simulated: NDArray[Any], data: BasinData, warmup: int) -> None:
    """Refuse flow that is no number, which scores would leave out.

    Parameters
    ----------
    simulated : array (T, B)
        Flow after the warm-up.
    data : BasinData
        Warm-up and period.
    warmup : int
        Time steps of the warm-up.

    Raises
    ------
    DataError
        Naming the first basin and step.
    """
    wrong = ~np.isfinite(simulated)
    if wrong.any():
        step, basin = np.argwhere(wrong)[0]
        raise DataError(
            f"the model gives {simulated[step, basin]} in basin '{data.ids[basin]}' on"
            f" {data.time[warmup + step]}, and no number at some time in"
            f" {int(wrong.any(axis=0).sum())} of {len(data.ids)} basins; are their"
            " attributes what they should be?"
        )
