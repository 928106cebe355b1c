"""Configuration: what is understood, and how exactly the rest is refused."""

from __future__ import annotations

import contextlib
import datetime
import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.config import as_yaml, expanded, load, override, read
from bmi_dmx.errors import ConfigError

from .test_conversion import Experiment, Head


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
    scalar = read_text(tmp_path, f"key: {text}")["key"]
    assert scalar == value
    assert type(scalar) is type(value)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert read_text(tmp_path, "\ufeffkey: 1") == {"key": 1}


# What is refused, and what is said


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


@given(st.text(max_size=20), st.text("ab: -[]{}&*!?,\n'\"19.e#|>%~", max_size=30))
def test_any_setting_is_taken_or_refused(key: str, value: str) -> None:
    with contextlib.suppress(ConfigError):
        override({"a": {"b": 1}}, [f"{key}={value}"])


def test_what_is_written_is_read_back_in_its_order(tmp_path: Path) -> None:
    """Other packages change how the library writes mappings, for all that use it."""
    data = {
        "zones": {"b": 1, "a": ["x", {"k": None}], "ids": ["01013500", "12e5", "no"]},
        "about": "two lines:\nthe second",
        "share": [0.1, True, 7],
    }
    sorting = yaml.SafeDumper.yaml_representers.copy()
    try:
        yaml.SafeDumper.add_representer(
            dict, lambda dumper, x: dumper.represent_dict(sorted(x.items()))
        )
        path = tmp_path / "written.yaml"
        path.write_text(as_yaml(data), encoding="utf-8")
    finally:
        yaml.SafeDumper.yaml_representers = sorting
    again = read(path)
    assert again == data
    assert [list(again), list(again["zones"])] == [list(data), list(data["zones"])]


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 9)
)
HOSTILE = {
    "aliases of aliases": (
        BOMB,
        r"aliases stand for 1\.\d+e\+09 values, exp",
    ),
    "a list in itself": ("a: &x [*x]", "nested too deeply"),
    "a mapping in itself": ("a: &x {b: *x}", "nested too deeply"),
    "lists within lists": ("[" * 900 + "]" * 900, "nested too deeply"),
    "no end": ("[" * 5000, "nested too deeply"),
    "deep blocks": ("\n".join(" " * k + "a:" for k in range(500)), "nested too deeply"),
    "no boolean": ('a: !!bool "x"', "a tag is not that of its text"),
    "no number": ('a: !!int ""', "a tag is not that of its text"),
    "no fraction": ("a: !!float x", "not valid YAML"),
    "a set": ("a: !!set {b, c}", "could not determine a constructor for the tag"),
    "bytes": ("a: !!binary eA==", "could not determine a constructor for the tag"),
    "a time": ("a: !!timestamp x", "could not determine a constructor for the tag"),
    "pairs": ("a: !!pairs [b: 1]", "could not determine a constructor for the tag"),
    "beyond numbers": ("a: -1e999", "'-1e999' is beyond what numbers can be"),
    "many digits": ("a: " + "9" * 5000, "not valid YAML: Exceeds the limit"),
    "half a character": ('a: "\\ud800"', "text with half a character"),
    "two lines of a message": (
        "a: \0",
        r"not valid YAML: unacceptable character",
    ),
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE)
def test_what_would_hurt_its_reader_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"file\.yaml.*: {message}") as refused:
        read(path)
    assert "\n" not in str(refused.value)


def test_aliases_and_infinite_numbers_that_are_meant_are_read(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text("a: &x [1, .inf]\nb: [*x, *x]\n", encoding="utf-8")
    assert read(path) == {"a": [1, math.inf], "b": [[1, math.inf]] * 2}


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"/dev/zero: larger than \d+ bytes"):
        read("/dev/zero")


@pytest.mark.parametrize("text", ["~/a.csv", "$DATA/a.csv", "${DATA}/a.csv"])
def test_home_and_variables_are_put_into_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("HOME", "/data")
    monkeypatch.setenv("DATA", "/data")
    assert expanded(text, "file", tmp_path) == Path("/data/a.csv")
    # What is there under the name as it is written is meant.
    (tmp_path / text).parent.mkdir()
    (tmp_path / text).touch()
    assert expanded(text, "file", tmp_path) == tmp_path / text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("$NOWHERE/a.csv", "file: environment variable 'NOWHERE' .* is not set"),
        ("~nobody-at-all/a.csv", "file: no home folder '~nobody-at-all'"),
        ("s3://bucket/a.csv", "file: found 's3://bucket/a.csv', an address"),
    ],
)
def test_paths_from_nowhere_are_refused(
    monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(ConfigError, match=problem):
        expanded(text, "file")
