"""Declared quantities: what may be declared, how it is found, and what a step sees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.conversion import convert
from bmi_dmx.errors import VariableError
from bmi_dmx.variables import (
    Attribute,
    Flux,
    Forcing,
    Parameter,
    State,
    Table,
    Variable,
    in_step,
)

SNOW = State(name="snowpack", units="mm", symbol="S_1", initial=0.001)
RAIN = Forcing(name="precipitation", units="mm d-1", bounds=(0, 500), per_step="rate")


@pytest.mark.parametrize("name", ["", "two words", "1st", "soil-moisture", "a.b"])
def test_a_name_can_be_written_in_code(name: str) -> None:
    with pytest.raises(ValueError, match=f"variable name '{name}' is not an identif"):
        Variable(name=name)


@pytest.mark.parametrize(
    "bounds", [(1, 0), (1, 1), (0, math.inf), (-math.inf, 0), (0, math.nan)]
)
def test_bounds_are_finite_and_apart(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"beta: bounds .* are not low < high"):
        Parameter(name="beta", bounds=bounds)


@pytest.mark.parametrize(
    "variable",
    [
        SNOW,
        RAIN,
        State(name="in_transit", size=14),
        Parameter(name="weight", bounds=(0.0, 1.0), default=0.0, size=15),
        Flux(name="runoff", per_step="rate", standard_name="land_surface__runoff"),
        Attribute(name="aridity", about="potential evaporation / precipitation"),
    ],
    ids=lambda variable: variable.name,
)
def test_plain_values_are_read_back_as_the_same_variable(variable: Variable) -> None:
    assert convert(variable.to_dict(), type(variable)) == variable


def test_plain_values_leave_out_what_was_not_said() -> None:
    assert Forcing(name="wind", units="m s-1").to_dict() == {
        "name": "wind",
        "units": "m s-1",
    }
    assert RAIN.to_dict()["bounds"] == [0, 500]


def test_a_table_keeps_the_order_and_finds_by_name() -> None:
    table = Table([SNOW, RAIN])
    assert list(table) == [SNOW, RAIN]
    assert table.names == ("snowpack", "precipitation")
    assert len(table) == 2
    assert table["precipitation"] is RAIN
    assert "snowpack" in table
    assert "snow" not in table


def test_a_name_is_declared_once() -> None:
    with pytest.raises(ValueError, match="state 'snowpack' is declared twice"):
        Table([SNOW, RAIN, Flux(name="snowpack")], what="state")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    message = "unknown forcing 'precipitatoin'; did you mean 'precipitation'"
    with pytest.raises(VariableError, match=message):
        Table([RAIN], what="forcing")["precipitatoin"]


@pytest.mark.parametrize(
    ("kind", "rule", "expected"),
    [
        (Forcing, "rates", "'none' or 'rate' or 'fraction'"),
        (Parameter, "Fraction", "'none' or 'rate' or 'fraction'"),
        (Flux, "fraction", "'none' or 'rate' or 'amount'"),
        (Forcing, "amount", "'none' or 'rate' or 'fraction'"),
        (State, "rate", "'none'"),
    ],
)
def test_how_a_quantity_depends_on_the_step_is_checked(
    kind: Any, rule: str, expected: str
) -> None:
    with pytest.raises(ValueError, match=f"x: per_step .* is '{rule}', .*{expected}$"):
        kind(name="x", per_step=rule)


def test_a_variable_has_an_entry() -> None:
    with pytest.raises(ValueError, match="past: expected a size of at least 1"):
        State(name="past", size=0)


def test_a_day_is_the_unit_of_declarations() -> None:
    x = np.array([0.25, 0.5])
    for rule in ("none", "rate", "fraction"):
        assert in_step(x, rule, 1.0, np.expm1, np.log1p) is x
    assert in_step(x, "none", 0.5, np.expm1, np.log1p) is x


def test_a_rate_is_shared_among_the_steps_of_a_day() -> None:
    assert in_step(6.0, "rate", 1 / 24, math.expm1, math.log1p) == 0.25


@given(st.floats(0.0, 0.999), st.integers(1, 96))
def test_the_steps_of_a_day_remove_the_share_of_the_day(share: float, n: int) -> None:
    store = 1.0
    for _ in range(n):
        store -= store * in_step(share, "fraction", 1 / n, math.expm1, math.log1p)
    assert store == pytest.approx(1.0 - share, rel=1e-10)


def test_a_small_share_keeps_its_digits_in_single_precision() -> None:
    share = np.float32(1e-6)
    hourly = in_step(share, "fraction", 1 / 24, np.expm1, np.log1p)
    assert hourly.dtype == np.float32
    assert hourly == pytest.approx(1e-6 / 24, rel=1e-5)


def test_spacing_by_orders_needs_bounds_above_zero() -> None:
    assert Parameter(name="k", bounds=(1e-6, 1.0), spacing="log").spacing == "log"
    for bounds in (None, (0.0, 1.0), (-1.0, 1.0)):
        with pytest.raises(ValueError, match="k: spacing 'log' needs bounds above 0"):
            Parameter(name="k", bounds=bounds, spacing="log")


@pytest.mark.parametrize(
    "variable",
    [
        Forcing(name="hour", source="clock"),
        Forcing(name="low", extreme=("min", "warmth")),
        Parameter(name="k", bounds=(1e-3, 1.0), spacing="log", per="place"),
        Parameter(name="age", source="attribute", optional=True),
        State(name="speed", axes=("level",), at="x_face", internal=True),
        Flux(name="total", per_step="amount"),
    ],
    ids=lambda variable: variable.name,
)
def test_who_gives_it_and_where_it_stands_is_read_back(variable: Variable) -> None:
    assert convert(variable.to_dict(), type(variable)) == variable
    usual = type(variable)(name=variable.name)
    assert len(variable.to_dict()) > len(usual.to_dict())


def test_an_amount_is_what_it_is_at_any_step() -> None:
    x = np.array([1.0, 2.0])
    assert in_step(x, "amount", 0.25, np.expm1, np.log1p) is x
