"""What is told and refused before a training begins, and before PyTorch is loaded."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from .experiment_file import anchored_plain, find_experiment
from .registries import DEFAULT_TASK, checks
from .run_folder import RunFolder

__all__ = ["checked", "loading"]

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
