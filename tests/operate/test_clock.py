"""Time in whole steps, and the day of the year with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, TimeError
from bmi_dmx.operate.clock import Clock

from ..bmi.untrained import give, weather


@pytest.mark.parametrize("seconds", [3600, 86400])
@pytest.mark.parametrize(
    "start", ["1979-12-30 00:00", "1980-02-27 17:30", "1899-12-30"]
)
def test_the_day_of_the_year_is_that_of_the_calendar(start: str, seconds: int) -> None:
    day, begin = np.zeros(2), datetime.fromisoformat(start)
    clock = Clock(begin, None, seconds)
    clock.keep("day_of_year", day)
    for step in range(800 * 86400 // seconds // (24 if seconds == 3600 else 1)):
        now = begin + timedelta(seconds=step * seconds)
        assert clock.now == now
        assert (day == now.timetuple().tm_yday).all()
        clock.tick()


def test_time_does_not_drift() -> None:
    clock = Clock(datetime(2000, 1, 1), None, 3600)
    for _ in range(100_000):
        clock.tick()
    assert clock.time == 3.6e8


@pytest.mark.parametrize("seconds", [3600, 86400])
def test_a_clock_resumes_where_another_stood(seconds: int) -> None:
    days = np.zeros(1), np.zeros(1)
    one, other = (Clock(datetime(1999, 12, 1), None, seconds) for _ in days)
    one.keep("day_of_year", days[0])
    other.keep("day_of_year", days[1])
    for _ in range(40 * 86400 // seconds + 5):
        one.tick()
    other.resume(one.seconds_since_1970())
    for _ in range(30):
        assert (other.time, other.now, days[1]) == (one.time, one.now, days[0])
        one.tick()
        other.tick()


@pytest.mark.parametrize("seconds", [3600, 86400])
@pytest.mark.parametrize("hour", [0, 7, 23])
def test_a_day_ends_before_its_hour(hour: int, seconds: int) -> None:
    clock = Clock(datetime(2000, 1, 1, hour), None, seconds, hour, 86400)
    per_day = 86400 // seconds
    for step in range(3 * per_day):
        assert clock.ends_period == (step % per_day == per_day - 1)
        assert clock.begins_period == (step % per_day == 0)
        clock.tick()


@pytest.mark.parametrize("hours", [3, 6, 8, 12])
@pytest.mark.parametrize("hour", [0, 7])
def test_periods_of_parts_of_a_day_follow_each_other(hour: int, hours: int) -> None:
    begin = datetime(2000, 1, 1, hour)
    clock = Clock(begin, None, 3600, hour, hours * 3600)
    assert clock.meets_periods()
    for step in range(50):
        assert clock.begins_period == (step % hours == 0)
        assert clock.ends_period == (step % hours == hours - 1)
        clock.tick()


def test_steps_between_the_hours_meet_no_period() -> None:
    start = datetime(2000, 1, 1, 0, 30)
    assert not Clock(start, None, 3600).meets_periods()
    assert Clock(start, None, 1800).meets_periods()


def test_the_calendar_gives_nothing_else() -> None:
    clock = Clock(datetime(2000, 1, 1), None, 3600)
    message = "forcing 'tide': the calendar gives 'day_of_year' alone"
    with pytest.raises(ConfigError, match=message):
        clock.keep("tide", np.zeros(1))


def test_no_step_goes_past_the_end(start: Any) -> None:
    component = start(1, end_time="1980-10-02 12:00:00")
    give(component, weather(1, 1), 0)
    component.update()
    with pytest.raises(TimeError, match="time 172800 s is after the end at 129600 s"):
        component.update()
    assert component.get_current_time() == 86400.0


@pytest.mark.parametrize("seconds", [3600, 86400, 5 * 86400, 0.5])
def test_the_calendar_ends_with_a_word(seconds: float) -> None:
    clock = Clock(datetime(9999, 12, 21), None, seconds)
    last = clock.last + seconds
    assert clock.end > 1e300
    assert clock.steps_until(last) * seconds == last
    for beyond in (last + seconds, 1e12, 1e300):
        with pytest.raises(TimeError, match="ends at 9999-12-31 23:59:59"):
            clock.steps_until(beyond)
    clock.set(clock.steps_until(last))
    assert clock.now.year == 9999
    with pytest.raises(TimeError, match="not within the calendar, 0001-01-01"):
        clock.set(clock.step + 1)
    assert clock.time == last


def test_the_first_and_the_last_year_can_be_run(start: Any) -> None:
    for begin, days in (("0001-01-01", 400), ("9999-12-20", 11)):
        component = start(1, start_time=begin, name=f"{begin}.yaml")
        give(component, weather(1, 1), 0)
        for _ in range(days):
            component.update()
        content = component.state_bytes()
        component.set_state_bytes(content)
        assert component.state_bytes() == content
    for call in (component.update, lambda: component.update_until(13 * 86400.0)):
        with pytest.raises(TimeError, match="ends at 9999-12-31"):
            call()
        assert component.state_bytes() == content


def test_a_run_before_the_start_begins_after_the_first_year(
    start: Any, tmp_path: Path
) -> None:
    series = weather(5, 1)
    lines = ["time," + ",".join(series), *("x,5,9,4,14,2" for _ in range(5))]
    (tmp_path / "before.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(TimeError, match=r"component\.yaml: cat-0: step -5 of 86400"):
        start(1, start_time="0001-01-03", spin_up={"file": "before.csv"})


@pytest.mark.parametrize("moment", [float("nan"), 1e300, -1e14, float("inf")])
def test_a_state_of_no_date_is_refused(moment: float) -> None:
    clock = Clock(datetime(2000, 1, 1), None, 3600)
    with pytest.raises(TimeError, match="expected a time in the years"):
        clock.resume(moment)
    assert clock.step == 0


@pytest.mark.parametrize("beside", [-1e-5, 1e-5])
def test_a_time_beside_the_one_that_is_meant_is_taken_for_it(beside: float) -> None:
    # 0.1 d, ten times added up, is a little less than a day.
    clock = Clock(datetime(2000, 1, 1), datetime(2000, 1, 3), 86400)
    clock.set(1)
    assert clock.steps_until(86400.0 + beside) == 0
    assert clock.steps_until(2 * 86400.0 + beside) == 1
    for far in (86400.0 - 1.0, 2 * 86400.0 + 1.0):
        with pytest.raises(TimeError):
            clock.steps_until(far)
