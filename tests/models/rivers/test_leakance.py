"""The exchange of reaches with the ground."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.rivers.leakance import Bed, Leakance, conductivity, leakage
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge

from .trees import HOUR, beginning, channels, process, run, weather


def number(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def test_conductivity_is_that_of_cosby() -> None:
    # A sandy loam: 10 ** (-0.6 + 0.0126 * 58 - 0.0064 * 10) inches per hour.
    rate = conductivity(number(58.0), number(10.0), number(0.0))
    assert float(rate) == pytest.approx(10**0.0668 * 0.0254 / 3600.0, rel=1e-4)
    tenfold = conductivity(number(58.0), number(10.0), number(1.0))
    assert float(tenfold / rate) == pytest.approx(10.0)


def ground(table: float, gate: float = 1.0) -> SimpleNamespace:
    return SimpleNamespace(
        sand=number(58.0), clay=number(10.0), conductivity_correction=number(0.0),
        water_table_depth=number(table), leakance_gate=number(gate),
    )  # fmt: skip


BED = Bed(number(20.0), number(1000.0), number(1.0), number(3.0))


def test_water_goes_from_the_higher_level_to_the_lower() -> None:
    assert float(leakage(Leakance(), BED, ground(2.0))) == 0.0
    loss = float(leakage(Leakance(), BED, ground(2.5)))
    gain = float(leakage(Leakance(), BED, ground(1.5)))
    assert loss == -gain > 0.0
    assert float(leakage(Leakance(losing_only=True), BED, ground(1.5))) == 0.0
    assert float(leakage(Leakance(losing_only=True), BED, ground(2.5))) == loss


def test_a_gate_is_open_or_closed_and_can_be_learned() -> None:
    options = Leakance(gate=True)
    whole = leakage(Leakance(), BED, ground(5.0))
    for gate, share in ((0.2, 0.0), (0.499, 0.0), (0.5, 1.0), (0.9, 1.0)):
        p = ground(5.0, gate)
        p.leakance_gate.requires_grad_()
        leak = leakage(options, BED, p)
        assert float(leak.detach()) == share * float(whole)
        (gradient,) = torch.autograd.grad(leak, p.leakance_gate)
        torch.testing.assert_close(gradient, whole)


def test_the_width_of_the_published_form_is_another() -> None:
    parameters, forcing = channels(), weather(10)
    start = beginning(parameters)
    ours, published = (
        run(process(leakance={"published": flag}), start, forcing, parameters).outputs
        for flag in (False, True)
    )
    assert not torch.allclose(ours["leakage"], published["leakage"])


def test_no_more_is_lost_than_there_is() -> None:
    parameters, forcing = channels(), weather(30)
    parameters["conductivity_correction"][:] = 1.0
    parameters["water_table_depth"][:] = 300.0
    start = beginning(parameters)
    routing = run(process(leakance={}), start, forcing, parameters)
    plain = run(process(), start, forcing, parameters)
    assert (routing.outputs["leakage"] > 0.0).any()
    assert float(routing.outputs["solution"].min()) >= float(
        torch.clamp(plain.outputs["solution"].min(), max=1e-4)
    )
    # No water is made for it.
    low = routing.outputs["solution"] < 1e-4 - 1e-12
    assert (routing.outputs["leakage"][low] <= 0.0).all()


def test_a_compound_channel_has_no_published_form() -> None:
    with pytest.raises(ConfigError, match="leakance: published: found True, expected"):
        MuskingumCunge({"geometry": "compound", "leakance": {"published": True}})


def test_compound_channels_leak() -> None:
    channel, forcing = channels(), weather(10)
    channel |= {
        "bottom_width": np.full(10, 5.0), "top_width": np.full(10, 15.0),
        "floodplain_width": np.full(10, 45.0), "side_slope": np.full(10, 2.0),
        "floodplain_manning": np.full(10, 0.12),
    }  # fmt: skip
    flow = run(process(geometry="compound", leakance={}), beginning(channel), forcing,
                channel, dt=HOUR / 12)  # fmt: skip
    deep = (
        flow.outputs["depth"]
        - 2.5
        + torch.as_tensor(channel["water_table_depth"])[:, None]
    )
    moved = torch.sign(flow.outputs["leakage"])
    assert moved.min() < 0.0 < moved.max()
    assert ((moved == torch.sign(deep)) | (moved == 0.0)).all()


def test_who_switches_it_on_is_told_once_what_flow_cannot_tell(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        MuskingumCunge()
        assert not caplog.records
        MuskingumCunge({"leakance": {}})
        MuskingumCunge({"leakance": {"gate": True}})
    (record,) = caplog.records
    assert "a gauge sees the sum over all reaches above it" in record.getMessage()


def test_it_is_off_by_default() -> None:
    names = {p.name for p in MuskingumCunge().parameters}
    assert not names & {p.name for p in Leakance(gate=True).parameters}
