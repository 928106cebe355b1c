"""Derivatives of a loss through steps that were run; needs PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...process import Process
from ...scan import scan

__all__ = ["pulled_back"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def pulled_back(
    process: Process,
    dt: float,
    state: Mapping[str, Array],
    forcing: Mapping[str, Array],
    variable: str,
    parameters: Mapping[str, Array],
    losses: Mapping[str, Array],
) -> Array:
    """Return derivatives by a forcing, given those by outputs.

    Parameters
    ----------
    process : Process
        That of the reaches, on their tree.
    dt : float
        Length of a step in its unit of time.
    state : mapping of str to ndarray
        (reach, 1) before the first step.
    forcing : mapping of str to ndarray
        (step, reach).
    variable : str
        The forcing by which to derive.
    parameters : mapping of str to ndarray
        (reach,), or (step, reach) of those that change.
    losses : mapping of str to ndarray
        (step, reach) derivatives by outputs.

    Returns
    -------
    ndarray
        (step, reach).
    """
    series = {name: torch.from_numpy(x) for name, x in forcing.items()}
    flow = series[variable].requires_grad_()
    ran = scan(
        process,
        {name: torch.from_numpy(x) for name, x in state.items()},
        series,
        {name: torch.from_numpy(x).unsqueeze(-1) for name, x in parameters.items()},
        dt=dt,
        outputs=list(losses),
        average=True,
    )
    outputs = [ran.outputs[name] for name in losses]
    cotangents = [torch.from_numpy(np.ascontiguousarray(x)) for x in losses.values()]
    (gradient,) = torch.autograd.grad(outputs, flow, cotangents)
    return gradient.numpy()
