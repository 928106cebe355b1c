"""What runs at one catchment: a module, or a chain of modules that exchange values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, ModuleError, UnitsError
from ..units import convert
from .adapter import Adapter
from .forcing import ForcingProvider
from .mass import MassWatch
from .realization import Column, MassBalance, Module

__all__ = ["MAIN_UNITS", "Formulation"]

MAIN_UNITS = "m"
"""The main output is the depth of runoff of an hour."""


class Formulation:
    """The modules of one catchment, driven as the framework drives them.

    Parameters
    ----------
    module : Module
        From the realization; its file names hold the catchment already.
    catchment : str
        Its name.
    properties : mapping of str to number or text
        Columns of the catchment in the hydrofabric.
    forcing : ForcingProvider
        Where values come from that no module gives.
    warned : set of str
        What has been warned of already, shared by the catchments of a run.

    Raises
    ------
    ConfigError, ModuleError
        When a module cannot be run here, made or initialized.
    """

    def __init__(
        self,
        module: Module,
        catchment: str,
        properties: Mapping[str, Any],
        forcing: ForcingProvider,
        warned: set[str],
    ) -> None:
        self._forcing, self.catchment = forcing, catchment
        self._module = module
        chain = module.modules or (module,)
        for part in chain:
            if part.kind != "bmi_python":
                raise ConfigError(
                    f"{catchment}: module {part.model_type_name!r} is of kind "
                    f"{part.kind!r}; only Python modules can be run here"
                )
        self.adapters = [Adapter(p, catchment, properties, warned) for p in chain]
        last = self.adapters[-1]
        self._columns = module.columns(last.module.output_variables or last.outputs)
        self._main = self._owner(module.main_output_variable)
        self.watches = [
            MassWatch(a, a.module.mass_balance or MassBalance(check=False))
            for a in self.adapters
        ]
        self._providers = self._connections()
        self._pending = {
            str(entry.get("name")): entry.get("value")
            for entry in module.default_output_values
        }
        self._sources: list[tuple[Adapter, str]] = [
            (self._owner(column.variable), column.variable) for column in self._columns
        ]
        for adapter, name in self._sources:
            if name in adapter.outputs:
                adapter.model.get_var_units(name)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns of the output file."""
        return self._columns

    @property
    def main_output(self) -> str:
        """Return the name of the runoff."""
        return self._module.main_output_variable

    def _owner(self, name: str) -> Adapter:
        """Return the module that gives an output; the last one first."""
        for adapter in (self.adapters[-1], *self.adapters[:-1]):
            if name in adapter.outputs:
                return adapter
        return self.adapters[-1]

    def _connections(self) -> dict[tuple[int, str], tuple[int, str]]:
        """Return which output of which module feeds an input of a module."""
        given: dict[str, tuple[int, str]] = {}
        for k, adapter in enumerate(self.adapters):
            for name in adapter.outputs:
                given.setdefault(adapter.module.mapped(name), (k, name))
        found = {}
        for k, adapter in enumerate(self.adapters):
            for name in adapter.inputs:
                for alias in (adapter.module.mapped(name), name):
                    if alias in given and given[alias][0] != k:
                        found[k, name] = given[alias]
                        break
        return found

    def from_module(self, k: int, name: str) -> bool:
        """Return whether an input of module ``k`` comes from another module."""
        return (k, name) in self._providers

    def step(self, start: int, index: int) -> float:
        """Run one hour at all modules and return the runoff, m.

        Parameters
        ----------
        start : int
            Start of the run, seconds since 1970.
        index : int
            Number of the step.

        Raises
        ------
        ModuleError
            When the runoff is no number: the framework would hand it on to the nexus.
        """
        for k, adapter in enumerate(self.adapters):
            now = adapter.begin()
            time = start + round(now)
            for name in adapter.refresh_inputs():
                units = adapter.input_units(name)
                adapter.give(name, self._value(k, name, units, time, index))
            adapter.advance()
            if len(self.adapters) > 1:
                # Each module of a chain answers for its own main output as well.
                adapter.read(adapter.module.main_output_variable)
        value, units = self._main.read(self._module.main_output_variable)
        if not math.isfinite(value):
            name, by = self._module.main_output_variable, self._main.module
            raise ModuleError(
                f"{self.catchment}: module {by.model_type_name!r}: {name!r} is "
                f"{value:g} {units}, expected a finite number"
            )
        return self._metres(value, units)

    def _value(self, k: int, name: str, units: str, time: int, index: int) -> float:
        source = self._providers.get((k, name))
        if source is None:
            alias = self.adapters[k].module.mapped(name)
            return self._forcing.value(self.catchment, alias, units, time)
        other, output = source
        if other > k and index == 0:
            # A module that runs later: nothing yet but what the realization gives.
            adapter = self.adapters[other]
            alias = adapter.module.mapped(output)
            default = self._pending.get(alias, self._pending.get(output))
            if default is None:
                raise ModuleError(
                    f"{self.catchment}: input {name!r} comes from a later module; "
                    f"default_output_values must give the first {alias!r}"
                )
            return float(default)
        value, found = self.adapters[other].read(output)
        return self._converted(self.adapters[k], name, value, found, units)

    def _metres(self, value: float, units: str) -> float:
        name = self._module.main_output_variable
        return self._converted(self._main, name, value, units, MAIN_UNITS)

    @staticmethod
    def _converted(
        adapter: Adapter, name: str, value: float, found: str, units: str
    ) -> float:
        if found == units:
            return value
        try:
            return float(convert(value, found, units))
        except UnitsError as error:
            adapter.warn(
                f"{name} units", f"{name!r}: {error}; the number is used as is"
            )
            return value

    def line(self) -> list[float]:
        """Return the values of the columns, in the module's own units."""
        return [adapter.read(name)[0] for adapter, name in self._sources]

    def watch(self, index: int, time: str) -> None:
        """Look at the mass balances after a step."""
        for watch in self.watches:
            watch.check(index, time)

    def finalize(self) -> None:
        """End all modules."""
        for adapter in self.adapters:
            adapter.finalize()
