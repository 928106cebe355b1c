"""What the commands of the command line do: work, and a few lines about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import ConfigError
from . import evaluate as evaluation
from . import export as exporting
from . import fit
from .evaluate import ALL, Report
from .metrics import metrics
from .table import Column, print_table

__all__ = ["evaluate", "export", "train", "tune"]


def train(config: Path, settings: Iterable[str] = ()) -> None:
    """Train as a configuration says, or continue the run in a folder.

    Raises
    ------
    ConfigError
        Settings are given for a run that is to be continued.
    """
    given = list(settings)
    if config.is_dir():
        if given:
            raise ConfigError(
                f"{config}: a run continues as it began; {given[0]!r} cannot be set"
            )
        folder = fit.resume(config)
    else:
        folder = fit.train(config, given)
    print(folder)


def evaluate(runs: Sequence[Path], period: str = "test") -> None:
    """Score a run, or the mean of several, and print a table."""
    report = evaluation.evaluate(runs, period)
    _print(report)
    print(f"\n{report.folder}")


def _print(report: Report) -> None:
    names = list(report.medians[ALL])
    columns = [
        Column(header="median over basins", values=names),
        *(
            Column(
                header=f"{group} ({report.basins[group]})",
                values=[values[name] for name in names],
                format=".3f",
            )
            for group, values in report.medians.items()
        ),
        Column(header="ideal", values=[metrics[n].ideal for n in names], format="g"),
        Column(header="units", values=[metrics[n].units for n in names]),
    ]
    print_table(columns, title=f"{report.period} period")
    if report.convention:
        numbers = ", ".join(f"{g} {v:.3f}" for g, v in report.convention.items())
        print(f"\nMedian NSE with the first year as warm-up, unscored: {numbers}")


def export(run: Path, target: Path | None = None) -> None:
    """Save a run as a bundle."""
    print(exporting.export(run, target).path)


def tune(config: Path, search: Path, settings: Iterable[str] = ()) -> None:
    """Search for better settings, and print the best."""
    from . import tune as tuning

    folder = tuning.tune(config, search, settings)
    print((folder / "best.json").read_text(encoding="utf-8") + str(folder))
