"""Check and normalise what a scan is given, the same way for every backend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from ..errors import ScanError, suggestion
from ..process import Process
from ..program import entry_names
from ..variables import Forcing, Parameter, PerStep, State, in_step

__all__ = ["Arguments", "arrange", "per_day", "per_step"]

_LAYOUT = {
    Forcing: "(time, location) or (time, location, member)",
    Parameter: "a number, (location, member) or (time, location, member)",
    State: "(location, member)",
}


@dataclass(frozen=True)
class Arguments:
    """A scan's tensors in canonical form, all quantities per step.

    ``state`` holds one (location, member) tensor per entry; ``forcing`` is
    (time, location, member or 1), and ``parameters`` is (location, member or 1) or
    (time, location, member or 1), by input name of the step program.
    """

    process: str
    state: dict[str, Tensor]
    forcing: dict[str, Tensor]
    parameters: dict[str, Tensor]
    outputs: tuple[str, ...]
    steps: int
    warmup: int
    shape: tuple[int, int]
    average: bool

    def tensors(self) -> Iterable[Tensor]:
        """Return every input tensor."""
        groups = (self.state, self.forcing, self.parameters)
        return chain.from_iterable(group.values() for group in groups)

    def refuse_not_finite(self) -> None:
        """Raise :class:`ScanError` naming the first value that is NaN or infinite."""
        groups = {
            "state": self.state,
            "forcing": self.forcing,
            "parameter": self.parameters,
        }
        for what, group in groups.items():
            for name, x in group.items():
                bad = (~x.detach().isfinite()).nonzero()
                if len(bad):
                    axes = ("time", "location", "member")[-x.ndim :]
                    at = zip(axes, bad[0].tolist(), x.shape, strict=True)
                    where = ", ".join(f"{axis} {i}" for axis, i, n in at if n > 1)
                    raise ScanError(
                        f"{self.process}: {what} {name[2:]!r} is not finite at "
                        f"{where}; fill or mask it before the scan"
                    )

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of every tensor."""
        return next(iter(self.tensors())).dtype

    @property
    def device(self) -> torch.device:
        """Device of every tensor."""
        return next(iter(self.tensors())).device


def per_step(x: Tensor, rule: PerStep, dt: float) -> Tensor:
    """Return a quantity given per day as the quantity of one step of ``dt`` days."""
    return in_step(x, rule, dt, torch.expm1, torch.log1p)


def per_day(x: Tensor, rule: PerStep, dt: float) -> Tensor:
    """Return a flux of one step of ``dt`` days as a quantity per day."""
    return x / dt if rule == "rate" and dt != 1.0 else x


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
) -> Arguments:
    """Check the arguments of :func:`bmi_dmx.scan.scan` and return them arranged."""
    if not isinstance(process, Process):
        raise ScanError(f"expected a process, such as Hbv(), found {process!r:.80}")
    if process.coupling != "none":
        raise ScanError(
            f"{process.name}: coupling {process.coupling!r} is not supported, "
            "only 'none'"
        )
    if not dt > 0.0:
        raise ScanError(f"{process.name}: dt must be positive (days), found {dt}")
    gather = _Gather(process, dt)
    drivers = gather.group("forcing", forcing, process.forcings, "f")
    coefficients = gather.group("parameter", parameters, process.parameters, "p")
    stores = gather.group("state", state or {}, process.states, "s")
    gather.finish(warmup)
    grid = (gather.locations, gather.members)
    return Arguments(
        process=process.name,
        state={n: gather.widen(x).expand(grid) for n, x in stores.items()},
        forcing={n: gather.widen(x) for n, x in drivers.items()},
        parameters={n: _in_memory(gather.widen(x)) for n, x in coefficients.items()},
        outputs=_outputs(process, outputs),
        steps=gather.steps,
        warmup=warmup,
        shape=grid,
        average=average,
    )


