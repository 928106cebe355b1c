"""Blocks of steps of a tree: the numbers of as many single steps, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx import MuskingumCunge
from bmi_dmx.errors import DataError, StateError, TimeError
from bmi_dmx.operate.passages import Passages
from tests.models.rivers.small_river import run, started, weather

NAMES = ("discharge", "volume", "velocity")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tree")


def pair(folder: Path, **settings: object) -> tuple[MuskingumCunge, MuskingumCunge]:
    usual = {"bundle": "rivers-plain", "state": "hot", **settings}
    return started(folder, **usual), started(folder, **usual)


@given(st.lists(st.integers(1, 70), min_size=1, max_size=4))
def test_blocks_of_any_length_are_single_steps(folder: Path, blocks: list[int]) -> None:
    one, many = pair(folder)
    inflow = weather(sum(blocks))
    expected = run(one, inflow, *NAMES)
    parts, first = [], 0
    for count in blocks:
        parts.append(many.pass_through(inflow[first : first + count], NAMES))
        first += count
    for name, series in zip(NAMES, expected, strict=True):
        whole = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(whole, series, err_msg=name)
    assert many.state_bytes() == one.state_bytes()
    assert Passages(many.runner, NAMES).in_kernels


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(folder: Path, threads: int) -> None:
    one, many = pair(folder)
    inflow = weather(50)
    (expected,) = run(one, inflow, "discharge")
    ran = many.pass_through(inflow, ["discharge"], threads)
    np.testing.assert_array_equal(ran["discharge"], expected)


def test_without_a_kernel_they_are_made_one_by_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inflow = weather(20)
    expected = started(folder, state="hot").pass_through(inflow, ["discharge"])
    monkeypatch.setattr("bmi_dmx.kernels.tree.kernel_of", lambda _: None)
    slow = started(folder, state="hot")
    assert not Passages(slow.runner, ["discharge"]).in_kernels
    outputs = slow.pass_through(inflow, ["discharge"])
    np.testing.assert_allclose(outputs["discharge"], expected["discharge"], rtol=1e-12)


def test_inflow_by_other_names_is_brought_to_the_reaches(folder: Path) -> None:
    inflow = weather(30, 2)
    one, many = pair(folder, sources=["wb-4", "wb-3"])
    rows = []
    for row in inflow:
        one.set_value("lateral_inflow", row)
        one.update()
        rows.append(one.get_value("discharge", np.empty(5)))
    discharge = many.pass_through(inflow, ["discharge"])["discharge"]
    np.testing.assert_array_equal(discharge, rows)
    np.testing.assert_array_equal(many.get_value_ptr("lateral_inflow"), inflow[-1])


def test_what_is_wrong_is_refused_before_anything_happens(folder: Path) -> None:
    river, _ = pair(folder, end_time="2000-01-02")
    inflow = weather(30)
    with pytest.raises(TimeError):
        river.pass_through(inflow, ["discharge"])
    for shape in ((4,), (0, 5), (3, 4)):
        with pytest.raises(DataError, match="lateral_inflow: found shape"):
            river.pass_through(np.ones(shape), ["discharge"])
    inflow[7, 3] = np.nan
    with pytest.raises(DataError, match="of 'wb-1' in step 7 is nan m3 s-1; expected"):
        river.pass_through(inflow[:9], ["discharge"])
    assert river.get_current_time() == 0.0


def test_nothing_is_derived_through_blocks(folder: Path) -> None:
    river, _ = pair(folder)
    inflow = weather(6)
    river.set_value("lateral_inflow", inflow[0])
    river.mark()
    river.update()
    river.pass_through(inflow, ["discharge"])
    with pytest.raises(StateError, match="many steps were made at once"):
        river.gradient({"discharge": np.ones((1, 5))})
