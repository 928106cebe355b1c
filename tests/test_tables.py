"""Tables: aligned, with summaries, in whatever the terminal can show."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.tables import Column, print_table, render


def columns() -> list[Column]:
    return [
        Column(header="gauge", values=["01", "0234"], summary="median"),
        Column(header="river", values=["Brandywine Creek", "Lehigh"], width=10),
        Column(header="km²", values=[1234.5, None], format=",.0f"),
        Column(
            header="NSE", values=np.array([0.5, math.nan]), format=".2f", summary=0.5
        ),
        Column(header="KGE", values=[1.0, 0.25], format=".2f", bar=(0, 1), summary=2.0),
    ]


def test_table_is_aligned_ruled_and_summed_up() -> None:
    assert render(columns(), title="Two gauges") == (
        "Two gauges\n"
        "\n"
        "gauge   river         km²   NSE     KGE\n"
        "──────  ──────────  ─────  ────  ─────────────────\n"
        "01      Brandywin…  1,234  0.50    1.00 ██████████\n"
        "0234    Lehigh          –     –    0.25 ██▌\n"
        "──────  ──────────  ─────  ────  ─────────────────\n"
        "median                     0.50    2.00 ██████████\n"
    )


def test_table_without_summaries_ends_with_its_rows() -> None:
    text = render([Column(header="a", values=[1, 20])])
    assert text == " a\n──\n 1\n20\n"


def test_a_poor_terminal_gets_plain_characters() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_table([*columns(), Column(header="Δ", values=["é", "x"])], stream=stream)
    stream.seek(0)
    head, rule, first, *_ = stream.read().splitlines()
    assert head.split() == ["gauge", "river", "km2", "NSE", "KGE", "?"]
    assert set(rule) == {"-", " "}
    assert first.split() == ["01", "Brandywin~", "1,234", "0.50", "1.00", "#" * 10, "e"]


def test_standard_output_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Column(header="a", values=[])])
    assert capsys.readouterr().out.startswith("a\n")


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(DataError, match=r"differ in length: \{'a': 1, 'b': 2\}"):
        render([Column(header="a", values=[1]), Column(header="b", values=[1, 2])])
