"""Where a river starts, and steps shorter than those of its inflow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ScanError
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.start import accumulated, hot_start, received
from bmi_dmx.models.rivers.substeps import substepped
from bmi_dmx.scan import scan

from . import independent
from .rivers import channels, drawn, parameters, tree_of


def test_all_that_enters_above_has_arrived() -> None:
    river = drawn()
    tree = tree_of(river)
    lateral = torch.from_numpy(river.lateral[0])
    fields = parameters(river)
    del fields["musk_x"]
    process = MuskingumCunge({"admissible": True}).on(tree)
    state = hot_start(process, lateral, fields, dt=3600.0)
    flow = np.maximum(independent.hot_start(river), independent.LEAST)
    start = {name: x[:, 0].numpy() for name, x in state.items()}
    np.testing.assert_allclose(start["discharge"], flow, rtol=1e-14)
    above = [sum(flow[j] for j in up) for up in river.up]
    np.testing.assert_allclose(start["inflow_before"], above, rtol=1e-14)
    for i, q in enumerate(flow):
        physics = independent.Physics(admissible=True)
        s = independent.section(river, i, q, physics)
        stored = s.K * (s.X * above[i] + (1.0 - s.X) * q)
        assert start["volume"][i] == pytest.approx(stored, rel=1e-12)


def test_arrays_and_tensors_are_summed_up_alike() -> None:
    tree = tree_of(drawn())
    values = np.random.default_rng(3).random((24, 5))
    for numpy, torched in ((tree.accumulate, accumulated), (tree.received, received)):
        assert np.array_equal(numpy(values), torched(tree, torch.from_numpy(values)))


def test_a_start_is_differentiable() -> None:
    river = drawn()
    process = MuskingumCunge().on(tree_of(river))
    fields = parameters(river)
    del fields["musk_x"]

    def start(lateral: torch.Tensor, manning: torch.Tensor) -> torch.Tensor:
        # Of parameters that change with time the first is what counts.
        changing = torch.stack([manning, 2.0 * manning])
        state = hot_start(process, lateral, {**fields, "manning": changing}, dt=3600.0)
        return torch.cat([*state.values()])

    at = (
        torch.rand(24, 2).double().requires_grad_(),
        fields["manning"].requires_grad_(),
    )
    assert torch.autograd.gradcheck(start, at)


def test_a_river_is_dry_where_nothing_is_said_of_it() -> None:
    river = drawn()
    fields = parameters(river)
    del fields["musk_x"]
    lateral = torch.from_numpy(river.lateral[:1])
    ran = scan(MuskingumCunge().on(tree_of(river)), None, {"lateral_inflow": lateral},
               fields, dt=3600.0, outputs=("stored",), backend="reference")  # fmt: skip
    assert ran.outputs["stored"].abs().max() == 0.0


@pytest.mark.parametrize("geometry", ["power_law", "compound"])
def test_shorter_steps_are_those_of_a_scan_and_lose_no_water(geometry: str) -> None:
    river = drawn(steps=6)
    process = MuskingumCunge({"geometry": geometry}).on(tree_of(river))
    fields: Any = channels(river) if geometry == "compound" else parameters(river)
    fields.pop("musk_x", None)
    fields["manning"] = fields["manning"] * torch.linspace(1.0, 1.2, 6)[:, None, None]
    lateral = torch.from_numpy(river.lateral)
    state = hot_start(process, lateral[0], fields, dt=900.0)
    names = ("discharge", "leaving", "created", "negative")
    ran = substepped(process, state, {"lateral_inflow": lateral}, fields,
                     dt=3600.0, substeps=4, outputs=names)  # fmt: skip
    each = {**fields, "manning": fields["manning"].repeat_interleave(4, dim=0)}
    repeated = {"lateral_inflow": lateral.repeat_interleave(4, dim=0)}
    short = scan(process, state, repeated, each, dt=900.0, outputs=names)
    for name, x in short.outputs.items():
        parts = x.reshape(6, 4, 24, 1)
        expected = {"discharge": parts[:, -1], "negative": parts.sum(1)}
        torch.testing.assert_close(ran.outputs[name], expected.get(name, parts.mean(1)))
    outlets = torch.from_numpy(process.space.downstream < 0)
    entered = lateral.sum() + ran.outputs["created"].sum()
    outflow = ran.outputs["leaving"][:, outlets].sum()
    change = (ran.state["volume"] - state["volume"]).sum()
    assert abs(3600.0 * (entered - outflow) - change) < 1e-9 * 3600.0 * entered


def test_no_steps_at_all_are_refused() -> None:
    river = drawn()
    with pytest.raises(ScanError, match="substeps: found 0, expected at least 1"):
        substepped(MuskingumCunge(), None, {}, parameters(river), dt=3600.0, substeps=0)
