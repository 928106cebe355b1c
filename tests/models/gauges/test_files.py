"""Flow at gauges is read from the files that its services give out."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.assimilation.operation.series import read_observations
from bmi_dmx.errors import ConfigError, DataError, DmxError, UnitsError
from bmi_dmx.models.gauges.rdb import read_rdb
from bmi_dmx.models.gauges.timeslice import read_timeslice
from bmi_dmx.models.gauges.water_json import read_json
from tests.assimilation.operation.twins import ERROR, block, follow, made

OCTOBER = 339206400.0
"""1980-10-01, seconds since 1970."""
HOUR, DAY = 3600.0, 86400.0
FEET3 = 0.3048**3

DAYS = """# Retrieved from the water services
agency_cd\tsite_no\tdatetime\t68_00060_00003\t68_00060_00003_cd
5s\t15s\t20d\t14n\t10s
USGS\t01423000\t1980-10-01\t100\tA
USGS\t01423000\t1980-10-02\tIce\tA:e
USGS\t01423000\t1980-10-03\t\t
# another site
agency_cd\tsite_no\tdatetime\t7_00010_00003\t7_00010_00003_cd\t9_00060_00003\t9_cd
5s\t15s\t20d\t14n\t10s\t14n\t10s
USGS\t01435000\t1980-10-02\t11.5\tA\t250.5\tA
USGS\t01435000\t1980-10-03\t11.5\tA\t-999999\tA
"""

MINUTES = """agency_cd\tsite_no\tdatetime\ttz_cd\t68_00060\t68_00060_cd
5s\t15s\t20d\t6s\t14n\t10s
USGS\t01423000\t1980-09-30 20:00\tEDT\t10\tA
USGS\t01423000\t1980-09-30 20:15\tEST\t12\tA
"""


def series(code: str, rows: list[tuple[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a series of WaterML as JSON."""
    return {
        "sourceInfo": {"siteCode": [{"value": "01423000"}]},
        "variable": {
            "variableCode": [{"value": code}], "noDataValue": -9999.0,
            "unit": {"unitCode": "ft3/s"},
            "options": {"option": [{"optionCode": more.get("statistic", "00003")}]},
        },
        "values": [{"value": [{"value": v, "dateTime": t} for t, v in rows]}],
    }  # fmt: skip


def written(path: Path, *some: dict[str, Any]) -> Path:
    """Write series as JSON."""
    path.write_text(json.dumps({"value": {"timeSeries": list(some)}}), "utf-8")
    return path


def slice_file(path: Path, rows: list[tuple[str, str, float, int]]) -> Path:
    """Write a time slice of stations, times, flows and qualities."""
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("stationIdInd", len(rows))
        for name, length in (("stationIdStrLen", 15), ("timeStrLen", 19)):
            file.createDimension(name, length)
        for name, at, width in (("stationId", 0, 15), ("time", 1, 19)):
            dims = ("stationIdInd", f"{'stationIdStrLen' if not at else 'timeStrLen'}")
            variable = file.createVariable(name, "S1", dims)
            text = np.array([str(row[at]).rjust(width) for row in rows], f"S{width}")
            variable[:] = netCDF4.stringtochar(text)
        flow = file.createVariable("discharge", "f4", ("stationIdInd",))
        flow.units = "m^3/s"
        flow[:] = [row[2] for row in rows]
        quality = file.createVariable("discharge_quality", "i2", ("stationIdInd",))
        quality[:] = [row[3] for row in rows]
    return path


def test_a_days_mean_holds_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "days.rdb"
    path.write_text(DAYS)
    observations = read_rdb(path)
    assert observations.places == ("01423000", "01435000")
    assert observations.place.tolist() == [0, 0, 0, 1, 1]
    assert ((observations.time - OCTOBER) / DAY).tolist() == [1, 2, 3, 2, 3]
    np.testing.assert_array_equal(
        observations.value, [100, np.nan, np.nan, 250.5, np.nan]
    )
    assert any("'Ice'" in r or "Ice" in r for r in observations.remarks)
    assert any("taken as UTC" in r for r in observations.remarks)


