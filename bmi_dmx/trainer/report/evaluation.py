"""What can be told of the evaluation of any task: its scores as they are, its pictures.

For tasks that say no more of themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..result_files import scored_as
from ..run_folder import RunFolder
from .content import Findings, Table

__all__ = ["findings_of", "pictures_in", "scored_summary", "summary_as_it_is"]

SUFFIXES = (".png", ".svg")

MOST_ROWS = 200
"""Of a table of scores that nobody arranged."""


def scored_summary(
    folder: RunFolder, period: str, evaluate: Callable[[], object]
) -> dict[str, Any]:
    """Return the summary of an evaluation of a run as it is.

    Parameters
    ----------
    folder : RunFolder
        The run.
    period : str
        What is scored.
    evaluate : callable
        Scores it; called where that has not been done, or was done of another
        checkpoint or with other settings.
    """
    summary = summary_as_it_is(folder, period)
    if summary is None:
        evaluate()
        summary = summary_as_it_is(folder, period)
    assert summary is not None
    return summary


def summary_as_it_is(folder: RunFolder, period: str) -> dict[str, Any] | None:
    """Return the summary of an evaluation of a run as it is, if it was made.

    Parameters
    ----------
    folder : RunFolder
        The run.
    period : str
        What is scored.
    """
    summary = folder.results(period)
    if summary is None:
        return None
    expected = scored_as([folder], [folder.experiment()])
    return (
        summary if all(summary.get(key) == expected[key] for key in expected) else None
    )


def findings_of(
    folder: RunFolder, period: str, evaluate: Callable[[], object]
) -> Findings:
    """Return scores and pictures of an evaluation, made where there is none."""
    summary = scored_summary(folder, period, evaluate)
    meaning = summary.get("meaning", {})
    rows = [
        [" · ".join(names), value, meaning.get(names[-1], "")]
        for names, value in _leaves(summary.get("scores", {}))
    ]
    head = rows[:MOST_ROWS]
    caption = f"Scores of the {period} data."
    if len(rows) > len(head):
        caption += f" The first {len(head)} of {len(rows)}; all are in summary.json."
    return Findings(
        period=period,
        tables=[Table(["score", "value", "what it is"], head, caption)],
        pictures=pictures_in(folder.path / period),
    )


def pictures_in(place: Path) -> dict[Path, str]:
    """Return the pictures of a folder, and what their names say."""
    return {
        path: path.stem.replace("_", " ")
        for path in sorted(place.iterdir())
        if path.suffix in SUFFIXES
    }


def _leaves(
    scores: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what stands innermost, with the names that lead there."""
    for name, value in scores.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value
