"""What is read of an ocean beside its variables: the surface, middles, residuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...bmi.table import Entry, Quantity, quantity
from ...operate.runner import Runner
from ...operate.storage import balance_names
from ...space import Grid
from ...variables import Variable

__all__ = ["OF_SURFACE", "Readings"]

Array = np.ndarray[Any, np.dtype[np.float64]]

OF_SURFACE = {
    "sea_surface_water__temperature": "temperature",
    "sea_surface_water__salinity": "salinity",
}
"""The uppermost levels of states, by name; they can be set as well."""

_AT_CENTRES = {
    "sea_water_flowing__x_component_of_velocity_at_centers": ("u", -1, "x"),
    "sea_water_flowing__y_component_of_velocity_at_centers": ("v", -2, "y"),
}
"""Means of both faces of every cell."""

_RESIDUALS = {
    f"sea_water__{kind}residual_of_{budget}": (kind, budget)
    for kind in ("", "step_")
    for budget in ("volume", "heat", "salt")
}
"""What entered less what is there more: since the start, and of the last step."""


class Readings:
    """Finds by name what follows from the variables of an ocean.

    Parameters
    ----------
    runner : Runner
        The ocean.

    Attributes
    ----------
    names : tuple of str
        Of all there is.
    """

    names = (*OF_SURFACE, *_AT_CENTRES, *_RESIDUALS)

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def find(self, name: str) -> Quantity | None:
        """Return a quantity; None where there is none of that name."""
        if name in OF_SURFACE:
            return self._surface(name, OF_SURFACE[name])
        if name in _AT_CENTRES:
            return self._centred(name, *_AT_CENTRES[name])
        if name in _RESIDUALS:
            return self._residual(name, *_RESIDUALS[name])
        return None

    def _surface(self, name: str, state: str) -> Quantity:
        _, store = self._runner.stages.shown[state]
        about = f"{store.about} of the uppermost level"
        variable = Variable(name=f"surface_{state}", units=store.units, about=about)
        # By the name of the state, for its first values are those of the surface.
        entry = Entry(name, state, store.units, about, "state", variable, "")
        return quantity(
            entry, self._runner.output[state][: len(self._runner.ids)], None
        )

    def _centred(self, name: str, state: str, axis: int, along: str) -> Quantity:
        _, store = self._runner.stages.shown[state]
        grid = self._runner.space
        assert isinstance(grid, Grid)
        faces = self._runner.output[state].reshape(grid.shape(store))
        around = along in grid.periodic
        variable = Variable(
            name=f"{state}_at_centers", units=store.units, axes=store.axes,
            about=f"{store.about}, mean of both faces of a cell",
        )  # fmt: skip
        centres = np.empty(grid.field("cell", store.axes))

        def bring() -> None:
            if around:
                both = faces, np.roll(faces, 1, axis)
            else:
                count = faces.shape[axis] - 1
                both = (
                    faces.take(range(1, count + 1), axis),
                    faces.take(range(count), axis),
                )
            np.multiply(both[0] + both[1], 0.5, out=centres)

        return _diagnostic(name, variable, centres.reshape(-1), bring)

    def _residual(self, name: str, kind: str, budget: str) -> Quantity:
        runner = self._runner
        balance = next(b for b in runner.stages.balances if b.budget == budget)
        about = f"{budget} that entered and is not there"
        variable = Variable(
            name=name.rpartition("__")[2], units=balance.units,
            about=f"{about}, {'in the last step' if kind else 'since the start'}",
        )  # fmt: skip
        residual = np.zeros(1)
        storage, names = runner.storage, balance_names(runner.stages, balance)

        def since_start() -> None:
            terms = (storage.balance, storage.lost)
            entered, gained = (
                sum(t[names[way]][0] for t in terms) for way in ("in", "out")
            )
            residual[0] = entered - gained

        def in_step() -> None:
            entered, gained = (
                runner.output[f"{budget}_{how}"].sum() for how in ("entering", "gained")
            )
            residual[0] = entered - gained

        return _diagnostic(name, variable, residual, in_step if kind else since_start)


def _diagnostic(
    name: str, variable: Variable, values: Array, refresh: Callable[[], None]
) -> Quantity:
    entry = Entry(
        name, variable.name, variable.units, variable.about, "diagnostic", variable, ""
    )
    return quantity(entry, values, refresh)
