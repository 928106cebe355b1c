"""The losses that experiments on basins can name.

Apart from what they are, so that they are listed without PyTorch. The metrics need
NumPy alone and are entered where they are defined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....registry import Registry

if TYPE_CHECKING:
    from .losses import Loss

__all__ = ["losses"]

losses: Registry[Loss] = Registry(
    "loss",
    {
        name: f"{__package__}.losses:{name}"
        for name in (
            "mse",
            "rmse",
            "mae",
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
