"""Names of places: read alike whatever holds them, and never taken for another."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.data.identity import (
    joined,
    listed,
    match,
    meant,
    names_of,
    refuse_repeated,
    spelt_otherwise,
    texts_of,
)
from bmi_dmx.errors import DataError

TEXT = ["cat-7", "0012", "x"]
PLAIN = st.text("abcXYZ019-_ ", min_size=1, max_size=8).map(str.strip).filter(bool)
NAMES = st.lists(PLAIN, unique=True, min_size=1, max_size=6)
ALIKE = st.lists(
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "cat", "CAT", "Cat", "gage", "7"]),
        st.sampled_from(["", "-", "_", " "]),
        st.sampled_from(["", "0", "000"]),
        st.integers(0, 12),
    ).map(str.strip),
    unique=True,
    max_size=8,
)


def characters(names: list[str], length: int, filled: bytes) -> np.ndarray:
    padded = [name.encode().ljust(length, filled) for name in names]
    return np.array([list(map(bytes, zip(x, strict=True))) for x in padded], dtype="S1")


@given(NAMES)
def test_all_ways_of_writing_a_name_are_the_same(names):
    long = max(len(name.encode()) for name in names) + 2
    ways = [
        np.array(names, dtype=object),
        np.array(names),
        np.array([name.encode() for name in names]),
        np.array([name.encode() for name in names], dtype=object),
        np.array([f"  {name}   " for name in names], dtype=object),
        np.array([f"{name}\0\0" for name in names], dtype=object),
        characters(names, long, b" "),
        characters(names, long, b"\0"),
        np.ma.array(names),
    ]
    for way in ways:
        assert names_of(way, "f.nc: ids") == tuple(names)


@pytest.mark.parametrize("kind", ["i1", "i4", "i8", "u2", "u8", "f4", "f8", object])
def test_whole_numbers_are_names(kind):
    assert names_of(np.array([7, 12], dtype=kind), "f.nc: ids") == ("7", "12")


def test_large_numbers_keep_all_digits():
    number = 2**62 + 1
    assert names_of(np.array([number]), "f.nc: ids") == (str(number),)


@pytest.mark.parametrize(
    ("values", "message"),
    [(["a", ""], "entry 1 is empty"), (["a", "  "], "entry 1 is empty"),
     (np.array([b"a", b""]), "entry 1 is empty"),
     (np.ma.array(["a", "b"], mask=[0, 1]), "entry 1 is empty"),
     ([1.5], r"found 1\.5, expected text or a whole number"),
     ([np.nan], "found nan"), ([np.inf], "found inf"), ([True], "found True"),
     (np.array([None]), "found None"),
     (["a", "b", "a "], "'a' is given twice, in entry 0 and entry 2"),
     (np.array([7, 8, 7]), "'7' is given twice, in entry 0 and entry 2")],
)  # fmt: skip
def test_what_names_nothing_or_two_is_refused(values, message):
    with pytest.raises(DataError, match=rf"^f\.nc: ids: {message}") as error:
        names_of(values, "f.nc: ids")
    assert "\n" not in str(error.value)


def test_masked_numbers_name_nothing():
    with pytest.raises(DataError, match=r"f.nc: ids: entry 1 is missing"):
        names_of(np.ma.array([7, 8], mask=[0, 1]), "f.nc: ids")


def test_characters_of_other_encodings_are_words_still():
    assert joined(characters(["grès"], 6, b"\0"))[0].rstrip("\0") == "grès"
    latin = np.frombuffer("grès".encode("latin-1"), dtype="S1")[None]
    assert joined(latin) == ["gr\ufffds"]
    assert joined(np.array([["a", "b"]])) == ["ab"]


def test_both_places_of_a_name_are_said():
    assert refuse_repeated(TEXT, "a.csv") == {"cat-7": 0, "0012": 1, "x": 2}
    with pytest.raises(DataError, match=r"a.csv: 'x' is given twice, in row 2 and row"):
        refuse_repeated(["x", "y", "x"], "a.csv", first=2, entry="row")


@given(ALIKE, ALIKE)
def test_a_match_is_one_to_one_and_exact_names_go_first(wanted, there):
    matching = match(wanted, there)
    assert set(matching.places) | set(matching.lacking) == set(wanted)
    assert not set(matching.places) & set(matching.lacking)
    assert len(set(matching.places.values())) == len(matching.places)
    exact = set(wanted) & set(there)
    if exact:
        assert {name: there[k] for name, k in matching.places.items()} == {
            name: name for name in exact
        }
        assert matching.remark == ""
    assert bool(matching.remark) == bool(set(matching.places) - exact)


def parts(name: str) -> tuple[str, str]:
    """Return the word that begins a name and the number that ends it, by hand."""
    groups = re.fullmatch(r"(?:([a-z]+)[-_ ]?)?0*([0-9]+)", name.lower())
    return (groups[1] or "", groups[2]) if groups else ("", "")


def number_of(name: str) -> str:
    return parts(name)[1]


def unpadded(name: str) -> str:
    """Return a name in small letters, its numbers without leading zeros, by hand."""
    words = re.findall(r"[0-9]+|[^0-9]+", name.lower())
    return "".join(w.lstrip("0") or "0" if w[0].isdigit() else w for w in words)


@given(ALIKE, ALIKE)
def test_a_match_is_never_wrong(wanted, there):
    for name, place in match(wanted, there).places.items():
        if name.lower() == there[place].lower():
            continue
        if unpadded(name) != unpadded(there[place]):
            (word, number), (other_word, other) = parts(name), parts(there[place])
            assert number == other != ""
            assert "" in (word, other_word) or word == other_word
        # No other name on either side could be meant as well.
        key = unpadded if unpadded(name) == unpadded(there[place]) else number_of
        for names in (there, wanted):
            assert sum(key(x) == key(name) for x in names) == 1


@pytest.mark.parametrize(
    ("wanted", "there", "places"),
    [(["cat-7", "cat-8"], ["8", "7"], [1, 0]),
     (["cat-7"], ["CAT-7", "CAT-8"], [0]),
     (["01013500"], ["1013500"], [0]),
     (["01013500"], ["1013500.0", "1013501.0"], [0]),
     (["7"], ["7.0", "7"], [1]), (["07"], ["7.0", "7"], None),
     (["cat-7"], ["0007"], [0]),
     (["cat-7"], ["gage-7"], None),
     (["cat-7"], ["7", "007"], None),
     (["7", "07"], ["cat-7"], None),
     (["cat-7"], ["cat-7.5"], None),
     (["cat-7"], ["cat-77", "cat-70"], None),
     ([], ["a"], []), (["a"], [], None)],
)  # fmt: skip
def test_names_are_told_by_their_numbers_where_that_is_sure(wanted, there, places):
    matching = match(wanted, there)
    expected = [] if places is None else places
    assert [
        matching.places[name] for name in wanted if name in matching.places
    ] == expected
    assert list(matching.lacking) == (wanted if places is None else [])


def test_numbers_alone_are_compared_where_that_is_asked_for():
    assert match(["cat-7"], ["7"], by_number=False).lacking == ("cat-7",)
    assert match(["cat-07"], ["Cat-7"], by_number=False).places == {"cat-07": 0}


def test_titles_in_other_capitals_are_the_same_names():
    assert spelt_otherwise("P_Mean", ["p_mean", "t_mean"]) == "p_mean"
    assert spelt_otherwise("p_men", ["p_mean"]) is None
    assert spelt_otherwise("P_MEAN", ["p_mean", "P_mean"]) is None
    assert meant("p_mean", ["p_mean"], ["P_Mean", "p_mean"]) == "p_mean"
    assert meant("P_Mean", ["p_mean"], ["P_Mean", "t_mean"]) == "p_mean"
    assert meant("P_Mean", ["p_mean"], ["P_Mean", "p_mean"]) is None


def test_the_first_names_of_many_are_shown():
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c", "d"]) == "a, b, c, ..."


@pytest.mark.parametrize(
    "values",
    [
        np.array([7.0, np.nan, 7.0]),
        np.ma.masked_equal([7, -1, 7], -1),
        np.ma.masked_equal([7.0, -1.0, 7.0], -1.0),
        np.array(["7", "", "7"]),
        np.array([b"7 ", b"", b"7"]),
    ],
)
def test_names_that_may_be_missing_and_repeated_are_texts(values):
    assert texts_of(values, "here", missing=True) == ("7", "", "7")


def test_numbers_that_are_no_names_are_refused_where_some_are_missing():
    with pytest.raises(DataError, match=r"here: found 7\.5, expected text or"):
        texts_of(np.array([7.5, np.nan]), "here", missing=True)
