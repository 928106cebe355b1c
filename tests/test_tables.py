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


def wide(names: list[str], numbers: int) -> list[Column]:
    return [
        Column(header="gauge", values=["01", "02"], summary="median"),
        Column(header="name", values=names, summary=""),
        *(
            Column(header=f"score {k}", values=[k, 1e4 + k], format=".3f")
            for k in range(numbers)
        ),
    ]


def test_the_longest_texts_are_cut_where_a_line_is_full() -> None:
    names = ["a river of a name that goes on and on", "another"]
    lines = render(wide(names, 5), width=80).splitlines()
    assert max(map(len, lines)) == 80
    assert lines[0].count("score") == 5
    assert "a river of a nam…" in lines[2]


def test_columns_that_find_no_place_stand_below_after_the_first() -> None:
    text = render(wide(["a", "b"], 20), width=80, title="many words " * 12)
    assert max(map(len, text.splitlines())) <= 80
    heads = [line for line in text.splitlines() if line.startswith("gauge")]
    assert len(heads) == 4
    scores = [word for line in heads for word in line.split() if word.isdigit()]
    assert scores == [str(k) for k in range(20)]
    assert sum(line.startswith("median") for line in text.splitlines()) == 4


def test_texts_are_not_cut_where_columns_stand_below_anyway() -> None:
    name = "a name of thirty characters ok"
    lines = render(wide([name, "b"], 20), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(name in line for line in lines) == 1


def test_names_that_differ_at_their_ends_are_told_apart() -> None:
    names = ["a-long-experiment-name-1", "a-long-experiment-name-2", "short"]
    text = render([Column(header="run", values=names, width=12)])
    assert text.splitlines()[2:] == ["a-lon…name-1", "a-lon…name-2", "short"]


def test_standard_output_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Column(header="a", values=[])])
    assert capsys.readouterr().out.startswith("a\n")


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(DataError, match=r"differ in length: \{'a': 1, 'b': 2\}"):
        render([Column(header="a", values=[1]), Column(header="b", values=[1, 2])])
