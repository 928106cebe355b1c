"""Roots of matrices applied to vectors, by quadrature in a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.kernels import roots
from bmi_dmx.kernels.roots import applied_roots, terms, triangle

Array = np.ndarray[Any, np.dtype[Any]]


def by_eigenvectors(matrix: Array, vector: Array, other: Array) -> Array:
    value, basis = np.linalg.eigh(matrix.astype(np.float64))
    value = np.maximum(value, 0.0)
    products = []
    for v, q, a, b in zip(value, basis, vector, other, strict=True):
        root = (q / np.sqrt(1.0 + v)) @ q.T @ a
        products.append(root + a @ (q / (1.0 + v)) @ q.T @ b)
    return np.array(products)


def packed(matrix: Array) -> Array:
    row, column = triangle(matrix.shape[-1])
    return matrix[..., row, column]


def roots_of(matrix: Array, vector: Array, other: Array) -> Array:
    """Return what the kernel makes of whole matrices."""
    products = applied_roots(packed(matrix), vector, other)
    assert products is not None
    return products


def cases(
    members: int, observed: int, size: float, seed: int, count: int = 11
) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    scaled = size * rng.standard_normal((count, members, observed))
    matrix = scaled @ np.swapaxes(scaled, 1, 2)
    return matrix, *rng.standard_normal((2, count, members))


@given(
    members=st.integers(2, 30), observed=st.integers(1, 40),
    size=st.sampled_from([1e-6, 0.1, 1.0, 30.0]), seed=st.integers(0, 99),
)  # fmt: skip
def test_roots_are_those_by_eigenvectors(
    members: int, observed: int, size: float, seed: int
) -> None:
    problem = cases(members, observed, size, seed)
    products = roots_of(*problem)
    np.testing.assert_allclose(
        products, by_eigenvectors(*problem), rtol=1e-9, atol=1e-10
    )


@pytest.mark.parametrize("members", [2, 3, 20])
def test_zeros_and_unit_vectors_are_no_exception(members: int) -> None:
    matrix, vector, other = cases(members, 5, 1.0, 0)
    vector[0], vector[1, 1:], matrix[2] = 0.0, 0.0, 0.0
    matrix[3] = np.diag(np.arange(members, dtype=float))
    products = roots_of(matrix, vector, other)
    expected = by_eigenvectors(matrix, vector, other)
    np.testing.assert_allclose(products, expected, atol=1e-11)
    np.testing.assert_allclose(products[0], 0.0, atol=0.0)


@pytest.mark.parametrize("count", [1, 8, 9, 40])
def test_cases_do_not_see_each_other(count: int) -> None:
    many = cases(6, 4, 1.0, 0, count)
    products = roots_of(*many)
    for k in (0, count // 2, count - 1):
        alone = roots_of(*(x[k : k + 1] for x in many))
        np.testing.assert_allclose(products[k], alone[0], rtol=1e-13, atol=1e-13)


def test_leading_axes_are_kept() -> None:
    matrix, vector, other = cases(5, 3, 1.0, 1, 12)
    products = roots_of(
        matrix.reshape(3, 4, 5, 5), vector.reshape(3, 4, 5), other.reshape(3, 4, 5)
    )
    expected = roots_of(matrix, vector, other)
    assert np.array_equal(products.reshape(12, 5), expected)


def test_single_precision_is_near_double() -> None:
    double = cases(12, 20, 0.5, 2)
    products = roots_of(*(x.astype(np.float32) for x in double))
    assert products.dtype == np.float32
    np.testing.assert_allclose(products, roots_of(*double), rtol=1e-4, atol=1e-4)


def test_matrices_beside_which_one_is_nothing_are_left_to_others() -> None:
    matrix, vector, other = cases(4, 3, 1.0, 0)
    assert applied_roots(packed(1e15 * matrix), vector, other) is None
    single = packed(matrix).astype(np.float32) * np.float32(1e6)
    assert applied_roots(single, vector, other) is None


@pytest.mark.parametrize("largest", [1.0, 2.0**10, 2.0**30])
@pytest.mark.parametrize(("kind", "error"), [("float64", 3e-15), ("float32", 6e-7)])
def test_sums_of_inverses_are_the_root(largest: float, kind: str, error: float) -> None:
    shift, weight = terms(largest, kind)
    x = np.random.default_rng(0).uniform(0.0, 1.0, 1000)
    x = np.exp(x * np.log1p(largest))[:, None]
    root = (weight / (x + shift)).sum(-1)
    np.testing.assert_allclose(root * np.sqrt(x[:, 0]), 1.0, atol=error)
    assert (shift > 0).all()
    assert (weight > 0).all()


def test_a_few_terms_are_enough_for_small_matrices() -> None:
    assert len(terms(2.0, "float64")[0]) < 10
    assert len(terms(2.0, "float32")[0]) < 5


def test_without_a_compiler_there_are_no_roots_and_why_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roots, "library", lambda source: "no C compiler was found")
    roots._kernel.cache_clear()
    matrix, vector, other = cases(4, 3, 1.0, 0)
    try:
        with pytest.warns(RuntimeWarning, match="no C compiler.*without a kernel"):
            assert applied_roots(packed(matrix), vector, other) is None
        # Said once.
        assert applied_roots(packed(matrix), vector, other) is None
    finally:
        roots._kernel.cache_clear()
