"""The command line, states that go on elsewhere, and what a run costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bmi import Component
from bmi_dmx.cli import main
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import StateError

from ..bmi.untrained import START, attributes
from .conftest import Ask
from .files import read, write_series, write_table

RESIDENT = """
import sys
from pathlib import Path
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run
bundle, folder = sys.argv[1:]
folder = Path(folder)
run(Request(
    bundle=bundle, forcing=folder / "forcing.nc", attributes=folder / "table.csv",
    output=folder / "out.nc", block=200 * 100, mode="daily",
))
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


@pytest.fixture
def component(bundle: Path, tmp_path: Path, ids: list[str]) -> Component:
    """The same model at the same places, behind BMI."""
    locations = {"ids": ids, "attributes": attributes(3)}
    settings = {"bundle": str(bundle), "start_time": START, "locations": locations}
    path = tmp_path / "component.yaml"
    path.write_text(as_yaml(settings), encoding="utf-8")
    model = Component()
    model.initialize(str(path))
    return model


def half(path: Path, series: dict[str, Any], ids: list[str], part: slice) -> Path:
    """Write some days of the weather."""
    hours = 24.0 * np.arange(40)[part]
    some = {name: x[part] for name, x in series.items()}
    return write_series(path, some, ids=ids, times=hours)


def test_states_go_on_in_components_and_back(
    ask: Ask, component: Component, tmp_path: Path, ids: list[str],
    series: dict[str, Any],
) -> None:  # fmt: skip
    whole = ask(save_state=tmp_path / "whole.state")["streamflow"]
    first = half(tmp_path / "first.nc", series, ids, slice(0, 25))
    then = half(tmp_path / "then.nc", series, ids, slice(25, 40))
    ask(forcing=first, save_state=tmp_path / "25.state")
    # A component goes on from a run,
    component.load_state(tmp_path / "25.state")
    for day in range(25, 30):
        for name, x in series.items():
            component.set_value(name, x[day])
        component.update()
        flow = component.get_value_ptr("streamflow")
        np.testing.assert_array_equal(flow, whole[day])
    # and a run from a component.
    component.save_state(tmp_path / "30.state")
    rest = half(tmp_path / "rest.nc", series, ids, slice(30, 40))
    outputs = ask(forcing=rest, state=str(tmp_path / "30.state"),
                save_state=tmp_path / "end.state")  # fmt: skip
    np.testing.assert_array_equal(outputs["streamflow"], whole[30:])
    assert (tmp_path / "end.state").read_bytes() == (
        tmp_path / "whole.state"
    ).read_bytes()
    with pytest.raises(StateError, match=r"30.state: is of 1980-10-31 .*1980-10-26"):
        ask(forcing=then, state=str(tmp_path / "30.state"))


def test_a_run_by_the_command_line(
    ask: Ask, bundle: Path, tmp_path: Path, ids: list[str], series: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    expected = ask(parts={"evaporation": "oudin"}, outputs=("snowpack",
                                                            "streamflow"))  # fmt: skip
    series["rain"] = series.pop("precipitation")
    write_series(tmp_path / "forcing.nc", series, ids=ids)
    columns = attributes(3)
    columns["height"] = columns.pop("elevation")
    write_table(tmp_path / "table.csv", ids, columns)
    output = tmp_path / "deep" / "run.nc"
    main([
        "run", str(bundle), str(tmp_path / "forcing.nc"),
        "--attributes", str(tmp_path / "table.csv"), "--output", str(output),
        "--outputs", "snowpack", "streamflow", "--mode", "1 d",
        "--names", "precipitation=rain", "elevation=height",
        "--parts", "evaporation=oudin", "--missing", "hold",
        "--save-state", str(tmp_path / "last.state"),
    ])  # fmt: skip
    assert capsys.readouterr().out == f"{output}\n"
    outputs = read(output)
    for name in ("snowpack", "streamflow"):
        np.testing.assert_array_equal(outputs[name], expected[name])
    assert (tmp_path / "last.state").is_file()


def test_single_numbers_are_double_ones_rounded(
    ask: Ask, bundle: Path, tmp_path: Path
) -> None:
    expected = ask()["streamflow"].astype(np.float32)
    files = [str(tmp_path / name) for name in ("forcing.nc", "table.csv", "single.nc")]
    main([
        "run", str(bundle), files[0], "--attributes", files[1], "--output", files[2],
        "--precision", "single",
    ])  # fmt: skip
    outputs = read(tmp_path / "single.nc")
    np.testing.assert_array_equal(outputs["streamflow"], expected, strict=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--names", "rain"], "found 'rain', expected KEY=VALUE"),
        (
            ["--names", "precipitation=rain", "precipitation=snow"],
            "--names: 'precipitation' is given twice, 'rain' and 'snow'",
        ),
        (
            ["--parts", "evaporation=oudin", "evaporation=hargreaves"],
            "--parts: 'evaporation' is given twice",
        ),
        (["--outputs", "steamflow"], "did you mean 'streamflow'"),
        (["--outputs", "air_temperature"], "no output 'air_temperature'"),
        (["--state", "warm"], "no such file"),
        (["--units", "imperial"], "unknown 'imperial'"),
        (["--mode", "1 fortnight"], "mode: unknown value '1 fortnight'"),
        (["--parts", "evaporation=none"], "evaporation: unknown 'none'"),
    ],
)
def test_what_cannot_be_asked_for(
    ask: Ask, bundle: Path, tmp_path: Path, words: list[str], message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    files = [str(tmp_path / name) for name in ("forcing.nc", "table.csv", "out.nc")]
    command = ["run", str(bundle), files[0], "--attributes", files[1]]
    try:
        status: Any = main([*command, "--output", files[2], *words])
    except SystemExit as left:
        status = left.code
    assert status
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert not (tmp_path / "out.nc").exists()


@pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="memory is told by Linux alone"
)
def test_memory_does_not_grow_with_the_length_of_a_run(
    bundle: Path, tmp_path: Path
) -> None:
    places, most = 200, {}
    ids = [str(k) for k in range(places)]
    write_table(tmp_path / "table.csv", ids, attributes(places))
    for steps in (2000, 8000):
        days = np.arange(steps)[:, None] + np.zeros(places)
        mean = 8.0 - 12.0 * np.cos(2.0 * np.pi * days / 365.25)
        series = {
            "precipitation": np.where(days % 3 == 0, 9.0, 0.0),
            "air_temperature": mean,
            "air_temperature_min": mean - 5.0,
            "air_temperature_max": mean + 5.0,
        }
        write_series(tmp_path / "forcing.nc", series, ids=ids)
        command = [sys.executable, "-c", RESIDENT, str(bundle), str(tmp_path)]
        process = subprocess.run(command, check=True, capture_output=True, text=True)
        most[steps] = int(process.stdout.split()[-1]) * 1024
    # One variable of the longer run takes 13 MB.
    assert most[8000] - most[2000] < 6e6, most