class _Gather:
    """Collects tensors, finding out the sizes of time, location and member."""

    def __init__(self, process: Process, dt: float) -> None:
        self.process = process
        self.dt = dt
        self.steps = self.locations = self.members = 1
        self._like: Tensor | None = None
        self._sizes: dict[str, tuple[int, str]] = {}

    def group(
        self,
        what: str,
        given: Mapping[str, Tensor | float],
        declared: Sequence[Forcing | State | Parameter],
        prefix: str,
    ) -> dict[str, Tensor]:
        """Return the tensors of one kind by program input name."""
        known = [v.name for v in declared]
        for name in given:
            if name not in known:
                hint = suggestion(name, known)
                raise self._error(f"unknown {what} {name!r}{hint}")
        found: dict[str, Tensor] = {}
        for variable in declared:
            default = getattr(variable, "default", getattr(variable, "initial", None))
            value = given.get(variable.name, default)
            if value is None:
                raise self._error(f"{what} {variable.name!r} is missing")
            tensor = per_step(
                self._tensor(what, variable, value), variable.per_step, self.dt
            )
            names = entry_names(prefix, variable)
            if len(names) == 1:
                found[names[0]] = tensor
            else:
                found.update(zip(names, tensor.unbind(0), strict=True))
        return found

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
                    f"{_LAYOUT[type(v)]}"
                )
            x = self._like.new_full((1, 1), float(value))
            return x if size == 1 else x.expand(size, 1, 1)
        value = value.resolve_neg()
        if not value.is_floating_point():
            raise self._error(f"{where} must be floating point, found {value.dtype}")
        if self._like is None:
            self._like = value
        if (value.dtype, value.device) != (self._like.dtype, self._like.device):
            raise self._error(
                f"{where} is {value.dtype} on {value.device}, the forcing is "
                f"{self._like.dtype} on {self._like.device}"
            )
        if value.ndim == 0 and size == 1 and not isinstance(v, Forcing):
            return value.reshape(1, 1)
        return self._shaped(where, v, size, value)

    def _shaped(self, where: str, v: object, size: int, x: Tensor) -> Tensor:
        dims = x.ndim - (size > 1)
        allowed = {Forcing: (2, 3), Parameter: (2, 3), State: (2,)}[type(v)]
        if dims not in allowed or (size > 1 and x.shape[0] != size):
            lead = f"{size} × " if size > 1 else ""
            raise self._error(
                f"{where} has shape {tuple(x.shape)}; expected {lead}{_LAYOUT[type(v)]}"
            )
        if isinstance(v, Forcing) and dims == 2:
            x = x.unsqueeze(-1)
            dims = 3
        self._meet("member", x.shape[-1], where)
        self._meet("location", x.shape[-2], where)
        if dims == 3:
            self._meet("time", x.shape[-3], where)
        return x

    def _meet(self, axis: str, size: int, where: str) -> None:
        if size == 0:
            raise self._error(f"{where} has no {axis}s")
        if size == 1 and axis != "time":
            return
        seen, first = self._sizes.setdefault(axis, (size, where))
        if seen != size:
            raise self._error(f"{where} has {size} {axis}s, {first} has {seen}")

    def finish(self, warmup: int) -> None:
        """Fix the sizes once everything was seen."""
        self.steps = self._sizes.get("time", (1, ""))[0]
        self.locations = self._sizes.get("location", (1, ""))[0]
        self.members = self._sizes.get("member", (1, ""))[0]
        if not 0 <= warmup < self.steps:
            raise self._error(
                f"warmup must be at least 0 and below the {self.steps} steps of the "
                f"forcing, found {warmup}"
            )

    def widen(self, x: Tensor) -> Tensor:
        """Return a tensor whose location axis has full size."""
        return x if x.shape[-2] == self.locations else x.expand(
            *x.shape[:-2], self.locations, x.shape[-1]
        )  # fmt: skip


def _in_memory(x: Tensor) -> Tensor:
    """Return a series whose steps are numbers of their own, each with its gradient."""
    repeats = x.ndim == 3 and x.shape[0] > 1 and x.stride(0) == 0
    return x.contiguous() if repeats else x


def _outputs(process: Process, outputs: Sequence[str] | None) -> tuple[str, ...]:
    if isinstance(outputs, str):
        raise ScanError(f"{process.name}: outputs: expected names, found {outputs!r}")
    names = [flux.name for flux in process.fluxes]
    stores = [state.name for state in process.states if state.size == 1]
    wanted = names if outputs is None else list(dict.fromkeys(outputs))
    for name in wanted:
        if name not in names and name not in stores:
            hint = suggestion(name, [*names, *stores])
            raise ScanError(f"{process.name}: unknown output {name!r}{hint}")
    return tuple(f"q.{n}" if n in names else f"s.{n}" for n in wanted)
