"""CemaNeige: against a plain restatement, and in limiting cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.cemaneige import CemaNeige

PLAIN = {"ctg": 0.5, "kf": 4.0, "gfull": 100.0}


def restated(rain, warmth, p):
    """Return what leaves the snow, day by day, and pack and cold at the end."""
    pack = cold = 0.0
    out = []
    for depth, t in zip(rain, warmth, strict=True):
        solid = min(max((3.0 - t) / 4.0, 0.0), 1.0)
        pack += solid * depth
        cold = min(p["ctg"] * cold + (1 - p["ctg"]) * t, 0.0)
        possible = min(p["kf"] * t, pack) if t > 0 and cold == 0 else 0.0
        melt = possible * (0.9 * min(pack / p["gfull"], 1.0) + 0.1)
        pack -= melt
        out.append((1 - solid) * depth + melt)
    return np.array(out), pack, cold


@pytest.mark.parametrize("regime", ["freeze", "thaw", "humid"])
def test_two_years_of_weather(regime, run, parameters, weather):
    forcing = weather(regime, 1, 730, 6)
    del forcing["potential_evaporation"]
    drawn = parameters(CemaNeige(), 2, 6, corners=0.1)
    result = run(CemaNeige(), None, forcing, drawn, outputs=["snow_outflow"])
    for place in range(6):
        series = [forcing[n][:, place].tolist() for n in forcing]
        p = {n: x[place, 0].item() for n, x in drawn.items()}
        out, pack, cold = restated(*series, p)
        outflow = result.outputs["snow_outflow"][:, place, 0]
        np.testing.assert_allclose(outflow, out, rtol=1e-11, atol=1e-11)
        state = [result.state[n][place, 0] for n in ("snowpack", "snow_temperature")]
        np.testing.assert_allclose(state, [pack, cold], rtol=1e-11, atol=1e-11)


def melted(run, option, temperature, warmth=5.0, dt=1.0):
    start = {"snowpack": 200.0, "snow_temperature": temperature}
    start = {n: torch.full((1, 1), x).double() for n, x in start.items()}
    forcing = {"precipitation": 0.0, "air_temperature": warmth}
    forcing = {n: torch.full((1, 1), x).double() for n, x in forcing.items()}
    result = run(CemaNeige(option), start, forcing, PLAIN, outputs=["melt"], dt=dt)
    return result.outputs["melt"].item()


def test_a_cold_pack_warms_up_before_it_melts(run):
    assert melted(run, None, -20.0) == 0.0
    assert melted(run, None, -2.0) == 20.0
    assert melted(run, None, -2.0, dt=0.25) == 0.0


def test_a_width_lets_a_cold_pack_melt_a_little(run):
    # At the end of the day it is at half of -20 + 5 degrees.
    assert melted(run, {"cold_width": 5.0}, -20.0) == pytest.approx(
        20.0 * np.exp(-7.5 / 5.0)
    )
    assert melted(run, {"cold_width": 5.0}, -2.0) == 20.0


def test_a_width_gives_the_inertia_a_gradient(run, weather):
    forcing = weather("thaw", 3, 200, 1)
    del forcing["potential_evaporation"]
    ctg = torch.full((1, 1), 0.5).double().requires_grad_()
    for width in (0.0, 1.0):
        process = CemaNeige({"cold_width": width})
        result = run(process, None, forcing, {**PLAIN, "ctg": ctg}, outputs=["melt"])
        assert result.outputs["melt"].requires_grad == (width > 0.0)
    result.outputs["melt"].square().sum().backward()
    assert ctg.grad.item() != 0.0


def test_an_absurd_width_is_refused():
    with pytest.raises(ConfigError, match="cold_width: expected 0 to 20 degC, found"):
        CemaNeige({"cold_width": -1.0})
