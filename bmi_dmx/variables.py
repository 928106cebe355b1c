"""The vocabulary: named quantities with units, bounds and meaning.

Everything else reads these tables: the scan engine, the documentation, bundles, and the
variable list of a BMI component. This module needs the standard library alone.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast

from .errors import VariableError, suggestion

__all__ = [
    "At",
    "Attribute",
    "Flux",
    "Forcing",
    "Parameter",
    "PerStep",
    "State",
    "Table",
    "Variable",
    "in_step",
]

PerStep = Literal["none", "rate", "fraction", "amount"]
"""How a quantity given per unit of time becomes that of one step of ``dt`` such units.

``none``: unchanged; ``rate``: ``x * dt``; ``fraction`` (share of a store leaving in a
unit of time): ``1 - (1 - x) ** dt``, so that shorter steps remove in all what a long
one does; ``amount`` (of fluxes): what comes together in a step, reported as it is.
"""

At = Literal["cell", "x_face", "y_face", "z_face", "corner"]
"""Where on a grid the values of a variable stand."""

X = TypeVar("X")


def in_step(
    x: X,
    rule: PerStep,
    dt: float,
    expm1: Callable[[X], X],
    log1p: Callable[[X], X],
) -> X:
    """Return a quantity given per unit of time as the quantity of one step.

    Parameters
    ----------
    x : array or Tensor
        Quantity per unit of time.
    rule : {"none", "rate", "fraction", "amount"}
        See :data:`PerStep`.
    dt : float
        Length of the step in the same unit of time.
    expm1, log1p : callable
        The functions of these names for what ``x`` is.
    """
    if dt == 1.0 or rule in ("none", "amount"):
        return x
    numbers: Any = x
    if rule == "rate":
        return cast(X, numbers * dt)
    # 1 - (1 - x) ** dt, which in float32 would lose the digits of a small share.
    exponent: Any = log1p(-numbers)
    return cast(X, -cast(Any, expm1(dt * exponent)))


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A named quantity.

    Parameters
    ----------
    name : str
        Name in code, configuration and files.
    units : str
        UDUNITS string; ``"1"`` when dimensionless.
    about : str
        One line of description.
    symbol : str
        Symbol in the source's equations.
    standard_name : str
        CSDMS standard name used at the BMI boundary; empty if there is none.
    bounds : (float, float) or None
        Smallest and largest admissible value.
    per_step : {"none", "rate", "fraction", "amount"}
        How a value per unit of time becomes one of a step; see :data:`PerStep`.
    axes : tuple of str
        Axes it has beyond place, such as ``level``; their lengths are the space's.
    at : {"cell", "x_face", "y_face", "z_face", "corner"}
        Where on a grid it stands; see :data:`At`.
    """

    kind: ClassVar[str] = "variable"
    rules: ClassVar[tuple[PerStep, ...]] = ("none", "rate", "fraction")

    name: str
    units: str = "1"
    about: str = ""
    symbol: str = ""
    standard_name: str = ""
    bounds: tuple[float, float] | None = None
    per_step: PerStep = "none"
    axes: tuple[str, ...] = ()
    at: At = "cell"

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"variable name {self.name!r} is not an identifier")
        if self.bounds is not None:
            low, high = self.bounds
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(
                    f"{self.name}: bounds {self.bounds} are not low < high"
                )
        if self.per_step not in self.rules:
            raise ValueError(
                f"{self.name}: per_step of a {self.kind} is {self.per_step!r}, "
                f"expected {' or '.join(map(repr, self.rules))}"
            )
        if getattr(self, "size", 1) < 1:
            raise ValueError(f"{self.name}: expected a size of at least 1")

    @property
    def limits(self) -> tuple[float, float]:
        """Bounds; the smallest and largest number where none are declared."""
        return self.bounds or (-sys.float_info.max, sys.float_info.max)

    @property
    def expected(self) -> str:
        """What a value has to be, for messages."""
        if self.bounds is None:
            return "a finite number"
        low, high = self.bounds
        return f"{low:g} to {high:g}"

    def first_outside(self, values: Any) -> int | None:
        """Return the flat index of the first value that is NaN or out of bounds.

        Parameters
        ----------
        values : ndarray
            In declared units.

        Returns
        -------
        int or None
            None where all values are admissible.
        """
        low, high = self.limits
        outside = ~((values >= low) & (values <= high))
        return int(outside.argmax()) if outside.any() else None

    def to_dict(self) -> dict[str, Any]:
        """Return the non-default fields as plain YAML-ready values."""
        defaults = {field.name: field.default for field in fields(self)}
        always_written = {"units", "initial", "size"}
        return {
            k: list(v) if isinstance(v, tuple) else v
            for k, v in asdict(self).items()
            if k in always_written or v != defaults[k]
        }


