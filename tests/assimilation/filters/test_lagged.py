from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.filters.enkf import Enkf
from bmi_dmx.assimilation.filters.etkf import Etkf
from bmi_dmx.assimilation.filters.lagged import Aenkf, Enks
from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.assimilation.window import Window
from bmi_dmx.errors import DataError
from tests.assimilation.problems import Array, covariance
from tests.assimilation.windows import linear_window, smoothed


@pytest.mark.parametrize("smoother", [Enks(), Aenkf()])
def test_a_linear_window_is_smoothed_as_by_least_squares(
    smoother: Enks | Aenkf,
) -> None:
    window, ensemble = linear_window()
    mean, matrix = smoothed(window, ensemble)
    analysis = smoother.analyse_window(ensemble, window.window)
    np.testing.assert_allclose(analysis.start.mean(0), mean, atol=1e-10)
    np.testing.assert_allclose(covariance(analysis.start), matrix, atol=1e-10)
    # Without errors of the model, its end is that of the smoothed start.
    end = analysis.start
    for state in analysis.states[1:]:
        end = end @ window.model.T
        np.testing.assert_allclose(state, end, atol=1e-10)
    assert len(analysis.states) == len(window.window.observations) + 1


def test_the_end_of_a_smoother_is_what_the_filter_gives() -> None:
    window, ensemble = linear_window()
    state = ensemble
    for observation in window.window.observations:
        state = state @ window.model.T
        state = Etkf().analyse(state, state @ window.operator.T, observation)
    analysis = Enks().analyse_window(ensemble, window.window)
    np.testing.assert_allclose(analysis.end, state, atol=1e-12)


def varying(columns: tuple[int, ...]) -> Window:
    """A window in whose cycles the first entries are observed, more or fewer."""
    rng = np.random.default_rng(0)
    return Window(
        propagate=lambda x, cycle: 0.9 * x + 0.1 * np.roll(x, 1, -1),
        predict=lambda x, cycle: x[..., : columns[cycle]],
        observations=tuple(
            Observation(rng.standard_normal(c), np.ones(c)) for c in columns
        ),
    )


def test_a_taper_of_one_cycle_serves_for_all() -> None:
    ensemble = np.random.default_rng(1).standard_normal((6, 4))
    one = np.random.default_rng(2).uniform(0.1, 1.0, (4, 2))
    window = varying((2, 2, 2))
    analysis = Aenkf().analyse_window(ensemble, window, taper=one)
    every = np.concatenate([one, one, one], axis=1)
    again = Aenkf().analyse_window(ensemble, window, taper=every)
    assert np.array_equal(analysis.end, again.end)
    whole = Aenkf().analyse_window(ensemble, window)
    assert not np.allclose(analysis.end, whole.end)


def test_a_taper_has_the_columns_of_all_cycles() -> None:
    ensemble = np.random.default_rng(1).standard_normal((6, 4))
    window = varying((2, 3))
    taper = np.ones((4, 5))
    analysis = Aenkf().analyse_window(ensemble, window, taper=taper)
    whole = Aenkf().analyse_window(ensemble, window)
    np.testing.assert_allclose(analysis.end, whole.end, atol=1e-10)
    with pytest.raises(DataError, match=r"expected 5 columns.*found 2"):
        Aenkf().analyse_window(ensemble, window, taper=taper[:, :2])


def test_a_smoother_with_a_taper_moves_past_and_present_entries_alike() -> None:
    ensemble = np.random.default_rng(1).standard_normal((6, 4))
    taper = np.zeros((4, 2))
    taper[:2] = 1.0
    window = varying((2, 2))
    analysis = Enks().analyse_window(ensemble, window, taper=taper)
    assert np.array_equal(analysis.start[:, 2:], ensemble[:, 2:])
    assert not np.isclose(analysis.start[:, :2], ensemble[:, :2]).any()


def test_any_filter_of_members_smooths() -> None:
    window, ensemble = linear_window(members=4000)
    mean, matrix = smoothed(window, ensemble)
    analysis = Enks(Enkf()).analyse_window(
        ensemble, window.window, generator=np.random.default_rng(0)
    )
    np.testing.assert_allclose(covariance(analysis.start), matrix, atol=0.1)
    np.testing.assert_allclose(analysis.start.mean(0), mean, atol=0.1)


def test_windows_may_be_side_by_side() -> None:
    window, ensemble = linear_window()
    both = np.stack([ensemble, ensemble[::-1] + 0.5])
    observations = tuple(
        Observation(np.stack([o.value, o.value - 1.0]), np.stack([o.error, o.error]))
        for o in window.window.observations
    )
    wide = Window(
        propagate=window.window.propagate, predict=window.window.predict,
        observations=observations,
    )  # fmt: skip
    for smoother in (Enks(), Aenkf()):
        analysis = smoother.analyse_window(both, wide)
        alone: Array = smoother.analyse_window(ensemble, window.window).start
        np.testing.assert_allclose(analysis.start[0], alone, rtol=1e-12, atol=1e-12)
