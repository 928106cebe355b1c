"""In how many blocks, of how many threads, a kernel of cells is started."""

from __future__ import annotations

from typing import NamedTuple

from .print_cuda import THREADS

__all__ = ["Geometry", "geometry"]

_SMALLEST = 32
"""Threads that a GPU runs in step."""


class Geometry(NamedTuple):
    """Blocks of a grid, and threads of a block."""

    blocks: int
    threads: int


def geometry(places: int, members: int, processors: int) -> Geometry:
    """Return the geometry of a launch, whose blocks work on whole places.

    Blocks are as large as leaves two for each multiprocessor, where there is work for
    as many; results do not depend on it.

    Parameters
    ----------
    places, members : int
        Cells.
    processors : int
        Multiprocessors of the GPU.
    """
    width = min(members, THREADS)
    threads = THREADS
    while (
        threads > _SMALLEST
        and threads // 2 >= width
        and _blocks(places, width, threads) < 2 * processors
    ):
        threads //= 2
    return Geometry(_blocks(places, width, threads), threads)


def _blocks(places: int, width: int, threads: int) -> int:
    return -(-places // (threads // width))
