"""What a run that is not over has come to: pieces, and the state behind the last."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError, StateError
from ..files import atomic, locked

__all__ = ["Pieces", "digest_of"]

Array = np.ndarray[Any, np.dtype[Any]]

_PLAN, _LOCK = "run.json", "lock"


def digest_of(*parts: str | bytes | Array) -> str:
    """Return a short mark of what is too long to be told, the same for the same."""
    whole = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            whole.update(part.tobytes())
        else:
            whole.update(part.encode() if isinstance(part, str) else part)
        whole.update(b"\0")
    return whole.hexdigest()[:16]


class Pieces:
    """The pieces of a run that is not over, in a folder beside its output.

    A piece is written whole or not at all, and counts once the state behind it is
    written: a run may be killed at any moment, and goes on from the last piece that
    counts. Folders in it are those of the parts of a run.

    Parameters
    ----------
    folder : Path
        Where they are; made if needed.
    plan : mapping of str to str
        What decides the numbers of the run.

    Attributes
    ----------
    done : int
        Number of pieces that count.

    Raises
    ------
    ConfigError
        When the folder holds the pieces of another run, or a run is writing to it.
    """

    def __init__(self, folder: Path, plan: Mapping[str, str]) -> None:
        self.folder, self.done = folder, 0
        folder.mkdir(parents=True, exist_ok=True)
        self._held = ExitStack()
        try:
            self._held.enter_context(locked(folder / _LOCK))
        except BlockingIOError:
            raise ConfigError(f"{folder}: another run is writing to it") from None
        try:
            self._begin(plan)
        except BaseException:
            self._held.close()
            raise

    def _begin(self, plan: Mapping[str, str]) -> None:
        """Count what is there, and refuse it where it is of another run."""
        file = self.folder / _PLAN
        if file.is_file():
            while self._piece(self.done).is_file() and self._state(self.done).is_file():
                self.done += 1
            previous = self._known(file)
            if previous is None and self.done:
                raise ConfigError(
                    f"{file}: damaged, so nobody knows which run the pieces beside it"
                    " are of; remove the folder to begin anew"
                )
            previous = previous or {}
            other = next((k for k in plan if previous.get(k) != plan[k]), None)
            begun = self.done or any(self.folder.glob("*/state-*"))
            if other is not None and begun:
                raise ConfigError(
                    f"{self.folder}: pieces of another run: {other} was "
                    f"{previous.get(other)!r}, now it is {plan[other]!r}; remove the "
                    "folder to begin anew"
                )
            if other is None:
                return
        # Without a plan, what is there is the rest of a run that was over.
        self.done = 0
        self._clear()
        with atomic(file) as temporary:
            temporary.write_text(json.dumps(plan, indent=2) + "\n", encoding="utf-8")

    @staticmethod
    def _known(file: Path) -> dict[str, Any] | None:
        try:
            plan = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            return None
        return plan if isinstance(plan, dict) else None

    def _clear(self) -> None:
        """Delete all but the lock, the plan first: what is left counts no more."""
        (self.folder / _PLAN).unlink(missing_ok=True)
        for file in self.folder.iterdir():
            if file.is_dir():
                shutil.rmtree(file, ignore_errors=True)
            elif file.name != _LOCK:
                file.unlink(missing_ok=True)

    def _piece(self, number: int) -> Path:
        return self.folder / f"piece-{number:06d}.npz"

    def _state(self, number: int) -> Path:
        return self.folder / f"state-{number:06d}.bin"

    def state(self) -> bytes:
        """Return the state behind the last piece that counts.

        Raises
        ------
        StateError
            When it cannot be read.
        """
        file = self._state(self.done - 1)
        try:
            return file.read_bytes()
        except OSError as error:
            raise StateError(f"{file}: cannot be read: {error.strerror}") from None

    def add(self, values: Mapping[str, Array], state: bytes) -> None:
        """Write a piece and the state behind it.

        Parameters
        ----------
        values : mapping of str to ndarray
            (time, place) by name.
        state : bytes
            What the next piece begins with.
        """
        number = self.done
        with atomic(self._piece(number)) as temporary, open(temporary, "wb") as file:
            # NumPy 1.26 would take allow_pickle for the name of an array; there are
            # numbers alone.
            np.savez(file, **values)  # type: ignore[arg-type]
        with atomic(self._state(number)) as temporary:
            temporary.write_bytes(state)
        self.done += 1
        if number:
            # Only the last state is needed; that there was one is what counts.
            os.truncate(self._state(number - 1), 0)

    def __iter__(self) -> Iterator[dict[str, Array]]:
        for number in range(self.done):
            file = self._piece(number)
            try:
                with open(file, "rb") as opened, np.load(opened) as piece:
                    yield {name: piece[name] for name in piece.files}
            except (OSError, ValueError, zipfile.BadZipFile) as error:
                raise DataError(f"{file}: damaged: {error}") from None

    def whole(self, suffix: str) -> Path:
        """Return where the output may be put together, on the disk it belongs to."""
        return self.folder / f"whole{suffix}"

    def close(self) -> None:
        """Let others write to the folder."""
        self._held.close()

    def remove(self) -> None:
        """Delete the folder."""
        self._clear()
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
