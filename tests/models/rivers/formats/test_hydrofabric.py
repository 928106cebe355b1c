"""The hydrofabric: nexuses that flowpaths share, gauges, and what is missing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.models.rivers.formats import River, read_river

from .made import MADE, geopackage


@pytest.fixture
def river(tmp_path: Path) -> River:
    """The small river."""
    return read_river(geopackage(tmp_path, MADE))


def said(river: River) -> str:
    """Return all remarks."""
    return "\n".join(river.remarks)


def test_what_comes_at_a_nexus_is_divided_by_area(river: River) -> None:
    assert river.entering["nex-30"] == pytest.approx({"wb-71": 2 / 3, "wb-5": 1 / 3})
    assert river.entering["nex-9"] == pytest.approx({"wb-30": 0.25, "wb-2": 0.75})
    assert river.entering["nex-2"] == {"wb-44": 1.0}


def test_what_comes_at_the_last_nexus_is_kept(river: River) -> None:
    assert river.entering["nex-1000"] == {"wb-9": 1.0}


def test_what_comes_from_a_divide_enters_its_flowpath(river: River) -> None:
    assert river.entering["cat-71"] == {"wb-71": 1.0}


def test_nothing_is_lost_between_nexuses_and_reaches(river: River) -> None:
    names = [name for name in river.entering if name.startswith("nex-")]
    inflow = np.array([1.0, 10.0, 100.0, 1000.0])
    entering = river.map_from(names).apply(inflow)
    assert entering.sum() == pytest.approx(1111.0)
    assert (entering > 0.0).all()


def test_a_nexus_above_a_flowpath_that_was_cut_off_is_an_outlet(river: River) -> None:
    assert "outlets: 1 of 6 (wb-9 to wb-1000)" in said(river)


def test_flow_is_divided_evenly_where_no_area_is_known(tmp_path: Path) -> None:
    path = geopackage(tmp_path, MADE.having(area=[0.0, 0.0, 2.0, 8.0, 6.0, 1.0]))
    river = read_river(path)
    assert river.entering["nex-30"] == {"wb-71": 0.5, "wb-5": 0.5}
    assert "divided evenly: 1 (nex-30)" in said(river)


def test_channels_have_our_names(river: River) -> None:
    assert {"length", "slope", "manning", "area_km2", "drainage_area_km2"} <= set(
        river.attributes
    )
    assert river.units["manning"] == "s m-1/3"


def test_lakes_of_the_file_are_joined(river: River) -> None:
    assert river.lakes is not None
    assert (river.lakes.ids, river.lakes.outlets) == (("800",), ("wb-30",))
    assert river.lakes.attributes["area_km2"].tolist() == [8.0]


def test_a_gauge_far_too_small_for_its_nexus_is_moved(tmp_path: Path) -> None:
    row = ("wb-44", 60.0, 0.005, 0.06, "01000044", "nex-9", None)
    reaches = MADE.having(below=[30, 30, 9, 0, 9, 9])
    path = geopackage(tmp_path, reaches, {"flowpath-attributes": [row]})
    river = read_river(path)
    assert river.gauges == {"01000030": "wb-30", "01000044": "wb-30"}
    assert "1 (01000044 from wb-44 to wb-30)" in said(river)


def test_a_gauge_is_put_where_its_drainage_area_is(tmp_path: Path) -> None:
    table = tmp_path / "gauges.csv"
    table.write_text("STAID,DRAIN_SQKM\n01000030,7.2\n", encoding="utf-8")
    river = read_river(geopackage(tmp_path, MADE), gauges=table)
    assert river.gauges == {"01000030": "wb-2"}
    assert river.gauge_areas == {"01000030": 7.2}


def test_two_gauges_of_one_flowpath_are_two_rows(tmp_path: Path) -> None:
    row = ("wb-30", 800.0, 0.004, 0.06, "01000031", "nex-9", "800")
    path = geopackage(tmp_path, MADE, {"flowpath-attributes": [row]})
    river = read_river(path)
    assert river.gauges == {"01000030": "wb-30", "01000031": "wb-30"}
    assert "repeated and left out: 1 (wb-30)" in said(river)


def test_gauges_at_no_flowpath_are_left_out_and_said(tmp_path: Path) -> None:
    row = ("wb-77", 800.0, 0.004, 0.06, "01000077", "nex-77", None)
    river = read_river(geopackage(tmp_path, MADE, {"flowpath-attributes": [row]}))
    assert list(river.gauges) == ["01000030"]
    assert "gauges at no flowpath of the file, left out: 1 (01000077)" in said(river)


def test_lengths_that_attributes_lack_are_those_of_flowpaths(tmp_path: Path) -> None:
    path = geopackage(tmp_path, MADE)
    change(path, "DELETE FROM \"flowpath-attributes\" WHERE link = 'wb-9'")
    river = read_river(path)
    np.testing.assert_allclose(river.attributes["length"], MADE.length)
    assert "slope: missing" in said(river)


def change(path: Path, *statements: str) -> None:
    """Change a GeoPackage."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_file_without_attributes_says_so(tmp_path: Path) -> None:
    path = geopackage(tmp_path, MADE)
    change(path, 'DROP TABLE "flowpath-attributes"')
    river = read_river(path)
    np.testing.assert_allclose(river.attributes["length"], MADE.length)
    assert "nothing is said of channels" in said(river)


