"""From typed values back to plain data."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.conversion import plain
from bmi_dmx.errors import ConfigError


@dataclass
class Place:
    name: str
    height: float | None = None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Place("a"), {"name": "a"}),
        ({"x": None, 1: (2, [True])}, {"x": None, "1": [2, [True]]}),
        (np.float32(0.5), 0.5),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.datetime64("2000-01-01T00", "ns"), "2000-01-01T00:00:00.000000000"),
        (np.array(["2000-01-01"], "datetime64[D]"), ["2000-01-01"]),
        (datetime.date(2000, 1, 2), "2000-01-02"),
        (Path("a") / "b", "a/b"),
    ],
)
def test_values_become_plain(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


def test_numbers_that_are_not_finite_are_the_callers_choice() -> None:
    value = {"x": [1.0, math.inf]}
    assert plain(value) == value
    found = plain(value, "file", lambda number, where: f"{where} is {number}")
    assert found == {"x": [1.0, "file: x: 1 is inf"]}


def test_what_is_not_plain_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"^file: x: 0: object cannot be written"):
        plain({"x": [object()]}, "file")
