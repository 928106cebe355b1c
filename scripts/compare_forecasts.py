"""Compare forecasts of fields of two evaluations, lead by lead.

    python scripts/compare_forecasts.py runs/ocean-anomaly-1/test runs/ocean-unet-1/test

prints by how much the error of the first is smaller, with the interval of 95 % of a
paired moving-block bootstrap over the forecasts that both made.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from bmi_dmx.tables import Column, print_table
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.fields.experiment import Experiment
from bmi_dmx.trainer.tasks.fields.scores import mean_square, moving_block_bootstrap
from bmi_dmx.trainer.tasks.fields.task import opened, states_of


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs=2, help="of two evaluations")
    one, other = parser.parse_args().folders
    experiment = RunFolder(one.parent).experiment()
    assert isinstance(experiment, Experiment)
    samples = opened(experiment, states_of(experiment)[1])
    weights = samples.weights[samples.mask]
    pairs = [json.loads((f / "summary.json").read_text()) for f in (one, other)]
    if pairs[0]["periods"] != pairs[1]["periods"]:
        parser.error(f"{other}: other periods than {one}")
    period = getattr(experiment.periods, one.name)
    end = samples.steps(period).stop
    name = next(iter(samples.anomalies))
    found = [np.load(f / "forecasts.npz") for f in (one, other)]
    starts = found[0]["starts"]
    rows = []
    for lead in experiment.evaluation.leads:
        inside = starts + lead < end
        observed = samples.cells(name, starts[inside] + lead)
        errors = [
            mean_square(x[name][lead - 1][inside] - observed, weights) for x in found
        ]
        block = experiment.evaluation.block
        difference = moving_block_bootstrap(errors[0], errors[1], block)
        rows.append((lead, *(float(np.sqrt(e.mean())) for e in errors), difference))
    print_table(
        [
            Column(header="lead", values=[r[0] for r in rows]),
            Column(header="first", values=[r[1] for r in rows], format=".4f"),
            Column(header="second", values=[r[2] for r in rows], format=".4f"),
            *(
                Column(
                    header=key,
                    values=[getattr(r[3], key) for r in rows],
                    format="+.4f",
                )
                for key in ("value", "low", "high")
            ),
        ],
        title=f"{one.name}, rmse of {name}",
    )


if __name__ == "__main__":
    main()
