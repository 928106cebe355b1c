"""What a square of the table holds: how a file is changed, and what must come of it."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import DmxError

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Same:
    """The numbers of the unchanged file, and a remark that matches."""

    remark: str = ""


@dataclass(frozen=True)
class Other:
    """Other numbers, changed by a function; and a remark that matches."""

    change: Callable[[dict[str, Any]], object]
    remark: str = ""


@dataclass(frozen=True)
class Refused:
    """A typed error of one line that names the file and matches."""

    message: str
    file: bool = True


@dataclass(frozen=True)
class Never:
    """The kind cannot occur in the reader's files, for a reason."""

    reason: str


Outcome = Same | Other | Refused


@dataclass(frozen=True)
class Trial:
    """A change of the usual file, and what must come of it."""

    change: Callable[[Any], object]
    outcome: Outcome
    after: bool = False
    """Whether the path is changed, not what is written."""


Square = Trial | tuple[Trial, ...] | Never


@dataclass(frozen=True)
class Reader:
    """One reader of files.

    Parameters
    ----------
    usual : callable
        Returns what the usual file holds; it has ``write(path)``.
    name : str
        The file.
    read : callable
        Returns numbers from the path, and remarks.
    expected : callable
        Returns the numbers that the usual file must give.
    squares : dict
        By kind.
    """

    usual: Callable[[], Any]
    name: str
    read: Callable[[Path], tuple[Numbers, list[str]]]
    expected: Callable[[], Numbers]
    squares: dict[str, Square] = field(default_factory=dict)


class Heard(logging.Handler):
    """Keeps what is logged as a warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what the package warns of."""
    handler, log = Heard(), logging.getLogger("bmi_dmx")
    before, log.level = log.level, min(log.level or logging.WARNING, logging.WARNING)
    log.addHandler(handler)
    try:
        yield handler.texts
    finally:
        log.removeHandler(handler)
        log.level = before


def same_numbers(numbers: Numbers, expected: Numbers) -> None:
    """Compare everything that was read."""
    assert set(numbers) == set(expected)
    for name, values in expected.items():
        array = np.asarray(numbers[name])
        if array.dtype.kind in "fiub" and np.asarray(values).dtype.kind in "fiub":
            np.testing.assert_allclose(
                array, values, rtol=3e-6, atol=1e-6, err_msg=name, strict=False
            )
        else:
            assert array.tolist() == np.asarray(values).tolist(), name


def attempt(reader: Reader, trial: Trial, folder: Path) -> None:
    """Write the changed file, read it, and see that what must come of it does."""
    content, path = reader.usual(), folder / reader.name
    (path.parent if path.suffix else path).mkdir(parents=True, exist_ok=True)
    if not trial.after:
        trial.change(content)
    content.write(path)
    if trial.after:
        trial.change(path)
    outcome = trial.outcome
    if isinstance(outcome, Refused):
        with pytest.raises(DmxError, match=outcome.message) as error:
            reader.read(path)
        text = str(error.value)
        assert "\n" not in text
        assert not outcome.file or path.name in text, text
        return
    with heard() as warned:
        numbers, notes = reader.read(path)
    expected = dict(reader.expected())
    if isinstance(outcome, Other):
        outcome.change(expected)
    same_numbers(numbers, expected)
    remarks = "\n".join([*notes, *warned])
    assert bool(outcome.remark) or not remarks, remarks
    if outcome.remark:
        assert re.search(outcome.remark, remarks), remarks


# What happens to files


def truncated(path: Path) -> None:
    """Cut a file in the middle."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def emptied(path: Path) -> None:
    """Leave nothing of a file."""
    path.write_bytes(b"")


def made_a_folder(path: Path) -> None:
    """Put a folder in place of a file."""
    path.unlink()
    path.mkdir()


def removed(path: Path) -> None:
    """Remove a file."""
    path.unlink()


def flipped(path: Path) -> None:
    """Flip all bits of some bytes among numbers that are compressed."""
    data = bytearray(path.read_bytes())
    # The first marks of zlib are those of the first compressed piece.
    at = max(data.find(b"\x78\x5e"), data.find(b"\x78\x9c"))
    assert at > 0
    for k in range(at + 8, at + 16):
        data[k] ^= 0xFF
    path.write_bytes(data)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Take the right to read a file, also from one who may read everything."""
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)
        path.chmod(0o600)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that all may use."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)
