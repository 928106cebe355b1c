from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.assimilation.localisation import (
    gaspari_cohn,
    on_ring,
    on_tree,
    taper,
)
from bmi_dmx.errors import DataError
from bmi_dmx.space import Tree


def published(z: float) -> float:
    """Gaspari and Cohn (1999), equation 4.10, term by term."""
    if z <= 1.0:
        return -(z**5) / 4 + z**4 / 2 + 5 * z**3 / 8 - 5 * z**2 / 3 + 1
    if z <= 2.0:
        far = z**5 / 12 - z**4 / 2 + 5 * z**3 / 8 + 5 * z**2 / 3 - 5 * z + 4
        return far - 2 / (3 * z)
    return 0.0


@given(st.floats(0.0, 3.0))
def test_the_correlation_is_the_published_one(z: float) -> None:
    assert gaspari_cohn(np.array(z)) == pytest.approx(published(z), abs=1e-13)


def test_the_correlation_is_smooth_where_its_pieces_meet() -> None:
    step = 1e-6
    for z in (1.0, 2.0):
        around = gaspari_cohn(z + step * np.array([-1.0, 0.0, 1.0]))
        slopes = np.diff(around) / step
        assert slopes[0] == pytest.approx(slopes[1], abs=1e-5)
    assert gaspari_cohn(np.array(1.0)) == pytest.approx(5 / 24)


def test_the_correlation_is_positive_definite_on_a_line() -> None:
    points = np.linspace(0.0, 5.0, 60)
    matrix = gaspari_cohn(np.abs(points[:, None] - points) / 0.7)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12


def test_a_taper_falls_like_the_bell_of_its_radius() -> None:
    near = np.array([[0.01, 0.05, 0.1]])
    np.testing.assert_allclose(taper(10 * near, 10.0), np.exp(-(near**2) / 2), 5e-4)
    # The correlation is exp(-1/2) where its half-width is 1.7386 distances.
    assert gaspari_cohn(np.array(1 / 1.7386)) == pytest.approx(np.exp(-0.5), abs=1e-5)
    assert taper(np.array([[1.82 / 1.7386]]), 1.0)[0, 0] == pytest.approx(
        np.exp(-0.5), abs=1e-5
    )


def test_weights_that_hardly_count_are_none() -> None:
    weight = taper(np.array([[0.0, 3.3, 3.64, np.inf]]), 1.0)[0]
    assert weight[0] == 1.0
    assert published(3.3 / 1.82) < 1e-3
    assert weight[1:].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan])
def test_a_radius_that_is_none_is_refused(radius: float) -> None:
    with pytest.raises(DataError, match="radius: expected a positive number"):
        taper(np.ones((1, 1)), radius)


def test_a_distance_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="distance"):
        taper(np.array([[np.nan]]), 1.0)


def test_a_ring_is_measured_the_shorter_way() -> None:
    distances = on_ring(np.array([0, 1, 39]), np.array([0, 20, 38]), 40)
    assert distances.tolist() == [[0, 20, 2], [1, 19, 3], [1, 19, 1]]


def brute(tree: Tree, ways: np.ndarray, flowing: bool) -> np.ndarray:
    """Walk down from both places and look where the ways meet."""

    def down(at: int) -> dict[int, float]:
        distances, gone = {}, 0.0
        while at >= 0:
            distances[at] = gone
            gone += ways[at]
            at = int(tree.downstream[at])
        return distances

    size = len(tree)
    result = np.full((size, size), np.inf)
    for a in range(size):
        for b in range(size):
            first, second = down(a), down(b)
            met = [at for at in first if at in second]
            if met and (not flowing or a in second or b in first):
                result[a, b] = first[met[0]] + second[met[0]]
    return result


@given(
    below=st.lists(st.integers(-1, 100), min_size=1, max_size=14),
    seed=st.integers(0, 1000),
    flowing=st.booleans(),
)
def test_a_tree_is_measured_down_to_where_places_meet(
    below: list[int], seed: int, flowing: bool
) -> None:
    size = len(below)
    # Places drain into later ones alone, so there is no circle; then mixed.
    downstream = [k + 1 + b % (size - k - 1) if b >= 0 and k + 1 < size else -1
                  for k, b in enumerate(below)]  # fmt: skip
    rng = np.random.default_rng(seed)
    mixed = rng.permutation(size)
    place = np.argsort(mixed)
    at = [-1 if downstream[k] < 0 else int(place[downstream[k]]) for k in mixed]
    tree = Tree([f"x{k}" for k in range(size)], at)
    ways = rng.uniform(0.1, 5.0, size)
    points = rng.integers(0, size, 6)
    observed = rng.integers(0, size, 4)
    distances = on_tree(tree, points, observed, ways, flowing=flowing)
    expected = brute(tree, ways, flowing)[np.ix_(points, observed)]
    np.testing.assert_allclose(distances, expected, rtol=1e-12, atol=1e-12)


def test_ways_of_a_tree_are_one_unless_they_are_given() -> None:
    tree = Tree(["a", "b", "c"], [1, 2, -1])
    assert on_tree(tree, np.array([0, 2]), np.array([0, 1])).tolist() == [
        [0.0, 1.0],
        [2.0, 1.0],
    ]
    with pytest.raises(DataError, match=r"ways: expected shape \(3,\), found \(2,\)"):
        on_tree(tree, np.array([0]), np.array([1]), np.ones(2))
