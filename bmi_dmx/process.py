"""What an author of physics subclasses.

A process is one time step written in plain PyTorch over declared variables. Time loops,
compiled kernels, gradients, documentation tables and BMI variables are derived from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

from .conversion import convert
from .errors import ConfigError, suggestion
from .space import Space
from .variables import Flux, Forcing, Parameter, State, Table, Variable

__all__ = [
    "SECONDS",
    "Budget",
    "Cells",
    "Coupling",
    "NoOptions",
    "Process",
    "Stencil",
    "Upstream",
]

SECONDS = {
    "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "month": 2629800.0, "1": 1.0,
}  # fmt: skip
"""Seconds of the units of time of processes; a month is a twelfth of 365.25 days, time
without dimension counts as one."""


@dataclass(frozen=True)
class Cells:
    """Places do not see each other inside one step."""


@dataclass(frozen=True)
class Upstream:
    """Fluxes and states of the places upstream are forcings of the place downstream.

    Parameters
    ----------
    links : mapping of str to str
        The forcing that receives, and the flux, or the state of size 1 after the step,
        that is summed up for it.
    """

    links: Mapping[str, str]

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.links.items())))


@dataclass(frozen=True)
class Stencil:
    """A step sees whole fields: neighbours on a grid or ring."""


Coupling = Cells | Upstream | Stencil
"""How places see each other inside one step."""


@dataclass(frozen=True)
class Budget:
    """What enters, leaves and is stored: ``sum(in) - sum(out) = change of storage``.

    Names are forcings or fluxes (``inputs``, ``outputs``; amounts per step) and states
    (``storages``; all entries of a state of size > 1 are summed). Where places see each
    other's fields, the sums are those over the whole space.

    Parameters
    ----------
    inputs, outputs, storages : tuple of str
        Names of variables.
    name : str
        What is conserved.
    units : str
        Of the amounts.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    storages: tuple[str, ...]
    name: str
    units: str


@dataclass(frozen=True)
class NoOptions:
    """Nothing to choose."""


