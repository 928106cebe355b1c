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
        ``cpu``, ``gpu``, ``auto`` or ``cuda:<number>``.

    Raises
    ------
    ConfigError
        There is no such device here.
    """
    if name in ("cpu", "auto"):
        return {"accelerator": name, "devices": 1}
    count = torch.cuda.device_count()
    if name == "gpu":
        if not count and not torch.backends.mps.is_available():
            raise ConfigError(_absent(name, "no GPU that PyTorch can use"))
        return {"accelerator": "gpu", "devices": 1}
    number = int(name.partition(":")[2])
    if number >= count:
        found = f"{count} of them" if count else "none"
        raise ConfigError(_absent(name, found))
    return {"accelerator": "gpu", "devices": [number]}


def _absent(name: str, found: str) -> str:
    return (
        f"training.device: {name!r} is not here, there is {found}; expected 'cpu', or"
        " 'auto' for whatever there is"
    )
