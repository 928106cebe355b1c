"""Forecasts without a model, against published scores and a few lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.trainer.tasks.fields.baselines import LinearInverse, baselines
from bmi_dmx.trainer.tasks.fields.experiment import DataSpec
from bmi_dmx.trainer.tasks.fields.samples import FieldSamples
from bmi_dmx.trainer.tasks.fields.scores import mean_square

PUBLISHED = {
    1: (0.671, 0.322, 0.315, 0.426, 0.308),
    2: (0.673, 0.466, 0.445, 0.465, 0.414),
    3: (0.675, 0.553, 0.515, 0.493, 0.465),
    6: (0.684, 0.711, 0.621, 0.554, 0.543),
    9: (0.693, 0.806, 0.666, 0.600, 0.599),
    12: (0.705, 0.865, 0.688, 0.636, 0.649),
}
"""Errors in K of 1995 to 1999, learned from 1950 to 1989, COBE-SST2 on 3 degrees."""


def test_sea_surface_temperatures_are_forecast_as_well_as_published(
    shared_data: Path,
) -> None:
    path = shared_data / "cobe2_sst_3deg_1950_1999.nc"
    spec = DataSpec(source=str(path), variables={"anomaly": "sst"}, mask="mask")
    train = ("1950-01", "1989-12")
    samples = FieldSamples.read(spec, train, {"anomaly": 1})
    assert samples.mask.sum() == 3557
    weights = samples.weights[samples.mask]
    learned = samples.steps(train)
    anomalies = samples.cells("anomaly", slice(learned.start, learned.stop))
    forecasts = baselines(anomalies, weights)
    for lead, expected in PUBLISHED.items():
        starts = samples.starts(("1995-01", "1999-12"), lead)
        assert len(starts) == 60 - lead
        now, later = (samples.cells("anomaly", starts + k) for k in (0, lead))
        for (name, forecast), rmse in zip(forecasts.items(), expected, strict=True):
            error = forecast(now, lead) - later
            score = float(np.sqrt(mean_square(error, weights).mean()))
            assert score == pytest.approx(rmse, abs=6e-4), (name, lead)


def test_a_linear_inverse_model_finds_the_operator_that_made_its_data() -> None:
    rng = np.random.default_rng(0)
    true = np.array([[0.9, 0.2], [-0.1, 0.7]])
    patterns = rng.normal(size=(2, 30))
    c = np.zeros((4000, 2))
    for t in range(1, len(c)):
        c[t] = true @ c[t - 1] + rng.normal(size=2)
    weights = rng.uniform(0.5, 1.5, 30)
    weights /= weights.sum()
    model = LinearInverse.fit(c @ patterns, weights, 2, residual=False)
    now = rng.normal(size=(1, 2))
    for lead in (1, 3):
        expected = np.linalg.matrix_power(true, lead) @ now[0]
        forecast = np.linalg.lstsq(
            patterns.T, model(now @ patterns, lead)[0], rcond=None
        )[0]
        np.testing.assert_allclose(forecast, expected, atol=0.1)
    # One step as a sum over weights and responses, the rest being nothing.
    step = (now @ patterns) @ model.projection @ model.responses
    np.testing.assert_allclose(step, model(now @ patterns, 1), rtol=1e-10)
