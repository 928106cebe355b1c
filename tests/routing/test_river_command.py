"""``dmx river``: what a file holds in words, and its picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from bmi_dmx.cli import main
from bmi_dmx.models.rivers.formats import read_river
from bmi_dmx.routing.picture import laid_out
from bmi_dmx.routing.summary import unusual
from bmi_dmx.space import Tree
from tests.models.rivers.formats.made import (
    MADE,
    geopackage,
    lake_file,
    netcdf,
    reach_csv,
    route_link,
)
from tests.space.test_tree import trees


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return what the command prints."""
    assert main(["river", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_a_river_is_told_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = route_link(tmp_path, MADE)
    text = said(capsys, path, "--lakes", lake_file(tmp_path))
    assert "reaches     6 in 3 levels; at most 2 drain into one" in text
    assert "highest order" in text
    assert "outlets     1 (9)" in text
    assert "length      9.56 km in all; a reach 60 to 4000 m" in text
    assert "gauges      1 (01000030)" in text
    assert "lakes       2 (900, 800)" in text
    assert "units assumed, for none are given: Length (m)" in " ".join(text.split())
    # The file is named once, not in every remark.
    assert text.count(str(path)) == 1


def test_attributes_are_a_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = said(capsys, reach_csv(tmp_path, MADE)).splitlines()
    length = next(row for row in rows if row.startswith("length  ") and "m  " in row)
    assert length.split() == ["length", "m", "60", "1100", "4000", "0"]


def test_what_is_above_some_gauges_is_shown_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = said(capsys, geopackage(tmp_path, MADE), "--above", "01000030")
    assert "reaches     3 in 2 levels" in text
    assert "outlets     1 (wb-30)" in text


def test_numbers_out_of_the_usual_are_named(tmp_path: Path) -> None:
    reaches = MADE.having(slope=[0.01, 0.9, 0.004, 0.001, 0.03, 0.005])
    assert unusual(read_river(reach_csv(tmp_path, reaches))) == [
        "slope: 1 of 6 not within 1e-05 to 0.5 (5: 0.9)"
    ]
    assert unusual(read_river(reach_csv(tmp_path, MADE))) == []


def test_slopes_that_were_repaired_are_not_odd(tmp_path: Path) -> None:
    path = netcdf(tmp_path / "a.nc", {"reach": 2}, {
        "reach_id": (("reach",), [1, 2], {}),
        "down_id": (("reach",), [2, 0], {}),
        "slope": (("reach",), np.array([1e-5, 0.1], "f4"), {}),
    })  # fmt: skip
    assert unusual(read_river(path)) == []


def colours(path: Path) -> set[tuple[int, ...]]:
    """Return the colours of a picture."""
    with Image.open(path) as picture:
        flat = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    return set(map(tuple, np.unique(flat, axis=0).tolist()))


BLUE, ORANGE, GREEN = (0, 114, 178), (213, 94, 0), (0, 158, 115)


def test_reaches_gauges_and_lakes_are_drawn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = tmp_path / "tree.png"
    path, lakes = route_link(tmp_path, MADE), lake_file(tmp_path)
    assert str(target) in said(capsys, path, "--lakes", lakes, "--output", target)
    assert {BLUE, ORANGE, GREEN} <= colours(target)
    said(capsys, geopackage(tmp_path, MADE), "--above", "wb-2", "--output", target)
    assert BLUE in colours(target)
    assert not {ORANGE, GREEN} & colours(target)


def test_a_map_is_drawn_where_places_are_known(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = netcdf(tmp_path / "a.nc", {"reach": 3}, {
        "reach_id": (("reach",), [1, 2, 3], {}),
        "down_id": (("reach",), [3, 3, 0], {}),
        "lon": (("reach",), [10.0, 30.0, 20.0], {}),
        "lat": (("reach",), [0.0, 0.0, -1.0], {}),
    })  # fmt: skip
    text = said(capsys, path, "--output", tmp_path / "map.png")
    assert "where       10.00 to 30.00 degrees east" in text
    with Image.open(tmp_path / "map.png") as picture:
        # Wide as the places are.
        assert picture.width > 2 * picture.height
    assert BLUE in colours(tmp_path / "map.png")


def test_the_sample_that_comes_with_the_package_is_drawn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = said(capsys, "delaware", "--output", tmp_path / "delaware.svg")
    assert "reaches     456 in 72 levels" in text
    assert "6 outlets" in (tmp_path / "delaware.svg").read_text(encoding="utf-8")


def test_a_file_that_is_no_river_ends_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["river", str(path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("dmx river: error: ")
    assert error.count("\n") == 1


@given(trees())
def test_no_two_reaches_are_laid_out_at_one_spot(tree: Tree) -> None:
    x, y = laid_out(tree)
    assert len(set(zip(x.tolist(), y.tolist(), strict=True))) == len(tree)
    below = tree.downstream
    inner = np.flatnonzero(below >= 0)
    np.testing.assert_array_equal(y[below < 0], 0.0)
    np.testing.assert_array_equal(y[inner], y[below[inner]] + 1.0)


def test_distances_are_lengths_of_the_reaches_below() -> None:
    tree = Tree(["a", "b", "c"], ["b", "c", ""])
    x, y = laid_out(tree, np.array([1000.0, 2000.0, 4000.0]))
    # A reach stands where it ends; the last one ends at the outlet.
    assert y.tolist() == [6.0, 4.0, 0.0]
    assert x.tolist() == [0.0, 0.0, 0.0]
