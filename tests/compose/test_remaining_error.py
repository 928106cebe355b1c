"""An error on the scale of roots leads back to what is expected."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.compose.remaining_error import RemainingError
from bmi_dmx.errors import ConfigError


def expected(predicted: float, error: float, **options: Any) -> float:
    """Return what the process expects to be observed."""
    forcing = SimpleNamespace(predicted=torch.tensor(predicted, dtype=torch.float64))
    parameter = SimpleNamespace(error=torch.tensor(error, dtype=torch.float64))
    _, fluxes = RemainingError(options).step(SimpleNamespace(), forcing, parameter)
    assert float(fluxes["remaining"]) == error
    return float(fluxes["expected"])


def test_errors_are_added_on_the_scale() -> None:
    assert expected(2.0, -3.0) == -1.0
    root = {"scale": "root", "offset": 0.5}
    whole = (np.sqrt(2.5) + 0.3) ** 2 - 0.5
    assert expected(2.0, 0.3, **root) == pytest.approx(whole)
    assert expected(2.0, 0.0, **root) == pytest.approx(2.0)
    assert expected(2.0, -9.0, **root) == 0.0


def test_what_is_read_is_declared() -> None:
    process = RemainingError({"units": "m3 s-1", "reads": {"warmth": "degC"}})
    units = {f.name: f.units for f in process.forcings}
    assert units == {
        "predicted": "m3 s-1", "previous": "m3 s-1", "missed": "1", "known": "1",
        "warmth": "degC",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "root"}, "offset: found 0"),
        ({"offset": -1.0}, "offset: found -1.0, expected 0 or more"),
        ({"reads": {"known": "1"}}, "'known' is read in any case"),
        ({"reads": {"warmth": "warm"}}, "warmth"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RemainingError(options)
