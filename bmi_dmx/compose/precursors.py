"""Networks that run in longer steps before others, which go on from their memory.

One reads days and another one hours, each with weights of its own; in steps of a day
the first supplies what the second does in steps of an hour, and what the first
remembers at the end of its days becomes what the second remembers before its hours, as
in the multi-timescale LSTM of Gauch et al. (2021), doi:10.5194/hess-25-2045-2021. Needs
no PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigError, suggestion
from .part import Part

if TYPE_CHECKING:
    from .spec import PartSpec

__all__ = [
    "Transfers",
    "refuse_before",
    "running",
    "steps_before",
    "transfer_name",
]

Transfers = Literal["linear", "mlp"]
"""Maps from one memory to the other: a matrix, or one behind a layer of tanh."""


def transfer_name(part: Part) -> str:
    """Return the name of the program that leads from one memory to the other."""
    return f"{part.name}.transfer"


def running(parts: Iterable[Part], seconds: float) -> tuple[Part, ...]:
    """Return the parts that run at steps of a length.

    Parameters
    ----------
    parts : iterable of Part
        All parts of a model.
    seconds : float
        Length of the steps.
    """
    whole = tuple(parts)
    now = {p.before for p in whole if p.before and p.step == seconds}
    return tuple(
        p for p in whole if (p.before in now if p.before else p.name not in now)
    )


def steps_before(parts: Iterable[Part]) -> tuple[float, ...]:
    """Return the lengths of the steps, in seconds, of networks that run before others.

    They are one or none, for such networks step together.
    """
    steps = (p.step for p in parts if p.before and p.step)
    return tuple(dict.fromkeys(steps))


def refuse_before(parts: Mapping[str, PartSpec], seconds: float) -> None:
    """Refuse networks that cannot run before the ones they name.

    Parameters
    ----------
    parts : mapping of str to PartSpec
        All parts of a model.
    seconds : float
        Length of the step that it is trained at.

    Raises
    ------
    ConfigError
        Naming the part and the key.
    """
    earlier: dict[str, str] = {}
    for name, part in parts.items():
        if part.before is None:
            continue
        where = f"parts.{name}.before"
        after = parts.get(part.before)
        if after is None:
            hint = suggestion(part.before, parts)
            raise ConfigError(f"{where}: unknown {part.before!r}{hint}")
        if after.when != "trained" or after.step is not None:
            raise ConfigError(
                f"{where}: {part.before!r} is no network that reads forcings in steps "
                f"of the model, {seconds:g} s"
            )
        if part.before in earlier:
            raise ConfigError(
                f"{where}: {earlier[part.before]!r} runs before {part.before!r} already"
            )
        earlier[part.before] = name
        if part.step == seconds:
            raise ConfigError(
                f"parts.{name}.step: found {part.step:g}, expected longer steps than "
                f"those of the model, {seconds:g} s"
            )
    if earlier:
        _refuse_blind(parts, earlier)


def _refuse_blind(parts: Mapping[str, PartSpec], earlier: Mapping[str, str]) -> None:
    """Refuse networks that have no part in the longer steps that others have."""
    name = next(iter(earlier.values()))
    longer = parts[name].step
    for other, part in parts.items():
        if part.when != "trained" or other in earlier or part.before is not None:
            continue
        if part.step is None or part.step != longer:
            raise ConfigError(
                f"parts.{other}: cannot see the steps of {longer:g} s of {name!r}; "
                "expected a network before it as well, or 'step' of that length"
            )
