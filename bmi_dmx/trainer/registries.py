"""The losses that experiments can name, and the experiments of the package.

Apart from what they are, so that they are listed without PyTorch. The metrics
need NumPy alone and are entered where they are defined.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ..registry import Registry

if TYPE_CHECKING:
    from .losses import Loss

__all__ = ["experiments", "losses"]

losses: Registry[Loss] = Registry(
    "loss",
    {
        name: f"bmi_dmx.trainer.losses:{name}"
        for name in (
            "mse",
            "rmse",
            "rmse_combined",
            "nse_batch",
            "nse_log_batch",
            "nse_sqrt",
            "nse_sqrt_batch",
            "nse_trend_batch",
            "kge",
        )
    },
)
"""Training losses, each by the name of its function."""


def experiments() -> dict[str, Path]:
    """Return the files of the experiments that come with the package, by name."""
    folder = Path(str(files("bmi_dmx.configs") / "experiments"))
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}
