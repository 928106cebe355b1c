"""Long tables of text, in pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.data.lines import Lines
from bmi_dmx.errors import ConfigError, DataError

ROWS = [[str(k), f"x{k}", f"{k / 7:.9g}"] for k in range(100)]


@pytest.fixture(scope="module", params=[False, True])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A table with or without a header, some cells after blanks."""
    lines = [", ".join(row) for row in ROWS]
    if request.param:
        lines.insert(0, "step, name, value")
    path = tmp_path_factory.mktemp("text") / "long.csv"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return Lines(path, titled=request.param)


@given(st.lists(st.tuples(st.integers(0, 110), st.integers(0, 40)), max_size=6))
def test_any_rows_in_any_order(table: Lines, wanted: list[tuple[int, int]]) -> None:
    for first, count in wanted:
        assert table.read(first, count) == ROWS[first : first + count]


def test_titles_are_those_of_the_header(table: Lines) -> None:
    assert table.titles in (("step", "name", "value"), ("1", "2", "3"))


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing.csv: no such file"):
        Lines(tmp_path / "nothing.csv", titled=False)
    for content, message in (
        (b"", "is empty, expected rows"), (b"\xff\xfe1\n", "not UTF-8 text"),
    ):  # fmt: skip
        (tmp_path / "odd.csv").write_bytes(content)
        with pytest.raises(DataError, match=rf"odd.csv: {message}"):
            Lines(tmp_path / "odd.csv", titled=False)
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        Lines(tmp_path, titled=False)
    (tmp_path / "odd.csv").write_text("1,2\n3\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"odd.csv: row 2 has 1 cells, the first line 2"
    ):
        Lines(tmp_path / "odd.csv", titled=False).read(0, 2)
