"""Patterns that follow each other by the season, found in data that were made so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.config import as_yaml
from bmi_dmx.trainer import fit
from bmi_dmx.trainer.tasks.fields.baselines import LinearInverse
from bmi_dmx.trainer.tasks.fields.samples import CLOCK
from bmi_dmx.trainer.tasks.fields.seasonal import SeasonalInverse, fading, waves_of

from . import made

TURNS = 2.0 * np.pi * (np.arange(6000) % 12) / 12.0


def operators() -> Any:
    """(3, 2, 2) of a mean, a cosine and a sine of the year."""
    return np.array(
        [[[0.8, 0.1], [-0.2, 0.6]], [[0.15, 0.0], [0.2, 0.0]], [[0.0, 0.1], [0.0, 0.2]]]
    )


def series(patterns: Any) -> Any:
    rng = np.random.default_rng(0)
    by_step = np.tensordot(waves_of(TURNS), operators(), 1)
    c = np.zeros((len(TURNS), len(patterns)))
    for t in range(1, len(c)):
        c[t] = by_step[t] @ c[t - 1] + rng.normal(size=2)
    return c @ patterns


def test_what_changes_with_the_season_is_found_again() -> None:
    patterns = np.linalg.qr(np.random.default_rng(1).normal(size=(30, 2)))[0].T
    x, weights = series(patterns), np.full(30, 1.0 / 30.0)
    season = waves_of(TURNS[1:])
    model = SeasonalInverse.fit(x[:-1], x[1:], season, weights, 2)
    for month in (0, 3, 6, 9):
        waves = waves_of(TURNS[month : month + 1])
        true = np.tensordot(waves, operators(), 1)[0]
        found = model.step(patterns, np.repeat(waves, 2, 0)) @ patterns.T
        # It is drawn to what is the same all year, and to patterns that stand alone.
        np.testing.assert_allclose(found.T, true, atol=0.1)
    steady = LinearInverse.fit(x, weights, 2, residual=True)
    noise = float(((steady(x[:-1], 1) - x[1:]) ** 2).mean())
    assert float(((model.step(x[:-1], season) - x[1:]) ** 2).mean()) < 0.97 * noise


def test_what_is_left_of_a_cell_goes_with_the_season() -> None:
    rng = np.random.default_rng(2)
    share = waves_of(TURNS) @ np.array([[0.6, 0.9], [0.2, 0.0], [-0.1, 0.0]])
    x = np.zeros((len(TURNS), 2))
    for t in range(1, len(x)):
        x[t] = share[t] * x[t - 1] + rng.normal(size=2)
    found = fading(x[:-1], x[1:], waves_of(TURNS[1:])).at(waves_of(TURNS[:12]))
    np.testing.assert_allclose(found, share[:12], atol=0.06)


def test_a_model_begins_as_the_inverse_model_of_what_it_learns_from(
    sea: Path, tmp_path: Path
) -> None:
    plain = made.experiment(sea)
    plain["model"] |= {"seasonal": True, "network": None, "options": {}}
    plain["start"]["share"] = 0.75
    path = tmp_path / "seasonal.yaml"
    path.write_text(as_yaml(plain), encoding="utf-8")
    module = fit.build(fit.load_experiment(path))
    samples, model = module.task.samples, module.model
    # What spreads and carries is no part of it.
    learned = model.network("learned")
    for column, entry in enumerate(learned.supplied):
        if entry.parameter.name == "diffusivity":
            learned.network.output.bias.data[:, column] = -30.0
    steps = samples.steps(("1980-01", "1993-12"))
    x = samples.cells("anomaly", slice(steps.start, steps.stop))
    season = waves_of(samples.turns(np.arange(steps.start + 1, steps.stop)))
    weights = samples.weights[samples.mask]
    inverse = SeasonalInverse.fit(x[:-1], x[1:], season, weights, 3)
    at = np.arange(170, 182)
    now = samples.cells("anomaly", at)
    waves = waves_of(samples.turns(at + 1))
    alone = fading(x[:-1], x[1:], season).at(waves) * now
    expected = 0.75 * inverse.step(now, waves) + 0.25 * alone
    batch = samples.cut(at, 1)
    state = dict(model.initial_state(len(at)))
    state |= {f"surface.{n}": x for n, x in batch["state"].items()}
    with torch.no_grad():
        clock = {CLOCK: batch["forcing"][CLOCK]}
        ran = model.simulate(clock, {}, state=state).outputs
    found = ran["anomaly"][0][:, torch.from_numpy(samples.mask)].double().numpy()
    np.testing.assert_allclose(found, expected, atol=2e-4)
    steady = 0.75 * inverse.step(now, waves_of(samples.turns(at + 7))) + 0.25 * alone
    assert np.abs(steady - expected).max() > 20 * 2e-4


def test_turns_are_those_of_the_middle_of_the_months(sea: Path) -> None:
    from bmi_dmx.trainer.tasks.fields.experiment import DataSpec
    from bmi_dmx.trainer.tasks.fields.samples import FieldSamples

    spec = DataSpec(source=str(sea), variables={"anomaly": "sst"}, mask="mask")
    samples = FieldSamples.read(spec, ("1980-01", "1993-12"), {"anomaly": 1})
    turns = samples.turns(np.array([0, 6, 12, 23]))
    assert np.degrees(turns) == pytest.approx([15.0, 195.0, 15.0, 345.0], abs=0.1)
