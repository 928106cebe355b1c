"""Numbers of files as declared quantities."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.data.quantity import assumed, quantity, refuse_impossible
from bmi_dmx.errors import DataError, UnitsError
from bmi_dmx.variables import Variable

WARMTH = Variable(name="warmth", units="degC", bounds=(-90.0, 60.0))
SHARE = Variable(name="share", units="1", bounds=(0.0, 1.0))
PLAIN = Variable(name="plain", units="m")


THOUSANDTHS = Variable(name="thousandths", units="1e-3", bounds=(0.0, 50.0))


def read(values, units, variable):
    remarks = []
    numbers = quantity(values, units, variable, "f.nc: x", remarks.append)
    return numbers.tolist(), remarks


def test_units_are_converted_and_absent_ones_are_the_declared():
    assert read([273.15, 283.15], "K", WARMTH) == ([0.0, 10.0], [])
    assert read([0.0, 10.0], "", WARMTH) == ([0.0, 10.0], [])
    assert read([1.5], "km", PLAIN) == ([1500.0], [])


@pytest.mark.parametrize("units", ["m", "furlongs", "kg m-2 s-1"])
def test_units_of_something_else_are_refused(units):
    with pytest.raises(UnitsError, match=r"^f\.nc: x: units") as error:
        read([1.0], units, WARMTH)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("units", ["-", "none", "Fraction", "ratio", "1"])
def test_words_for_no_units_are_no_units(units):
    assert read([0.5], units, SHARE) == ([0.5], [])


def test_shares_may_be_percent_and_are_numbers_whatever_else_is_said():
    assert read([50.0], "percent", SHARE) == ([0.5], [])
    numbers, (remark,) = read([0.5], "mm/mm yearly", SHARE)
    assert numbers == [0.5]
    assert remark == (
        "f.nc: x: units 'mm/mm yearly' are passed over, a plain number is expected"
    )


def test_markers_are_judged_in_the_units_of_the_file():
    # -99 degF is possible where -99 degC is not.
    numbers, remarks = read([-99.0], "degF", WARMTH)
    assert numbers[0] == pytest.approx(-72.7777777)
    assert remarks == []
    numbers, (remark,) = read([-99.0, 1.0], "degC", WARMTH)
    assert np.isnan(numbers[0])
    assert remark.startswith("1 value of f.nc: x is -99, taken for missing")
    assert np.isnan(read([-99.0], "K", WARMTH)[0][0])


def test_nothing_is_refused_for_being_outside_its_bounds():
    assert read([70.0], "degC", WARMTH) == ([70.0], [])


def test_what_was_assumed_is_said_in_one_sentence():
    assert assumed({}) == ""
    text = "units assumed, for none are given: a (m), b (K)"
    assert assumed({"a": "m", "b": "K"}) == text


@pytest.mark.parametrize("units", ["", "1", "psu", "PSU", "1e-3", "g kg-1", "-"])
def test_practical_numbers_are_thousandths(units):
    assert read([35.0], units, THOUSANDTHS) == ([35.0], [])


def test_shares_that_have_units_become_thousandths():
    assert read([0.035], "kg kg-1", THOUSANDTHS)[0] == pytest.approx([35.0])


def test_numbers_that_cannot_be_are_refused_but_for_what_sensors_are_off():
    refuse_impossible(np.array([np.nan, -0.005, 1.005]), SHARE, "f.nc: x")
    refuse_impossible(np.array([np.nan]), SHARE, "f.nc: x")
    refuse_impossible(np.array([1e30]), PLAIN, "f.nc: x")
    with pytest.raises(DataError, match=r"^f\.nc: x: found 60, expected 0 to 1$"):
        refuse_impossible(np.array([0.5, 60.0]), SHARE, "f.nc: x")
    with pytest.raises(DataError, match=r"found -99, expected -90 to 60 degC$"):
        refuse_impossible(np.array([-99.0]), WARMTH, "f.nc: x")
