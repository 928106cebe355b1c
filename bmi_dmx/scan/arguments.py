"""Check and normalise what a scan is given, the same way for every backend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from ..errors import ScanError, suggestion
from ..process import Process, Stencil, Upstream
from ..program import entry_names
from ..space import Grid
from ..variables import Forcing, Parameter, PerStep, State, in_step
from .axes import Axes, Fields, Places

__all__ = [
    "Arguments",
    "ScanInputs",
    "arrange",
    "measured",
    "optional_entries",
    "per_step",
    "per_time",
    "refuse_not_finite",
    "timed",
]


@dataclass(frozen=True)
class Arguments:
    r"""A scan's tensors in canonical form, all quantities per step.

    By input name of the step program. Of places, a state is (place, member), a forcing
    (time, place, member or 1), a parameter (place, member or 1) or (time, place, member
    or 1). Of whole fields, a state is (\*batch, \*field); forcings, after their axis
    of time, and parameters broadcast against that.

    Parameters
    ----------
    process : str
        Name of the process, for messages.
    state, forcing, parameters : dict of str to Tensor
        One tensor per entry.
    varying : tuple of str
        Parameters that have an axis of time.
    optional : tuple of str
        Parameters that may be NaN.
    outputs : tuple of str
        What is recorded, ``q.<flux>`` or ``s.<state>``.
    steps, warmup : int
        Number of steps, and how many of them come first and are not recorded.
    shape : tuple of int
        (place, member), or the batch axes of fields.
    average : bool
        Record the mean over members.
    gradient, forcing_gradient : bool
        Whether autograd will ask for the gradient of any input, and of a forcing.
    fields : dict of str to tuple of int
        What follows ``shape`` in states ``s.…`` and fluxes ``q.…``; nothing for places.
    factors : dict of str to float
        Of forcings that stand per unit of time yet: from there to one step.
    """

    process: str
    state: dict[str, Tensor]
    forcing: dict[str, Tensor]
    parameters: dict[str, Tensor]
    varying: tuple[str, ...]
    optional: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: int
    warmup: int
    shape: tuple[int, ...]
    average: bool
    gradient: bool
    forcing_gradient: bool
    fields: dict[str, tuple[int, ...]] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)

    def in_steps(self) -> Arguments:
        """Return them with all forcings per step."""
        if not self.factors:
            return self
        forcing = {
            n: x * self.factors[n] if n in self.factors else x
            for n, x in self.forcing.items()
        }
        return replace(self, forcing=forcing, factors={})

    def tensors(self) -> Iterable[Tensor]:
        """Return every input tensor."""
        groups = (self.state, self.forcing, self.parameters)
        return chain.from_iterable(group.values() for group in groups)

    def shape_of(self, name: str) -> tuple[int, ...]:
        """Return the shape that a state or flux has at one step."""
        return (*self.shape, *self.fields.get(name, ()))

    def refuse_not_finite(self) -> None:
        """Raise :class:`ScanError` naming the first value that is NaN or infinite."""
        refuse_not_finite(
            self.process, self.state, self.forcing, self.parameters,
            optional=self.optional, fields=bool(self.fields),
        )  # fmt: skip

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of every tensor."""
        return next(iter(self.tensors())).dtype

    @property
    def device(self) -> torch.device:
        """Device of every tensor."""
        return next(iter(self.tensors())).device


def refuse_not_finite(
    process: str,
    state: Mapping[str, Tensor],
    forcing: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    *,
    optional: Sequence[str],
    fields: bool = False,
) -> None:
    """Raise :class:`ScanError` naming the first value that is NaN or infinite.

    Parameters
    ----------
    process : str
        Name of the process.
    state, forcing, parameters : mapping of str to Tensor
        As in :class:`Arguments`.
    optional : sequence of str
        Parameters that may be NaN.
    fields : bool
        Whether they are whole fields.
    """
    required = {n: x for n, x in parameters.items() if n not in optional}
    groups = {"state": state, "forcing": forcing, "parameter": required}
    for what, group in groups.items():
        for name, x in group.items():
            bad = (~x.detach().isfinite()).nonzero()
            if len(bad):
                where = _where(x, bad[0].tolist(), what == "forcing", fields)
                raise ScanError(
                    f"{process}: {what} {name[2:]!r} is not finite at {where}; fill or "
                    "mask it before the scan"
                )


def _where(x: Tensor, index: list[int], series: bool, fields: bool) -> str:
    """Return where a value stands, in words."""
    axes = ["time", "place", "member"][-x.ndim :]
    if fields:
        axes = ["time"][: int(series)]
        axes += [f"axis {k}" for k in range(x.ndim - len(axes))]
    at = zip(axes, index, x.shape, strict=True)
    return ", ".join(f"{axis} {i}" for axis, i, n in at if n > 1) or "all of it"


