"""What is conserved in a model as a whole: budgets of its parts put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..compose.part import Part
from ..errors import ConfigError
from ..process import Budget
from .operation import Operation

__all__ = ["Balance", "balances"]


@dataclass(frozen=True)
class Balance:
    """What of a budget enters and leaves the whole model, and what is stored.

    Parameters
    ----------
    budget : str
        Name of what is conserved.
    units : str
        Of its amounts.
    inputs, outputs : tuple of (str, str)
        Part and variable whose amounts are summed up.
    storages : tuple of (str, str)
        Part and state.
    shares : mapping of str to float
        How much of what a part has counts, where several models run as one, of which
        each has the budget for itself; of others all.
    """

    budget: str
    units: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    storages: tuple[tuple[str, str], ...]
    shares: Mapping[str, float] = field(default_factory=dict)


def balances(operation: Operation) -> Iterator[Balance]:
    """Yield what of each budget enters and leaves the model as a whole.

    What one part hands to another is neither: what the receiver gives on counts in its
    place.
    """
    plan, inner = operation.plan, operation.inner
    ledger = {
        (part.name, budget.name): budget
        for part in plan.processes
        for budget in part.declared(inner).budgets
    }
    receivers: dict[tuple[str, str, str], str] = {}
    for (name, kind), budget in ledger.items():
        for term in budget.inputs:
            link = plan.links.get((name, term))
            if link is not None and link.giver == "part":
                giver = ledger.get((link.part, kind))
                if giver is not None and link.name in giver.outputs:
                    key = (link.part, kind, link.name)
                    if receivers.setdefault(key, name) != name:
                        raise ConfigError(
                            f"parts: {link.name!r} of {link.part!r} enters the "
                            f"{kind} of both {receivers[key]!r} and {name!r}"
                        )
    for kind in dict.fromkeys(kind for _, kind in ledger):
        parts = [name for name, budget in ledger if budget == kind]
        inside = {
            (receiver, kind) for (_, k, _), receiver in receivers.items() if k == kind
        }
        roots = [name for name in parts if (name, kind) not in inside]
        inputs: list[tuple[str, str]] = []
        storages: list[tuple[str, str]] = []
        for name in parts:
            budget = ledger[name, kind]
            storages += [(name, state) for state in budget.storages]
            for term in budget.inputs:
                link = plan.links.get((name, term))
                internal = (
                    link is not None
                    and link.giver == "part"
                    and ((link.part, kind, link.name) in receivers)
                )
                if not internal:
                    inputs.append((name, term))
        # What is handed on counts once, though two may hand it, or one two things.
        leaving = (
            term for name in roots for term in _leaving(name, kind, ledger, receivers)
        )
        outputs = list(dict.fromkeys(leaving))
        units = ledger[parts[0], kind].units
        for name in parts:
            if ledger[name, kind].units != units:
                raise ConfigError(
                    f"parts: the {kind} of {parts[0]!r} is in {units!r} and that of "
                    f"{name!r} in {ledger[name, kind].units!r}; expected the same units"
                )
        yield Balance(
            kind, units, tuple(inputs), tuple(outputs), tuple(storages),
            _shares([plan[name] for name in parts]),
        )  # fmt: skip


def _shares(parts: Sequence[Part]) -> dict[str, float]:
    """Return how much parts count in a budget that models which have it share."""
    models = {p.model: p.share for p in parts if p.model is not None and p.share}
    whole = sum(models.values())
    return {p.name: p.share / whole for p in parts if p.share}


def _leaving(
    name: str,
    kind: str,
    ledger: Mapping[tuple[str, str], Budget],
    receivers: Mapping[tuple[str, str, str], str],
) -> Iterator[tuple[str, str]]:
    for term in ledger[name, kind].outputs:
        receiver = receivers.get((name, kind, term))
        if receiver is None:
            yield name, term
        else:
            yield from _leaving(receiver, kind, ledger, receivers)
