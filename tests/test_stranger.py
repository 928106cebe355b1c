"""The way of somebody new: from the wheel to a model of theirs, stepped by BMI.

The environment is new and holds the wheel; the libraries are lent by this one. Each
command says something within two seconds; how long it takes is printed: ``pytest -s``.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from bmi_dmx.config import as_yaml
from bmi_dmx.tables import Column, print_table

COMMANDS = (
    "new mine",
    "data check data",
    "train experiment.yaml training.steps=200 training.validate_every=100",
    "report runs/mine-1",
    "compare runs/mine-1 --baselines",
    "export runs/mine-1 model",
    "forecast model data/01450500.csv --attributes runs/mine-1/attributes.csv"
    " --state equilibrium --steps 10",
)
"""In their order; all but the first in the folder that it makes."""

STEPPED = """
import sys
import numpy as np
from bmi_dmx import Component

assert "torch" not in sys.modules
model = Component()
model.initialize("model.yaml")
for rain in (22.0, 3.0, 0.0):
    model.set_value("precipitation", np.array([rain]))
    model.set_value("air_temperature", np.array([8.0]))
    model.update()
print(model.get_current_time(), *model.get_value_ptr("streamflow"))
assert "torch" not in sys.modules
model.finalize()
"""


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel, to which libraries are lent."""
    folder = tmp_path_factory.mktemp("stranger") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", wheel]
    subprocess.run(install, check=True)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run(
        [python, "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()
    # A path in such a file is searched last, and brings no package in development.
    lent = sysconfig.get_path("purelib")
    (Path(packages) / "lent.pth").write_text(f"{lent}\n", encoding="utf-8")
    return folder


SOON = 2.0
"""Seconds in which everything says a first line."""


@dataclass(frozen=True)
class Timed:
    """What a command said, and seconds that it took."""

    text: str
    first: float
    used: float
    """Of a processor, until the first line: as by the clock of an idle machine."""
    whole: float


def used_by(process: int) -> float:
    """Return the seconds of a processor that a running process has used."""
    told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    ticks = told.rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def timed(command: list[str], folder: Path) -> Timed:
    """Run a command, which has to succeed."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    spoken, used = time.monotonic() - began, used_by(process.pid)
    rest, _ = process.communicate()
    assert process.returncode == 0, first + rest
    return Timed(first + rest, spoken, used, time.monotonic() - began)


def component(project: Path) -> str:
    """Return the configuration of a component at the first gauge of the run."""
    table = project / "runs" / "mine-1" / "attributes.csv"
    with table.open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    gauge = row.pop("id")
    attributes = {name.partition(" [")[0]: float(value) for name, value in row.items()}
    place = {"ids": [gauge], "attributes": attributes}
    settings = {"bundle": "model", "start_time": "1981-01-01", "state": "equilibrium"}
    return as_yaml({**settings, "locations": place})


@pytest.mark.slow
def test_from_the_wheel_to_a_model_that_is_stepped(
    environment: Path, tmp_path: Path
) -> None:
    dmx = str(environment / "bin" / "dmx")
    project = tmp_path / "mine"
    runs: dict[str, Timed] = {}
    for at, words in enumerate(COMMANDS):
        place = project if at else tmp_path
        runs[words] = timed([dmx, *words.split()], place)
    assert "12 basins" in runs[COMMANDS[1]].text
    assert (project / "runs" / "mine-1" / "report.html").stat().st_size > 50_000
    (project / "model.yaml").write_text(component(project), encoding="utf-8")
    script = project / "step.py"
    script.write_text(STEPPED, encoding="utf-8")
    python = str(environment / "bin" / "python")
    runs["step by BMI"] = timed([python, str(script)], project)
    seconds, flow = map(float, runs["step by BMI"].text.split()[:2])
    assert seconds == 3 * 86400.0
    assert 0.0 < flow < 22.0
    columns = {
        "first line (s)": "first",
        "of a processor": "used",
        "in all (s)": "whole",
    }
    print()
    print_table([
        Column(header="command", values=[" ".join(w.split()[:2]) for w in runs]),
        *(
            Column(
                header=head, values=[getattr(x, key) for x in runs.values()],
                format=".1f",
            )
            for head, key in columns.items()
        ),
    ])  # fmt: skip
    late = {words: one.used for words, one in runs.items() if one.used > SOON}
    assert not late
