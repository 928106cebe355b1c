"""A river run over windows, from a steady start, read at its gauges day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ....compose import Model, Plan
from ....compose.part import Part
from ....errors import ConfigError, TrainingError
from .data import RiverData
from .forest import Forest, Forests
from .shift import Shift
from .windows import Batch

__all__ = ["FLOW", "LATERAL", "Readout", "Routing", "river_of"]

LATERAL = "lateral_inflow"
"""What the model is given at every step."""

FLOW = "discharge"
"""What it answers."""

INFLOW_BEFORE = "inflow_before"
"""State in which a process keeps what its reaches had from upstream."""


def river_of(plan: Plan) -> Part:
    """Return the part of a model whose reaches see those upstream.

    Raises
    ------
    ConfigError
        There is none, more than one, or it does not read or give what rivers do.
    """
    found = [part for part in plan.processes if part.coupling == "upstream"]
    if len(found) != 1:
        named = ", ".join(part.name for part in found) or "none"
        raise ConfigError(
            "model.parts: expected one process whose reaches see those upstream, such"
            f" as muskingum_cunge; found {named}"
        )
    if FLOW not in plan.outputs:
        raise ConfigError(f"model.parts: none gives {FLOW!r}")
    names = [forcing.name for forcing in plan.forcings]
    if names != [LATERAL]:
        raise ConfigError(
            f"model.parts: expected that {LATERAL!r} alone is to be given, found"
            f" {', '.join(names) or 'nothing'}"
        )
    return found[0]


@dataclass(frozen=True)
class Readout:
    """What a river says.

    Parameters
    ----------
    days : Tensor
        (day, place) flow at the gauges, m3 s-1, after the warm-up.
    state : dict of str to Tensor
        After the last step.
    outputs : dict of str to Tensor
        (step, reach) what else was asked for.
    """

    days: Tensor
    state: dict[str, Tensor]
    outputs: dict[str, Tensor]


class Routing:
    """How windows are routed: what is the same for all of a training.

    Parameters
    ----------
    data : RiverData
        Says where the gauges are.
    forests : Forests
        Of its gauges.
    shift : Shift
        Of their days.
    model : Model
        Its declarations say what it reads; its weights do not matter.

    Raises
    ------
    ConfigError
        The model is not one of a river, or its steps do not divide those of the inflow.
    """

    def __init__(
        self, data: RiverData, forests: Forests, shift: Shift, model: Model
    ) -> None:
        self.data, self.forests, self.shift = data, forests, shift
        self.part = river_of(model.plan)
        self.parts = steps_within(data, model.spec.seconds)
        self.attributes = {
            name: torch.from_numpy(values.astype(np.float32))
            for name, values in data.attributes(model.attributes).items()
        }
        self.seen = torch.from_numpy(data.gauges.seen.astype(np.float32))

    def forest(self, batch: Batch) -> Forest:
        """Return where a batch runs."""
        gauges = batch["gauges"].cpu().numpy().astype(np.intp)
        return self.forests.of(gauges, len(batch["start"]))

    def of_reaches(self, forest: Forest) -> dict[str, Tensor]:
        """Return the attributes of one copy of the reaches of a forest."""
        at = torch.from_numpy(forest.reaches)
        return {name: x[at] for name, x in self.attributes.items()}

    def run(
        self,
        model: Model,
        batch: Batch,
        warmup: int,
        *,
        state: Mapping[str, Tensor] | None = None,
        outputs: tuple[str, ...] = (),
    ) -> Readout:
        """Run a model over windows.

        Parameters
        ----------
        model : Model
            The model, where the batch is.
        batch : Batch
            The windows.
        warmup : int
            Days at their beginning that are not answered.
        state : mapping of str to Tensor, optional
            Where to start; default: the steady flow of the first lateral inflow.
        outputs : tuple of str
            What to record besides the flow.

        Raises
        ------
        TrainingError
            A flow is not a number; names the reach.
        """
        forest = self.forest(batch)
        placed = model.on(forest.tree)
        lateral = batch["inflow"].repeat_interleave(self.parts, 0)
        kept = len(lateral) - self.shift.days_behind * self.shift.per_day
        lateral = lateral[: kept + self.shift.steps_behind]
        given = {
            name: x.to(lateral).repeat(forest.copies)
            for name, x in self.of_reaches(forest).items()
        }
        start = self.steady(placed, forest, lateral[0]) if state is None else state
        ran = placed.simulate(
            {LATERAL: lateral}, given, state=start, outputs=(FLOW, *outputs)
        )
        flow = ran.outputs[FLOW]
        _refuse_not_finite(flow, forest)
        before = start[f"{self.part.name}.{FLOW}"]
        at = forest.outlets.to(flow.device)
        days = self._read(flow[:, at], before[at], lateral[:, at], batch, warmup)
        more = {name: ran.outputs[name] for name in outputs}
        return Readout(days, ran.state, more)

    def _read(
        self, flow: Tensor, before: Tensor, lateral: Tensor, batch: Batch, warmup: int
    ) -> Tensor:
        """Return daily flow, without what enters a reach below its gauge."""
        gauges = batch["gauges"].cpu().numpy().astype(np.intp)
        days = self.shift.days(flow, before, gauges, warmup)
        beyond = 1.0 - self.seen[batch["gauges"].cpu()].to(flow)
        if not beyond.any():
            return days
        own = self.shift.days(lateral, lateral[0], gauges, warmup)
        rest = days - own * beyond.repeat(len(batch["start"]))
        return rest.clamp(min=0.0)

    def steady(
        self, placed: Model, forest: Forest, lateral: Tensor
    ) -> dict[str, Tensor]:
        """Return the state in which every reach passes on all that enters above.

        Differentiable in the lateral inflow, (reach,).
        """
        state = placed.initial_state(len(lateral))
        name = self.part.name
        least = next(s.bounds for s in self.part.variables.states if s.name == FLOW)
        flow = forest.accumulated(lateral).clamp(min=least[0] if least else 0.0)
        state[f"{name}.{FLOW}"] = flow
        if f"{name}.{INFLOW_BEFORE}" in state:
            state[f"{name}.{INFLOW_BEFORE}"] = forest.from_upstream(flow)
        return state


def steps_within(data: RiverData, seconds: float) -> int:
    """Return how many steps of a model make up one of the inflow.

    Raises
    ------
    ConfigError
        Not a whole number of them.
    """
    own = 86400.0 / data.per_day
    parts = own / seconds
    if parts < 1.0 or parts != round(parts):
        raise ConfigError(
            f"model.seconds: steps of {seconds:g} s do not divide those of the inflow,"
            f" {own:g} s"
        )
    return round(parts)


def _refuse_not_finite(flow: Tensor, forest: Forest) -> None:
    total = flow.detach().sum()
    if bool(torch.isfinite(total)):
        return
    bad = (~flow.detach().isfinite()).nonzero()
    if len(bad):
        step, place = bad[0].tolist()
        raise TrainingError(
            f"the flow of reach {forest.name(place)!r} is"
            f" {flow[step, place].item()} at step {step} of a window"
        )
