"""Files of other kinds, told by their first bytes, for who was given one of them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["foreign"]

_KINDS = {
    b"PAR1": "a table of Parquet; write it as CSV or NetCDF",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel; save the sheet as CSV",
    b"\x1f\x8b": "compressed by gzip; unpack it",
    b"BZh": "compressed by bzip2; unpack it",
    b"\xfd7zXZ": "compressed by xz; unpack it",
    b"(\xb5/\xfd": "compressed by zstd; unpack it",
    b"GRIB": "a file of GRIB; write it as NetCDF",
    b"\x93NUMPY": "an array of NumPy; write it as NetCDF",
    b"SQLite format 3": "a database or GeoPackage",
    b"<!DOCTYPE": "a page of HTML, as of a download that failed",
    b"<html": "a page of HTML, as of a download that failed",
    b"version https://git-lfs": "a pointer of Git LFS; git lfs pull brings the file",
}
"""What begins with some bytes, and what to do with it."""

_START = 4096
"""Bytes that are looked at."""

_ARCHIVE = b"PK\x03\x04"


def foreign(path: Path, start: bytes | None = None) -> str:
    """Return what a file is that is none of ours; empty where nobody knows.

    Parameters
    ----------
    path : Path
        A file that can be read.
    start : bytes, optional
        Its beginning, where that was read and unpacked.
    """
    if start is None:
        with path.open("rb") as file:
            start = file.read(_START)
    if start.startswith(_ARCHIVE):
        excel = path.suffix.lower() in (".xlsx", ".xlsm") or b"xl/" in start[:_START]
        return _KINDS[b"\xd0\xcf\x11\xe0"] if excel else "an archive of ZIP; unpack it"
    return next((kind for mark, kind in _KINDS.items() if start.startswith(mark)), "")