def test_an_instant_holds_in_its_time_zone(tmp_path: Path) -> None:
    path = tmp_path / "minutes.rdb"
    path.write_text(MINUTES)
    observations = read_rdb(path)
    assert ((observations.time - OCTOBER) / HOUR).tolist() == [0.0, 1.25]
    assert observations.units == "ft3 s-1"
    assert observations.remarks == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found no values"),
        ("hello\n", "line 1: expected titles with 'site_no'"),
        (DAYS.replace("1980-10-02\tIce", "10 02\tIce"), "line 5: found '10 02'"),
        (DAYS.replace("Ice\tA:e", "Ice"), "line 5 has 4 cells, the titles 5"),
        (DAYS.replace("00060", "00065"), "line 2: found 0 columns of discharge"),
        (MINUTES.replace("EST", "EXT"), "unknown time zone 'EXT'"),
    ],
)
def test_what_is_no_table_of_flow_is_refused_with_its_line(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.rdb"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_rdb(path)


def test_json_is_read_with_its_offsets_and_other_quantities_are_passed_over(
    tmp_path: Path,
) -> None:
    path = written(
        tmp_path / "x.json",
        series("00065", [("1980-10-01T00:00:00.000-05:00", "3")]),
        series("00060", [("1980-10-01T00:00:00.000-05:00", "10.5"),
                         ("1980-10-01T00:15:00.000-05:00", "-9999")]),
    )  # fmt: skip
    observations = read_json(path)
    assert observations.places == ("01423000",)
    assert ((observations.time - OCTOBER) / HOUR).tolist() == [5.0, 5.25]
    np.testing.assert_array_equal(observations.value, [10.5, np.nan])


def test_json_of_days_holds_at_their_ends(tmp_path: Path) -> None:
    days = [("1980-10-01T00:00:00.000", "7")]
    least = series("00060", days, statistic="00002")
    observations = read_json(written(tmp_path / "x.json", least, series("00060", days)))
    assert ((observations.time - OCTOBER) / DAY).tolist() == [1.0]
    assert any("taken as UTC" in r for r in observations.remarks)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "expected value.timeSeries"),
        ('{"value": {"timeSeries": [{}]}}', r"timeSeries\[0\]: expected sourceInfo"),
        ('{"value": {"timeSeries": []}}', "found no values of discharge"),
    ],
)
def test_json_of_something_else_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_json(path)


@settings(max_examples=30)
@given(data=st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["value", "values", "variable", "dateTime", "options"]), inner,
        max_size=3,
    ),
    max_leaves=6,
))  # fmt: skip
def test_json_of_any_kind_is_refused_in_one_line(
    data: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("json") / "x.json"
    good = series("00060", [("1980-10-01T00:00:00.000", "7")])
    for key in ("sourceInfo", "variable", "values"):
        with pytest.raises(DmxError) as caught:
            read_json(written(path, {**good, key: data}))
        assert "\n" not in str(caught.value)


def test_time_slices_are_read_without_what_is_bad(tmp_path: Path) -> None:
    name = "1980-10-01_00:15:00.15min.usgsTimeSlice.ncdf"
    observations = read_timeslice(
        slice_file(tmp_path / name, [
            ("01423000", "1980-10-01_00:15:00", 3.5, 100),
            ("01435000", "1980-10-01_00:10:00", 9.0, 0),
            ("01436000", "1980-10-01_00:10:00", -999999.0, 100),
        ])
    )  # fmt: skip
    assert observations.places == ("01423000", "01435000", "01436000")
    assert (observations.time - OCTOBER).tolist() == [900.0, 600.0, 600.0]
    np.testing.assert_array_equal(observations.value, [3.5, np.nan, np.nan])
    assert observations.units == "m^3/s"


def test_a_time_slice_without_flow_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ncdf"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("stationIdInd", 1)
        file.createVariable("discharg", "f4", ("stationIdInd",))
        file.createVariable("stationId", "i4", ("stationIdInd",))
        file.createVariable("time", "f8", ("stationIdInd",))
    with pytest.raises(DataError, match=r"no variable 'discharge'.*'discharg'"):
        read_timeslice(path)


def test_a_plain_table_has_a_column_for_each_place(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time,a [m3 s-1],b [m3 s-1]\n1980-10-02,1,\n1980-10-03,2,-9999\n")
    observations = read_observations(path)
    assert (observations.places, observations.units) == (("a", "b"), "m3 s-1")
    np.testing.assert_array_equal(observations.value, [1, np.nan, 2, np.nan])
    assert ((observations.time - OCTOBER) / DAY).tolist() == [1, 1, 2, 2]
    path.write_text("time,a [m3 s-1],b [ft3 s-1]\n1980-10-02,1,2\n")
    with pytest.raises(DataError, match="expected the same in all"):
        read_observations(path)


def volume(**observations: Any) -> dict[str, Any]:
    """Return a block that observes the flow as a volume, in a file."""
    return block(
        observed={"runoff_volume": {"error": ERROR, "gross_error": None}},
        observations=observations,
    )


def test_a_run_takes_from_a_file_what_holds_in_each_step_and_no_more(
    start: Any, tmp_path: Path
) -> None:
    (tmp_path / "days.rdb").write_text(DAYS)
    names = {"cat-0": "01423000", "cat-1": "01435000"}
    component = start(
        3, assimilation=volume(file="days.rdb", format="usgs-rdb", places=names)
    )
    assert not [n for n in component.get_input_var_names() if "observed" in n]
    added = follow(component, made(5, 3), range(5), names=("mass_assimilated",))
    changed = np.diff(added["mass_assimilated"], axis=0, prepend=0.0) != 0.0
    np.testing.assert_array_equal(changed[:, 0], [True, False, False, False, False])
    np.testing.assert_array_equal(changed[:, 1], [False, True, False, False, False])
    assert not changed[:, 2].any()
    innovations = component.ensemble.assimilation.innovations
    np.testing.assert_allclose(
        innovations.column("observed"), [100.0 * FEET3, 250.5 * FEET3]
    )


def test_of_a_folder_of_time_slices_the_mean_of_a_step_is_taken(
    start: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "slices"
    folder.mkdir()
    for minute, flow in (("15", 2.0), ("30", 4.0)):
        rows = [("cat-0", f"1980-10-01_01:{minute}:00", flow, 100)]
        slice_file(folder / f"{minute}.ncdf", rows)
    block = volume(file="slices", format="t-route-timeslice")
    component = start(1, time_step="hourly", assimilation=block)
    follow(component, made(4, 1), range(4))
    innovations = component.ensemble.assimilation.innovations
    assert innovations.column("observed").tolist() == [3.0]
    assert innovations.column("time").tolist() == [OCTOBER + 2.0 * HOUR]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"file": "no.rdb"}, ConfigError, "no.rdb: no such file"),
        ({"format": "usgs-rbd"}, ConfigError, "format: unknown.*'usgs-rdb'"),
        ({"places": {"cat-9": "01423000"}}, ConfigError, "no place 'cat-9'"),
        ({"places": {"cat-0": "99"}}, DataError, "found no place 99; it has 01423000"),
        ({"places": {}}, DataError, "found no place cat-0"),
        ({"quantity": "streamflow"}, ConfigError, "not among what is observed"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    changes: dict[str, Any], error: type[Exception], message: str, start: Any,
    tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "days.rdb").write_text(DAYS)
    usual = {"file": "days.rdb", "format": "usgs-rdb", "places": {"cat-0": "01423000"}}
    with pytest.raises(error, match=message):
        start(1, assimilation=volume(**{**usual, **changes}))


def test_units_of_something_else_name_what_to_observe(
    start: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "days.rdb").write_text(DAYS)
    observing = block(observations={
        "file": "days.rdb", "format": "usgs-rdb", "places": {"cat-0": "01423000"},
    })  # fmt: skip
    with pytest.raises(UnitsError, match="in place of 'streamflow'"):
        start(1, assimilation=observing)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("1980-10-02,1\n", ""),
        ("1980-09-02,1\n1980-10-02,1\n", ""),
        ("1980-09-02,1\n", "nothing of it is used: it is from 1980-09-02 00:00:00 to"),
        ("1980-12-02,1\n", "the run begins at 1980-10-01 00:00:00"),
        ("1980-10-02,NA\n", "all its values are missing"),
    ],
)
def test_observations_of_another_time_are_said(
    rows: str, told: str, start: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "x.csv").write_text(f"time,cat-0 [m3 s-1]\n{rows}")
    start(1, end_time="1980-11-01", assimilation=volume(file="x.csv"))
    assert told in caplog.text
    assert bool(told) == ("x.csv" in caplog.text)


