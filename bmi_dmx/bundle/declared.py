"""Checks of what the parts of a bundle declare, each by itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..compose.part import Declarations, Part
from ..conversion import MOST
from ..errors import BundleError, suggestion
from ..process import SECONDS
from ..variables import Variable
from .manifest import MANIFEST, Manifest

__all__ = ["MOST_ENTRIES", "MOST_STEPS", "verify_declarations"]

MOST_ENTRIES = 1 << 12
"""Most entries of a variable of a process: each is a line of its step."""

MOST_STEPS = 64
"""Most lengths of steps that a bundle can be run at."""


def verify_declarations(path: Path, manifest: Manifest) -> None:
    """Refuse parts, variables and budgets that mean nothing, or are there twice.

    Units, and names across parts, are for :func:`bmi_dmx.compose.plan.plan` to refuse.

    Raises
    ------
    BundleError
        Naming the file, the part, the variable, what was found and what was expected.
    """
    where = f"{path / MANIFEST}"
    if len(manifest.steps) > MOST_STEPS:
        raise BundleError(
            f"{where}: steps: found {len(manifest.steps)}, expected at most "
            f"{MOST_STEPS}"
        )
    _refuse_repeated(f"{where}: steps", [f"{s:g}" for s in manifest.steps])
    _refuse_repeated(f"{where}: attributes", [a.name for a in manifest.attributes])
    for part in manifest.parts:
        _part(f"{where}: parts.{part.name}", part)
        if part.before:
            _before(f"{where}: parts.{part.name}", part, manifest)


def _part(where: str, part: Part) -> None:
    if part.time not in SECONDS:
        hint = suggestion(part.time, SECONDS)
        raise BundleError(f"{where}.time: unknown {part.time!r}{hint}")
    if part.members is not None and not 1 <= part.members <= MOST:
        raise BundleError(
            f"{where}.members: expected 1 to {MOST}, found {part.members}"
        )
    day = SECONDS["d"]
    if part.step is not None and not (0.0 < part.step <= day and not day % part.step):
        raise BundleError(
            f"{where}.step: expected {day:g} s or a whole part of it, found "
            f"{part.step:g}"
        )
    for key in ("attributes", "inputs", "gives", "weights"):
        _refuse_repeated(f"{where}.{key}", getattr(part, key))
    for at, declared in {"": part.variables, **part.at}.items():
        place = f"{where}.at.{at}" if at else f"{where}.variables"
        _variables(place, declared, few=part.kind == "process")
        _budgets(place, part, declared)
    outputs = [v.name for v in part.variables.outputs]
    _refuse_unknown(f"{where}.links", part.links, [
        v.name for v in part.variables.forcings
    ])  # fmt: skip
    _refuse_unknown(f"{where}.links", part.links.values(), outputs)


def _before(where: str, part: Part, manifest: Manifest) -> None:
    """Refuse a network that cannot run before the one it names."""
    others = {p.name: p for p in manifest.parts if p.every == "trained"}
    after = others.get(part.before)
    if after is None or part.every != "trained" or after.before:
        hint = suggestion(part.before, others)
        raise BundleError(
            f"{where}.before: found {part.before!r}, expected a network that reads "
            f"forcings{hint}"
        )
    if part.step is None or part.step not in manifest.steps[1:]:
        raise BundleError(
            f"{where}.step: found {part.step}, expected one of the steps beside that "
            "it was trained at"
        )
    mine, theirs = ([s.name for s in p.variables.states] for p in (part, after))
    if set(mine) != set(theirs):
        raise BundleError(
            f"{where}.before: {part.before!r} remembers {', '.join(theirs)}, and this "
            f"network {', '.join(mine)}; expected the same"
        )


def _variables(where: str, declared: Declarations, *, few: bool) -> None:
    variables = (
        *declared.forcings, *declared.states, *declared.parameters, *declared.fluxes
    )  # fmt: skip
    # A name means one thing in a part, whatever its kind.
    _refuse_repeated(where, [v.name for v in variables])
    _refuse_repeated(f"{where}.prepared", [v.name for v in declared.prepared])
    for variable in (*variables, *declared.prepared):
        size = getattr(variable, "size", 1)
        if few and size > MOST_ENTRIES:
            raise BundleError(
                f"{where}: {variable.name}: size: found {size}, expected at most "
                f"{MOST_ENTRIES}"
            )
        _inside(f"{where}: {variable.name}", variable)


def _inside(where: str, variable: Variable) -> None:
    """Refuse beginnings and defaults that are out of bounds."""
    low, high = variable.limits
    for key in ("initial", "default"):
        value = getattr(variable, key, None)
        if value is not None and not low <= value <= high:
            raise BundleError(
                f"{where}: {key}: found {value:g}, expected {variable.expected}"
            )


def _budgets(where: str, part: Part, declared: Declarations) -> None:
    flows = [v.name for v in (*declared.forcings, *declared.fluxes)]
    stores = [v.name for v in declared.states]
    _refuse_repeated(f"{where}: budgets", [b.name for b in declared.budgets])
    for budget in declared.budgets:
        place = f"{where}: budget {budget.name!r}"
        if not budget.name.isidentifier():
            raise BundleError(f"{place}: expected a name of letters, digits and '_'")
        # Sums are kept beside the states, under the budget's name.
        if budget.name == part.name and {"in", "out"} & set(stores):
            raise BundleError(f"{place}: its sums are called as states of the part")
        for key, choices in (
            ("inputs", flows), ("outputs", flows), ("storages", stores)
        ):  # fmt: skip
            names = getattr(budget, key)
            _refuse_unknown(f"{place}: {key}", names, choices)
            _refuse_repeated(f"{place}: {key}", names)


def _refuse_unknown(where: str, names: Iterable[str], choices: Iterable[str]) -> None:
    choices = tuple(choices)
    for name in names:
        if name not in choices:
            hint = suggestion(name, choices)
            raise BundleError(f"{where}: unknown {name!r}{hint}")


def _refuse_repeated(where: str, names: Iterable[str]) -> None:
    earlier: set[str] = set()
    for name in names:
        if name in earlier:
            raise BundleError(f"{where}: {name!r} is given twice")
        earlier.add(name)