@dataclass(frozen=True, kw_only=True)
class Forcing(Variable):
    """An input that changes every step and comes from outside the process.

    Parameters
    ----------
    source : {"host", "clock", "upstream"}
        Who gives it: whoever steps the model, or an earlier part of it; the calendar;
        or the places upstream.
    extreme : ({"min", "max"}, str), optional
        It is the lowest or highest value of another forcing within the step, and is
        found from that where the host steps faster than the model.
    """

    kind: ClassVar[str] = "forcing"

    source: Literal["host", "clock", "upstream"] = "host"
    extreme: tuple[Literal["min", "max"], str] | None = None


@dataclass(frozen=True, kw_only=True)
class State(Variable):
    """A memory of the process: everything that one step hands to the next.

    Parameters
    ----------
    initial : float
        Value at a cold start.
    size : int
        Number of entries per place and member; a state of size > 1 reaches ``step``
        as a sequence of that many tensors and has a leading axis elsewhere.
    internal : bool
        It is bookkeeping that says nothing about the system, and is not shown.
    """

    kind: ClassVar[str] = "state"
    rules: ClassVar[tuple[PerStep, ...]] = ("none",)

    initial: float = 0.0
    size: int = 1
    internal: bool = False


@dataclass(frozen=True, kw_only=True)
class Flux(Variable):
    """An output of one step."""

    kind: ClassVar[str] = "flux"
    rules: ClassVar[tuple[PerStep, ...]] = ("none", "rate", "amount")


@dataclass(frozen=True, kw_only=True)
class Parameter(Variable):
    """A coefficient of the equations, constant or changing with time.

    Parameters
    ----------
    default : float or None
        Value when nobody supplies it; None makes it required.
    size : int
        Number of entries, as for :class:`State`.
    spacing : {"linear", "log", "share", "free"}
        How values lie between the bounds when they are learned; ``share``: those of the
        members of a place have the mean one; ``free``: as a network answers, and cut
        off at the bounds where there are any.
    per : {"member", "place"}
        Whether every member has a value of its own, or all members share that of the
        place.
    source : {"network", "attribute", "space"}
        Whether it is learned where nothing is said, is a known property of the place,
        which networks do not supply unless told to by name, or follows from the space.
    measure : str
        What of the space it is, where it follows from that; see ``Grid.measure``.
    optional : bool
        Whether a place may lack it: what follows from it is NaN there.
    target : str
        An observed quantity that it stands for: a network answers how many standard
        deviations of what was observed it lies above the mean of it, and the bounds cut
        off what cannot be. Empty: a network answers with a share of the bounds.
    """

    kind: ClassVar[str] = "parameter"
    rules: ClassVar[tuple[PerStep, ...]] = ("none", "rate", "fraction")

    default: float | None = None
    size: int = 1
    spacing: Literal["linear", "log", "share", "free"] = "linear"
    per: Literal["member", "place"] = "member"
    source: Literal["network", "attribute", "space"] = "network"
    measure: str = ""
    optional: bool = False
    target: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.measure) != (self.source == "space"):
            raise ValueError(
                f"{self.name}: measure {self.measure!r} does not go with source "
                f"{self.source!r}"
            )
        positive = self.bounds is not None and self.bounds[0] > 0.0
        if self.spacing in ("log", "share") and not positive:
            raise ValueError(
                f"{self.name}: spacing {self.spacing!r} needs bounds above 0, found "
                f"{self.bounds}"
            )


@dataclass(frozen=True, kw_only=True)
class Attribute(Variable):
    """A constant property of a location that networks read."""

    kind: ClassVar[str] = "attribute"


V = TypeVar("V", bound=Variable)


class Table(Generic[V]):
    """An ordered collection of variables, looked up by name or position.

    Parameters
    ----------
    variables : iterable of Variable
        The entries; names must be unique.
    what : str
        What the entries are called in error messages.
    """

    def __init__(self, variables: Iterable[V] = (), what: str = "variable") -> None:
        self._entries: dict[str, V] = {}
        self.what = what
        for variable in variables:
            if variable.name in self._entries:
                raise ValueError(f"{what} {variable.name!r} is declared twice")
            self._entries[variable.name] = variable

    def __getitem__(self, name: str) -> V:
        try:
            return self._entries[name]
        except KeyError:
            hint = suggestion(name, self._entries)
            raise VariableError(f"unknown {self.what} {name!r}{hint}") from None

    def __iter__(self) -> Iterator[V]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __repr__(self) -> str:
        return f"Table({', '.join(self._entries)})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order of declaration."""
        return tuple(self._entries)
