"""A river with all it exchanges, reach by reach in plain numbers.

Shares no code with the package. Lakes are solved by halving, geometry is written out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

Values = Mapping[str, Any]
GRAVITY, STILL = 9.81, 1e-8


@dataclass
class Plain:
    """Flow through a tree, one number at a time.

    Parameters
    ----------
    downstream : sequence of int
        Of every reach, -1 at outlets; in any order.
    parameters : mapping
        By name, (reach,).
    options : mapping
        As those of the process.
    """

    downstream: Sequence[int]
    parameters: Values
    options: Values
    dt: float
    least: float = 1e-4
    fluxes: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def run(self, state: Values, forcing: Values) -> dict[str, np.ndarray]:
        """Return the state at the end; fluxes are kept."""
        now = {name: np.array(x, dtype=float) for name, x in state.items()}
        for t in range(len(forcing["lateral_inflow"])):
            now = self._step(now, {n: x[t] for n, x in forcing.items()})
        return now

    def series(self, name: str) -> np.ndarray:
        return np.array(self.fluxes[name])

    def _order(self) -> list[int]:
        order: list[int] = []
        while len(order) < len(self.downstream):
            order += [
                i for i in range(len(self.downstream)) if i not in order
                and all(j in order for j, d in enumerate(self.downstream) if d == i)
            ]  # fmt: skip
        return order

    def _step(self, state: Values, forcing: Values) -> dict[str, np.ndarray]:
        reaches = len(self.downstream)
        new = {name: np.zeros(reaches) for name in state}
        fluxes: dict[str, np.ndarray] = {}
        for i in self._order():
            up = [j for j, d in enumerate(self.downstream) if d == i]
            arriving = sum(fluxes["solution"][j] for j in up)
            clamped = sum(new["discharge"][j] for j in up)
            s, f, p = (
                SimpleNamespace(**{n: float(x[i]) for n, x in group.items()})
                for group in (state, forcing, self.parameters)
            )
            for name, value in self._reach(s, f, p, arriving, clamped).items():
                if name in new:
                    new[name][i] = value
                else:
                    fluxes.setdefault(name, np.zeros(reaches))[i] = value
        for name, x in fluxes.items():
            self.fluxes.setdefault(name, []).append(x)
        return new

    def _reach(self, s: Any, f: Any, p: Any, arriving: float, clamped: float) -> Values:
        dt, lake = self.dt, p.lake if self.options.get("lakes") else 0.0
        lateral = max(f.lateral_inflow, self.least)
        travel, x, depth, below, width = self._channel(s.discharge, p)
        if lake:
            weight, flow = 1.0 / dt, arriving + lateral
        else:
            whole = 2.0 * travel * (1.0 - x) + dt
            weight = 2.0 / whole
            flow = (
                (dt - 2 * travel * x) * arriving
                + (dt + 2 * travel * x) * s.inflow_before
                + (2 * travel * (1 - x) - dt) * s.discharge
                + 2 * dt * lateral
            ) / whole
        storage = s.lake_storage if lake in (1.0, 2.0) else 0.0
        out: dict[str, float] = {}

        def take(demand: float, flow: float) -> tuple[float, float]:
            there = max((flow - self.least) / weight + storage, 0.0)
            amount = min(demand * dt, there)
            return flow - weight * amount, amount / dt

        if self.options.get("leakance") is not None:
            demand = 0.0 if lake else self._leak(p, depth, below, width)
            flow, out["leakage"] = take(demand, flow)
        if self.options.get("diversions"):
            flow, out["diverted"] = take(f.diversion, flow)
            out["undelivered"] = f.diversion - out["diverted"]
        deficit = 0.0
        if lake in (1.0, 2.0):
            flow, storage, deficit = self.lake(p, lake, storage + dt * flow)
        if self.options.get("observations"):
            nudge = f.observation_weight * (f.observed_discharge - flow)
            flow += nudge
            out["nudged"] = nudge / weight / dt
            if lake in (1.0, 2.0):
                rest = storage - dt * nudge
                storage, out["nudged"] = max(rest, 0.0), max(-rest, 0.0) / dt
        discharge = max(flow, self.least)
        if lake:
            volume = storage + 0.5 * dt * (discharge - clamped)
        else:
            volume = travel * (x * clamped + (1 - x) * discharge)
        out |= {
            "solution": flow, "discharge": discharge, "inflow_before": clamped,
            "kept": volume, "made": deficit / dt,
        }  # fmt: skip
        if self.options.get("lakes"):
            out["lake_storage"] = storage
            out["elevation"] = p.orifice_elevation
            if lake == 1.0:
                out["elevation"] += storage / (p.lake_area * 1e6)
        return out

    def _channel(self, flow: float, p: Any) -> tuple[float, ...]:
        root = math.sqrt(max(p.slope, 1e-3))
        q = p.width_exponent + 1e-6
        base = flow * p.manning * (q + 1) / (p.width_coefficient * root + 1e-8)
        free = base ** (3 / (5 + 3 * q))
        depth = max(free, 0.01)
        top = p.width_coefficient * depth**q
        z = min(max(top * q / (2 * depth), 0.5), 50.0)
        bottom = max(top - 2 * z * depth, 0.01)
        side = math.sqrt(1 + z * z)
        area, wet = (top + bottom) * depth / 2, bottom + 2 * depth * side
        velocity = min(max((area / wet) ** (2 / 3) * root / p.manning, 0.01), 15.0)
        celerity = (5 / 3 - 4 / 3 * area * side / (top * wet)) * velocity
        slope = max(p.slope, 1e-3)
        x = 0.5 * (1 - flow / (top * slope * celerity * p.length))
        x = min(max(x, 0.0), 0.5)
        width = top
        if (self.options.get("leakance") or {}).get("published"):
            depth, width = free, (p.width_coefficient * free) ** p.width_exponent
        return p.length / celerity, x, depth, top / (2 * z), width

    def _leak(self, p: Any, depth: float, below: float, width: float) -> float:
        options = self.options["leakance"]
        decades = -0.6 + 0.0126 * p.sand - 0.0064 * p.clay + p.conductivity_correction
        head = depth - below + p.water_table_depth
        if options.get("losing_only"):
            head = max(head, 0.0)
        opened = p.leakance_gate >= 0.5 if options.get("gate") else True
        conductivity = 10 ** (decades + math.log10(7.056e-6))
        return opened * width * p.length * conductivity * head

    def lake(self, p: Any, kind: float, water: float) -> tuple[float, float, float]:
        there = max(water, 0.0)
        if kind == 2.0:
            flow = there / (p.residence_time + self.dt)
        else:
            area = p.lake_area * 1e6
            low, high = 0.0, there / area
            for _ in range(200):
                middle = 0.5 * (low + high)
                more = middle * area + self.dt * pool_outflow(p, middle) > there
                low, high = (low, middle) if more else (middle, high)
            flow = pool_outflow(p, high)
        rest = water - self.dt * flow
        return flow, max(rest, 0.0), max(-rest, 0.0)


def pool_outflow(p: Any, height: float) -> float:
    """Return what flows out of a level pool that high above its orifice."""
    orifice = math.sqrt(2 * GRAVITY * height + STILL) - math.sqrt(STILL)
    weir = max(height - max(p.weir_elevation - p.orifice_elevation, 0.0), 0.0)
    dam = max(height - max(p.dam_elevation - p.orifice_elevation, 0.0), 0.0)
    crest = p.weir_coefficient * p.weir_length
    return (
        p.orifice_coefficient * p.orifice_area * orifice
        + crest * weir**1.5
        + crest * p.dam_length * dam**1.5
    )
