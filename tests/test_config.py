"""Configuration: what is understood, and how exactly the rest is refused."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.config import convert, load, override, read
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


def written(folder: Path, text: str) -> Path:
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read_text(folder: Path, text: str) -> Any:
    return read(written(folder, text))


# What is understood


def test_a_file_becomes_nested_dataclasses_with_their_defaults(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        name: α
        start: 1980-10-01
        clock: 1980-10-01 06:00:00
        data: folder/file.nc
        static: {hidden: [64], dropout: 1e-1}
        dynamic: {network: lstm}
        weights: {nse: 1, kge: 0.5}
        bounds: [1, mm]
        basins: [01013500, "02"]
        heads: [{dropout: 0.5}, {}]
        extra: {free: [form, 1]}
        tables: {a: {dropout: 0.25}, b: [1, 2]}
        """,
    )
    assert load(path, Experiment) == Experiment(
        name="α",
        start=datetime.date(1980, 10, 1),
        clock=datetime.datetime(1980, 10, 1, 6),
        data=Path("folder/file.nc"),
        static=Head(hidden=(64,), dropout=0.1),
        dynamic=Head(network="lstm"),
        weights={"nse": 1.0, "kge": 0.5},
        bounds=(1.0, "mm"),
        basins=["01013500", "02"],
        heads=[Head(dropout=0.5), Head()],
        extra={"free": ["form", 1]},
        tables={"a": Head(dropout=0.25), "b": [1, 2]},
    )


def test_a_whole_number_passes_for_a_fraction_and_becomes_one() -> None:
    weight = convert({"name": "x", "weights": {"a": 1}}, Experiment).weights["a"]
    assert isinstance(weight, float)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-1.5E+2", -150.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("-7", -7),
        ("0", 0),
        ("true", True),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("01013500", "01013500"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1980-10-01", "1980-10-01"),
        ('"1"', "1"),
    ],
)
def test_scalars_are_read_as_people_mean_them(
    tmp_path: Path, text: str, value: object
) -> None:
    found = read_text(tmp_path, f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert read_text(tmp_path, "\ufeffkey: 1") == {"key": 1}


# What is refused, and what is said


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: 1\nb: 2\na: 3",
            "line 3: not valid YAML: key 'a' is given twice, first in ",
        ),
        ("x: {a: 1,\n a: 2}", "line 2: not valid YAML: key 'a' is given twice"),
        ("a: 1\n  b: 2", "line 2: not valid YAML: mapping values are not allowed here"),
        ("a: [1,\n", "line 2: not valid YAML"),
        ("a: *nowhere", "line 1: not valid YAML: found undefined alias"),
        ("a: 1\n---\nb: 1", "not valid YAML: but found another document"),
        ("a: !!python/name:os.system", "line 1: not valid YAML: could not determine"),
        ("? [a]\n: 1", "line 1: not valid YAML: found unhashable key"),
        ("a: \x07", "not valid YAML: unacceptable character"),
        ("[" * 5000, "nested too deeply"),
        ("a: " + "9" * 5000, "not valid YAML"),
    ],
)
def test_faults_of_syntax_name_file_and_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        read_text(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "x.yaml"))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        read(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: é".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml: not UTF-8 text"):
        read(latin)


# Settings from the command line


def test_settings_replace_and_add_and_leave_the_original_alone() -> None:
    data = {"a": {"b": 1, "c": 2}, "d": None}
    changed = override(data, ["a.b=[1, 2]", "d.e=x", "f=1980-10-01", "a.c="])
    assert changed == {
        "a": {"b": [1, 2], "c": None},
        "d": {"e": "x"},
        "f": "1980-10-01",
    }
    assert data == {"a": {"b": 1, "c": 2}, "d": None}


def test_a_later_setting_wins() -> None:
    assert override({}, ["a=1", "a=2"]) == {"a": 2}


def test_a_value_may_hold_an_equals_sign() -> None:
    assert override({}, ["a=b=c"]) == {"a": "b=c"}


@pytest.mark.parametrize("setting", ["a", "=1", "a..b=1", ".a=1", ""])
def test_what_is_no_setting_is_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match="is not of the form key=value"):
        override({}, [setting])


def test_a_value_that_is_not_yaml_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"setting 'a=\[', line 1: not valid YAML"):
        override({}, ["a=["])


def test_nothing_is_set_below_a_plain_value() -> None:
    with pytest.raises(
        ConfigError, match=r"setting 'a\.b=1': nothing can be set below"
    ):
        override({"a": 3}, ["a.b=1"])


def test_a_setting_with_a_misspelt_key_is_refused_with_the_right_one(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, "name: x")
    with pytest.raises(ConfigError, match=r"static\.droput: .* mean 'dropout'"):
        load(path, Experiment, ["static.droput=0.5"])


# Whatever is thrown at it

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
keys = st.sampled_from([*Experiment.__dataclass_fields__, *Head.__dataclass_fields__])
plain = st.recursive(
    scalars | st.dates() | st.datetimes() | st.just("1980-10-01"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(scalars, inner, max_size=2)
    ),
    max_leaves=12,
)


@given(plain | st.dictionaries(keys, plain).map(lambda data: {"name": "x", **data}))
def test_any_data_is_converted_or_refused(data: Any) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(convert(data, Experiment), Experiment)


@given(st.text(max_size=20), st.text("ab: -[]{}&*!?,\n'\"19.e#|>%~", max_size=30))
def test_any_setting_is_taken_or_refused(key: str, value: str) -> None:
    with contextlib.suppress(ConfigError):
        override({"a": {"b": 1}}, [f"{key}={value}"])
