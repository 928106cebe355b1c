from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.assimilation.filters.cost import Cost
from bmi_dmx.assimilation.filters.static import Interpolation
from bmi_dmx.assimilation.filters.var4d import Var4d
from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.assimilation.window import Twin, Window
from bmi_dmx.errors import ConfigError, DataError
from tests.assimilation.problems import Array
from tests.assimilation.windows import linear_window, stacked

METHODS = ("gauss_newton", "lbfgs")


def bending(value: Array, missing: int | None = None) -> Window:
    """Return a window of a ring whose rates are products, three cycles long."""

    def step(x: Any, roll: Any) -> Any:
        return x + 0.05 * ((roll(x, -1, -1) - roll(x, 2, -1)) * roll(x, 1, -1) - x + 8)

    observations = []
    for cycle in range(3):
        values = value[..., cycle, :].copy()
        if cycle == missing:
            values[..., 0] = np.nan
        observations.append(Observation(values, np.full(values.shape, 0.5)))
    return Window(
        propagate=lambda x, cycle: step(x, np.roll),
        predict=lambda x, cycle: x[..., ::2],
        observations=tuple(observations),
        twin=Twin(
            propagate=lambda x, cycle: step(x, torch.roll),
            predict=lambda x, cycle: x[..., ::2],
        ),
    )


