"""Models of fields run from observed states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....compose import Model
from .samples import Batch, FieldSamples, batches

__all__ = ["forecasts", "simulate"]

Array = NDArray[np.float64]


def simulate(model: Model, part: str, batch: Batch) -> dict[str, Tensor]:
    """Run a model over windows.

    Parameters
    ----------
    model : Model
        The model, where the batch is.
    part : str
        The part whose states are given and answered.
    batch : Batch
        The windows.

    Returns
    -------
    dict of str to Tensor
        (L, B, row, column) by state.
    """
    names = list(batch["targets"])
    first = batch["targets"][names[0]]
    state = dict(model.initial_state(first.shape[1]))
    state |= {f"{part}.{name}": x for name, x in batch["state"].items()}
    forcing = {n: x for n, x in batch["forcing"].items() if n in model.forcings}
    return model.simulate(
        forcing, {}, state=state, steps=None if forcing else len(first), outputs=names
    ).outputs


def forecasts(
    models: Sequence[Model],
    part: str,
    samples: FieldSamples,
    starts: NDArray[np.intp],
    lead: int,
    at_once: int,
) -> dict[str, Array]:
    """Return forecasts from observed states, averaged over models.

    Parameters
    ----------
    models : sequence of Model
        Of one kind.
    part : str
        The part whose states are forecast.
    samples : FieldSamples
        What was observed.
    starts : (forecast,) array of int
        Steps that forecasts begin with.
    lead : int
        Steps that they go on.
    at_once : int
        Forecasts made at a time.

    Returns
    -------
    dict of str to (lead, forecast, cell) array
        By state, of cells that belong to the system.
    """
    mask = torch.from_numpy(samples.mask)
    states: dict[str, list[Array]] = {name: [] for name in samples.anomalies}
    for some in batches(starts, at_once):
        batch = _inside(samples, some, lead)
        runs = [_run(model, part, batch, mask) for model in models]
        for name, pieces in states.items():
            mean = torch.stack([run[name].double() for run in runs]).mean(0)
            pieces.append(mean.numpy())
    return {name: np.concatenate(pieces, axis=1) for name, pieces in states.items()}


def _inside(samples: FieldSamples, starts: NDArray[np.intp], lead: int) -> Batch:
    """Return windows whose targets, which nobody reads here, are the first alone."""
    windows = samples.cut(starts, 1)
    forcing = samples.clock(starts + 1 + np.arange(lead)[:, None])
    targets = {
        name: x.expand(lead, *x.shape[1:]) for name, x in windows["targets"].items()
    }
    return Batch(state=windows["state"], forcing=forcing, targets=targets)


def _run(model: Model, part: str, batch: Batch, mask: Tensor) -> dict[str, Tensor]:
    like = model.like
    windows = Batch(
        state={n: x.to(like) for n, x in batch["state"].items()},
        forcing={n: x.to(like) for n, x in batch["forcing"].items()},
        targets=batch["targets"],
    )
    training = model.training
    model.eval()
    with torch.no_grad():
        states = simulate(model, part, windows)
    model.train(training)
    return {name: x.cpu()[..., mask] for name, x in states.items()}
