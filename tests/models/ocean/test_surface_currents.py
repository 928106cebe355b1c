"""Anomalies of currents fade, drift and spread, and remember the days before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.ocean.surface_currents import SurfaceCurrents
from bmi_dmx.scan import scan
from bmi_dmx.space import Grid

ROWS, COLUMNS = 21, 31


def grid(degrees: float = 0.25) -> Grid:
    return Grid.uniform(
        (ROWS, COLUMNS), (degrees, degrees), (-35.0, 15.0), radius=6.371e6
    )


def bump() -> torch.Tensor:
    y, x = np.mgrid[:ROWS, :COLUMNS]
    return torch.from_numpy(np.exp(-((y - 10) ** 2 + (x - 12) ** 2) / 8.0))


def run(steps: int, **parameters: Any) -> Any:
    process = SurfaceCurrents({"history": 3}).on(grid())
    a = bump()
    state = {
        "eastward": a, "northward": -2.0 * a,
        "earlier_eastward": torch.zeros(2, *a.shape, dtype=a.dtype),
        "earlier_northward": torch.zeros(2, *a.shape, dtype=a.dtype),
    }  # fmt: skip
    fields = {"sea": torch.ones_like(a), **parameters}
    return scan(process, state, {}, fields, dt=1.0, steps=steps,
                outputs=["eastward", "northward_current"])  # fmt: skip


def test_what_fades_is_left_by_its_share() -> None:
    ran = run(3, damping=0.1, usual_northward=0.5)
    torch.testing.assert_close(ran.outputs["eastward"][-1], 0.9**3 * bump())
    expected = -2.0 * 0.9**3 * bump() + 0.5
    torch.testing.assert_close(ran.outputs["northward_current"][-1], expected)
    earlier = ran.state["earlier_eastward"]
    torch.testing.assert_close(earlier[0], 0.9**2 * bump())
    torch.testing.assert_close(earlier[1], 0.9 * bump())


def test_eddies_go_with_the_flow() -> None:
    speed, days = 0.2, 5
    ran = run(days, eastward_flow=speed)
    weights = ran.outputs["eastward"][-1]
    rows, columns = torch.meshgrid(
        torch.arange(ROWS), torch.arange(COLUMNS), indexing="ij"
    )
    middle = float((weights * columns).sum() / weights.sum())
    width = 6.371e6 * math.radians(0.25) * math.cos(math.radians(-35.0 + 0.25 * 10.5))
    assert middle - 12.0 == pytest.approx(speed * 86400.0 * days / width, rel=0.02)
    assert float((weights * rows).sum() / weights.sum()) == pytest.approx(
        10.0, abs=0.05
    )


def test_what_spreads_is_kept() -> None:
    ran = run(4, diffusivity=500.0)
    after = ran.outputs["eastward"][-1]
    y = np.radians(-35.0 + 0.25 * (np.arange(ROWS) + 0.5))
    area = torch.from_numpy(np.cos(y))[:, None]
    assert float((after * area).sum()) == pytest.approx(float((bump() * area).sum()))
    assert 0.0 < float(after.max()) < 0.9


def test_steps_that_are_too_long_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"substeps: found 1, expected at least \d"):
        SurfaceCurrents({"substeps": 1}).on(grid())
