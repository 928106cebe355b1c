"""A trained column as a bundle: its scores, and its run over a file of forcing."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import torch

from bmi_dmx.bundle import Bundle
from bmi_dmx.cli import main

from . import made

STEPS = 40
NAMES = ("stress_x", "stress_y", "heat", "light")


def test_scores_of_the_test_are_told(bundle: Bundle) -> None:
    scores = bundle.manifest.scores
    assert scores["validation"]["error"] > 0.0
    assert scores["test"]["1-20"]["top"] > 0.0
    provenance = bundle.manifest.provenance
    assert provenance["task"] == "columns"
    assert provenance["data"]["source"] == "weather.nc"


def test_it_runs_over_a_file_as_it_was_trained(bundle: Bundle, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    usual = {"stress_x": 0.1, "stress_y": 0.02, "heat": 40.0, "light": 150.0}
    series = {n: usual[n] * (1.0 + 0.2 * rng.uniform(-1, 1, STEPS)) for n in NAMES}
    times = np.datetime64("2001-03-15T00") + np.arange(STEPS) * np.timedelta64(12, "h")
    forcing = tmp_path / "forcing.csv"
    rows = [
        ",".join([f"{t!s}", *(repr(float(series[n][k])) for n in NAMES)])
        for k, t in enumerate(times)
    ]
    forcing.write_text("\n".join([f"time,{','.join(NAMES)}", *rows]) + "\n")
    places = tmp_path / "places.csv"
    places.write_text("id,latitude\nforcing,50.0\n")
    output = tmp_path / "water.nc"
    words = ["run", str(bundle.path), str(forcing), "--attributes", str(places)]
    assert main([*words, "--output", str(output)]) == 0
    model = bundle.model().double()
    ran = model.simulate(
        {n: torch.from_numpy(x)[:, None] for n, x in series.items()},
        {"latitude": torch.tensor([50.0], dtype=torch.float64)},
    ).outputs
    with netCDF4.Dataset(output) as file:
        for k in range(1, len(made.THICKNESS) + 1):
            name = f"temperature_{k}"
            values = np.asarray(file[name][:], dtype=float).reshape(-1)
            expected = ran[name].detach().numpy().reshape(-1)
            np.testing.assert_allclose(values, expected, rtol=1e-6, err_msg=name)
