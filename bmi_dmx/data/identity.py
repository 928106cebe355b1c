"""Names of places in files: one way to read them, and to find one among others.

A name is text. Files hold it as text, bytes, single characters or numbers, padded with
blanks or zeros of a C program; all of these are the same name.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DataError

__all__ = [
    "Match",
    "joined",
    "listed",
    "match",
    "meant",
    "names_of",
    "refuse_repeated",
    "spelt_otherwise",
    "texts_of",
]

_LISTED = 3


def names_of(values: Any, where: str) -> tuple[str, ...]:
    """Return what a file holds as names.

    Parameters
    ----------
    values : array_like
        Text, bytes or whole numbers, (place,); or single characters, (place, length).
    where : str
        File and variable, for messages.

    Raises
    ------
    DataError
        When it holds something else, or a name is empty or given twice.
    """
    names = texts_of(values, where)
    for place, name in enumerate(names):
        if not name:
            raise DataError(f"{where}: entry {place} is empty, expected a name")
    refuse_repeated(names, where)
    return names


def texts_of(values: Any, where: str, *, missing: bool = False) -> tuple[str, ...]:
    """Return what a file holds as names, which may be empty and repeated.

    Parameters
    ----------
    values, where
        As for :func:`names_of`.
    missing : bool
        Whether numbers may be missing, which is an empty name.

    Raises
    ------
    DataError
        When it holds something else.
    """
    array = np.asarray(np.ma.getdata(values))
    gone = np.ma.getmaskarray(values) if np.ma.isMA(values) else np.zeros(1, bool)
    if array.dtype.kind in "iuf" and missing:
        gone = gone | ~np.isfinite(array)
        array = array.astype(object)
    elif array.dtype.kind in "iuf" and gone.any():
        raise DataError(
            f"{where}: entry {int(np.argmax(gone))} is missing, expected a name"
        )
    if gone.any():
        array = np.where(gone, b"" if array.dtype.kind == "S" else "", array)
    if array.dtype in (np.dtype("S1"), np.dtype("U1")) and array.ndim > 1:
        array = np.asarray(joined(array))
    return tuple(_name(entry, where) for entry in array.reshape(-1).tolist())


def joined(characters: Any) -> list[str]:
    """Return the words of which an array holds the single characters.

    Parameters
    ----------
    characters : (..., length) array
        Of bytes, those of UTF-8, or of text.
    """
    array = np.asarray(characters)
    rows = array.reshape(math.prod(array.shape[:-1]), array.shape[-1])
    if rows.dtype.kind == "U":
        return ["".join(row) for row in rows.tolist()]
    return [b"".join(row).decode("utf-8", "replace") for row in rows.tolist()]


def _name(entry: Any, where: str) -> str:
    if isinstance(entry, bytes):
        entry = entry.decode("utf-8", "replace")
    if isinstance(entry, float) and entry.is_integer():
        entry = int(entry)
    if isinstance(entry, bool) or not isinstance(entry, int | str):
        raise DataError(
            f"{where}: found {entry!r}, expected text or a whole number that names a "
            "place"
        )
    return str(entry).replace("\0", " ").strip()


def refuse_repeated(
    names: Sequence[str], where: str, *, first: int = 0, entry: str = "entry"
) -> dict[str, int]:
    """Return the places of names, refusing one that is given twice.

    Parameters
    ----------
    names : sequence of str
        Names in the order of the file.
    where : str
        File and variable, for messages.
    first : int
        What the first entry is called, such as the number of a row.
    entry : str
        What entries are called.

    Raises
    ------
    DataError
        Naming it and both places: which is meant cannot be known.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        if name in places:
            raise DataError(
                f"{where}: {name!r} is given twice, in {entry} {places[name] + first} "
                f"and {entry} {place + first}"
            )
        places[name] = place
    return places


