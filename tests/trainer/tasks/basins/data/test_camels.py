"""The official CAMELS-US tree, in miniature."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError, UnitsError
from bmi_dmx.trainer.tasks.basins.data import DataSpec, read

FORCING = """\
  44.50
  300.00
{area}
Year Mnth Day Hr\tdayl(s)\tprcp(mm/day)\tsrad(W/m2)\tswe(mm)\ttmax(C)\ttmin(C)\tvp(Pa)
2000 02 28 12\t30000.0\t1.50\t200.0\t0.0\t5.00\t-3.00\t400.0
2000 02 29 12\t30000.0\t0.00\t200.0\t0.0\t6.00\t-2.00\t400.0
2000 03 01 12\t30000.0\t{rain}\t200.0\t0.0\t7.00\t-1.00\t400.0
"""
FLOW = """\
{gauge} 2000 02 27   50.00 A
{gauge} 2000 02 28  100.00 A
{gauge} 2000 02 29 -999.00 M
{gauge} 2000 03 01  200.00 A:e
"""
TOPOGRAPHY = """\
gauge_id;gauge_lat;gauge_lon;elev_mean;slope_mean;area_gages2;area_geospa_fabric
01013500;47.2;-68.6;250.3;21.6;2000.0;2100.0
02011400;38.0;-79.9;800.0;90.0;500.0;500.0
03000000;38.0;-79.9;800.0;90.0;500.0;500.0
"""
CLIMATE = """\
gauge_id;p_mean;high_prec_timing
01013500;3.1;son
02011400;NA;jja
03000000;3.0;jja
"""


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "basin_dataset_public_v1p2"
    attributes = tmp_path / "camels_attributes_v2.0"
    attributes.mkdir()
    (attributes / "camels_topo.txt").write_text(TOPOGRAPHY)
    (attributes / "camels_clim.txt").write_text(CLIMATE)
    for gauge, area, rain in (("01013500", 2000e6, 2.25), ("02011400", 400e6, 4.5)):
        region = gauge[:2]
        forcing = root / "basin_mean_forcing" / "daymet" / region
        flow = root / "usgs_streamflow" / region
        for folder in (forcing, flow):
            folder.mkdir(parents=True)
        text = FORCING.format(area=f"{area:.2f}", rain=rain)
        (forcing / f"{gauge}_lump_cida_forcing_leap.txt").write_text(text)
        (flow / f"{gauge}_streamflow_qc.txt").write_text(FLOW.format(gauge=gauge))
    return tmp_path


def read_tree(tree, **keys):
    keys = {"attributes": "file", **keys}
    return read(DataSpec(reader="camels_us", path=".", **keys), tree)


def test_series_are_those_of_the_files(tree):
    data = read_tree(tree)
    assert list(data.ids) == ["01013500", "02011400"]  # the third has no series
    assert str(data.time[1]) == "2000-02-29"
    assert data.forcing["precipitation"].tolist() == [[1.5, 1.5], [0, 0], [2.25, 4.5]]
    assert data.forcing["air_temperature"][:, 0].tolist() == [1.0, 2.0, 3.0]
    assert data.forcing["air_temperature_max"][2, 1] == 7.0


def test_streamflow_becomes_depth_over_the_gages2_area(tree):
    target = read_tree(tree).target
    # 100 ft3/s = 2.8316846592 m3/s; over 2000 km2 that is 0.12232877727744 mm/d.
    np.testing.assert_allclose(target[0], [0.1223287773, 0.4893151091], rtol=1e-6)
    np.testing.assert_allclose(target[2], 2 * target[0], rtol=1e-6)
    assert np.isnan(target[1]).all()


def test_attributes_are_those_of_the_tables(tree):
    attributes = read_tree(tree).attributes
    assert attributes["area_km2"].tolist() == [2000.0, 500.0]
    assert attributes["elevation_mean"].tolist() == [250.3, 800.0]
    assert attributes["high_prec_timing__son"].tolist() == [1.0, 0.0]
    np.testing.assert_array_equal(attributes["p_mean"], [3.1, np.nan])
    change(tree, "011400;NA;", "011400;-999;", "camels_clim.txt")
    np.testing.assert_array_equal(read_tree(tree).attributes["p_mean"], [3.1, np.nan])
    np.testing.assert_allclose(attributes["area_mismatch"], [0.0, 0.25])


def test_basins_whose_areas_disagree_can_be_left_out(tree):
    data = read_tree(tree, where={"area_mismatch": (-0.1, 0.1)})
    assert list(data.ids) == ["01013500"]


def test_the_inner_folder_may_be_given_too(tree):
    (tree / "camels_attributes_v2.0").rename(
        tree / "basin_dataset_public_v1p2" / "camels_attributes_v2.0"
    )
    inner = tree / "basin_dataset_public_v1p2"
    assert read_tree(inner).ids.size == read_tree(tree).ids.size == 2


def test_unknown_product_is_refused(tree):
    with pytest.raises(ConfigError, match=r"data.product.*'daymt'.*mean 'daymet'"):
        read_tree(tree, product="daymt")
    with pytest.raises(DataError, match=r"no files .*maurer"):
        read_tree(tree, product="maurer")


def change(tree, old, new, pattern="*01013500_lump*"):
    (file,) = tree.rglob(pattern)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_unknown_units_are_refused(tree):
    change(tree, "prcp(mm/day)", "prcp(in/day)")
    with pytest.raises(UnitsError, match=r"01013500_lump.*'prcp\(in/day\)'.*'in/day'"):
        read_tree(tree)


def test_missing_column_is_refused(tree):
    change(tree, "tmin(C)", "tmean(C)")
    with pytest.raises(DataError, match=r"01013500_lump.*no column 'tmin'"):
        read_tree(tree)


def test_disordered_days_are_refused(tree):
    change(tree, "2000 02 29 12", "2000 02 27 12")
    message = r"01013500_lump.*days do not increase: 2000-02-28 is .* 2000-02-27"
    with pytest.raises(DataError, match=message):
        read_tree(tree)


def test_other_days_than_the_first_basin_are_refused(tree):
    change(tree, "2000 03 01", "2000 03 02", "*02011400_lump*")
    with pytest.raises(DataError, match=r"02011400_lump.*2000-03-02 differ"):
        read_tree(tree)


def test_only_the_days_of_the_period_must_be_those_of_the_first_basin(tree):
    change(tree, "2000 03 01 12", "# cut", "*02011400_lump*")
    with pytest.raises(DataError, match=r"02011400_lump.*data\.period chooses days"):
        read_tree(tree)
    data = read_tree(tree, period=("2000-02-28", "2000-02-29"))
    assert data.forcing["precipitation"].tolist() == [[1.5, 1.5], [0, 0]]
    np.testing.assert_allclose(data.target[0], [0.1223287773, 0.4893151091], rtol=1e-6)


def test_damaged_lines_are_refused(tree):
    change(tree, "200.00 A:e", "2oo.00 A:e", "01013500_streamflow*")
    with pytest.raises(DataError, match=r"01013500_streamflow_qc.txt.*2oo.00"):
        read_tree(tree)


def test_damaged_header_is_refused(tree):
    change(tree, "2000000000.00", "unknown")
    with pytest.raises(DataError, match=r"01013500_lump.*'unknown'.*area in m2"):
        read_tree(tree)


def test_what_is_no_text_is_refused(tree):
    (file,) = tree.rglob("*01013500_lump*")
    file.write_bytes(b"\xff\xfe\x00\x0a" * 9)
    with pytest.raises(DataError, match=r"01013500_lump.*expected the basin area in"):
        read_tree(tree)


def lines_of(tree, pattern, count):
    (file,) = tree.rglob(pattern)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:count]))


@pytest.mark.parametrize(
    ("pattern", "kept"), [("*01013500_lump*", 4), ("*01013500_streamflow*", 0)]
)
def test_files_without_days_are_refused(tree, pattern, kept):
    lines_of(tree, pattern, kept)
    with pytest.raises(DataError, match=rf"01013500_.*no days, .* after {kept} lines"):
        read_tree(tree)


def test_the_first_day_that_differs_is_named(tree):
    change(tree, "2000 02 29 12\t30000.0\t0.00", "# cut", "*02011400_lump*")
    with pytest.raises(DataError, match=r"02011400_lump.*only one of them has .*02-29"):
        read_tree(tree)


def test_hole_in_time_is_refused_with_its_file(tree):
    for gauge in ("01013500", "02011400"):
        change(tree, "2000 02 29 12\t30000.0\t0.00", "# cut", f"*{gauge}_lump*")
    message = r"01013500_lump.*2000-02-28 is followed by 2000-03-01"
    with pytest.raises(DataError, match=message):
        read_tree(tree)


def test_tables_without_areas_are_refused(tree):
    change(tree, "area_gages2", "area_gage2", "camels_topo.txt")
    message = r"attributes_v2.0: no column 'area_gages2'.*mean 'area_gage2'"
    with pytest.raises(DataError, match=message):
        read_tree(tree)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("01013500;NA;jja", "column 'gauge_id': '01013500' is given twice"),
        ("02011400;jja", "row 3 has 2 cells, the header 3"),
    ],
)
def test_a_wrong_row_of_a_table_is_refused(tree, row, message):
    change(tree, "02011400;NA;jja", row, "camels_clim.txt")
    with pytest.raises(DataError, match=rf"camels_clim.txt: {message}"):
        read_tree(tree)


def test_tables_of_other_programs_and_tongues_are_read(tree):
    (table,) = tree.rglob("camels_clim.txt")
    text = table.read_text().replace(";", " ; ").replace("son", "año")
    table.write_bytes(b"\xef\xbb\xbf" + text.encode("latin-1") + b"\r\n\r\n")
    np.testing.assert_array_equal(read_tree(tree).attributes["p_mean"], [3.1, np.nan])


def remove(tree, pattern):
    (file,) = tree.rglob(pattern)
    file.unlink()


@pytest.mark.parametrize(
    ("alter", "gauge", "reason"),
    [
        (lambda tree: None, "03000000", "no file of forcing and streamflow"),
        (
            lambda tree: remove(tree, "*02011400_lump*"),
            "02011400",
            "no file of forcing",
        ),
        (
            lambda tree: remove(tree, "*02011400_streamflow*"),
            "02011400",
            "no file of streamflow",
        ),
        (
            lambda tree: change(tree, "02011400;NA;jja\n", "", "camels_clim.txt"),
            "02011400",
            "no row in camels_clim.txt",
        ),
        (
            lambda tree: [
                change(tree, "02011400;", "2011400;", f"camels_{table}.txt")
                for table in ("clim", "topo")
            ],
            "2011400",
            "without leading zero in the attribute tables",
        ),
    ],
)
def test_basins_that_lack_something_are_named(tree, caplog, alter, gauge, reason):
    alter(tree)
    assert "01013500" in read_tree(tree).ids
    assert f"1 basins are left out: {reason} ({gauge})" in caplog.text
    with pytest.raises(DataError, match=rf"data.basins: basin '{gauge}': {reason}"):
        read_tree(tree, basins=[gauge])
    caplog.clear()
    read_tree(tree, basins=["01013500"])
    assert "left out" not in caplog.text
