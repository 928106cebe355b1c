"""Reaches that let go of the water that is there lose none of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.start import hot_start
from bmi_dmx.scan import scan

from . import independent
from .independent import LEAST, Physics, River, section
from .rivers import drawn, parameters, tree_of

CONSERVING = {"admissible": True, "conserving": True}


def routed(river: River, options: Any, outputs: tuple[str, ...]) -> Any:
    """Return the hot start, and the run from there."""
    process = MuskingumCunge(options).on(tree_of(river))
    lateral = torch.from_numpy(river.lateral)
    coefficients = parameters(river)
    del coefficients["musk_x"]
    state = hot_start(process, lateral[0], coefficients, dt=river.dt)
    return state, scan(
        process, state, {"lateral_inflow": lateral}, coefficients, dt=river.dt,
        outputs=outputs,
    )  # fmt: skip


def test_it_is_a_loop_over_the_water_of_every_reach() -> None:
    river = drawn()
    physics = Physics(admissible=True)
    state, ran = routed(river, CONSERVING, ("solution", "volume"))
    volume = state["volume"][:, 0].numpy().copy()
    before = state["discharge"][:, 0].numpy().copy()
    for t, lateral in enumerate(river.lateral):
        x, after = np.zeros(len(before)), np.zeros(len(before))
        for i in river.order:
            s = section(river, i, max(before[i], LEAST), physics)
            wedge, prism = s.K * s.X, s.K * (1.0 - s.X)
            arriving = sum(x[j] for j in river.up[i])
            came = sum(before[j] for j in river.up[i]) + arriving - before[i]
            enters = max(lateral[i], LEAST) * river.dt
            there = volume[i] + 0.5 * river.dt * came + enters - wedge * arriving
            x[i] = there / (prism + 0.5 * river.dt)
            after[i] = max(x[i], LEAST)
            inflow = sum(after[j] for j in river.up[i])
            volume[i] = wedge * inflow + prism * after[i]
        before = after
        size = np.abs(x).max()
        np.testing.assert_allclose(
            ran.outputs["solution"][t, :, 0].numpy(), x, rtol=1e-10, atol=1e-12 * size
        )
        np.testing.assert_allclose(
            ran.outputs["volume"][t, :, 0].numpy(), volume, rtol=1e-10
        )


def flood() -> River:
    """Return a river of usual reaches in which a flood comes and goes."""
    river = drawn(steps=2000)
    river.lateral[:] = 0.5
    river.lateral[100:140] = 40.0
    river.slope[:], river.n[:], river.p[:] = 2e-3, 0.05, 20.0
    river.length[:] = 1000.0 * np.arange(4, 10, 0.25)
    return river


@pytest.mark.parametrize("conserving", [False, True])
def test_no_water_is_missing_once_a_flood_is_over(conserving: bool) -> None:
    """What came in has gone out, but for what is lost on the way."""
    options = CONSERVING if conserving else {"admissible": True}
    start, ran = routed(flood(), options, ("discharge", "stored", "created"))
    # At the same flow as before a river holds as much; what it does not is nowhere.
    stored = ran.outputs["stored"][-1].sum()
    torch.testing.assert_close(stored, start["volume"].sum(), rtol=1e-3, atol=0.0)
    missing = float(abs(ran.state["volume"].sum() - stored)) / (24 * 40 * 3600.0 * 39.5)
    assert (missing < 1e-9) is conserving
    assert missing < 0.05
    assert ran.outputs["created"].abs().sum() < 1e-9


def test_what_would_not_hold_the_water_is_refused() -> None:
    with pytest.raises(ConfigError, match="True without 'admissible'"):
        MuskingumCunge({"conserving": True})
    with pytest.raises(ConfigError, match="'assume_short_ts', which passes on other"):
        MuskingumCunge({**CONSERVING, "assume_short_ts": True})


def test_it_starts_with_the_water_of_the_first_inflow() -> None:
    river = flood()
    river.lateral[:] = river.lateral[0]
    _, ran = routed(river, CONSERVING, ("discharge",))
    expected = independent.hot_start(river)
    flow = ran.outputs["discharge"][..., 0]
    np.testing.assert_allclose(flow, np.broadcast_to(expected, flow.shape), rtol=1e-9)
