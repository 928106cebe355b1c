"""What runs at one catchment: a module, or a chain of modules that exchange values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ConfigError, ModuleError
from ..units import convert
from .adapter import Adapter
from .forcing import ForcingProvider
from .mass import MassWatch
from .realization import PYTHON, Column, MassBalance, Module

__all__ = ["MAIN_UNITS", "Formulation"]

MAIN_UNITS = "m"
"""The main output is the depth of runoff of an hour."""


_LAST = 2.0**63
"""Seconds that the framework cannot count any more."""


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
    partly : bool
        Leave out compiled modules, to look at the others; a step cannot be run then.

    Attributes
    ----------
    adapters : list of Adapter
        The Python modules.
    elsewhere : frozenset of str
        What compiled modules that were left out are said to give, by the names between
        modules; they may give more.

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
        *,
        partly: bool = False,
    ) -> None:
        self._forcing, self.catchment = forcing, catchment
        self._module = module
        compiled = [part for part in module.parts if part.kind != PYTHON]
        if compiled and not partly:
            raise ConfigError(
                f"{catchment}: module {compiled[0].model_type_name!r} is of kind "
                f"{compiled[0].kind!r}; only Python modules can be run here"
            )
        self.elsewhere = frozenset(name for part in compiled for name in _said(part))
        chain = [part for part in module.parts if part.kind == PYTHON]
        self.adapters = [Adapter(p, catchment, properties, warned) for p in chain]
        last = self.adapters[-1]
        usual = last.module.output_variables or last.outputs
        # Of a chain that ends with a compiled module nobody knows what is usual.
        self._columns = module.columns(() if compiled else usual)
        self._main = self._main_output()
        self.watches = [
            MassWatch(a, a.module.mass_balance or MassBalance(check=False))
            for a in self.adapters
        ]
        givers = self._given()
        self._providers = self._connections(givers)
        self._pending = {
            str(entry.get("name")): entry.get("value")
            for entry in module.default_output_values
        }
        self._sources = [self._source(c.variable, givers) for c in self._columns]
        for adapter, name in self._sources:
            if name in adapter.outputs:
                adapter.ask("get_var_units", name)

    @property
    def partial(self) -> bool:
        """Whether modules were left out that only the framework can run."""
        return self._module.compiled

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns of the output file."""
        return self._columns

    @property
    def main_output(self) -> tuple[Adapter, str]:
        """Return the module that gives the runoff, and its name there."""
        return self._main

    @property
    def sources(self) -> list[tuple[Adapter, str]]:
        """Return the modules that give the columns, and the names there."""
        return self._sources

    def _main_output(self) -> tuple[Adapter, str]:
        """Find the runoff: the module's own name goes before one that it is given."""
        name = self._module.main_output_variable
        for adapter in (self.adapters[-1], *self.adapters[:-1]):
            if name in adapter.outputs:
                return adapter, name
        return self.adapters[-1], self.adapters[-1].own_output(name)

    def _source(
        self, name: str, givers: Mapping[str, tuple[int, str]]
    ) -> tuple[Adapter, str]:
        """Find a column; a chain knows an output that is mapped by its new name."""
        last = self.adapters[-1]
        if not self._module.modules or self._module.output_variables is None:
            return last, last.own_output(name)
        k, output = givers.get(name, (-1, name))
        return self.adapters[k], output

    def _given(self) -> dict[str, tuple[int, str]]:
        """Return which module gives what, by the names between the modules.

        Raises
        ------
        ConfigError
            When a chain cannot be: two give the same, or one has no end.
        """
        givers: dict[str, tuple[int, str]] = {}
        if not self._module.modules:
            return givers
        for adapter in self.adapters:
            _must_end(adapter)
        forcings = set(self._forcing.names(self.catchment))
        for k, adapter in enumerate(self.adapters):
            for name in adapter.outputs:
                alias = adapter.module.mapped(name)
                if alias in givers or alias in forcings:
                    other = "the forcing"
                    if alias in givers:
                        first = self.adapters[givers[alias][0]].module
                        other = f"module {first.model_type_name!r}"
                    raise ConfigError(
                        f"{self.catchment}: module {adapter.module.model_type_name!r}: "
                        f"output {alias!r} is already given by {other}, and the "
                        "framework would stop; give it another name in "
                        "variables_names_map"
                    )
                givers[alias] = (k, name)
        return givers

    def _connections(
        self, givers: Mapping[str, tuple[int, str]]
    ) -> dict[tuple[int, str], tuple[int, str]]:
        """Return which output of which module feeds an input of a module."""
        aliases = {
            (k, name): adapter.module.mapped(name)
            for k, adapter in enumerate(self.adapters)
            for name in adapter.inputs
        }
        return {at: givers[alias] for at, alias in aliases.items() if alias in givers}

    def giver(self, k: int, name: str) -> tuple[Adapter, str] | None:
        """Return the module and the output that feed an input of module ``k``.

        None where the forcing does.
        """
        source = self._providers.get((k, name))
        return None if source is None else (self.adapters[source[0]], source[1])

    def from_forcing(self, k: int, name: str) -> bool:
        """Return whether an input of module ``k`` comes from the forcing."""
        if self.giver(k, name) is not None:
            return False
        alias = self.adapters[k].module.mapped(name)
        # What nobody gives is looked for in the forcing, if there is nobody else.
        return not self.partial or alias in self._forcing.names(self.catchment)

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
        UnitsError
            When units are other ones than they were before the first step.
        """
        for k, adapter in enumerate(self.adapters):
            time = start + adapter.begin()
            for name in adapter.refresh_inputs():
                units = adapter.input_units(name)
                adapter.give(name, self._value(k, name, units, time, index))
            adapter.advance()
            if self._module.modules:
                # Each module of a chain answers for its own main output as well.
                adapter.read(adapter.own_output(adapter.module.main_output_variable))
        main, name = self._main
        value, units = main.read(name)
        if not math.isfinite(value):
            by = main.module
            raise ModuleError(
                f"{self.catchment}: module {by.model_type_name!r}: {name!r} is "
                f"{value:g} {units}, expected a finite number"
            )
        return (
            value if units == MAIN_UNITS else float(convert(value, units, MAIN_UNITS))
        )

    def _value(self, k: int, name: str, units: str, time: int, index: int) -> float:
        source = self._providers.get((k, name))
        if source is None:
            alias = self.adapters[k].module.mapped(name)
            return self._forcing.value(self.catchment, alias, units, time)
        other, output = source
        if other >= k and index == 0:
            # It has not run yet: there is nothing but what the realization gives.
            alias = self.adapters[other].module.mapped(output)
            default = self._pending.get(alias)
            if default is None:
                raise ModuleError(
                    f"{self.catchment}: input {name!r} comes from a later module; "
                    f"default_output_values must give the first {alias!r}"
                )
            return float(default)
        value, theirs = self.adapters[other].read(output)
        return value if theirs == units else float(convert(value, theirs, units))

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


def _said(module: Module) -> Iterator[str]:
    """Yield what a compiled module is said to give, by the names between modules."""
    yield module.mapped(module.main_output_variable)
    yield from module.output_variables or ()
    # A provider of constants is told their names, and what they are, by parameters.
    for name in module.model_params:
        yield module.mapped(name.partition("(")[0])


def _must_end(adapter: Adapter) -> None:
    """Refuse a module of a chain that may not pass its end, but has none."""
    end = adapter.number("get_end_time", float) * adapter.seconds
    if not adapter.module.allow_exceed_end_time and not end < _LAST:
        raise ConfigError(
            f"{adapter.catchment}: module {adapter.module.model_type_name!r}: "
            f"allow_exceed_end_time is not true: in a chain the framework needs an end "
            f"time that is a whole number of 64 bits, found {end:g} s, and would stop"
        )
