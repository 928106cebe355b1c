"""Tables of text, checked against the csv module and a few lines of one's own."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.data.fill_values import WORDS
from bmi_dmx.data.table import Table, heading, is_table, read_table, stem_of
from bmi_dmx.errors import ConfigError, DataError, DmxError

MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
ENCODINGS = {
    "utf-8": (), "utf-8-sig": (), "utf-16": ("text is UTF-16",),
    "cp1252": ("text is not UTF-8, read as Windows-1252",),
}  # fmt: skip
# No mark parts these but the one that is chosen.
PLAIN = st.text("abcXYZéü019 .-_'", max_size=6)
TITLE = st.text("abcXYZ_é", min_size=1, max_size=6)


@st.composite
def written(draw, cell=PLAIN, least=2):
    """Draw a header of at least some titles, and rows below it."""
    titles = draw(st.lists(TITLE, min_size=least, max_size=5, unique=True))
    row = st.lists(cell, min_size=len(titles), max_size=len(titles))
    rows = draw(
        st.lists(row.filter(lambda r: any(map(str.strip, r))), min_size=1, max_size=8)
    )
    return titles, rows


def table(data: bytes | str, folder: Path, encoding: str = "utf-8") -> Table:
    path = folder / "t.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode(encoding))
    return read_table(path, "rows")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@given(
    written(), st.sampled_from(list(MARKS)), st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from([*ENCODINGS]),
)  # fmt: skip
def test_any_table_is_read_as_it_was_written(
    folder, given, mark, end, quoting, encoding
):
    titles, rows = given
    text = io.StringIO()
    writer = csv.writer(text, delimiter=mark, lineterminator=end, quoting=quoting)
    writer.writerows([titles, *rows])
    sheet = table(text.getvalue(), folder, encoding)
    assert list(sheet.titles) == titles
    assert [list(map(str.strip, row)) for row in sheet.rows] == [
        list(map(str.strip, row)) for row in rows
    ]
    odd = ENCODINGS[encoding] if text.getvalue().isascii() is False else ()
    odd = ENCODINGS[encoding] if encoding == "utf-16" else odd
    between = () if mark == "," else (f"cells are parted by {MARKS[mark]}",)
    assert sheet.remarks == (*odd, *between)


CELLS = st.text("ab\"',; \n\u2028\x0b\x85", max_size=6)


@given(written(cell=CELLS, least=3))
def test_quoted_cells_may_hold_anything(folder, given):
    titles, rows = given
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([titles, *rows])
    sheet = table(text.getvalue(), folder)
    # As the csv module reads them, whose lines end as files of text have it.
    expected = list(csv.reader(io.StringIO(text.getvalue(), newline="")))
    assert [list(sheet.titles), *sheet.rows] == expected


@given(
    st.lists(st.decimals(-9999, 9999, places=2), min_size=1, max_size=6),
    st.sampled_from([";", "\t", "|"]),
)
def test_decimal_commas_are_points(folder, values, mark):
    lines = [f"id{mark}x", *(f"{k}{mark}{v}" for k, v in enumerate(values))]
    sheet = table("\n".join(lines).replace(".", ","), folder)
    np.testing.assert_array_equal(sheet.numbers(1), np.array(values, dtype=float))
    assert sheet.remarks[-1] == "numbers are written with decimal commas"
    assert sheet.commas(1)
    assert not sheet.commas(0)


def test_text_of_numbers_has_points(tmp_path):
    sheet = table("id;x;y\na;1,5;m\nb;NA;n,o\n", tmp_path)
    assert sheet.plain(1) == ["1.5", "NA"]
    assert sheet.plain(2) == ["m", "n,o"]


def test_quoted_decimal_commas_among_commas_are_points_where_that_is_sure(tmp_path):
    sheet = table('id,x\na,"3,3"\nb,"1,25"\n', tmp_path)
    assert sheet.numbers(1).tolist() == [3.3, 1.25]
    # Three digits behind it may be thousands.
    with pytest.raises(DataError, match=r"row 2, column 'x': found '3,300', expected"):
        table('id,x\na,"3,300"\nb,"1,250"\n', tmp_path).numbers(1)


@pytest.mark.parametrize(
    "cell",
    ["1,234.5", "1 234", "1'234", "1.234,5", "1_000", "0x10", "1d5", "5 mm", "abc",
     "1,2,3", "--5", "1e", "½", "true", ",", "1,"],
)  # fmt: skip
@pytest.mark.parametrize("mark", [",", ";"])
def test_what_is_no_number_is_named_with_row_and_column(tmp_path, cell, mark):
    lines = [["id", "x"], ["a", "1.5"], ["b", cell]]
    text = io.StringIO()
    csv.writer(text, delimiter=mark).writerows(lines)
    sheet = table(text.getvalue(), tmp_path)
    message = rf"t\.csv: row 3, column 'x': found '?.*{cell[-1]}.*, expected a number"
    with pytest.raises(DataError, match=message):
        sheet.numbers(1)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=9))
def test_numbers_keep_all_their_digits(folder, values):
    lines = ["id,x", *(f"{k},{v!r}" for k, v in enumerate(values))]
    assert table("\n".join(lines), folder).numbers(1).tolist() == values


@pytest.mark.parametrize("word", sorted(WORDS | {"NA", "NaN", "NULL", " na ", "N/A"}))
def test_words_for_missing_are_missing(tmp_path, word):
    sheet = table(f"id,x\na,{word}\nb,2\n", tmp_path)
    np.testing.assert_array_equal(sheet.numbers(1), [np.nan, 2.0])
    if word.strip() and word.strip().casefold() not in ("nan", "-nan"):
        with pytest.raises(DataError, match="row 2, column 'x'"):
            sheet.numbers(1, missing=False)


def test_lines_end_where_files_of_text_end_them(tmp_path):
    sheet = table("id,x\na\x0bb,1\nc\u2028d,2\n", tmp_path)
    assert sheet.cells(0) == ["a\x0bb", "c\u2028d"]
    assert sheet.lines == [2, 3]


def test_lines_around_the_table_are_passed_over(tmp_path):
    text = "# made by\n#a;b;c\n\n id ,x,,\n\na,1,,\n , ,\nb,2\n\n"
    sheet = table(text, tmp_path)
    assert sheet.titles == ("id", "x")
    assert sheet.rows == [["a", "1"], ["b", "2"]]
    assert sheet.lines == [6, 8]
    assert sheet.places() == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "expected a header and rows"), ("id,x\n", "expected a header and rows"),
     ("\n\n#\n", "expected a header and rows"),
     ("id,x\na,1,2\n", "row 2 has 3 cells, the header 2"),
     ("id,x,y\na,1,2\nb,1\n", "row 3 has 2 cells, the header 3"),
     ('id,x,y\na,1,"n\nb,2,m\n', "line 3: cannot be read: unexpected end of data"),
     (b"id,x\na,\x81\n", "not text: byte 7 is no UTF-8"),
     (b"id,x\0\n", "not text: found a zero byte at 4"),
     ("id,x\na,1\n".encode("utf-16-le"), "not text: found a zero byte at 1"),
     (b"\xff\xfei\0", "expected a header and rows"),
     (b"\xff\xfei\0d", "not UTF-16 text")],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(DataError, match=rf"t\.csv: {message}") as error:
        table(text, tmp_path)
    assert "\n" not in str(error.value)


def test_a_cell_beyond_all_measure_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"t.csv: line 2: cannot be read: field larger"):
        table(f"id,x\na,{'1' * 200_000}\n", tmp_path)


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"gone.csv: no such file"):
        read_table(tmp_path / "gone.csv", "rows")
    with pytest.raises(DataError, match=r": cannot be read: Is a directory"):
        read_table(tmp_path, "rows")


def test_names_that_are_missing_or_given_twice_are_refused(tmp_path):
    with pytest.raises(DataError, match="column 'id': row 3 is empty, expected a name"):
        table("id,x\na,1\n,2\n", tmp_path).places()
    sheet = table("# c\nid,x\na,1\n\nb,2\na ,3\n", tmp_path)
    with pytest.raises(DataError, match="column 'id': 'a' is given twice, in rows 3"):
        sheet.places()


@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_or_refused_in_one_line(folder, data):
    message = "t.csv"
    try:
        sheet = table(data, folder)
        sheet.places()
        sheet.numbers(len(sheet.titles) - 1)
    except DmxError as error:
        message = str(error)
    assert "t.csv" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("title", "name", "units"),
    [("p_mean", "p_mean", ""), (" p_mean [mm/yr] ", "p_mean", "mm/yr"),
     ("T(degC)", "T", "degC"), ("a [ m s-1 ]", "a", "m s-1"), ("x[]", "x", ""),
     ("a [b] [c]", "a [b]", "c"), ("", "", ""), ("rain (sum) [mm]", "rain (sum)", "mm"),
     ("[mm]", "", "mm"), ("x [mm", "x [mm", "")],
)  # fmt: skip
def test_titles_hold_a_name_and_units(title, name, units):
    assert heading(title) == (name, units)


def test_the_cell_that_is_no_number_is_named_not_one_with_a_comma(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("date;rain\n2001-02-01;3,4\n2001-02-02;x\n", encoding="utf-8")
    with pytest.raises(
        DataError, match="row 3, column 'rain': found 'x', expected a n"
    ):
        read_table(path, "rows").numbers(1)


@pytest.mark.parametrize("title", ["", "Unnamed: 0"])
@pytest.mark.parametrize("start", [0, 1])
def test_numbers_of_rows_before_them_are_left_out(tmp_path, title, start):
    path = tmp_path / "a.csv"
    for second, names in (("place", ["a", "b"]), ("gauge_id", ["071", "12"])):
        rows = [f"{start + k},{name},{k}.5" for k, name in enumerate(names)]
        path.write_text("\n".join([f"{title},{second},size", *rows]), "utf-8")
        table = read_table(path, "a place")
        assert table.titles == (second, "size")
        assert list(table.places()) == names
        assert table.numbers(1).tolist() == [0.5, 1.5]
        assert table.remarks == ("the first column numbers the rows and is left out",)


@pytest.mark.parametrize("head", [",size", "n,place", ",place"])
def test_numbers_that_may_be_names_stay(tmp_path, head):
    path = tmp_path / "a.csv"
    second = ["7", "9"] if head == ",size" else ["a", "b"]
    first = ["5", "3"] if head == ",place" else ["0", "1"]
    rows = [",".join(row) for row in zip(first, second, strict=True)]
    path.write_text("\n".join([head, *rows]), "utf-8")
    assert list(read_table(path, "a place").places()) == first


def test_a_table_without_a_header_has_numbered_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("7,8\n9,10\n", encoding="utf-8")
    table = read_table(path, "rows", titled=False)
    assert table.titles == ("1", "2")
    assert table.cells(0) == ["7", "9"]
    assert table.lines == [1, 2]
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(DataError, match="expected rows"):
        read_table(path, "rows", titled=False)


def test_it_is_said_how_many_cells_are_no_numbers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,x\n2,3\n4,y\n", encoding="utf-8")
    message = r"row 2, column 'b': found 'x', .* the first of 2 such cells"
    with pytest.raises(DataError, match=message):
        read_table(path, "rows").numbers(1)


@pytest.mark.parametrize("name", ["old.csv.gz", "old.CSV.GZ", "old.csv"])
def test_a_compressed_table_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"id;area\nx;1,5\n"))
    assert is_table(path)
    assert stem_of(path) == "old"
    assert read_table(path, "places").numbers(1) == [1.5]


def test_a_compressed_table_that_ends_early_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.csv.gz"
    path.write_bytes(gzip.compress(b"id,area\nx,1\n")[:-9])
    with pytest.raises(DataError, match=r"old\.csv\.gz: cannot be unpacked by gzip: "):
        read_table(path, "places")


@pytest.mark.parametrize("name", ["old.nc", "old.nc.gz", "old.gz", "csv"])
def test_other_endings_are_no_tables(name: str) -> None:
    assert not is_table(Path(name))
