"""What the commands of the command line do: work, and a few lines about it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from ..errors import ConfigError, DataError, suggestion
from . import evaluate as evaluation
from . import export as exporting
from . import fit
from .evaluate import ALL, Report
from .metrics import metrics, score
from .results import read_streamflow
from .table import Column, print_table

__all__ = ["evaluate", "export", "plot", "train", "tune"]

log = logging.getLogger(__name__)


def train(config: Path, settings: Iterable[str] = ()) -> None:
    """Train as an experiment says, or continue the run in a folder.

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


def plot(
    source: Path,
    basins: Sequence[str] = (),
    *,
    start: date | None = None,
    end: date | None = None,
    output: Path = Path("hydrographs.png"),
) -> None:
    """Draw observed and simulated flow of chosen basins, or of the best to the worst.

    The NSE in the picture is that of all days of the file.

    Parameters
    ----------
    source : Path
        A ``streamflow.nc``, or the folder it lies in.
    basins : sequence of str
        Station identifiers; all when empty.
    start, end : date, optional
        First and last day drawn.
    output : Path
        The picture.

    Raises
    ------
    DataError
        A basin is not in the file, or it has no such days.
    """
    from .plots import hydrographs

    path = source / "streamflow.nc" if source.is_dir() else source
    flow = read_streamflow(path)
    known = flow.ids.tolist()
    for name in basins:
        if name not in known:
            raise DataError(f"{path}: no basin {name!r}{suggestion(name, known)}")
    chosen = [known.index(name) for name in basins or known]
    days = flow.time.astype("datetime64[D]")
    kept = np.ones(len(days), dtype=bool)
    if start is not None:
        kept &= days >= np.datetime64(start)
    if end is not None:
        kept &= days <= np.datetime64(end)
    if not kept.any():
        raise DataError(f"{path}: no such days; it has {days[0]} to {days[-1]}")
    # Of all days, as in scores.csv, whichever of them are drawn.
    nse = score(flow["simulated"], flow["observed"], ["nse"])["nse"]
    for at in chosen if basins else ():
        if not np.isfinite(nse[at]):
            log.warning("%s: basin %s has no NSE and is not drawn", path, known[at])
    window = np.ix_(kept, chosen)
    print(
        hydrographs(
            output,
            time=flow.time[kept],
            ids=flow.ids[chosen],
            simulated=flow["simulated"][window],
            observed=flow["observed"][window],
            nse=nse[chosen],
            panels=len(basins) or 6,
        )
    )


def tune(config: Path, search: Path, settings: Iterable[str] = ()) -> None:
    """Search for better settings, and print the best."""
    from . import tune as tuning

    folder = tuning.tune(config, search, settings)
    print((folder / "best.json").read_text(encoding="utf-8") + str(folder))