class Process(ABC):
    """Base class of physics: declarations plus one time step.

    Subclasses declare their variables as tuples and implement :meth:`step`. All the
    quantities ``step`` sees are *per step*: a forcing or parameter declared with
    ``per_step="rate"`` arrives multiplied by the length of the step, a recession
    constant declared with ``per_step="fraction"`` arrives as the share of that step,
    and fluxes declared ``"rate"`` are returned as amounts and reported per unit of
    time. At a step of one unit of time the numbers are the same.

    Parameters
    ----------
    options : mapping of str to object, or Options, optional
        What can be chosen, as the class of options declares.

    Attributes
    ----------
    time : str
        Unit of time of the declarations; one of :data:`SECONDS`.
    coupling : Coupling
        How places see each other inside one step.
    Options : type
        Frozen dataclass of what can be chosen; a choice may decide the declarations.
    prepared : tuple of Parameter
        What ``step`` sees in place of the parameters, where :meth:`prepare` makes it of
        them once.
    budgets : tuple of Budget
        What is conserved.
    features : tuple of str
        What a correction may read besides the variables; see :meth:`featured`.
    dt : float
        Length of the step this object is for, in units of ``time``; see :meth:`at`.
    space : Space or None
        Where it runs, for those that need to know; see :meth:`on`.

    Notes
    -----
    ``step`` must be a pure function, elementwise over its tensors unless ``coupling``
    is :class:`Stencil`, and written without Python branches on tensor values. Powers
    need a non-negative base.
    """

    about: ClassVar[str] = ""
    time: ClassVar[str] = "d"
    coupling: ClassVar[Coupling] = Cells()
    Options: ClassVar[type[Any]] = NoOptions
    forcings: tuple[Forcing, ...] = ()
    states: tuple[State, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    prepared: tuple[Parameter, ...] = ()
    fluxes: tuple[Flux, ...] = ()
    budgets: tuple[Budget, ...] = ()
    features: tuple[str, ...] = ()
    options: Any = NoOptions()
    dt: float = 1.0
    space: Space | None = None

    def __init__(self, options: Any = None) -> None:
        self.options = _options(self, options)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.time not in SECONDS:
            raise ValueError(f"time: found {cls.time!r}, expected {', '.join(SECONDS)}")
        # A name means one thing in a process, whatever its kind.
        Table((*cls.forcings, *cls.states, *cls.parameters, *cls.fluxes))
        for budget in cls.budgets:
            exchanged = (*budget.inputs, *budget.outputs)
            _refuse_undeclared(exchanged, (*cls.forcings, *cls.fluxes))
            _refuse_undeclared(budget.storages, cls.states)
        if isinstance(cls.coupling, Upstream):
            _refuse_undeclared(cls.coupling.links, cls.forcings)
            single = [s for s in cls.states if s.size == 1]
            _refuse_undeclared(cls.coupling.links.values(), (*cls.fluxes, *single))

    @property
    def name(self) -> str:
        """Name of the process in messages and files."""
        return type(self).__name__

    @property
    def step_parameters(self) -> tuple[Parameter, ...]:
        """What ``step`` sees: the prepared parameters, or the declared ones."""
        return self.prepared or self.parameters

    def at(self, dt: float) -> Process:
        """Return the process for steps of ``dt`` units of its time.

        Here it is the same object, for declarations convert what depends on the step;
        subclasses whose equations or sizes depend on it return another one.
        """
        return self

    def on(self, space: Space | None) -> Process:
        """Return the process where its ``step`` may ask for the space."""
        placed = copy(self)
        placed.space = space
        return placed

    def refuse(self, p: SimpleNamespace) -> None:  # noqa: B027
        """Refuse parameters with which steps would not stay finite.

        Called with those of a run before they are prepared; subclasses that know of
        such limits raise a :class:`~bmi_dmx.errors.ConfigError` with limit and value.

        Parameters
        ----------
        p : namespace of Tensor
            The declared parameters, as :meth:`prepare` gets them.
        """

    def prepare(self, p: SimpleNamespace) -> Mapping[str, Any]:
        """Return what ``step`` sees of the parameters, once for every place.

        Parameters
        ----------
        p : namespace of Tensor
            The declared parameters, (place,) or (place, member), per unit of time.

        Returns
        -------
        mapping of str to Tensor
            By the names in :attr:`prepared`; a leading axis for those of size > 1.
        """
        return vars(p)

    def featured(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> Mapping[str, Any]:
        """Return the :attr:`features` of what :meth:`step` sees, by name.

        They have no dimension and usual sizes, as networks like to read.
        """
        return {}

    def diagnosed(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> Mapping[str, Any]:
        """Return the fluxes that follow from the state after the step.

        A step returns them itself; where it is corrected they are asked for again.
        """
        return {}

    @abstractmethod
    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        r"""Advance one step.

        Parameters
        ----------
        s, f, p : namespace of Tensor
            Old state, forcing and parameters by name. Tensors are (place, member);
            entries of size > 1 are tuples of such tensors. Whole fields are
            (..., \*shape of the space).

        Returns
        -------
        state, fluxes : mapping of str to Tensor
            New state (tuples for size > 1) and the fluxes of this step.
        """


def _options(process: Process, options: Any) -> Any:
    """Return the options of a process, typed."""
    kind = process.Options
    if options is None:
        return kind()
    if isinstance(options, kind):
        return options
    try:
        return convert(options, kind)
    except ConfigError as error:
        raise ConfigError(f"{process.name}: options: {error}") from None


def _refuse_undeclared(names: Iterable[str], declared: Sequence[Variable]) -> None:
    """Refuse names of what is not declared, unless each process declares its own."""
    allowed_names = [variable.name for variable in declared]
    for name in names if allowed_names else ():
        if name not in allowed_names:
            hint = suggestion(name, allowed_names)
            raise ValueError(f"budget or coupling: {name!r} is not declared{hint}")
