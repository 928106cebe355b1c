"""Output files of catchments and nexuses, in the framework's layout."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import ConfigError
from ..files import writing
from .realization import Column

__all__ = ["CatchmentFiles", "NexusFiles", "unwritable"]

_FLUSH = 4096
"""Lines of a file held in memory; no file stays open, however many there are."""

_NEXUS_DIGITS = 6


def unwritable(folder: Path, names: Iterable[str]) -> str | None:
    """Return why files cannot be written into a folder; nothing stays of the attempt.

    Parameters
    ----------
    folder : Path
        There or not.
    names : iterable of str
        Of the files.
    """
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        os.rmdir(tempfile.mkdtemp(dir=there))
    except OSError as error:
        return f"{folder}: {error.strerror}"
    for path in (folder / name for name in names):
        if path.is_dir():
            return f"{path}: {os.strerror(errno.EISDIR)}"
        if path.exists() and not os.access(path, os.W_OK):
            return f"{path}: {os.strerror(errno.EACCES)}"
    return None


class _Files:
    """Text files that grow line by line; what is written stays, whatever happens."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"output: root: {folder}: {error.strerror}") from None
        self.folder = folder
        self._lines: dict[str, list[str]] = {}

    def begin(self, name: str, first: str = "") -> None:
        """Start a file anew."""
        path = self.folder / name
        with writing(path):
            path.write_text(first, encoding="utf-8")
        self._lines[name] = []

    def add(self, name: str, line: str) -> None:
        """Append a line."""
        lines = self._lines[name]
        lines.append(line)
        if len(lines) >= _FLUSH:
            self._flush(name)

    def _flush(self, name: str) -> None:
        lines = self._lines[name]
        if lines:
            path = self.folder / name
            with writing(path), open(path, "a", encoding="utf-8") as file:
                file.writelines(lines)
            lines.clear()

    def __exit__(self, *_: object) -> None:
        for name in self._lines:
            self._flush(name)


class CatchmentFiles(_Files):
    """``cat-N.csv``: a heading, and one line for every step.

    Parameters
    ----------
    folder : Path
        Where they lie; made if needed.
    digits : int
        Significant digits of the values.
    """

    def __init__(self, folder: Path, digits: int) -> None:
        super().__init__(folder)
        self._digits = digits

    def __enter__(self) -> CatchmentFiles:
        return self

    @staticmethod
    def name(catchment: str) -> str:
        """Return the name of the file of a catchment."""
        return f"{catchment}.csv"

    def open(self, catchment: str, columns: Sequence[Column]) -> None:
        """Start the file of a catchment."""
        titles = ["Time Step", "Time", *(column.heading for column in columns)]
        self.begin(self.name(catchment), ",".join(titles) + "\n")

    def write(
        self, catchment: str, step: int, time: str, values: Sequence[float]
    ) -> None:
        """Write the line of a step, which is labelled with its beginning."""
        digits = self._digits
        cells = ",".join([f"{value:.{digits}g}" for value in values])
        self.add(self.name(catchment), f"{step},{time},{cells}\n")


class NexusFiles(_Files):
    """``nex-N_output.csv``: step, time and flow in m3 s-1, without a heading."""

    def __enter__(self) -> NexusFiles:
        return self

    @staticmethod
    def name(nexus: str) -> str:
        """Return the name of the file of a nexus."""
        return f"{nexus}_output.csv"

    def open(self, nexus: str) -> None:
        """Start the file of a nexus."""
        self.begin(self.name(nexus))

    def write(self, nexus: str, step: int, time: str, flow: float) -> None:
        """Write the line of a step."""
        self.add(self.name(nexus), f"{step}, {time}, {flow:.{_NEXUS_DIGITS}g}\n")