def per_step(x: Tensor, rule: PerStep, dt: float) -> Tensor:
    """Return a quantity given per unit of time as that of one step of ``dt`` units."""
    return in_step(x, rule, dt, torch.expm1, torch.log1p)


def per_time(x: Tensor, rule: PerStep, dt: float) -> Tensor:
    """Return a flux of one step of ``dt`` units of time as it is reported."""
    return x / dt if rule == "rate" and dt != 1.0 else x


def timed(process: Process, dt: float) -> Process:
    """Return the process for steps of ``dt`` units of its time."""
    if not isinstance(process, Process):
        raise ScanError(f"expected a process, such as Hbv(), found {process!r:.80}")
    if not dt > 0.0:
        unit = {"1": "without units"}.get(process.time, f"in {process.time}")
        raise ScanError(f"{process.name}: dt must be positive ({unit}), found {dt}")
    return process.at(dt)


def arrange(
    process: Process,
    state: Mapping[str, Tensor] | None,
    forcing: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor | float],
    *,
    dt: float,
    outputs: Sequence[str] | None,
    warmup: int,
    average: bool,
    steps: int | None,
) -> Arguments:
    """Check the arguments of :func:`bmi_dmx.scan.scan` and return them arranged.

    Parameters
    ----------
    process : Process
        The process at ``dt``.
    state, forcing, parameters, dt, outputs, warmup, average, steps
        As for the scan.
    """
    fields = isinstance(process.coupling, Stencil)
    if fields and average:
        raise ScanError(f"{process.name}: average: whole fields have no members")
    axes: Axes = (Fields if fields else Places)(process)
    inputs = ScanInputs(process, dt, axes, (forcing, parameters, state or {}))
    # Kernels of trees bring series into an order of their own, and to steps with that.
    factors: dict[str, float] | None = (
        {} if isinstance(process.coupling, Upstream) else None
    )
    drivers = inputs.group("forcing", forcing, process.forcings, "f", factors)
    coefficients = inputs.parameters(parameters)
    stores = inputs.group("state", state or {}, process.states, "s")
    axes.finish(steps)
    if not 0 <= warmup < axes.steps:
        raise ScanError(
            f"{process.name}: warmup must be at least 0 and below the {axes.steps} "
            f"steps, found {warmup}"
        )
    differentiable = torch.is_grad_enabled()
    forced = differentiable and _any_requires_grad(drivers)
    varying = tuple(n for n, x in coefficients.items() if axes.varies(x))
    widened = {n: axes.widen(x) for n, x in coefficients.items()}
    return Arguments(
        process=process.name,
        state={n: axes.full(n, x) for n, x in stores.items()},
        forcing={n: axes.widen(x) for n, x in drivers.items()},
        parameters={**widened, **{n: _in_memory(widened[n]) for n in varying}},
        varying=varying,
        optional=optional_entries(process),
        outputs=_outputs(process, outputs),
        steps=axes.steps,
        warmup=warmup,
        shape=axes.shape,
        average=average,
        gradient=forced
        or (differentiable and _any_requires_grad({**coefficients, **stores})),
        forcing_gradient=forced,
        fields=axes.fields,
        factors=factors or {},
    )


def optional_entries(process: Process) -> tuple[str, ...]:
    """Return the inputs of the step that may be NaN."""
    optional = (p for p in process.step_parameters if p.optional)
    return tuple(chain.from_iterable(entry_names("p", p) for p in optional))


def measured(process: Process, parameter: Parameter, like: Tensor) -> Tensor:
    """Return what the grid of a process tells of a parameter.

    Parameters
    ----------
    process : Process
        In its space.
    parameter : Parameter
        With ``source="space"``.
    like : Tensor
        Of the type and device that the field is to have.

    Raises
    ------
    ScanError
        When the process is on no grid.
    """
    space = process.space
    if not isinstance(space, Grid):
        raise ScanError(
            f"{process.name}: parameter {parameter.name!r}: only a grid tells its "
            f"{parameter.measure!r}, found {space!r:.60}"
        )
    array = space.measure(parameter.measure, parameter.at, parameter.axes)
    return torch.from_numpy(array).to(like)


