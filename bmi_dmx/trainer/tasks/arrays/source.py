"""Series from a function or a NetCDF file, by the names of a model."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ....compose import Plan
from ....config import expanded
from ....errors import ConfigError, DataError, UnitsError, suggestion
from ....units import convert

if TYPE_CHECKING:
    from .experiment import DataSpec

__all__ = ["Arrays", "imported", "is_function", "read"]

Array = NDArray[np.float64]

FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)


def is_function(source: str) -> bool:
    """Return whether a source is written as ``module:function``."""
    return FUNCTION.fullmatch(source) is not None


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """Series as a source gives them, by the names of the model.

    Parameters
    ----------
    forcing : mapping of str to array
        (time, place), or (time, ..., *shape of the space) of whole fields.
    attributes : mapping of str to array
        (place,); numbers or whole fields where the model runs on fields.
    targets : mapping of str to array
        Outputs of the model as they were observed, as of ``forcing``; NaN is missing.
    states : mapping of str to array
        The state before every time step, by its name in the model (``part.store``).
    units : mapping of str to str
        Units of the attributes that have any.

    Raises
    ------
    DataError
        There is no target.
    """

    forcing: Mapping[str, Array] = field(default_factory=dict)
    attributes: Mapping[str, Array] = field(default_factory=dict)
    targets: Mapping[str, Array]
    states: Mapping[str, Array] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


def read(spec: DataSpec, plan: Plan) -> Arrays:
    """Return the series that a model reads, and those that it is to give.

    Parameters
    ----------
    spec : DataSpec
        The ``data:`` block.
    plan : Plan
        What the model reads, remembers and gives.

    Raises
    ------
    ConfigError
        There is no such function, or it takes no such options.
    DataError, UnitsError
        Something that the model needs is not there, or not usable.
    """
    outputs = [*plan.outputs]
    for name in () if spec.targets == "all" else spec.targets:
        if name not in outputs:
            hint = suggestion(name, outputs)
            raise ConfigError(f"data.targets: the model gives no {name!r}{hint}")
    return (
        _of_function(spec, plan) if is_function(spec.source) else _of_file(spec, plan)
    )


def _of_function(spec: DataSpec, plan: Plan) -> Arrays:
    answer = _called(spec)
    kinds = [f.name for f in fields(Arrays)]
    if not isinstance(answer, Mapping):
        raise DataError(
            f"data.source: {spec.source} returned {type(answer).__name__}, expected a"
            f" mapping with {', '.join(kinds)}"
        )
    for kind in answer:
        if kind not in kinds:
            hint = suggestion(str(kind), kinds)
            raise DataError(f"data.source: {spec.source} returned {kind!r}{hint}")
    by_kind = {kind: dict(answer.get(kind) or {}) for kind in kinds}

    def chosen(
        kind: str, names: Iterable[str], *, required: bool = True
    ) -> dict[str, Array]:
        values = {}
        for name in names:
            there = spec.names.get(name, name)
            if there in by_kind[kind]:
                values[name] = np.asarray(by_kind[kind][there], dtype=np.float64)
            elif required:
                hint = suggestion(there, by_kind[kind])
                raise DataError(
                    f"data.source: {spec.source} gives no {there!r} among its"
                    f" {kind}{hint}"
                )
        return values

    back = {there: name for name, there in spec.names.items()}
    targets = spec.targets
    if targets == "all":
        targets = tuple(back.get(name, name) for name in map(str, by_kind["targets"]))
    for name in targets:
        if name not in plan.outputs:
            hint = suggestion(name, plan.outputs)
            raise DataError(
                f"data.source: {spec.source} has a target {name!r}, which the model"
                f" does not give{hint}"
            )
    return Arrays(
        forcing=chosen("forcing", [f.name for f in plan.forcings]),
        attributes=chosen("attributes", _attributes(plan)),
        targets=chosen("targets", targets),
        states=chosen("states", _states(plan), required=False),
        units={str(n): str(u) for n, u in by_kind["units"].items()},
    )


def imported(source: str) -> Callable[..., Any]:
    """Return the function of a source.

    Raises
    ------
    ConfigError
        It cannot be imported.
    """
    module, _, name = source.partition(":")
    try:
        function: Callable[..., Any] = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"data.source: {source} cannot be imported: {error}"
        ) from error
    return function


def _called(spec: DataSpec) -> Any:
    """Return what the function answers."""
    function = imported(spec.source)
    parameters = inspect.signature(function).parameters
    for key in spec.options:
        if key not in parameters:
            raise ConfigError(
                f"data.options.{key}: {spec.source} takes no such option"
                f"{suggestion(key, parameters)}"
            )
    try:
        inspect.signature(function).bind(**spec.options)
    except TypeError as error:
        raise ConfigError(f"data.options: {spec.source}: {error}") from None
    return function(**spec.options)


def _of_file(spec: DataSpec, plan: Plan) -> Arrays:
    import netCDF4

    path = expanded(spec.source, "data.source")
    if not path.is_file():
        raise DataError(f"data.source: no file {path}")
    try:
        file = netCDF4.Dataset(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read as NetCDF: {error}") from None
    with file:
        reader = _File(file, path, spec.names)
        names = _attributes(plan)
        declared = {f.name: f.units for f in plan.forcings}
        states = {n: u for n, u in _states(plan).items() if reader.has(n)}
        assert spec.targets != "all"
        return Arrays(
            forcing={n: reader.series(n, u) for n, u in declared.items()},
            attributes={n: reader.values(n, u) for n, u in names.items()},
            targets={
                n: reader.series(n, plan.outputs[n][1].units) for n in spec.targets
            },
            states={n: reader.series(n, u) for n, u in states.items()},
            units={n: reader.units(n) for n in names if reader.units(n)},
        )


class _File:
    """Variables of a NetCDF file in the units and under the names of a model."""

    def __init__(self, file: Any, path: Path, names: Mapping[str, str]) -> None:
        self.file, self.path, self.names = file, path, names

    def has(self, name: str) -> bool:
        return self.names.get(name, name) in self.file.variables

    def series(self, name: str, units: str) -> Array:
        """Return a variable whose first dimension is time."""
        values = self.values(name, units)
        variable = self.file[self.names.get(name, name)]
        if variable.dimensions[:1] != ("time",):
            raise DataError(
                f"{self.path}: variable {variable.name!r} has dimensions"
                f" {variable.dimensions}, expected 'time' first"
            )
        return values

    def values(self, name: str, units: str) -> Array:
        there = self.names.get(name, name)
        if not self.has(name):
            hint = suggestion(there, self.file.variables)
            raise DataError(f"{self.path}: no variable {there!r}{hint}")
        raw = np.ma.filled(self.file[there][:].astype(np.float64), np.nan)
        values: Array = np.asarray(raw, dtype=np.float64)
        file_units = self.units(name)
        if units == "1" or file_units == units:
            return values
        where = f"{self.path}: variable {there!r}"
        if not file_units:
            raise UnitsError(f"{where} has no units, expected what becomes {units!r}")
        try:
            return np.asarray(convert(values, file_units, units), dtype=np.float64)
        except UnitsError as error:
            raise UnitsError(f"{where}: {error}") from None

    def units(self, name: str) -> str:
        return str(getattr(self.file[self.names.get(name, name)], "units", ""))


def _attributes(plan: Plan) -> dict[str, str]:
    """Return the units of the attributes that a model must be given, by name."""
    return {a.name: a.units for a in plan.attributes if a.name not in plan.optional}


def _states(plan: Plan) -> dict[str, str]:
    """Return the units of all that the processes of a model remember, by name."""
    return {
        f"{part.name}.{state.name}": state.units
        for part in plan.processes
        for state in part.variables.states
    }
