"""Markers for missing values: taken for what they are, ordinary numbers never."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.data.fill_values import ENORMOUS, MARKERS, without_markers
from bmi_dmx.data.netcdf import numbers, opened

BOUNDS = st.tuples(
    st.floats(-1e4, 0.0, width=32), st.floats(1.0, 1e6, width=32)
)  # fmt: skip
DEFAULTS = {k: v for k, v in netCDF4.default_fillvals.items() if k[0] not in "Sc"}


@given(BOUNDS, st.data())
def test_nothing_inside_its_bounds_is_a_marker(bounds, data):
    inside = st.floats(*bounds) | st.sampled_from(
        [m for m in MARKERS if bounds[0] <= m <= bounds[1]] or [bounds[0]]
    )
    values = np.array(data.draw(st.lists(inside, min_size=1, max_size=9)))
    marked = without_markers(values, bounds)
    np.testing.assert_array_equal(marked.values, values)
    assert marked.markers == {}
    assert marked.remark("x") == ""


@given(st.floats(0.0, 1e9), st.sampled_from([m for m in MARKERS if m < 0.0]))
def test_a_marker_below_all_that_is_positive_is_one(value, marker):
    for bounds in (None, (0.0, 1e9)):
        marked = without_markers([value, marker, marker], bounds)
        np.testing.assert_array_equal(marked.values, [value, np.nan, np.nan])
        assert marked.markers == {marker: 2}


@given(st.floats(ENORMOUS, allow_infinity=True), st.sampled_from([1.0, -1.0]))
def test_enormous_numbers_never_are_measured(size, sign):
    for bounds in (None, (0.0, 1.0), (-np.inf, np.inf)):
        marked = without_markers([sign * size, 1.0], bounds)
        np.testing.assert_array_equal(marked.values, [np.nan, 1.0])
        assert marked.markers == {sign * size: 1}


@pytest.mark.parametrize("marker", MARKERS)
def test_markers_are_known_through_single_precision_too(marker):
    single = np.array([1.0, marker], dtype=np.float32)
    np.testing.assert_array_equal(
        without_markers(single, (0.0, 1e9)).values, [1.0, np.nan]
    )


def test_what_may_be_a_number_is_one_among_negative_numbers():
    marked = without_markers([-50.0, -99.0, -9999.0])
    np.testing.assert_array_equal(marked.values, [-50.0, -99.0, np.nan])
    assert marked.markers == {-9999.0: 1}


def test_missing_numbers_stay_missing_and_the_given_ones_are_not_changed():
    values = np.ma.array([1.0, 2.0, -999.0], mask=[0, 1, 0])
    before = values.copy()
    marked = without_markers(values, (0.0, 9.0))
    np.testing.assert_array_equal(marked.values, [1.0, np.nan, np.nan])
    assert (values == before).all()
    assert values.mask.tolist() == [False, True, False]


def test_what_was_found_is_said():
    marked = without_markers([[1.0, -999.0], [1e20, -999.0]], (0.0, 9.0))
    assert marked.remark("f.nc: x") == (
        "3 values of f.nc: x are -999 and 1e+20, taken for missing though the file does"
        " not declare it"
    )
    assert without_markers([-99.0, 1.0]).remark("x").startswith("1 value of x is -99,")


@pytest.mark.parametrize("kind", sorted(DEFAULTS))
def test_what_was_never_written_is_missing_in_every_type(tmp_path: Path, kind: str):
    path = tmp_path / "f.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 2)
        file.createVariable("v", kind, ("x",), fill_value=None)[0] = 1
    with opened(path) as file:
        values = without_markers(numbers(path, file["v"]), (0.0, 100.0)).values
    if kind in ("i1", "u1"):  # a byte has no default of the format's
        assert values[0] == 1.0
    else:
        np.testing.assert_array_equal(values, [1.0, np.nan])


@pytest.mark.parametrize("kind", ["i2", "i4", "i8", "u8", "f4", "f8"])
def test_defaults_of_the_format_are_markers_as_plain_numbers_too(kind):
    default = float(DEFAULTS[kind])
    for bounds in (None, (0.0, 100.0), (-90.0, 60.0)):
        values = without_markers([1.0, default], bounds).values
        np.testing.assert_array_equal(values, [1.0, np.nan])
