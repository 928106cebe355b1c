"""Forcing is repaired before its climate is computed as it will be in the run."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.models.hydrology.forcings import FORCINGS, SHORTENING, SLACK
from bmi_dmx.ngen.climate import Repair
from bmi_dmx.operate.clock import Clock
from bmi_dmx.operate.screen import Policy, Screen

IDS = ("cat-1", "cat-2")
NAME = "precipitation"


def hours() -> Any:
    """Return a day at two places, with gaps, noise and absurd values."""
    values = np.random.default_rng(0).gamma(0.5, 4.0, (24, 2))
    values[3, 0] = values[[7, 8, 9], 1] = np.nan
    values[12, 0], values[13, 1], values[20] = -9999.0, 1e20, -1e-9
    return values


def stepped(values: Any, policy: Policy) -> Any:
    """Return what a component makes of the values, hour by hour."""
    buffer = np.zeros(2)
    screen = Screen(
        [FORCINGS[NAME]], {NAME: buffer}, policy, IDS,
        Clock(datetime(2000, 1, 1), None, 3600.0), SHORTENING, SLACK,
    )  # fmt: skip
    series = []
    for row in values:
        buffer[:] = row
        screen.check()
        series.append(buffer.copy())
    return np.array(series)


def read(values: Any, policy: Policy, block: int) -> Any:
    """Return what the climate is computed of, some hours at a time."""
    repair = Repair(SimpleNamespace(forcings=()), policy)  # type: ignore[arg-type]
    last = np.full(2, np.nan)
    blocks = []
    for first in range(0, 24, block):
        part = values[first : first + block].copy()
        forcing: Any = SimpleNamespace(path="f.nc", block=lambda *_, p=part: p)
        blocks.append(repair.read(forcing, NAME, IDS, 0, len(part), last))
    return np.concatenate(blocks)


@pytest.mark.parametrize("block", [1, 5, 24])
@pytest.mark.parametrize("policy", ["hold", {NAME: 0.5}, {NAME: "hold"}])
def test_repairs_are_those_of_a_component(policy: Policy, block: int) -> None:
    expected = stepped(hours(), policy)
    np.testing.assert_array_equal(read(hours(), policy, block), expected)


@pytest.mark.parametrize("policy", ["raise", {}])
def test_what_stops_a_component_is_refused(policy: Policy) -> None:
    with pytest.raises(DataError, match="cat-1"):
        stepped(hours(), policy)
    with pytest.raises(DataError, match="cat-1"):
        read(hours(), policy, 24)
