"""What a component with an ensemble answers for beside its quantities."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import VariableError
from ..operate.storage import balance_names
from ..variables import Variable
from .serialization import Signal
from .table import Catalogue, Entry, Quantity, Role, quantity

if TYPE_CHECKING:
    from ..assimilation.operation.analysis import Assimilation
    from ..operate.ensemble import EnsembleRunner

__all__ = ["EnsembleValues"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_TIME = "seconds since 1970-01-01"

_NAME = re.compile(
    r"(?P<base>.+?)"
    r"(?:~(?P<input>observed|error_std|valid_time)"
    r"|__(?P<output>ensemble|ensemble_standard_deviation|increment|analysis|expected"
    r"|ensemble_quantile_(?P<percent>[0-9]{2})))"
)


@dataclass(frozen=True)
class EnsembleValues:
    """Finds quantities of an ensemble by name: ``NAME__ensemble`` and others.

    Parameters
    ----------
    runner : EnsembleRunner
        Whose they are.
    assimilation : Assimilation
        What is observed, and what it changed.
    catalogue : Catalogue
        The quantities of the model.
    set_members : callable
        Sets a state of all members.
    grid_number : int
        Number of the grid of values of all members.
    """

    runner: EnsembleRunner
    assimilation: Assimilation
    catalogue: Catalogue
    set_members: Callable[[str, Array], None]
    grid_number: int

    @property
    def inputs(self) -> tuple[str, ...]:
        """Published names of what is observed, of its errors and times."""
        return tuple(
            f"{self._published(short)}~{what}"
            for short in self.assimilation.inboxes
            for what in ("observed", "error_std", "valid_time")
        )

    def _published(self, short: str) -> str:
        entry = self.catalogue.get(short)
        return entry.name if entry is not None else short

    def sums(self) -> Iterator[Quantity]:
        """Yield what all analyses added since the start, by budget."""
        for balance in self.runner.stages.balances:
            names = balance_names(self.runner.stages, balance)
            name = names["adjusted"].replace("adjusted", "assimilated")
            about = f"{balance.budget} added by analyses since the start"
            yield self._quantity(
                name, name, balance.units, about, "diagnostic",
                self.assimilation.assimilated[balance.budget],
            )  # fmt: skip

    def find(self, name: str) -> Quantity | Signal | None:
        """Return a quantity by name, made of either name of another; None if none."""
        match = _NAME.fullmatch(name)
        if match is None:
            return next((q for q in self.sums() if q.name == name), None)
        base, what = match["base"], match["output"]
        entry = self.catalogue.get(base)
        if match["input"]:
            return self._input(name, entry, match["input"])
        if what == "increment":
            return self._increment(name, base, entry)
        if entry is None or entry.role not in ("flux", "state", "forcing"):
            return None
        if what in ("analysis", "expected"):
            return self._seen(name, entry, what)
        values = self._members(entry)
        if what == "ensemble":
            return self._all(name, entry, values)
        out = np.full(values.shape[1], np.nan)
        if what == "ensemble_standard_deviation":
            refresh: Callable[[], object] = partial(_spread, values, out)
            about = f"standard deviation over the members of: {entry.about}"
        else:
            percent = int(match["percent"])
            refresh = partial(_quantile, values, percent / 100.0, out)
            about = f"quantile {percent} % over the members of: {entry.about}"
        return self._quantity(
            name, name, entry.units, about, "diagnostic", out, refresh
        )

    def _members(self, entry: Entry) -> Array:
        """Return a view of the values of the members, (member, place)."""
        members = self.runner.members
        buffers = members.forcing if entry.role == "forcing" else members.output
        return self.runner.each(buffers[entry.short])

    def _all(self, name: str, entry: Entry, values: Array) -> Signal:
        flat = values.reshape(-1)

        def receive(values: Array) -> None:
            if entry.role != "state":
                raise VariableError(
                    f"{name!r} is a {entry.role} of the members and cannot be set; "
                    "states can"
                )
            self.set_members(entry.short, np.asarray(values, float).reshape(-1))

        return Signal(
            name, entry.units, "float64", lambda: flat.size, lambda: flat, receive,
            grid=self.grid_number,
        )  # fmt: skip

    def _input(self, name: str, entry: Entry | None, what: str) -> Quantity | None:
        if entry is None or entry.short not in self.assimilation.inboxes:
            return None
        box = self.assimilation.inboxes[entry.short]
        buffer, units, about = {
            "observed": (box.value, entry.units, f"observed: {entry.about}"),
            "error_std": (
                box.error, entry.units, f"standard error of: {entry.about}"
            ),
            "valid_time": (box.valid, _TIME, f"time of observed: {entry.about}"),
        }[what]  # fmt: skip
        return self._quantity(name, name, units, about, "observation", buffer)

    def _increment(self, name: str, base: str, entry: Entry | None) -> Quantity | None:
        short = base if entry is None else entry.short
        added = self.assimilation.increments.get(short)
        if added is None:
            return None
        store = next(s for s in self.assimilation.stores.every if s.name == short)
        units, _ = self.runner.operation.exchange(store.state)
        about = f"added by the last analysis to: {store.state.about}"
        return self._quantity(name, name, units, about, "diagnostic", added)

    def _seen(self, name: str, entry: Entry, what: str) -> Quantity | None:
        arrays, about = {
            "analysis": (self.assimilation.analysed, "after the analysis"),
            "expected": (self.assimilation.expected, "forecast with what remains"),
        }[what]
        if entry.short not in arrays:
            return None
        return self._quantity(
            name, name, entry.units, f"{about}: {entry.about}", "diagnostic",
            arrays[entry.short],
        )  # fmt: skip

    @staticmethod
    def _quantity(
        name: str,
        short: str,
        units: str,
        about: str,
        role: Role,
        buffer: Array,
        refresh: Callable[[], object] | None = None,
    ) -> Quantity:
        identifier = re.sub(r"\W", "_", short)
        variable = Variable(name=identifier, units=units, about=about)
        entry = Entry(name, short, units, about, role, variable, "")
        return quantity(entry, buffer, refresh)


def _spread(values: Array, out: Array) -> None:
    out[:] = values.std(axis=0, ddof=min(1, len(values) - 1))


def _quantile(values: Array, share: float, out: Array) -> None:
    out[:] = np.quantile(values, share, axis=0)
