"""Plain data become typed values, or are refused by key; and back."""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Optional, Union

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.conversion import convert, plain
from bmi_dmx.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Head:
    network: Literal["mlp", "lstm"] = "mlp"
    hidden: tuple[int, ...] = (128, 128)
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, expected at least 0, below 1")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    name: str
    members: int = 16
    shuffle: bool = True
    start: datetime.date | None = None
    clock: datetime.datetime | None = None
    data: Path | None = None
    static: Head = field(default_factory=Head)
    dynamic: Optional[Head] = None  # noqa: UP045 (both spellings are understood)
    weights: dict[str, float] = field(default_factory=dict)
    bounds: tuple[float, str] | None = None
    basins: Union[Literal["all"], list[str]] = "all"  # noqa: UP007
    heads: Sequence[Head] = ()
    extra: Any = None
    tables: Mapping[str, Head | list[int]] = field(default_factory=dict)


def refused(data: Any, *, where: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        convert(data, Experiment, where)
    return str(caught.value)


def test_a_whole_number_passes_for_a_fraction_and_becomes_one() -> None:
    weight = convert({"name": "x", "weights": {"a": 1}}, Experiment).weights["a"]
    assert isinstance(weight, float)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "name: missing; it has no default"),
        ([], "found a list, expected a mapping"),
        (None, "found nothing, expected a mapping"),
        ({"nam": "x"}, "nam: unknown key; did you mean 'name'?"),
        ({"name": 3}, "name: found 3, expected text"),
        ({"name": None}, "name: found nothing, expected text"),
        ({"members": "16"}, "members: found '16', expected a whole number"),
        ({"members": 1.0}, "members: found 1.0, expected a whole number"),
        ({"members": True}, "members: found True, expected a whole number"),
        ({"shuffle": 1}, "shuffle: found 1, expected true or false"),
        (
            {"start": "1980-13-01"},
            "start: found '1980-13-01', expected a date such as 1980-10-01",
        ),
        ({"data": ""}, "data: found '', expected a path"),
        (
            {"static": {"hiden": []}},
            "static.hiden: unknown key; did you mean 'hidden'?",
        ),
        ({"static": None}, "static: found nothing, expected a mapping"),
        (
            {"static": {"hidden": [1, "a"]}},
            "static.hidden.1: found 'a', expected a whole number",
        ),
        ({"static": {"hidden": 3}}, "static.hidden: found 3, expected a list"),
        (
            {"dynamic": {"network": "lstn"}},
            "dynamic.network: unknown value 'lstn'; did you mean 'lstm'?",
        ),
        (
            {"dynamic": {"network": 1}},
            "dynamic.network: found 1, expected 'mlp' or 'lstm'",
        ),
        (
            {"dynamic": {"dropout": 1}},
            "dynamic: dropout is 1.0, expected at least 0, below 1",
        ),
        ({"weights": {"a": float("nan")}}, "weights.a: found nan, expected a number"),
        ({"weights": {1: 1.0}}, "weights.1: found 1, expected text"),
        ({"weights": {"a": 10**400}}, "weights.a: found 1000"),
        ({"bounds": [1.0]}, "bounds: found 1 entries, expected 2"),
        ({"bounds": "ab"}, "bounds: found 'ab', expected a list or nothing"),
        (
            {"basins": "al"},
            "basins: unknown value 'al'; did you mean 'all'?",
        ),
        ({"basins": [1]}, "basins.0: found 1, expected text"),
        (
            {"heads": [{"dropout": "x"}]},
            "heads.0.dropout: found 'x', expected a number",
        ),
        ({"tables": {"a": 1}}, "tables.a: found 1, expected a mapping or a list"),
        ({"extra": 1, 5: 2}, "5: unknown key"),
    ],
)
def test_a_misfit_is_named_with_key_found_and_expected(data: Any, message: str) -> None:
    if isinstance(data, dict) and data and "nam" not in data:
        data = {"name": "x", **data}
    assert refused(data).startswith(message)


def test_messages_begin_with_the_file() -> None:
    message = refused({"members": []}, where="a.yaml")
    assert message == "a.yaml: name: missing; it has no default"


def test_a_type_nobody_can_write_in_yaml_is_an_error_of_the_program() -> None:
    @dataclass
    class Odd:
        number: complex

    with pytest.raises(TypeError, match=r"number: cannot convert into .*complex"):
        convert({"number": 1}, Odd)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
keys = st.sampled_from([*Experiment.__dataclass_fields__, *Head.__dataclass_fields__])
documents = st.recursive(
    scalars | st.dates() | st.datetimes() | st.just("1980-10-01"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(scalars, inner, max_size=2)
    ),
    max_leaves=12,
)


@given(
    documents | st.dictionaries(keys, documents).map(lambda data: {"name": "x", **data})
)
def test_any_data_is_converted_or_refused(data: Any) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(convert(data, Experiment), Experiment)


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
    conversion = plain(value)
    assert conversion == expected
    assert type(conversion) is type(expected)


def test_numbers_that_are_not_finite_are_the_callers_choice() -> None:
    value = {"x": [1.0, math.inf]}
    assert plain(value) == value
    conversion = plain(value, "file", lambda number, where: f"{where} is {number}")
    assert conversion == {"x": [1.0, "file: x: 1 is inf"]}


def test_what_is_not_plain_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"^file: x: 0: object cannot be written"):
        plain({"x": [object()]}, "file")


@dataclass(frozen=True)
class Reading:
    """Says itself what it is read from and written as."""

    values: tuple[float, ...]

    @classmethod
    def from_plain(cls, data: Any, convert: Any) -> Reading:
        if not isinstance(data, Mapping):
            raise ConfigError("expected a mapping")
        return cls(convert(data["values"], tuple[float, ...]))

    def to_dict(self) -> dict[str, Any]:
        return {"values": self.values, "unit": Path("a")}


@dataclass(frozen=True)
class Station:
    reading: Reading
    more: Reading | str = "none"


def test_a_class_may_read_and_write_itself() -> None:
    data = {"reading": {"values": [1, 2]}, "more": {"values": []}}
    station = convert(data, Station)
    assert station == Station(Reading((1.0, 2.0)), Reading(()))
    assert plain(station)["reading"] == {"values": [1.0, 2.0], "unit": "a"}


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ([], "^f: reading: expected a mapping"),
        ({"values": ["a"]}, r"^f: reading.*0: found 'a', expected a number"),
    ],
)
def test_what_it_cannot_read_is_refused_with_its_place(
    reading: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        convert({"reading": reading}, Station, "f")
