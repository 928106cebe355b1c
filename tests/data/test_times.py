"""Times as people, loggers and spreadsheets write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.data.table import read_table
from bmi_dmx.data.times import moment_of_text, times_of
from bmi_dmx.errors import DataError

FORMS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d %H:%M:%S", "%Y.%m.%d %H:%M:%S", "%Y-%m-%d_%H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S UTC",
    " %Y-%m-%d  %H:%M:%S ",
)  # fmt: skip
DATES = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)).map(
    lambda x: x.replace(microsecond=0)
)


@given(DATES, st.sampled_from(FORMS))
def test_all_forms_of_a_time_are_understood(time, form):
    assert moment_of_text(time.strftime(form)) == np.datetime64(time, "us")


@given(DATES, st.sampled_from(["%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"]))
def test_the_order_of_day_and_month_must_be_known(time, form):
    text = time.strftime(form)
    assert moment_of_text(text) is None
    assert moment_of_text(text, True) == np.datetime64(time, "us")
    other = time.strftime(
        form.replace("%d", "%D").replace("%m", "%d").replace("%D", "%m")
    )
    assert moment_of_text(other, False) == np.datetime64(time, "us")


@given(DATES, st.integers(-12, 14))
def test_an_offset_from_utc_is_applied(time, hours):
    there = time.replace(
        year=max(1001, min(9000, time.year)),
        day=1,
        tzinfo=timezone(timedelta(hours=hours)),
    )
    utc = there.astimezone(timezone.utc).replace(tzinfo=None)
    assert moment_of_text(there.isoformat()) == np.datetime64(utc, "us")


@pytest.mark.parametrize(
    ("text", "time"),
    [("1980-10-1", "1980-10-01"), ("19801001", "1980-10-01"),
     ("1980/10/1 5:00", "1980-10-01T05"), ("1.2.1980", "1980-02-01"),
     ("1980-10-01 24:00", "1980-10-02"), ("1980-10-01 05", "1980-10-01T05"),
     ("1980-10-01 05:00:00.25", "1980-10-01T05:00:00.25")],
)  # fmt: skip
def test_short_forms(text, time):
    assert moment_of_text(text) == np.datetime64(time)


@pytest.mark.parametrize(
    "text",
    ["", "x", "1980", "1980-10", "1980-13-01", "1980-02-30", "01-10-80", "29495",
     "1980-274", "1980-10-01 25:00", "1980-10-01 05:61", "10/01/1980 5:00 PM",
     "1980-10-01 noon",
     "1-1980-10", "31.04.1980", "1980-10-01 00:00 CET", "1980-10-01 00:00+30:00",
     "198010010500"],
)  # fmt: skip
def test_what_is_no_time_is_none(text):
    assert moment_of_text(text) is None


def read(folder: Path, *cells: str):
    path = folder / "t.csv"
    path.write_text("\n".join(["date,x", *(f"{c},1" for c in cells)]), encoding="utf-8")
    return times_of(read_table(path, "rows"), 0)


def test_a_day_above_12_tells_the_order_of_the_whole_column(tmp_path):
    times, remarks = read(tmp_path, "11/12/2000", "12/12/2000", "13/12/2000")
    assert [str(t)[:10] for t in times] == ["2000-12-11", "2000-12-12", "2000-12-13"]
    assert remarks == ("dates are day, month, year",)
    times, remarks = read(tmp_path, "12/11/2000", "12/12/2000", "12/13/2000")
    assert [str(t)[:10] for t in times] == ["2000-12-11", "2000-12-12", "2000-12-13"]
    assert remarks == ("dates are month, day, year",)
    assert read(tmp_path, "2000-12-11", "2000-12-12")[1] == ()


@pytest.mark.parametrize(
    ("cells", "message"),
    [(("01/02/2000", "02/02/2000"), "column 'date': '01/02/2000' may be a day and a"),
     (("13/02/2000", "02/13/2000"), "column 'date': .* may be a day and a month"),
     (("2000-01-01", "soon"), "row 3: found 'soon', expected a time such as 1980"),
     (("2000-01-01", ""), "row 3: found '', expected a time")],
)  # fmt: skip
def test_dates_that_may_mean_two_things_or_none_are_refused(tmp_path, cells, message):
    with pytest.raises(DataError, match=rf"t\.csv: {message}"):
        read(tmp_path, *cells)
