"""Draw docs/images/camels_nse_cdf.png from runs evaluated with ``dmx evaluate``.

    python scripts/make_camels_figure.py "static=runs/…" "dynamic=runs/…"

The first one must be a run; others may be ensembles.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.streamflow.plots import nse_cdf

TARGET = Path(__file__).parents[1] / "docs" / "images" / "camels_nse_cdf.png"


def scores(run: Path) -> np.ndarray:
    """Return the test NSE of all basins of a run."""
    with (run / "test" / "scores.csv").open(encoding="utf-8", newline="") as file:
        return np.array([float(row["nse"] or "nan") for row in csv.DictReader(file)])


def main(arguments: list[str]) -> None:
    runs = {name: Path(run) for name, _, run in (a.partition("=") for a in arguments)}
    experiments = {name: scores(run) for name, run in runs.items()}
    first = RunFolder(next(iter(runs.values()))).experiment()
    TARGET.parent.mkdir(exist_ok=True)
    nse_cdf(TARGET, experiments, published=first.evaluation.published)


if __name__ == "__main__":
    main(sys.argv[1:])
