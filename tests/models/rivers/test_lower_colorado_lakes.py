"""Lakes of the Lower Colorado beside the National Water Model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bmi_dmx.models.rivers.formats import River, read_river
from bmi_dmx.models.rivers.lake_table import lake_reaches
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.start import received
from bmi_dmx.scan import scan

from .plain import pool_outflow
from .trees import HOUR


@pytest.fixture(scope="module")
def path(shared_data: Path) -> Path:
    path = shared_data / "lowercolorado_tx.nc"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the data folder")
    return path


def series(path: Path, river: River, variable: str) -> np.ndarray:
    """Return (time, reach) in the order of the river."""
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(path) as file:
        row = {str(i): k for k, i in enumerate(file["reach_id"][:].tolist())}
        at = [row[name] for name in river.tree.ids]
        values = np.ma.filled(file[variable][:].astype(float), np.nan)
    return np.ascontiguousarray(values[at].T)


def height(lake: SimpleNamespace, outflow: float) -> float:
    """Return how high a lake stands above its orifice to let that much out."""
    low, high = 0.0, 200.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (
            (low, middle) if pool_outflow(lake, middle) > outflow else (middle, high)
        )
    return high


def test_lakes_that_start_with_its_outflow_follow_it(path: Path) -> None:
    """Over 27 hours; its own states are those of another run."""
    river = read_river(path)
    lakes = lake_reaches(river).attributes
    theirs, lateral = (series(path, river, n) for n in ("streamflow", "q_lateral"))
    flow = torch.from_numpy(np.maximum(np.nan_to_num(theirs[0]), 1e-4))[:, None]
    (outlets,) = np.nonzero(lakes["lake"] == 1.0)
    storage = np.zeros(len(river))
    for k in outlets:
        lake = SimpleNamespace(**{name: x[k] for name, x in lakes.items()})
        storage[k] = height(lake, theirs[0, k]) * lake.lake_area * 1e6
    physics = MuskingumCunge({"geometry": "compound", "lakes": True}).on(river.tree)
    attributes = {**river.attributes, **lakes}
    routing = scan(
        physics,
        {"discharge": flow, "inflow_before": received(river.tree, flow),
         "lake_storage": torch.from_numpy(storage)[:, None]},
        {"lateral_inflow": torch.from_numpy(lateral[1:])},
        {p.name: torch.from_numpy(attributes[p.name])[:, None]
         for p in physics.parameters if p.name in attributes},
        dt=HOUR, outputs=["solution"],
    )  # fmt: skip
    ours = routing.outputs["solution"].squeeze(-1).numpy()[:, outlets]
    away = np.abs(ours - theirs[1:, outlets]).max(axis=0)
    most = theirs[1:, outlets].max(axis=0)
    assert len(outlets) == 30
    assert np.median(away / most) < 0.01
    # Others rise or fall faster or slower than by weir and orifice.
    assert (away <= np.maximum(0.02 * most, 0.02)).sum() >= 27
