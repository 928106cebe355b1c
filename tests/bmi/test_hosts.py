"""Hosts other than a script: a pool of threads, gRPC, pymt."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_metadata.api import stage

from bmi_dmx import DeltaHbv

ROOT = Path(__file__).resolve().parents[2]
DAYS = 20


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Configuration of the component as its metadata set it up."""
    stage("bmi_dmx:DeltaHbv", str(tmp_path))
    return str(tmp_path / "component.yaml")


def run(model: Any, config: str, call: Any) -> np.ndarray:
    """Return the flow of some rainy days, every function called through ``call``."""
    call(model.initialize, config)
    flow = []
    for day in range(DAYS):
        names = call(model.get_input_var_names)
        for name, value in zip(names, (2.0 * day, 5.0, 0.0, 10.0), strict=True):
            call(model.set_value, name, np.array([value]))
        call(model.update)
        flow.append(call(model.get_value, "streamflow", np.empty(1))[0])
    assert call(model.get_current_time) == DAYS * 86400.0
    assert call(model.get_var_location, "streamflow") == "node"
    call(model.finalize)
    return np.array(flow)


def directly(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


def test_any_thread_may_call(config: str) -> None:
    expected = run(DeltaHbv(), config, directly)
    with ThreadPoolExecutor(10) as pool:

        def by_a_worker(function: Any, *arguments: Any) -> Any:
            # Keeps other workers busy, so that calls move from thread to thread.
            pool.submit(np.sort, np.arange(1000))
            return pool.submit(function, *arguments).result()

        assert (run(DeltaHbv(), config, by_a_worker) == expected).all()


def test_components_run_in_threads_of_their_own(config: str) -> None:
    expected = run(DeltaHbv(), config, directly)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(run, DeltaHbv(), config, directly) for _ in range(4)]
        assert all((future.result() == expected).all() for future in runs)


@pytest.mark.skipif(
    importlib.util.find_spec("grpc4bmi") is None, reason="grpc4bmi is not installed"
)
def test_a_server_answers_as_the_component_does(
    config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grpc4bmi.bmi_client_subproc import BmiClientSubProcess

    # The client looks for the server's command on the path.
    folder = Path(sys.executable).parent
    assert shutil.which("run-bmi-server", path=str(folder))
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    server = BmiClientSubProcess("bmi_dmx.DeltaHbv")
    served = run(server, config, directly)
    assert (served == run(DeltaHbv(), config, directly)).all()


def in_pymt(page: str, folder: Path) -> str:
    """Run the script of a page that begins with pymt's models; return what it says."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (script,) = (block for block in blocks if "from pymt.models import" in block)
    process = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


with_pymt = pytest.mark.skipif(
    importlib.util.find_spec("pymt") is None,
    reason="pymt is not installed (not on the package index; see docs/coupling.md)",
)


@with_pymt
def test_the_script_for_pymt_runs(tmp_path: Path) -> None:
    output = in_pymt("coupling.md", tmp_path)
    assert float(re.findall(r"\[([\d.e-]+)\] mm", output)[0]) > 0.0


@with_pymt
def test_pymt_draws_the_height_of_the_ocean(tmp_path: Path) -> None:
    in_pymt("ocean-component.md", tmp_path)
    assert (tmp_path / "elevation.png").stat().st_size > 1000
