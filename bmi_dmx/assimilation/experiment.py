"""Twin experiments as they are configured: a system, how it is seen, and filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..conversion import refuse_outside
from ..errors import ConfigError, suggestion
from ..registries import filters, processes
from ..space import space_from
from .dynamics import Dynamics
from .observing_system import ObservingSystem

__all__ = ["Experiment", "FilterRun", "System"]


@dataclass(frozen=True, kw_only=True)
class System:
    """A process in a space.

    Parameters
    ----------
    process : str
        By its name in the registry.
    space : mapping
        Such as ``{kind: ring, size: 40}``.
    step : float
        Length of a step, in the unit of time of the process.
    options, parameters : mapping
        Of the process.
    """

    process: str
    space: Mapping[str, Any]
    step: float
    options: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.process not in processes:
            hint = suggestion(self.process, processes)
            raise ConfigError(f"process: unknown {self.process!r}{hint}")
        if not self.step > 0.0:
            raise ConfigError(f"step: expected a number above 0, found {self.step}")

    def dynamics(self) -> Dynamics:
        """Return the process as a map of ensembles."""
        return Dynamics(
            processes[self.process](dict(self.options)), space_from(self.space),
            self.parameters, dt=self.step,
        )  # fmt: skip

    def steps(self, time: float) -> int:
        """Return how many steps a length of time is.

        Raises
        ------
        ConfigError
            When it is not a whole number of them.
        """
        steps = round(time / self.step)
        if steps < 1 or abs(steps * self.step - time) > 1e-9 * time:
            raise ConfigError(
                f"cycle: found {time:g}, expected a whole number of steps of "
                f"{self.step:g}"
            )
        return steps


@dataclass(frozen=True, kw_only=True)
class FilterRun:
    """A filter with its settings, and what is known of how well it does.

    Parameters
    ----------
    filter : str
        By its name in the registry.
    name : str
        What it is called in tables; default: the filter and its members.
    options : mapping
        Of the filter. ``covariance: {climatology: 0.02}`` is that share of the
        covariance of the system, ``{identity: 0.2}`` a variance.
    members : int
        Size of the ensemble.
    inflation : float or list of float
        Factors of the anomalies after the analysis; several are run side by side.
    radius : float, or list of float
        Of localisation, in places; several are run side by side. 0 is none.
    lag : int
        Cycles of the window, for filters that need the model over one.
    drift : float
        Places by which what is known moves on in a unit of time, upwards along the
        ring: ``ienks`` localises the start of a window around where it ends.
    background : {"forecast", "climatology"}
        What is corrected by what is seen: the forecast, or what is known without any.
    level : float, optional
        Error of the analysis that others have reached.
    source : str
        Who has.
    """

    filter: str
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    members: int = 20
    inflation: float | tuple[float, ...] = 1.0
    radius: float | tuple[float, ...] = 0.0
    lag: int = 1
    drift: float = 0.0
    background: Literal["forecast", "climatology"] = "forecast"
    level: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        refuse_outside("members", self.members, 1)
        refuse_outside("lag", self.lag, 1)
        if self.filter not in filters:
            hint = suggestion(self.filter, filters)
            raise ConfigError(f"filter: unknown {self.filter!r}{hint}")
        for factor in self.inflations:
            if not factor > 0.0:
                raise ConfigError(f"inflation: expected above 0, found {factor}")
        if any(not radius >= 0.0 for radius in self.radii):
            raise ConfigError(f"radius: expected none below 0, found {self.radius}")

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name or f"{self.filter}, {self.members} members"

    @property
    def inflations(self) -> tuple[float, ...]:
        """Factors that are run."""
        return _several(self.inflation)

    @property
    def radii(self) -> tuple[float, ...]:
        """Radii that are run."""
        return _several(self.radius)

    @property
    def settings(self) -> list[tuple[float, float]]:
        """Inflation and radius of each setting that is run side by side."""
        return [(factor, radius) for radius in self.radii for factor in self.inflations]


def _several(value: float | tuple[float, ...]) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A system, observed as it runs, and the filters that are to follow it.

    Parameters
    ----------
    system : System
        The model of the filters.
    truth : System, optional
        What is followed; default: the model itself.
    shown : str
        The state of the truth that the model is one of; needed where they differ.
    about, source : str
        A line about it, and where it is from.
    observe : ObservingSystem
        What is seen of it.
    cycle : float
        Time between two observations.
    cycles : int
        How many there are.
    burn_in : int
        How many of the first are left out of scores.
    seeds : int
        Truths that are followed, side by side, each with a random start.
    first_seed : int
        Of the first of them.
    spin_up : float
        Time that a truth runs before it is observed.
    start : {"near", "climatology"}
        Ensembles start around the truth, or anywhere the system may be.
    start_error : float, optional
        Standard deviation of the start around the truth; default: that of what is
        observed.
    runs : list of FilterRun
        What a table has rows of.

    Raises
    ------
    ConfigError
        When keys contradict each other.
    """

    system: System
    truth: System | None = None
    shown: str = ""
    about: str = ""
    source: str = ""
    observe: ObservingSystem = field(default_factory=ObservingSystem)
    cycle: float
    cycles: int = 2400
    burn_in: int = 400
    seeds: int = 5
    first_seed: int = 1
    spin_up: float = 40.0
    start: Literal["near", "climatology"] = "near"
    start_error: float | None = None
    runs: tuple[FilterRun, ...] = ()

    def __post_init__(self) -> None:
        refuse_outside("cycles", self.cycles, 2)
        refuse_outside("burn_in", self.burn_in, 0, self.cycles - 1)
        refuse_outside("seeds", self.seeds, 1)
        refuse_outside("first_seed", self.first_seed, 0)
        for system in (self.system, self.truth):
            if system is not None:
                system.steps(self.cycle)
        if self.shown and self.truth is None:
            raise ConfigError("shown: goes with truth, another system than the model")
