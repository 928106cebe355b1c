"""The block ``assimilation`` of a component's configuration, as typed data."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ...conversion import refuse_outside
from ...errors import ConfigError
from ...operate.bundle_cache import name_from, named_from
from ...process import SECONDS

__all__ = [
    "AssimilationSettings",
    "Disturbance",
    "Error",
    "Localisation",
    "ObservationFile",
    "ObservedQuantity",
    "Perturbations",
    "Relaxation",
    "RemainderSettings",
    "span_of",
]

_SPAN = re.compile(r"\s*([0-9.eE+-]+)\s*([a-z]+)\s*")


def span_of(key: str, text: str | float) -> float:
    """Return a length of time in seconds, 0 or more.

    Parameters
    ----------
    key : str
        What messages begin with.
    text : str or float
        Seconds, or a number with a unit of time such as ``3 h``.

    Raises
    ------
    ConfigError
        When it is none.
    """
    seconds = math.nan
    if isinstance(text, str):
        match = _SPAN.fullmatch(text)
        if match is not None and match[2] in SECONDS and match[2] != "1":
            try:
                seconds = float(match[1]) * SECONDS[match[2]]
            except ValueError:
                seconds = math.nan
    else:
        seconds = float(text)
    if not 0.0 <= seconds < math.inf:
        raise ConfigError(
            f"{key}: found {text!r}, expected seconds, or a number with a unit such as "
            "'3 h'"
        )
    return seconds


def _positive(key: str, value: float, *, zero: bool = False) -> None:
    if not (value >= 0.0 if zero else value > 0.0) or not math.isfinite(value):
        more = "0 or more" if zero else "a number above 0"
        raise ConfigError(f"{key}: found {value!r}, expected {more}")


@dataclass(frozen=True, kw_only=True)
class Error:
    """Standard deviation of the error of an observed value, where the host gives none.

    It is the root of the sum of squares of a share of the value and a least error.

    Parameters
    ----------
    relative : float
        Share of the observed value.
    absolute : float
        In units of the quantity.

    Raises
    ------
    ConfigError
        When both are 0, or one is below it.
    """

    relative: float = 0.0
    absolute: float = 0.0

    def __post_init__(self) -> None:
        _positive("relative", self.relative, zero=True)
        _positive("absolute", self.absolute, zero=True)
        if not self.relative and not self.absolute:
            raise ConfigError("relative, absolute: both are 0, expected one above it")


@dataclass(frozen=True, kw_only=True)
class RemainderSettings:
    """An error that outlasts a step: that of a model which states do not explain.

    Parameters
    ----------
    std : float
        Its standard deviation, on the scale of what is observed.
    correlation_time : str or number
        Time after which a share of 1/e of it is left.
    memory : str or number
        Both follow what is seen at each place, forgetting in so long a time; 0 leaves
        them as they are.
    bundle : str, optional
        Name or folder, relative to the configuration, of a network that learned such
        errors of this model and expects them instead; the error above serves where that
        does not know what to do.

    Raises
    ------
    ConfigError
        When a number makes no sense.
    """

    std: float
    correlation_time: str | float
    memory: str | float = 0.0
    bundle: str | None = None

    def __post_init__(self) -> None:
        _positive("std", self.std)
        span_of("correlation_time", self.correlation_time)
        span_of("memory", self.memory)


@dataclass(frozen=True, kw_only=True)
class ObservedQuantity:
    """A flux or state that is observed.

    Parameters
    ----------
    error : Error
        How well.
    max_age : str or number
        Age up to which a value is used: what is older when it arrives is late. The
        members keep what they predicted for as long.
    scale : {"linear", "log", "root"}
        Whether values and predictions are compared as they are, or as the logarithms or
        square roots of themselves and the absolute error.
    gross_error : float or None
        Values farther from the prediction than so many standard deviations, of error
        and spread together, are absurd; None takes all.
    innovation_limit : float, optional
        At how many of these a value that is taken is cut off: a few members cannot say
        what far more than they differ by would mean for the states (Roh et al. 2013,
        doi:10.1175/MWR-D-13-00091.1).
    remaining : RemainderSettings, optional
        Error of the model beside that of its states, which forecasts carry on.
    mean : str or number
        Length of time of which a value is the mean, up to the time at which it holds; 0
        is the end of a step, or the step where that has rates.

    Raises
    ------
    ConfigError
        When a number makes no sense, or a scale has no absolute error.
    """

    error: Error
    max_age: str | float = 0.0
    scale: Literal["linear", "log", "root"] = "linear"
    gross_error: float | None = 4.0
    innovation_limit: float | None = None
    remaining: RemainderSettings | None = None
    mean: str | float = 0.0

    def __post_init__(self) -> None:
        span_of("max_age", self.max_age)
        several = span_of("mean", self.mean) > 0.0
        if several and self.remaining is not None and self.remaining.bundle is not None:
            raise ConfigError(
                "mean: not with remaining.bundle, a network that learned errors of "
                "single steps; remove one of them"
            )
        if self.gross_error is not None:
            _positive("gross_error", self.gross_error)
        if self.innovation_limit is not None:
            _positive("innovation_limit", self.innovation_limit)
        if self.scale != "linear" and not self.error.absolute:
            raise ConfigError(
                f"scale: {self.scale} needs error.absolute above 0, which is added "
                f"before the {'logarithm' if self.scale == 'log' else 'root'}"
            )

    def from_folder(self, folder: Path) -> ObservedQuantity:
        """Return the same with a bundle that is found wherever the process runs.

        Parameters
        ----------
        folder : Path
            That of the configuration.
        """
        remaining = self.remaining
        if remaining is None or remaining.bundle is None:
            return self
        bundle = name_from(folder, remaining.bundle)
        return replace(self, remaining=replace(remaining, bundle=bundle))


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """How a quantity differs between the members.

    Parameters
    ----------
    kind : {"additive", "lognormal"}
        Whether a number is added to it, or it is multiplied by one of mean 1.
    std : float
        Standard deviation of that number.
    correlation_time : str or number
        Time after which a share of 1/e of it is left, a first-order autoregression; 0
        draws anew at every step.
    correlation_length : float
        Way along a tree after which places share 1/e of it, in units of the length of
        places, or in places where they have none; 0 draws for every place by itself.
    update : bool
        Of a forcing: whether analyses change what of it lasts, as they change states.
        The mean of the members then departs from what the host gave.

    Raises
    ------
    ConfigError
        When a number makes no sense.
    """

    std: float
    kind: Literal["additive", "lognormal"] = "additive"
    correlation_time: str | float = 0.0
    correlation_length: float = 0.0
    update: bool = False

    def __post_init__(self) -> None:
        _positive("std", self.std, zero=True)
        lasts = span_of("correlation_time", self.correlation_time) > 0.0
        _positive("correlation_length", self.correlation_length, zero=True)
        if self.update and not (lasts and self.std):
            raise ConfigError(
                "update: nothing of it lasts to be changed; expected std and "
                "correlation_time above 0"
            )


@dataclass(frozen=True, kw_only=True)
class Perturbations:
    """What makes the members differ.

    Parameters
    ----------
    forcing : mapping of str to Disturbance
        By name of the forcing, in units of the host. The mean of the members is that of
        the host, but for what bounds cut off.
    state : mapping of str to Disturbance
        By name of the state; ``additive`` is on the scale on which it is updated, see
        :mod:`..transforms`, and per root of a day.
    parameters : mapping of str to Disturbance
        By name of the parameter; drawn once, ``additive`` in declared units.

    Raises
    ------
    ConfigError
        When a state or parameter is to be drawn in a way that it cannot.
    """

    forcing: dict[str, Disturbance] = field(default_factory=dict)
    state: dict[str, Disturbance] = field(default_factory=dict)
    parameters: dict[str, Disturbance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in ("state", "parameters"):
            for name, one in getattr(self, kind).items():
                if one.update:
                    raise ConfigError(
                        f"{kind}: {name}: update: of deviations of forcing alone; "
                        "remove it"
                    )
        for name, one in self.state.items():
            if one.kind != "additive":
                raise ConfigError(
                    f"state: {name}: kind: found {one.kind!r}, expected 'additive', on "
                    "the scale on which the state is updated"
                )
        for name, one in self.parameters.items():
            if span_of("correlation_time", one.correlation_time):
                raise ConfigError(
                    f"parameters: {name}: correlation_time: parameters are drawn once; "
                    "remove it"
                )


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """How the spread of an ensemble is kept through an analysis.

    Parameters
    ----------
    name : {"multiplicative", "rtps", "rtpp"}
        Anomalies multiplied by ``factor``; or their spread, or they themselves, relaxed
        to those of the forecast by the share ``factor``.
    factor : float

    Raises
    ------
    ConfigError
        When the factor makes no sense.
    """

    name: Literal["multiplicative", "rtps", "rtpp"] = "rtps"
    factor: float = 0.5

    def __post_init__(self) -> None:
        low, high = (1.0, 10.0) if self.name == "multiplicative" else (0.0, 1.0)
        if not low <= self.factor <= high:
            raise ConfigError(
                f"factor: found {self.factor:g}, expected {low:g} to {high:g}"
            )


@dataclass(frozen=True, kw_only=True)
class Localisation:
    """How far along a tree observations change anything.

    Parameters
    ----------
    radius : float
        At which 0.63 of an observation counts; from 3.64 times as far on nothing does.
        In units of the length of places, or in places where they have none.
    flowing : bool
        Whether places are near only where one drains into the other; else also where
        the ways down from both meet.

    Raises
    ------
    ConfigError
        When the radius makes no sense.
    """

    radius: float
    flowing: bool = False

    def __post_init__(self) -> None:
        _positive("radius", self.radius)


@dataclass(frozen=True, kw_only=True)
class ObservationFile:
    """Observations in a file, for runs without a host that brings them.

    Parameters
    ----------
    file : path
        The file, or a folder of files of one format; relative to the configuration.
    format : str
        Registered format.
    quantity : str, optional
        What is observed, needed where several are declared.
    places : mapping of str to str
        Names of places in the file by those of the model; default: the same.

    Notes
    -----
    Of the values that lie within one step the mean is taken, valid at its end.
    """

    file: Path
    format: str = "table"
    quantity: str | None = None
    places: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AssimilationSettings:
    """How observations change the states of a running model.

    Parameters
    ----------
    members : int
        States at each place.
    filter : mapping
        ``name`` and settings of a registered filter; ``none`` changes nothing. The
        ``bundle`` of one is a name, or a folder relative to the configuration.
    observed : mapping of str to ObservedQuantity
        By name of a flux or state of the model, either of its names.
    perturbations : Perturbations
        What makes the members differ.
    inflation : Relaxation, optional
        How the spread is kept.
    localisation : Localisation, optional
        How far observations reach, of places on a tree, which are analysed together;
        default: everywhere.
    update : sequence of str, optional
        States that are updated; default: all but what networks remember, and what
        follows from other states.
    observations : ObservationFile, optional
        Where they are, if no host brings them.
    log : path, optional
        NetCDF file of all observations and what became of them, written at the end;
        relative to the configuration.
    seed : int
        Of the random numbers.

    Raises
    ------
    ConfigError
        When a number makes no sense.
    """

    members: int = 32
    filter: dict[str, Any] = field(default_factory=lambda: {"name": "etkf"})
    observed: dict[str, ObservedQuantity] = field(default_factory=dict)
    perturbations: Perturbations = field(default_factory=Perturbations)
    inflation: Relaxation | None = None
    localisation: Localisation | None = None
    update: tuple[str, ...] | None = None
    observations: ObservationFile | None = None
    log: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        refuse_outside("members", self.members, 1, _MOST)
        refuse_outside("seed", self.seed, 0, 2**63)
        if not isinstance(self.filter.get("name"), str):
            raise ConfigError("filter: name: missing; it has no default")

    def from_folder(self, folder: Path) -> AssimilationSettings:
        """Return the same with bundles that are found wherever the process runs.

        Parameters
        ----------
        folder : Path
            That of the configuration.
        """
        observed = {
            name: one.from_folder(folder) for name, one in self.observed.items()
        }
        return replace(self, filter=named_from(folder, self.filter), observed=observed)


_MOST = 4096
"""Most members: more than anybody can step."""
