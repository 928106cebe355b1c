"""Runs divided by place: the numbers of one, whoever runs the blocks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError, StateError
from bmi_dmx.run.cluster import Crew
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run
from bmi_dmx.run.tasks import Division

from ..bmi.untrained import attributes, weather
from .conftest import Ask
from .files import UNITS, read, write_series, write_table

sizes = st.integers(1, 5000)


@given(sizes, sizes, sizes, st.tuples(sizes, sizes), st.integers(1, 2**21))
def test_blocks_are_all_places_once_and_pieces_whole_chunks(
    steps: int, places: int, width: int, chunk: tuple[int, int], block: int
) -> None:
    division = Division.of(steps, places, width, chunk=chunk, block=block)
    ordered = [k for some in division.blocks for k in range(some.start, some.stop)]
    assert ordered == list(range(places))
    rows, wide = division.chunk
    assert division.rows % rows == 0
    assert 1 <= division.rows <= steps
    assert division.width % wide == 0
    if division.width < places:
        # Nobody decompresses places of another block.
        assert division.width % chunk[1] == 0


def test_pieces_are_made_of_whole_chunks_of_the_forcing_where_they_fit() -> None:
    division = Division.of(14610, 180_000, 2048, chunk=(100, 1000))
    assert division.width == 2000
    assert division.rows % 100 == 0
    assert division.rows * division.width <= 2**20


OUTPUTS = ("streamflow", "snowpack")


def test_a_run_in_blocks_is_that_of_all_places(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any]
) -> None:
    expected = ask(outputs=OUTPUTS, save_state=tmp_path / "whole.state")
    outputs = ask(
        outputs=OUTPUTS, places=2, block=2 * 7, output=tmp_path / "blocks.nc",
        save_state=tmp_path / "blocks.state",
    )  # fmt: skip
    assert outputs.keys() == expected.keys()
    assert outputs["place_id"].tolist() == ids
    # Products of matrices are rounded as their sizes let them be.
    for name in OUTPUTS:
        np.testing.assert_allclose(outputs[name], expected[name], rtol=1e-12)
    hours = 24.0 * np.arange(40, 80)
    write_series(tmp_path / "then.nc", series, ids=ids, times=hours)
    go_on = {"forcing": tmp_path / "then.nc", "state": str(tmp_path / "whole.state")}
    expected = ask(**go_on)["streamflow"]
    for state in ("whole", "blocks"):
        go_on["state"] = str(tmp_path / f"{state}.state")
        outputs = ask(**go_on, places=2)["streamflow"]
        np.testing.assert_allclose(outputs, expected, rtol=1e-12)
    write_series(tmp_path / "then.nc", series, ids=["a", "b", "c"], times=hours)
    write_table(tmp_path / "table.csv", ["a", "b", "c"], attributes(3))
    with pytest.raises(StateError, match=r"blocks.state: belongs to other places"):
        ask(**go_on, places=1)


SCRIPT = """
import sys
from pathlib import Path
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run
bundle, folder, output = sys.argv[1:]
folder = Path(folder)
run(Request(
    bundle=bundle, forcing=folder / "long.nc", attributes=folder / "places.csv",
    output=Path(output), outputs=("streamflow", "snowpack"), places=2, block=2 * 20,
    save_state=Path(output + ".state"),
))
"""
PLACES = 6


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Files of a run of three blocks of thirty pieces."""
    ids = [f"place-{k}" for k in range(PLACES)]
    forcing = {n: x for n, x in weather(600, PLACES).items() if n in UNITS}
    write_series(tmp_path / "long.nc", forcing, ids=ids)
    write_table(tmp_path / "places.csv", ids, attributes(PLACES))
    return tmp_path


def request(bundle: Path, folder: Path, output: Path, **more: Any) -> Request:
    return Request(
        bundle=str(bundle), forcing=folder / "long.nc", output=output,
        attributes=folder / "places.csv", outputs=OUTPUTS, **more,
    )  # fmt: skip


def in_the_middle(folder: Path, least: int) -> bool:
    """Wait until some pieces are there; return whether they came."""
    begun = time.monotonic()
    while time.monotonic() - begun < 100.0:
        if len(list(folder.glob("block-*/state-*"))) >= least:
            return True
        time.sleep(0.001)
    return False


@pytest.mark.slow
def test_a_run_in_blocks_that_is_killed_goes_on(bundle: Path, long: Path) -> None:
    alone = request(bundle, long, long / "expected.nc", places=2, block=2 * 20)
    expected = read(run(alone))
    output, folder = long / "killed.nc", long / ".killed.nc.pieces"
    command = [sys.executable, "-c", SCRIPT, str(bundle), str(long), str(output)]
    for least in (5, 40):
        process = subprocess.Popen(command)
        assert in_the_middle(folder, least)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not output.exists()
    before = len(list(folder.glob("block-*/state-*")))
    with pytest.raises(ConfigError, match="pieces of another run: choice of outputs"):
        run(Request(bundle=str(bundle), forcing=long / "long.nc", output=output,
                    attributes=long / "places.csv", places=2, block=40))  # fmt: skip
    assert len(list(folder.glob("block-*/state-*"))) == before
    subprocess.run(command, check=True)
    outputs = read(output)
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values, strict=True)
    assert not folder.exists()


def test_one_process_is_told_from_many() -> None:
    assert Crew().alone
    assert Crew(workers=1).alone
    assert not Crew(scheduler="tcp://elsewhere:1").alone
    with pytest.raises(ConfigError, match="expected one"):
        Crew(2, "tcp://elsewhere:1")
    with pytest.raises(ConfigError, match="found 0, expected 1 or more"):
        Crew(0)


def test_without_dask_the_command_says_what_brings_it(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"pip install 'bmi-dmx\[dask\]'"):
        ask(places=1, crew=Crew(workers=2))


@pytest.mark.slow
def test_two_processes_give_the_run_of_one(bundle: Path, long: Path) -> None:
    pytest.importorskip("distributed")
    expected = read(run(request(bundle, long, long / "expected.nc", places=2)))
    crew = Crew(workers=2)
    shared = request(bundle, long, long / "shared.nc", places=2, crew=crew)
    outputs = read(run(shared))
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values, strict=True)


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(bundle: Path, long: Path) -> None:
    distributed = pytest.importorskip("distributed")
    alone = request(bundle, long, long / "expected.nc", places=2, block=2 * 25)
    expected = read(run(alone))
    output, runs = long / "killed.nc", []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        crew = Crew(scheduler=cluster.scheduler_address)
        shared = request(bundle, long, output, places=2, block=2 * 25, crew=crew)
        running = threading.Thread(target=lambda: runs.append(read(run(shared))))
        with distributed.Client(cluster) as client:
            processes = client.run(os.getpid)
            running.start()
            assert in_the_middle(long / ".killed.nc.pieces", 10)
            os.kill(next(iter(processes.values())), signal.SIGKILL)
            running.join()
    for name, values in expected.items():
        np.testing.assert_array_equal(runs[0][name], values, strict=True)
