"""Score a recipe on basins that it did not learn from: in turns, on each of them once.

    BMI_DMX_DATA=FOLDER python scripts/score_ungauged.py runs/ungauged

The basins of the experiment are dealt into folds at random. For each fold the model is
trained on all others as the shipped bundle was, on the training period, and scored on
the fold, over the test period: neither basin nor days were seen. Scores of all folds
are pooled. Folds that were trained before are not trained again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from bmi_dmx.trainer.evaluate import score
from bmi_dmx.trainer.experiment_file import find_experiment, load_experiment
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import resume, train
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.task import Scoring
from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.streamflow.comparison import Comparison

EXPERIMENT = "camels_static"
LEARNED = "[1980-10-01, 1995-09-30]"
SCORED = (date(1995, 10, 1), date(2010, 9, 30))


def deal(folder: Path, folds: int) -> int:
    """Write, for each fold, the basins it holds and those to learn from."""
    spec = load_experiment(find_experiment(EXPERIMENT)).data
    ids = np.sort(read(replace(spec, attributes="file")).ids)
    drawn = np.random.default_rng(0).permutation(ids)
    for number, held in enumerate(np.array_split(drawn, folds), 1):
        others = sorted(set(ids.tolist()) - set(held.tolist()))
        for name, basins in (("held", sorted(held.tolist())), ("learn", others)):
            text = "".join(f"{basin}\n" for basin in basins)
            (folder / f"{name}_{number}.txt").write_text(text, encoding="utf-8")
    return len(ids)


def trained(folder: Path, number: int) -> Path:
    """Return the run of a fold, trained or continued where that is needed."""
    run = RunFolder(folder / "runs" / f"fold-{number}-1")
    if run.summary.is_file():
        return run.path
    if run.last.is_file():
        return resume(run.path)
    settings = [
        f"name=fold-{number}",
        f"data.basins={folder / f'learn_{number}.txt'}",
        f"periods.train={LEARNED}",
        "periods.validation=null",
    ]
    return train(EXPERIMENT, settings, root=folder / "runs")


def scored(folder: Path, run: Path, number: int) -> Comparison:
    """Return how good the model of a fold is on its basins."""
    bundle = export(run, folder / "bundles" / f"fold-{number}", overwrite=True)
    spec = load_experiment(find_experiment(EXPERIMENT)).data
    report = score(
        bundle.path,
        Scoring(
            data=spec.locate(Path.cwd()),
            places=(str(folder / f"held_{number}.txt"),),
            period=SCORED,
            output=folder / "scores" / f"fold-{number}",
        ),
    )
    assert isinstance(report, Comparison)
    return report


def pooled(folder: Path, reports: list[Comparison]) -> Comparison:
    """Return the scores of all basins, each by the model that did not know it."""
    first = reports[0]
    name = "ungauged"

    def joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {n: np.concatenate([part[n] for part in parts]) for n in parts[0]}

    scores = joined([dict(report.scores) for report in reports])
    return Comparison(
        folder=folder,
        title=f"{EXPERIMENT}, {len(reports)} folds, {SCORED[0]} to {SCORED[1]}",
        name=name,
        scores=scores,
        baselines={
            model: joined([dict(report.baselines[model]) for report in reports])
            for model in first.baselines
        },
        groups={"all": np.arange(len(scores["nse"]))},
        about=first.about,
        notes=(),
    )


def main() -> None:
    """Train and score all folds, and write what they have in common."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    deal(folder, options.folds)
    numbers = range(1, options.folds + 1)
    report = pooled(folder, [scored(folder, trained(folder, n), n) for n in numbers])
    report.show()
    content = {"medians": report.medians, "compared": report.compared()}
    (folder / "pooled.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
