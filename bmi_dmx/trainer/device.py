"""Where a model is trained."""

from __future__ import annotations

from typing import Any

import torch

from ..errors import ConfigError

__all__ = ["lightning_device"]


def lightning_device(name: str) -> dict[str, Any]:
    """Return a configured device as Lightning wants it.

    Parameters
    ----------
    name : str
        ``cpu``, ``gpu``, ``auto``, ``cuda`` or ``cuda:<number>``.

    Raises
    ------
    ConfigError
        There is no such device here.
    """
    if name in ("cpu", "auto"):
        return {"accelerator": name, "devices": 1}
    known = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if name in known:
        return {"accelerator": "gpu", "devices": [known.index(name)]}
    if name == "cuda" and known:
        return {"accelerator": "cuda", "devices": 1}
    if name == "gpu" and (known or torch.backends.mps.is_available()):
        return {"accelerator": "gpu", "devices": 1}
    there = ", ".join(known) or "no GPU"
    raise ConfigError(
        f"training.device: found {name!r}, but PyTorch sees {there} here; expected"
        " 'cpu', or 'auto' for whatever there is"
    )