def test_units_that_are_assumed_are_said(
    start: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "x.csv").write_text("time,cat-0\n1980-10-02,1\n")
    start(1, assimilation=volume(file="x.csv"))
    assert "units assumed, for none are given: runoff_volume (m3 s-1)" in caplog.text


def test_a_value_that_overlapping_files_repeat_counts_once(
    start: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "slices"
    folder.mkdir()
    slices = {"15": [("15", 2.0)], "30": [("15", 2.0), ("30", 4.0)]}
    for minute, values in slices.items():
        rows = [("cat-0", f"1980-10-01_01:{m}:00", flow, 100) for m, flow in values]
        slice_file(folder / f"{minute}.ncdf", rows)
    block = volume(file="slices", format="t-route-timeslice")
    component = start(1, time_step="hourly", assimilation=block)
    follow(component, made(4, 1), range(4))
    innovations = component.ensemble.assimilation.innovations
    assert innovations.column("observed").tolist() == [3.0]
    assert "differ" not in caplog.text


def test_values_that_contradict_each_other_are_said(
    start: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "1980-10-02,1,5\n1980-10-02,3,\n1980-10-02,3,5\n"
    (tmp_path / "x.csv").write_text(f"time,cat-0 [m3 s-1],cat-1 [m3 s-1]\n{rows}")
    component = start(2, assimilation=volume(file="x.csv"))
    assert "x.csv: 1 values differ from others of their place and time" in caplog.text
    assert "1 and 3 at cat-0 on 1980-10-02 00:00:00" in caplog.text
    follow(component, made(2, 2), range(2))
    innovations = component.ensemble.assimilation.innovations
    assert innovations.column("observed").tolist() == [2.0, 5.0]
