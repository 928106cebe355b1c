"""Work on many cells at once, each in a process of its own and on one thread."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from pathlib import Path

from ...errors import TrainingError
from ...logs import logged
from .trial import Cell, Study

__all__ = ["follow_parent", "in_workers", "speaking_into"]

Work = Callable[[Study, Cell], None]


def in_workers(
    work: Work, study: Study, cells: Sequence[Cell], workers: int
) -> Iterator[Cell]:
    """Work on cells, and yield each when it is done.

    With one worker they are done here, one after the other. What several workers say
    is kept in ``log.txt`` in the folders of the runs.

    Parameters
    ----------
    work : callable
        A function of a module.
    study : Study
        What they belong to.
    cells : sequence of Cell
        What is to be done.
    workers : int
        Most processes.

    Raises
    ------
    DmxError
        The first error of any; what is waiting is then not begun. A
        :class:`TrainingError` where a process was killed.
    """
    if workers == 1 or len(cells) < 2:
        for cell in cells:
            work(study, cell)
            yield cell
        return
    # Not a fork: threads of libraries do not survive one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(workers, len(cells)), mp_context=context, initializer=follow_parent
    ) as pool:
        waiting = {pool.submit(_kept, work, study, cell): cell for cell in cells}
        try:
            for future in as_completed(waiting):
                future.result()
                yield waiting[future]
        except BrokenProcessPool:
            raise TrainingError(
                f"{study.folder}: a worker was killed; the same command continues"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def follow_parent() -> None:
    """Use one thread, and end when the process that wants the results has ended."""
    import torch

    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _kept(work: Work, study: Study, cell: Cell) -> None:
    with speaking_into(study.run(cell).path / "log.txt"):
        work(study, cell)


@contextlib.contextmanager
def speaking_into(path: Path) -> Iterator[None]:
    """Append what is said meanwhile, and both streams, to a file."""
    with (
        open(path, "a", encoding="utf-8") as file,
        contextlib.redirect_stderr(file),
        contextlib.redirect_stdout(file),
        logged(),
    ):
        yield
