"""What an author of physics subclasses.

A process is one time step written in plain PyTorch over declared variables. Time loops,
compiled kernels, gradients, documentation tables and BMI variables are derived from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

from .errors import suggestion
from .variables import Flux, Forcing, Parameter, State, Table, Variable

__all__ = ["Budget", "Coupling", "Process", "declaration_table"]

Coupling = Literal["none", "stencil", "network"]


@dataclass(frozen=True)
class Budget:
    """What enters, leaves and is stored: ``sum(in) - sum(out) = change of storage``.

    Names are forcings or fluxes (``inputs``, ``outputs``; amounts per step) and states
    (``storages``; all entries of a state of size > 1 are summed).
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    storages: tuple[str, ...]


class Process(ABC):
    """Base class of physics: declarations plus one time step.

    Subclasses declare their variables as tuples and implement :meth:`step`. All the
    quantities ``step`` sees are *per step*: a forcing or parameter declared with
    ``per_step="rate"`` arrives multiplied by the length of the step, a recession
    constant declared with ``per_step="fraction"`` arrives as the share of that step,
    and fluxes declared ``"rate"`` are returned as amounts and reported per day. At a
    step of one day, the unit of the declarations, the numbers are the same.

    Notes
    -----
    ``step`` must be a pure function, elementwise over its tensors when ``coupling`` is
    ``"none"``, and written without Python branches on tensor values. Powers need a
    non-negative base.
    """

    about: ClassVar[str] = ""
    coupling: ClassVar[Coupling] = "none"
    forcings: tuple[Forcing, ...] = ()
    states: tuple[State, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    fluxes: tuple[Flux, ...] = ()
    budget: Budget | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A name means one thing in a process, whatever its kind.
        Table((*cls.forcings, *cls.states, *cls.parameters, *cls.fluxes))
        if cls.budget is not None:
            exchanged = (*cls.budget.inputs, *cls.budget.outputs)
            _refuse_undeclared(exchanged, (*cls.forcings, *cls.fluxes))
            _refuse_undeclared(cls.budget.storages, cls.states)

    @property
    def name(self) -> str:
        """Name of the process in messages and files."""
        return type(self).__name__

    @abstractmethod
    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Advance one step.

        Parameters
        ----------
        s, f, p : namespace of Tensor
            Old state, forcing and parameters by name. Tensors are (location, member);
            entries of size > 1 are tuples of such tensors.

        Returns
        -------
        state, fluxes : mapping of str to Tensor
            New state (tuples for size > 1) and the fluxes of this step.
        """


def _refuse_undeclared(names: Iterable[str], declared: Sequence[Variable]) -> None:
    """Refuse a budget of what is not declared, unless each process declares its own."""
    known = [variable.name for variable in declared]
    for name in names if known else ():
        if name not in known:
            hint = suggestion(name, known)
            raise ValueError(f"budget: {name!r} is not declared{hint}")


def declaration_table(process: Process) -> str:
    """Return what a process declares as a Markdown table, aligned to be read as text.

    Parameters
    ----------
    process : Process
        The process.

    Returns
    -------
    str
        A heading, a rule, and one line per forcing, state, parameter and flux: kind,
        symbol, name, units, bounds and meaning. A variable of size > 1 shows its size
        after its name, a parameter its default after its meaning.
    """
    heading = ("kind", "symbol", "name", "units", "bounds", "meaning")
    rows: list[tuple[str, ...]] = [heading]
    for group in (process.forcings, process.states, process.parameters, process.fluxes):
        rows += [_declaration(variable) for variable in group]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = (
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(f"| {line} |" for line in lines)


def _declaration(variable: Variable) -> tuple[str, ...]:
    size = getattr(variable, "size", 1)
    default = getattr(variable, "default", None)
    bounds = variable.bounds
    return (
        variable.kind,
        variable.symbol,
        variable.name if size == 1 else f"{variable.name} [{size}]",
        variable.units,
        "" if bounds is None else f"{bounds[0]:g} to {bounds[1]:g}",
        variable.about if default is None else f"{variable.about}; default {default:g}",
    )
