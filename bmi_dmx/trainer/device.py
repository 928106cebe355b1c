"""Where a model is trained."""

from __future__ import annotations

import os
from typing import Any

import torch

from ..errors import ConfigError

__all__ = ["lightning_device"]


def lightning_device(name: str, processes: int = 1) -> dict[str, Any]:
    """Return a configured device as Lightning wants it.

    Of several processes on a machine each has a GPU of its own.

    Parameters
    ----------
    name : str
        ``cpu``, ``gpu``, ``auto``, ``cuda`` or ``cuda:<number>``.
    processes : int
        How many train together.

    Raises
    ------
    ConfigError
        There is no such device here.
    """
    devices = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if processes > 1 and devices and name in ("auto", "gpu", "cuda"):
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    elif processes > 1 and name not in ("cpu", "auto"):
        raise ConfigError(
            f"training.device: found {name!r} for {processes} processes; expected"
            " 'cpu', or 'cuda', where each has a GPU of its own"
        )
    if name in ("cpu", "auto"):
        return {"accelerator": name, "devices": 1}
    if name in devices:
        return {"accelerator": "gpu", "devices": [devices.index(name)]}
    if name == "cuda" and devices:
        return {"accelerator": "cuda", "devices": 1}
    if name == "gpu" and (devices or torch.backends.mps.is_available()):
        return {"accelerator": "gpu", "devices": 1}
    there = ", ".join(devices) or "no GPU"
    raise ConfigError(
        f"training.device: found {name!r}, but PyTorch sees {there} here; expected"
        " 'cpu', or 'auto' for whatever there is"
    )
