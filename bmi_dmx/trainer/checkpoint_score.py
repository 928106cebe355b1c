"""How good the best checkpoint of a run is, for what a bundle says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .report.evaluation import scored_summary
from .run_folder import RunFolder
from .task import Task

__all__ = ["scored_by_error"]


def scored_by_error(
    task: type[Task[Any]],
    folder: RunFolder,
    experiment: Any,
    training: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the error of the validation, and those of the test of a run; plain.

    The test is made where that has not been done with this checkpoint.

    Parameters
    ----------
    task : type of Task
        Of the run; its monitor is an error, and its scores are those of a model beside
        others.
    folder : RunFolder
        The run.
    experiment : Experiment
        Of the run.
    training : mapping
        The summary of the training.
    """
    summary = scored_summary(
        folder, "test", lambda: task.evaluate([folder], [experiment], "test", None)
    )
    return {
        "validation": {"error": training[task.monitor.best]},
        "test": summary["scores"]["model"],
    }
