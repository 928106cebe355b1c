"""What all filters have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.assimilation.filters import Filter
from bmi_dmx.assimilation.filters.enkf import DEnkf, Enkf
from bmi_dmx.assimilation.filters.enkf_n import EnkfN
from bmi_dmx.assimilation.filters.etkf import Etkf, Letkf
from bmi_dmx.assimilation.filters.particles import ParticleFilter
from bmi_dmx.assimilation.filters.static import Interpolation, Nudging
from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.registries import filters
from tests.assimilation.problems import Array, Problem, problem

ENTRIES, OBSERVED = 5, 3

TAPER = np.random.default_rng(9).uniform(0.0, 1.0, (ENTRIES, OBSERVED))
TAPER[TAPER < 0.3] = 0.0

STATIC = Interpolation(np.diag(np.arange(1.0, 6.0)), problem().operator)

WHOLE: dict[str, Filter] = {
    "etkf": Etkf(),
    "denkf": DEnkf(),
    "enkf_n": EnkfN(),
    "enkf": Enkf(),
    "oi": STATIC,
}
LOCAL: dict[str, Filter] = {
    "letkf": Letkf(),
    "denkf": DEnkf(),
    "enkf_n": EnkfN(),
    "enkf": Enkf(),
    "oi": STATIC,
    "nudging": Nudging(0.3),
}

Analyse = Callable[[Problem], Array]


class Pattern(np.random.Generator):
    """Numbers that depend on observation and member alone, whatever the problems."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def standard_normal(self, size: Any = None, *_: Any, **__: Any) -> Any:
        first, last = size[0], size[-1]
        values = np.sin(np.outer(np.arange(1, first + 1), np.arange(1, last + 1)))
        return np.broadcast_to(
            values.reshape(first, *(1,) * (len(size) - 2), last), size
        ).copy()


def analysing(name: str, scheme: Filter, taper: Array | None) -> Any:
    def analyse(p: Problem, weights: Array | None = taper) -> Array:
        return scheme.analyse(*p.arguments, taper=weights, generator=Pattern())

    return pytest.param(analyse, id=name if taper is None else f"{name}-local")


FILTERS = [
    *(analysing(name, chosen, None) for name, chosen in WHOLE.items()),
    *(analysing(name, chosen, TAPER) for name, chosen in LOCAL.items()),
]


