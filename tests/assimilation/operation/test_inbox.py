"""What came is told apart: usable, late, absurd, early, or there before."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.operation.inbox import STATUS, Inbox
from bmi_dmx.assimilation.operation.settings import Error, Observed, span_of
from bmi_dmx.errors import ConfigError

HOUR = 3600.0


def inbox(max_age: str | float = "3 h", places: int = 1) -> Inbox:
    """Return an inbox of two members that predicted 1, 2, 3, … in turn."""
    settings = Observed(error=Error(relative=0.1, absolute=0.2), max_age=max_age)
    return Inbox("x", settings, 2, places, HOUR)


def status(box: Inbox, now: float, value: float, valid: float = np.nan) -> str:
    """Return what becomes of a value that comes before the step that ends now."""
    box.value[:], box.valid[:] = value, valid
    taken = box.take(now)
    box.mark(taken)
    return STATUS[taken.status[0]]


def test_ages_are_counted_in_steps() -> None:
    box = inbox()
    for step in range(1, 6):
        box.predict(np.full((2, 1), float(step)))
    now = 5.0 * HOUR
    for age, prediction in ((0.0, 5.0), (0.4, 4.0), (1.0, 4.0), (3.0, 2.0)):
        box.value[:], box.valid[:] = 9.0, now - age * HOUR
        taken = box.take(now)
        at = np.array([0])
        assert box.predicted(taken, at).tolist() == [[prediction, prediction]], age
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
    taken = box.take(HOUR)
    assert [STATUS[k] for k in taken.status] == ["early", "used", "none"]
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
