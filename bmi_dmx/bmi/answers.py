"""What a component answers for: names, values, times, grids and states."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from os import PathLike
from typing import Any, ClassVar, NoReturn

import numpy as np
from bmipy import Bmi
from numpy.typing import ArrayLike

from ..bundle import Bundle
from ..errors import DataError, VariableError
from ..operate.clock import Clock
from ..operate.runner import Runner
from ..operate.screen import AcceptedRange, Screen
from ..space import GridDescription, Points, Space
from .filling import no_name
from .grid_table import Grids
from .publication import NoQuantities, UsualQuantities, inputs, not_initialized, outputs
from .serialization import Signal
from .state import States
from .table import Catalogue, Quantities, Quantity
from .turn import Turn
from .values import Values

__all__ = ["Answers", "not_yet"]

Array = np.ndarray[Any, np.dtype[Any]]

_OFTEN = (
    "get_value", "get_value_ptr", "get_value_at_indices", "set_value",
    "set_value_at_indices",
)  # fmt: skip
"""Functions of BMI that a host calls at every step."""


def not_yet() -> NoReturn:
    """Refuse to do what needs a model."""
    raise not_initialized()


class _NoClock(Clock):
    """The time of a component without a model: no step may begin."""

    def __init__(self) -> None:
        self.seconds, self.time, self.last = 0.0, 0.0, -1.0

    def steps_until(self, time: float) -> int:
        """Refuse to say."""
        not_yet()


_NO_CLOCK = _NoClock()


class Answers(Bmi):
    """The functions of BMI that ask, and those that set values and states.

    They are answered by the table of quantities, the runner, the values, the states and
    the grids of a component, which :meth:`_answer_for` brings.

    Attributes
    ----------
    default_bundle : str or None
        The bundle of the class; None where the configuration must name one.
    """

    default_bundle: ClassVar[str | None] = None
    _turn: Turn

    def _know_nothing(self) -> None:
        """Answer as a component without a model does."""
        self._published: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self._runner: Runner | None = None
        self._clock: Clock = _NO_CLOCK
        self._screen: Screen
        self._table: Quantities = NoQuantities()
        self._known: Quantities = UsualQuantities(self.default_bundle)
        self._values: Values | None = None
        self._states: States | None = None
        self._grids: Grids | None = None
        # Not by __dict__: who asks for it has slower attributes from then on.
        for name in _OFTEN:
            with suppress(AttributeError):
                delattr(self, name)

    def _answer_for(
        self,
        table: Quantities,
        runner: Runner,
        screen: Screen,
        values: Values,
        states: States,
    ) -> None:
        """Answer for a model from now on."""
        self._table = self._known = table
        self._runner, self._clock, self._screen = runner, runner.clock, screen
        self._values, self._states = values, states
        # A host calls these for every variable at every step: without a detour.
        for name in _OFTEN:
            setattr(self, name, getattr(values, name))

    def _model(self) -> Runner:
        if self._runner is None:
            raise not_initialized()
        return self._runner

    # What there is

    def get_component_name(self) -> str:
        """Return the name of the class, and of the bundle once it is known."""
        name = type(self).__name__
        return f"{name} ({self.bundle.name})" if self._runner else name

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self._published is None:
            # Hosts ask before there is a configuration.
            catalogue = UsualQuantities(self.default_bundle).catalogue
            self._published = inputs(catalogue), outputs(catalogue, None, ())
        return self._published

    def names(self) -> tuple[str, ...]:
        """Return every name that is understood: published or not, standard or short."""
        return self.catalogue.names

    @property
    def catalogue(self) -> Catalogue:
        """What is known of every quantity, by any of its names."""
        return self._known.catalogue

    @property
    def runner(self) -> Runner:
        """What steps the model."""
        return self._model()

    @property
    def screen(self) -> Screen:
        """What looks at its forcings."""
        self._model()
        return self._screen

    @property
    def bundle(self) -> Bundle:
        """The bundle that is run."""
        return self._model().operation.bundle

    def accepted(self) -> dict[str, AcceptedRange]:
        """Return smallest and largest value of each input, and the rule for others.

        By published name, in the units of the host.
        """
        self._model()
        entries = self._table.catalogue.of("forcing")
        return {entry.name: self._screen.accepted(entry.short) for entry in entries}

    def get_input_item_count(self) -> int:
        """Return the number of published inputs."""
        return len((self._published or self._names())[0])

    def get_output_item_count(self) -> int:
        """Return the number of published outputs."""
        return len((self._published or self._names())[1])

    # The library's annotation says tuple[str]; its text says any number.
    def get_input_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Return the names of the forcings."""
        return (self._published or self._names())[0]

    def get_output_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Return the names of the published outputs."""
        return (self._published or self._names())[1]

    # What hosts ask for at every step takes no more than a look at what is ready.

    def _about(self, name: str) -> Quantity | Signal:
        try:
            return self._known[name]
        except TypeError:
            raise no_name(name) from None

    def get_var_grid(self, name: str) -> int:
        """Return the number of the grid that a variable is on."""
        quantity = self._about(name)
        if isinstance(quantity, Signal):
            if quantity.grid is None:
                raise VariableError(f"{name!r} is a signal of the host and on no grid")
            return quantity.grid
        if self._runner is None:
            return 0
        return self._located().number(quantity.variable, quantity.buffer.size)

    def get_var_type(self, name: str) -> str:
        """Return ``float64``, the type of every variable."""
        try:
            return self._known[name].type
        except TypeError:
            raise no_name(name) from None

    def get_var_units(self, name: str) -> str:
        """Return the units (UDUNITS)."""
        try:
            return self._known[name].units
        except TypeError:
            raise no_name(name) from None

    def get_var_itemsize(self, name: str) -> int:
        """Return the bytes of one value."""
        try:
            return self._known[name].itemsize
        except TypeError:
            raise no_name(name) from None

    def get_var_nbytes(self, name: str) -> int:
        """Return the bytes of all values."""
        try:
            return self._known[name].nbytes
        except TypeError:
            raise no_name(name) from None

    def get_var_location(self, name: str) -> str:
        """Return ``node``, where every variable is on its own grid."""
        self.get_var_grid(name)
        return "node"

    # Values

    def _ready(self) -> Values:
        if self._values is None:
            raise not_initialized()
        return self._values

    def get_value_ptr(self, name: str) -> Array:
        """Return the values themselves; see :meth:`.values.Values.get_value_ptr`."""
        return self._ready().get_value_ptr(name)

    def get_value(self, name: str, dest: Array) -> Array:
        """Copy the values into ``dest``; see :meth:`.values.Values.get_value`."""
        return self._ready().get_value(name, dest)

    def get_value_at_indices(self, name: str, dest: Array, inds: Array) -> Array:
        """Copy the values at some places into ``dest``, and return it."""
        return self._ready().get_value_at_indices(name, dest, inds)

    def set_value(self, name: str, src: ArrayLike) -> None:
        """Set a forcing, attribute, parameter or state; see :class:`.values.Values`."""
        self._ready().set_value(name, src)

    def set_value_at_indices(self, name: str, inds: Array, src: ArrayLike) -> None:
        """Set values at some places; otherwise as :meth:`set_value`."""
        self._ready().set_value_at_indices(name, inds, src)

    # Time

    @property
    def start_time(self) -> datetime:
        """Date and time, UTC, at BMI time 0, wherever it was configured."""
        self._model()
        return self._clock.start

    def get_start_time(self) -> float:
        """Return 0."""
        return 0.0

    def get_current_time(self) -> float:
        """Return the time at which the next step begins, seconds since the start."""
        if self._runner is None:
            raise not_initialized()
        return self._clock.time

    def get_end_time(self) -> float:
        """Return the configured end, or the largest number there is."""
        if self._runner is None:
            raise not_initialized()
        return self._clock.end

    def get_time_step(self) -> float:
        """Return the length of a step in seconds."""
        if self._runner is None:
            raise not_initialized()
        return float(self._clock.seconds)

    def get_time_units(self) -> str:
        """Return ``s``."""
        return "s"

    # State

    def _continued(self) -> States:
        if self._states is None:
            raise not_initialized()
        return self._states

    def state(self) -> dict[str, Array]:
        """Return all that a continuation needs; see :meth:`.state.States.state`."""
        with self._turn.alone():
            return self._continued().state()

    def state_bytes(self) -> bytes:
        """Return :meth:`state` packed; as long at any time of a run."""
        with self._turn.alone():
            return self._continued().state_bytes()

    def state_size(self) -> int:
        """Return the length of :meth:`state_bytes`; nothing is computed for it."""
        with self._turn.alone():
            return self._continued().state_size()

    def set_state_bytes(self, content: bytes, where: str = "state") -> None:
        """Continue from :meth:`state_bytes`, at the time it was saved."""
        with self._turn.alone():
            self._continued().set_state_bytes(content, where)

    def take_state(self, content: bytes, *, clock: bool) -> None:
        """Continue from a state, whenever it was saved."""
        with self._turn.alone():
            self._continued().take_state(content, clock=clock)

    def reset_clock(self) -> None:
        """Go back to the start in time; nothing else changes."""
        with self._turn.alone():
            self._continued().reset_clock()

    def save_state(self, path: str | PathLike[str]) -> None:
        """Write the state to a file, which then exists whole or not at all."""
        with self._turn.alone():
            self._continued().save_state(path)

    def load_state(self, path: str | PathLike[str]) -> None:
        """Continue from a file of :meth:`save_state`."""
        with self._turn.alone():
            self._continued().load_state(path)

    # Grids

    @property
    def grids(self) -> Grids:
        """The grids on which the variables stand, by number."""
        return self._located()

    def _located(self) -> Grids:
        """Return the grids, which are numbered once."""
        if self._grids is None:
            self._grids = self._grids_of(self._place())
        return self._grids

    def _place(self) -> Space:
        runner = self._model()
        if runner.space is not None:
            return runner.space
        return Points(runner.ids)

    def _variables(self) -> list[Any]:
        catalogue = self._table.catalogue
        entries = catalogue.of("forcing", "flux", "state")
        if self._model().is_field:
            entries += catalogue.of("parameter", "diagnostic")
        return [entry.variable for entry in entries]

    def _other_grids(self) -> tuple[GridDescription, ...]:
        """Return grids on which no variable of the model stands, but a signal does."""
        return ()

    def _with_coordinates(self) -> Grids:
        """Return the grids with the coordinates that the places have by now."""
        runner = self._model()
        if runner.space is not None:
            return self._located()
        coordinates = {}
        for name in ("longitude", "latitude"):
            values = runner.parameters.attribute.get(name)
            if values is None or not np.isfinite(values).all():
                raise DataError(f"attribute {name!r} of the locations is not known")
            coordinates[name] = values
        return self._grids_of(Points(runner.ids, **coordinates))

    def _grids_of(self, place: Space) -> Grids:
        whole = self._model().is_field
        return Grids(place, self._variables(), self._other_grids(), whole=whole)

    def get_grid_type(self, grid: int) -> str:
        """Return the type of a grid: scalar, points, unstructured or rectilinear."""
        return self._located().get_grid_type(grid)

    def get_grid_rank(self, grid: int) -> int:
        """Return the number of dimensions, 0 of a scalar."""
        return self._located().get_grid_rank(grid)

    def get_grid_size(self, grid: int) -> int:
        """Return the number of values."""
        return self._located().get_grid_size(grid)

    def get_grid_shape(self, grid: int, shape: Array) -> Array:
        """Fill in the number of rows and columns."""
        return self._located().get_grid_shape(grid, shape)

    def get_grid_spacing(self, grid: int, spacing: Array) -> Array:
        """Fill in the distances of rows and columns."""
        return self._located().get_grid_spacing(grid, spacing)

    def get_grid_origin(self, grid: int, origin: Array) -> Array:
        """Fill in the place of the first row and column."""
        return self._located().get_grid_origin(grid, origin)

    def get_grid_x(self, grid: int, x: Array) -> Array:
        """Fill in the first coordinate, degrees east of places on Earth."""
        if self.get_grid_type(grid) == "points":
            return self._with_coordinates().get_grid_x(grid, x)
        return self._located().get_grid_x(grid, x)

    def get_grid_y(self, grid: int, y: Array) -> Array:
        """Fill in the second coordinate, degrees north of places on Earth."""
        if self.get_grid_type(grid) == "points":
            return self._with_coordinates().get_grid_y(grid, y)
        return self._located().get_grid_y(grid, y)

    def get_grid_z(self, grid: int, z: Array) -> Array:
        """Fill in the third coordinate."""
        return self._located().get_grid_z(grid, z)

    def get_grid_node_count(self, grid: int) -> int:
        """Return the number of nodes."""
        return self._located().get_grid_node_count(grid)

    def get_grid_edge_count(self, grid: int) -> int:
        """Return the number of edges."""
        return self._located().get_grid_edge_count(grid)

    def get_grid_face_count(self, grid: int) -> int:
        """Return the number of faces."""
        return self._located().get_grid_face_count(grid)

    def get_grid_edge_nodes(self, grid: int, edge_nodes: Array) -> Array:
        """Fill in the two nodes of each edge."""
        return self._located().get_grid_edge_nodes(grid, edge_nodes)

    def get_grid_face_edges(self, grid: int, face_edges: Array) -> Array:
        """Fill in the edges of each face."""
        return self._located().get_grid_face_edges(grid, face_edges)

    def get_grid_face_nodes(self, grid: int, face_nodes: Array) -> Array:
        """Fill in the nodes of each face."""
        return self._located().get_grid_face_nodes(grid, face_nodes)

    def get_grid_nodes_per_face(self, grid: int, nodes_per_face: Array) -> Array:
        """Fill in the number of nodes of each face."""
        return self._located().get_grid_nodes_per_face(grid, nodes_per_face)
