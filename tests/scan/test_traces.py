"""Programs of the package's own processes are traced once for all runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bmi_dmx.compose.weighted_process import WeightedProcess
from bmi_dmx.kernels import build
from bmi_dmx.models.hydrology.hbv import Hbv
from bmi_dmx.models.hydrology.unit_hydrograph import UnitHydrograph
from bmi_dmx.process import Process
from bmi_dmx.program.trace import trace_step
from bmi_dmx.scan import cells, programs
from tests.scan.cases import Delay


@pytest.fixture
def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of what is traced, with an empty cache folder."""
    names = []

    def counted(process: Process, *args: Any) -> Any:
        names.append(process.name)
        return trace_step(process, *args)

    monkeypatch.setenv("BMI_DMX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(programs, "trace_step", counted)
    yield names
    _forget()


def _forget() -> None:
    """Stand for another process, which has nothing in memory."""
    for cached in (programs.step_of, programs.adjoint_of, cells._entry):
        cached.cache_clear()


def program(process: Process, double: bool = True) -> Any:
    _forget()
    entry = cells.entry_of(process, ["q." + process.fluxes[0].name], double=double)
    assert not isinstance(entry, str)
    return entry.kernel.layout


def test_a_program_is_traced_once(traced: list[str]) -> None:
    assert program(Hbv()) == program(Hbv())
    assert traced == ["Hbv"]


def test_every_setting_has_its_own(traced: list[str]) -> None:
    short = UnitHydrograph({"days": 4})
    for process in (Hbv(), UnitHydrograph(), UnitHydrograph().at(0.5), short):
        program(process)
    program(Hbv(), double=False)
    assert traced == ["Hbv", *3 * ["UnitHydrograph"], "Hbv"]


def test_a_process_inside_another_one_is_known_by_what_it_is(
    traced: list[str],
) -> None:
    # At every length of a step but the usual one, at() makes another object.
    inside = WeightedProcess(UnitHydrograph())
    outputs = ["q.streamflow"]
    first = cells.entry_of(inside.at(0.5), outputs, double=True)
    assert not isinstance(first, str)
    assert cells.entry_of(inside.at(0.5), outputs, double=True) is first
    assert cells.entry_of(inside.at(0.25), outputs, double=True) is not first
    other = WeightedProcess(UnitHydrograph({"days": 4}))
    assert cells.entry_of(other.at(0.5), outputs, double=True) is not first
    program(inside.at(0.5))
    assert len(traced) == 3


def test_changed_constants_are_noticed(
    traced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program(Hbv())
    monkeypatch.setattr(Hbv, "about", "another")
    program(Hbv())
    assert traced == ["Hbv", "Hbv"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-9],
        lambda text: text.replace("1.0", "2.0", 1),
        lambda text: "",
        lambda text: "\ud7ff" + text,
    ],
    ids=["cut", "another number", "nothing", "more"],
)
def test_damaged_files_are_made_anew(
    spoil: Any, traced: list[str], tmp_path: Path
) -> None:
    whole = program(Hbv())
    (file,) = (tmp_path / "cache").glob("program-*")
    text = file.read_text(encoding="utf-8")
    file.write_text(spoil(text), encoding="utf-8")
    assert program(Hbv()) == whole
    assert file.read_text(encoding="utf-8") == text
    assert traced == ["Hbv", "Hbv"]


def test_kernels_are_run_beside_programs_whatever_new_files_are(
    traced: list[str],
) -> None:
    before = os.umask(0)
    try:
        assert program(Hbv()) == program(Hbv())
        build.library.cache_clear()
        assert program(Hbv())
    finally:
        os.umask(before)


def test_processes_of_others_are_traced_whenever_they_run(traced: list[str]) -> None:
    program(Delay(4))
    program(Delay(4))
    assert traced == ["Delay", "Delay"]


def test_a_folder_that_cannot_be_used_does_no_harm(
    traced: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(Hbv())  # the kernel stays loaded
    occupied = tmp_path / "occupied"
    occupied.touch()
    monkeypatch.setenv("BMI_DMX_CACHE", str(occupied))
    program(Hbv())
    assert traced == ["Hbv", "Hbv"]
