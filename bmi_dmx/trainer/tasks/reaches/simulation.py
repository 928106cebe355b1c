"""A river run over windows, from a steady start, read at its gauges day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....compose import Model, Plan
from ....compose.part import Part
from ....errors import ConfigError, TrainingError
from ....models.rivers.start import accumulated, received
from .data import RiverData
from .forest import Forest, Forests
from .shift import Shift
from .windows import Batch

Tensors = dict[str, Tensor]

__all__ = ["FLOW", "LATERAL", "Routing", "river_of"]

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

    def run(self, model: Model, batch: Batch, warmup: int) -> Tensor:
        """Return the flow of windows at their gauges, m3 s-1, (day, place).

        Parameters
        ----------
        model : Model
            The model, where the batch is.
        batch : Batch
            The windows.
        warmup : int
            Days at their beginning that are not answered.

        Raises
        ------
        TrainingError
            A flow is not a number; names the reach.
        """
        forest = self.forest(batch)
        lateral = batch["inflow"].repeat_interleave(self.parts, 0)
        kept = len(lateral) - self.shift.days_behind * self.shift.per_day
        lateral = lateral[: kept + self.shift.steps_behind]
        start = self.steady(model.on(forest.tree), forest, lateral[0])
        flow, _, _ = self.advance(model, forest, lateral, start)
        at = forest.outlets.to(flow.device)
        gauges = batch["gauges"].cpu().numpy().astype(np.intp)
        before = start[f"{self.part.name}.{FLOW}"][at]
        return self.days(flow, before, lateral[:, at], gauges, warmup)

    def advance(
        self,
        model: Model,
        forest: Forest,
        lateral: Tensor,
        state: Mapping[str, Tensor],
        outputs: Sequence[str] = (),
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Run a model on a forest.

        Parameters
        ----------
        model : Model
            What runs.
        forest : Forest
            Where.
        lateral : Tensor
            (step, reach of the forest) lateral inflow.
        state : mapping of str to Tensor
            Before the first step.
        outputs : sequence of str
            What to record besides the flow.

        Returns
        -------
        flow : Tensor
            (step, outlet) at the end of every step.
        state : dict of str to Tensor
            After the last step.
        outputs : dict of str to Tensor
            (step, reach).

        Raises
        ------
        TrainingError
            A flow is not a number; names the reach.
        """
        given = {
            name: x.to(lateral).repeat(forest.copies)
            for name, x in self.of_reaches(forest).items()
        }
        ran = model.on(forest.tree).simulate(
            {LATERAL: lateral}, given, state=state, outputs=(FLOW, *outputs)
        )
        flow = ran.outputs[FLOW]
        _refuse_not_finite(flow, forest)
        more = {name: ran.outputs[name] for name in outputs}
        return flow[:, forest.outlets.to(flow.device)], ran.state, more

    def days(
        self,
        flow: Tensor,
        before: Tensor,
        lateral: Tensor,
        gauges: NDArray[np.intp],
        warmup: int,
    ) -> Tensor:
        """Return daily flow, without what enters a reach below its gauge.

        Parameters
        ----------
        flow, lateral : Tensor
            (step, place) flow, and inflow of the reach, at the gauges.
        before : Tensor
            (place,) flow before the first step.
        gauges : (G,) array of int
            Which gauges the places are, over and over.
        warmup : int
            Days at the beginning that are left out.
        """
        days = self.shift.days(flow, before, gauges, warmup)
        beyond = 1.0 - self.seen[torch.from_numpy(gauges)].to(flow)
        if not beyond.any():
            return days
        own = self.shift.days(lateral, lateral[0], gauges, warmup)
        rest = days - own * beyond.repeat(flow.shape[1] // len(gauges))
        return rest.clamp(min=0.0)

    def steady(self, placed: Model, forest: Forest, lateral: Tensor) -> Tensors:
        """Return the state in which every reach passes on all that enters above.

        Differentiable in the lateral inflow, (reach,). The volume of reaches, on which
        no flow depends, begins as it is declared.
        """
        state = placed.initial_state(len(lateral))
        name = self.part.name
        flow = accumulated(forest.tree, lateral).clamp(min=0.0)
        state[f"{name}.{FLOW}"] = flow
        if f"{name}.{INFLOW_BEFORE}" in state:
            state[f"{name}.{INFLOW_BEFORE}"] = received(forest.tree, flow)
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
