"""What an ensemble of a river costs, and its analysis along the stream."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..assimilation.localisation import on_tree, taper, ways_down
from ..config import as_yaml
from ..models.rivers.component import MuskingumCunge
from . import loops
from .measure import Effort, Record, Value, seconds_of
from .report import RecordColumn, show
from .rivers import Flow, write_table

__all__ = ["analysed_by_loop", "measured"]

Array = np.ndarray[Any, np.dtype[Any]]

_RADIUS = 20_000.0
"""m along the stream, at which an observation counts 0.63."""

_EVERY = 6
"""Reaches to a gauge; there are as many in the Delaware."""

_RELATIVE, _ABSOLUTE = 0.1, 0.05
"""Errors of what is observed: a share of it, and m3 s-1."""

_MORE = 1.05
"""Times the flow that the members have, which gauges show."""

_FLOW, _INFLOW = "discharge", "lateral_inflow"


@dataclass(frozen=True, eq=False)
class River:
    """A flood on a river some of whose reaches have a gauge.

    Parameters
    ----------
    flow : Flow
        With two steps.
    gauges : ndarray of int
        Where it is observed.
    """

    flow: Flow
    gauges: Array

    @classmethod
    def of(cls, reaches: int) -> River:
        """Return a bushy river; the same one each time."""
        return cls(Flow.of(reaches, 2), np.arange(0, reaches, _EVERY))

    @property
    def taper(self) -> Array:
        """(reach, gauge) weights along the stream."""
        tree = self.flow.tree
        length = self.flow.parameters["length"].detach().numpy()[:, 0]
        ways = ways_down(tree, length.astype(np.float64))
        return taper(on_tree(tree, np.arange(len(tree)), self.gauges, ways), _RADIUS)

    def started(self, folder: Path, members: int) -> MuskingumCunge:
        """Return a component that has begun; of one member there is no ensemble."""
        settings: dict[str, Any] = {
            "start_time": "2000-01-01",
            "tree": str(write_table(folder / "river.csv", self.flow)),
            "bundle": "rivers-plain",
        }
        if members > 1:
            settings["assimilation"] = _ensemble(members)
        path = folder / "river.yaml"
        path.write_text(as_yaml(settings), encoding="utf-8")
        component = MuskingumCunge()
        component.initialize(str(path))
        return component


def _ensemble(members: int) -> dict[str, Any]:
    return {
        "members": members,
        "filter": {"name": "letkf"},
        "localisation": {"radius": _RADIUS},
        "observed": {_FLOW: {"error": {"relative": _RELATIVE, "absolute": _ABSOLUTE}}},
        "perturbations": {
            "forcing": {
                _INFLOW: {
                    "kind": "lognormal", "std": 0.5, "correlation_time": "1 d",
                    "correlation_length": _RADIUS,
                },
            },
        },
    }  # fmt: skip


def analysed_by_loop(members: Array, gauges: Array, weights: Array) -> Array:
    """Return the local analysis of flow by a plain loop over reaches.

    Every gauge shows a twentieth more than the mean of the members.

    Parameters
    ----------
    members : ndarray
        (member, reach) flow, m3 s-1.
    gauges : ndarray of int
        Reaches that are observed.
    weights : ndarray
        (reach, gauge) of the taper.

    Returns
    -------
    ndarray
        (member, reach).
    """
    predicted = members[:, gauges]
    value = _MORE * predicted.mean(0)
    error = np.hypot(_RELATIVE * value, _ABSOLUTE)
    analysis = loops.letkf(
        np.log1p(members)[None], predicted[None], value[None], error[None], weights
    )
    return np.asarray(np.maximum(np.expm1(analysis[0]), 0.0))


def measured(sizes: Sequence[tuple[int, int]]) -> list[Record]:
    """Measure, print and return what an hour of rivers costs.

    Parameters
    ----------
    sizes : sequence of (int, int)
        Reaches, and members of the ensemble.
    """
    records: list[Record] = []
    with tempfile.TemporaryDirectory() as name:
        for reaches, members in sizes:
            records += _of_size(Path(name), River.of(reaches), members)
    show(
        records, f"An hour of a river, every {_EVERY}th reach observed, CPU time",
        (
            RecordColumn("reaches", "reaches"), RecordColumn("members", "members"),
            RecordColumn("observed", "gauges"), RecordColumn("by", "implementation"),
            RecordColumn("ms", "forward_s", 1e3, ".3g"),
            RecordColumn("of it analysis", "analysis_s", 1e3, ".3g", optional=True),
            RecordColumn("times loop", "faster", 1.0, ".1f", optional=True),
        ),
    )  # fmt: skip
    return records


def _of_size(folder: Path, river: River, members: int) -> list[Record]:
    """Measure one river alone, as an ensemble, observed, and by plain loops."""
    flow, gauges, weights = river.flow, river.gauges, river.taper
    ensemble = river.started(folder, members)
    unseen = _hour(ensemble, river)
    states = ensemble.get_value_ptr(f"{_FLOW}__ensemble").reshape(members, -1).copy()
    alone, forecast, observed, routed, analysed = (
        seconds_of(work, Effort(repeats=3, seconds=0.3, limit=20.0))
        for work in (
            _hour(river.started(folder, 1), river), unseen,
            _hour(river.started(folder, members), river, observing=True),
            flow.by_levels,
            partial(analysed_by_loop, states, gauges, weights),
        )
    )  # fmt: skip
    analysis = observed - forecast
    loop = members * routed / len(flow.lateral)
    rows: Sequence[tuple[str, int, float, dict[str, Value]]] = (
        ("open loop", 1, alone, {}),
        ("ensemble", members, forecast, {"faster": loop / forecast}),
        ("ensemble, observed", members, observed, {
            "analysis_s": analysis, "faster": (loop + analysed) / observed,
        }),
        ("NumPy loops", members, loop + analysed, {"analysis_s": analysed}),
    )  # fmt: skip
    return [
        Record(
            case="river", implementation=by, forward_s=spent, more=more,
            sizes={
                "reaches": len(flow.tree), "members": size, "gauges": len(gauges),
            },
        )
        for by, size, spent, more in rows
    ]  # fmt: skip


def _hour(
    component: MuskingumCunge, river: River, observing: bool = False
) -> Callable[[], None]:
    """Return what makes a step of a component that has come to where it is usual."""
    inflow = river.flow.lateral[0].numpy().astype(np.float64)
    flow = component.get_value_ptr(_FLOW)
    observed = np.full(len(flow), np.nan)

    def step() -> None:
        component.set_value(_INFLOW, inflow)
        if observing:
            observed[river.gauges] = _MORE * flow[river.gauges]
            component.set_value(f"{_FLOW}~observed", observed)
        component.update()

    for _ in range(20):
        step()
    return step
