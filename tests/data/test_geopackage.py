"""Shapes of GeoPackages, as bytes."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing

import numpy as np
import pytest

from bmi_dmx.data.geopackage import opened, points_in
from bmi_dmx.errors import DataError

POINT, LINE, POLYGON, LINES = 1, 2, 3, 5

PLACES = [(1.0, 2.0), (3.0, -4.5), (1e6, 0.25)]


def header(envelope: int = 0) -> bytes:
    """Return what stands before a shape, with an envelope of some kind."""
    size = (0, 32, 48, 48, 64)[envelope]
    return b"GP\0" + bytes([envelope << 1 | 1]) + struct.pack("<i", 5070) + bytes(size)


def line(order: str = "<", more: int = 0) -> bytes:
    """Return a line in some order of bytes, with further numbers for every point."""
    kind = LINE + 1000 * more
    head = bytes([order == "<"]) + struct.pack(f"{order}II", kind, len(PLACES))
    body = b"".join(
        struct.pack(f"{order}{2 + more}d", *place, *[7.0] * more) for place in PLACES
    )
    return head + body


@pytest.mark.parametrize("envelope", range(5))
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("more", [0, 1])
def test_points_along_a_line_are_found(envelope: int, order: str, more: int) -> None:
    points = points_in(header(envelope) + line(order, more))
    np.testing.assert_array_equal(points, PLACES)


def test_points_along_several_lines_follow_each_other() -> None:
    lines = b"\1" + struct.pack("<II", LINES, 2) + line() + line(">")
    np.testing.assert_array_equal(points_in(header(1) + lines), [*PLACES, *PLACES])


def test_a_point_is_one() -> None:
    point = b"\1" + struct.pack("<Idd", POINT, 4.0, 5.0)
    np.testing.assert_array_equal(points_in(header() + point), [(4.0, 5.0)])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (b"", "found no shape of a GeoPackage"),
        (b"XX" + header()[2:] + line(), "found no shape of a GeoPackage"),
        ((header() + line())[:-1], "found a damaged shape"),
        (header(), "found a damaged shape"),
        (header()[:3] + b"\x0f" + header()[4:], "found a damaged shape"),
        (header() + b"\1" + struct.pack("<II", POLYGON, 0), "of kind 3, expected a"),
        (header() + b"\1" + struct.pack("<I", 9002), "found a damaged shape"),
        (header() + b"\1" + struct.pack("<II", LINES, 0), "found a damaged shape"),
        (header() + b"\1" + struct.pack("<II", LINE, 2**32 - 1), "a damaged shape"),
    ],
)
def test_other_and_damaged_shapes_are_refused(shape: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        points_in(shape)


def test_what_cannot_be_written_meanwhile_is_no_fault_of_the_file(tmp_path):
    path = tmp_path / "a.gpkg"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE nexus (id TEXT)")
    for filename, error in (("copy.gpkg", OSError), (str(path), DataError)):
        with pytest.raises(error, match="no room"), opened(path):
            raise OSError(5, "no room", filename)
