"""Days for learning, for choosing and for judging."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from ....errors import ConfigError, suggestion
from ...experiment_file import naming
from ...run_folder import RunFolder

__all__ = ["Period", "Periods", "days_of"]

Period = tuple[date, date]
"""First and last day, both included."""


@dataclass(frozen=True, kw_only=True)
class Periods:
    """Days for learning, for choosing, and for the final judgement.

    Parameters
    ----------
    train : (date, date)
        Days the loss is computed on. The warm-up may lie before them.
    validation : (date, date), optional
        Days the best checkpoint is chosen on. Without it the last one is the best.
    test : (date, date), optional
        Days that nothing looks at before the evaluation.

    Raises
    ------
    ConfigError
        A period ends before it starts, or two of them share days.
    """

    train: Period
    validation: Period | None = None
    test: Period | None = None

    def __post_init__(self) -> None:
        periods = [(name, getattr(self, name)) for name in self.names]
        for at, (name, (first, last)) in enumerate(periods):
            if first > last:
                raise ConfigError(f"{name}: {first} to {last} ends before it starts")
            for other, (start, end) in periods[:at]:
                if first <= end and start <= last:
                    raise ConfigError(
                        f"{other} ({start} to {end}) and {name} ({first} to {last}) "
                        "share days"
                    )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the periods that are given."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is not None)

    def __getitem__(self, name: str) -> Period:
        """Return a period by name.

        Raises
        ------
        ConfigError
            There is no such period.
        """
        if name not in self.names:
            hint = suggestion(name, self.names)
            raise ConfigError(f"periods: no period {name!r} is given{hint}")
        period: Period = getattr(self, name)
        return period


def days_of(folder: RunFolder, experiment: Any, period: str) -> Period:
    """Return the first and the last day of a period of a run.

    Parameters
    ----------
    folder : RunFolder
        The run.
    experiment : Experiment
        Of the run; one with ``periods``.
    period : str
        ``test``, ``validation`` or ``train``.

    Raises
    ------
    ConfigError
        There is no such period; names the file of the run.
    """
    with naming(folder.config, experiment):
        days: Period = experiment.periods[period]
    return days
