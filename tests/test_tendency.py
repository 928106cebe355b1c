"""Schemes of tendencies against what is known in closed form."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, ClassVar

import pytest
import torch

from bmi_dmx.process import Budget
from bmi_dmx.scan import scan
from bmi_dmx.tendency import SCHEMES, Scheme, Tendency
from bmi_dmx.variables import Flux, Forcing, Parameter, State

ORDERS = {"euler": 1, "ws-rk3": 3, "rk4": 4}
"""On linear equations, for which alone the scheme of three stages is of order 3."""


class Oscillator(Tendency):
    r"""Damped: :math:`\dot x = v`, :math:`\dot v = -\omega^2 x - 2 d v`."""

    time = "s"
    states = (State(name="x", initial=1.0), State(name="v"))
    parameters = (
        Parameter(name="frequency", units="s-1", bounds=(0.1, 10.0), default=2.0),
        Parameter(name="damping", units="s-1", bounds=(0.0, 1.0), default=0.3),
    )

    def tendency(self, s: Any, f: Any, p: Any) -> Any:
        force = -(p.frequency**2) * s.x - 2.0 * p.damping * s.v
        return {"x": s.v, "v": force}, {}


class Reservoir(Tendency):
    """What flows in, less a share of what is there; both are rates of change."""

    time = "h"
    scheme: ClassVar[str] = "ws-rk3"
    forcings = (Forcing(name="inflow", units="kg h-1", per_step="rate"),)
    states = (State(name="content", units="kg"),)
    parameters = (
        Parameter(name="share", units="h-1", bounds=(0.0, 1.0), per_step="rate"),
    )
    fluxes = (Flux(name="outflow", units="kg h-1", per_step="rate"),)
    budgets = (
        Budget(("inflow",), ("outflow",), ("content",), name="mass", units="kg"),
    )

    def tendency(self, s: Any, f: Any, p: Any) -> Any:
        outflow = p.share * s.content
        return {"content": f.inflow - outflow}, {"outflow": outflow}


def exact(time: float) -> float:
    """Return where the oscillator is."""
    d = 0.3
    w = math.sqrt(4.0 - d * d)
    return math.exp(-d * time) * (math.cos(w * time) + d / w * math.sin(w * time))


def error(scheme: str, steps: int) -> float:
    process = type(scheme, (Oscillator,), {"scheme": scheme})()
    start = {"x": torch.ones(1, 1, dtype=torch.float64)}
    ran = scan(process, start, {}, {}, dt=2.0 / steps, steps=steps)
    return abs(float(ran.state["x"]) - exact(2.0))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_halving_the_step_shows_the_order(scheme: str) -> None:
    errors = [error(scheme, steps) for steps in (64, 128, 256)]
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(ORDERS[scheme], abs=0.12)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_a_scheme_follows_constant_rates_exactly(scheme: Scheme) -> None:
    assert sum(scheme.weights) == pytest.approx(1.0, abs=1e-15)
    assert len(scheme.stages) == len(scheme.weights)
    for k, shares in enumerate(scheme.stages):
        assert len(shares) == k


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_rates_conserve_steps_conserve(scheme: str) -> None:
    process = type(scheme, (Reservoir,), {"scheme": scheme})()
    inflow = torch.rand(50, 3, dtype=torch.float64)
    start = torch.full((3, 1), 5.0, dtype=torch.float64)
    share = torch.tensor([[0.05], [0.3], [0.9]], dtype=torch.float64)
    dt = 0.5
    ran = scan(
        process, {"content": start}, {"inflow": inflow}, {"share": share}, dt=dt
    )  # fmt: skip
    outflow = ran.outputs["outflow"].squeeze(-1).sum(0) * dt
    change = (ran.state["content"] - start).squeeze(-1)
    torch.testing.assert_close(
        inflow.sum(0) * dt - outflow, change, rtol=0.0, atol=1e-12
    )


def test_a_tendency_is_made_for_a_step() -> None:
    process = Reservoir()
    quarter = process.at(0.25)
    assert (process.dt, quarter.dt) == (1.0, 0.25)
    assert type(quarter) is Reservoir


def test_rates_are_seen_per_unit_of_time_whatever_the_step() -> None:
    """The content after a while against its closed form, with a fine step."""
    inflow = torch.full((400, 1), 3.0, dtype=torch.float64)
    ran = scan(Reservoir(), None, {"inflow": inflow}, {"share": 0.2}, dt=0.01)
    expected = 3.0 / 0.2 * (1.0 - math.exp(-0.2 * 4.0))
    assert float(ran.state["content"]) == pytest.approx(expected, rel=1e-8)
    last = float(ran.outputs["outflow"][-1])
    assert last == pytest.approx(0.2 * expected, rel=2e-3)


def test_amounts_are_those_of_the_step() -> None:
    class Counted(Reservoir):
        fluxes = (Flux(name="outflow", units="kg", per_step="amount"),)

    inflow = torch.full((8, 1), 3.0, dtype=torch.float64)
    for_rates = scan(Reservoir(), None, {"inflow": inflow}, {"share": 0.2}, dt=0.25)
    amounts = scan(Counted(), None, {"inflow": inflow}, {"share": 0.2}, dt=0.25)
    torch.testing.assert_close(
        amounts.outputs["outflow"], for_rates.outputs["outflow"] * 0.25
    )


def test_a_share_of_a_step_is_no_rate_of_change() -> None:
    share = Parameter(name="share", bounds=(0.0, 1.0), per_step="fraction")
    with pytest.raises(ValueError, match="share: per_step of a tendency is 'fraction'"):
        type("Wrong", (Reservoir,), {"parameters": (share,)})


def test_a_state_of_several_entries_is_no_rate_of_change() -> None:
    with pytest.raises(ValueError, match="past: size in a tendency is 2, expected 1"):

        class Remembering(Oscillator):
            states = (State(name="past", size=2),)
