"""What is special about models of one domain when hosts step them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.plausibility import UsualMeans
from ..variables import Attribute, Forcing, Variable

if TYPE_CHECKING:
    from ..bundle import Bundle
    from ..compose.part import Part
    from ..program import Program
    from .runner import Runner

__all__ = ["PLAIN", "DependentStores", "Dialect", "FileName", "System", "system_of"]

Units = Mapping[str, tuple[str, float]]
"""Units of a host and the factor into them, by declared units."""

Exchanged = Callable[
    ["Bundle", float, Mapping[str, str]],
    tuple[Sequence["Part"], Mapping[str, "Program"]],
]

ObservedStart = Callable[["Runner", Path, datetime, Mapping[str, str]], None]

OlderState = Callable[
    ["Runner", Mapping[str, Any], Mapping[str, str]],
    tuple[dict[str, Any], dict[str, str]],
]


@dataclass(frozen=True)
class Dialect:
    """Configuration files that others write, understood as they are.

    Parameters
    ----------
    speaks : callable
        Whether plain data are in this dialect.
    settings : callable
        From the data and their file to the settings of a component.
    later : tuple of str
        Attributes that such files may lack, for hosts set them.
    """

    speaks: Callable[[Any], bool]
    settings: Callable[[Mapping[str, Any], Path], dict[str, Any]]
    later: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileName:
    """What files call a forcing.

    Parameters
    ----------
    variable : str
        Short name.
    names : tuple of str
        Names in files.
    units : str
        Units of files that give none (UDUNITS).
    """

    variable: str
    names: tuple[str, ...]
    units: str


@dataclass(frozen=True)
class DependentStores:
    """Stores that follow from others, and are not changed by themselves.

    Parameters
    ----------
    states : tuple of str
        Their names.
    settling : callable
        Looks at a runner before other stores are changed from outside, and returns what
        brings these in line with them afterwards; where nothing changed nothing does.
    """

    states: tuple[str, ...]
    settling: Callable[[Runner], Callable[[], None]]


@dataclass(frozen=True, kw_only=True)
class System:
    """Names, units and ways of starting of a domain.

    Parameters
    ----------
    name : str
        Registered name.
    units : mapping of str to Units
        Unit systems by name, ``model`` among them.
    fixed : mapping of str to (str, float)
        Units and factor of variables that are exchanged in the same units with all.
    names : mapping of str to str
        Published names that differ from the standard ones, by short name.
    aliases : mapping of str to str
        More names by which variables are found, and the short names they stand for.
    files : tuple of FileName
        What files call forcings.
    extremes : tuple of Forcing
        Lowest and highest values within a step that files may have of a forcing; where
        they lack its mean, that is the middle of the two.
    usual : mapping of str to UsualMeans
        What forcings usually are, by name, for files that give no units.
    density : str
        Of what flows, with units, where files may have a mass for its volume; such as
        that of water, by which 1 kg m-2 is a depth of a thousandth of a metre.
    attributes : tuple of Attribute
        Properties of places that are understood whatever the model needs.
    possible : mapping of (str, str) to (float, float)
        What occurs, by name and units of attributes that declare no bounds.
    conserved : mapping of str to str
        What the sums of a budget are called, by the name of the budget.
    capacities : mapping of str to tuple of str
        What states do not exceed, by name: the product of these states and parameters
        of their part.
    following : DependentStores, optional
        Stores that analyses bring in line with those that they change.
    length : str
        Attribute that is the way through a place, where places drain into each other.
    older_states : mapping of str to callable
        Formats of states from before the present one, and what brings the arrays and
        the owner of such a state, for a runner, to those it has now.
    starts : mapping of str to callable
        Ways to find the state to begin with, by name; each brings a runner to it.
    observed_start : callable, optional
        Brings a runner to what a file says was observed before a date, from which it
        goes on alone; the file, the date, and names in the file by state.
    handover : callable, optional
        Brings stores of a runner about whose entries depend on the length of the step,
        from another runner of the same model and places at steps of another length.
    exchanged : callable, optional
        From a bundle, the length of a step and choices by part to the parts and
        programs that are run in place of its own.
    choices : mapping of str to tuple of str
        Parts for which something else may be chosen, and what.
    steps : mapping of str to float
        Words for lengths of steps, in seconds.
    shortening : float
        Exponent of the share of a unit of time with which the largest amount of a
        rate falls that may come in a shorter step.
    slack : mapping of str to float
        How far below its bounds a forcing may be and counts as lowest, by name, in
        declared units.
    settings : type, optional
        What the configuration of a component is read into where the domain has keys of
        its own; derived from the usual dataclass.
    """

    name: str
    units: Mapping[str, Units] = field(default_factory=lambda: {"model": {}})
    fixed: Units = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    files: tuple[FileName, ...] = ()
    extremes: tuple[Forcing, ...] = ()
    usual: Mapping[str, UsualMeans] = field(default_factory=dict)
    density: str = ""
    attributes: tuple[Attribute, ...] = ()
    possible: Mapping[tuple[str, str], tuple[float, float] | None] = field(
        default_factory=dict
    )
    conserved: Mapping[str, str] = field(default_factory=dict)
    capacities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    following: DependentStores | None = None
    length: str = ""
    older_states: Mapping[str, OlderState] = field(default_factory=dict)
    starts: Mapping[str, Callable[[Runner], None]] = field(default_factory=dict)
    observed_start: ObservedStart | None = None
    handover: Callable[[Runner, Runner], None] | None = None
    exchanged: Exchanged | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steps: Mapping[str, float] = field(default_factory=dict)
    shortening: float = 0.0
    slack: Mapping[str, float] = field(default_factory=dict)
    settings: type[Any] | None = None

    def exchange(self, variable: Variable, units: str) -> tuple[str, float]:
        """Return the units of a variable for a host, and the factor into them."""
        if variable.name in self.fixed:
            return self.fixed[variable.name]
        usual = (variable.units, 1.0)
        return self.units.get(units, {}).get(variable.units, usual)


PLAIN = System(name="")
"""What holds for models that belong to no registered system."""


def system_of(name: str | None) -> System:
    """Return a registered system, or what holds for all where none is named."""
    if name is None:
        return PLAIN
    from ..registries import systems

    return systems[name]
