"""Normalisation: fitted, stored, restored and applied."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.networks.normalization import Normalizer
from bmi_dmx.networks.statistics import Moments, Statistics

VALUES = {
    "area_km2": np.array([1.0, 10.0, 100.0]),
    "aridity": np.array([0.5, 1.0, 2.0]),
}


@given(
    arrays.arrays(
        np.float64, st.integers(2, 30), elements=st.floats(-1e4, 1e4, width=32)
    )
)
@example(np.array([1.2e-37, 0.0, 0.0]))
@settings(max_examples=50)
def test_normalised_values_have_mean_zero_and_spread_of_at_most_one(x):
    statistics = Statistics.fit({"x": x})
    y = Normalizer(statistics, ["x"]).double()(torch.from_numpy(x)[:, None]).numpy()
    assert np.isfinite(y).all()
    assert abs(y.mean()) < 1e-2
    assert y.std() < 1.0 + 1e-3


def test_a_transform_comes_before_mean_and_standard_deviation():
    statistics = Statistics.fit(VALUES, {"area_km2": "log"})
    assert statistics["area_km2"].mean == pytest.approx(np.log(10.0))
    assert statistics["area_km2"].std == pytest.approx(np.log(VALUES["area_km2"]).std())
    normalize = Normalizer(statistics, ["aridity", "area_km2"]).double()
    x = torch.tensor([[2.0, 10.0]], dtype=torch.float64)
    y = normalize(x)
    assert float(y[0, 1]) == pytest.approx(0.0, abs=1e-6)
    moments = statistics["aridity"]
    assert float(y[0, 0]) == pytest.approx((2.0 - moments.mean) / moments.std)


@pytest.mark.parametrize("transform", ["none", "log", "sqrt"])
def test_the_typical_value_normalises_to_zero(transform):
    statistics = Statistics.fit({"x": VALUES["area_km2"]}, {"x": transform})
    typical = torch.tensor([[statistics["x"].typical]], dtype=torch.float64)
    assert float(Normalizer(statistics, ["x"]).double()(typical)) == pytest.approx(
        0.0, abs=1e-6
    )


@pytest.mark.parametrize("constant", [0.0, 1e-40, -3.0, 2.5e6])
def test_a_constant_variable_normalises_to_zero(constant):
    statistics = Statistics.fit({"x": np.full(4, constant)})
    normalize = Normalizer(statistics, ["x"])
    assert float(normalize(torch.tensor([[constant]]))) == 0.0


def test_statistics_survive_storage():
    statistics = Statistics.fit(VALUES, {"area_km2": "sqrt"})
    assert Statistics.from_dict(statistics.to_dict()) == statistics


@pytest.mark.parametrize(
    ("values", "transforms", "message"),
    [
        ({"x": [1.0, np.nan]}, {}, r"x: 1 of 2 values are missing"),
        ({"x": [1.0, 0.0]}, {"x": "log"}, r"x: 1 of 2 .* transform 'log'"),
        ({"x": [-1.0, -2.0]}, {"x": "sqrt"}, r"x: 2 of 2 .* transform 'sqrt'"),
        ({"x": []}, {}, r"x: 0 of 0"),
    ],
)
def test_values_that_cannot_be_summarised_are_refused(values, transforms, message):
    with pytest.raises(DataError, match=message):
        Statistics.fit(values, transforms)


def test_a_transform_of_an_unknown_variable_is_refused():
    with pytest.raises(ConfigError, match=r"'area_km'; did you mean 'area_km2'"):
        Statistics.fit(VALUES, {"area_km": "log"})


def test_a_variable_without_statistics_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"'aridty'; did you mean 'aridity'"):
        Normalizer(Statistics.fit(VALUES), ["aridty"])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"mean": 1.0}, r"^x\.std: missing"),
        ({"mean": 1.0, "std": 0.0}, r"x: std: expected a number above 0, found 0\.0"),
        ({"mean": float("inf"), "std": 1.0}, r"x: mean: expected a finite number"),
        ({"mean": "one", "std": 1.0}, r"x\.mean: found 'one', expected a number"),
        ({"mean": 1.0, "std": 1.0, "sdt": 1.0}, r"x\.sdt: unknown key.*'std'"),
        ({"mean": 1.0, "std": 1.0, "transform": "ln"}, r"x\.transform: unknown value"),
    ],
)
def test_stored_statistics_are_checked(entry, message):
    with pytest.raises(ConfigError, match=message):
        Statistics.from_dict({"x": entry})


def test_moments_are_a_mapping_entry():
    statistics = Statistics({"x": Moments(1.0, 2.0)})
    assert dict(statistics) == {"x": Moments(1.0, 2.0)}
    assert "y" not in statistics
