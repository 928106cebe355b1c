"""Runs divided by place: what is stepped together, and what became of it."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..bmi.component import Component
from ..bmi.settings import COLD
from ..files import atomic
from ..operate.persistence import unpack
from ..operate.runner import Runner
from ..operate.state_parts import joined, parts_of
from .pieces import Pieces
from .steps import Read, Steps, rows_of

__all__ = [
    "PLACES",
    "Division",
    "Task",
    "divided",
    "first_of",
    "folder_of",
    "pieces_of",
    "run_task",
    "save_last",
]

Array = np.ndarray[Any, np.dtype[Any]]

TaskType = TypeVar("TaskType", bound="Task")

_log = logging.getLogger(__name__)

PLACES = 2048
"""Places that are stepped together where they do not see each other."""

_WIDEST = 2**15
"""Most places for the sake of a file whose chunks are wider."""

_CHUNK = 2**17
"""Numbers that are compressed together in a file that is written."""

_CHUNK_PLACES = 512
"""Places of these, where there are many: who reads one place reads that many."""


@dataclass(frozen=True)
class Division:
    """How steps and places are divided.

    Parameters
    ----------
    steps, places : int
        All of them.
    rows, width : int
        Steps of a piece, and places of a block.
    chunk : (int, int)
        Steps and places that are compressed together; pieces are made of whole ones.
    """

    steps: int
    places: int
    rows: int
    width: int
    chunk: tuple[int, int]

    @classmethod
    def of(
        cls,
        steps: int,
        places: int,
        width: int,
        *,
        chunk: tuple[int, int] = (1, 1),
        block: int | None = None,
        size: int | None = None,
    ) -> Division:
        """Return a division that fits to the chunks of what is read.

        Parameters
        ----------
        steps, places : int
            All of them.
        width : int
            Places of a block, about.
        chunk : (int, int)
            Steps and places that are compressed together in the file of forcing.
        block : int, optional
            Most numbers of one variable in memory.
        size : int, optional
            Numbers of the widest variable, where places have more than one.
        """
        if width < places:
            along = min(chunk[1], _WIDEST)
            width = max(along, width - width % along)
        width = max(1, min(width, places))
        wide = _part_of(width, _CHUNK_PLACES) if width < places else width
        wide = width if width % wide else wide
        rows = rows_of(steps, max(width, size or 0), block)
        # Chunks of the forcing are read once, where a piece has room for them.
        rows -= rows % chunk[0] if rows >= chunk[0] else 0
        high = _part_of(rows, max(1, _CHUNK // wide))
        return cls(steps, places, rows - rows % high, width, (high, wide))

    @property
    def blocks(self) -> tuple[slice, ...]:
        """The places of each block."""
        edges = range(0, self.places, self.width)
        return tuple(slice(k, min(k + self.width, self.places)) for k in edges)


def _part_of(whole: int, most: int) -> int:
    """Return a large part of a number, which divides it where one nearly as large does.

    Parameters
    ----------
    whole, most : int
        The number, and the largest part.
    """
    most = min(whole, most)
    exact = (k for k in range(most, most // 3, -1) if whole % k == 0)
    return next(exact, most)


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """The part of a run at some places, which needs nothing of the others.

    It may be pickled, and run in another process and on another machine that has the
    same files.

    Parameters
    ----------
    folder : Path
        Where its pieces are.
    plan : mapping of str to str
        What decides the numbers of the run.
    names : tuple of str
        What is kept, by either of its names.
    steps, rows : int
        All the steps, and those of a piece.
    some : slice
        Its places among all.
    state : str
        What it starts from.
    ids : tuple of str
        Names of its places.
    single : bool
        Whether what is kept has 32 bits a number, else 64.
    """

    folder: Path
    plan: Mapping[str, str]
    names: tuple[str, ...]
    steps: int
    rows: int
    some: slice
    state: str
    ids: tuple[str, ...]
    single: bool = False

    @abstractmethod
    def opened(self) -> AbstractContextManager[tuple[Component, Read]]:
        """Return a component at the first step, and what reads its forcing."""

    @property
    def size(self) -> int:
        """Number of steps of places."""
        return self.steps * len(self.ids)


def folder_of(output: Path) -> Path:
    """Return the folder of the pieces of a run, beside its output."""
    return output.with_name(f".{output.name}.pieces")


def first_of(tasks: Sequence[TaskType]) -> TaskType:
    """Return the first task; of several, without the state of all their places."""
    task = tasks[0]
    if len(tasks) > 1 and Path(task.state).is_file():
        return replace(task, state=COLD)
    return task


@contextmanager
def divided(
    tasks: Sequence[TaskType], plan: Mapping[str, str], runner: Runner
) -> Iterator[list[TaskType]]:
    """Give each task a folder, and the state of its places; remove all at the end.

    Where the block fails the pieces stay, for whoever asks for the same run again.

    Parameters
    ----------
    tasks : sequence of Task
        That share one folder.
    plan : mapping of str to str
        What decides the numbers of the run.
    runner : Runner
        The same model at some of the places.

    Raises
    ------
    ConfigError
        When the folder holds the pieces of another run, or a run is writing to it.
    StateError
        When a state to start from is not one of these places.
    """
    folder = tasks[0].folder
    if len(tasks) == 1:
        yield list(tasks)
        Pieces(folder, plan).remove()
        return
    with closing(Pieces(folder, plan)) as pieces:
        copies = [
            replace(task, folder=folder / f"block-{k:06d}")
            for k, task in enumerate(tasks)
        ]
        state = Path(tasks[0].state)
        if state.is_file():
            copies = _states(copies, state, runner)
        yield copies
        pieces.remove()


def _states(tasks: Sequence[TaskType], state: Path, runner: Runner) -> list[TaskType]:
    """Write the part of a state that each task starts from."""
    groups = [task.ids for task in tasks]
    parts = parts_of(state.read_bytes(), runner, groups, str(state))
    copies = []
    for task, content in zip(tasks, parts, strict=True):
        start = task.folder.with_suffix(".start")
        with atomic(start) as temporary:
            temporary.write_bytes(content)
        copies.append(replace(task, state=str(start.resolve())))
    return copies


def save_last(tasks: Sequence[Task], runner: Runner, path: Path) -> None:
    """Write the state behind the last pieces of all tasks.

    Parameters
    ----------
    tasks : sequence of Task
        That are over.
    runner : Runner
        The same model at some of the places.
    path : Path
        The file, which then exists whole or not at all.
    """
    with atomic(path) as temporary:
        if len(tasks) == 1:
            temporary.write_bytes(_last(tasks[0]))
        else:
            states = map(_last, tasks)
            temporary.write_bytes(joined(states, runner, str(tasks[0].folder)))


def _last(task: Task) -> bytes:
    with closing(Pieces(task.folder, task.plan)) as pieces:
        return pieces.state()


def run_task(task: Task, progress: Callable[[int], object] | None = None) -> int:
    """Run what is still to be run, piece by piece; return how much that was.

    Parameters
    ----------
    task : Task
    progress : callable, optional
        Hears of every piece, how many steps of places it has.

    Raises
    ------
    DmxError
        When something that is needed is not there or does not fit.
    """
    width = len(task.ids)
    with closing(Pieces(task.folder, task.plan)) as pieces:
        first = min(pieces.done * task.rows, task.steps)
        if progress is not None:
            progress(first * width)
        if first == task.steps and pieces.done:
            unpack(pieces.state(), str(pieces.folder), {})
            return 0
        with task.opened() as (component, read):
            if first:
                component.set_state_bytes(pieces.state(), str(pieces.folder))
                _log.info("%s: goes on from step %d", task.folder, first)
            steps = Steps(component, read, task.names)
            for begin, values in steps.blocks(task.steps, task.rows, first):
                if task.single:
                    values = {n: x.astype(np.float32) for n, x in values.items()}
                pieces.add(values, component.state_bytes())
                if progress is not None:
                    progress(min(task.rows, task.steps - begin) * width)
            component.finalize()
    return (task.steps - first) * width


def pieces_of(
    tasks: Sequence[Task],
) -> Iterator[tuple[int, slice, dict[str, Array]]]:
    """Yield all pieces: the first step, the places, and (time, place) by name.

    Raises
    ------
    DataError
        When one of them is damaged.
    """
    for task in tasks:
        first = 0
        with closing(Pieces(task.folder, task.plan)) as pieces:
            for piece in pieces:
                yield first, task.some, piece
                first += task.rows
