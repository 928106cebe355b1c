"""Formats are told by content; rivers are cut, and joined by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.rivers.formats import FORMATS, read_river

from .made import MADE, WRITERS, geopackage, lake_file, netcdf, route_link

pytestmark = pytest.mark.filterwarnings(
    "ignore::zarr.errors.UnstableSpecificationWarning"
)

EXPECTED = {
    "netcdf": "reaches", "csv": "reaches", "route_link": "reaches",
    "store": "adjacency", "rapid": "rapid", "segments": "segments",
    "geopackage": "hydrofabric",
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITERS)
def test_a_format_is_told_by_content_whatever_the_file_is_called(
    kind: str, tmp_path: Path
) -> None:
    path = WRITERS[kind](tmp_path, MADE).rename(tmp_path / "river")
    assert read_river(path).format == EXPECTED[kind]
    assert read_river(path, format=EXPECTED[kind]).format == EXPECTED[kind]


def test_every_format_is_among_the_files_that_are_tried() -> None:
    assert set(EXPECTED.values()) == set(FORMATS)


def test_what_fits_nothing_is_told_what_was_looked_for(tmp_path: Path) -> None:
    text = tmp_path / "a.csv"
    text.write_text("name,size\na,1\n", encoding="utf-8")
    binary = netcdf(tmp_path / "a.nc", {"x": 1}, {"height": (("x",), [1.0], {})})
    for path, contents in ((text, "name, size"), (binary, "height")):
        with pytest.raises(
            DataError, match=f"no river: found {contents}; looked"
        ) as no:
            read_river(path)
        assert all(f"({name})" in str(no.value) for name in FORMATS)


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b'"never closed\n1,2\n'])
def test_what_is_no_table_is_refused_in_one_line(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"looked for the layers") as refused:
        read_river(path)
    assert "\n" not in str(refused.value)


def test_a_folder_is_no_river(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder, expected a file or a Zarr store"):
        read_river(tmp_path)


def test_the_nearest_format_is_suggested(tmp_path: Path) -> None:
    path = geopackage(tmp_path, MADE)
    with pytest.raises(ConfigError, match="did you mean 'hydrofabric'"):
        read_river(path, format="hydrofabrik")


def test_a_part_of_a_river_keeps_what_is_joined_to_it(tmp_path: Path) -> None:
    river = read_river(route_link(tmp_path, MADE), lakes=lake_file(tmp_path))
    part = river.upstream_of(["01000030"])
    assert part.tree.ids == ("71", "5", "30")
    np.testing.assert_array_equal(part.attributes["length"], MADE.length[:3])
    assert part.gauges == {"01000030": "30"}
    assert part.lakes is not None
    assert part.lakes.ids == ("800",)
    assert part.lakes.attributes["area_km2"].tolist() == [8.0]
    assert part.upstream_of(["71"]).lakes is None


def test_a_part_is_entered_by_what_enters_it_alone(tmp_path: Path) -> None:
    part = read_river(geopackage(tmp_path, MADE)).upstream_of(["wb-30"])
    # Half of what comes at the nexus below it enters elsewhere.
    assert set(part.entering) == {"nex-30", "cat-71", "cat-5", "cat-30"}


def test_water_comes_by_reach_or_by_other_names(tmp_path: Path) -> None:
    river = read_river(geopackage(tmp_path, MADE))
    entering = river.map_from(["wb-71", "nex-30"]).apply(np.array([1.0, 6.0]))
    np.testing.assert_allclose(entering, [5.0, 2.0, 0.0, 0.0, 0.0, 0.0])
    with pytest.raises(DataError, match="'nex-31' is no reach and enters none; did"):
        river.map_from(["nex-31"])


def test_neither_gauge_nor_reach_is_refused(tmp_path: Path) -> None:
    river = read_river(geopackage(tmp_path, MADE))
    with pytest.raises(DataError, match="no place 'wb-72'"):
        river.upstream_of(["wb-72"])
