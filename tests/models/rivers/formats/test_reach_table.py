"""Tables with a row for every reach: names, units, gauges and lakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.rivers.formats import River, read_river

from .made import MADE, by_id, lake_file, netcdf, reach_csv, reach_netcdf, route_link


def table(folder: Path, *, text: str) -> River:
    """Return the river of a table of text."""
    path = folder / "reaches.csv"
    path.write_text(text, encoding="utf-8")
    return read_river(path)


def two(path: Path, **others: Any) -> Path:
    """Write a file of two reaches, 1 into 2."""
    variables = {
        "reach_id": (("reach",), [1, 2], {}),
        "down_id": (("reach",), [2, -1], {}),
        **others,
    }
    return netcdf(path, {"reach": 2, "other": 2}, variables)


def test_gauges_of_a_dimension_of_their_own_are_joined_by_name(tmp_path: Path) -> None:
    river = read_river(reach_netcdf(tmp_path, MADE))
    assert river.gauges == {"01000030": "30"}
    assert river.gauge_areas == {"01000030": 16.0}


def test_a_gauge_at_no_reach_is_left_out_and_said(tmp_path: Path) -> None:
    river = read_river(
        reach_netcdf(
            tmp_path, MADE.having(ids=[71, 5, 31, 9, 2, 44], below=[31, 31, 9, 0, 9, 2])
        )
    )
    assert (river.gauges, river.gauge_areas) == ({}, {})
    assert "left out: 1 of 1 (01000030)" in "\n".join(river.remarks)


def test_columns_have_the_same_meaning_in_text(tmp_path: Path) -> None:
    river = read_river(reach_csv(tmp_path, MADE))
    assert river.gauges == {"01000030": "30"}
    np.testing.assert_array_equal(river.attributes["area_km2"], MADE.area)


def test_units_that_nobody_states_are_assumed_and_said(tmp_path: Path) -> None:
    river = table(tmp_path, text="link,to,length,So\n1,2,7,0.1\n2,0,8,0.2\n")
    assert river.attributes["length"].tolist() == [7.0, 8.0]
    remarks = "\n".join(river.remarks)
    assert "units assumed, for none are given: length (m)" in remarks


def test_numbers_packed_by_the_file_are_unpacked(tmp_path: Path) -> None:
    packed = {"scale_factor": 0.1, "units": "m"}
    river = read_river(two(tmp_path / "a.nc", length=(("reach",), [5.0, 7.5], packed)))
    np.testing.assert_allclose(river.attributes["length"], [5.0, 7.5])


def test_columns_of_other_names_stay_under_their_own(tmp_path: Path) -> None:
    river = table(
        tmp_path, text="link,to,length[m],name,soil[percent]\n1,2,7,a,3\n2,,8,b,\n"
    )
    assert list(river.attributes) == ["length", "soil", "upstream_length"]
    assert river.units["soil"] == "percent"
    np.testing.assert_array_equal(river.attributes["soil"], [3.0, np.nan])
    assert "numbers that reaches lack: soil (1)" in "\n".join(river.remarks)


def test_areas_follow_from_the_logarithm_of_the_area_above(tmp_path: Path) -> None:
    logarithm = (("reach",), np.log10([30.0, 45.0]), {})
    river = read_river(two(tmp_path / "a.nc", log10_uparea=logarithm))
    np.testing.assert_allclose(river.attributes["drainage_area_km2"], [30.0, 45.0])
    np.testing.assert_allclose(river.attributes["area_km2"], [30.0, 15.0])
    assert "differences of drainage areas" in "\n".join(river.remarks)


def test_drainage_areas_that_shrink_downstream_give_no_local_ones(
    tmp_path: Path,
) -> None:
    drained = (("reach",), [30.0, 20.0], {"units": "km2"})
    river = read_river(two(tmp_path / "a.nc", uparea=drained))
    assert "area_km2" not in river.attributes


def test_what_follows_from_the_tree_is_no_attribute(tmp_path: Path) -> None:
    river = read_river(two(tmp_path / "a.nc", down_index=(("reach",), [1, -1], {})))
    assert river.attributes == {}


def test_ids_that_a_program_wrote_with_a_fraction_are_the_same(tmp_path: Path) -> None:
    river = table(tmp_path, text="COMID,NextDownID\n71.0,5.0\n5.0,0.0\n")
    assert by_id(river)["below"] == {"71": "5", "5": ""}


def test_a_repeated_row_is_left_out_and_said(tmp_path: Path) -> None:
    text = "link,to,length[m]\n1,2,7\n2,0,8\n1,2,7\n"
    river = table(tmp_path, text=text)
    assert river.tree.ids == ("1", "2")
    assert "rows that are repeated and left out: 1 (1)" in "\n".join(river.remarks)


def test_two_gauges_on_one_reach_are_two_rows(tmp_path: Path) -> None:
    text = "link,to,length[m],gage\n1,2,7,01000001\n2,0,8,\n1,2,7,01000002\n"
    assert table(tmp_path, text=text).gauges == {"01000001": "1", "01000002": "1"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,2,7\n2,0,8\n1,0,7\n", "'1' drains into two reaches, '2' in row 0 and '0'"),
        ("1,2,7\n2,0,8\n1,2,9\n", r"'1' is given twice, .* with length 7 and 9"),
        ("1,2,7\n,0,8\n", "row 1 is empty, expected a reach"),
        ("1,2,7\n2,2,8\n", "cycle of '2'"),
    ],
)
def test_rows_that_contradict_each_other_are_refused(
    rows: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        table(tmp_path, text=f"link,to,length[m]\n{rows}")


def test_a_gauge_on_two_reaches_is_refused(tmp_path: Path) -> None:
    text = "link,to,gage\n1,2,01000001\n2,0,01000001\n"
    with pytest.raises(DataError, match="'01000001' is on two reaches, '1' and '2'"):
        table(tmp_path, text=text)


def test_a_reach_above_one_that_was_cut_off_is_an_outlet(tmp_path: Path) -> None:
    river = table(tmp_path, text="link,to\n1,2\n2,77\n")
    assert river.tree.downstream.tolist() == [1, -1]
    assert "outlets: 1 of 2 (2 to 77)" in "\n".join(river.remarks)


def test_reaches_below_are_found_however_two_programs_wrote_them(
    tmp_path: Path,
) -> None:
    river = table(tmp_path, text="link,to\n1,03\n2,03\n3,0\n")
    assert river.tree.downstream.tolist() == [2, 2, -1]
    assert "of the reaches below, '3' is taken for '03'" in "\n".join(river.remarks)
    river = table(tmp_path, text="link,to\n1,03\n3,0\n003,0\n")
    assert river.tree.downstream.tolist() == [-1, -1, -1]  # either could be meant
    river = table(tmp_path, text="link,to\n1,3\n2,03\n3,0\n")
    assert river.tree.downstream.tolist() == [2, -1, -1]  # 03 is another one


def test_ids_that_never_meet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of the reaches below is in the file"):
        table(tmp_path, text="id,toid\nwb-1,2\nwb-2,3\n")


def test_a_reach_may_be_called_as_nothing_is_elsewhere(tmp_path: Path) -> None:
    river = table(tmp_path, text="link,to\n1,0\n0,-1\n")
    assert by_id(river)["below"] == {"1": "0", "0": ""}


def test_links_of_the_national_water_model_are_read(tmp_path: Path) -> None:
    river = read_river(route_link(tmp_path, MADE))
    assert river.gauges == {"01000030": "30"}
    assert set(river.attributes["side_slope"]) == {2.0}
    assert set(river.attributes["floodplain_manning"]) == {0.12}
    assert river.lakes is None
    assert "lakes of which nothing is known" in "\n".join(river.remarks)


def test_lakes_are_joined_by_name(tmp_path: Path) -> None:
    river = read_river(route_link(tmp_path, MADE), lakes=lake_file(tmp_path))
    assert river.lakes is not None
    assert river.lakes.ids == ("900", "800")
    assert river.lakes.outlets == ("2", "30")
    assert river.lakes.attributes["area_km2"].tolist() == [9.0, 8.0]
    assert river.lakes.attributes["weir_elevation"].tolist() == [90.0, 80.0]
    assert river.lakes.units["weir_coefficient"] == "1"


def test_lakes_that_cannot_be_placed_are_left_out_and_said(tmp_path: Path) -> None:
    path = two(
        tmp_path / "a.nc",
        waterbody_id=(("reach",), [800, 900], {}),
    )
    river = read_river(path, lakes=lake_file(tmp_path, (800, 5)))
    assert river.lakes is not None
    assert river.lakes.ids == ("800",)
    remarks = "\n".join(river.remarks)
    assert "not in the table, left out: 1 (900)" in remarks
    assert "without a reach in the river, left out: 1 (5)" in remarks


def test_a_lake_that_is_left_twice_is_left_out(tmp_path: Path) -> None:
    links = route_link(tmp_path, MADE.having(below=[30, 30, 9, 0, 9, 0]))
    several = tmp_path / "several.nc"
    netcdf(several, {"reach": 3}, {
        "reach_id": (("reach",), [1, 2, 3], {}),
        "down_id": (("reach",), [3, 3, 0], {}),
        "waterbody_id": (("reach",), [800, 800, -1], {}),
    })  # fmt: skip
    assert read_river(links, lakes=lake_file(tmp_path)).lakes is not None
    river = read_river(several, lakes=lake_file(tmp_path, (800,)))
    assert river.lakes is None
    assert "several reaches that leave them, left out: 1" in "\n".join(river.remarks)


def test_a_file_without_lakes_is_refused_as_one_of_lakes(tmp_path: Path) -> None:
    river, other = route_link(tmp_path, MADE), reach_netcdf(tmp_path, MADE)
    with pytest.raises(DataError, match=r"reaches.nc: no lakes: .*'lake_id'"):
        read_river(river, lakes=other)


def test_reaches_below_are_one_for_each(tmp_path: Path) -> None:
    path = netcdf(tmp_path / "a.nc", {"reach": 2, "other": 3}, {
        "reach_id": (("reach",), [1, 2], {}),
        "down_id": (("other",), [2, 0, 0], {}),
    })  # fmt: skip
    with pytest.raises(DataError, match="down_id: found 3, expected one for each of 2"):
        read_river(path)


@pytest.mark.parametrize("name", ["down_id", "reach_id"])
def test_a_file_without_a_needed_variable_says_what_it_may_be_called(
    name: str, tmp_path: Path
) -> None:
    path = two(tmp_path / "a.nc")
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable(name, "something")
    with pytest.raises(
        DataError, match=rf"found .*something.*expected one of .*{name}"
    ):
        read_river(path, format="reaches")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing.nc: no such file"):
        read_river(tmp_path / "nothing.nc")
