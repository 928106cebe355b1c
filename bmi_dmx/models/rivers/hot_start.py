"""The flow to begin with: as if the first lateral inflow had lasted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...compose.part import Part
from ...errors import ConfigError, DataError
from ...operate.runner import Runner
from ...program import evaluate
from ...space import Tree
from .lake_kinds import INITIAL_ELEVATION, LEVEL_POOL, RESERVOIR

__all__ = ["held_by_flow", "hot_start", "reaches_part"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_LATERAL = "lateral_inflow"

_M2_PER_KM2 = 1e6

_DEEP, _HALVED = 1e3, 100
"""A depth, m, that no lake has, and how often what it holds is halved."""

_ABSURD = 1e9
"""A flow, m3 s-1, that no river has."""


def hot_start(runner: Runner, flow: Array | None = None) -> None:
    """Bring a runner to the steady flow of the lateral inflow it was given.

    What leaves a reach is all that enters above and along it, and no less than the
    physics lets flow; what it holds is what its physics stores at that flow. Lakes
    stand where their attribute ``initial_elevation`` says; where the flow is given, as
    high as they let it out.

    Parameters
    ----------
    runner : Runner
        A model of reaches before its first step, whose lateral inflow is set.
    flow : ndarray, optional
        (reach,) what leaves each, m3 s-1, where that is known.

    Raises
    ------
    DataError
        When that is not set, or it is not known how high a lake stands.
    ConfigError
        When the model has no such states.
    """
    part, tree = reaches_part(runner)
    lateral = runner.forcing[_LATERAL]
    bad = ~np.isfinite(lateral)
    if bad.any():
        raise DataError(
            f"state: hot: forcing {_LATERAL!r} at {runner.ids[int(bad.argmax())]!r} is "
            "not set; the start follows from the first one"
        )
    runner.parameterize()
    stores = runner.stores()
    discharge = stores[part.name, "discharge"]
    discharge[:, 0] = tree.accumulate(lateral) if flow is None else flow
    np.maximum(discharge, _least(runner, part), out=discharge)
    above = stores[part.name, "inflow_before"]
    above[:, 0] = tree.received(discharge[:, 0])
    if (part.name, "lake_storage") in stores:
        stores[part.name, "lake_storage"][:] = (
            _held(runner)[:, None] if flow is None else _letting_out(runner, part)
        )
    stores[part.name, "volume"][:] = held_by_flow(runner, part)
    runner.begin_balance()


def reaches_part(runner: Runner) -> tuple[Part, Tree]:
    """Return the part of the reaches, and their tree.

    Raises
    ------
    ConfigError
        When the model has none.
    """
    plan = runner.operation.plan
    part = next((p for p in plan.processes if p.coupling == "upstream"), None)
    if part is None or not isinstance(runner.space, Tree):
        raise ConfigError("state: 'hot' is for models of rivers on a tree")
    return part, runner.space


def held_by_flow(runner: Runner, part: Part) -> Array:
    """Return what reaches hold by their present flow as if it lasted, (reach, 1), m3.

    Parameters
    ----------
    runner : Runner
        The model.
    part : Part
        That of the reaches.
    """
    above = runner.stores()[part.name, "inflow_before"]
    lateral = np.nan_to_num(runner.forcing[_LATERAL])
    steady = {
        # A rate, of which a step brings as much as it is long.
        f"f.{_LATERAL}": lateral[:, None] * part.dt(runner.operation.inner),
        "f.inflow": above,
        "f.upstream_discharge": above,
    }
    return _step(runner, part, "q.stored", steady)


def _held(runner: Runner) -> Array:
    """Return what lakes hold whose surface is known, (reach,), m3."""
    lakes = runner.parameters.attribute
    kind, surface = lakes["lake"], lakes.get(INITIAL_ELEVATION.name)
    lake = (kind == LEVEL_POOL) | (kind == RESERVOIR)
    if surface is None:
        surface = np.full(kind.shape, np.nan)
    unknown = lake & ~(np.isfinite(surface) & (kind == LEVEL_POOL))
    if unknown.any():
        name = runner.ids[int(unknown.argmax())]
        raise DataError(
            f"state: hot: nothing says how high the lake at {name!r} stands; set its "
            f"attribute {INITIAL_ELEVATION.name!r}, or begin with a saved state"
        )
    height = np.maximum(np.where(lake, surface, 0.0) - lakes["orifice_elevation"], 0.0)
    return np.where(lake, height * lakes["lake_area"] * _M2_PER_KM2, 0.0)


def _letting_out(runner: Runner, part: Part) -> Array:
    """Return what lakes hold that let out the present flow, (reach, 1), m3.

    It is found by halving: a lake that holds more falls, where that much enters it.
    """
    stores = runner.stores()
    flow = stores[part.name, "discharge"]
    steady = dict.fromkeys(
        ("s.inflow_before", "f.inflow", "f.upstream_discharge"), flow
    )
    low = np.zeros_like(flow)
    high = np.full_like(flow, _DEEP * _M2_PER_KM2)
    high *= runner.parameters.attribute["lake_area"][:, None]
    for _ in range(_HALVED):
        middle = 0.5 * (low + high)
        inputs = {**steady, "s.lake_storage": middle}
        falls = _step(runner, part, "s.lake_storage", inputs) < middle
        low, high = np.where(falls, low, middle), np.where(falls, middle, high)
    kind = runner.parameters.attribute["lake"][:, None]
    return np.where((kind == LEVEL_POOL) | (kind == RESERVOIR), low, 0.0)


def _least(runner: Runner, part: Part) -> Array:
    """Return the least flow: what a step makes of one that cannot be, (reach, 1)."""
    shape = runner.stores()[part.name, "discharge"].shape
    drained = {"s.inflow_before": np.full(shape, -_ABSURD)}
    return _step(runner, part, "s.discharge", drained)


def _step(
    runner: Runner, part: Part, output: str, others: Mapping[str, Array]
) -> Array:
    """Return one output of a step from the present states, (reach, 1).

    Parameters
    ----------
    runner : Runner
        The model.
    part : Part
        Its process.
    output : str
        Name in the program of the process.
    others : mapping of str to ndarray
        (reach, 1) inputs that are to be otherwise; there is no inflow but these say so.
    """
    declared = part.declared(runner.operation.inner)
    stores = runner.stores()
    shape = stores[part.name, "discharge"].shape
    inputs = {f"s.{s.name}": stores[part.name, s.name] for s in declared.states}
    for p in declared.step_parameters:
        inputs[f"p.{p.name}"] = runner.parameter(part.name, p.name)
    for forcing in declared.forcings:
        inputs[f"f.{forcing.name}"] = np.zeros(shape)
    program = runner.operation.program(part).select([output])
    return np.broadcast_to(evaluate(program, {**inputs, **others})[output], shape)
