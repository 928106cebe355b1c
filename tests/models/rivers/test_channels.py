"""Channels of known width, and with flood plains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.models.rivers.compound import Channel, Uniform
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.start import hot_start
from bmi_dmx.scan import ScanResult, scan
from bmi_dmx.space import Tree

from .rivers import channels, drawn, tree_of


def channel(**changed: float) -> Channel:
    usual = {
        "manning": 0.05, "plain_manning": 0.1, "bottom": 5.0, "top": 9.0, "plain": 30.0,
        "side_slope": 1.0, "slope": 1e-3, "length": 3000.0,
    }  # fmt: skip
    numbers = {**usual, **changed}
    return Channel(
        **{n: torch.tensor([x], dtype=torch.float64) for n, x in numbers.items()}
    )


def at(depth: float, reach: Channel) -> Uniform:
    return reach.uniform(torch.tensor([depth], dtype=torch.float64))


def test_flow_in_the_banks_is_that_of_a_trapezoid() -> None:
    flow = at(1.5, channel())
    area, perimeter = (5.0 + 1.5) * 1.5, 5.0 + 3.0 * 2.0**0.5
    velocity = (area / perimeter) ** (2 / 3) * 1e-3**0.5 / 0.05
    assert flow.velocity.item() == pytest.approx(velocity)
    assert flow.discharge.item() == pytest.approx(velocity * area)
    assert flow.width.item() == pytest.approx(8.0)


def test_flow_on_the_plain_is_of_both() -> None:
    flow = at(2.5, channel())
    area, plain = (5.0 + 2.0) * 2.0, 30.0 * 0.5
    wet, plain_wet = 5.0 + 4.0 * 2.0**0.5, 30.0 + 1.0
    manning = (wet * 0.05 + plain_wet * 0.1) / (wet + plain_wet)
    velocity = ((area + plain) / (wet + plain_wet)) ** (2 / 3) * 1e-3**0.5 / manning
    assert flow.discharge.item() == pytest.approx(velocity * (area + plain))
    assert flow.width.item() == 30.0


def test_banks_that_do_not_part_hold_all_water() -> None:
    assert at(20.0, channel(top=5.0)).width.item() == pytest.approx(45.0)


def test_waves_in_the_banks_travel_as_flow_changes_with_area() -> None:
    reach = channel()
    low, high = at(1.5 - 1e-6, reach), at(1.5 + 1e-6, reach)
    area = [(5.0 + d) * d for d in (1.5 - 1e-6, 1.5 + 1e-6)]
    slope = (high.discharge - low.discharge).item() / (area[1] - area[0])
    assert at(1.5, reach).celerity.item() == pytest.approx(slope, rel=1e-8)


def compound(
    channel: dict[str, Tensor], tree: Tree, lateral: Tensor, **options: Any
) -> tuple[dict[str, Tensor], ScanResult]:
    """Return the start and the run of channels with flood plains."""
    process = MuskingumCunge({"geometry": "compound", **options}).on(tree)
    state = hot_start(process, lateral[0], channel, dt=300.0)
    return state, scan(process, state, {"lateral_inflow": lateral}, channel, dt=300.0,
                       outputs=("depth", "discharge", "stored"))  # fmt: skip


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64], ids=str)
def test_what_leaves_is_uniform_flow_at_the_depth(
    short: bool, kind: torch.dtype
) -> None:
    river = drawn()
    lateral = torch.from_numpy(river.lateral).to(kind)
    c = {name: x.to(kind) for name, x in channels(river).items()}
    ran = compound(c, tree_of(river), lateral, assume_short_ts=short)[1].outputs
    reach = Channel(
        c["manning"], c["floodplain_manning"], c["bottom_width"], c["top_width"],
        c["floodplain_width"], c["side_slope"], c["slope"].clamp(min=1e-3), c["length"],
    )  # fmt: skip
    uniform = reach.uniform(ran["depth"]).discharge
    tolerance = {torch.float64: 1e-8, torch.float32: 1e-3}[kind]
    assert ((uniform / ran["discharge"] - 1.0).abs() < tolerance).all()
    assert 0.02 < (ran["depth"] > reach.bankfull).double().mean() < 0.98


def test_a_steady_compound_river_stays_as_it_is() -> None:
    river = drawn()
    lateral = torch.from_numpy(np.maximum(river.lateral.max(axis=0), 0.01)).repeat(9, 1)
    state, ran = compound(channels(river), tree_of(river), lateral)
    torch.testing.assert_close(
        ran.outputs["discharge"][-1], state["discharge"], rtol=1e-9, atol=0.0
    )
    # So does the water in it.
    torch.testing.assert_close(
        ran.outputs["stored"][-1], state["volume"], rtol=1e-9, atol=0.0
    )


def test_gradients_through_the_depth_are_those_of_the_root() -> None:
    tree = Tree(list("abc"), ["c", "c", ""])
    process = MuskingumCunge({"geometry": "compound"}).on(tree)
    channel = {
        "manning": 0.05, "floodplain_manning": 0.1, "bottom_width": 4.0,
        "top_width": 7.0, "floodplain_width": 20.0, "side_slope": 2.0, "slope": 2e-3,
    }  # fmt: skip
    leaves = [
        torch.full((3, 1), x, dtype=torch.float64, requires_grad=True)
        for x in channel.values()
    ]
    lateral = torch.tensor([[0.5, 2.0, 0.1], [4.0, 3.0, 0.1], [9.0, 0.1, 0.2]]).double()
    start = torch.tensor([[1.0], [9.0], [12.0]], dtype=torch.float64)

    def flow(lateral: Tensor, start: Tensor, *values: Tensor) -> Tensor:
        parameters = dict(zip(channel, values, strict=True))
        ran = scan(process, {"discharge": start}, {"lateral_inflow": lateral},
                   {**parameters, "length": 2500.0}, dt=300.0, outputs=("discharge",),
                   backend="reference")  # fmt: skip
        return ran.outputs["discharge"]

    inputs = (lateral.requires_grad_(), start.requires_grad_(), *leaves)
    assert torch.autograd.gradcheck(flow, inputs, eps=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64], ids=str)
def test_no_channel_is_too_extreme(kind: torch.dtype) -> None:
    axes = [1.0, 6e4], [0.0, 10.0], [0.2, 100.0], 10.0 ** np.arange(-4, 5)
    length, slope, bottom, flow = (x.reshape(-1) for x in np.meshgrid(*axes))
    tree = Tree([f"r{i}" for i in range(flow.size)], [-1] * flow.size)
    process = MuskingumCunge({"geometry": "compound"}).on(tree)
    lateral = torch.from_numpy(flow).repeat(6, 1).to(kind)
    lateral[3:] = 0.0
    arrays = {
        "length": length, "slope": slope, "bottom_width": bottom,
        "top_width": 1.7 * bottom, "floodplain_width": 5.0 * bottom,
        "side_slope": 0.7 + 0.0 * bottom, "manning": 0.05 + 0.0 * bottom,
        "floodplain_manning": 0.1 + 0.0 * bottom,
    }  # fmt: skip
    channel = {n: torch.from_numpy(x)[:, None].to(kind) for n, x in arrays.items()}
    leaves = [x.requires_grad_() for x in (lateral, *channel.values())]
    for start in (None, hot_start(process, lateral[0], channel, dt=300.0)):
        ran = scan(process, start, {"lateral_inflow": lateral}, channel, dt=300.0,
                   backend="reference")  # fmt: skip
        assert all(bool(x.isfinite().all()) for x in ran.outputs.values())
        total = torch.stack([x.sum() for x in ran.outputs.values()]).sum()
        gradients = torch.autograd.grad(total, leaves)
        assert all(bool(g.isfinite().all()) for g in gradients)


def test_known_widths_are_taken_as_they_are() -> None:
    river = drawn()
    process = MuskingumCunge({"geometry": "given"}).on(tree_of(river))
    attributes = channels(river)
    channel = {
        name: attributes[name]
        for name in ("top_width", "side_slope", "length", "slope")
    }
    channel["manning"] = torch.full((24, 1), 0.05).double()
    channel["width_exponent"] = torch.full((24, 1), 0.3).double()
    lateral = torch.from_numpy(river.lateral)
    state = hot_start(process, lateral[0], channel, dt=3600.0)
    ran = scan(process, state, {"lateral_inflow": lateral}, channel, dt=3600.0,
               outputs=("width", "depth", "velocity", "discharge"))  # fmt: skip
    width = channel["top_width"].expand(ran.outputs["width"].shape)
    assert torch.equal(ran.outputs["width"], width)
    root = channel["slope"].clamp(min=1e-3).sqrt()
    base = ran.outputs["discharge"] * 0.05 * 1.3 / (21.0 * root)
    depth = (base ** (3 / (5 + 3 * 0.3))).clamp(min=0.01)
    torch.testing.assert_close(ran.outputs["depth"], depth, rtol=1e-6, atol=0.0)
