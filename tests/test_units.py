"""Units: conversions known from elsewhere, and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.errors import UnitsError
from bmi_dmx.units import _PLAIN, check, convert, unknown


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (0.0, "degC", "K", 273.15),
        (212.0, "degF", "degC", 100.0),
        (1.0, "inch d-1", "mm d-1", 25.4),
        (1.0, "ft3 s-1", "m3 s-1", 0.3048**3),
        (24.0, "mm d-1", "mm h-1", 1.0),
        (1.0, "m s-1", "mm/day", 86_400_000.0),
        (50.0, "%", "1", 0.5),
        (1.0, "mile2", "km2", 1.609344**2),
    ],
)
def test_conversions_agree_with_their_definitions(
    value: float, source: str, target: str, expected: float
) -> None:
    assert convert(value, source, target) == pytest.approx(expected, rel=1e-12)


@given(st.floats(-1e6, 1e6))
def test_a_conversion_there_and_back_changes_nothing(value: float) -> None:
    there = convert(value, "degF", "K")
    assert convert(there, "K", "degF") == pytest.approx(value, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (2, 3)])
def test_shapes_are_kept(shape: tuple[int, ...]) -> None:
    assert convert(np.ones(shape), "m", "mm").shape == shape


def test_layouts_in_memory_do_not_matter() -> None:
    values = np.arange(24.0).reshape(4, 6)[::2, ::3].T
    np.testing.assert_array_equal(convert(values, "m", "km"), values / 1000)


def test_float32_stays_float32_and_integers_become_float64() -> None:
    assert convert(np.float32([1]), "m", "mm").dtype == np.float32
    assert convert(np.array([1]), "m", "mm").dtype == np.float64


def test_the_given_array_is_left_alone_even_for_equal_units() -> None:
    values = np.array([1.0, 2.0])
    converted = convert(values, "mm", "mm")
    converted += 1
    np.testing.assert_array_equal(values, [1.0, 2.0])


def test_missing_values_stay_missing() -> None:
    assert np.isnan(convert([np.nan], "degC", "K")).all()


@pytest.mark.parametrize("units", ["1", "mm d-1", "m3 s-1", "W m-2", "degC", "%", "h"])
def test_units_of_the_field_are_known(units: str) -> None:
    check(units)


@pytest.mark.parametrize("units", ["furlongs per", "mm day-", "m\0", "?"])
def test_unknown_units_are_refused_by_name(units: str) -> None:
    with pytest.raises(UnitsError, match="are not known to UDUNITS") as caught:
        check(units)
    assert repr(units) in str(caught.value)


@pytest.mark.parametrize("units", ["-", "none", "unitless", "fraction"])
def test_words_for_dimensionless_are_refused_with_the_right_one(units: str) -> None:
    with pytest.raises(UnitsError, match="write '1'"):
        check(units)


@pytest.mark.parametrize(
    ("units", "right"),
    [
        ("C", "degC"),
        ("F", "degF"),
        ("deg C", "degC"),
        ("cfs", "ft3 s-1"),
        ("square miles", "mi2"),
    ],
)
def test_what_the_field_writes_is_refused_with_what_it_means(
    units: str, right: str
) -> None:
    with pytest.raises(UnitsError, match=f"'{units}' .*; write '{right}'"):
        convert(1.0, units, "m3 s-1" if units == "cfs" else "K")


@pytest.mark.parametrize(
    ("typeset", "plain"),
    [
        ("mm day\N{MINUS SIGN}1", "mm day-1"),
        ("kg m\u207b\u00b2 s\u207b\u00b9", "kg m-2 s-1"),
        ("W\N{MIDDLE DOT}m\u207b\u00b2", "W m-2"),
        ("\N{MICRO SIGN}m", "um"),
        ("\N{DEGREE CELSIUS}", "degC"),
        ("\N{MASCULINE ORDINAL INDICATOR}C", "degC"),
        ("\N{RING ABOVE}C", "degC"),
        ("\N{DEGREE SIGN} C", "degC"),
        ("mm d\N{EN DASH}1", "mm d-1"),
        ("mm\N{DOT OPERATOR}d\N{NON-BREAKING HYPHEN}1", "mm d-1"),
        ("mm d^{-1}", "mm d-1"),
        ("m^{3}/s", "m3 s-1"),
        ("[mm/d]", "mm d-1"),
        ("(kg m-2) (s-1)", "kg m-2 s-1"),
    ],
)
def test_units_may_be_typeset(typeset: str, plain: str) -> None:
    assert convert(3.7, typeset, plain) == convert(3.7, plain, plain)


@pytest.mark.parametrize(("units", "right"), [("MM/DAY", "mm/day"), ("M3/S", "m3/s")])
def test_capitals_are_refused_with_what_they_mean(units: str, right: str) -> None:
    with pytest.raises(UnitsError, match=f"'{units}' .*; write '{right}'"):
        check(units)


def test_units_of_another_dimension_are_refused() -> None:
    with pytest.raises(UnitsError, match="'mm' cannot be converted into 's'"):
        convert(1.0, "mm", "s")


@given(units=st.from_regex(_PLAIN, fullmatch=True))
def test_what_is_taken_for_usual_units_is_known_to_the_library(units: str) -> None:
    check(units)


@pytest.mark.parametrize("units", ["mm", "kg m-2 s-1", "1", "degC", "m km-1", "mm "])
def test_nothing_is_said_of_units(units: str) -> None:
    assert unknown(units) == ""


@pytest.mark.parametrize("units", ["furlongs of", "none", "m\0", "kWh"])
def test_why_text_is_no_unit_is_what_the_library_says(units: str) -> None:
    with pytest.raises(UnitsError) as refused:
        check(units)
    assert unknown(units) == str(refused.value)


@pytest.mark.skipif(shutil.which("localedef") is None, reason="no localedef")
def test_a_host_may_speak_a_language_with_decimal_commas(tmp_path: Path) -> None:
    made = ["localedef", "-c", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "comma")]
    if subprocess.run(made, capture_output=True).returncode > 1:
        pytest.skip("localedef has no German")
    code = (
        "import locale; locale.setlocale(locale.LC_ALL, 'comma')\n"
        "from bmi_dmx.units import convert\n"
        "assert abs(convert(3.0, '0.5 mm d-1', 'mm d-1') - 1.5) < 1e-12\n"
        "assert locale.localeconv()['decimal_point'] == ','"
    )
    host = {**os.environ, "LOCPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=host, check=True)
