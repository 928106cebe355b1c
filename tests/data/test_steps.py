"""Steps that times stand for: where they begin, what is odd, what is no series."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bmi_dmx.data.axis import Moments, TimeAxis, moments
from bmi_dmx.data.times import regular
from bmi_dmx.errors import DataError

HOUR, DAY = 3600.0, 86400.0
WHERE = "f.nc: time"
STEPS = st.sampled_from([60.0, 900.0, 1800.0, HOUR, 3 * HOUR, 6 * HOUR, DAY])


def stamped(seconds: Any, kind: str = "f8") -> Moments:
    """Return times as a file holds them, in seconds since 2000."""
    values = np.asarray(seconds, dtype=kind)
    return moments(values, "seconds since 2000-01-01", "", WHERE)


def axis(seconds: Any, **more: Any) -> TimeAxis:
    return TimeAxis.of(stamped(seconds), WHERE, **more)


@given(STEPS, st.integers(-5000, 5000), st.integers(2, 40))
def test_even_times_are_the_beginnings_of_steps(seconds, begin, count):
    timeline = axis(seconds * (begin + np.arange(count)))
    start = np.datetime64("2000-01-01") + np.timedelta64(int(begin * seconds), "s")
    assert (timeline.first, timeline.seconds, timeline.steps) == (start, seconds, count)
    assert timeline.remarks == ()
    assert "is taken for the beginning of its step" in timeline.assumption
    np.testing.assert_array_equal(np.diff(timeline.times), np.timedelta64(int(seconds)))


@given(STEPS, st.integers(0, 5000), st.integers(2, 40))
def test_times_in_the_middle_of_steps_are_recognised_and_said(seconds, begin, count):
    timeline = axis(seconds * (begin + 0.5 + np.arange(count)))
    assert timeline.start == axis(seconds * (begin + np.arange(count))).start
    (remark,) = timeline.remarks
    assert "are taken for the middles of steps of" in remark
    assert timeline.assumption == ""


def test_times_in_the_middle_may_be_taken_as_they_are():
    timeline = axis(HOUR * (0.5 + np.arange(4)), centred=False)
    assert timeline.start == datetime(2000, 1, 1, 0, 30)


@given(STEPS, st.integers(0, 99), st.integers(1, 30), st.floats(0.0, 1.0))
def test_bounds_say_where_steps_begin(seconds, begin, count, place):
    edges = seconds * (begin + np.arange(count + 1))
    ends = stamped(edges[:-1]), stamped(edges[1:])
    timeline = axis(edges[:-1] + place * seconds, bounds=ends)
    assert timeline.first == ends[0].first
    assert (timeline.seconds, timeline.steps) == (seconds, count)
    assert (timeline.remarks, timeline.assumption) == ((), "")


def test_times_outside_their_bounds_are_refused():
    edges = DAY * np.arange(4)
    ends = stamped(edges[:-1]), stamped(edges[1:])
    with pytest.raises(DataError, match=r"2000-01-03 00:00:00 lies outside its bounds"):
        axis(edges[:-1] + 2 * DAY, bounds=ends)


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [([0, 1, 2], [1, 1, 3], "bounds: step 1 from .* has no length"),
     ([0, 1, 2], [1, 3, 3], "bounds: step 1 from .* is 2 h, but the steps begin every"),
     ([0, 1, 3], [1, 2, 4], "bounds: the times do not follow each other evenly"),
     ([0, 0, 1], [1, 1, 2], "bounds: 2000-01-01 00:00:00 is given twice, in entries 0"),
     ([], [], "found 0 times, expected at least 1")],
)  # fmt: skip
def test_bounds_that_are_no_steps_are_refused(begin, end, message):
    ends = stamped(HOUR * np.array(begin)), stamped(HOUR * np.array(end))
    with pytest.raises(DataError, match=message):
        axis(HOUR * np.array(begin), bounds=ends)


@given(STEPS, st.integers(3, 40), st.data())
def test_a_gap_is_named_with_what_is_missing(seconds, count, data):
    at = data.draw(st.integers(1, count - 1))
    gone = data.draw(st.integers(1, 9))
    times = seconds * np.arange(count + gone)
    gapped = np.delete(times, np.arange(at, at + gone))
    # Of two lengths the rarer is the gap.
    assume(min(at, count - at) > 1)
    verb = "is" if gone == 1 else "are"
    text = rf"\(entries {at - 1} and {at}\).*: {gone} {verb} missing$"
    with pytest.raises(DataError, match=text):
        axis(gapped)


@given(st.integers(2, 40), st.data())
def test_a_time_given_twice_is_named_with_both_entries(count, data):
    at = data.draw(st.integers(0, count - 1))
    times = np.insert(HOUR * np.arange(count), at, HOUR * at)
    message = rf"is given twice, in entries {at} and {at + 1}$"
    with pytest.raises(DataError, match=message):
        axis(times)


def test_times_that_fall_are_refused():
    with pytest.raises(DataError, match=r"do not increase: .* 02:00:00 is followed by"):
        axis(HOUR * np.arange(3)[::-1])


@pytest.mark.parametrize("count", [0, 1])
def test_one_time_says_no_length(count):
    with pytest.raises(DataError, match=f"found {count} times, expected at least 2"):
        axis(np.zeros(count))


@given(st.integers(10_000, 20_000), st.integers(5, 200), st.integers(0, 23))
def test_hours_through_single_precision_are_read_and_said(day, count, hour):
    # Days with a fraction in float32 are off by minutes, as many files have it.
    days = (day + (hour + np.arange(count)) / 24.0).astype(np.float32)
    timeline = TimeAxis.of(moments(days, "days since 1970-01-01", "", WHERE), WHERE)
    assert timeline.seconds == HOUR
    expected = np.datetime64("1970-01-01") + np.timedelta64(24 * day + hour, "h")
    assert timeline.first == expected
    assert "went through single precision" in timeline.remarks[0]


@given(st.integers(0, 10_000), st.integers(3, 50), st.integers(1, 3))
def test_a_gap_among_single_precision_is_still_one(day, count, gone):
    days = day + np.arange(2 * count + gone) / 24.0
    gapped = np.delete(days, np.arange(count, count + gone)).astype(np.float32)
    times = moments(gapped, "days since 1970-01-01", "", WHERE)
    with pytest.raises(DataError, match="do not follow each other evenly"):
        TimeAxis.of(times, WHERE)


@given(st.integers(0, 3650), st.integers(3, 200))
def test_fractions_of_days_are_whole_hours(day, count):
    days = day + np.arange(count) / 24.0
    timeline = TimeAxis.of(moments(days, "days since 2000-01-01", "", WHERE), WHERE)
    assert (timeline.seconds, timeline.remarks) == (HOUR, ())
    assert timeline.times[-1] == timeline.times[0] + np.timedelta64(count - 1, "h")


def test_times_written_out_are_steps_as_well():
    times = np.datetime64("2000-01-01") + np.arange(5)
    timeline = regular(times, "a.csv: time")
    assert (timeline.start, timeline.seconds, timeline.steps) == (
        datetime(2000, 1, 1),
        DAY,
        5,
    )
    with pytest.raises(DataError, match=r"a.csv: time: found 0 times"):
        regular([], "a.csv: time")
    with pytest.raises(DataError, match="expected one 1 d later: 1 is missing"):
        regular(np.delete(times, 2), "a.csv: time")


def test_a_part_of_times_begins_where_it_begins():
    times = stamped(HOUR * np.arange(10)).part(slice(4, 8))
    timeline = TimeAxis.of(times, WHERE)
    assert (timeline.start, timeline.steps) == (datetime(2000, 1, 1, 4), 4)
    assert stamped(HOUR * np.arange(10)).part(slice(0, 0)).offsets.size == 0
