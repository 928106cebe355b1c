"""What the data must have for an experiment: its periods, windows and warm-ups."""

from __future__ import annotations

from ....compose import Model
from ....errors import ConfigError, DataError
from ..streamflow.periods import Period
from .data.basins import SECONDS_PER_DAY, BasinData
from .experiment import Experiment
from .prediction import steps_a_day, with_lead

__all__ = ["check_daily_warmup", "check_periods"]


def check_periods(experiment: Experiment, data: BasinData) -> None:
    """Refuse periods that the record does not cover, and windows that do not fit.

    Raises
    ------
    ConfigError, DataError
        Naming the key, what was found and what there is.
    """
    spec, periods = experiment.training, experiment.periods
    for name in periods.names:
        _check_covered(name, periods[name], data)
    usable, lead = with_lead(data, periods.train, spec.warmup)
    if spec.window > len(usable.time) - lead or spec.warmup + spec.window > len(
        usable.time
    ):
        raise ConfigError(
            f"training.warmup and training.window: {spec.warmup} + {spec.window} steps "
            f"do not fit into the {len(usable.time)} steps from {usable.time[0]} to "
            f"{usable.time[-1]}, the first {lead} of them before periods.train"
        )


def _check_covered(name: str, period: Period, data: BasinData) -> None:
    try:
        data.period(*period)
    except DataError as error:
        raise DataError(f"periods.{name}: {error}") from None


def check_daily_warmup(
    model: Model, data: BasinData, warmup: int, key: str = "training"
) -> None:
    """Refuse to warm a model up in days where it cannot be.

    Parameters
    ----------
    model : Model
        A model of steps shorter than days.
    data : BasinData
        What it learns from.
    warmup : int
        Time steps of the data that it is warmed up on.
    key : str
        The block that says it.

    Raises
    ------
    ConfigError
        The warm-up is not of whole days, or something of the model cannot run in days.
    """
    seconds = warmup * data.seconds
    if seconds % SECONDS_PER_DAY:
        raise ConfigError(
            f"{key}.warmup: in steps of days expected whole days, found "
            f"{warmup} steps of {data.seconds} s"
        )
    try:
        model.initial_state(1, steps_a_day(model) * model.dt)
    except ConfigError as error:
        raise ConfigError(f"training.warmup_step: 'daily': {error}") from None
