"""The configuration of a filter that is learned: archive, loss, streams."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ....assimilation.experiment import Experiment as Twin
from ....conversion import plain, refuse_outside
from ....errors import ConfigError
from ...experiment import Anchor
from ...experiment import Experiment as AnyExperiment

__all__ = ["DataSpec", "Evaluation", "Experiment", "Loss", "Streams"]


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """What is learned from.

    Parameters
    ----------
    archive : str, optional
        File of noisy observations, as ``dmx da archive`` writes it; a relative path
        starts at the configuration file, on the command line at the current folder.
    made : Experiment, optional
        Instead, a twin experiment whose observations are made here. The truth that they
        are of is thrown away unless ``noise`` or the loss ask for it.
    noise : {"archive", "fresh"}
        Whether observations are those of the archive, or drawn anew of its truth each
        time, as was published.
    hide : float
        Share of the values that the filter is not shown, at random, so that it learns
        to do with fewer.
    louder : float
        The filter is shown values with further noise, up to so many times their error,
        and told so, so that it learns to listen less.
    validation : float
        Share of the archive, its last part, to choose the best weights on.
    """

    archive: str | None = None
    made: Twin | None = None
    noise: Literal["archive", "fresh"] = "archive"
    hide: float = 0.0
    louder: float = 0.0
    validation: float = 0.1

    def __post_init__(self) -> None:
        if (self.archive is None) == (self.made is None):
            raise ConfigError("archive or made: exactly one of them must be given")
        for name in ("hide", "validation"):
            share = getattr(self, name)
            if not 0.0 <= share < 1.0:
                raise ConfigError(f"{name}: found {share}, expected 0 to below 1")
        if not 0.0 <= self.louder <= 100.0:
            raise ConfigError(f"louder: found {self.louder}, expected 0 to 100")


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What a filter is to make small.

    Parameters
    ----------
    kind : {"forecast", "analysis", "supervised", "crps"}
        Misfit of the mean forecast to observations that it has not seen; of the
        analysis to those that it has, which comes to copy them; distance of the mean
        analysis from the truth; or the fair continuous ranked probability score of the
        forecast ensemble (Ferro 2014, doi:10.1002/qj.2270), which wants a spread.
    relative : bool
        Whether the loss is the mean logarithm of that of each stream, so that those
        that have just begun do not drown the others.
    """

    kind: Literal["forecast", "analysis", "supervised", "crps"] = "forecast"
    relative: bool = True


@dataclass(frozen=True, kw_only=True)
class Streams:
    """Assimilations that go on side by side through the archive as it is learned.

    Each window of ``training.window`` cycles begins where the last one of its stream
    ended, with the same state and memory; gradients stay within a window. There are
    ``training.batch`` of them.

    Parameters
    ----------
    members : int
        Size of the ensembles.
    restart_every : int
        After so many windows some streams begin again: somewhere else in the archive,
        with a state that the system has by itself. So to begin is learned as well.
    restart : float
        Share of them.
    limit : float
        Standard deviations from the mean of the system at which a state is held, and
        its stream begins again.
    """

    members: int = 1
    restart_every: int = 10
    restart: float = 0.25
    limit: float = 8.0

    def __post_init__(self) -> None:
        refuse_outside("members", self.members, 1)
        refuse_outside("restart_every", self.restart_every, 1)
        if not 0.0 <= self.restart <= 1.0:
            raise ConfigError(f"restart: found {self.restart}, expected 0 to 1")
        if not self.limit > 1.0:
            raise ConfigError(f"limit: found {self.limit}, expected above 1")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a filter is judged.

    Parameters
    ----------
    segments : int
        Pieces of the part for validation that are run side by side.
    cycles, burn_in, seeds, first_seed : int
        Of the test, a twin experiment of its own: truths with seeds that the archive
        does not have.
    fallback : str
        Filter where the learned one does not know what to do.
    """

    segments: int = 16
    cycles: int = 2400
    burn_in: int = 400
    seeds: int = 5
    first_seed: int = 1001
    fallback: str = "nudging"

    def __post_init__(self) -> None:
        refuse_outside("segments", self.segments, 1)
        refuse_outside("cycles", self.cycles, 2)
        refuse_outside("burn_in", self.burn_in, 0, self.cycles - 1)
        refuse_outside("seeds", self.seeds, 1)
        refuse_outside("first_seed", self.first_seed, 0)


@dataclass(frozen=True, kw_only=True)
class Experiment(AnyExperiment):
    """Everything that decides how a filter is learned, and its scores.

    All tasks share what :class:`~bmi_dmx.trainer.experiment.Experiment` has.

    Parameters
    ----------
    task : {"archive"}
        What is learned from.
    data : DataSpec
        The archive.
    loss : Loss
        What is made small.
    streams : Streams
        Assimilations that go on as it is learned.
    model : ModelSpec
        One part, of process ``analysis``, on a ring; ``seconds`` is the cycle.
    training : Training
        ``window`` is the number of cycles that gradients reach back, ``batch`` the
        number of streams; ``warmup`` must be 0.
    evaluation : Evaluation
        How it is judged.
    """

    VALIDATION = "data.validation"

    task: Literal["archive"] = "archive"
    data: DataSpec
    loss: Loss = field(default_factory=Loss)
    streams: Streams = field(default_factory=Streams)
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = self.model.parts
        if len(parts) != 1 or next(iter(parts.values())).process != "analysis":
            raise ConfigError(
                "model.parts: expected one part, of process 'analysis', found "
                f"{', '.join(parts)}"
            )
        if self.training.warmup:
            raise ConfigError(
                f"training.warmup: found {self.training.warmup}, expected 0: streams go"
                " on where they were"
            )
        if self.training.window < 2:
            raise ConfigError("training.window: found 1, expected at least 2 cycles")
        if self.loss.kind == "crps" and self.streams.members < 2:
            raise ConfigError(
                "streams.members: found 1, expected at least 2 for loss 'crps'"
            )

    @property
    def part(self) -> str:
        """Name of the part that analyses."""
        return next(iter(self.model.parts))

    @property
    def told(self) -> bool:
        """Whether the truth is looked at."""
        return self.data.noise == "fresh" or self.loss.kind == "supervised"

    @property
    def validates(self) -> bool:
        """Whether something is set aside to choose the best weights on."""
        return self.data.validation > 0.0

    def resolved(self, anchored: Anchor) -> Experiment:
        """Return the experiment with an absolute path."""
        if self.data.archive is None:
            return self
        path = anchored("data.archive", self.data.archive)
        return replace(self, data=replace(self.data, archive=path))

    def course(self) -> dict[str, Any]:
        """Return what decides the course of a training, as plain values.

        Where a file lies is not among it: that it is the same is seen from the data.
        """
        settings = super().course()
        settings |= {n: plain(getattr(self, n)) for n in ("data", "loss", "streams")}
        settings["data"].pop("archive", None)
        return settings