def ring(shape: tuple[int, ...] = ()) -> tuple[Array, Window]:
    rng = np.random.default_rng(4)
    ensemble = 4.0 + 2.0 * rng.standard_normal((*shape, 1, 6))
    value = 4.0 + 2.0 * rng.standard_normal((*shape, 3, 3))
    return ensemble, bending(value, missing=1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("full", [False, True])
def test_a_linear_window_is_solved_as_by_least_squares(method: str, full: bool) -> None:
    linear, ensemble = linear_window(members=3)
    variances = np.array([0.5, 1.0, 2.0])
    matrix = np.diag(variances) + 0.2 * full
    scheme = Var4d(
        matrix if full else variances, method=method, iterations=100, tolerance=1e-26
    )
    analysis = scheme.analyse_window(ensemble, linear.window)
    rows, values = stacked(linear)
    inverse = np.linalg.inv(matrix)
    hessian = inverse + rows.T @ rows
    for after, before in zip(analysis.start, ensemble, strict=True):
        expected = np.linalg.solve(hessian, inverse @ before + rows.T @ values)
        np.testing.assert_allclose(after, expected, atol=1e-10)
    end = analysis.start
    for state in analysis.states[1:]:
        end = end @ linear.model.T
        np.testing.assert_allclose(state, end, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_errors_of_the_model_are_found_as_by_least_squares(method: str) -> None:
    linear, ensemble = linear_window(cycles=3, members=1)
    scheme = Var4d(
        0.7, model_error=np.array([0.1, 0.2, 0.3]), method=method, iterations=200,
        tolerance=1e-26,
    )  # fmt: skip
    states = np.stack(scheme.analyse_window(ensemble, linear.window).states)[:, 0]
    # All four states as unknowns of one system of equations.
    n, rows, right = 3, [], []
    blocks = np.eye(4 * n).reshape(4, n, 4 * n)
    rows.append(blocks[0] / np.sqrt(0.7))
    right.append(ensemble[0] / np.sqrt(0.7))
    for k, observation in enumerate(linear.window.observations):
        step = blocks[k + 1] - linear.model @ blocks[k]
        rows.append(step / np.sqrt([0.1, 0.2, 0.3])[:, None])
        right.append(np.zeros(n))
        there = ~np.isnan(observation.value)
        error = observation.error[there]
        rows.append((linear.operator @ blocks[k + 1])[there] / error[:, None])
        right.append(observation.value[there] / error)
    expected, *_ = np.linalg.lstsq(np.concatenate(rows), np.concatenate(right))
    np.testing.assert_allclose(states.ravel(), expected, atol=1e-9)


@pytest.mark.parametrize("cycles", [1, 3])
@pytest.mark.parametrize("model_error", [None, 0.1])
def test_all_derivatives_are_those_of_differences(
    model_error: float | None, cycles: int
) -> None:
    ensemble, window = ring((2,))
    # Of one cycle residuals are fewer than controls, of three they are more.
    window = replace(window, observations=window.observations[:cycles])
    cost = Cost.of(ensemble, window, 0.5, model_error)
    rng = np.random.default_rng(5)
    control = torch.from_numpy(rng.standard_normal(cost.start().shape))
    residuals, jacobian = cost.linearised(control)
    twin = replace(cost.twin, forward=True)
    others = replace(cost, twin=twin).linearised(control)
    torch.testing.assert_close(others, (residuals, jacobian), rtol=1e-12, atol=1e-12)
    forward = control + (jacobian.mT @ residuals[..., None])[..., 0]
    torch.testing.assert_close(cost.gradient(control), forward, rtol=1e-10, atol=1e-10)
    for at in range(control.shape[-1]):
        step = torch.zeros_like(control)
        step[..., at] = 1e-5
        slope = (cost(control + step) - cost(control - step)) / 2e-5
        torch.testing.assert_close(forward[..., at], slope, rtol=1e-6, atol=1e-6)


def test_both_methods_find_the_same_least_cost() -> None:
    ensemble, window = ring((2,))
    starts = [
        Var4d(0.5, method=method, iterations=200, tolerance=1e-20)
        .analyse_window(ensemble, window)
        .start
        for method in METHODS
    ]
    np.testing.assert_allclose(starts[0], starts[1], atol=1e-8)
    cost = Cost.of(ensemble, window, 0.5, None)
    best = torch.from_numpy((starts[0] - ensemble) / np.sqrt(0.5))
    # Costs tell controls apart to the root of their rounding.
    assert (cost.gradient(best).abs() < 1e-6).all()
    assert (cost(best) < cost(cost.start())).all()


@pytest.mark.parametrize("method", METHODS)
def test_problems_side_by_side_are_each_solved_alone(method: str) -> None:
    ensemble, window = ring((3,))
    scheme = Var4d(0.5, method=method, tolerance=1e-24, iterations=60)
    analysis = scheme.analyse_window(ensemble, window).start
    for k in range(3):
        one = tuple(Observation(o.value[k], o.error[k]) for o in window.observations)
        alone = scheme.analyse_window(ensemble[k], replace(window, observations=one))
        np.testing.assert_allclose(analysis[k], alone.start, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_without_an_observation_the_background_stays(method: str) -> None:
    ensemble, window = ring()
    blank = tuple(
        Observation(np.full_like(o.value, np.nan), o.error) for o in window.observations
    )
    analysis = Var4d(0.5, method=method).analyse_window(
        ensemble, replace(window, observations=blank)
    )
    assert np.array_equal(analysis.start, ensemble)


@pytest.mark.parametrize("method", METHODS)
def test_where_there_is_nothing_to_observe_the_background_stays(method: str) -> None:
    ensemble, window = ring((2,))
    nothing = Observation(np.zeros((2, 0)), np.zeros((2, 0)))
    window = replace(
        window, observations=(nothing,), predict=lambda x, cycle: x[..., :0],
        twin=replace(window.twin, predict=lambda x, cycle: x[..., :0]),
    )  # fmt: skip
    analysis = Var4d(0.5, method=method).analyse_window(ensemble, window)
    assert np.array_equal(analysis.start, ensemble)


def test_an_observation_the_model_cannot_reach_does_not_end_in_a_worse_cost() -> None:
    ensemble, window = ring((2,))
    wild = tuple(
        Observation(o.value + np.array([[0.0], [300.0]]), o.error / 100)
        for o in window.observations
    )
    window = replace(window, observations=wild)
    for method in METHODS:
        analysis = Var4d(25.0, method=method).analyse_window(ensemble, window).start
        cost = Cost.of(ensemble, window, 25.0, None)
        reached = cost(torch.from_numpy((analysis - ensemble) / 5.0))
        assert (reached < cost(cost.start())).all()


def test_single_precision_stays_single() -> None:
    ensemble, window = ring()
    double = Var4d(0.5).analyse_window(ensemble, window).start
    analysis = Var4d(0.5).analyse_window(ensemble.astype(np.float32), window).start
    assert analysis.dtype == np.float32
    np.testing.assert_allclose(analysis, double, rtol=1e-3, atol=1e-3)


def test_a_window_of_no_cycle_of_the_model_is_interpolation() -> None:
    rng = np.random.default_rng(6)
    operator = rng.standard_normal((2, 4))
    ensemble = rng.standard_normal((3, 4))
    observation = Observation(rng.standard_normal(2), np.array([0.5, 2.0]))
    tensor = torch.from_numpy(operator)
    window = Window(
        propagate=lambda x, cycle: x, predict=lambda x, cycle: x @ operator.T,
        observations=(observation,),
        twin=Twin(propagate=lambda x, _: x, predict=lambda x, _: x @ tensor.T),
    )  # fmt: skip
    analysis = Var4d(0.8).analyse_window(ensemble, window).start
    expected = Interpolation(0.8 * np.eye(4), operator).analyse(
        ensemble, ensemble @ operator.T, observation
    )
    np.testing.assert_allclose(analysis, expected, atol=1e-10)


def test_what_does_not_fit_is_refused() -> None:
    ensemble, window = ring()
    with pytest.raises(ConfigError, match=r"Var4d: method: expected.*found 'newton'"):
        Var4d(1.0, method="newton")
    with pytest.raises(ConfigError, match="Var4d: window: expected a twin"):
        Var4d(1.0).analyse_window(ensemble, replace(window, twin=None))
    with pytest.raises(ConfigError, match="Var4d: taper"):
        Var4d(1.0).analyse_window(ensemble, window, taper=np.ones((6, 3)))
    for bad in (np.ones(5), -1.0, -np.eye(6)):
        with pytest.raises(DataError, match="Var4d: covariance: expected"):
            Var4d(bad).analyse_window(ensemble, window)
    with pytest.raises(DataError, match="Var4d: model_error: expected positive var"):
        Var4d(1.0, model_error=0.0).analyse_window(ensemble, window)
    with pytest.raises(DataError, match="Var4d: observation: expected shape"):
        Var4d(1.0).analyse_window(ensemble[None], window)


def test_its_import_leaves_pytorch_alone() -> None:
    code = (
        "import bmi_dmx.assimilation.filters.var4d, sys; print('torch' in sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "False"
