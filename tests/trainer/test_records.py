"""What trainings wrote down of themselves is refused where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.records import read_record


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged or cut short, expected what bmi_dmx wrote as JSON: Expecting"),
        (b'{"steps": 4', "damaged or cut short"),
        (b"\xff\xfe\x00", "damaged or cut short"),
        (b"[" * 100_000, "damaged or cut short"),
        (b"[1, 2]", r"found \[1, 2\], expected a mapping"),
        (b'{"step": 4}', "has no 'steps', expected what bmi_dmx wrote"),
    ],
    ids=["empty", "cut", "no text", "deep", "a list", "another"],
)
def test_a_damaged_record_is_named(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "training.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"training\.json: {message}"):
        read_record(path, "steps")


def test_a_record_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    path.write_text('{"steps": 4, "commit": null}', encoding="utf-8")
    assert read_record(path, "steps", "commit") == {"steps": 4, "commit": None}


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"training\.json: cannot be read: No such"):
        read_record(tmp_path / "training.json")
