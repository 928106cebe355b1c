"""Errors: what they are and what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bmi_dmx import errors
from bmi_dmx.cli import COMMANDS, main
from bmi_dmx.errors import DataProblems, DmxError, VariableError, suggestion

KINDS = [
    kind
    for name, kind in vars(errors).items()
    if name.endswith("Error") and kind is not DmxError
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_caught_as_dmx_error_and_as_a_builtin(kind: type) -> None:
    assert issubclass(kind, DmxError)
    assert issubclass(kind, ValueError | KeyError | RuntimeError)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_is_shown_as_it_was_written(kind: type[DmxError]) -> None:
    assert str(kind("unknown 'x'")) == "unknown 'x'"


def test_a_variable_error_without_message_is_empty() -> None:
    assert str(VariableError()) == ""


def test_a_near_name_is_suggested_whatever_its_case() -> None:
    assert suggestion("HBV11", ["hbv10", "hbv11p"]) == "; did you mean 'hbv11p'?"
    weak = suggestion("frac_forest", ["p_mean", "frac_snow"])
    assert weak == "; did you mean 'frac_snow'? Known: frac_snow, p_mean"


def test_without_a_near_name_all_are_listed_in_order() -> None:
    assert suggestion("zzz", ["b", "a"]) == "; known: a, b"


def test_without_any_name_this_is_said() -> None:
    assert suggestion("x", []) == "; none are known"


def test_of_hundreds_of_problems_the_first_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: object) -> None:
        raise DataProblems(f"gauge {k}: no area" for k in range(671))

    monkeypatch.setitem(COMMANDS, "info", replace(COMMANDS["info"], run=fail))
    assert main(["info"]) == 1
    first, *lines, last = capsys.readouterr().err.splitlines()
    assert first == "dmx info: error: 671 problems"
    assert lines == [f"  - gauge {k}: no area" for k in range(100)]
    assert last == "  - … and 571 more"
