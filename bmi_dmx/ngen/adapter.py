"""A Python module behind BMI, called as the framework calls it.

Every function of a module is called in the framework's order and as often, whether or
not the answer is needed here: a module that fails in the framework fails here, too.
"""

from __future__ import annotations

import importlib
import logging
import math
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import (
    ConfigError,
    DmxError,
    ModuleError,
    UnitsError,
    VariableError,
    suggestion,
)
from ..units import convert
from .forcing import STEP
from .realization import PLACEHOLDER, Module

__all__ = ["Adapter", "import_class", "is_there", "no_file"]

Number = TypeVar("Number", int, float)

_log = logging.getLogger(__name__)

_WORDS = {
    np.float64: ("float64", "float", "np.float64", "numpy.float64"),
    np.float32: ("float32", "float", "np.float32", "numpy.float32"),
    np.int16: ("int16", "int"), np.int32: ("int32", "int"),
    np.int64: ("int64", "int", "longlong"),
}  # fmt: skip
_INPUT_TYPES: dict[tuple[str, int], Any] = {
    (word, kind().itemsize): kind for kind, words in _WORDS.items() for word in words
}
"""What the framework makes of a type and the size of its items."""
_OUTPUT_TYPES = {
    "float64": np.float64, "float32": np.float32, "float": np.float64, "int": np.int64,
}  # fmt: skip
_FIRST = np.zeros(1, np.int32)
"""The index of the one item, in the type in which the framework gives it."""


def import_class(module: Module) -> Callable[[], Any]:
    """Return the class of a Python module.

    Raises
    ------
    ConfigError
        When it cannot be imported; says what is wrong.
    """
    path = module.module_path
    if path:
        if not Path(path).is_dir():
            raise ConfigError(f"module_path: {path}: no such folder")
        if path not in sys.path:
            sys.path.append(path)
    package, _, name = module.python_type.rpartition(".")
    if not package:
        raise ConfigError(
            f"python_type: found {module.python_type!r}, expected package.Class"
        )
    try:
        found = getattr(importlib.import_module(package), name, None)
    except ImportError as error:
        raise ConfigError(
            f"python_type: {module.python_type!r} cannot be imported: {error}"
        ) from None
    except (Exception, SystemExit) as error:
        # Whatever its own code does then: a prompt, broken syntax, a missing file.
        kind = type(error).__name__
        raise ConfigError(
            f"python_type: {module.python_type!r} cannot be imported: its code raised "
            f"{kind}: {error}"
        ) from error
    if not callable(found):
        near = suggestion(name, [n for n in dir(sys.modules[package]) if n[0] != "_"])
        raise ConfigError(f"python_type: {package!r} has no class {name!r}{near}")
    made: Callable[[], Any] = found
    return made


def is_there(init_config: str) -> bool:
    """Return whether a module can be given a file; ``/dev/null`` will do for many."""
    path = Path(init_config)
    return path.exists() and not path.is_dir()


def no_file(init_config: str) -> str:
    """Return the message for a file that is not there, and what may be meant."""
    hint = ""
    if "\\" in init_config:
        hint = "; folders are parted by / wherever the framework runs"
    elif re.search(r"\{\{\s*id\s*\}\}", init_config, re.IGNORECASE):
        hint = f"; the name of the catchment is put in for {PLACEHOLDER} alone"
    return f"init_config: {init_config}: no such file{hint}"


