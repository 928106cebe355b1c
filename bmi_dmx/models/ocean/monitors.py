"""What looks after a running ocean: land, age of forcing, friction, its numbers."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...bmi.table import Quantities
from ...errors import DataError, StateError
from ...operate.clock import Clock
from ...operate.repeated_warnings import warn_once
from ...operate.runner import Runner
from ...space import Grid, place_name
from ...variables import Variable
from .constants import STRONGEST
from .limits import friction_limit, viscosity_limit

__all__ = ["Ages", "Friction", "Monitor"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


class Monitor:
    """Keeps land out of the numbers, and looks at those of every step.

    Parameters
    ----------
    runner : Runner
        An ocean of levels.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._states = {
            name: (store, runner.output[name], self._land(store))
            for name, (_, store) in runner.stages.shown.items()
        }
        self._dry = [
            (runner.forcing[f.name], self._land(f)) for f in runner.operation.forcings
        ]
        self._courant = runner.output["courant"]

    def _land(self, variable: Variable) -> Array:
        """Return where a flat field is not in the sea."""
        grid = self._runner.space
        assert isinstance(grid, Grid)
        return ~grid.open_at(variable.at, variable.axes).reshape(-1)

    def on_sea(self, check: Callable[[], None]) -> Callable[[], None]:
        """Return a check of forcings before which those on land become 0."""

        def checked() -> None:
            for buffer, land in self._dry:
                buffer[land] = 0.0
            check()

        return checked

    def wet(self, name: str, values: Array, at: Array) -> Array:
        """Return values for a state, 0 where they are on land."""
        wet: Array = np.where(self._states[name][2][at], 0.0, values)
        return wet

    def watched(self, advance: Callable[[], None]) -> Callable[[], None]:
        """Return a step that refuses to go on from numbers that no ocean has."""

        def step() -> None:
            advance()
            self.look()

        return step

    def look(self) -> None:
        """Refuse states out of their bounds, and warn of steps that are too long.

        Raises
        ------
        StateError
            Naming the state, the place and the number.
        """
        for name, (store, values, _) in self._states.items():
            low, high = store.limits
            # The smallest of numbers among which one is NaN is NaN.
            if not (low <= values.min() and values.max() <= high):
                at = store.first_outside(values)
                assert at is not None
                where = place_name(self._runner.space, self._runner.ids, store, at)
                raise StateError(
                    f"store {name!r} at {where} is {values[at]:g} {store.units} after "
                    f"the step at {self._runner.clock.now}; expected {store.expected}"
                )
        largest = float(self._courant.max())
        if largest > 1.0:
            at = int(self._courant.argmax())
            warn_once(
                _log, "courant",
                "%s: %.3g of a cell of column %s is replaced in a step at %s; above 1 "
                "advection is not stable: shorter steps are needed",
                self._runner.place, largest, self._runner.ids[at],
                self._runner.clock.now,
            )  # fmt: skip


class Friction:
    """Lateral viscosity and diffusivity, held to what a step does not overshoot by.

    Parameters
    ----------
    runner : Runner
        An ocean of levels.
    """

    def __init__(self, runner: Runner) -> None:
        grid, operation = runner.space, runner.operation
        assert isinstance(grid, Grid)
        self._runner, self._sea = runner, grid.open_at()
        runner.parameterize()
        fraction: Array = runner.parameters.mean["cell_fraction"]
        if fraction.size > 1:
            fraction = fraction.reshape(grid.field("cell", ("level",)))
        narrowing = np.cos(np.radians(grid.nodes("y")))[:, None]
        forms = _forms(operation.bundle.manifest.model)
        dt = operation.inner
        self._limits = {
            name: limit / by / (math.exp(STRONGEST) if form in forms else 1.0)
            for name, form, limit, by in (
                ("viscosity", "friction", viscosity_limit(grid, dt, fraction),
                 1.0 if grid.radius is None else narrowing),
                ("diffusivity", "spreading", friction_limit(grid, dt), 1.0),
            )
        }  # fmt: skip

    def bounded(self, advance: Callable[[], None]) -> Callable[[], None]:
        """Return a step that is refused where friction would overshoot in it."""

        def step() -> None:
            self.look()
            advance()

        return step

    def look(self) -> None:
        """Refuse coefficients with which a step is not stable.

        Raises
        ------
        DataError
            Naming the coefficient, the place, the number and the limit.
        """
        self._runner.parameterize()
        for name, limit in self._limits.items():
            values = self._runner.parameters.mean[name]
            # A whole field, a map, or one number for all.
            fields = values.reshape(
                (-1, *limit.shape) if values.size > 1 else (1, 1, 1)
            )
            over = np.where(self._sea, fields.max(0) - limit, -math.inf)
            if over.max() <= 0.0:
                continue
            at = int(over.argmax())
            row, column = np.unravel_index(at, over.shape)
            worst = over[row, column] + limit[row, column]
            raise DataError(
                f"parameter {name!r} at {self._runner.ids[at]!r} is {worst:.4g} m2 s-1;"
                f" expected at most {limit[row, column]:.4g} at a step of "
                f"{self._runner.operation.inner:g} s"
            )


def _forms(model: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the network of an ocean does, by the model as it was configured."""
    parts = model.get("parts", {"ocean": {"options": model}})
    blocks = [part.get("options") or {} for part in parts.values()]
    return tuple(
        form for block in blocks if block.get("network") for form in block["forms"]
    )


class Ages:
    """When each forcing was set last.

    Parameters
    ----------
    clock : Clock
        Time of the host.
    table : Quantities
        Finds forcings by either of their names.
    most : float
        Seconds for which a forcing may be used.
    """

    def __init__(self, clock: Clock, table: Quantities, most: float) -> None:
        self._clock, self._table, self._most = clock, table, most
        self._set: dict[str, float] = {
            entry.short: 0.0 for entry in table.catalogue.of("forcing")
        }

    def noting(self, set_values: Callable[..., None]) -> Callable[..., None]:
        """Return a function that sets values by name, and notes when."""

        def noted(name: str, *arguments: Any) -> None:
            set_values(name, *arguments)
            entry = self._table.catalogue.get(name)
            if entry is not None and entry.short in self._set:
                self._set[entry.short] = self._clock.time

        return noted

    def begin_anew(self) -> None:
        """Count all forcings as set now, after the time became another one."""
        self._set = dict.fromkeys(self._set, self._clock.time)

    def checked(self, check: Callable[[], None]) -> Callable[[], None]:
        """Return a check of forcings that refuses those that are too old."""

        def of_age() -> None:
            now = self._clock.time
            for name, when in self._set.items():
                if now - when >= self._most:
                    raise DataError(
                        f"forcing {name!r} was set {now - when:g} s ago, at time "
                        f"{when:g}; max_age: expected less than {self._most:g} s"
                    )
            check()

        return of_age
