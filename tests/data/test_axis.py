"""Times of files: what CF units mean, checked against datetime and cftime."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import cftime
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bmi_dmx.data.axis import CALENDARS, TimeAxis, moments, span_text
from bmi_dmx.errors import DataError, DmxError

SPELLED = {
    1.0: ("days", "day", "d", "Days"),
    1 / 24: ("hours", "hour", "hrs", "hr", "h", "HOURS"),
    1 / 1440: ("minutes", "minute", "mins", "min", "m"),
    1 / 86400: ("seconds", "second", "secs", "sec", "s"),
    1 / 86400e3: ("milliseconds", "millisecond", "msecs", "msec", "ms"),
    1 / 86400e6: ("microseconds", "microsecond", "us"),
    1 / 86400e9: ("nanoseconds", "nanosecond", "ns"),
}
WORDS = [(word, days) for days, words in SPELLED.items() for word in words]

ZONES = st.builds(
    lambda hours, minutes: timedelta(hours=hours, minutes=minutes),
    st.integers(-12, 13),
    st.sampled_from([0, 15, 30, 45]),
)
DATES = st.datetimes(datetime(1600, 1, 1), datetime(2200, 1, 1))


def first(units: str, number: float = 0.0, calendar: str = "") -> datetime:
    """Return the moment that one number stands for."""
    return moments([number], units, calendar, "f.nc: time").times[0].item()


def zoned(zone: timedelta, colon: bool, hours_alone: bool) -> str:
    """Return an offset from UTC as files write it."""
    total = int(zone.total_seconds()) // 60
    sign, (hours, minutes) = "-" if total < 0 else "+", divmod(abs(total), 60)
    if hours_alone and not minutes:
        return f"{sign}{hours}"
    return f"{sign}{hours:02}{':' if colon else ''}{minutes:02}"


@given(DATES, ZONES, st.booleans(), st.booleans(), st.sampled_from(["", " "]))
def test_an_offset_from_utc_is_applied(reference, zone, colon, hours_alone, blank):
    reference = reference.replace(microsecond=0)
    text = f"{reference:%Y-%m-%d %H:%M:%S}{blank}{zoned(zone, colon, hours_alone)}"
    there = reference.replace(tzinfo=timezone(zone))
    expected = there.astimezone(timezone.utc).replace(tzinfo=None)
    assert first(f"hours since {text}") == expected


@given(DATES, st.sampled_from(["", "Z", " Z", " UTC", " GMT", "z"]))
def test_names_of_utc_are_understood(reference, name):
    reference = reference.replace(microsecond=0)
    assert first(f"days since {reference:%Y-%m-%dT%H:%M:%S}{name}") == reference


@pytest.mark.parametrize(
    "text",
    ["1980-1-1", "1980-01-01", "1980-1-1 0:0:0", "1980-01-01 00", "1980-01-01T00:00",
     "1980-01-01 00:00:00.0", "1980-01-01 00:00:0.", "1979-12-31 24:00:00",
     " 1980-01-01 ", "1980-01-01 05:00:00+05", "1979-12-31 19:00:00 -5"],
)  # fmt: skip
def test_dates_are_written_in_many_ways(text):
    assert first(f"days since {text}") == datetime(1980, 1, 1)


@given(
    st.sampled_from(WORDS), st.integers(-40000, 40000), DATES,
    st.sampled_from(CALENDARS),
)  # fmt: skip
def test_numbers_mean_what_they_mean_to_cftime(word, days, reference, calendar):
    unit, length = word
    number = float(round(days / length))
    since = f"since {reference:%Y-%m-%d %H:%M:%S}"
    date = cftime.num2date(days, f"days {since}", calendar)
    moment = first(f"{unit} {since}", number, calendar)
    assert moment.timetuple()[:6] == (
        date.year, date.month, date.day, date.hour, date.minute, date.second
    )  # fmt: skip


@given(st.integers(0, 2**61), st.integers(1, 2**40), st.integers(2, 50))
def test_whole_nanoseconds_lose_nothing(begin, step, count):
    # Of 2**61 nanoseconds since 1970, float64 knows no single ones.
    raw = begin + step * np.arange(count, dtype=np.int64)
    times = moments(raw, "nanoseconds since 1970-01-01", "", "f.nc: time")
    expected = (step * np.arange(count)).astype(np.float64) * 1e-9
    np.testing.assert_allclose(times.offsets, expected, rtol=1e-12)


@pytest.mark.parametrize("year", [1, 1582, 9999])
def test_the_first_and_the_last_years_can_be_read(year):
    units = f"hours since {year:04}-12-31 00:00:00"
    axis = TimeAxis.of(
        moments([0, 1, 2], units, "proleptic_gregorian", "f.nc: time"), "f.nc: time"
    )
    assert (axis.start, axis.seconds) == (datetime(year, 12, 31), 3600.0)


@pytest.mark.parametrize(
    ("units", "number"),
    [("days since 9999-12-31", 1), ("days since 0001-01-01", -1),
     ("seconds since 0001-01-01 00:00 +05:00", 0)],
)  # fmt: skip
def test_a_year_that_is_none_is_refused(units, number):
    with pytest.raises(DataError, match=r"^f.nc: time: units: found"):
        first(units, number, "proleptic_gregorian")


def test_the_year_before_the_first_is_refused_in_the_calendar_of_files_too():
    with pytest.raises(DataError, match=r"^f.nc: time: units: found .*year zero"):
        first("days since 2000-01-01", -730122.0, "standard")


@pytest.mark.parametrize(
    "units",
    ["", "hours", "1980-01-01", "months since 1980-01-01", "years since 1980-01-01",
     "hours until 1980-01-01", "hours since 1980", "hours since yesterday",
     "days since 1980-13-01", "days since 1980-02-30", "days since 1980-01-01 25:00",
     "days since 1980-01-01 00:61", "days since 1980-01-01 00:00 +30:00",
     "days since 1980-01-01 00:00 EST", "hours since 0000-01-01"],
)  # fmt: skip
def test_other_units_of_time_are_refused(units):
    with pytest.raises(DataError, match=r"^f\.nc: time: units: found") as error:
        first(units)
    assert "\n" not in str(error.value)


def test_numbers_without_a_reference_count_from_the_one_that_is_known():
    times = moments([1], "hours", "", "f.nc", origin=datetime(1970, 1, 1))
    assert times.times[0] == np.datetime64("1970-01-01T01:00")


@pytest.mark.parametrize(
    "calendar",
    ["noleap", "365_day", "all_leap", "366_day", "360_day", "julian", "none", "tai"],
)
def test_other_calendars_are_refused(calendar):
    with pytest.raises(DataError, match=rf"f.nc: time: calendar '{calendar}', exp"):
        first("days since 2000-01-01", 0, calendar)


@pytest.mark.parametrize("calendar", ["", "Standard", " gregorian ", *CALENDARS])
def test_usual_calendars_are_the_same(calendar):
    assert first("days since 2000-02-28", 2, calendar) == datetime(2000, 3, 1)


@pytest.mark.parametrize(
    "values", [[0, np.nan], [0, np.inf], np.ma.array([0, 1], mask=[0, 1])]
)
def test_a_time_that_is_missing_is_named(values):
    with pytest.raises(DataError, match=r"f.nc: time: time of entry 1 is missing"):
        moments(values, "days since 2000-01-01", "", "f.nc: time")


NUMBERS = st.lists(
    st.floats(allow_nan=False) | st.integers(-(10**6), 10**6).map(float), max_size=6
)


@given(NUMBERS, st.sampled_from(["days", "hours", "seconds", "nanoseconds"]))
@example([0.0, 1e300, 5.0], "days")
@example([0.0, 1e300], "days")
@example([0.0, 1e18], "seconds")
@example([0.0, 5e-324], "nanoseconds")
def test_any_numbers_are_times_or_refused_in_one_line(numbers: Any, unit: str):
    try:
        times = moments(numbers, f"{unit} since 2000-01-01", "", "f.nc: time")
        axis = TimeAxis.of(times, "f.nc: time")
    except DmxError as error:
        message = str(error)
    else:
        message = "f.nc: time: "
        assert axis.steps == len(numbers) >= 2
        assert (np.diff(axis.times) >= np.timedelta64(0, "s")).all()
    assert message.startswith("f.nc: time: ")
    assert "\n" not in message


def test_a_length_of_time_is_said_as_people_say_it():
    lengths = (86400, 259200, 3600, 10800, 900, 60, 30, 0.5, 5400)
    assert [span_text(x) for x in lengths] == [
        "1 d", "3 d", "1 h", "3 h", "15 min", "1 min", "30 s", "0.5 s", "90 min"
    ]  # fmt: skip


def test_the_step_that_is_missing_is_told_of_few_times_as_well():
    times = moments([58.0, 60.0, 61.0], "days since 1980-01-01", "", "f.nc: time")
    message = (
        "1980-02-28 00:00:00 is followed by 1980-03-01 00:00:00 .entries 0 and 1., "
        "expected one 1 d later: 1 is missing"
    )
    with pytest.raises(DataError, match=message):
        TimeAxis.of(times, "f.nc: time")


@pytest.mark.parametrize("begin", [2, 1499, 1582])
def test_days_since_the_reform_are_right_in_a_record_that_began_before(begin):
    units = f"days since {begin:04}-01-01"
    days = cftime.date2num(datetime(1699, 12, 31), units, "standard")
    axis = TimeAxis.of(
        moments(np.arange(days + 1), units, "standard", "f.nc: time"), "f.nc: time"
    )
    last = axis.start + timedelta(days=axis.steps - 1)
    assert last == datetime(1699, 12, 31)
