"""The series that scans are measured on: made-up weather and parameters for HBV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..models.hydrology.hbv import Hbv11p
from ..process import Process
from ..scan import scan

__all__ = ["DYNAMIC", "MEMBERS", "STEPS", "Problem", "Run", "scan_with"]

STEPS, MEMBERS = 730, 16
DYNAMIC = ("beta", "k0", "betaet")
"""Parameters that are given per step in the dynamic cases."""


@dataclass(frozen=True)
class Problem:
    """Two years, or some, of HBV 1.1p at some locations, in float32.

    Parameters
    ----------
    process : Process
        HBV 1.1p.
    forcing : dict of str to Tensor
        (time, location).
    parameters : dict of str to Tensor
        (location, member) or (time, location, member), inside their bounds; their
        gradient is asked for.
    warmup : int
        First steps without gradient.
    """

    process: Process
    forcing: dict[str, Tensor]
    parameters: dict[str, Tensor]
    warmup: int = 0

    @classmethod
    def of(
        cls,
        locations: int,
        *,
        dynamic: bool = False,
        steps: int = STEPS,
        members: int = MEMBERS,
        warmup: int = 0,
    ) -> Problem:
        """Return a problem of a size; the same numbers each time."""
        random = torch.Generator().manual_seed(0)
        process = Hbv11p()

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return low + (high - low) * torch.rand(shape, generator=random)

        day = torch.arange(steps)[:, None]
        season = torch.sin(2.0 * torch.pi * day / 365.25)
        rain = uniform(-15.0, 15.0, steps, locations).clamp(min=0.0)
        forcing = {
            "precipitation": rain,
            "air_temperature": 8.0 - 10.0 * season + uniform(-5, 5, steps, locations),
            "potential_evaporation": 2.0 - 1.5 * season.expand(steps, locations),
        }
        parameters = {}
        for p in process.parameters:
            assert p.bounds is not None
            lead = (steps,) if dynamic and p.name in DYNAMIC else ()
            values = uniform(*p.bounds, *lead, locations, members)
            parameters[p.name] = values.requires_grad_()
        return cls(process, forcing, parameters, warmup)

    @property
    def steps(self) -> int:
        """Number of steps, warm-up included."""
        return self.forcing["precipitation"].shape[0]

    @property
    def locations(self) -> int:
        """Number of locations."""
        return self.forcing["precipitation"].shape[1]

    @property
    def members(self) -> int:
        """Number of members."""
        return self.parameters["fc"].shape[-1]

    @property
    def dynamic(self) -> bool:
        """Whether some parameters are given per step."""
        return self.parameters[DYNAMIC[0]].ndim == 3

    @property
    def cell_steps(self) -> int:
        """Number of times a member at a location is stepped."""
        return self.steps * self.locations * self.members

    def sizes(self) -> dict[str, str | int | float | None]:
        """Return what a record tells about the problem."""
        return {
            "process": self.process.name,
            "parameters": "dynamic" if self.dynamic else "static",
            "locations": self.locations,
            "steps": self.steps,
            "warmup": self.warmup,
            "members": self.members,
            "dtype": "float32",
            "threads": torch.get_num_threads(),
        }

    def on(self, device: str) -> Problem:
        """Return the same problem on another device."""
        parameters = {
            n: x.detach().to(device).requires_grad_()
            for n, x in self.parameters.items()
        }
        forcing = {n: x.to(device) for n, x in self.forcing.items()}
        return replace(self, forcing=forcing, parameters=parameters)

    def backward(self, runoff: Tensor) -> None:
        """Run the backward pass of the sum of the runoff; keep no gradient."""
        torch.autograd.grad(runoff.sum(), list(self.parameters.values()))


Run = Callable[[Problem], Tensor]
"""Runs a problem; returns the runoff averaged over members, (time, location)."""


def scan_with(backend: str) -> Run:
    """Return what runs a problem by :func:`bmi_dmx.scan` on a backend."""

    def run(problem: Problem) -> Tensor:
        result = scan(
            problem.process, None, problem.forcing, problem.parameters,
            outputs=["runoff"], warmup=problem.warmup, average=True, backend=backend,
        )  # fmt: skip
        return result.outputs["runoff"]

    return run