class Adapter:
    """One Python module at one catchment.

    Parameters
    ----------
    module : Module
        Its part of the realization.
    catchment : str
        For messages.
    properties : mapping of str to number or text
        Columns of the catchment, for ``model_params`` that take them from there.
    warned : set of str
        What has been warned of already, shared by the catchments of a run: what is odd
        at one is odd at all.

    Attributes
    ----------
    model : object
        The module itself.
    inputs, outputs : tuple of str
        Its published names.
    seconds : float
        Seconds in one unit of its time.

    Raises
    ------
    ConfigError, ModuleError
        When it cannot be made, initialized or asked.
    """

    def __init__(
        self,
        module: Module,
        catchment: str,
        properties: Mapping[str, Any],
        warned: set[str],
    ) -> None:
        self.module, self.catchment = module, catchment
        self._warned = warned
        made = import_class(module)
        try:
            self.model = made()
        except (Exception, SystemExit) as error:
            raise self._failed("constructor", error) from error
        if not is_there(module.init_config):
            raise ConfigError(f"{catchment}: {no_file(module.init_config)}")
        self.ask("initialize", module.init_config)
        units = str(self.ask("get_time_units"))
        try:
            none, self.seconds = convert([0.0, 1.0], units, "s").tolist()
        except UnitsError as error:
            raise self._error(f"get_time_units: {error}") from None
        if none:
            raise self._error(
                f"get_time_units: found {units!r}, a date, expected such as 's'"
            )
        self._set_params(properties)
        self._started = self._whole("get_start_time")
        self.inputs, self.outputs = self._names("input"), self._names("output")
        both = set(self.inputs) & set(self.outputs)
        if both:
            raise self._error(f"{sorted(both)[0]!r} is both input and output")
        self._types: dict[str, tuple[int, Any]] = {}
        self._now = 0.0

    def _error(self, problem: str) -> ModuleError:
        return ModuleError(
            f"{self.catchment}: module {self.module.model_type_name!r}: {problem}"
        )

    def _failed(self, what: str, error: BaseException) -> DmxError:
        if isinstance(error, DmxError):
            # These say what is wrong; who it happened to is added.
            return type(error)(f"{self.catchment}: {what}: {error}")
        return self._error(f"{what} raised {type(error).__name__}: {error}")

    def ask(self, function: str, *args: Any, what: str = "") -> Any:
        """Return what a function of the module answers.

        Parameters
        ----------
        function : str
            Its name.
        *args : object
            What it is given.
        what : str
            What messages call it; by default its name.

        Raises
        ------
        DmxError
            When it is not there or raises, whatever that is.
        """
        try:
            return getattr(self.model, function)(*args)
        except (Exception, SystemExit) as error:
            raise self._failed(what or function, error) from error

    def number(
        self, function: str, kind: type[Number], *args: Any, what: str = ""
    ) -> Number:
        """Return a number that the module answers; otherwise as :meth:`ask`."""
        found = self.ask(function, *args, what=what)
        try:
            return kind(found)
        except (TypeError, ValueError, OverflowError):
            problem = f"{function} answers {found!r}, expected a number"
            raise self._error(f"{what}: {problem}" if what else problem) from None

    def _whole(self, function: str) -> int:
        """Return a time of the module in seconds, cut as the framework cuts it."""
        time = self.number(function, float)
        if not math.isfinite(time):
            raise self._error(f"{function} answers {time!r}, expected a number")
        return int(time * self.seconds)

    def _names(self, kind: str) -> tuple[str, ...]:
        count = self.number(f"get_{kind}_item_count", int)
        found = self.ask(f"get_{kind}_var_names")
        try:
            names = tuple(map(str, found))
        except TypeError:
            raise self._error(
                f"get_{kind}_var_names answers {found!r}, expected names"
            ) from None
        if count != len(names):
            raise self._error(
                f"get_{kind}_item_count answers {count}, but there are {len(names)} "
                f"names"
            )
        return names

    def own_output(self, name: str) -> str:
        """Return the module's name of an output that the framework may call another."""
        own = [n for n in self.outputs if n != name and self.module.mapped(n) == name]
        return name if name in self.outputs or not own else own[0]

    def warn(self, key: str, message: str) -> None:
        """Log a warning once for each key, whatever the catchment."""
        name = self.module.model_type_name
        if f"{name}: {key}" not in self._warned:
            self._warned.add(f"{name}: {key}")
            _log.warning("%s: module %r: %s", self.catchment, name, message)

    def _set_params(self, properties: Mapping[str, Any]) -> None:
        """Apply ``model_params``, in alphabetical order."""
        for name in sorted(self.module.model_params):
            # Asked for whatever the value is: a name that is not known ends a run.
            what = f"model_params: {name}"
            size = self.number("get_var_itemsize", int, name, what=what)
            total = self.number("get_var_nbytes", int, name, what=what)
            kind = self._type(what, name, size)
            values = self._param(name, self.module.model_params[name], properties)
            if values is None:
                continue
            if values.size < total // size:
                raise self._error(
                    f"{what}: found {values.size} values, expected {total // size}"
                )
            array = values[: total // size].astype(kind)
            try:
                self.model.set_value(name, array)
            except Exception as error:
                self.warn(name, f"parameter {name!r} was refused: {error}")

    def _type(self, what: str, name: str, size: int) -> Any:
        """Return the type of the items of an input."""
        kind = str(self.ask("get_var_type", name))
        if (kind, size) not in _INPUT_TYPES:
            raise self._error(f"{what}: type {kind!r} of {size} bytes is not known")
        return _INPUT_TYPES[kind, size]

    def _param(
        self, name: str, value: Any, properties: Mapping[str, Any]
    ) -> np.ndarray[Any, Any] | None:
        if isinstance(value, dict) and "source" in value:
            if value["source"] != "hydrofabric":
                raise self._error(
                    f"model_params: {name}: source: found {value['source']!r}, "
                    "expected 'hydrofabric'"
                )
            key = str(value.get("from", name))
            if key not in properties:
                self.warn(name, f"parameter {name!r}: no {key!r} in the hydrofabric")
                return None
            value = properties[key]
        items = value if isinstance(value, list) else [value]
        try:
            if any(isinstance(item, bool) for item in items):
                raise ValueError
            return np.array([float(item) for item in items])
        except (TypeError, ValueError):
            self.warn(name, f"parameter {name!r}: {value!r} is skipped: not a number")
            return None

    # One step

    def begin(self) -> int:
        """Return the time at which the next step begins, in seconds from the start.

        Raises
        ------
        ModuleError
            When the step would pass the end, or does not begin with an hour.
        """
        now = self.number("get_current_time", float)
        if not self.module.allow_exceed_end_time:
            end = self.number("get_end_time", float)
            if end * self.seconds < now * self.seconds + 3600.0:
                raise self._error(
                    f"a step from {now:g} would pass its end time {end:g}; "
                    "allow_exceed_end_time permits it"
                )
        elapsed = self._whole("get_current_time") - self._started
        self._now = now
        if elapsed % STEP:
            raise self._error(
                f"get_current_time answers {now!r}, {elapsed} s after its start: "
                "no hour begins there, and the forcing of two would be mixed"
            )
        return elapsed

    def refresh_inputs(self) -> tuple[str, ...]:
        """Return the names of the inputs, asked for at every step unless cached."""
        if not self.module.cache_input_variable_metadata:
            self.inputs = self._names("input")
        return self.inputs

    def input_units(self, name: str) -> str:
        """Return the units of an input, after all the framework asks before it."""
        if self.module.cache_input_variable_metadata and name in self._types:
            return str(self.ask("get_var_units", name))
        size = self.number("get_var_itemsize", int, name)
        units = self.ask("get_var_units", name)
        kind = self._type(f"input {name!r}", name, size)
        total = self.number("get_var_nbytes", int, name)
        self.ask("get_var_itemsize", name)
        count = total // size
        self._types[name] = (count, kind)
        return str(units)

    def give(self, name: str, value: float) -> None:
        """Set an input.

        Raises
        ------
        ModuleError
            When it has no room for one number, or for more.
        """
        for function in ("get_var_type", "get_var_nbytes", "get_var_itemsize"):
            self.ask(function, name)
        count, kind = self._types[name]
        if count != 1:
            raise self._error(f"input {name!r} has {count} items, expected 1")
        array = np.full(1, value).astype(kind)
        self.ask("set_value", name, array, what=f"set_value({name!r})")

    def advance(self) -> None:
        """Run one step of an hour."""
        hour = 3600.0 / self.seconds
        if self.number("get_time_step", float) == hour:
            self.ask("update")
        else:
            self.ask("update_until", self._now + hour)

    def read(self, name: str) -> tuple[float, str]:
        """Return an output and its units.

        Raises
        ------
        VariableError
            When the module does not publish it.
        """
        outputs = self._names("output")
        if name not in outputs:
            where = f"{self.catchment}: module {self.module.model_type_name!r}"
            hint = suggestion(name, outputs)
            raise VariableError(f"{where}: no output {name!r}{hint}")
        for _ in range(2):
            kind = str(self.ask("get_var_type", name))
            size = self.number("get_var_itemsize", int, name)
        self._names("input")
        self.ask("get_var_type", name)
        if kind not in _OUTPUT_TYPES or size != _OUTPUT_TYPES[kind]().itemsize:
            raise self._error(
                f"output {name!r}: type {kind!r} of {size} bytes is not known"
            )
        dest = np.zeros(1, dtype=_OUTPUT_TYPES[kind])
        what = f"get_value_at_indices({name!r})"
        # What it returns is not looked at: only what it writes counts.
        self.ask("get_value_at_indices", name, dest, _FIRST.copy(), what=what)
        units = self.ask("get_var_units", name)
        return float(dest[0]), str(units)

    def finalize(self) -> None:
        """End the module."""
        self.ask("finalize")