class Match:
    """Which entries of a file are meant by names.

    Parameters
    ----------
    places : dict of str to int
        Entry by name, of the names that were found.
    lacking : tuple of str
        Names that were not.
    remark : str
        How names were told where they are written differently; empty where they are
        not.
    """

    def __init__(
        self, places: Mapping[str, int], lacking: Sequence[str], remark: str = ""
    ) -> None:
        self.places, self.lacking, self.remark = dict(places), tuple(lacking), remark


def match(
    names: Sequence[str], there: Sequence[str], *, by_number: bool = True
) -> Match:
    """Find names among those of a file.

    Names are compared as they are; those that are left without regard to capitals, to
    zeros before a number, which spreadsheets remove, and to the ``.0`` behind one,
    which programs add where others are missing: ``Cat-7`` and ``cat-07``, ``7`` and
    ``7.0``. Where none was found so, their numbers alone are compared: ``cat-7`` and
    ``7``, unless the words in them contradict each other. Nothing is matched by what is
    true of two names on one side.

    Parameters
    ----------
    names : sequence of str
        Names that are looked for.
    there : sequence of str
        Names of the file, each once.
    by_number : bool
        Whether numbers alone may be compared.
    """
    exact = {name: place for place, name in enumerate(there)}
    identical = {name: exact[name] for name in names if name in exact}
    alike = {**_alike(names, there, _plain), **identical}
    if not alike and by_number:
        alike = _alike(names, there, _number)
        words = {(_word(name), _word(there[k])) for name, k in alike.items()}
        if any(one and other and one != other for one, other in words):
            alike = {}
    remark = ""
    loose = next((name for name in alike if name not in identical), None)
    if loose is not None:
        remark = f"{there[alike[loose]]!r} is taken for {loose!r}, and others alike"
    places = {name: alike[name] for name in names if name in alike}
    return Match(places, [name for name in names if name not in places], remark)


def _alike(
    names: Sequence[str], there: Sequence[str], key: Callable[[str], str]
) -> dict[str, int]:
    """Return places of names by a key that no two names on one side share."""
    here, theirs = Counter(map(key, names)), Counter(map(key, there))
    places = {key(name): place for place, name in enumerate(there)}
    return {
        name: places[k]
        for name in names
        if (k := key(name)) and here[k] == theirs[k] == 1
    }


def _plain(name: str) -> str:
    """Return a name in small letters, without zeros around its numbers."""
    whole = re.sub(r"^(\d+)\.0+$", r"\1", name.strip().casefold())
    return re.sub(r"(?<!\d)0+(?=\d)", "", whole)


def _number(name: str) -> str:
    """Return the number that ends a name, without leading zeros; else nothing."""
    match = re.fullmatch(r"(?:[^\W\d_]+[-_ ]?)?0*(\d+)", _plain(name))
    return match[1] if match else ""


def spelt_otherwise(title: str, names: Iterable[str]) -> str | None:
    """Return the name that a title of a file differs from in capitals alone.

    Parameters
    ----------
    title : str
        Of a column or variable.
    names : iterable of str
        Names that are looked for.

    Returns
    -------
    str or None
        None where there is no such name, or several.
    """
    there = [name for name in names if name.casefold() == title.casefold()]
    return there[0] if len(there) == 1 else None


def meant(title: str, names: Iterable[str], there: Container[str]) -> str | None:
    """Return the name that a title of a file means, itself or in other capitals.

    Parameters
    ----------
    title : str
        Of a column or variable.
    names : iterable of str
        Names that are looked for.
    there : container of str
        All titles of the file; one that is a name as it is goes before others.

    Returns
    -------
    str or None
        None where it means none.
    """
    if title in names:
        return title
    name = spelt_otherwise(title, names)
    return None if name in there else name


def _word(name: str) -> str:
    match = re.match(r"[^\W\d_]+", name.strip())
    return match[0].casefold() if match else ""


def listed(names: Sequence[str]) -> str:
    """Return the first few of names, for messages."""
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
