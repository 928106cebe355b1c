"""Windows of linear models, whose smoothers are least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.assimilation.window import Twin, Window
from tests.assimilation.problems import Array


@dataclass(frozen=True)
class LinearWindow:
    """A window, and the matrices it is made of."""

    model: Array
    operator: Array
    window: Window


def linear_window(
    cycles: int = 4, members: int = 7, entries: int = 3, missing: bool = True
) -> tuple[LinearWindow, Array]:
    """Return a window and an ensemble at its start."""
    rng = np.random.default_rng(8)
    model = np.linalg.qr(rng.standard_normal((entries, entries)))[0] * 0.98
    operator = rng.standard_normal((2, entries))
    observations = []
    for cycle in range(cycles):
        value = rng.standard_normal(2)
        if missing and cycle == 1:
            value[:] = np.nan
        observations.append(Observation(value, np.array([0.5, 1.2])))
    tensors = torch.from_numpy(model), torch.from_numpy(operator)
    window = Window(
        propagate=lambda x, cycle: x @ model.T,
        predict=lambda x, cycle: x @ operator.T,
        observations=tuple(observations),
        twin=Twin(
            propagate=lambda x, cycle: x @ tensors[0].T,
            predict=lambda x, cycle: x @ tensors[1].T,
        ),
    )
    ensemble = 1.0 + rng.standard_normal((members, entries))
    return LinearWindow(model, operator, window), ensemble


def stacked(linear: LinearWindow) -> tuple[Array, Array]:
    """Return (Σp, n) rows of what is seen of the start, and the values, whitened."""
    rows, values = [], []
    power = np.eye(len(linear.model))
    for observation in linear.window.observations:
        power = linear.model @ power
        there = ~np.isnan(observation.value)
        error = observation.error[there]
        rows.append((linear.operator @ power)[there] / error[:, None])
        values.append(observation.value[there] / error)
    return np.concatenate(rows), np.concatenate(values)


def smoothed(linear: LinearWindow, ensemble: Array) -> tuple[Array, Array]:
    """Return mean and covariance of the start given all observations of the window."""
    rows, values = stacked(linear)
    mean = ensemble.mean(0)
    prior = np.cov(ensemble, rowvar=False)
    inner = rows @ prior @ rows.T + np.eye(len(rows))
    gain = prior @ rows.T @ np.linalg.inv(inner)
    return mean + gain @ (values - rows @ mean), prior - gain @ rows @ prior
