"""Make the small river that the package ships, to learn from without other data.

Storms fall on a made tree of reaches; what enters is routed hour by hour through
channels whose roughness follows from how wooded the banks are, and flow is read at
three gauges as means of local days, with errors and gaps. So it is known what there is
to be learned.

    python scripts/make_river_sample.py [--output FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import torch

from bmi_dmx.files import atomic
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.start import hot_start
from bmi_dmx.scan import scan
from bmi_dmx.space import Tree

OUTPUT = Path(__file__).resolve().parents[1] / "bmi_dmx/data/made_river.nc"

REACHES, DAYS, FIRST = 36, 1096, "days since 2000-01-01"
UTC_OFFSET = -6
NOISE, GAP = 0.03, (700, 730)


def tree(rng: np.random.Generator) -> tuple[list[int], Tree]:
    """Return ids, upstream first, and a tree that two branches often meet in."""
    ids = [1001 + k for k in range(REACHES)]
    below = np.full(REACHES, -1)
    open_ends: list[int] = []
    for k in range(REACHES):
        # The last reaches gather all that is still open.
        remaining = REACHES - k
        joined = 2 if len(open_ends) >= remaining or rng.random() < 0.45 else 1
        if k >= 6 and open_ends and (rng.random() < 0.7 or len(open_ends) >= remaining):
            for _ in range(min(joined, len(open_ends))):
                below[open_ends.pop(0)] = k
        open_ends.append(k)
    for k in open_ends[:-1]:
        below[k] = REACHES - 1
    return ids, Tree([str(i) for i in ids], below)


def storms(rng: np.random.Generator, area: Any) -> Any:
    """Return lateral inflow (day, reach), m3 s-1: storms, seasons, and what recedes."""
    season = 1.0 + 0.5 * np.cos(2 * np.pi * (np.arange(DAYS) - 30) / 365.25)
    wet = rng.random(DAYS) < 0.25
    depth = np.where(wet, rng.gamma(0.8, 9.0, DAYS), 0.0) * season
    near = rng.gamma(6.0, 1.0 / 6.0, (DAYS, len(area)))
    quick = np.zeros(len(area))
    slow = np.full(len(area), 0.8)
    runoff = np.empty((DAYS, len(area)))
    for day in range(DAYS):
        effective = 0.35 * depth[day] * near[day]
        quick = 0.45 * quick + 0.65 * effective * 0.55
        slow = 0.97 * slow + 0.03 * (0.4 + 0.35 * effective * 8.0) / 2.0
        runoff[day] = quick + slow
    return runoff * area / 86.4


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    output = parser.parse_args().output
    rng = np.random.default_rng(8)
    ids, river = tree(rng)
    area = rng.uniform(30.0, 160.0, REACHES)
    drained = river.accumulate(area)
    length = rng.uniform(3000.0, 14000.0, REACHES)
    slope = 0.05 * drained**-0.45 * rng.uniform(0.7, 1.4, REACHES)
    wooded = np.clip(rng.beta(2.0, 2.0, REACHES), 0.02, 0.98)
    inflow = storms(rng, area).astype(np.float32)
    attributes = {
        "manning": 0.025 + 0.05 * wooded,
        "width_exponent": np.full(REACHES, 0.4),
        "width_coefficient": 1.2 * drained**0.4,
        "length": length,
        "slope": slope,
    }
    parameters = {n: torch.from_numpy(x)[:, None] for n, x in attributes.items()}
    lateral = torch.from_numpy(inflow.astype(np.float64)).repeat_interleave(24, 0)
    process = MuskingumCunge()
    process.space = river
    with torch.no_grad():
        start = hot_start(process, lateral[0], parameters, dt=3600.0)
        flow = scan(
            process, start, {"lateral_inflow": lateral}, parameters,
            dt=3600.0, outputs=["discharge"], average=True,
        ).outputs["discharge"].numpy()  # fmt: skip
    large = np.argsort(drained)[::-1]
    gauges = [int(large[0]), int(large[8]), int(large[18])]
    observed = np.full((DAYS, len(gauges)), np.nan, dtype=np.float32)
    hours = flow[-UTC_OFFSET : -UTC_OFFSET + 24 * (DAYS - 1), gauges]
    means = hours.reshape(DAYS - 1, 24, -1).mean(1)
    observed[:-1] = means * np.exp(NOISE * rng.standard_normal(means.shape))
    observed[GAP[0] : GAP[1], 1] = np.nan
    x = _distance(river, length)
    with atomic(output) as temporary, netCDF4.Dataset(temporary, "w") as file:
        file.title = "A made river, to learn from"
        file.Conventions = "CF-1.10"
        file.source = "scripts/make_river_sample.py"
        file.license = "CC0-1.0"
        file.comment = (
            "Roughness is 0.025 + 0.05 * wooded; days of the flow begin at midnight,"
            f" {-UTC_OFFSET} hours after those of the inflow."
        )
        for name, size in (("reach", REACHES), ("time", DAYS), ("gauge", len(gauges))):
            file.createDimension(name, size)
        below = [ids[k] if k >= 0 else 0 for k in river.downstream.tolist()]
        _add(file, "time", ("time",), np.arange(DAYS), "i4", units=FIRST)
        _add(file, "reach_id", ("reach",), ids, "i4", cf_role="timeseries_id")
        _add(file, "down_id", ("reach",), below, "i4")
        numbers = {
            "length": (length, "m"),
            "slope": (slope, "1"),
            "area_km2": (area, "km2"),
            "drainage_area_km2": (drained, "km2"),
            "wooded": (wooded, "1"),
            "longitude": (-90.0 + x[0], "degrees_east"),
            "latitude": (40.0 + x[1], "degrees_north"),
        }
        for name, (values, units) in numbers.items():
            _add(file, name, ("reach",), values, "f4", units=units)
        _add(file, "q_prime", ("time", "reach"), inflow, "f4", units="m3 s-1")
        names = np.array([f"G{k + 1}" for k in range(len(gauges))], dtype=object)
        _add(file, "gauge_id", ("gauge",), names, str)
        _add(file, "gauge_reach_id", ("gauge",), [ids[k] for k in gauges], "i4")
        _add(file, "gauge_area", ("gauge",), drained[gauges], "f4", units="km2")
        _add(file, "gauge_flow", ("time", "gauge"), observed, "f4", units="m3 s-1")


def _distance(river: Tree, length: Any) -> tuple[Any, Any]:
    """Return where reaches are drawn, degrees from the outlet."""
    along, across = np.zeros(REACHES), np.zeros(REACHES)
    branches = np.zeros(REACHES, dtype=int)
    for k in reversed(river.order.tolist()):
        if (below := int(river.downstream[k])) >= 0:
            turn = (0.0, 1.0, -1.0, 2.0)[min(branches[below], 3)]
            branches[below] += 1
            along[k] = along[below] + length[k] / 1e5
            across[k] = across[below] + 0.02 + 0.6 * turn * length[k] / 1e5
    return along, across


def _add(
    file: Any, name: str, dimensions: tuple[str, ...], values: Any, kind: Any,
    **attributes: str,
) -> None:  # fmt: skip
    digits: dict[str, Any] = {}
    if kind is not str:
        digits = {"zlib": True, "shuffle": True}
    if name in ("q_prime", "gauge_flow"):
        digits |= {"significant_digits": 5, "quantize_mode": "BitGroom"}
    variable = file.createVariable(name, kind, dimensions, **digits)
    variable.setncatts(attributes)
    variable[:] = values


if __name__ == "__main__":
    main()
