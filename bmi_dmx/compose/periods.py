"""Networks that step less often than the model: what they read is gathered meanwhile.

A period is the time between two steps of such a network. What it answers at the end of
a period holds through the next one, so that nothing depends on what is still to come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor

from ..errors import StateError
from ..variables import Forcing, State
from .part import Part
from .plan import Plan

if TYPE_CHECKING:
    from .model import Model

__all__ = [
    "GatheredPiece",
    "Periods",
    "gathered_states",
    "in_periods",
    "periods_of",
    "rule_of",
]

Rule = Literal["mean", "sum", "min", "max", "first"]
"""What of the steps of a period a network reads."""


def periods_of(plan: Plan, part: Part, seconds: float | None = None) -> Periods:
    """Return how a network gathers its inputs, at the step of a plan or another one.

    It reads the mean of a period, but the sum of amounts, the lowest or highest of
    extremes, and the first of what the calendar gives.
    """
    assert part.step is not None
    declared = {
        plan.link(owner, f.name).name: f
        for owner in plan.processes
        for f in owner.declared(plan.seconds).forcings
    }
    rules = tuple(_rule(plan, part, name, declared) for name in part.inputs)
    length = max(1, round(part.step / (seconds or plan.seconds)))
    return Periods(part.name, length, rules)


def _rule(plan: Plan, part: Part, name: str, declared: Mapping[str, Forcing]) -> Rule:
    link = plan.link(part, name)
    if link.giver == "part":
        fluxes = plan[link.part].declared(plan.seconds).fluxes
        amount = any(f.name == link.name and f.per_step == "amount" for f in fluxes)
        return "sum" if amount else "mean"
    return rule_of(declared[link.name])


def rule_of(forcing: Forcing) -> Rule:
    """Return what a forcing of one step is, of those of the shorter steps in it."""
    if forcing.extreme is not None:
        return forcing.extreme[0]
    return "first" if forcing.source == "clock" else "mean"


def gathered_states(part: Part, outputs: int) -> tuple[State, ...]:
    """Return what the state of a model holds for a network beside its memory.

    Parameters
    ----------
    part : Part
        A network with a step of its own.
    outputs : int
        Numbers that it answers for each place.
    """
    about = f"of network {part.name!r}"
    return (
        State(name="total", size=len(part.inputs), about=f"gathered inputs {about}"),
        State(name="steps", about=f"steps gathered {about}; 0 before the first"),
        State(name="answer", size=outputs, about=f"answer that holds {about}"),
    )


class GatheredPiece(NamedTuple):
    """What comes of gathering a piece of a series.

    Parameters
    ----------
    inputs : Tensor
        (period, place, input) of the periods that are over and followed by a step.
    total : Tensor
        (place, input), of the period that is not over.
    steps : int
        Steps of that period so far, at least 1.
    """

    inputs: Tensor
    total: Tensor
    steps: int


@dataclass(frozen=True)
class Periods:
    """How a network gathers.

    Parameters
    ----------
    part : str
        Its name, for messages.
    length : int
        Steps of the model in one of the network.
    rules : tuple of Rule
        What is read of each input.
    """

    part: str
    length: int
    rules: Sequence[Rule]

    def elapsed(self, steps: Tensor) -> int:
        """Return the steps gathered before a piece: 0 at a cold start.

        Raises
        ------
        StateError
            When they are not a whole number, more than there are, or differ.
        """
        counts = steps.detach().flatten().tolist()
        first = counts[0]
        if any(x != first for x in counts):
            raise StateError(
                f"state '{self.part}.steps' differs from place to place; all are in "
                "the same step of a period"
            )
        if first != int(first) or not 0 <= first <= self.length:
            raise StateError(
                f"state '{self.part}.steps' is {first:g}, expected a whole number of "
                f"0 to {self.length}"
            )
        return int(first)

    def gather(self, elapsed: int, total: Tensor, x: Tensor) -> GatheredPiece:
        """Take in a piece of the series.

        Parameters
        ----------
        elapsed : int
            Steps gathered before it.
        total : Tensor
            (place, input), what they brought.
        x : Tensor
            (time, place, input), the steps of the piece.
        """
        over = [x.new_zeros(0, *x.shape[1:])]
        if elapsed == self.length:
            over.append(self._closed(total).unsqueeze(0))
            elapsed = 0
        remaining = self.length - elapsed
        now = self._reduced(x[:remaining].unsqueeze(0))[0]
        now = self._joined(total, now) if elapsed else now
        rest = x[remaining:]
        if not len(rest):
            return GatheredPiece(torch.cat(over), now, elapsed + len(x))
        over.append(self._closed(now).unsqueeze(0))
        # The last period of a piece stays open, be it whole or not.
        whole = (len(rest) - 1) // self.length
        if whole:
            over.append(self.whole(rest[: whole * self.length]))
        last = rest[whole * self.length :]
        return GatheredPiece(
            torch.cat(over), self._reduced(last.unsqueeze(0))[0], len(last)
        )  # fmt: skip

    def whole(self, x: Tensor) -> Tensor:
        """Return (period, place, input) of all whole periods of a series."""
        whole = len(x) // self.length
        parted = x[: whole * self.length].reshape(whole, self.length, *x.shape[1:])
        return self._closed(self._reduced(parted))

    def in_shorter_steps(
        self, total: Tensor, steps: Tensor, ratio: int
    ) -> tuple[Tensor, Tensor]:
        """Return what was gathered, and in how many steps, had these been shorter.

        Parameters
        ----------
        total : Tensor
            (place, input), of the period that is not over.
        steps : Tensor
            (place, 1), its steps so far.
        ratio : int
            Shorter steps in one of these.
        """
        counts = [ratio if rule == "mean" else 1 for rule in self.rules]
        return total * total.new_tensor(counts), steps * ratio

    def _reduced(self, x: Tensor) -> Tensor:
        """Return what (period, step, place, input) come to, (period, place, input)."""
        columns = zip(self.rules, x.unbind(-1), strict=True)
        return torch.stack([_REDUCED[rule](column) for rule, column in columns], -1)

    def _joined(self, before: Tensor, now: Tensor) -> Tensor:
        columns = zip(self.rules, before.unbind(-1), now.unbind(-1), strict=True)
        return torch.stack([_JOINED[rule](a, b) for rule, a, b in columns], -1)

    def _closed(self, total: Tensor) -> Tensor:
        counts = [self.length if rule == "mean" else 1 for rule in self.rules]
        return total / total.new_tensor(counts)


_REDUCED: dict[Rule, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.sum(1),
    "sum": lambda x: x.sum(1),
    "min": lambda x: x.amin(1),
    "max": lambda x: x.amax(1),
    "first": lambda x: x[:, 0],
}

_JOINED: dict[Rule, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": torch.add,
    "sum": torch.add,
    "min": torch.minimum,
    "max": torch.maximum,
    "first": lambda before, now: before,
}


def in_periods(
    model: Model,
    at: Plan,
    part: Part,
    x: Tensor,
    attributes: Tensor,
    state: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Run a network with a step of its own over a piece of a series.

    Before anything has passed it has seen a period that is the mean of those it was
    trained on.

    Parameters
    ----------
    model : Model
        Whose network it is.
    at : Plan
        At the step of the series.
    part : Part
        The network.
    x : Tensor
        (time, place, input), raw values.
    attributes : Tensor
        (place, attribute), raw values.
    state : mapping of str to Tensor
        Its entries of the state.

    Returns
    -------
    parameters : dict of str to Tensor
        (time, place, member) or (time, place).
    state : dict of str to Tensor
        The same entries after the piece.
    """
    network: Any = model.network(part.name)
    periods = periods_of(at, part)
    memory = dict(state)
    total, steps, answer = (memory.pop(name) for name in ("total", "steps", "answer"))
    elapsed = periods.elapsed(steps)
    inputs, total, count = periods.gather(elapsed, total, x)
    if not elapsed:
        own_statistics = model.statistics.seen_by(part.name)
        typical = [own_statistics[name].typical for name in part.inputs]
        first = x.new_tensor(typical).expand(1, *x.shape[1:])
        inputs = torch.cat([first, inputs])
    begun = elapsed % periods.length
    answers = answer.unsqueeze(0) if begun else answer.new_zeros(0, *answer.shape)
    if len(inputs):
        new_answers, memory = network.answer(inputs, attributes, memory)
        answers = torch.cat([answers, new_answers])
    which = (torch.arange(len(x), device=x.device) + begun) // periods.length
    values = network.values(answers)
    after = {**memory, "total": total, "answer": answers[-1]}
    return (
        {name: y.index_select(0, which) for name, y in values.items()},
        {**after, "steps": torch.full_like(steps, count)},
    )
