"""A Python module behind BMI, called as the framework calls it.

Every function of a module is called in the framework's order and as often, whether or
not the answer is needed here: a module that fails in the framework fails here, too.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

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
from .functions import INPUT_TYPES, OUTPUT_TYPES, Functions
from .python_module import import_class, is_there, no_file
from .realization import Module

__all__ = ["Adapter"]

Number = TypeVar("Number", int, float)

_log = logging.getLogger(__name__)

_FIRST = np.zeros(1, np.int32)
"""The index of the one item, in the type in which the framework gives it."""


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
        constructor = import_class(module)
        try:
            self.model = constructor()
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
        self._functions = Functions(self.model)
        self.inputs, self.outputs = self._names("input"), self._names("output")
        both = set(self.inputs) & set(self.outputs)
        if both:
            raise self._error(f"{sorted(both)[0]!r} is both input and output")
        # How many items an input has, of what type; and what it said of itself then.
        self._types: dict[str, tuple[int, Any]] = {}
        self._said: dict[str, tuple[Any, Any, Any]] = {}
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

    def _fail(self, what: str, error: BaseException) -> NoReturn:
        raise self._failed(what, error) from error

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
        answer = self.ask(function, *args, what=what)
        return self._number(function, kind, answer, what)

    def _number(
        self, function: str, kind: type[Number], answer: Any, what: str = ""
    ) -> Number:
        """Return an answer as a number, as :meth:`number` does."""
        try:
            return kind(answer)
        except (TypeError, ValueError, OverflowError):
            problem = f"{function} answers {answer!r}, expected a number"
            raise self._error(f"{what}: {problem}" if what else problem) from None

    def _whole(self, function: str) -> int:
        """Return a time of the module in seconds, cut as the framework cuts it."""
        time = self.number(function, float)
        if not math.isfinite(time):
            raise self._error(f"{function} answers {time!r}, expected a number")
        return int(time * self.seconds)

    def _names(self, kind: str) -> tuple[str, ...]:
        listing = self._functions.listing[kind]
        what, then = listing.called
        try:
            answer = listing.count()
            what = then
            reply = listing.list()
        except (Exception, SystemExit) as error:
            self._fail(what, error)
        # The same tuple holds the same names.
        if reply is listing.known and answer == len(listing.names):
            return listing.names
        names = self._listed(kind, answer, reply)
        if type(reply) is tuple:
            listing.known, listing.names = reply, names
        return names

    def _listed(self, kind: str, answer: Any, reply: Any) -> tuple[str, ...]:
        """Return names that a module lists, as many as it counts."""
        count = self._number(f"get_{kind}_item_count", int, answer)
        try:
            names = tuple(map(str, reply))
        except TypeError:
            raise self._error(
                f"get_{kind}_var_names answers {reply!r}, expected names"
            ) from None
        if count != len(names):
            raise self._error(
                f"get_{kind}_item_count answers {count}, but there are {len(names)} "
                f"names"
            )
        return names

    def own_output(self, name: str) -> str:
        """Return the module's name of an output that the framework may call another."""
        names = [n for n in self.outputs if n != name and self.module.mapped(n) == name]
        return name if name in self.outputs or not names else names[0]

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
        return self._known_type(what, self.ask("get_var_type", name), size)

    def _known_type(self, what: str, answer: Any, size: int) -> Any:
        kind = str(answer)
        if (kind, size) not in INPUT_TYPES:
            raise self._error(f"{what}: type {kind!r} of {size} bytes is not known")
        return INPUT_TYPES[kind, size]

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

    # One step. Functions are called one after the other, and what each answers is
    # looked at closely where it is another than before: this runs for every catchment.

    def begin(self) -> int:
        """Return the time at which the next step begins, in seconds from the start.

        Raises
        ------
        ModuleError
            When the step would pass the end, or does not begin with an hour.
        """
        clock = self._functions.get_current_time
        try:
            first = clock()
        except (Exception, SystemExit) as error:
            self._fail("get_current_time", error)
        now = self._number("get_current_time", float, first)
        if not self.module.allow_exceed_end_time:
            end = self.number("get_end_time", float)
            if end * self.seconds < now * self.seconds + 3600.0:
                raise self._error(
                    f"a step from {now:g} would pass its end time {end:g}; "
                    "allow_exceed_end_time permits it"
                )
        try:
            second = clock()
        except (Exception, SystemExit) as error:
            self._fail("get_current_time", error)
        time = self._number("get_current_time", float, second)
        if not math.isfinite(time):
            raise self._error(f"get_current_time answers {time!r}, expected a number")
        elapsed = int(time * self.seconds) - self._started
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
        ask, what = self._functions, "get_var_units"
        try:
            if self.module.cache_input_variable_metadata and name in self._types:
                return str(ask.get_var_units(name))
            what = "get_var_itemsize"
            size = ask.get_var_itemsize(name)
            what = "get_var_units"
            units = ask.get_var_units(name)
            what = "get_var_type"
            kind = ask.get_var_type(name)
            what = "get_var_nbytes"
            total = ask.get_var_nbytes(name)
            what = "get_var_itemsize"
            ask.get_var_itemsize(name)
        except (Exception, SystemExit) as error:
            self._fail(what, error)
        metadata = size, kind, total
        if self._said.get(name) != metadata:
            one = self._number("get_var_itemsize", int, size)
            dtype = self._known_type(f"input {name!r}", kind, one)
            items = self._number("get_var_nbytes", int, total) // one
            self._types[name], self._said[name] = (items, dtype), metadata
        return str(units)

    def give(self, name: str, value: float) -> None:
        """Set an input.

        Raises
        ------
        ModuleError
            When it has no room for one number, or for more.
        """
        ask, what = self._functions, "get_var_type"
        try:
            ask.get_var_type(name)
            what = "get_var_nbytes"
            ask.get_var_nbytes(name)
            what = "get_var_itemsize"
            ask.get_var_itemsize(name)
        except (Exception, SystemExit) as error:
            self._fail(what, error)
        count, kind = self._types[name]
        if count != 1:
            raise self._error(f"input {name!r} has {count} items, expected 1")
        array = np.array([value])
        if kind is not np.float64:
            array = array.astype(kind)
        try:
            ask.set_value(name, array)
        except (Exception, SystemExit) as error:
            self._fail(f"set_value({name!r})", error)

    def advance(self) -> None:
        """Run one step of an hour."""
        ask, hour, what = self._functions, 3600.0 / self.seconds, "get_time_step"
        try:
            step = ask.get_time_step()
            if step == hour:
                what = "update"
                ask.update()
                return
        except (Exception, SystemExit) as error:
            self._fail(what, error)
        if self._number("get_time_step", float, step) == hour:
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
        ask, what = self._functions, "get_var_type"
        try:
            kind = ask.get_var_type(name)
            what = "get_var_itemsize"
            size = ask.get_var_itemsize(name)
            what = "get_var_type"
            ask.get_var_type(name)
            what = "get_var_itemsize"
            ask.get_var_itemsize(name)
            self._names("input")
            what = "get_var_type"
            ask.get_var_type(name)
        except DmxError:
            raise
        except (Exception, SystemExit) as error:
            self._fail(what, error)
        dest = self._room(name, kind, size)
        try:
            what = ""
            # What it returns is not looked at: only what it writes counts.
            ask.get_value_at_indices(name, dest, _FIRST.copy())
            what = "get_var_units"
            units = ask.get_var_units(name)
        except (Exception, SystemExit) as error:
            self._fail(what or f"get_value_at_indices({name!r})", error)
        return dest.item(), str(units)

    def _room(self, name: str, kind: Any, size: Any) -> np.ndarray[Any, Any]:
        """Return an array for one item of an output."""
        if kind == "float64" and size == 8:
            return np.zeros(1)
        one = self._number("get_var_itemsize", int, size)
        dtype = OUTPUT_TYPES.get(str(kind))
        if dtype is None or one != dtype().itemsize:
            raise self._error(
                f"output {name!r}: type {str(kind)!r} of {one} bytes is not known"
            )
        return np.zeros(1, dtype=dtype)

    def pointer(self, name: str) -> Any:
        """Return the values of a variable themselves, as a protocol asks for them."""
        ask, what = self._functions, "get_var_itemsize"
        try:
            ask.get_var_itemsize(name)
            what = "get_var_type"
            ask.get_var_type(name)
            what = "get_value_ptr"
            return ask.get_value_ptr(name)
        except (Exception, SystemExit) as error:
            self._fail(what, error)

    def finalize(self) -> None:
        """End the module."""
        self.ask("finalize")
