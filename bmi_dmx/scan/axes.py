"""The axes of what a scan is given: of places with members, or of whole fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from ..errors import ScanError
from ..process import Process, Upstream
from ..program import entry_names
from ..space import Tree
from ..variables import Forcing, Parameter, State

__all__ = ["Axes", "Fields", "Places", "tree_of"]

_Given = Forcing | State | Parameter


def tree_of(process: Process) -> Tree:
    """Return the tree on which a process runs.

    Raises
    ------
    ScanError
        When it was given no space, or another one.
    """
    if isinstance(process.space, Tree):
        return process.space
    raise ScanError(
        f"{process.name}: places that see each other upstream need a Tree, given by "
        f"on(space); found {process.space!r:.80}"
    )


class Axes(ABC):
    """Finds out the sizes of a run from its tensors, and brings them to one layout.

    Attributes
    ----------
    steps : int
        Number of steps.
    shape : tuple of int
        (place, member), or the batch axes of fields.
    fields : dict of str to tuple of int
        What follows ``shape`` in states ``s.…`` and fluxes ``q.…`` of whole fields.
    """

    shape: tuple[int, ...]
    fields: dict[str, tuple[int, ...]]

    def __init__(self, process: Process) -> None:
        self.process = process
        self.steps = 1
        self._sizes: dict[str, tuple[int, str]] = {}

    @abstractmethod
    def layout(self, v: _Given) -> str:
        """Return the layouts that a variable may have, in words."""

    @abstractmethod
    def number(self, x: Tensor, size: int) -> Tensor:
        """Return a single number, with a leading axis where a variable has some."""

    @abstractmethod
    def arranged(self, where: str, v: _Given, x: Tensor) -> Tensor:
        """Return a tensor with all its axes; ``where`` names it in messages.

        Raises
        ------
        ScanError
            When its shape is none of a layout, or not that of the others.
        """

    @abstractmethod
    def varies(self, parameter: Tensor) -> bool:
        """Return whether an arranged parameter has an axis of time."""

    @abstractmethod
    def widen(self, x: Tensor) -> Tensor:
        """Return a tensor as backends expect it."""

    @abstractmethod
    def full(self, name: str, state: Tensor) -> Tensor:
        """Return an entry of a state at its full size."""

    def finish(self, steps: int | None) -> None:
        """Fix the sizes once everything was seen.

        Parameters
        ----------
        steps : int or None
            Number of steps, where no series tells it.
        """
        length, first = self._sizes.get("time", (steps or 1, ""))
        if steps is not None and (steps < 1 or steps != length):
            expected = f"{length} as of {first}" if first else "at least 1"
            raise self._error(f"steps: found {steps}, expected {expected}")
        self.steps = length

    def _error(self, message: str) -> ScanError:
        return ScanError(f"{self.process.name}: {message}")

    def _unfit(self, where: str, v: _Given, x: Tensor) -> ScanError:
        size = getattr(v, "size", 1)
        lead = f"{size} × " if size > 1 else ""
        return self._error(
            f"{where} has shape {tuple(x.shape)}; expected {lead}{self.layout(v)}"
        )

    def _meet(self, axis: str, size: int, where: str) -> None:
        if size == 0:
            raise self._error(f"{where} has no {axis}s")
        if size == 1 and axis != "time":
            return
        expected, first = self._sizes.setdefault(axis, (size, where))
        if expected != size:
            raise self._error(f"{where} has {size} {axis}s, {first} has {expected}")


class Places(Axes):
    """Places side by side, each with members: (time, place, member)."""

    _LAYOUT: ClassVar = {
        Forcing: "(time, place) or (time, place, member)",
        Parameter: "a number, (place, member) or (time, place, member)",
        State: "(place, member)",
    }
    _DIMS: ClassVar = {Forcing: (2, 3), Parameter: (2, 3), State: (2,)}

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.fields = {}
        if isinstance(process.coupling, Upstream):
            self._meet("place", len(tree_of(process)), "its space")

    def layout(self, v: _Given) -> str:
        """Return the layouts that a variable may have, in words."""
        if isinstance(v, Parameter) and v.per == "place":
            return "a number, (place,), (place, 1) or (time, place, 1)"
        return self._LAYOUT[type(v)]

    def number(self, x: Tensor, size: int) -> Tensor:
        """Return a single number, with a leading axis where a variable has some."""
        x = x.reshape(1, 1)
        return x if size == 1 else x.expand(size, 1, 1)

    def arranged(self, where: str, v: _Given, x: Tensor) -> Tensor:
        """Return a tensor that ends in (place, member); ``where`` names it."""
        size = getattr(v, "size", 1)
        shared = isinstance(v, Parameter) and v.per == "place"
        dims = x.ndim - (size > 1)
        allowed = (1, *self._DIMS[type(v)]) if shared else self._DIMS[type(v)]
        if dims not in allowed or (size > 1 and x.shape[0] != size):
            raise self._unfit(where, v, x)
        if dims == 1 or (isinstance(v, Forcing) and dims == 2):
            x = x.unsqueeze(-1)
            dims += 1
        if shared and x.shape[-1] != 1:
            raise self._unfit(where, v, x)
        self._meet("member", x.shape[-1], where)
        self._meet("place", x.shape[-2], where)
        if dims == 3:
            self._meet("time", x.shape[-3], where)
        return x

    def varies(self, parameter: Tensor) -> bool:
        """Return whether an arranged parameter has an axis of time."""
        return parameter.ndim == 3

    def finish(self, steps: int | None) -> None:
        """Fix the sizes once everything was seen."""
        super().finish(steps)
        places = self._sizes.get("place", (1, ""))[0]
        self.shape = (places, self._sizes.get("member", (1, ""))[0])

    def widen(self, x: Tensor) -> Tensor:
        """Return a tensor whose axis of places has full size."""
        places = self.shape[0]
        return x if x.shape[-2] == places else x.expand(
            *x.shape[:-2], places, x.shape[-1]
        )  # fmt: skip

    def full(self, name: str, state: Tensor) -> Tensor:
        """Return an entry of a state at its full size."""
        return state.expand(self.shape)


class Fields(Axes):
    r"""Whole fields of a space, after axes of a batch: (time, \*batch, \*field)."""

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        if process.space is None:
            raise self._error("it runs in a space; give it one by on(space)")
        self._space = process.space
        self.shape = ()
        self._batch = ""
        self.fields = {
            name: self._space.shape(v)
            for prefix, group in (("s", process.states), ("q", process.fluxes))
            for v in group
            for name in entry_names(prefix, v)
        }

    def layout(self, v: _Given) -> str:
        """Return the layouts that a variable may have, in words."""
        shape = ", ".join(map(str, self._space.shape(v)))
        if isinstance(v, Forcing):
            return f"(time, *batch, {shape})"
        number = "a number or " if isinstance(v, Parameter) else ""
        return f"{number}(*batch, {shape})"

    def number(self, x: Tensor, size: int) -> Tensor:
        """Return a single number, with a leading axis where a variable has some."""
        return x if size == 1 else x.expand(size)

    def arranged(self, where: str, v: _Given, x: Tensor) -> Tensor:
        """Return a tensor that ends in the axes of the field; ``where`` names it."""
        size = getattr(v, "size", 1)
        shape = self._space.shape(v)
        lead = int(size > 1) + isinstance(v, Forcing)
        ends = x.ndim - len(shape)
        if (
            ends < lead
            or (size > 1 and x.shape[0] != size)
            or any(n not in (1, k) for n, k in zip(x.shape[ends:], shape, strict=True))
        ):
            raise self._unfit(where, v, x)
        if isinstance(v, Forcing):
            self._meet("time", x.shape[lead - 1], where)
        self._meet_batch(tuple(x.shape[lead:ends]), where)
        return x

    def _meet_batch(self, batch: tuple[int, ...], where: str) -> None:
        if 0 in batch:
            raise self._error(f"{where} has an empty batch {batch}")
        if not batch:
            return
        if self.shape and batch != self.shape:
            raise self._error(
                f"{where} has batch {batch}, {self._batch} has {self.shape}"
            )
        self.shape, self._batch = batch, where

    def varies(self, parameter: Tensor) -> bool:
        """Return False: parameters of fields are the same at all steps."""
        return False

    def widen(self, x: Tensor) -> Tensor:
        """Return a tensor as it is: fields broadcast."""
        return x

    def full(self, name: str, state: Tensor) -> Tensor:
        """Return an entry of a state at its full size."""
        return state.expand(*self.shape, *self.fields[name])
