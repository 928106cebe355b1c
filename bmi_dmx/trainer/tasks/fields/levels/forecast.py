"""Models of levels run through windows of days, step by step of the data."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .....compose import Model

__all__ = ["simulate"]


def simulate(
    model: Model,
    part: str,
    state: Mapping[str, Tensor],
    forcing: Mapping[str, Tensor],
    names: tuple[str, ...],
    parts: int,
    truncate: int,
) -> dict[str, Tensor]:
    """Return states at the steps of the data.

    Steps of the model between two of the data are one scan, of whose steps little is
    kept for the way back.

    Parameters
    ----------
    model : Model
        The model, where the tensors are.
    part : str
        The part whose states are given and answered.
    state : mapping of str to Tensor
        To begin with, by name without part.
    forcing : mapping of str to Tensor
        (steps of the model, B, row, column).
    names : tuple of str
        States that are answered.
    parts : int
        Steps of the model in one of the data.
    truncate : int
        Steps of the data through which gradients go back, at most.

    Returns
    -------
    dict of str to Tensor
        (L, B, *field) by state.
    """
    states = {f"{part}.{name}": x for name, x in state.items()}
    series = {n: torch.split(forcing[n], parts) for n in model.forcings}
    length = len(next(iter(series.values())))
    days: dict[str, list[Tensor]] = {name: [] for name in names}
    for day in range(length):
        if day and day % truncate == 0:
            states = {name: x.detach() for name, x in states.items()}
        inputs = {name: pieces[day] for name, pieces in series.items()}
        states = model.simulate(inputs, {}, state=states, outputs=[]).state
        for name, fields in days.items():
            fields.append(states[f"{part}.{name}"])
    return {name: torch.stack(fields) for name, fields in days.items()}
