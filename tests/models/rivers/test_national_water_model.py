"""Channels of the National Water Model, beside the flow that it computed itself.

The lower Colorado River in Texas, 28 hours: lateral inflow, channels, and flow of the
model, which is stored in steps of 0.01 m3 s-1. Where a lake ends, the flow that leaves
it is what the model says.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import netCDF4
import numpy as np
import pytest
import torch

from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.substeps import substepped
from bmi_dmx.space import Tree

CHANNELS = {
    "manning": "n", "floodplain_manning": "nCC", "bottom_width": "BtmWdth",
    "top_width": "TopWdth", "floodplain_width": "TopWdthCC", "length": "length",
    "slope": "slope",
}  # fmt: skip
LEAST = 1e-6  # m3 s-1; a usual one would be more than all that enters small reaches


class Colorado(NamedTuple):
    """Reaches outside lakes."""

    tree: Tree
    channels: dict[str, torch.Tensor]
    lateral: torch.Tensor  # (hour, reach), of the hours that end
    from_lakes: torch.Tensor  # (hour, reach)
    flow: np.ndarray  # (hour, reach), at the end of hours; before the first, too
    order: np.ndarray


@pytest.fixture(scope="module")
def colorado(shared_data: Path) -> Colorado:
    path = shared_data / "lowercolorado_tx.nc"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the data beside the checkout")
    with netCDF4.Dataset(path) as data:
        variables = {n: np.ma.filled(v[:], np.nan) for n, v in data.variables.items()
                 if v.dtype is not str}  # fmt: skip
    lake = variables["waterbody_id"] >= 0
    open_reaches, below = np.flatnonzero(~lake), variables["down_index"]
    names = [str(i) for i in variables["reach_id"]]
    tree = Tree(names, below.tolist()).subset(open_reaches)
    flow = variables["streamflow"].T.astype(float)
    leaving = np.flatnonzero(lake & (below >= 0) & ~lake[below])
    from_lakes = np.zeros(flow.shape)
    np.add.at(from_lakes.T, below[leaving], flow.T[leaving])
    return Colorado(
        tree,
        {**{n: column(variables[k][open_reaches]) for n, k in CHANNELS.items()},
         "side_slope": column(1.0 / variables["ChSlp"][open_reaches])},
        torch.from_numpy(variables["q_lateral"].T[1:, open_reaches].astype(float)),
        torch.from_numpy(from_lakes[:, open_reaches]),
        flow[:, open_reaches],
        variables["order"][open_reaches],
    )  # fmt: skip


def column(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x.astype(float))[:, None]


def followed(river: Colorado) -> np.ndarray:
    """Return the flow of 27 hours, started from that of the hour before."""
    floors = {"discharge": LEAST, "slope": 1e-5}
    # Reaches of one step do not see each other, as in the run of the model.
    process = MuskingumCunge(
        {"geometry": "compound", "assume_short_ts": True, "floors": floors}
    )
    start = np.maximum(np.nan_to_num(river.flow[0]), LEAST)
    entering = {n: river.from_lakes[1:] for n in ("inflow", "upstream_discharge")}
    state = {
        "discharge": column(start),
        "inflow_before": column(river.tree.received(start))
        + river.from_lakes[0][:, None],
    }
    with torch.no_grad():
        ran = substepped(
            process.on(river.tree), state,
            {"lateral_inflow": river.lateral, **entering}, river.channels,
            dt=3600.0, substeps=12, outputs=("discharge",),
        )  # fmt: skip
    return ran.outputs["discharge"][..., 0].numpy()


def errors(river: Colorado, flow: np.ndarray) -> dict[int, float]:
    """Print and return, by stream order, absolute errors over the flow."""
    expected = river.flow[1:]
    relative = {}
    print("\nmean flow, mean absolute error (m3 s-1), relative, that of no change:")
    for order in range(1, int(river.order.max()) + 1):
        these = (river.order == order) & np.isfinite(river.flow).all(axis=0)
        mean = expected[:, these].mean()
        error = np.abs(flow - expected)[:, these].mean()
        still = np.abs(river.flow[0] - expected)[:, these].mean()
        relative[order] = error / mean
        print(f"  order {order}, {these.sum():5d} reaches: {mean:8.4f} {error:8.4f} "
              f"{relative[order]:7.4f} {still / mean:7.4f}")  # fmt: skip
    return relative


def test_the_flow_of_the_national_water_model_is_followed(colorado: Colorado) -> None:
    flow = followed(colorado)
    relative = errors(colorado, flow)
    # The main stem. Of the smallest reaches the flow is less than it is stored to.
    assert relative[6] < 0.005
    assert relative[5] < 0.01
    assert relative[4] < 0.01
    expected = colorado.flow[1:]
    moving = np.ptp(expected, axis=0) > 0.05
    assert moving.sum() > 900
    spread = ((expected - expected.mean(axis=0)) ** 2).sum(axis=0)
    missed = ((flow - expected) ** 2).sum(axis=0)
    efficiency = np.median(1.0 - missed[moving] / spread[moving])
    print(f"  Nash-Sutcliffe of {moving.sum()} reaches, median: {efficiency:.3f}")
    assert efficiency > 0.98
