"""What a model is made of, as a configuration says it: parts by name, or a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Protocol

from ..conversion import MOST, plain, refuse_outside
from ..errors import ConfigError, suggestion
from ..networks.statistics import Transform
from ..process import SECONDS
from ..registries import DEFAULT_RECIPE, recipes
from .part import Every
from .precursors import Transfers, refuse_before
from .weighted_process import MOST_WEIGHTED

__all__ = [
    "Composition",
    "CorrectionSpec",
    "ModelSpec",
    "PartSpec",
    "Recipe",
    "WindowWarmup",
]

Convert = Callable[[Any, Any], Any]

WindowWarmup = Literal["apart", "constant", "shared"]
"""What parameters of the end of a window are in the warm-up before it."""


@dataclass(frozen=True, kw_only=True)
class PartSpec:
    """One part of a model: a process, or a network that supplies parameters.

    Parameters
    ----------
    process, network : str
        Registered name; exactly one of the two.
    options : mapping of str to object
        What the process or network lets choose.
    members : int, optional
        Number of parallel parameter sets of a process.
    mean : bool
        Whether later parts get the mean of the members.
    member_weights : {"mean", "learned"}
        Whether members count alike, or have weights at every place, which are a
        parameter ``member_weight``.
    every : {"once", "step", "trained"}, optional
        When it runs; default: processes at every step, networks that read forcings at
        steps as trained, other networks, and no others, once.
    step : float, optional
        Length of a network's own step in seconds, a multiple of the model's: it reads
        the mean of its forcings over one (the sum of amounts), and what it answers
        holds through the next one. Default: that of the model, without such a delay.
    before : str, optional
        A network that goes on from what this one remembers. This one supplies the same
        parameters in its place where the model runs in steps of its length, ``step``,
        and reads these as they are.
    transfer : {"linear", "mlp"}
        What leads from its memory to that of the network it runs before, each from the
        one of the same name: a matrix, or one behind a layer of tanh; learned.
    drop : float
        Share of places and parameters for which, in training, the last value of a
        series of a network that varies holds through all of it, so that the rest of
        the model learns to do without what varies.
    window_end : tuple of str
        Parameters of a network that varies whose value at the last step of a series
        holds through all of it, and in a warm-up without gradient that at its end, as
        weights published for HBV 1.0 and 1.1p expect. What is answered for a step then
        depends on steps to come: such a model can be trained and scored, and is stepped
        with the running mean of what was answered so far.
    window_warmup : {"apart", "constant", "shared"}
        What ``window_end`` means in a warm-up: those parameters are what is answered at
        its end; so are all parameters of the network, as in HBV 1.0; or those of the
        end of the series hold through it as well, for which it is run together with the
        series, gradient included, as in HBV 1.1p.
    attributes : tuple of str
        Attributes of the place that a network reads.
    forcings : tuple of str
        Forcings that a network reads.
    gives : "all" or tuple of str
        Parameters that a network supplies; ``all`` are those of later processes that
        are not known properties of places and that no other network supplies.
    reads : mapping of str to str
        Other names under which inputs of a process are looked for, by the name in it.
    correction : CorrectionSpec, optional
        A network that adds to the states of a process at every step.
    model : str, optional
        Where several models run as one: the model that the part belongs to.
    share : float, optional
        Weight of that model in the mean answer, above 0 and up to 1.

    Raises
    ------
    ConfigError
        When it is neither of the two, or says what only the other kind can.
    """

    process: str | None = None
    network: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    members: int | None = None
    mean: bool = True
    member_weights: Literal["mean", "learned"] = "mean"
    every: Every | None = None
    step: float | None = None
    before: str | None = None
    transfer: Transfers = "linear"
    drop: float = 0.0
    window_end: tuple[str, ...] = ()
    window_warmup: WindowWarmup = "apart"
    attributes: tuple[str, ...] = ()
    forcings: tuple[str, ...] = ()
    gives: Literal["all"] | tuple[str, ...] = ()
    reads: dict[str, str] = field(default_factory=dict)
    correction: CorrectionSpec | None = None
    model: str | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if (self.process is None) == (self.network is None):
            raise ConfigError("expected either 'process' or 'network'")
        refuse_outside("members", self.members, 1, MOST)
        self._refuse_weights()
        self._refuse_share()
        wrong = ("members", "reads", "correction") if self.network else _OF_NETWORKS
        for key in wrong:
            if getattr(self, key):
                kind = "network" if self.network else "process"
                raise ConfigError(f"{key}: a {kind} has no such key")
        for key in ("attributes", "forcings", "gives"):
            _refuse_repeated(key, getattr(self, key))
        if self.network is None:
            if self.every == "once":
                raise ConfigError("every: a process runs at steps, found 'once'")
            return
        if self.every not in (None, "once") and not self.forcings:
            raise ConfigError(
                f"every: a network that reads no forcings runs once, found "
                f"{self.every!r}"
            )
        self._refuse_before()
        if not self.gives and self.before is None:
            raise ConfigError("gives: expected at least one parameter, or 'all'")
        if self.every == "once" and self.forcings:
            raise ConfigError("forcings: a network that runs once reads attributes")
        if self.drop and not (0.0 <= self.drop <= 1.0 and self.forcings):
            raise ConfigError(
                "drop: expected 0 to 1, of a network that reads forcings, found "
                f"{self.drop:g}"
            )
        _refuse_repeated("window_end", self.window_end)
        if self.window_end and not self.forcings:
            raise ConfigError(
                "window_end: a network that reads no forcings has one value throughout"
            )
        if self.window_warmup != "apart" and not self.window_end:
            raise ConfigError(
                f"window_warmup: found {self.window_warmup!r}, which says how "
                "'window_end' is meant; that names no parameter"
            )
        if self.step is not None and self.when != "trained":
            raise ConfigError(
                "step: a network has a step of its own where it reads forcings, at "
                f"steps as trained; this one runs {self.when!r}"
            )

    def _refuse_before(self) -> None:
        """Refuse a transfer from nowhere, and what the network after it decides."""
        if self.before is None:
            if self.transfer != "linear":
                raise ConfigError(
                    "transfer: leads to the network that 'before' names, found none"
                )
            return
        if self.gives:
            raise ConfigError(
                f"gives: this network supplies what {self.before!r} does, before which "
                "it runs; expected nothing"
            )
        if self.step is None:
            raise ConfigError(
                f"step: expected the length of the steps before those of "
                f"{self.before!r}, in seconds"
            )

    def _refuse_weights(self) -> None:
        """Refuse weights of members that are not there, or not averaged."""
        if self.member_weights == "mean":
            return
        if not 2 <= (self.members or 0) <= MOST_WEIGHTED or not self.mean:
            raise ConfigError(
                "member_weights: 'learned' needs a process of 2 to "
                f"{MOST_WEIGHTED} members whose mean is taken"
            )

    def _refuse_share(self) -> None:
        """Refuse shares of no model, and those that are none."""
        if (self.model is None) != (self.share is None):
            raise ConfigError("model, share: expected both, or none of them")
        if self.share is not None and not 0.0 < self.share <= 1.0:
            raise ConfigError(f"share: found {self.share:g}, expected above 0 up to 1")

    @property
    def when(self) -> Every:
        """When it runs."""
        if self.every is not None:
            return self.every
        if self.network is None:
            return "step"
        return "trained" if self.forcings else "once"


_OF_NETWORKS = (
    "attributes", "forcings", "gives", "step", "before", "drop", "window_end"
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CorrectionSpec:
    """A network that adds a learned tendency to states of a process.

    Parameters
    ----------
    network : str
        Registered network over fields.
    options : mapping of str to object
        What the network lets choose.
    reads : tuple of str
        States, forcings and parameters that it reads, as channels.
    adds : tuple of str
        States that it adds to, per unit of time of the process.
    scale : float
        Size of what it adds, in units of the states per unit of time, where it answers
        with one; so that networks learn numbers of usual size.
    within : str, optional
        A parameter, 0 where nothing is added and 1 where all of it is, such as a mask.
    """

    network: str
    options: dict[str, Any] = field(default_factory=dict)
    reads: tuple[str, ...]
    adds: tuple[str, ...]
    scale: float = 1.0
    within: str | None = None


class Recipe(Protocol):
    """A short way to write usual parts: a dataclass of settings that makes a model.

    Notes
    -----
    Its fields are the keys of the block in a configuration.
    """

    def model(self) -> ModelSpec:
        """Return the parts it stands for."""


@dataclass(frozen=True, kw_only=True)
class Composition:
    """The parts of a model, and at which steps and where it runs.

    Parameters
    ----------
    parts : dict of str to PartSpec
        In the order in which they run.
    seconds : float
        Length of the step the model is trained at.
    steps : tuple of float
        Lengths of more steps, in seconds, that a bundle of it can be run at.
    transforms : mapping of str to {"none", "log", "sqrt", "log_sqrt"}
        Transforms of network inputs before they are standardised.
    space : mapping, optional
        Where it lives, see :func:`bmi_dmx.space.space_from`; default: any points.
    system : str, optional
        Registered system whose names, units and ways of starting hosts are offered.
    answers : tuple of str
        What is recorded unless said otherwise; default: the fluxes of the last process.

    Raises
    ------
    ConfigError
        When a value is out of range; the message names the key.
    """

    parts: dict[str, PartSpec]
    seconds: float
    steps: tuple[float, ...] = ()
    transforms: dict[str, Transform] = field(default_factory=dict)
    space: dict[str, Any] | None = None
    system: str | None = None
    answers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not any(part.process for part in self.parts.values()):
            raise ConfigError("parts: expected at least one process")
        for name in self.parts:
            if not name.isidentifier():
                raise ConfigError(
                    f"parts: found {name!r}, expected letters, digits and '_'"
                )
        for key, lengths in (("seconds", (self.seconds,)), ("steps", self.steps)):
            for length in lengths:
                if not 0.0 < length < float("inf"):
                    raise ConfigError(
                        f"{key}: found {length}, expected a number above 0"
                    )
        self._refuse_steps()
        for name in self.transforms:
            if name not in self.network_inputs:
                hint = suggestion(str(name), self.network_inputs)
                raise ConfigError(
                    f"transforms: {name!r} is no input of a network{hint}"
                )

    def _refuse_steps(self) -> None:
        """Refuse steps of networks that nobody could keep count of."""
        day = SECONDS["d"]
        steps = {
            n: part.step for n, part in self.parts.items() if part.step is not None
        }
        first = next(iter(steps.values()), None)
        for name, step in steps.items():
            where = f"parts.{name}.step"
            if not 0.0 < step <= day or day % step:
                raise ConfigError(
                    f"{where}: found {step:g}, expected {day:g} s or a whole part of it"
                )
            if step % self.seconds:
                raise ConfigError(
                    f"{where}: found {step:g}, expected a multiple of the model's step "
                    f"of {self.seconds:g} s"
                )
            if step != first:
                raise ConfigError(
                    f"{where}: found {step:g}, but {first:g} of another network; those "
                    "with a step of their own step together"
                )
        refuse_before(self.parts, self.seconds)

    @property
    def lengths(self) -> tuple[float, ...]:
        """Lengths of all steps it can be run at, the trained one first."""
        before = () if self.step_before is None else (self.step_before,)
        return tuple(dict.fromkeys((self.seconds, *self.steps, *before)))

    @property
    def step_before(self) -> float | None:
        """Length of the steps of networks that run before others, where there are."""
        return next((p.step for p in self.parts.values() if p.before), None)

    @property
    def period(self) -> float:
        """Length of the step of the networks that have their own, else of the model."""
        steps = (p.step for p in self.parts.values() if p.step and p.before is None)
        return next(steps, self.seconds)

    @property
    def network_attributes(self) -> tuple[str, ...]:
        """Names of the attributes the networks read, each once."""
        names = (name for part in self.parts.values() for name in part.attributes)
        return tuple(dict.fromkeys(names))

    @property
    def network_inputs(self) -> tuple[str, ...]:
        """Names of the attributes and forcings the networks read, each once."""
        forcings = (name for part in self.parts.values() for name in part.forcings)
        return tuple(dict.fromkeys((*self.network_attributes, *forcings)))


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Composition):
    """What a model is made of.

    In a configuration it is either a mapping with ``parts``, or ``recipe``, the name of
    a registered recipe, with the settings of that recipe beside it.

    Parameters
    ----------
    recipe, settings : str, Recipe, optional
        What it was written as, to be written again.
    """

    recipe: str | None = None
    settings: Recipe | None = None

    @classmethod
    def from_plain(cls, data: Any, convert: Convert) -> ModelSpec:
        """Read a block of a configuration."""
        if not isinstance(data, Mapping):
            raise ConfigError("expected a mapping with 'parts' or 'recipe'")
        if "parts" in data and "recipe" not in data:
            return cls(**vars(convert(data, Composition)))
        name = data.get("recipe", DEFAULT_RECIPE)
        if name not in recipes:
            raise ConfigError(
                f"recipe: unknown {name!r}{suggestion(str(name), recipes)}"
            )
        options = {key: value for key, value in data.items() if key != "recipe"}
        settings: Recipe = convert(options, recipes[name])
        return replace(settings.model(), recipe=name, settings=settings)

    @classmethod
    def schema(cls, schema_of: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Return what a block may look like: parts, or the keys of a recipe."""
        blocks = [schema_of(Composition)]
        for name in recipes:
            block = schema_of(recipes[name])
            block["properties"] = {"recipe": {"const": name}, **block["properties"]}
            if name != DEFAULT_RECIPE:
                block["required"] = ["recipe", *block.get("required", ())]
            blocks.append(block)
        return {"anyOf": blocks}

    def to_dict(self) -> dict[str, Any]:
        """Return the block as it was written."""
        if self.settings is not None:
            return {"recipe": self.recipe, **plain(self.settings)}
        return {f.name: getattr(self, f.name) for f in fields(Composition)}


def _refuse_repeated(key: str, values: str | tuple[str, ...]) -> None:
    if not isinstance(values, str) and len(set(values)) != len(values):
        twice = next(v for v in values if list(values).count(v) > 1)
        raise ConfigError(f"{key}: {twice!r} is listed twice")
