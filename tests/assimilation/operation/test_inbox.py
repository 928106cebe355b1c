"""What came is told apart: usable, late, absurd, early, or there before."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from bmi_dmx.assimilation.operation.inbox import STATUS, Inbox
from bmi_dmx.assimilation.operation.settings import (
    Error,
    ObservedQuantity,
    RemainderSettings,
    span_of,
)
from bmi_dmx.errors import ConfigError

HOUR = 3600.0


def inbox(max_age: str | float = "3 h", places: int = 1) -> Inbox:
    """Return an inbox of two members that predicted 1, 2, 3, … in turn."""
    settings = ObservedQuantity(
        error=Error(relative=0.1, absolute=0.2), max_age=max_age
    )
    return Inbox("x", settings, 2, places, HOUR)


def status(box: Inbox, now: float, value: float, valid: float = np.nan) -> str:
    """Return what becomes of a value that comes before the step that ends now."""
    box.value[:], box.valid[:] = value, valid
    batch = box.take(now)
    box.mark(batch)
    return STATUS[batch.status[0]]


def test_ages_are_counted_in_steps() -> None:
    box = inbox()
    for step in range(1, 6):
        box.predict(np.full((2, 1), float(step)))
    now = 5.0 * HOUR
    for age, prediction in ((0.0, 5.0), (0.4, 4.0), (1.0, 4.0), (3.0, 2.0)):
        box.value[:], box.valid[:] = 9.0, now - age * HOUR
        batch = box.take(now)
        at = np.array([0])
        assert box.predicted(batch, at).tolist() == [[prediction, prediction]], age
    assert status(box, now, 9.0, now - 3.01 * HOUR) == "late"


def test_of_one_step_there_is_one_value() -> None:
    box = inbox()
    for _ in range(4):
        box.predict(np.zeros((2, 1)))
    assert status(box, 10.0 * HOUR, 1.0) == "used"
    assert status(box, 10.0 * HOUR, 1.0) == "duplicate"
    box.predict(np.zeros((2, 1)))
    assert status(box, 11.0 * HOUR, 1.0, 10.0 * HOUR) == "duplicate"
    assert status(box, 11.0 * HOUR, 1.0, 9.0 * HOUR) == "used"


def test_means_are_compared_with_the_mean_of_so_many_steps() -> None:
    settings = ObservedQuantity(error=Error(absolute=0.2), mean="3 h", max_age="1 h")
    box = Inbox("x", settings, 2, 1, HOUR)
    for step, expected in ((1.0, np.nan), (2.0, np.nan), (4.0, 7.0 / 3.0), (9.0, 5.0)):
        mean = box.predict(np.array([[step], [2.0 * step]]))
        np.testing.assert_allclose(mean, [[expected], [2.0 * expected]])
    np.testing.assert_allclose(box.window[:, 0, 0], [5.0, 7.0 / 3.0])
    assert status(box, 4.0 * HOUR, 5.0, 3.0 * HOUR) == "used"
    assert status(box, 4.0 * HOUR, 5.0, 2.0 * HOUR) == "late"


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_what_changes_a_mean_changes_the_steps_it_shares_with_later_ones(
    scale: Literal["linear", "log"],
) -> None:
    settings = ObservedQuantity(error=Error(absolute=0.2), mean="3 h", scale=scale)
    box = Inbox("x", settings, 1, 2, HOUR)
    for step in (2.0, 4.0, 9.0):
        box.predict(np.array([[step, step]]))
    # The mean of the second place becomes 6 instead of 5.
    at = np.array([1])
    box.amend(at, box.scaled(np.full((1, 1, 1), 6.0)))
    np.testing.assert_allclose(box.unscaled(box.window[0]), [[5.0, 6.0]])
    mean = box.predict(np.array([[8.0, 8.0]]))
    np.testing.assert_allclose(mean, [[7.0, 7.0 + 2.0 / 3.0]])


def test_steps_of_a_smaller_mean_do_not_fall_below_zero() -> None:
    settings = ObservedQuantity(error=Error(absolute=0.2), mean="3 h")
    box = Inbox("x", settings, 2, 1, HOUR)
    for step in (0.5, 4.0, 10.5):
        # The second member is below zero already, and is shifted as a whole.
        box.predict(np.array([[step], [step - 1.0]]))
    box.amend(np.array([0]), np.array([[[2.0], [1.0]]]))
    np.testing.assert_allclose(box.recent[:, 0, 0], [4.2, 1.6, 0.2])
    np.testing.assert_allclose(box.recent[:, 1, 0], [6.5, 0.0, -3.5])


@pytest.mark.parametrize("mean", ["90 min", "30 min"])
def test_means_are_of_whole_steps(mean: str) -> None:
    settings = ObservedQuantity(error=Error(absolute=0.2), mean=mean)
    with pytest.raises(ConfigError, match="expected whole steps of 3600 s"):
        Inbox("x", settings, 1, 1, HOUR)


def test_a_network_knows_errors_of_single_steps() -> None:
    remaining = RemainderSettings(
        std=0.1, correlation_time="1 d", bundle="camels-errors"
    )
    with pytest.raises(ConfigError, match=r"mean: not with remaining\.bundle"):
        ObservedQuantity(error=Error(absolute=0.2), mean="1 d", remaining=remaining)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_what_is_no_number_is_absurd(value: float) -> None:
    box = inbox()
    box.predict(np.zeros((2, 1)))
    assert status(box, HOUR, value) == "absurd"
    box.error[:] = -1.0
    assert status(box, HOUR, 1.0) == "absurd"


def test_what_is_early_waits_and_all_else_is_gone() -> None:
    box = inbox(places=3)
    box.predict(np.zeros((2, 3)))
    box.value[:] = [1.0, 2.0, np.nan]
    box.valid[:] = [2.0 * HOUR, np.nan, HOUR]
    box.error[:] = 0.5
    batch = box.take(HOUR)
    assert [STATUS[k] for k in batch.status] == ["early", "used", "none"]
    np.testing.assert_array_equal(box.value, [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(box.valid, [2.0 * HOUR, np.nan, np.nan])
    np.testing.assert_array_equal(box.error, [0.5, np.nan, np.nan])


def test_before_there_were_predictions_all_is_late() -> None:
    box = inbox()
    box.predict(np.zeros((2, 1)))
    assert status(box, HOUR, 1.0, 0.0) == "late"


def test_the_usual_error_is_the_root_of_both_squared() -> None:
    box = inbox()
    box.predict(np.zeros((2, 1)))
    box.value[:] = 4.0
    np.testing.assert_allclose(box.take(HOUR).error, np.hypot(0.4, 0.2))


@pytest.mark.parametrize("text", ["3 weeks", "-1 h", "h", "1e999 d", float("nan")])
def test_what_is_no_length_of_time_is_refused(text: str | float) -> None:
    with pytest.raises(ConfigError, match="max_age: found"):
        span_of("max_age", text)


def test_lengths_of_time_have_units() -> None:
    spans = [span_of("x", text) for text in ("2 d", "1.5 h", 30)]
    assert spans == [172800.0, 5400.0, 30.0]
