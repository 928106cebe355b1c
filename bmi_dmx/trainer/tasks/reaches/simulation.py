"""A river run over windows, from a steady start, read at its gauges day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....compose import Model, Plan
from ....compose.parameterization import within_bounds
from ....compose.part import Part
from ....errors import ConfigError, TrainingError
from ....models.rivers.disaggregation import interpolated, repeated
from ....models.rivers.muskingum_cunge import MuskingumCunge
from ....models.rivers.start import hot_start
from .data import LATERAL, RiverData
from .forest import Forest, Forests
from .land_runs import LandRuns, at_once
from .shift import Shift
from .windows import Batch

Tensors = dict[str, Tensor]

__all__ = ["FLOW", "Routing", "learned", "river_of"]

FLOW = "discharge"
"""What it answers."""


def river_of(plan: Plan) -> Part:
    """Return the part of a model whose reaches see those upstream.

    Raises
    ------
    ConfigError
        There is none, more than one, or it does not read or give what rivers do.
    """
    rivers = [part for part in plan.processes if part.coupling == "upstream"]
    if len(rivers) != 1:
        names = ", ".join(part.name for part in rivers) or "none"
        raise ConfigError(
            "model.parts: expected one process whose reaches see those upstream, such"
            f" as muskingum_cunge; found {names}"
        )
    if FLOW not in plan.outputs:
        raise ConfigError(f"model.parts: none gives {FLOW!r}")
    if not {forcing.name for forcing in plan.forcings} & {*LATERAL}:
        raise ConfigError(f"model.parts: none reads {' or '.join(LATERAL)}")
    return rivers[0]


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
    land : LandRuns, optional
        What makes the lateral inflow of windows, where it is trained.

    Raises
    ------
    ConfigError
        The model is not one of a river, or its steps do not divide those of the inflow.
    """

    def __init__(
        self,
        data: RiverData,
        forests: Forests,
        shift: Shift,
        model: Model,
        land: LandRuns | None = None,
    ) -> None:
        self.data, self.forests, self.shift = data, forests, shift
        self.land = land
        self.part = river_of(model.plan)
        self.forcings = model.forcings
        self.lateral = next(name for name in LATERAL if name in self.forcings)
        self.parts = steps_within(data, model.spec.seconds)
        self.attributes = {
            name: torch.from_numpy(values.astype(np.float32))
            for name, values in data.attributes(model.attributes).items()
        }
        self.share = torch.from_numpy(data.gauges.share.astype(np.float32))

    def forest(self, batch: Batch) -> Forest:
        """Return where a batch runs."""
        gauges = batch["gauges"].cpu().numpy().astype(np.intp)
        return self.forests.of(gauges, len(batch["start"]))

    def of_reaches(self, forest: Forest) -> dict[str, Tensor]:
        """Return the attributes of one copy of the reaches of a forest."""
        at = torch.from_numpy(forest.reaches)
        return {name: x[at] for name, x in self.attributes.items()}

    def steps(self, name: str, series: Tensor) -> Tensor:
        """Return a forcing at the steps of the model, (step, place)."""
        if self.parts == 1 or name != self.lateral:
            return series.repeat_interleave(self.parts, 0)
        within = {"repeat": repeated, "linear": interpolated}
        return within[self.data.disaggregation](series, self.parts)

    def repeated(self, forest: Forest, like: Tensor) -> dict[str, Tensor]:
        """Return the attributes of all reaches of a forest, alike another tensor."""
        attributes = self.of_reaches(forest)
        return {
            name: x.to(like).repeat(forest.copies) for name, x in attributes.items()
        }

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
        drivers = self._with_land(batch, forest)
        gauges = batch["gauges"].cpu().numpy().astype(np.intp)
        if self.land is not None and not self.land.spec.routed:
            lateral = drivers[self.lateral]
            beyond = self.shift.days_behind * self.data.per_day
            return at_once(
                forest, lateral[: len(lateral) - beyond], self.share[gauges],
                self.data.per_day, warmup,
            )  # fmt: skip
        more = self.shift.days_behind * self.shift.per_day - self.shift.steps_behind
        forcing = {
            name: self.steps(name, x.to(model.like))[: len(x) * self.parts - more]
            for name, x in drivers.items()
        }
        lateral = forcing[self.lateral]
        start = self.steady(model.on(forest.tree), forest, lateral[0])
        flow, _, _ = self.advance(model, forest, forcing, start)
        at = forest.outlets.to(flow.device)
        before = start[f"{self.part.name}.{FLOW}"][at]
        return self.days(flow, before, lateral[:, at], gauges, warmup)

    def _with_land(self, batch: Batch, forest: Forest) -> dict[str, Tensor]:
        """Return what drives windows, with the lateral inflow that land makes."""
        drivers = batch["forcing"]
        if self.land is None or not self.land.learns:
            return drivers
        days = len(drivers[self.lateral]) // self.data.per_day
        inflow = self.land.inflow(forest.reaches, batch["start"], days)
        return {**drivers, self.lateral: inflow}

    def advance(
        self,
        model: Model,
        forest: Forest,
        forcing: Mapping[str, Tensor],
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
        forcing : mapping of str to Tensor
            (step, reach of the forest), lateral inflow among it.
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
        attributes = self.repeated(forest, forcing[self.lateral])
        ran = model.on(forest.tree).simulate(
            forcing, attributes, state=state, outputs=(FLOW, *outputs)
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
        beyond = 1.0 - self.share[torch.from_numpy(gauges)].to(flow)
        if not beyond.any():
            return days
        inflow = self.shift.days(lateral, lateral[0], gauges, warmup)
        rest = days - inflow * beyond.repeat(flow.shape[1] // len(gauges))
        return rest.clamp(min=0.0)

    def steady(self, placed: Model, forest: Forest, lateral: Tensor) -> Tensors:
        """Return the state in which every reach passes on all that enters above.

        Differentiable in the lateral inflow, (reach,), and where lakes hold what their
        parameters say, in these.
        """
        state = placed.initial_state(len(lateral))
        name = self.part.name
        process = placed.processes[name]
        assert isinstance(process, MuskingumCunge)
        start = hot_start(
            process, lateral, self._parameters(placed, forest, lateral),
            dt=placed.spec.seconds,
        )  # fmt: skip
        return state | {f"{name}.{n}": x.squeeze(-1) for n, x in start.items()}

    def _parameters(
        self, placed: Model, forest: Forest, like: Tensor
    ) -> dict[str, Tensor]:
        """Return parameters of the river; the middle of what changes with time."""
        attributes = self.repeated(forest, like)
        values = {**attributes, **placed.constant_parameters(attributes)}
        parameters = {}
        for p in self.part.variables.parameters:
            link = placed.plan.link(self.part, p.name)
            if link.giver == "default":
                continue
            value = values.get(link.name)
            if value is None:
                value = within_bounds(torch.full_like(like, 0.5), p)
            parameters[p.name] = value.expand_as(like).unsqueeze(-1)
        return parameters


def learned(model: Model, data: RiverData) -> dict[str, NDArray[np.float64]]:
    """Return what networks supply once, by parameter, (reach,)."""
    attributes = {
        n: torch.from_numpy(x).to(model.like.device)
        for n, x in data.attributes(model.attributes).items()
    }
    with torch.no_grad():
        parameters = model.constant_parameters(attributes)
    count = len(data.river)
    return {n: x.double().expand(count).cpu().numpy() for n, x in parameters.items()}


def steps_within(data: RiverData, seconds: float) -> int:
    """Return how many steps of a model make up one of the inflow.

    Raises
    ------
    ConfigError
        Not a whole number of them.
    """
    length = 86400.0 / data.per_day
    parts = length / seconds
    if parts < 1.0 or parts != round(parts):
        raise ConfigError(
            f"model.seconds: steps of {seconds:g} s do not divide those of the inflow,"
            f" {length:g} s"
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
