"""An ocean of levels as a component."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...bmi.component import Component
from ...bmi.locations import Locations
from ...bmi.serialization import Signal
from ...bmi.settings import Settings
from ...bmi.steps import step_length
from ...bmi.table import Quantity
from ...config import expanded
from ...errors import ConfigError
from ...operate.operation import Operation, step_text
from ...space import Grid, Space
from .initial_fields import begin_with_file
from .monitors import Ages, Friction, Monitor
from .readings import Readings
from .settings import OceanSettings

__all__ = ["HybridOcean"]

Array = np.ndarray[Any, np.dtype[Any]]


class HybridOcean(Component):
    """Currents, temperature, salinity and surface of an ocean of levels.

    Without a ``bundle`` in its configuration it runs a small basin that comes with the
    package, :attr:`default_bundle`. Every variable has the grid on which it stands:
    currents and stresses those of faces in x and y. Land is 0, and what a host sets
    there counts for nothing. One ``update()`` is one coupling step, in which forcing
    holds.

    Beside the variables of the model it gives the uppermost level, currents at the
    middles of cells, and what is not accounted for of volume, heat and salt.
    """

    default_bundle = "ocean-basin-made"

    METADATA: ClassVar[str] = "data/HybridOcean"
    """Folder of what pymt and bmi-tester want to know, beside this module."""

    def _forget(self) -> None:
        super()._forget()
        self._readings: Readings | None = None
        self._monitor: Monitor | None = None
        self._ages: Ages | None = None
        self._each = 1

    # Making

    def _build(
        self,
        settings: Settings,
        operation: Operation,
        places: Locations,
        space: Space | None,
        folder: Path,
    ) -> None:
        if not isinstance(space, Grid) or space.z_edges is None:
            raise ConfigError("bundle: expected an ocean of levels on a grid")
        selection = settings.outputs
        if selection is not None:
            model = tuple(n for n in selection if n not in Readings.names)
            settings = replace(settings, outputs=model)
        super()._build(settings, operation, places, space, folder)
        self._readings = Readings(self._model())
        inputs, outputs = self._published or ((), ())
        more = (n for n in Readings.names if selection is None or n in selection)
        self._published = inputs, (*outputs, *more)
        self._monitor = Monitor(self._model())

    def _start(self, settings: Settings, folder: Path) -> None:
        super()._start(settings, folder)
        runner, words = self._model(), self._model().operation.system.steps
        assert self._monitor is not None
        self._check = self._monitor.on_sea(self._screen.check)
        if not isinstance(settings, OceanSettings):
            return
        if settings.initial_fields is not None:
            file = expanded(settings.initial_fields, "initial_fields", folder)
            begin_with_file(runner, file)
        if settings.coupling_step is not None:
            length = step_length("coupling_step", settings.coupling_step, words)
            self._each = _count(length, float(self._clock.seconds))
        if settings.max_age is not None:
            length = step_length("max_age", settings.max_age, words)
            ages = self._ages = Ages(self._clock, self._table, length)
            self._check = ages.checked(self._check)
            for name in ("set_value", "set_value_at_indices"):
                setattr(self, name, ages.noting(getattr(self, name)))

    def _resumed(self) -> None:
        super()._resumed()
        if self._ages is not None:
            self._ages.begin_anew()

    def reset_clock(self) -> None:
        """Go back to the start in time; forcings count as set then."""
        super().reset_clock()
        if self._ages is not None:
            self._ages.begin_anew()

    def _stepping(self) -> Callable[[], None]:
        assert self._monitor is not None
        advance = Friction(self._model()).bounded(super()._stepping())
        return self._monitor.watched(advance)

    def _set_store(self, name: str, values: Array, at: Array) -> None:
        assert self._monitor is not None
        super()._set_store(name, self._monitor.wet(name, values, at), at)

    # Steps of the coupling

    def get_time_step(self) -> float:
        """Return the length of a coupling step in seconds."""
        return self._each * super().get_time_step()

    def update(self) -> None:
        """Advance by a coupling step; see :meth:`.Component.update`.

        Of several steps of the model in it amounts are sums, and the Courant number is
        the largest; all else is of their end.
        """
        if self._each == 1:
            super().update()
            return
        self._steps_until(self.get_current_time() + self.get_time_step())
        runner = self._model()
        fluxes = [e.variable for e in self._table.catalogue.of("flux")]
        buffers = {f.name: runner.output[f.name] for f in fluxes}
        aggregates = {name: np.zeros_like(buffer) for name, buffer in buffers.items()}
        gather = {
            f.name: np.add if f.per_step == "amount" else np.maximum for f in fluxes
        }
        for _ in range(self._each):
            super().update()
            for name, buffer in buffers.items():
                gather[name](aggregates[name], buffer, out=aggregates[name])
        for name, buffer in buffers.items():
            buffer[:] = aggregates[name]

    # Names

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        published = self._published
        inputs, outputs = super()._names()
        if published is None:
            self._published = inputs, (*outputs, *Readings.names)
        return self._published or ((), ())

    def _derived(self, name: str) -> Quantity | Signal | None:
        quantity = super()._derived(name)
        if quantity is None and self._readings is not None:
            return self._readings.find(name)
        return quantity


def _count(length: float, step: float) -> int:
    """Return how many steps of the model are a coupling step."""
    count = length / step
    if not (count >= 1.0 and count.is_integer()):
        raise ConfigError(
            f"coupling_step: found {step_text(length)}, expected a multiple of the "
            f"step of {step_text(step)}"
        )
    return int(count)
