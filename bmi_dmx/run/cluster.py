"""Tasks run by this process, by several, or by those of other machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..errors import ConfigError
from ..progress import progress
from .tasks import Task, run_task

__all__ = ["Crew", "run_all"]


@dataclass(frozen=True)
class Crew:
    """Who runs the tasks.

    Parameters
    ----------
    workers : int, optional
        Number of processes on this machine.
    scheduler : str, optional
        Address of a scheduler of Dask, such as ``tcp://10.0.0.1:8786``, whose workers
        see the same files under the same names.

    Raises
    ------
    ConfigError
        When both are given, or there would be no worker.
    """

    workers: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.scheduler is not None:
            raise ConfigError(
                "--workers: is of this machine, --scheduler of another; expected one"
            )
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"--workers: found {self.workers}, expected 1 or more")

    @property
    def alone(self) -> bool:
        """Whether this process runs all of them."""
        return self.workers in (None, 1) and self.scheduler is None

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Give a client of Dask.

        Raises
        ------
        ConfigError
            When the package distributed is not installed, or nobody answers.
        """
        distributed = _distributed()
        with ExitStack() as stack:
            address: Any = self.scheduler
            if address is None:
                address = stack.enter_context(
                    distributed.LocalCluster(
                        n_workers=self.workers, threads_per_worker=1, processes=True,
                        dashboard_address=None,
                    )
                )  # fmt: skip
            try:
                client = stack.enter_context(distributed.Client(address))
            except (OSError, TimeoutError, ValueError) as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise ConfigError(f"--scheduler: {address}: {reason}") from None
            yield client


def run_all(tasks: Sequence[Task], crew: Crew) -> None:
    """Run tasks that do not need each other.

    Whose process ends in the middle is begun again by another, where its pieces end.

    Raises
    ------
    DmxError
        As :func:`~.tasks.run_task`.
    """
    with progress(
        total=sum(task.size for task in tasks), desc="run", unit=" steps of places",
        scaled=True,
    ) as bar:  # fmt: skip
        if crew.alone:
            for task in tasks:
                run_task(task, bar.update)
            return
        with crew.client() as client:
            _spread(tasks, client, bar)


def _distributed() -> Any:
    """Return the package distributed."""
    try:
        return import_module("distributed")
    except ModuleNotFoundError:
        raise ConfigError(
            "--workers, --scheduler: need Dask; pip install 'bmi-dmx[dask]'"
        ) from None


def _spread(tasks: Sequence[Task], client: Any, bar: Any) -> None:
    sizes = {}
    for task in tasks:
        # Tasks change files: one that was run before is none that is known.
        future = client.submit(run_task, task, pure=False)
        sizes[future] = task.size
    try:
        for future in _distributed().as_completed(sizes):
            future.result()
            bar.update(sizes[future])
    finally:
        client.cancel(list(sizes))
