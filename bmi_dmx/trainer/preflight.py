"""What is told and refused before work begins, and before PyTorch is loaded."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from ..errors import ConfigError
from .experiment_file import anchored_plain, find_experiment
from .registries import DEFAULT_TASK, checks
from .run_folder import PERIODS, RunFolder

__all__ = ["checked", "days", "loading", "of_run", "only"]

log = logging.getLogger(__name__)


def checked(experiment: Path, settings: Sequence[str] = ()) -> None:
    """Look at the data of an experiment, as far as its task can without a model.

    Parameters
    ----------
    experiment : Path
        YAML file, name of a shipped experiment, or folder of a run.
    settings : sequence of str
        ``key.key=value`` that replace those of the file.

    Raises
    ------
    ConfigError, DataError
        The file cannot be read, or its data cannot be used; all problems that can be
        told apart are told.
    """
    run = RunFolder(experiment)
    file = run.config if run.config.is_file() else find_experiment(experiment)
    if file.is_dir():
        return
    data, anchored = anchored_plain(file, settings)
    if not isinstance(data, Mapping):
        return
    task = data.get("task", DEFAULT_TASK)
    if task in checks:
        checks[task](data, anchored, str(file))
    loading(file)


def loading(what: object) -> None:
    """Say that PyTorch is loaded, which takes a while, to do something with a thing."""
    log.info("%s: loading PyTorch", what)


def of_run(period: Sequence[str] | None) -> str:
    """Return the period of a run that is asked for, the last one unless another is.

    Raises
    ------
    ConfigError
        There is no such period.
    """
    if period is None:
        return PERIODS[-1]
    if len(period) != 1 or period[0] not in PERIODS:
        raise ConfigError(
            f"--period: found {' '.join(period)!r}, expected one of"
            f" {', '.join(PERIODS)}; two days are for a bundle and --data"
        )
    return period[0]


def days(period: Sequence[str], option: str = "--period") -> tuple[date, date]:
    """Return the first and last day of an option.

    Raises
    ------
    ConfigError
        They are no days, or in the wrong order.
    """
    try:
        first, last = map(date.fromisoformat, period)
    except ValueError:
        raise ConfigError(
            f"{option}: found {' '.join(period)!r}, expected first and last day, such"
            " as 1995-10-01 2010-09-30"
        ) from None
    if first > last:
        raise ConfigError(f"{option}: {first} to {last} ends before it starts")
    return first, last


def only(bundles: Sequence[Path]) -> Path:
    """Return the bundle that is scored.

    Raises
    ------
    ConfigError
        More than one is given.
    """
    if len(bundles) != 1:
        raise ConfigError(
            f"--data: one bundle is scored at a time, found {len(bundles)}"
        )
    return bundles[0]
