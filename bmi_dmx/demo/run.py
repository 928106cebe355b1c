"""The demonstration from beginning to end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from ..bundle import Bundle, bundles, load_bundle
from ..trainer.export import export
from ..trainer.fit import train
from ..trainer.run_folder import RunFolder
from ..trainer.tasks.basins.baselines import HALF_WINDOW, climatology, mid_range
from ..trainer.tasks.basins.data.basins import BasinData
from ..trainer.tasks.basins.data.read import read
from ..trainer.tasks.basins.experiment import Experiment
from ..trainer.tasks.streamflow.periods import Period
from .operation import agreement, operate, simulate
from .report import write
from .result import CLIMATOLOGY, SHIPPED, TRAINED, UNTRAINED, Result

__all__ = ["demo"]

EXPERIMENT = "delaware"


def demo(output: Path, settings: Iterable[str] = ()) -> Result:
    """Train, export, step, compare and show a model of the Delaware River.

    Parameters
    ----------
    output : Path
        Folder of the results: ``scores.csv``, ``summary.json``, ``streamflow.nc``,
        ``hydrographs.png``, ``map.png``, ``bundle/``, the training run in
        ``training/`` and the configurations of the components in ``bmi/``.
    settings : iterable of str
        ``key.key=value`` settings that replace those of the shipped experiment
        ``delaware``.

    Raises
    ------
    StateError
        Stepping gave other numbers than the batch run.
    """
    began = time.perf_counter()
    _say("1/4  training on 1979: HBV whose parameters a network learns from attributes")
    run = train(EXPERIMENT, settings, root=output / "training")
    experiment = RunFolder(run).experiment()
    assert isinstance(experiment, Experiment)
    _say(f"2/4  exporting the best checkpoint to {output / 'bundle'}")
    bundle = export(run, output / "bundle", overwrite=True)
    data = read(experiment.data)
    _say("3/4  stepping through BMI, day by day, state handed over at the new year")
    result = _compared(output, experiment, bundle, data, began)
    _say("4/4  scores and pictures\n")
    write(output, result)
    return result


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _compared(
    output: Path,
    experiment: Experiment,
    bundle: Bundle,
    data: BasinData,
    began: float,
) -> Result:
    before, after = _parts(data, experiment.periods["test"])
    year = slice(len(before.time), len(before.time) + len(after.time))
    both = data.period(before.time[0].item(), after.time[-1].item())
    stepped = operate(output / "bmi" / TRAINED, bundle, before, after)
    batch = simulate(bundle.model(), both)[year]
    untrained = mid_range(experiment.model, bundle.statistics)
    flows = {
        TRAINED: stepped.flow,
        UNTRAINED: simulate(untrained, both)[year],
        CLIMATOLOGY: climatology(before.time, before.target, after.time),
    }
    about = {
        TRAINED: f"bundle {bundle.name}, stepped through BMI",
        UNTRAINED: "the same HBV, every parameter in the middle of its range",
        CLIMATOLOGY: (
            f"observed flow of the same date in {before.time[0].item().year}, mean of "
            f"{2 * HALF_WINDOW + 1} days"
        ),
    }
    if SHIPPED in bundles:
        other = load_bundle(SHIPPED)
        flows[SHIPPED] = operate(output / "bmi" / SHIPPED, other, before, after).flow
        about[SHIPPED] = f"shipped bundle {SHIPPED} as it is, stepped through BMI"
    return Result(
        experiment=experiment,
        data=after,
        flows=flows,
        about=about,
        batch=batch,
        agreement=agreement(stepped.flow, batch, after),
        imbalance=stepped.imbalance,
        seconds=time.perf_counter() - began,
    )


def _parts(data: BasinData, test: Period) -> tuple[BasinData, BasinData]:
    """Return all days before the test period, and the test period."""
    start: date = data.time[0].item()
    return data.period(start, test[0] - timedelta(days=1)), data.period(*test)
