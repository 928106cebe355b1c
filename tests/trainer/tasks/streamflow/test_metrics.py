"""Metrics: against loops over one basin, analytic cases, and invariances."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.tasks.streamflow.metrics import (
    median,
    median_of_all,
    metrics,
    score,
    summarise,
)

Array = NDArray[np.float64]
NAN = math.nan

IN_TIME = ("peak_timing", "flashiness_error", "bfi_error")
"""Metrics that depend on the order of days."""

ORDERLESS = [name for name in metrics.names() if name not in IN_TIME]


def flows(steps: int, basins: int, seed: int, gaps: float = 0.1) -> tuple[Array, Array]:
    draw = np.random.default_rng(seed)
    observed = draw.gamma(0.7, 2.0, (steps, basins))
    simulated = observed * draw.lognormal(0.0, 0.5, (steps, basins)) + 0.02
    observed[draw.random((steps, basins)) < gaps] = NAN
    simulated[draw.random((steps, basins)) < gaps / 5] = NAN
    return simulated, observed


def quantile(values: list[float], p: float) -> float:
    rank = p * (len(values) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(values) - 1)
    return values[low] + (rank - low) * (values[high] - values[low])


def nse_of(s: list[float], o: list[float]) -> float:
    mean = statistics.fmean(o)
    error = sum((a - b) ** 2 for a, b in zip(s, o, strict=True))
    return 1 - error / sum((b - mean) ** 2 for b in o)


def relative(s: list[float], o: list[float], absolute: bool = False) -> float:
    errors = [a - b for a, b in zip(s, o, strict=True)]
    return 100 * sum(abs(e) if absolute else e for e in errors) / sum(o)


def root_mean_square(s: list[float], o: list[float]) -> float:
    return math.sqrt(statistics.fmean((a - b) ** 2 for a, b in zip(s, o, strict=True)))


def one_basin(simulated: Array, observed: Array) -> dict[str, float]:
    """Every metric of one basin in plain Python."""
    pairs = [
        (s, o) for s, o in zip(simulated, observed, strict=True) if s == s and o == o
    ]
    s, o = [float(p[0]) for p in pairs], [float(p[1]) for p in pairs]
    r = statistics.correlation(s, o)
    alpha = statistics.pstdev(s) / statistics.pstdev(o)
    beta = statistics.fmean(s) / statistics.fmean(o)
    ranked_s, ranked_o = sorted(s), sorted(o)
    n_low, n_high = int(0.3 * len(s) + 0.5), int(0.02 * len(s) + 0.5)
    low = ranked_s[:n_low], ranked_o[:n_low]
    high = ranked_s[-n_high:], ranked_o[-n_high:]
    log_s, log_o = ([math.log(max(v, 0.01)) for v in x] for x in (s, o))
    slope_s, slope_o = (
        quantile(sorted(x), 0.8) - quantile(sorted(x), 0.3) for x in (log_s, log_o)
    )
    return {
        "nse": nse_of(s, o),
        "kge": 1 - math.hypot(r - 1, alpha - 1, beta - 1),
        "kge_prime": 1 - math.hypot(r - 1, alpha / beta - 1, beta - 1),
        "r": r,
        "alpha": alpha,
        "beta": beta,
        "bias": relative(s, o),
        "fhv": relative(*high),
        "fhv_abs": relative(*high, absolute=True),
        "flv": relative(*low),
        "flv_abs": relative(*low, absolute=True),
        "fms": 100 * (slope_s - slope_o) / slope_o,
        "rmse": root_mean_square(s, o),
        "rmse_low": root_mean_square(*low),
        "rmse_peak": root_mean_square(*high),
        "log_nse": nse_of(log_s, log_o),
        "sqrt_nse": nse_of([math.sqrt(v) for v in s], [math.sqrt(v) for v in o]),
        "peak_timing": timing_of(simulated, observed),
        "flashiness_error": 100 * (nervous(simulated, observed) - 1),
        "bfi_error": slow_share(simulated, observed) - slow_share(observed, simulated),
        "n_observations": len(pairs),
    }


def nervous(one: Array, other: Array) -> float:
    """Flashiness of one series over that of the other."""

    def index(x: Array) -> float:
        valid = [a == a and b == b for a, b in zip(one, other, strict=True)]
        steps = [t for t in range(1, len(x)) if valid[t] and valid[t - 1]]
        return float(
            sum(abs(x[t] - x[t - 1]) for t in steps) / sum(x[t] for t in steps)
        )

    return index(one) / index(other)


def slow_share(flow: Array, other: Array) -> float:
    """Baseflow index of the steps at which another series is known, too."""
    valid = [a == a and b == b for a, b in zip(flow, other, strict=True)]
    slow = [float(q) if k else NAN for q, k in zip(flow, valid, strict=True)]
    for direction in (1, -1, 1):
        series, quick, baseflow = slow[::direction], 0.0, []
        for t, q in enumerate(series):
            gap = t > 0 and series[t - 1] != series[t - 1]
            rise = 0.0 if t == 0 else q - series[t - 1]
            quick = 0.0 if q != q or gap else max(0.925 * quick + 0.9625 * rise, 0.0)
            baseflow.append(q - min(quick, q) if q == q else NAN)
        slow = baseflow[::direction]
    whole = sum(float(q) for q, k in zip(flow, valid, strict=True) if k)
    return sum(q for q in slow if q == q) / whole


def timing_of(simulated: Array, observed: Array) -> float:
    valid = ~(np.isnan(simulated) | np.isnan(observed))
    o, s = (np.where(valid, x, -np.inf) for x in (observed, simulated))
    values = [float(v) for v in observed[valid]]
    threshold = statistics.fmean(values) + statistics.pstdev(values)
    lags = []
    for t in np.flatnonzero(valid):
        around = np.r_[o[max(0, t - 30) : t], o[t + 1 : t + 31]]
        if o[t] > threshold and o[t] > around.max():
            near = range(max(0, t - 3), min(len(s), t + 4))
            if len({float(s[i]) for i in near if valid[i]}) == 1:
                continue
            lags.append(
                min(abs(i - t) for i in near if s[i] == max(s[j] for j in near))
            )
    return statistics.fmean(lags) if lags else NAN


def test_every_metric_agrees_with_a_loop_over_one_basin() -> None:
    simulated, observed = flows(700, 4, seed=1)
    scores = score(simulated, observed)
    for basin in range(4):
        expected = one_basin(simulated[:, basin], observed[:, basin])
        assert set(expected) == set(metrics.names())
        for name, value in expected.items():
            assert scores[name][basin] == pytest.approx(value, rel=1e-10), name


def test_a_perfect_simulation_has_the_ideal_of_every_metric() -> None:
    _, observed = flows(400, 2, seed=2)
    for name, values in score(observed, observed).items():
        if metrics[name].ideal is not None:
            assert values == pytest.approx(metrics[name].ideal, abs=1e-12), name


def test_the_mean_flow_scores_zero_nse_and_one_minus_root_two_kge() -> None:
    _, observed = flows(333, 3, seed=3)
    mean = np.broadcast_to(np.nanmean(observed, axis=0), observed.shape)
    scores = score(mean, observed)
    assert scores["nse"] == pytest.approx(np.zeros(3), abs=1e-12)
    assert scores["kge"] == pytest.approx(np.full(3, 1 - math.sqrt(2)), rel=1e-12)
    assert (scores["r"] == 0).all()


def test_a_doubled_simulation_has_known_components() -> None:
    _, observed = flows(200, 1, seed=4)
    scores = score(2 * observed, observed)
    assert scores["bias"] == pytest.approx([100.0])
    assert scores["fhv"] == pytest.approx([100.0])
    assert scores["flv_abs"] == pytest.approx([100.0])
    assert scores["kge"] == pytest.approx([1 - math.sqrt(2)])
    assert scores["kge_prime"] == pytest.approx([0.0])


def test_a_late_simulation_has_its_delay_as_peak_timing() -> None:
    days = np.arange(365.0)
    observed = 1 + sum(20 * np.exp(-np.abs(days - peak)) for peak in (50, 150, 300))
    late = np.roll(observed, 2)
    scores = score(late[:, None], observed[:, None], ["peak_timing"])
    assert scores["peak_timing"] == pytest.approx([2.0])


def test_a_flat_simulation_has_no_peak_timing() -> None:
    days = np.arange(365.0)
    observed = 1 + sum(20 * np.exp(-np.abs(days - peak)) for peak in (50, 150, 300))
    flat = np.where(days < 200, 3.0, np.roll(observed, 2))
    pair = np.stack([np.full(365, 3.0), flat], axis=1), np.stack([observed] * 2, axis=1)
    np.testing.assert_array_equal(
        score(*pair, ["peak_timing"])["peak_timing"], [NAN, 2]
    )


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), steps=st.integers(2, 60))
def test_the_order_of_days_does_not_matter(seed: int, steps: int) -> None:
    simulated, observed = flows(steps, 3, seed, gaps=0.3)
    order = np.random.default_rng(seed).permutation(steps)
    direct = score(simulated, observed, ORDERLESS)
    shuffled = score(simulated[order], observed[order], ORDERLESS)
    for name, values in direct.items():
        np.testing.assert_allclose(shuffled[name], values, rtol=1e-7, atol=1e-9)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), gaps=st.floats(0, 0.9))
def test_missing_days_are_as_if_they_were_not_there(seed: int, gaps: float) -> None:
    simulated, observed = flows(50, 1, seed, gaps)
    valid = ~(np.isnan(simulated) | np.isnan(observed))[:, 0]
    masked = score(simulated, observed, ORDERLESS)
    if valid.any():
        for name, values in score(simulated[valid], observed[valid], ORDERLESS).items():
            np.testing.assert_allclose(masked[name], values, rtol=1e-9, atol=1e-12)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 40))
def test_basins_do_not_see_each_other(seed: int, steps: int) -> None:
    simulated, observed = flows(steps, 3, seed, gaps=0.5)
    together = score(simulated, observed)
    for basin in range(3):
        alone = score(simulated[:, [basin]], observed[:, [basin]])
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][[basin]], values, rtol=1e-12)


def test_undefined_scores_are_nan_and_never_raise() -> None:
    observed = np.array(
        [[0.3, NAN, 1.0, 0.0], [0.3, 1.0, NAN, 0.0], [0.3, NAN, NAN, 0]]
    )
    simulated = np.array([[1.0, 1.0, NAN, 1.0], [2.0, 2.0, 2.0, 1.0], [4, 4, 4, 1.0]])
    scores = score(simulated, observed)
    # Basin 0 is constant, 1 has one pair, 2 has none, 3 is dry.
    assert scores["n_observations"].tolist() == [3, 1, 0, 3]
    for name in ("nse", "kge", "kge_prime", "r", "alpha", "log_nse", "sqrt_nse", "fms"):
        assert np.isnan(scores[name]).all(), name
    for name, values in scores.items():
        if name != "n_observations":
            assert np.isnan(values[[1, 2]]).all(), name
    assert scores["rmse"][3] == 1.0
    assert np.isnan(scores["bias"][3])
    assert scores["bias"][0] == pytest.approx(100 * (7 - 0.9) / 0.9)


def test_wrong_input_is_refused() -> None:
    good = np.ones((3, 2))
    with pytest.raises(DataError, match=r"expected the same \(time, basin\)"):
        score(good, good[:2])
    with pytest.raises(DataError, match="at least one time step"):
        score(good[:0], good[:0])
    with pytest.raises(DataError, match="simulated flow of basin 1 contains infinite"):
        score(np.array([[1.0, np.inf]]), np.ones((1, 2)))
    with pytest.raises(
        ConfigError, match=r"unknown metric 'nsee'; did you mean 'nse'\?"
    ):
        score(good, good, ["nsee"])


def test_metrics_come_in_the_order_asked_for() -> None:
    simulated, observed = flows(30, 2, seed=5)
    assert list(score(simulated, observed, ["kge", "nse"])) == ["kge", "nse"]


def test_every_metric_says_what_it_is() -> None:
    for name in metrics.names():
        assert metrics[name].about
        assert metrics[name].units


def test_median_ignores_undefined_scores_and_counts_the_others() -> None:
    assert median([0.2, NAN, 0.8, 0.4]) == (0.4, 3)
    value, defined = median([NAN])
    assert math.isnan(value)
    assert defined == 0


def test_summary_describes_the_distribution() -> None:
    summary = summarise([*range(101), NAN])
    assert (summary.basins, summary.defined) == (102, 101)
    assert (summary.mean, summary.median) == (50.0, 50.0)
    assert (summary.minimum, summary.q05, summary.q95) == (0.0, 5.0, 95.0)
    assert (summary.q25, summary.q75, summary.maximum) == (25.0, 75.0, 100.0)
    assert math.isnan(summarise([NAN]).mean)


def test_where_nothing_is_simulated_is_worse_than_everywhere_else() -> None:
    observed = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [4.0, 1.0, 2.0]])
    observed = np.column_stack([observed, np.full(3, NAN)])
    simulated = observed + np.array([[0.5], [-0.5], [0.5]])
    scores = score(simulated, observed, ["nse"])["nse"]
    middle = median_of_all("nse", simulated, observed)
    assert middle == np.median(scores[:3])
    diverged = simulated.copy()
    diverged[2, np.argmax(scores[:3])] = NAN
    assert median_of_all("nse", diverged, observed) == np.sort(scores[:3])[0]
    # Where nothing was observed it does not matter what is simulated.
    unseen = simulated.copy()
    unseen[:, 3] = NAN
    assert median_of_all("nse", unseen, observed) == middle
    assert median_of_all("nse", np.full_like(observed, NAN), observed) == -math.inf
    assert math.isnan(median_of_all("nse", simulated[:, 3:], observed[:, 3:]))