@pytest.mark.parametrize("analyse", FILTERS)
@pytest.mark.parametrize("members", [2, 3, 4, 9])
def test_problems_side_by_side_are_each_analysed_alone(
    analyse: Analyse, members: int
) -> None:
    many = problem((2, 3), members)
    analysis = analyse(many)
    for at in np.ndindex(2, 3):
        observation = Observation(
            many.observation.value[at], many.observation.error[at]
        )
        alone = analyse(Problem(many.ensemble[at], many.operator, observation))
        np.testing.assert_allclose(analysis[at], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("analyse", FILTERS)
@pytest.mark.parametrize("members", [2, 5])
def test_a_missing_value_is_as_an_observation_less(
    analyse: Analyse, members: int
) -> None:
    p = problem((2,), members)
    value, error = p.observation.value.copy(), p.observation.error.copy()
    value[..., -1] = error[..., -1] = np.nan
    analysis = analyse(replace(p, observation=Observation(value, error)))
    fewer = Problem(
        p.ensemble, p.operator[:-1], Observation(value[..., :-1], error[..., :-1])
    )
    local = analyse.__defaults__[0] is not None
    scheme = analyse.__closure__[0].cell_contents
    if isinstance(scheme, Interpolation):
        scheme = replace(scheme, operator=fewer.operator)
    expected = scheme.analyse(
        *fewer.arguments,
        taper=TAPER[:, :-1] if local else None, generator=Pattern(),
    )  # fmt: skip
    np.testing.assert_allclose(analysis, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("analyse", FILTERS)
def test_where_all_is_missing_the_forecast_stays_bit_for_bit(analyse: Analyse) -> None:
    p = problem((3,))
    value = p.observation.value.copy()
    value[1] = np.nan
    analysis = analyse(replace(p, observation=Observation(value, p.observation.error)))
    assert np.array_equal(analysis[1], p.ensemble[1])
    assert not np.isclose(analysis[[0, 2]], p.ensemble[[0, 2]]).all()


@pytest.mark.parametrize("chosen", WHOLE.values(), ids=WHOLE)
def test_nothing_to_observe_changes_nothing(chosen: Filter) -> None:
    p = problem((2,), observed=0)
    if isinstance(chosen, Interpolation):
        chosen = replace(chosen, operator=p.operator)
    for taper in (None, np.ones((ENTRIES, 0))):
        analysis = chosen.analyse(*p.arguments, taper=taper, generator=Pattern())
        assert np.array_equal(analysis, p.ensemble)


def test_entries_without_an_observation_near_stay_bit_for_bit() -> None:
    taper = TAPER.copy()
    taper[[1, 4]] = 0.0
    p = problem((2,))
    for scheme in LOCAL.values():
        analysis = scheme.analyse(*p.arguments, taper=taper, generator=Pattern())
        assert np.array_equal(analysis[..., [1, 4]], p.ensemble[..., [1, 4]])
        assert not np.isclose(analysis[..., 0], p.ensemble[..., 0]).any()


DETERMINISTIC = [
    x for x in FILTERS if not str(x.id).startswith("enkf-") and x.id != "enkf"
]


@pytest.mark.parametrize("analyse", DETERMINISTIC)
@given(order=st.permutations(range(6)))
def test_the_order_of_members_does_not_matter(
    analyse: Analyse, order: list[int]
) -> None:
    p = problem((2,), members=6)
    turned = replace(p, ensemble=p.ensemble[..., order, :])
    np.testing.assert_allclose(
        analyse(turned), analyse(p)[..., order, :], rtol=1e-11, atol=1e-11
    )


@pytest.mark.parametrize("analyse", FILTERS)
def test_single_precision_is_near_double(analyse: Analyse) -> None:
    p = problem((4,))
    single = Problem(
        p.ensemble.astype(np.float32), p.operator.astype(np.float32),
        Observation(
            p.observation.value.astype(np.float32),
            p.observation.error.astype(np.float32),
        ),
    )  # fmt: skip
    analysis = analyse(single)
    assert analysis.dtype == np.float32
    np.testing.assert_allclose(analysis, analyse(p), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("members", [3, 10])
def test_a_taper_of_ones_is_the_whole_analysis(members: int) -> None:
    p = problem((2,), members)
    ones = np.ones((ENTRIES, OBSERVED))
    for scheme in (Etkf(), DEnkf(), EnkfN(), Enkf()):
        whole = scheme.analyse(*p.arguments, generator=Pattern())
        local = scheme.analyse(*p.arguments, taper=ones, generator=Pattern())
        np.testing.assert_allclose(local, whole, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("chosen", [Letkf(), DEnkf(), EnkfN(), Enkf()])
def test_a_local_analysis_is_the_whole_one_with_larger_errors(chosen: Filter) -> None:
    p = problem((2,), members=6)
    analysis = chosen.analyse(*p.arguments, taper=TAPER, generator=Pattern())
    for entry, weights in enumerate(TAPER):
        near = np.where(weights > 0, p.observation.value, np.nan)
        weights = np.where(weights > 0, weights, 1.0)
        observation = Observation(near, p.observation.error / np.sqrt(weights))
        whole = Etkf() if isinstance(chosen, Letkf) else chosen
        alone = whole.analyse(
            p.ensemble, p.predicted, observation, generator=Pattern()
        )[..., entry]
        np.testing.assert_allclose(analysis[..., entry], alone, rtol=1e-10, atol=1e-10)


def test_each_problem_may_have_a_taper_of_its_own() -> None:
    p = problem((2,))
    both = np.stack([TAPER, TAPER[::-1]])
    analysis = Letkf().analyse(*p.arguments, taper=both)
    for k, taper in enumerate(both):
        observation = Observation(p.observation.value[k], p.observation.error[k])
        alone = Problem(p.ensemble[k], p.operator, observation)
        expected = Letkf().analyse(*alone.arguments, taper=taper)
        np.testing.assert_allclose(analysis[k], expected, rtol=1e-12, atol=1e-12)


def test_many_entries_with_few_observations_near_are_analysed_in_blocks() -> None:
    # Each of 300 entries sees two of 100 observations.
    rng = np.random.default_rng(2)
    ensemble = rng.standard_normal((40, 6, 300))
    predicted = ensemble[..., ::3]
    observation = Observation(rng.standard_normal((40, 100)), np.ones((40, 100)))
    taper = np.zeros((300, 100))
    entry = np.arange(300)
    taper[entry, entry // 3] = 1.0
    taper[entry, (entry // 3 + 1) % 100] = 0.4
    for scheme in (Letkf(), Enkf()):
        analysis = scheme.analyse(
            ensemble, predicted, observation, taper=taper, generator=Pattern()
        )
        dense = scheme.analyse(
            ensemble, predicted, observation,
            taper=np.broadcast_to(taper, (40, 300, 100)), generator=Pattern(),
        )  # fmt: skip
        np.testing.assert_allclose(analysis, dense, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("name", LOCAL)
def test_entries_side_by_side_may_share_a_row_of_the_taper(
    name: str, few: bool
) -> None:
    rng = np.random.default_rng(3)
    p = problem((2,), 8, 12, 6)
    weights = rng.uniform(0.2, 1.0, (4, 6))
    weights[2] = 0.0
    if few:
        weights[:, 2:] = 0.0
    chosen = Interpolation(np.eye(12), p.operator) if name == "oi" else LOCAL[name]
    found, expected = (
        chosen.analyse(*p.arguments, taper=taper, generator=Pattern())
        for taper in (weights, np.repeat(weights, 3, axis=0))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert np.array_equal(found[..., 6:9], p.ensemble[..., 6:9])
    assert not np.isclose(found[..., :6], p.ensemble[..., :6]).any()


@pytest.mark.parametrize("chosen", [Etkf(), DEnkf(), EnkfN(), Enkf()])
def test_one_member_has_no_spread_and_is_refused(chosen: Filter) -> None:
    p = problem(members=1)
    with pytest.raises(DataError, match="ensemble: expected at least 2 members, fou"):
        chosen.analyse(*p.arguments, generator=Pattern())


@pytest.mark.parametrize("chosen", [STATIC, ParticleFilter()])
def test_one_member_is_enough_where_no_spread_is_needed(chosen: Filter) -> None:
    p = problem(members=1)
    analysis = chosen.analyse(*p.arguments, generator=np.random.default_rng(0))
    assert np.isfinite(analysis).all()
    assert analysis.shape == p.ensemble.shape


def test_a_local_filter_asks_for_its_taper() -> None:
    with pytest.raises(ConfigError, match="Letkf: taper: expected weights"):
        Letkf().analyse(*problem().arguments)


@pytest.mark.parametrize("chosen", [Enkf(), Etkf(rotate=True), ParticleFilter()])
def test_a_filter_that_draws_asks_for_a_generator(chosen: Filter) -> None:
    with pytest.raises(ConfigError, match="generator: this filter draws numbers"):
        chosen.analyse(*problem().arguments)


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("ensemble", r"Etkf: ensemble: found nan at \(1, 2\), expected a number"),
        ("predicted", r"Etkf: predicted: found nan at \(1, 2\), expected a number"),
    ],
)
def test_numbers_that_are_none_are_refused_with_their_place(
    what: str, found: str
) -> None:
    p = problem()
    arrays = {"ensemble": p.ensemble.copy(), "predicted": p.predicted}
    arrays[what][1, 2] = np.nan
    with pytest.raises(DataError, match=found):
        Etkf().analyse(**arrays, observation=p.observation)


def test_predictions_of_what_is_missing_are_not_looked_at() -> None:
    p = problem()
    value = p.observation.value.copy()
    value[1] = np.nan
    observation = Observation(value, p.observation.error)
    predicted = p.predicted
    expected = Etkf().analyse(p.ensemble, predicted, observation)
    predicted[:, 1] = np.nan
    analysis = Etkf().analyse(p.ensemble, predicted, observation)
    assert np.array_equal(analysis, expected)


def test_shapes_that_do_not_fit_are_refused() -> None:
    p = problem((2,))
    with pytest.raises(DataError, match=r"predicted: expected shape \(2, 8, 3\), fou"):
        Etkf().analyse(p.ensemble, p.predicted[..., :2], p.observation)
    with pytest.raises(DataError, match="observation: expected shape"):
        Etkf().analyse(p.ensemble[0], p.predicted[0], p.observation)
    with pytest.raises(DataError, match=r"taper: expected shape \(5, 3\) or"):
        Etkf().analyse(*p.arguments, taper=np.ones((3, 5)))
    with pytest.raises(DataError, match="expected floats"):
        Etkf().analyse(p.ensemble.astype(int), p.predicted, p.observation)


def test_all_filters_have_a_name_and_can_be_imported() -> None:
    assert len(filters) > 10
    for name in filters:
        scheme = filters[name]
        assert hasattr(scheme, "analyse") or hasattr(scheme, "analyse_window")
