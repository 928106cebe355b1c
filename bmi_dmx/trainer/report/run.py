"""The report of a run: what came out, where, how it was learned, and from what."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ..registries import tasks
from ..run_folder import RunFolder
from ..task import Monitor
from .content import Curve, Findings, Panel
from .live_page import LivePage

__all__ = ["FILE", "report"]

FILE = "report.html"
"""What it is called in the folder of the run."""

WIDTH = 25
"""Rows of a learning curve that a running median is over, at most."""


def report(run: Path | str, period: str = "test", output: Path | None = None) -> Path:
    """Write one page about a run, which opens without a network.

    The run is scored first, unless its best checkpoint has been.

    Parameters
    ----------
    run : path
        Folder of a run.
    period : str
        ``test``, ``validation`` or ``train``.
    output : path, optional
        The page; default: ``report.html`` in the folder of the run.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError, DataError, StateError
        The folder is none of a run, has no checkpoint, or its data cannot be used.
    """
    folder = RunFolder(Path(run))
    experiment = folder.experiment()
    task = tasks[experiment.task]
    folder.require_best()
    findings = task.findings(folder, experiment, period)
    page = LivePage(experiment.about or experiment.name)
    training = _training(folder)
    page.lead(_lead(folder, findings, training))
    if findings.tiles:
        page.tiles(findings.tiles)
    _scores(page, findings)
    _places(page, findings)
    _pictures(page, findings)
    _learning(page, folder, task.monitor, training)
    page.heading("Data")
    page.items(findings.notes or ["nothing had to be assumed or repaired"])
    page.heading("Configuration")
    page.text("As it was resolved; dmx train with it makes this run again.")
    page.folded("config.yaml", folder.config.read_text(encoding="utf-8"))
    _origin(page, training)
    target = output or folder.path / FILE
    page.write(target)
    return target


def _training(folder: RunFolder) -> dict[str, Any]:
    """Return the summary of the training; nothing where it is not finished."""
    if not folder.summary.is_file():
        return {}
    return folder.outcome("steps", "best_step", "planned_steps", "seconds", "weights")


def _lead(folder: RunFolder, findings: Findings, training: Mapping[str, Any]) -> str:
    steps = f"{training['steps']} steps" if training else "training not finished"
    return f"{folder.path.name} · {findings.period} · {steps}"


def _scores(page: LivePage, findings: Findings) -> None:
    page.heading("Scores")
    with page.beside():
        if findings.panels:
            page.panels(findings.panels)
        for table in findings.tables:
            page.table(table.heads, table.rows, caption=table.caption)
    if findings.baselines:
        page.items([f"{name}: {text}" for name, text in findings.baselines.items()])
    for title, table in findings.details.items():
        with page.unfolding(title):
            page.table(table.heads, table.rows, caption=table.caption)


def _places(page: LivePage, findings: Findings) -> None:
    if findings.places is not None:
        page.heading("Places")
        page.text(
            f"Click a {findings.places.what} on the map or in the list; a click on a "
            "head sorts.",
            small=True,
        )
        page.places(findings.places, findings.series)
    if findings.parameters:
        page.heading("Parameters")
        page.text(
            "What the networks learned, each over its bounds: a stroke for the mean of "
            "the members at every place, the members of the chosen place above."
            if findings.parameters[0].places
            else "What the networks learned, each over its bounds: a stroke for every "
            "place.",
            small=True,
        )
        page.strips(findings.parameters)


def _pictures(page: LivePage, findings: Findings) -> None:
    if not findings.pictures:
        return
    page.heading("Pictures")
    for path, caption in findings.pictures.items():
        page.picture(path, caption)


def _learning(
    page: LivePage, folder: RunFolder, monitor: Monitor, training: Mapping[str, Any]
) -> None:
    """Add the course of the training, as far as it is written."""
    page.heading("Training")
    if folder.metrics.is_file():
        panels = learning_panels(folder.metrics, monitor)
        if panels:
            page.panels(panels)
    best = training.get(monitor.best)
    if best is not None:
        page.text(
            f"Best {monitor.about} {best:.4f} at step {training['best_step']} of"
            f" {training['planned_steps']}, {training['seconds']:.0f} s,"
            f" {training['weights']} weights."
        )


def learning_panels(path: Path, monitor: Monitor) -> list[Panel]:
    """Return loss and score over the steps of a training.

    Parameters
    ----------
    path : Path
        The table that the training wrote.
    monitor : Monitor
        Its score.
    """
    loss, score = _column(path, "loss"), _column(path, monitor.name)
    panels = []
    if loss[0]:
        x, y = (np.array(values) for values in loss)
        curves = [Curve(label="loss", x=x, y=y, thin=len(x) > 2 * WIDTH)]
        if len(x) > 2 * WIDTH:
            smooth = Curve(label="running median of the loss", x=x, y=_median(y))
            curves.append(smooth)
        positive = bool((y > 0).all())
        panels.append(Panel(title="loss", x_label="step", curves=curves, log=positive))
    if score[0]:
        x, y = (np.array(values) for values in score)
        curve = Curve(label=monitor.about, x=x, y=y)
        # From 0 on: what changes little is to look like that.
        whole = (0.0, 1.05 * float(y.max())) if y.min() >= 0.0 < y.max() else None
        panel = Panel(
            title=monitor.about, x_label="step", curves=[curve], y_range=whole
        )
        panels.append(panel)
    return panels


def _column(path: Path, name: str) -> tuple[list[float], list[float]]:
    """Return steps and numbers of a column, where it has any.

    Raises
    ------
    DataError
        There is no such column.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and name not in rows[0]:
        raise DataError(f"{path}: no column {name!r}, expected one of a training")
    entries = [row for row in rows if row.get(name)]
    return [float(r["step"]) for r in entries], [float(r[name]) for r in entries]


def _median(y: Any) -> Any:
    padded = np.pad(y, WIDTH // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, WIDTH)
    return np.median(windows, axis=1)


def _origin(page: LivePage, training: Mapping[str, Any]) -> None:
    if not training:
        return
    page.heading("Origin")
    versions = training.get("versions", {})
    rows: Sequence[Sequence[Any]] = [
        ["code", training.get("commit") or "installed package"],
        *([name, version] for name, version in versions.items()),
    ]
    page.table(["what", "version"], rows)
