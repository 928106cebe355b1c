"""What holds for the files of every kind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import DataError
from bmi_dmx.models.rivers.formats import River, read_river

from .made import MADE, WRITERS, Made, by_id

pytestmark = pytest.mark.filterwarnings(
    "ignore::zarr.errors.UnstableSpecificationWarning"
)

every_kind = pytest.mark.parametrize("kind", WRITERS)
with_lengths = pytest.mark.parametrize("kind", [k for k in WRITERS if k != "rapid"])


def written(kind: str, folder: Path, river: Made = MADE) -> River:
    """Return a river that was written and read."""
    return read_river(WRITERS[kind](folder, river))


def name(kind: str, reach: int) -> str:
    """Return what a reach is called in files of a kind."""
    return f"wb-{reach}" if kind == "geopackage" else str(reach)


@every_kind
def test_reaches_drain_as_they_are_written(kind: str, tmp_path: Path) -> None:
    river = written(kind, tmp_path)
    assert river.tree.ids == tuple(name(kind, i) for i in MADE.ids)
    assert by_id(river)["below"] == {
        name(kind, i): name(kind, b) if b else ""
        for i, b in zip(MADE.ids, MADE.below, strict=True)
    }
    assert [len(level) for level in river.tree.levels] == [3, 2, 1]


@with_lengths
def test_lengths_are_metres_and_slopes_numbers(kind: str, tmp_path: Path) -> None:
    river = written(kind, tmp_path)
    np.testing.assert_allclose(river.attributes["length"], MADE.length, rtol=1e-7)
    np.testing.assert_allclose(river.attributes["slope"], MADE.slope, rtol=1e-7)
    assert (river.units["length"], river.units["slope"]) == ("m", "1")


@every_kind
@settings(max_examples=10)
@given(order=st.permutations(range(len(MADE.ids))))
def test_the_order_of_rows_changes_nothing_by_name(kind: str, order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        expected = written(kind, Path(one))
        river = written(kind, Path(other), MADE.ordered(order))
    assert by_id(river) == by_id(expected)
    assert river.format == expected.format


@every_kind
def test_a_cycle_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    below = [30, 30, 5, 0, 9, 2]
    with pytest.raises(DataError, match="cycle") as refused:
        written(kind, tmp_path, MADE.having(below=below))
    names = {name(kind, 30), name(kind, 5)}
    assert all(repr(reach) in str(refused.value) for reach in names)
    assert str(tmp_path) in str(refused.value)


@every_kind
def test_several_outlets_are_as_good_as_one(kind: str, tmp_path: Path) -> None:
    river = written(kind, tmp_path, MADE.having(below=[30, 30, 9, 0, 0, 2]))
    outlets = np.flatnonzero(river.tree.downstream < 0).tolist()
    assert [river.tree.ids[k] for k in outlets] == [name(kind, 9), name(kind, 2)]


@with_lengths
def test_no_length_and_no_slope_are_repaired_and_said(
    kind: str, tmp_path: Path
) -> None:
    length, slope = [*MADE.length], [*MADE.slope]
    length[2], slope[3], slope[4] = 0.0, 0.0, -0.1
    river = written(kind, tmp_path, MADE.having(length=length, slope=slope))
    assert river.attributes["length"][2] == 1.0
    assert river.attributes["slope"][[3, 4]].tolist() == [1e-5, 1e-5]
    remarks = "\n".join(river.remarks)
    assert f"length: not above 0, taken as 1 m: 1 of 6 ({name(kind, 30)})" in remarks
    two = f"{name(kind, 9)}, {name(kind, 2)}"
    assert f"slope: not above 0, taken as 1e-05: 2 of 6 ({two})" in remarks


@with_lengths
def test_unknown_lengths_are_the_median_and_said(kind: str, tmp_path: Path) -> None:
    length = [*MADE.length]
    length[0] = np.nan
    river = written(kind, tmp_path, MADE.having(length=length))
    assert river.attributes["length"][0] == pytest.approx(1200.0)
    remark = f"length: missing, taken as 1200 m: 1 of 6 ({name(kind, 71)})"
    assert remark in "\n".join(river.remarks)


@with_lengths
def test_negative_lengths_are_refused(kind: str, tmp_path: Path) -> None:
    length = [*MADE.length]
    length[1] = -4.0
    with pytest.raises(DataError, match=rf"negative, .*\({name(kind, 5)}\)"):
        written(kind, tmp_path, MADE.having(length=length))


@with_lengths
def test_a_river_without_any_slope_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="slope: none of 6 is above 0"):
        written(kind, tmp_path, MADE.having(slope=[0.0] * 6))
