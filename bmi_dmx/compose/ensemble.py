"""Parallel states of one model: an axis, folded into its places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..errors import DataError
from .model import Model
from .simulation import SimulationResult, field_axes

__all__ = ["Ensemble"]

Tensors = Mapping[str, Tensor]


class Ensemble:
    r"""A model run from many states, with many forcings, all at once.

    The axis of the ensemble stands before that of the places, and is folded into it
    while the model runs, so that one call of every compiled step serves all. Places
    that see each other along a tree have no second axis: of those there is one run for
    each member of the ensemble.

    Parameters
    ----------
    model : Model
        What is run.
    size : int
        Number of parallel runs, E.

    Raises
    ------
    DataError
        When it is not positive.

    Examples
    --------
    >>> ensemble = Ensemble(model, 20)                       # doctest: +SKIP
    >>> ran = ensemble.simulate(forcing, attributes)         # doctest: +SKIP
    >>> ran.outputs["x"].std(1)  # (time, place)             # doctest: +SKIP
    """

    def __init__(self, model: Model, size: int) -> None:
        if size < 1:
            raise DataError(f"ensemble: expected at least 1 member, found {size}")
        if any(part.coupling == "upstream" for part in model.plan.parts):
            raise DataError(
                "ensemble: places that feed others have no second axis; run the model "
                "once for each member"
            )
        self.model, self.size = model, size
        self._fields = bool(field_axes(model))

    def initial_state(
        self, places: int | Sequence[int], dt: float | None = None
    ) -> dict[str, Tensor]:
        """Return the state of a cold start, (E, place, ...), entries first."""
        lead = (places,) if isinstance(places, int) else tuple(places)
        if self._fields:
            return self.model.initial_state((self.size, *lead), dt)
        state = self.model.initial_state(self.size * lead[0], dt)
        return self._unfolded(state)

    def simulate(
        self,
        forcing: Tensors,
        attributes: Tensors,
        *,
        state: Tensors | None = None,
        **options: Any,
    ) -> SimulationResult:
        """Run all members of the ensemble through a series.

        Parameters
        ----------
        forcing : mapping of str to Tensor
            (time, place), the same for all, or (time, E, place).
        attributes : mapping of str to Tensor
            (place,), the same for all, or (E, place).
        state : mapping of str to Tensor, optional
            As of :meth:`initial_state`.
        **options
            As of :meth:`.model.Model.simulate`.

        Returns
        -------
        SimulationResult
            Outputs (time, E, place), and the state after the last step.

        Raises
        ------
        DataError
            When what has an axis of the ensemble has another number of members; else
            as of the model.
        """
        series = {n: self._shared("forcing", n, x, 1) for n, x in forcing.items()}
        if self._fields:
            return self.model.simulate(series, attributes, state=state, **options)
        series = {n: x.flatten(1, 2) for n, x in series.items()}
        place = {
            n: self._shared("attribute", n, x, 0).flatten(0, 1)
            for n, x in attributes.items()
        }
        start = None if state is None else self._folded(state)
        ran = self.model.simulate(series, place, state=start, **options)
        outputs = {name: _parted(x, 1, self.size) for name, x in ran.outputs.items()}
        return SimulationResult(outputs, self._unfolded(ran.state))

    def _shared(self, what: str, name: str, x: Tensor, axis: int) -> Tensor:
        """Return values with the axis of the ensemble, which all share if it lacks."""
        declared = {f.name: f for f in self.model.plan.forcings}
        behind = field_axes(self.model, declared.get(name)) if self._fields else 1
        if x.ndim <= axis + behind:
            repeated = x.unsqueeze(axis)
            return repeated.expand(*x.shape[:axis], self.size, *x.shape[axis:])
        if x.shape[axis] != self.size:
            raise DataError(
                f"{what} {name!r} has {x.shape[axis]} members, expected {self.size} "
                "as the ensemble has"
            )
        return x

    def _axis(self, name: str) -> int:
        """Return where the axis of places stands in an entry of the state."""
        part, _, state = name.partition(".")
        owner = self.model.plan[part]
        sizes = {s.name: s.size for s in owner.variables.states}
        return int(owner.kind == "process" and sizes[state] > 1)

    def _folded(self, state: Tensors) -> dict[str, Tensor]:
        axes = {name: self._axis(name) for name in state}
        return {n: x.flatten(axes[n], axes[n] + 1) for n, x in state.items()}

    def _unfolded(self, state: Tensors) -> dict[str, Tensor]:
        return {n: _parted(x, self._axis(n), self.size) for n, x in state.items()}


def _parted(x: Tensor, axis: int, size: int) -> Tensor:
    """Return a tensor with an axis parted into one of a size and the rest."""
    return x.reshape(*x.shape[:axis], size, -1, *x.shape[axis + 1 :])
