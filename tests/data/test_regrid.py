"""Fields on other rows, columns and levels: what cells hold is kept."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.data.regrid import edges_between, filled, interpolated, regridded
from bmi_dmx.errors import DataError


def areas(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return np.diff(np.sin(np.radians(rows)))[:, None] * np.diff(columns)


def test_what_the_sphere_holds_is_kept_wherever_columns_begin() -> None:
    rows = np.linspace(-90.0, 90.0, 13), np.linspace(-90.0, 90.0, 8)
    columns = np.linspace(-180.0, 180.0, 25), np.linspace(20.0, 380.0, 11)
    field = np.random.default_rng(0).normal(size=(2, 12, 24))
    remapped = regridded(field, rows, columns)
    total = (field * areas(rows[0], columns[0])).sum((1, 2))
    remapped_total = (remapped * areas(rows[1], columns[1])).sum((1, 2))
    np.testing.assert_allclose(remapped_total, total, rtol=1e-12)


def test_a_cell_is_the_mean_of_what_is_known_in_it_by_area() -> None:
    rows = np.array([0.0, 30.0, 90.0]), np.array([0.0, 90.0])
    columns = np.array([0.0, 10.0, 30.0]), np.array([0.0, 30.0])
    field = np.array([[1.0, np.nan], [5.0, 7.0]])
    # Half of the hemisphere lies below 30 degrees.
    expected = (1.0 * 10.0 + 5.0 * 10.0 + 7.0 * 20.0) / (10.0 + 10.0 + 20.0)
    assert regridded(field, rows, columns)[0, 0] == pytest.approx(expected)
    nothing = regridded(np.full((2, 2), np.nan), rows, columns)
    assert np.isnan(nothing).all()


def test_the_same_grid_changes_nothing() -> None:
    y, x = np.linspace(-60.0, 60.0, 7), np.linspace(100.0, 160.0, 5)
    field = np.random.default_rng(1).normal(size=(6, 4))
    np.testing.assert_allclose(regridded(field, (y, y), (x, x)), field, rtol=1e-12)


def test_edges_lie_halfway_and_end_at_the_poles() -> None:
    edges = edges_between(np.array([-88.0, -84.0, -76.0]), -90.0, 90.0)
    np.testing.assert_allclose(edges, [-90.0, -86.0, -80.0, -72.0])
    with pytest.raises(DataError, match="at least two that increase"):
        edges_between(np.array([3.0, 2.0]), -90.0, 90.0)


def test_levels_lie_between_those_that_are_known() -> None:
    field = np.array([[10.0, 10.0], [6.0, 6.0], [2.0, np.nan]])
    profiles = interpolated(
        field, np.array([5.0, 15.0, 25.0]), np.array([0.0, 10.0, 15.0, 20.0, 30.0])
    )
    np.testing.assert_allclose(profiles[:, 0], [10.0, 8.0, 6.0, 4.0, 2.0])
    assert np.isnan(profiles[:, 1]).tolist() == [False, False, False, True, True]


def test_what_is_missing_is_as_its_neighbours_then_as_what_lies_above() -> None:
    nan = np.nan
    field = np.array([[[1.0, nan, nan, 4.0]], [[nan] * 4]])
    mask = np.array([[[True, True, True, True]], [[True, False, False, True]]])
    extended = filled(field, mask, around=False)
    np.testing.assert_allclose(extended[0, 0], [1.0, 1.0, 4.0, 4.0])
    np.testing.assert_allclose(extended[1, 0], [1.0, nan, nan, 4.0])
    alone = np.array([[[nan, nan, nan, 4.0]]])
    around = filled(alone, np.ones((1, 1, 4), bool), around=True)
    assert (around == 4.0).all()
