"""Made leaves: the same again, as noisy as asked for, and possible."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.models.ecosystem.leaf import Leaf
from bmi_dmx.models.ecosystem.made_data import (
    ATTRIBUTES,
    TARGETS,
    hidden_truth,
    make_leaves,
    series,
)


def test_the_same_seed_makes_the_same_leaves() -> None:
    one, same, other = (make_leaves(5, 2, seed=seed) for seed in (1, 1, 2))
    for group in ("forcing", "attributes", "targets", "truth"):
        first, again = getattr(one, group), getattr(same, group)
        assert all(np.array_equal(x, again[name]) for name, x in first.items())
        assert any((x != getattr(other, group)[n]).any() for n, x in first.items())


def test_everything_has_its_shape_and_lies_within_bounds() -> None:
    dataset = make_leaves(50, 3)
    process = Leaf()
    assert set(dataset.forcing) == {f.name for f in process.forcings}
    assert set(dataset.targets) == set(TARGETS)
    parameters = [p for p in process.parameters if p.name in dataset.truth]
    assert [p.name for p in parameters] == ["vcmax25", "stomatal_slope", "rd25"]
    (width,) = (p for p in process.parameters if p.source == "attribute")
    groups = (
        (dataset.forcing, process.forcings, (72, 50)),
        (dataset.attributes, (*ATTRIBUTES, width), (50,)),
        (dataset.truth, parameters, (50,)),
    )
    for values, variables, shape in groups:
        for variable in variables:
            x = values[variable.name]
            assert x.shape == shape
            low, high = variable.bounds
            assert ((x >= low) & (x <= high)).all(), variable.name


def test_a_source_of_series_says_the_same() -> None:
    dataset, source = make_leaves(4, 2, noise=0.1, seed=3), series(4, 2, 0.1, 3)
    for group in ("forcing", "attributes", "targets"):
        assert {n: x.tolist() for n, x in source[group].items()} == {
            n: x.tolist() for n, x in getattr(dataset, group).items()
        }
    assert source["units"].keys() == dataset.attributes.keys()


def test_the_noise_is_as_large_as_asked_for() -> None:
    clean, noisy = (make_leaves(100, 4, noise=noise) for noise in (0.0, 0.1))
    for name, exact in clean.targets.items():
        errors = noisy.targets[name] - exact
        assert errors.std() == pytest.approx(0.1 * exact.std(), rel=0.05)


def test_the_truth_is_that_of_the_attributes() -> None:
    dataset = make_leaves(10)
    for name, x in hidden_truth(dataset.attributes).items():
        assert np.array_equal(x, dataset.truth[name])
    richer = dataset.attributes | {
        "leaf_nitrogen": 2.0 * dataset.attributes["leaf_nitrogen"]
    }
    assert (hidden_truth(richer)["vcmax25"] > dataset.truth["vcmax25"]).all()
    drier = dataset.attributes | {"aridity": 2.0 * dataset.attributes["aridity"]}
    assert (
        hidden_truth(drier)["stomatal_slope"] < dataset.truth["stomatal_slope"]
    ).all()


def test_leaves_take_up_carbon_by_day_and_lose_it_by_night() -> None:
    dataset = make_leaves(40, 3, noise=0.0)
    net = dataset.targets["net_assimilation"]
    assert (net[::24] < 0.0).all()
    assert net[12::24].mean() > 5.0
    assert net.max() < 60.0
