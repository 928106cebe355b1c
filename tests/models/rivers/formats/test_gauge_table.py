"""Tables of gauges, and what of a reach passes a gauge in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.models.rivers.formats import partial_area, read_gauges, read_river

from .made import MADE, geopackage, reach_csv

HEAD = "STAID,COMID,DRAIN_SQKM,COMID_DRAIN_SQKM,COMID_UNITAREA_SQKM,DA_VALID\n"


def written(folder: Path, rows: str, head: str = HEAD) -> Path:
    """Return a table of gauges."""
    path = folder / "gauges.csv"
    path.write_text(head + rows, encoding="utf-8")
    return path


def test_gauges_are_joined_to_reaches_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, "01000005,5,4.5,5,5,True\n01000009,9.0,32,32,8,True\n")
    river = read_river(reach_csv(tmp_path, MADE), gauges=path)
    assert river.gauges == {"01000030": "30", "01000005": "5", "01000009": "9"}
    assert river.gauge_areas == {"01000005": 4.5, "01000009": 32.0}


def test_zeros_that_a_spreadsheet_took_are_given_back_and_said(tmp_path: Path) -> None:
    table = read_gauges(written(tmp_path, "1000005,5,4.5,5,5,True\n"))
    assert table.reaches == {"01000005": "5"}
    assert "given zeros in front" in table.remarks[0]


def test_longer_numbers_of_stations_stay(tmp_path: Path) -> None:
    table = read_gauges(written(tmp_path, "394115105525600,5,4.5,5,5,True\n"))
    assert list(table.reaches) == ["394115105525600"]


def test_gauges_with_wrong_areas_and_elsewhere_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "01000005,5,400,5,5,False\n01000099,99,3,3,3,True\n")
    river = read_river(reach_csv(tmp_path, MADE), gauges=path)
    assert river.gauges == {"01000030": "30"}
    remarks = "\n".join(river.remarks)
    assert "(DA_VALID), left out: 1 (01000005)" in remarks
    assert "at no reach of the river, left out: 1 (01000099)" in remarks


@pytest.mark.parametrize(
    "rows", ["01000005,5,4.5,5,5,True\n" * 2, "01000005,5,4,5,5,\n1000005,9,4,5,5,\n"]
)
def test_a_gauge_given_twice_is_refused(rows: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'01000005' is given twice"):
        read_gauges(written(tmp_path, rows))


def test_a_table_without_gauges_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column names gauges: found a, b, expected"):
        read_gauges(written(tmp_path, "1,2\n", "a,b\n"))


@pytest.mark.parametrize(
    ("area", "share"),
    [(5.0, 1.0), (4.0, 0.8), (0.5, 0.1), (7.0, 1.0), ("", 1.0)],
)
def test_what_enters_below_a_gauge_does_not_pass_it(
    area: float | str, share: float, tmp_path: Path
) -> None:
    path = written(tmp_path, f"01000005,5,{area},5,5,True\n")
    river = read_river(reach_csv(tmp_path, MADE), gauges=path)
    passing = partial_area(river, read_gauges(path))
    assert passing["01000005"] == pytest.approx(share)
    assert passing["01000030"] == 1.0


def test_areas_that_differ_by_more_than_a_reach_say_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "01000005,5,3,100,5,True\n")
    river = read_river(reach_csv(tmp_path, MADE), gauges=path)
    assert partial_area(river, read_gauges(path))["01000005"] == 1.0


def test_areas_of_the_river_serve_where_a_table_has_none(tmp_path: Path) -> None:
    path = written(tmp_path, "01000030,16\n", "STAID,DRAIN_SQKM\n")
    river = read_river(geopackage(tmp_path, MADE), gauges=path)
    assert river.gauges == {"01000030": "wb-30"}
    assert partial_area(river) == {"01000030": pytest.approx(0.5)}
