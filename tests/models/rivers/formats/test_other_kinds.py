"""Sparse matrices, RAPID and segments: what is special about each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.rivers.formats import read_river

from .made import DRAINED, MADE, lake_file, netcdf, rapid, segments, store

pytestmark = pytest.mark.filterwarnings(
    "ignore::zarr.errors.UnstableSpecificationWarning"
)


def altered(path: Path, **arrays: Any) -> Path:
    """Return a store with other arrays."""
    import zarr

    root = zarr.open_group(str(path), mode="a")
    for name, values in arrays.items():
        del root[name]
        if values is not None:
            root.create_array(name, data=np.asarray(values))
    return path


def test_groups_of_gauges_say_at_which_reach_they_are(tmp_path: Path) -> None:
    gauges = store(tmp_path, MADE, gauges=True)
    river = read_river(store(tmp_path, MADE), gauges=gauges)
    assert river.gauges == {"01000030": "30"}
    assert river.upstream_of(["01000030"]).tree.ids == ("71", "5", "30")


def test_the_group_of_one_gauge_is_no_river(tmp_path: Path) -> None:
    path = store(tmp_path, MADE, gauges=True) / "01000030"
    with pytest.raises(DataError, match="by positions in the whole river"):
        read_river(path)


def test_a_store_without_groups_has_no_gauges(tmp_path: Path) -> None:
    path = store(tmp_path, MADE)
    with pytest.raises(DataError, match="found no groups, expected one for every"):
        read_river(path, gauges=path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"indices_0": [2, 2, 3, 3, 9]}, "indices_0: found 9, expected positions of"),
        ({"indices_0": [2, 2, 3, 3, 4], "indices_1": [0, 0, 2, 4, 5]}, None),
        ({"indices_0": [2, 3, 3, 3, 4], "indices_1": [0, 0, 2, 4, 5]},
         "'71' drains into two reaches, '30' and '9'"),
        ({"indices_1": [0, 1, 2]}, "indices_1: found 3, expected as many as"),
        ({"order": [1, 1, 2, 3, 4, 5]}, "order: '1' is given twice"),
    ],
)  # fmt: skip
def test_entries_are_positions_of_reaches_each_above_one(
    arrays: dict[str, Any], message: str | None, tmp_path: Path
) -> None:
    path = altered(store(tmp_path, MADE), **arrays)
    if message is None:
        assert read_river(path).tree.downstream[1] == -1
        return
    with pytest.raises(DataError, match=message):
        read_river(path)


def test_what_a_store_lacks_is_named(tmp_path: Path) -> None:
    path = altered(store(tmp_path, MADE), order=None)
    with pytest.raises(DataError, match="no array 'order': found indices_0, "):
        read_river(path, format="adjacency")


def test_connectivity_alone_has_no_lengths(tmp_path: Path) -> None:
    river = read_river(rapid(tmp_path, MADE))
    assert river.attributes == {}
    assert "nothing is said of lengths and slopes" in "\n".join(river.remarks)


def test_reaches_above_have_to_agree_with_those_below(tmp_path: Path) -> None:
    path = rapid(tmp_path, MADE)
    text = path.read_text(encoding="utf-8").replace("2,9,1,44", "2,9,1,71")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="row 5: '71' is above '2', but its own row"):
        read_river(path)


def test_land_enters_its_segment_and_makes_its_area(tmp_path: Path) -> None:
    river = read_river(segments(tmp_path, MADE))
    np.testing.assert_allclose(river.attributes["area_km2"], MADE.area)
    drained = [DRAINED[i] for i in MADE.ids]
    np.testing.assert_allclose(river.attributes["drainage_area_km2"], drained)
    assert river.entering["1071"] == {"71": 1.0}
    assert "3000" not in river.entering
    remarks = "\n".join(river.remarks)
    assert "units of land that enter no segment: 1 of 13 (3000)" in remarks
    assert "drainage areas are the sums of the areas of the reaches" in remarks


def test_land_called_as_a_segment_is_told_apart(tmp_path: Path) -> None:
    path = segments(tmp_path, MADE)
    with netCDF4.Dataset(path, "a") as file:
        file["hru_id"][0] = 44
    river = read_river(path)
    assert river.entering["hru-44"] == {"71": 1.0}
    assert "44" not in river.entering
    assert "'hru-' in front" in "\n".join(river.remarks)


def test_segments_without_names_are_called_by_their_number(tmp_path: Path) -> None:
    path = netcdf(tmp_path / "a.nc", {"segment": 3}, {
        "tosegment": (("segment",), [3, 3, 0], {}),
        "seg_length": (("segment",), [1.0, 2.0, 3.0], {"units": "m"}),
    })  # fmt: skip
    river = read_river(path)
    assert river.tree.ids == ("1", "2", "3")
    assert river.tree.downstream.tolist() == [2, 2, -1]


@pytest.mark.parametrize("name", ["segment_downstream", "hru_segment", "gauge_segment"])
def test_a_number_of_no_segment_is_refused(name: str, tmp_path: Path) -> None:
    path = segments(tmp_path, MADE)
    with netCDF4.Dataset(path, "a") as file:
        file[name][0] = 7
    with pytest.raises(DataError, match=f"{name}: entry 0 is 7, expected .* 6 segment"):
        read_river(path)


def test_a_gauge_at_no_segment_is_left_out_and_said(tmp_path: Path) -> None:
    path = segments(tmp_path, MADE)
    with netCDF4.Dataset(path, "a") as file:
        file["gauge_segment"][0] = 0
    river = read_river(path)
    assert (river.gauges, river.gauge_areas) == ({}, {})
    assert "gauges at no segment, left out: 1 of 1" in "\n".join(river.remarks)


def test_lakes_are_refused_where_nothing_says_what_lies_in_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LAKEPARM.nc is of no use: .*rapid_connect"):
        read_river(rapid(tmp_path, MADE), lakes=lake_file(tmp_path))