class ScanInputs:
    """What a scan is given, checked against what its process declares."""

    def __init__(
        self,
        process: Process,
        dt: float,
        axes: Axes,
        groups: Iterable[Mapping[str, Tensor | float]],
    ) -> None:
        self.process = process
        self.dt = dt
        self.axes = axes
        self._like: Tensor | None = None
        self._first = ""
        for name, x in chain.from_iterable(group.items() for group in groups):
            if isinstance(x, Tensor):
                self._first, self._like = name, x
                break

    def group(
        self,
        what: str,
        tensors: Mapping[str, Tensor | float],
        declared: Sequence[Forcing | State | Parameter],
        prefix: str,
        factors: dict[str, float] | None = None,
    ) -> dict[str, Tensor]:
        """Return the tensors of one kind, per step, by program input name.

        Rates are left as they are where there are ``factors``, which take in what they
        have to be multiplied by.
        """
        entries: dict[str, Tensor] = {}
        for variable, x in self._checked(what, tensors, declared):
            names = entry_names(prefix, variable)
            if factors is not None and variable.per_step == "rate":
                tensor = x
                factors |= dict.fromkeys(names, self.dt)
            else:
                tensor = per_step(x, variable.per_step, self.dt)
            if len(names) == 1:
                entries[names[0]] = tensor
            else:
                entries.update(zip(names, tensor.unbind(0), strict=True))
        return entries

    def parameters(self, tensors: Mapping[str, Tensor | float]) -> dict[str, Tensor]:
        """Return what the step sees of the parameters, prepared where they have to."""
        process = self.process
        declared = {p.name for p in process.parameters}
        prepared = {p.name for p in process.prepared}
        if prepared and (prepared == declared or prepared != tensors.keys()):
            checked = self._checked("parameter", tensors, process.parameters)
            values = SimpleNamespace(**{p.name: x for p, x in checked})
            process.refuse(values)
            tensors = process.prepare(values)
        return self.group("parameter", tensors, process.step_parameters, "p")

    def _checked(
        self,
        what: str,
        tensors: Mapping[str, Tensor | float],
        declared: Sequence[Forcing | State | Parameter],
    ) -> Iterable[tuple[Forcing | State | Parameter, Tensor]]:
        """Yield every variable with its tensor, as given or by default."""
        names = [v.name for v in declared]
        for name in tensors:
            if name not in names:
                hint = suggestion(name, names)
                raise self._error(f"unknown {what} {name!r}{hint}")
        coupling = self.process.coupling
        linked = coupling.links if isinstance(coupling, Upstream) else ()
        for variable in declared:
            default = getattr(variable, "default", getattr(variable, "initial", None))
            value = tensors.get(variable.name, default)
            if value is None and getattr(variable, "source", "") == "space":
                assert isinstance(variable, Parameter)
                if self._like is None:
                    raise self._error("expected at least one tensor, found none")
                value = measured(self.process, variable, self._like)
            if value is not None:
                yield variable, self._tensor(what, variable, value)
            elif what != "forcing" or variable.name not in linked:
                raise self._error(f"{what} {variable.name!r} is missing")

    def _error(self, message: str) -> ScanError:
        return ScanError(f"{self.process.name}: {message}")

    def _tensor(
        self, what: str, v: Forcing | State | Parameter, value: Tensor | float
    ) -> Tensor:
        size = getattr(v, "size", 1)
        where = f"{what} {v.name!r}"
        if not isinstance(value, Tensor):
            number = isinstance(value, (int, float, np.integer, np.floating))
            if self._like is None or not number or isinstance(v, Forcing):
                raise self._error(
                    f"{where}: found {value!r:.60}, expected a tensor, "
                    f"{self.axes.layout(v)}"
                )
            return self.axes.number(self._like.new_full((), float(value)), size)
        if not value.is_floating_point():
            raise self._error(f"{where} must be floating point, found {value.dtype}")
        like = self._like
        if like is not None and (value.dtype, value.device) != (
            like.dtype,
            like.device,
        ):
            raise self._error(
                f"{where} is {value.dtype} on {value.device}, {self._first!r} is "
                f"{like.dtype} on {like.device}"
            )
        if value.ndim == 0 and size == 1 and not isinstance(v, Forcing):
            return self.axes.number(value, size)
        return self.axes.arranged(where, v, value)


def _any_requires_grad(tensors: Mapping[str, Tensor]) -> bool:
    return any(x.requires_grad for x in tensors.values())


def _in_memory(x: Tensor) -> Tensor:
    """Return a series whose steps are numbers of their own, each with its gradient."""
    repeats = x.shape[0] > 1 and x.stride(0) == 0
    return x.contiguous() if repeats else x


def _outputs(process: Process, outputs: Sequence[str] | None) -> tuple[str, ...]:
    if isinstance(outputs, str):
        raise ScanError(f"{process.name}: outputs: expected names, found {outputs!r}")
    names = [flux.name for flux in process.fluxes]
    stores = [state.name for state in process.states if state.size == 1]
    targets = names if outputs is None else list(dict.fromkeys(outputs))
    for name in targets:
        if name not in names and name not in stores:
            hint = suggestion(name, [*names, *stores])
            raise ScanError(f"{process.name}: unknown output {name!r}{hint}")
    return tuple(f"q.{n}" if n in names else f"s.{n}" for n in targets)
