"""What is observed of a state, and when."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from bmi_dmx.assimilation.observing_system import ObservingSystem, Operators, observing
from bmi_dmx.errors import ConfigError

RING = np.arange(12)
TWO_FIELDS = np.tile(np.arange(6), 2)


@pytest.mark.parametrize(
    ("word", "count", "phases"),
    [("full", 12, 1), ("half", 6, 2), ("every-4th", 3, 4), ("every-3", 4, 3),
     ("projections", 3, 8)],
)  # fmt: skip
def test_words_say_what_is_observed(word: str, count: int, phases: int) -> None:
    operators = Operators(observing(word, ObservingSystem(error=2.0)), RING)
    assert (operators.count, operators.phases) == (count, phases)
    assert observing(word, ObservingSystem(error=2.0)).error == 2.0


def test_places_take_turns_until_all_were_seen() -> None:
    operators = Operators(ObservingSystem(every=4), RING)
    entries = [operators.entries(cycle) for cycle in range(5)]
    np.testing.assert_array_equal(entries[0], [0, 4, 8])
    np.testing.assert_array_equal(entries[1], [1, 5, 9])
    np.testing.assert_array_equal(entries[4], entries[0])
    assert sorted(np.concatenate(entries[:4])) == list(range(12))


def test_places_that_do_not_take_turns_are_always_the_same() -> None:
    operators = Operators(ObservingSystem(every=2, rotate=False), RING)
    for cycle in range(3):
        np.testing.assert_array_equal(operators.entries(cycle), RING[::2])


def test_all_that_is_known_of_a_place_is_observed_at_once() -> None:
    operators = Operators(ObservingSystem(every=3), TWO_FIELDS)
    np.testing.assert_array_equal(operators.entries(1), [1, 4, 7, 10])


def test_projections_take_turns_with_places_and_stay_the_same() -> None:
    operators = Operators(observing("projections", ObservingSystem(seed=3)), RING)
    again = Operators(observing("projections", ObservingSystem(seed=3)), RING)
    states = np.random.default_rng(0).normal(size=(2, 5, 12))
    assert operators.entries(1) is None
    np.testing.assert_array_equal(operators.entries(2), [1, 5, 9])
    np.testing.assert_array_equal(
        operators.predict(states, 1), operators.predict(states, 3)
    )
    np.testing.assert_array_equal(again.matrix, operators.matrix)


@pytest.mark.parametrize("word", ["full", "every-4th", "projections"])
def test_what_is_predicted_is_a_matrix_times_the_state(word: str) -> None:
    operators = Operators(observing(word, ObservingSystem()), RING)
    states = np.random.default_rng(0).normal(size=(2, 5, 12))
    for cycle in range(operators.phases):
        predicted = operators.predict(states, cycle)
        np.testing.assert_allclose(predicted, states @ operators.whole(cycle).T)
        tensor = operators.predict(torch.from_numpy(states), cycle)
        np.testing.assert_allclose(tensor.numpy(), predicted)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: observing("some", ObservingSystem()),
            "observe: found 'some', expected full",
        ),
        (
            lambda: ObservingSystem(every=0),
            "observe.every: expected at least 1, found 0",
        ),
        (
            lambda: ObservingSystem(error=0.0),
            "observe.error: expected a number above 0",
        ),
        (
            lambda: ObservingSystem(missing=1.0),
            "observe.missing: expected a share below 1",
        ),
        (
            lambda: ObservingSystem(state="slow", projections=True),
            "observe.state: found 'slow' with projections",
        ),
        (
            lambda: Operators(ObservingSystem(every=5), RING),
            "expected a divisor of 12 places",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=re.escape(message)):
        make()