def test_attributes_of_version_2_1_are_read(tmp_path: Path) -> None:
    path = geopackage(tmp_path, MADE)
    change(
        path,
        'ALTER TABLE "flowpath-attributes" RENAME TO flowpath_attributes',
        "ALTER TABLE flowpath_attributes RENAME COLUMN link TO id",
        "ALTER TABLE flowpath_attributes RENAME COLUMN gage TO rl_gages",
        "ALTER TABLE flowpath_attributes DROP COLUMN gage_nex_id",
    )
    river = read_river(path)
    assert set(river.attributes["manning"]) == {0.06}
    assert river.gauges == {"01000030": "wb-30"}


@pytest.mark.parametrize("table", ["flowpaths", "nexus"])
def test_a_missing_layer_is_named(table: str, tmp_path: Path) -> None:
    path = geopackage(tmp_path, MADE)
    change(path, f'DROP TABLE "{table}"')
    with pytest.raises(DataError, match=f"layer '{table}' is missing"):
        read_river(path)


@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        ("nexus", ("nex-30", "wb-2"), "'nex-30' drains into two flowpaths, 'wb-30'"),
        ("divides", ("cat-71", "wb-5", 1.0), "divides: 'cat-71' is given twice"),
        (
            "flowpaths", ("wb-71", "nex-9", 1.0, 10.0, 10.0, None),
            "'wb-71' drains into two reaches, 'wb-30' in row 0 and 'wb-9'",
        ),
        (
            "flowpath-attributes", ("wb-71", 1000.0, 0.5, 0.06, None, None, None),
            "'wb-71' is given twice, in rows 0 and 6, with So 0.01 and 0.5",
        ),
    ],
)  # fmt: skip
def test_contradictions_are_refused(
    table: str, row: tuple[object, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        read_river(geopackage(tmp_path, MADE, {table: [row]}))


@pytest.mark.parametrize("row", [("nex-30", "wb-30")])
def test_a_repeated_nexus_is_left_out_and_said(
    row: tuple[str, str], tmp_path: Path
) -> None:
    river = read_river(geopackage(tmp_path, MADE, {"nexus": [row]}))
    assert "nexus: rows that are repeated and left out: 1 (nex-30)" in said(river)


def test_flowpaths_end_at_the_sea(tmp_path: Path) -> None:
    path = geopackage(tmp_path, MADE)
    change(path, "UPDATE nexus SET toid = 'wb-0' WHERE id = 'nex-1000'")
    river = read_river(path)
    assert "outlets" not in said(river)
