"""What can be told of the evaluation of any task: its scores as they are, its pictures.

For tasks that say no more of themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..checkpoint import read_checkpoint
from ..run_folder import RunFolder
from .content import Findings, Table

__all__ = ["findings_of", "pictures_in", "scored_summary"]

SUFFIXES = (".png", ".svg")

MOST_ROWS = 200
"""Of a table of scores that nobody arranged."""


def scored_summary(
    folder: RunFolder,
    period: str,
    evaluate: Callable[[], object],
    wanted: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the summary of an evaluation of the best checkpoint as it is.

    Parameters
    ----------
    folder : RunFolder
        The run.
    period : str
        What is scored.
    evaluate : callable
        Scores it; called where that has not been done, or was done of another
        checkpoint.
    wanted : mapping, optional
        What the summary must have besides.
    """
    step = read_checkpoint(folder.best)["global_step"]
    asked = {"steps": [step], **(wanted or {})}
    found = folder.results(period, asked)
    if found is None:
        evaluate()
        found = folder.results(period, asked)
    assert found is not None
    return found


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
    told = rows[:MOST_ROWS]
    caption = f"Scores of the {period} data."
    if len(rows) > len(told):
        caption += f" The first {len(told)} of {len(rows)}; all are in summary.json."
    return Findings(
        period=period,
        tables=[Table(["score", "value", "what it is"], told, caption)],
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
    found: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what stands innermost, with the names that lead there."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value
