from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmi_dmx.assimilation.filters.enkf_n import EnkfN
from bmi_dmx.assimilation.filters.etkf import Etkf
from bmi_dmx.assimilation.filters.ienks import Ienks
from bmi_dmx.assimilation.filters.lagged import Aenkf
from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.assimilation.window import Window
from bmi_dmx.errors import ConfigError, DataError
from tests.assimilation.problems import Array
from tests.assimilation.windows import LinearWindow, linear_window


def last_only(window: Window) -> Window:
    """Return a window in which all but the last observation is missing."""
    *before, last = window.observations
    blank = [Observation(np.full_like(o.value, np.nan), o.error) for o in before]
    return replace(window, observations=(*blank, last))


@pytest.mark.parametrize("cycles", [1, 3])
@pytest.mark.parametrize("entries", [3, 12])
def test_a_linear_window_is_smoothed_as_by_the_transform_filter(
    cycles: int, entries: int
) -> None:
    linear, ensemble = linear_window(cycles, entries=entries, missing=False)
    expected = Aenkf(Etkf()).analyse_window(ensemble, last_only(linear.window))
    analysis = Ienks(tolerance=1e-24).analyse_window(ensemble, linear.window)
    for after, other in zip(analysis.states, expected.states, strict=True):
        np.testing.assert_allclose(after, other, atol=1e-10)


def squared() -> tuple[Window, Array]:
    """Return a window that bends, of one entry whose square is observed."""
    window = Window(
        propagate=lambda x, cycle: x + 0.1 * x**2,
        predict=lambda x, cycle: x**2,
        observations=(Observation(np.array([15.0]), np.array([0.5])),),
    )
    rng = np.random.default_rng(2)
    return window, 2.0 + 0.3 * rng.standard_normal((6, 1))


def test_a_step_from_which_the_model_runs_away_is_not_taken() -> None:
    """Of two problems one is so far from what was seen that a step leaves the model."""
    window, ensemble = squared()
    values = np.array([[15.0], [1e6]])
    window = replace(
        window,
        propagate=lambda x, cycle: np.where(np.abs(x) < 50.0, x + 0.1 * x**2, np.inf),
        observations=(Observation(values, np.array([0.5])),),
    )
    both = Ienks().analyse_window(np.stack([ensemble, ensemble]), window)
    alone = Ienks().analyse_window(ensemble, squared()[0])
    np.testing.assert_allclose(both.start[0], alone.start, rtol=1e-12)
    assert np.isfinite(both.end).all()
    assert np.abs(both.start[1]).max() < 50.0


def test_a_window_that_bends_is_brought_to_its_least_cost() -> None:
    window, ensemble = squared()
    analysis = Ienks(iterations=50, tolerance=1e-24).analyse_window(ensemble, window)
    mean, variance = ensemble.mean(), ensemble.var(ddof=1)
    tried = np.linspace(1.0, 4.0, 300_001)[:, None]
    predicted = window.predict(window.propagate(tried, 0), 0)
    cost = (tried - mean) ** 2 / variance + ((predicted - 15.0) / 0.5) ** 2
    # The slope is that between members, which differs a little from the derivative.
    assert analysis.start.mean() == pytest.approx(tried[cost.argmin(), 0], abs=0.002)
    once = Ienks(iterations=1).analyse_window(ensemble, window)
    assert abs(once.start.mean() - tried[cost.argmin(), 0]) > 0.2


def test_problems_converge_each_at_its_own_pace() -> None:
    window, ensemble = squared()
    value = np.array([[15.0], [9.0], [np.nan]])
    wide = replace(window, observations=(Observation(value, np.full((3, 1), 0.5)),))
    both = np.stack([ensemble, ensemble + 0.1, ensemble])
    analysis = Ienks().analyse_window(both, wide).start
    for k in range(2):
        alone = replace(window, observations=(Observation(value[k], np.array([0.5])),))
        expected = Ienks().analyse_window(both[k], alone).start
        np.testing.assert_allclose(analysis[k], expected, rtol=1e-12, atol=1e-12)
    assert np.array_equal(analysis[2], ensemble)


def test_one_step_with_a_prior_of_finite_size_inflates() -> None:
    linear, ensemble = linear_window(1, missing=False)
    far = linear.window.observations[0]
    window = replace(
        linear.window, observations=(Observation(far.value + 9.0, far.error),)
    )
    plain = Ienks(tolerance=1e-20).analyse_window(ensemble, window).end
    finite = Ienks(iterations=60, tolerance=1e-24, hyperprior=1.0)
    analysis = finite.analyse_window(ensemble, window).end
    moved = window.propagate(ensemble, 0)
    expected = EnkfN().analyse(moved, moved @ linear.operator.T, window.observations[0])
    # Primal and dual form have one mean.
    np.testing.assert_allclose(analysis.mean(0), expected.mean(0), atol=1e-6)
    assert np.abs(analysis.mean(0) - plain.mean(0)).max() > 0.1


def local(linear: LinearWindow, ensemble: Array, taper: Array) -> Array:
    return (
        Ienks(tolerance=1e-24)
        .analyse_window(ensemble, linear.window, taper=taper)
        .start
    )


def test_a_taper_of_ones_is_the_whole_smoother() -> None:
    linear, ensemble = linear_window(2, missing=False)
    whole = Ienks(tolerance=1e-24).analyse_window(ensemble, linear.window).start
    analysis = local(linear, ensemble, np.ones((3, 2)))
    np.testing.assert_allclose(analysis, whole, atol=1e-9)


def test_one_step_of_the_local_smoother_is_the_local_filter() -> None:
    linear, ensemble = linear_window(1, missing=False)
    still = replace(linear.window, propagate=lambda x, cycle: x)
    taper = np.array([[1.0, 0.2], [0.5, 0.5], [0.0, 0.0]])
    analysis = Ienks(iterations=1).analyse_window(ensemble, still, taper=taper).start
    expected = Etkf().analyse(
        ensemble, ensemble @ linear.operator.T, still.observations[0], taper=taper
    )
    np.testing.assert_allclose(analysis, expected, atol=1e-12)
    assert np.array_equal(analysis[:, 2], ensemble[:, 2])


def test_inflation_and_rotation_are_of_the_start() -> None:
    linear, ensemble = linear_window(2, missing=False)
    plain = Ienks().analyse_window(ensemble, linear.window)
    wider = Ienks(inflation=1.5, rotate=True).analyse_window(
        ensemble, linear.window, generator=np.random.default_rng(0)
    )
    np.testing.assert_allclose(wider.start.mean(0), plain.start.mean(0), atol=1e-12)
    np.testing.assert_allclose(wider.start.std(0), 1.5 * plain.start.std(0), rtol=1e-9)
    turned = wider.start - wider.start.mean(0)
    assert not np.allclose(turned, 1.5 * (plain.start - plain.start.mean(0)))


def test_what_cannot_be_smoothed_is_refused() -> None:
    linear, ensemble = linear_window(1)
    with pytest.raises(DataError, match="at least 2 members, found 1"):
        Ienks().analyse_window(ensemble[:1], linear.window)
    with pytest.raises(ConfigError, match="Ienks: generator"):
        Ienks(rotate=True).analyse_window(ensemble, linear.window)
    with pytest.raises(DataError, match=r"Ienks: taper: expected shape \(3, 2\)"):
        Ienks().analyse_window(ensemble, linear.window, taper=np.ones((2, 3)))
