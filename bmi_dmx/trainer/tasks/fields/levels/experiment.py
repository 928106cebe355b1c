"""The configuration of an experiment on fields with levels and forcing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .....conversion import plain, refuse_outside
from .....errors import ConfigError, suggestion
from ....experiment import Anchor
from ....experiment import Experiment as AnyExperiment
from ..experiment import Periods, RollOut, refuse_no_lead

__all__ = ["Evaluation", "Experiment", "LevelData"]


@dataclass(frozen=True, kw_only=True)
class LevelData:
    """Where states and forcing come from: files of years, or CF files.

    Parameters
    ----------
    source : str
        Folder of HDF5 files of a year each, where there are ``channels``; else a CF
        NetCDF file or Zarr store, or a folder of NetCDF files.
    dataset : str
        Dataset of HDF5 files, ``[day, channel, row, column]``.
    channels : dict of str to (int, int)
        First channel and the one after the last, by state or forcing of the model.
    rows, columns : (float, float)
        Where the first row and column of HDF5 files are, and how far it is to the next.
    variables : dict of str to str
        Variables of CF files by state or forcing of the model.
    usual : dict of str to str
        Forcings that are what is usual of the first level of a state on the day, such
        as targets.
    history : dict of str to str
        States of several entries that hold earlier values, the latest first, and the
        state that these are of.
    land : float, optional
        Number that stands for what is no part of the system; where numbers are missing
        it is none either.
    regrid : bool
        Whether fields of another grid on the sphere are brought to that of the model,
        by means over its cells of what is known in them; else its rows and columns must
        be in the files.
    forcing : {"observed", "persisted"}
        Whether forecasts know the forcing of the days to come, or keep that of the day
        they begin on.
    looked_at : int
        Most steps, evenly spread over those to learn from, that climatology and usual
        sizes are of.
    """

    source: str
    dataset: str = "fields"
    channels: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: tuple[float, float] = (-90.0, 1.0)
    columns: tuple[float, float] = (0.0, 1.0)
    variables: dict[str, str] = field(default_factory=dict)
    usual: dict[str, str] = field(default_factory=dict)
    history: dict[str, str] = field(default_factory=dict)
    land: float | None = None
    regrid: bool = False
    forcing: Literal["observed", "persisted"] = "observed"
    looked_at: int = 1500

    def __post_init__(self) -> None:
        if bool(self.channels) == bool(self.variables):
            raise ConfigError("expected either 'channels' or 'variables'")
        refuse_outside("looked_at", self.looked_at, 2)
        for name, (first, end) in self.channels.items():
            if not 0 <= first < end:
                raise ConfigError(f"channels.{name}: found {first} to {end}")
        for key in ("usual", "history"):
            for name, of in getattr(self, key).items():
                if of not in self.names:
                    hint = suggestion(of, self.names)
                    raise ConfigError(f"{key}.{name}: {of!r} is not read{hint}")

    @property
    def names(self) -> tuple[str, ...]:
        """What is read of the files."""
        return tuple(self.channels or self.variables)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a model is judged.

    Parameters
    ----------
    leads : tuple of int
        Steps of the data ahead at which forecasts are scored.
    monitor : tuple of int
        Those of which the best model is chosen.
    every : int
        Forecasts begin with every so many steps.
    block : int
        Forecasts in a block of the bootstrap.
    """

    leads: tuple[int, ...] = (1, 5, 10)
    monitor: tuple[int, ...] = (1, 5)
    every: int = 5
    block: int = 3

    def __post_init__(self) -> None:
        refuse_no_lead("leads", self.leads)
        refuse_no_lead("monitor", self.monitor)
        refuse_outside("every", self.every, 1)
        refuse_outside("block", self.block, 1)


@dataclass(frozen=True, kw_only=True)
class Experiment(AnyExperiment):
    """Everything that decides a training run on fields with levels, and its scores.

    All tasks share what :class:`~bmi_dmx.trainer.experiment.Experiment` has.

    Parameters
    ----------
    task : {"levels"}
        What is learned from.
    data : LevelData
        Where states and forcing come from.
    periods : Periods
        What is learned from, chosen by, and judged on.
    rollout : RollOut
        Lengths of windows, in steps of the data.
    truncate : int
        Steps of the data through which gradients go back, at most.
    weights : dict of str to float
        How much errors of a state count; those that are not named count one.
    training : Training
        How it is trained. ``warmup`` and ``window`` do not count, for roll-outs say how
        long windows are.
    evaluation : Evaluation
        How it is judged.
    """

    VALIDATION = "periods.validation"

    task: Literal["levels"] = "levels"
    data: LevelData
    periods: Periods
    rollout: RollOut = field(default_factory=RollOut)
    truncate: int = 10
    weights: dict[str, float] = field(default_factory=dict)
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_outside("truncate", self.truncate, 1, 1000)
        for name, weight in self.weights.items():
            if name not in self.data.names:
                hint = suggestion(name, self.data.names)
                raise ConfigError(f"weights: {name!r} is not read{hint}")
            if not weight >= 0.0:
                raise ConfigError(f"weights.{name}: found {weight}, expected 0 or more")

    @property
    def validates(self) -> bool:
        """Whether the best model is chosen: always."""
        return True

    def resolved(self, anchored: Anchor) -> Experiment:
        """Return the experiment with an absolute path."""
        path = anchored("data.source", self.data.source)
        return replace(self, data=replace(self.data, source=path))

    def course(self) -> dict[str, Any]:
        """Return what decides the course of a training, as plain values."""
        settings = super().course()
        names = ("data", "periods", "rollout", "truncate", "weights")
        settings |= {n: plain(getattr(self, n)) for n in names}
        settings["evaluation"] = plain(
            {"monitor": self.evaluation.monitor, "every": self.evaluation.every}
        )
        del settings["data"]["source"]
        return settings
