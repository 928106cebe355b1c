"""A small model, made-up weather, and a way to ask for a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import load_bundle
from bmi_dmx.models.hydrology.climate import day_of_year
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run

from ..bmi.untrained import INPUTS, attributes, weather
from .files import read, write_series, write_table

Ask = Callable[..., dict[str, Any]]
Array = np.ndarray[Any, Any]


def batch(
    bundle: Path,
    forcing: dict[str, Array],
    places: dict[str, Any],
    *,
    start: str,
    hours: int = 24,
    **more: Any,
) -> dict[str, Array]:
    """Return the series of one run of the model over all steps at once."""
    model = load_bundle(bundle).model().double()
    shape = next(iter(forcing.values())).shape
    times = np.datetime64(start, "h") + np.arange(shape[0]) * hours
    days = np.broadcast_to(day_of_year(times)[:, None].astype(float), shape)
    forcing = {**forcing, "day_of_year": days}
    with torch.no_grad():
        ran = model.simulate(
            {n: torch.from_numpy(np.ascontiguousarray(forcing[n]))
             for n in model.forcings},
            {n: torch.tensor(places[n], dtype=torch.float64) for n in model.attributes},
            **more,
        )  # fmt: skip
    return {name: x.numpy() for name, x in ran.outputs.items()}


@pytest.fixture
def ids() -> list[str]:
    """Names of three places."""
    return ["upper", "middle", "lower"]


@pytest.fixture
def series() -> dict[str, Array]:
    """Forty days of weather there."""
    forcing = weather(40, 3)
    return {name: forcing[name] for name in INPUTS}


@pytest.fixture
def ask(
    tmp_path: Path, bundle: Path, ids: list[str], series: dict[str, Array]
) -> Ask:  # fmt: skip
    """Ask for a run of the small model over that weather, and read its output."""
    write_series(tmp_path / "forcing.nc", series, ids=ids)
    write_table(tmp_path / "table.csv", ids, attributes(3))

    def asked(**changes: Any) -> dict[str, Any]:
        settings = {
            "bundle": str(bundle),
            "forcing": tmp_path / "forcing.nc",
            "attributes": tmp_path / "table.csv",
            "output": tmp_path / "out.nc",
            **changes,
        }
        return read(run(Request(**settings)))

    return asked
