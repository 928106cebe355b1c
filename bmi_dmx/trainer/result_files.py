"""Files that evaluations of runs leave: a table, a summary, arrays."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..conversion import plain
from ..files import atomic
from .checkpoint import read_checkpoint
from .experiment import Experiment
from .run_folder import RunFolder

__all__ = ["scored_as", "write_arrays", "write_summary", "write_table"]


def write_table(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write a table as comma-separated values, whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    header : sequence of str
        Names of the columns.
    rows : iterable of sequence
        One entry for each column.
    """
    with (
        atomic(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def scored_as(
    folders: Sequence[RunFolder], experiments: Sequence[Experiment]
) -> dict[str, Any]:
    """Return what says whether an evaluation is one of runs as they are now.

    Parameters
    ----------
    folders : sequence of RunFolder
        The runs.
    experiments : sequence of Experiment
        Theirs.

    Returns
    -------
    dict
        Of plain values: the steps of the best checkpoints, and the settings that say
        what is scored and how.
    """
    first = experiments[0]
    settings = {key: getattr(first, key) for key in _SETTINGS if hasattr(first, key)}
    return {
        "steps": [read_checkpoint(run.best)["global_step"] for run in folders],
        "settings": plain(settings),
    }


_SETTINGS = ("periods", "split", "runs", "evaluation")
"""Keys of experiments that may change after the training."""


def write_summary(
    folder: Path,
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    findings: Mapping[str, Any],
) -> None:
    """Write ``summary.json``: which runs were scored, and what was found.

    Parameters
    ----------
    folder : Path
        Of the results.
    folders : sequence of RunFolder
        The runs, whose best checkpoints were scored.
    experiments : sequence of Experiment
        Theirs.
    findings : mapping
        Scores, what they mean, and on what they are.
    """
    content = {
        "experiment": experiments[0].name,
        "runs": [run.path.name for run in folders],
        "seeds": [experiment.seed for experiment in experiments],
        **scored_as(folders, experiments),
        **findings,
    }
    with atomic(folder / "summary.json") as temporary:
        text = json.dumps(plain(content, odd=lambda *_: None), indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays by name as a compressed ``.npz``, whole or not at all."""
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
