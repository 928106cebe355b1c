"""The sample domain through ``dmx ngen``, as a host of catchments would run it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bmi_dmx.cli import main

from .cases import LSTM, SHIPPED
from .records import Record, Records, record

__all__ = ["VARIANTS", "run_framework", "write_sample"]

SPAN = ("--start", "1979-03-15", "--end", "1979-03-19 23:00")


@dataclass(frozen=True)
class Variant:
    """A way of running the sample.

    Parameters
    ----------
    options : sequence of str
        Of ``dmx ngen prepare``.
    params : mapping
        ``model_params`` of the realization.
    """

    options: tuple[str, ...] = ()
    params: Mapping[str, float] = field(default_factory=dict)


VARIANTS: dict[str, Variant] = {
    "default": Variant(("--bundle", SHIPPED)),
    "hourly hargreaves model_params": Variant(
        (
            "--bundle",
            SHIPPED,
            "--mode",
            "hourly",
            "--evaporation",
            "hargreaves",
            "--state",
            "cold",
        ),
        {"fc": 300.0, "routing_b": 0.5},
    ),
    "lstm": Variant(("--bundle", str(LSTM), "--evaporation", "oudin")),
    "lstm daily": Variant(("--bundle", str(LSTM), "--mode", "daily")),
}


def write_sample(folder: Path) -> Path:
    """Write the sample domain into a new folder and return it."""
    _dmx("sample", str(folder))
    return folder


def run_framework(name: str, sample: Path, folder: Path) -> Records:
    """Run the sample and return the records of all the files that were written.

    Parameters
    ----------
    name : str
        One of :data:`VARIANTS`.
    sample : Path
        From :func:`write_sample`.
    folder : Path
        An empty folder.
    """
    variant, run = VARIANTS[name], folder / "run"
    domain = [str(sample / file) for file in ("sample.gpkg", "forcing.nc")]
    _dmx("prepare", *domain, *SPAN, *variant.options, "--output", str(run))
    _set_params(run / "config" / "realization.json", variant.params)
    _dmx("run", str(run))
    outputs = run / "outputs" / "ngen"
    return {path.name: _record(path) for path in sorted(outputs.iterdir())}


def _dmx(*line: str) -> None:
    code = main(["ngen", *line])
    if code != 0:
        raise RuntimeError(f"dmx ngen {' '.join(line)}: ended with {code}")


def _set_params(path: Path, params: Mapping[str, float]) -> None:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    content["global"]["formulations"][0]["params"]["model_params"] = dict(params)
    path.write_text(json.dumps(content), encoding="utf-8")


def _record(path: Path) -> Record:
    content = path.read_bytes()
    return record(content, np.array(list(_numbers(content.decode()))), count=12)


def _numbers(text: str) -> Iterator[float]:
    """Yield what stands behind step and time."""
    for line in text.splitlines():
        cells = line.split(",")
        if cells[0] != "Time Step":
            yield from map(float, cells[2:])
