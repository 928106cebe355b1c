"""Several models as one bundle: combined, weighted by data, and their range scored."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bundle import Bundle, load_bundle
from bmi_dmx.cli import main
from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.combine import combine, learned_weights
from bmi_dmx.trainer.evaluate import score
from bmi_dmx.trainer.requests import ScoringRequest
from bmi_dmx.trainer.tasks.basins.model_bundles import flows
from bmi_dmx.trainer.tasks.basins.prediction import with_lead
from bmi_dmx.trainer.tasks.basins.scored_data import completed, data_spec
from bmi_dmx.trainer.tasks.basins.training_basins import learned
from bmi_dmx.trainer.tasks.streamflow.metrics import score as metrics

SHIPPED = "dhbv-conus-daily"
IDS = ("01466500", "01467150", "01483700", "01473120", "01440400", "01442500")
LEARNING = (date(1979, 7, 1), date(1979, 12, 31))
SCORED = (date(1980, 1, 1), date(1980, 12, 30))


@pytest.fixture(scope="module")
def run(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of its own, in which bundles may be made."""
    return Path(shutil.copytree(finished, tmp_path_factory.mktemp("runs") / "run"))


@pytest.fixture(scope="module")
def both(run: Path) -> Bundle:
    """Bundle of a run, whose own is made on the way, and of a shipped one."""
    target = run.parent / "both"
    return combine([run, SHIPPED], target, [1.0, 3.0], licence="CC-BY-4.0")


def asked(**changes: Any) -> ScoringRequest:
    """Return what is scored on the sample."""
    keys = {"period": SCORED, "warmup": 40, "places": IDS, **changes}
    return ScoringRequest(data=Path("delaware"), **keys)


def test_its_flow_and_range_are_scored(both: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report: Any = score(both.path, asked(output=out, calibration=LEARNING))
    assert set(report.ranges) == {"models", "calibrated"}
    raw, calibrated = (report.ranges[k].scores for k in ("models", "calibrated"))
    assert np.median(calibrated["crps"]) < np.median(raw["crps"])
    far = [abs(np.mean(x["coverage_90"]) - 0.9) for x in (raw, calibrated)]
    assert far[1] < far[0]
    with (out / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    scores = [float(row["crps_models"]) for row in rows]
    np.testing.assert_allclose(scores, raw["crps"], rtol=1e-6)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    ranks = summary["ranges"]["models"]["ranks"]
    assert len(ranks) == 3
    assert sum(ranks) == sum(report.scores["n_observations"])
    assert summary["ranges"]["models"]["medians"]["crps_fair"] == pytest.approx(
        np.median(raw["crps_fair"])
    )
    assert "crps_fair" not in calibrated
    for picture in ("rank_histograms", "parameters", "hydrographs"):
        assert (out / f"{picture}.png").stat().st_size > 1000
    assert any("rests on days that the bundle learned" in n for n in report.notes)


def test_a_range_is_not_judged_by_days_that_it_learned_from(both: Bundle) -> None:
    with pytest.raises(ConfigError, match="are among the scored days"):
        score(both.path, asked(calibration=SCORED))


def test_learned_weights_are_better_on_their_days_than_any_model_alone(
    both: Bundle, run: Path
) -> None:
    sources = [run, SHIPPED]
    asking = asked(period=LEARNING)
    weighing = learned_weights(sources, asking, licence="CC-BY-4.0")
    weights = list(weighing.weights.values())
    assert sum(weights) == pytest.approx(1.0)
    assert weighing.provenance["basin_ids"] == list(IDS)
    model = both.model()
    data = completed(both, model, data_spec(asking), LEARNING).data
    part, lead = with_lead(data, LEARNING, 40)
    each = flows(model, part, lead).models

    def mean_nse(shares: list[float]) -> float:
        flow = np.tensordot(shares, each, 1)
        return float(np.nanmean(metrics(flow, part.target[lead:], ["nse"])["nse"]))

    others = ([1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.9, 0.1], [0.1, 0.9])
    assert mean_nse(weights) >= max(map(mean_nse, others)) - 1e-9


def test_it_has_learned_from_what_its_models_have(both: Bundle, run: Path) -> None:
    whole = learned(both.manifest.provenance, "both")
    for path in (run / "bundle", SHIPPED):
        member = learned(load_bundle(str(path)).manifest.provenance, str(path))
        assert set(member.periods) <= set(whole.periods)
    days = {"train": ["1999-01-01", "1999-12-31"]}
    weights = {"periods": days, "basin_ids": ["9"]}
    weighted = learned({**both.manifest.provenance, "weights": weights}, "both")
    when = (date(1999, 5, 1), date(1999, 5, 2))
    overlap = weighted.on_days(np.array(["9", IDS[0]]), when)
    assert overlap is not None
    assert overlap.tolist() == [True, False]


def test_the_command_combines_runs_and_bundles(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "made"
    keys = ["--weights", "1", "3", "--licence", "CC-BY-4.0"]
    assert main(["combine", str(run), SHIPPED, "-o", str(target), *keys]) == 0
    assert str(target) in capsys.readouterr().out
    models = load_bundle(target).manifest.provenance["models"]
    assert [model["weight"] for model in models] == [0.25, 0.75]
    assert main(["info", str(target)]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert output.startswith("reads ")
    assert "made is the weighted mean of 2 models: a 0.250 run, learned" in output
    assert "b 0.750 dhbv-conus-daily, learned from Newman et al. 2015" in output


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (["--period", "1979-01-01", "1979-02-01"], "--period: goes with --weights"),
        (["--data", "delaware"], "--period says from which days"),
        (["--weights", "learned"], "--data says from which places"),
        (["--data", "delaware", "--weights", "1", "1"], "--data: goes with --weights"),
        (["--weights", "1", "x"], "found '1 x', expected mean, learned, or one number"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    keys: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["combine", SHIPPED, SHIPPED, "-o", "x", *keys]) != 0
    assert problem in capsys.readouterr().err
