"""A series that is run in longer steps, and a state that goes on in those of the model.

What a state has forgotten by the time it matters need not be computed finely: hundreds
of long steps lead to nearly the state that thousands of short ones do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..errors import DataError
from .part import Part
from .periods import Periods, periods_of, rule_of
from .precursors import running

if TYPE_CHECKING:
    from .model import Model

__all__ = ["Passing", "after_longer_steps", "in_longer_steps"]

Tensors = Mapping[str, Tensor]

Passing = Callable[[Part, str, Tensor, int, int], Tensor]
"""Tells what a store holds in shorter steps, (entry, place) or (entry, place, member).

It is given the part, the name of the store, what it holds, the number of its entries in
the shorter steps, and how many of these a longer step has."""


def after_longer_steps(
    model: Model,
    forcing: Tensors,
    attributes: Tensors,
    ratio: int,
    passing: Passing,
) -> dict[str, Tensor]:
    """Return the state that a series leads to when it is run in longer steps.

    Stores and memories of networks are handed over as they are, those of networks that
    run before others by what leads from the one to the other; stores that only the
    shorter steps have are as at a cold start.

    Parameters
    ----------
    model : Model
        The model, whose own step is the shorter one.
    forcing : mapping of str to Tensor
        (time, place), in steps of the model, of which longer ones are made.
    attributes : mapping of str to Tensor
        (place,).
    ratio : int
        Steps of the model in a longer one.
    passing : Passing
        For stores that the length of a step matters to.

    Raises
    ------
    ConfigError
        The model does not run in the longer steps.
    DataError
        The series is no whole number of them.
    """
    longer = in_longer_steps(model, forcing, ratio)
    ran = model.simulate(longer, attributes, dt=ratio * model.dt, outputs=()).state
    cold = model.initial_state(next(iter(longer.values())).shape[1])
    state = {name: ran.get(name, start) for name, start in cold.items()}
    for part in running(model.parts, ratio * model.plan.seconds):
        if part.before:
            network: Any = model.network(part.name)
            prefix = f"{part.name}."
            memory = {n: ran[prefix + n] for n in network.transfer.names}
            passed_on = network.transfer(memory)
            state |= {f"{part.before}.{n}": x for n, x in passed_on.items()}
    for part in model.plan.parts:
        prefix = f"{part.name}."
        if part.kind == "process":
            for store in part.declared(model.plan.seconds).states:
                if (name := prefix + store.name) in ran:
                    start = cold[name]
                    one = start.shape if store.size == 1 else start.shape[1:]
                    before = ran[name].reshape(-1, *one)
                    after = passing(part, store.name, before, store.size, ratio)
                    state[name] = after.reshape(start.shape)
        elif part.gathers:
            periods = periods_of(model.plan, part, ratio * model.plan.seconds)
            total, steps = prefix + "total", prefix + "steps"
            state[total], state[steps] = periods.in_shorter_steps(
                state[total], state[steps], ratio
            )
    return state


def in_longer_steps(model: Model, forcing: Tensors, ratio: int) -> dict[str, Tensor]:
    """Return the forcing of longer steps: means, extremes, and the calendar's first.

    Parameters
    ----------
    model : Model
        The model that the forcing is of.
    forcing : mapping of str to Tensor
        (time, place).
    ratio : int
        Steps in a longer one.

    Raises
    ------
    ConfigError
        The model does not run in the longer steps.
    DataError
        The series is no whole number of longer steps.
    """
    # Of extremes that only longer steps have, what they are extremes of is at hand.
    sources = {
        f.name: (f, f.extreme[1] if f.extreme and f.name not in forcing else f.name)
        for f in model.plan_at(ratio * model.dt).forcings
    }
    x = torch.stack([forcing[source] for _, source in sources.values()], -1)
    if len(x) % ratio:
        raise DataError(
            f"a series of {len(x)} steps is no whole number of longer ones of {ratio}"
        )
    rules = [rule_of(f) for f, _ in sources.values()]
    whole = Periods("", ratio, rules).whole(x)
    return dict(zip(sources, whole.unbind(-1), strict=True))
