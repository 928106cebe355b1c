"""A bundle in operation: stepped through BMI, interrupted, restored, and checked."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..bmi import Component
from ..bundle import Bundle, bundles
from ..compose import Model
from ..config import as_yaml
from ..errors import StateError
from ..files import atomic
from ..trainer.tasks.basins.data.basins import BasinData

__all__ = ["Agreement", "OperationResult", "agreement", "operate", "simulate"]

Array = NDArray[np.float64]

TOLERANCE = 1e-12
"""Largest relative difference between stepping and the batch run."""


@dataclass(frozen=True)
class OperationResult:
    """What stepping a bundle through BMI gave.

    Parameters
    ----------
    flow : array (T, B)
        Streamflow of the days after the hand-over, mm per day.
    imbalance : float
        Largest gap of a catchment's water balance since the first day, mm.
    """

    flow: Array
    imbalance: float


def operate(
    folder: Path, bundle: Bundle, before: BasinData, after: BasinData
) -> OperationResult:
    """Step a bundle through two periods, the state handed over in a file.

    One component runs the first period and saves its state; another one starts from
    that file and runs the second.

    Parameters
    ----------
    folder : Path
        Where configurations, the table of locations and the state are written: all
        that is needed to do the same again.
    bundle : Bundle
        The model.
    before, after : BasinData
        Forcing of the two periods, one after the other.
    """
    _write_locations(folder / "locations.csv", bundle, before)
    state = f"state_{after.time[0]}.safetensors"
    first = _start(folder, bundle, before)
    _step_through(first, before)
    first.save_state(folder / state)
    first.finalize()
    second = _start(folder, bundle, after, state=state)
    flow = _step_through(second, after)
    imbalance = _imbalance(second)
    second.finalize()
    return OperationResult(flow, imbalance)


def _write_locations(path: Path, bundle: Bundle, data: BasinData) -> None:
    required = [a.name for a in bundle.plan.attributes]
    names = dict.fromkeys([*required, "latitude", "longitude", "area_km2"])
    columns = [data.attributes[name].tolist() for name in names]
    with (
        atomic(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["gauge_id", *names])
        writer.writerows(zip(data.ids.tolist(), *columns, strict=True))


def _start(folder: Path, bundle: Bundle, data: BasinData, **more: str) -> Component:
    first, last = data.time[0], data.time[-1]
    shipped = bundle.path in (bundles[name] for name in bundles)
    settings = {
        "bundle": bundle.path.name if shipped else relpath(bundle.path, folder),
        "locations": {"file": "locations.csv"},
        "time_step": "daily",
        "start_time": f"{first}",
        "end_time": f"{last + np.timedelta64(1, 'D')}",
        **more,
    }
    path = folder / f"from_{first}.yaml"
    with atomic(path) as temporary:
        text = as_yaml(settings)
        temporary.write_text(text, encoding="utf-8")
    component = Component()
    component.initialize(str(path))
    return component


def _step_through(component: Component, data: BasinData) -> Array:
    """Return the flow of every day, (T, B)."""
    forcing = _doubles(data, component.bundle)
    flow = component.get_value_ptr("streamflow")
    series = np.empty(data.target.shape)
    for day in range(len(data.time)):
        for name, values in forcing.items():
            component.set_value(name, values[day])
        component.update()
        series[day] = flow
    return series


def _doubles(data: BasinData, bundle: Bundle) -> dict[str, Array]:
    """Return the forcings that a component is given; the day comes from its clock."""
    names = [f.name for f in bundle.plan.forcings if f.source == "host"]
    return {name: data.forcing[name].astype(np.float64) for name in names}


def _imbalance(component: Component) -> float:
    """Return the largest gap between water in, out, and stored, mm."""
    went_in, out, stored = (
        component.get_value_ptr(f"mass_{name}") for name in ("in", "out", "stored")
    )
    return float(np.abs(went_in - out - stored).max())


def simulate(model: Model, data: BasinData) -> Array:
    """Return the streamflow of one batch run in double precision, (T, B) mm per day.

    Parameters
    ----------
    model : Model
        The model; it becomes one of double precision.
    data : BasinData
        Forcing and attributes.
    """
    series = data.dated_forcing()
    with torch.no_grad():
        ran = model.double().simulate(
            {n: torch.from_numpy(series[n].astype(np.float64)) for n in model.forcings},
            {n: torch.from_numpy(data.attributes[n]) for n in model.attributes},
        )
    flow: Array = ran.outputs["streamflow"].numpy()
    return flow


@dataclass(frozen=True)
class Agreement:
    """How far two series are apart.

    Parameters
    ----------
    absolute : float
        Largest difference, mm per day.
    relative : float
        Largest difference relative to the second series.
    values : int
        How many values were compared.
    """

    absolute: float
    relative: float
    values: int


def agreement(stepped: Array, batch: Array, data: BasinData) -> Agreement:
    """Compare the flow of stepping, (T, B), with that of the batch run of ``data``.

    Raises
    ------
    StateError
        They differ by more than rounding.
    """
    difference = np.abs(stepped - batch)
    # Flow that is zero in both agrees.
    share = difference / np.maximum(np.abs(batch), np.finfo(float).tiny)
    agreement = Agreement(float(difference.max()), float(share.max()), share.size)
    if not agreement.relative <= TOLERANCE:
        day, basin = np.unravel_index(int(np.nanargmax(share)), share.shape)
        raise StateError(
            f"stepping and the batch run differ: {stepped[day, basin]} and "
            f"{batch[day, basin]} mm d-1 at gauge {data.ids[basin]}, {data.time[day]}"
        )
    return agreement
