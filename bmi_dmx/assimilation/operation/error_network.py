"""A network that expects the errors of another model, stepped beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...bundle import Bundle
from ...compose.part import Part
from ...errors import ConfigError, suggestion
from ...operate.attributes import own_attributes
from ...operate.ensemble import EnsembleRunner, mean_of
from ...operate.operation import Operation
from ...operate.runner import Runner
from ...operate.stages import stages
from ...units import convert
from .settings import ObservedQuantity

__all__ = ["FAR", "FAR_MISSED", "ErrorNetwork", "readings"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

FAR, FAR_MISSED = 15.0, 50.0
"""Standard deviations from the mean of its training beyond which a network is not
asked: of what it reads, and of errors, whose tails are heavy. In the training of the
bundle that is shipped the largest were 13.7 and 45.6."""

_PROCESS = "remaining_error"


class ErrorNetwork:
    """The network of a bundle of the process ``remaining_error``, at some places.

    It may be several, combined to one bundle whose answer is their mean.

    Parameters
    ----------
    bundle : Bundle
        What was learned.
    runner : Runner
        The model whose errors they are, at the same places.

    Attributes
    ----------
    reads : dict of str to str
        Units of what is read of the model, by its names.
    units : str
        Of what is observed.
    memory : dict of str to ndarray
        What it remembers, (width, place) by name; written to in place.

    Raises
    ------
    ConfigError
        When the bundle holds no such process, runs at other steps, or reads an
        attribute that the places of the model do not have.
    """

    def __init__(self, bundle: Bundle, runner: Runner) -> None:
        seconds, self._host, self._bundle = runner.operation.seconds, runner, bundle
        part, self._options = _expecting(bundle)
        try:
            operation = Operation(bundle, seconds, seconds)
        except ConfigError as error:
            raise ConfigError(f"remaining: bundle: {error}") from None
        names = tuple(f.name for f in part.variables.forcings)
        self._predicted, self._previous, self._missed, self._known = names[:4]
        units = {f.name: f.units for f in part.variables.forcings}
        self.reads = {name: units[name] for name in names[4:]}
        self.units = units[self._predicted]
        attributes = runner.parameters.attribute
        for name in operation.required:
            if name not in attributes:
                hint = suggestion(name, attributes)
                raise ConfigError(
                    f"remaining: bundle: {bundle.name!r} reads the attribute {name!r}, "
                    f"which the model is not given{hint}"
                )
        self._attributes = {n: attributes[n] for n in operation.required}
        blank = {name: np.full(len(runner.ids), np.nan) for name in operation.required}
        constants = own_attributes(
            operation.required, operation.plan.optional, operation.understood, blank,
            {}, runner.ids,
        )  # fmt: skip
        self._runner = Runner(stages(operation), runner.ids, constants, runner.clock)
        remembered = self._runner.memory_of_networks()
        self.memory = {name: array.T for name, array in remembered.items()}
        self._inputs = {n for one in operation.plan.networks for n in one.inputs}
        self._near = np.ones(len(runner.ids), dtype=np.bool_)
        self._ready = False

    def refuse_other_scale(
        self, name: str, units: str, observed: ObservedQuantity
    ) -> None:
        """Refuse a scale that is not the one on which errors were learned.

        Parameters
        ----------
        name : str
            What is observed.
        units : str
            Of it for the host.
        observed : ObservedQuantity
            How it is observed.

        Raises
        ------
        ConfigError
            When it is another, or units are.
        """
        options = self._options
        offset = 0.0 if observed.scale == "linear" else observed.error.absolute
        scale = (units, observed.scale, offset)
        expected = (options.get("units", "1"), options.get("scale", "linear"),
                    float(options.get("offset", 0.0)))  # fmt: skip
        if scale != expected:
            raise ConfigError(
                f"observed: {name}: remaining: bundle {self._bundle.name!r} learned "
                f"errors in {expected[0]!r}, scale {expected[1]!r}, absolute error "
                f"{expected[2]:g}; found {scale[0]!r}, {scale[1]!r}, {scale[2]:g}"
            )

    def parameterize(self) -> None:
        """Take over the attributes that the places have now."""
        parameters, near = self._runner.parameters, np.ones_like(self._near)
        for name, values in self._attributes.items():
            parameters.attribute[name][:] = values
            for moments in self._bundle.statistics.of(name):
                near &= _close(moments.standardized(values))
        parameters.pending = True
        self._near, self._ready = near, True

    def step(
        self,
        predicted: Array,
        previous: Array,
        missed: Array,
        others: Mapping[str, Array],
    ) -> tuple[Array, Mask]:
        """Return the errors that are expected of a step, and where they can be trusted.

        Parameters
        ----------
        predicted : ndarray
            (place,) what the model predicts for the step.
        previous : ndarray
            (place,) what it predicted for the one before; NaN where there was none.
        missed : ndarray
            (place,) its error a step before, on the scale; NaN where unknown.
        others : mapping of str to ndarray
            (place,) what is read besides, in the units of :attr:`reads`.
        """
        if not self._ready:
            self.parameterize()
        valid = np.isfinite(missed)
        inputs = {
            self._predicted: predicted,
            self._previous: np.where(np.isnan(previous), predicted, previous),
            self._missed: np.where(valid, missed, 0.0),
            self._known: valid.astype(float),
            **others,
        }
        usual, runner = self._near.copy(), self._runner
        for name, values in inputs.items():
            known_of = self._bundle.statistics.of(name) if name in self._inputs else ()
            limit = FAR_MISSED if name == self._missed else FAR
            for moments in known_of:
                here = _close(moments.standardized(values), limit)
                # What is remembered of it has to stay a number.
                values = np.where(here, values, moments.typical)
                usual &= here
            runner.forcing[name][:] = values
        runner.advance()
        error: Array = runner.output["remaining"].copy()
        return error, usual & np.isfinite(error)

    def go_on_from(self, other: ErrorNetwork) -> None:
        """Remember what another one of the same bundle does."""
        if not self._ready:
            self.parameterize()
        for name, array in self.memory.items():
            array[...] = other.memory[name]


def _close(deviations: Array, limit: float = FAR) -> Mask:
    with np.errstate(invalid="ignore"):
        close: Mask = np.abs(deviations) <= limit
    return close


def _expecting(bundle: Bundle) -> tuple[Part, Mapping[str, Any]]:
    """Return the part of a bundle that expects errors, and its options."""
    parts = bundle.manifest.model.get("parts") or {}
    entries = ((part, parts.get(part.name) or {}) for part in bundle.parts)
    matches = [
        (part, entry.get("options") or {})
        for part, entry in entries
        if entry.get("process") == _PROCESS
    ]
    if not matches:
        raise ConfigError(
            f"remaining: bundle: {bundle.name!r} has no part of process {_PROCESS!r}, "
            "expected a model that learned errors"
        )
    if any(options != matches[0][1] for _, options in matches):
        raise ConfigError(
            f"remaining: bundle: the models of {bundle.name!r} learned errors on "
            "different scales, or read different quantities"
        )
    return matches[0]


def readings(
    runner: Runner, target_units: Mapping[str, str]
) -> Callable[[], dict[str, Array]]:
    """Return a function that reads quantities of a model as they are now, (place,).

    Of an ensemble it is the mean of the members.

    Parameters
    ----------
    runner : Runner
        The model.
    target_units : mapping of str to str
        Units in which they are wanted, by name of a forcing, flux or state.

    Raises
    ------
    ConfigError
        When the model has no such quantity.
    """
    operation = runner.operation
    forcings = {f.name: f for f in operation.forcings}
    outputs = {
        buffer: variable
        for part in operation.plan.processes
        for variable in part.declared(operation.inner).outputs
        if (buffer := runner.stages.buffers.get((part.name, variable.name)))
    }
    units = {}
    for name in target_units:
        if name not in forcings and name not in runner.output:
            hint = suggestion(name, (*forcings, *runner.output))
            raise ConfigError(f"remaining: bundle: the model has no {name!r}{hint}")
        variable = forcings[name] if name in forcings else outputs[name]
        units[name] = operation.exchange(variable)[0]

    def value(name: str) -> Array:
        if name in forcings:
            return runner.forcing[name]
        if isinstance(runner, EnsembleRunner):
            return mean_of(runner.each(runner.members.output[name]))
        return runner.output[name]

    def read() -> dict[str, Array]:
        quantities = {}
        for name, to in target_units.items():
            values = value(name)
            if units[name] != to:
                values = np.asarray(convert(values, units[name], to))
            quantities[name] = values
        return quantities

    return read
