"""Runs that are killed, and asked for again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError, StateError
from bmi_dmx.run import run as run_module
from bmi_dmx.run.output import SeriesFile
from bmi_dmx.run.pieces import Pieces

from ..bmi.untrained import attributes, weather
from .conftest import Ask
from .files import UNITS, read, write_series, write_table

SCRIPT = """
import sys
from pathlib import Path
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run
bundle, forcing, table, output, state = sys.argv[1:]
run(Request(
    bundle=bundle, forcing=Path(forcing), attributes=Path(table), output=Path(output),
    outputs=("streamflow", "snowpack"), save_state=Path(state), block=3 * 10,
))
"""
STEPS = 600
IDS = ("a", "b", "c")


class Killed(BaseException):
    """Stands for the end of a process at some place in it."""


@pytest.fixture
def command(bundle: Path, tmp_path: Path) -> list[str]:
    """A run of sixty pieces in a process of its own."""
    forcing = {n: x for n, x in weather(STEPS, 3).items() if n in UNITS}
    write_series(tmp_path / "long.nc", forcing, ids=IDS)
    write_table(tmp_path / "places.csv", IDS, attributes(3))
    names = ("long.nc", "places.csv", "long-out.nc", "last.state")
    files = [str(tmp_path / name) for name in names]
    return [sys.executable, "-c", SCRIPT, str(bundle), *files]


def test_a_run_that_is_killed_again_and_again(
    command: list[str], tmp_path: Path
) -> None:
    subprocess.run(command, check=True)
    output, state = tmp_path / "long-out.nc", tmp_path / "last.state"
    expected, last = read(output), state.read_bytes()
    output.unlink()
    state.unlink()
    pieces = tmp_path / ".long-out.nc.pieces"
    luck, counts = random.Random(5), []
    for _ in range(8):
        before = len(list(pieces.glob("state-*")))
        process = subprocess.Popen(command)
        # Long enough to do something, and at any moment of that.
        begun = time.monotonic()
        while process.poll() is None and time.monotonic() - begun < 60.0:
            if len(list(pieces.glob("state-*"))) >= before + luck.choice((1, 2)):
                break
            time.sleep(0.001)
        time.sleep(luck.uniform(0.0, 0.01))
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        assert not output.exists()
        assert not state.exists()
        counts.append(len(list(pieces.glob("state-*"))))
    assert len(counts) > 2
    assert counts == sorted(set(counts)), "every run goes on from the one before"
    subprocess.run(command, check=True)
    outputs = read(output)
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values, strict=True)
    assert state.read_bytes() == last
    assert {p.name for p in tmp_path.iterdir()} == {
        "long.nc", "places.csv", "long-out.nc", "last.state"
    }  # fmt: skip


@pytest.mark.parametrize("place", ["add", "state", "whole", "replaced", "saved"])
def test_a_run_that_ends_at_the_worst_of_moments(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    expected = ask(output=tmp_path / "expected.nc")
    left = {"add": 5, "state": 11, "whole": 1, "replaced": 1, "saved": 1}[place]

    def fail_after(function: Any, *, before: bool) -> Any:
        def stand_in(*args: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0 and before:
                raise Killed
            result = function(*args, **more)
            if left == 0:
                raise Killed
            return result

        return stand_in

    with monkeypatch.context() as patch:
        owner, name = {
            "add": (Pieces, "add"),
            "state": (os, "truncate"),
            "whole": (SeriesFile, "write"),
            "replaced": (Pieces, "remove"),
            "saved": (run_module, "save_last"),
        }[place]
        before = place in ("whole", "replaced")
        patch.setattr(owner, name, fail_after(getattr(owner, name), before=before))
        with pytest.raises(Killed):
            ask(block=3, save_state=tmp_path / "last.state")
    outputs = ask(block=3, save_state=tmp_path / "last.state")
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values, strict=True)
    assert not list(tmp_path.glob(".*"))


@pytest.fixture
def stopped(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A run of which five pieces are there."""
    add, count = Pieces.add, 0

    def stop(self: Pieces, values: Any, state: bytes) -> None:
        nonlocal count
        if count == 5:
            raise Killed
        count += 1
        add(self, values, state)

    with monkeypatch.context() as patch:
        patch.setattr(Pieces, "add", stop)
        with pytest.raises(Killed):
            ask(block=3)
    return ask


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"parts": {"evaporation": "oudin"}}, "choice of series"),
        ({"units": "ngen"}, r"way of running \(steps, parts, units\)"),
        ({"state": "equilibrium"}, "state was 'cold', now it is 'equilibrium'"),
        ({"outputs": ("snowpack",)}, "choice of outputs"),
        ({"single": True}, "precision of outputs"),
        ({"policy": "hold"}, "treatment of missing forcing"),
        ({"block": 6}, "steps of a piece"),
        ({"names": {"air_temperature": "air_temperature_max"}}, "choice of series"),
    ],
)
def test_pieces_of_another_run_are_refused(
    stopped: Ask, changes: dict[str, Any], what: str
) -> None:
    message = rf"\.out.nc.pieces: pieces of another run: ({what}).*; remove the folder"
    with pytest.raises(ConfigError, match=message):
        stopped(**{"block": 3, **changes})
    assert len(stopped(block=3)["streamflow"]) == 40


def test_pieces_of_other_files_are_refused(
    stopped: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any]
) -> None:
    values = attributes(3)
    values["aridity"][0] += 1e-9
    write_table(tmp_path / "table.csv", ids, values)
    with pytest.raises(ConfigError, match="another run: attributes was"):
        stopped(block=3)
    series["precipitation"][0, 0] += 1.0
    write_series(tmp_path / "forcing.nc", series, ids=ids)
    with pytest.raises(ConfigError, match="another run: file of forcing was"):
        stopped(block=3)


def test_damage_is_seen(stopped: Ask, tmp_path: Path) -> None:
    folder = tmp_path / ".out.nc.pieces"
    piece = folder / "piece-000002.npz"
    whole = piece.read_bytes()
    piece.write_bytes(whole[:-40])
    with pytest.raises(DataError, match=r"piece-000002\.npz: damaged"):
        stopped(block=3)
    piece.write_bytes(whole)
    (folder / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"run\.json: damaged, .*; remove the folder"):
        stopped(block=3)


def test_a_damaged_state_is_seen(stopped: Ask, tmp_path: Path) -> None:
    folder = tmp_path / ".out.nc.pieces"
    last = max(folder.glob("state-*.bin"))
    last.write_bytes(b"no state")
    with pytest.raises(StateError, match=r"\.out.nc.pieces: damaged"):
        stopped(block=3)


def test_what_is_left_of_a_run_that_was_over_does_not_count(
    ask: Ask, stopped: Ask, tmp_path: Path
) -> None:
    (tmp_path / ".out.nc.pieces" / "run.json").unlink()
    outputs = stopped(block=3, parts={"evaporation": "oudin"})
    expected = ask(output=tmp_path / "new.nc", parts={"evaporation": "oudin"})
    np.testing.assert_array_equal(outputs["streamflow"], expected["streamflow"])


def test_two_runs_do_not_write_to_one_output(stopped: Ask, tmp_path: Path) -> None:
    folder = tmp_path / ".out.nc.pieces"
    other = Pieces(folder, {})
    with pytest.raises(ConfigError, match=r"pieces: another run is writing to it"):
        stopped(block=3)
    other.close()


def test_an_output_that_is_a_folder_is_refused(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder, expected a file"):
        ask(output=tmp_path)
