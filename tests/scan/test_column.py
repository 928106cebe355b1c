"""Kernels of a column of the ocean have the numbers and gradients of the loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.models.ocean.column import Column
from bmi_dmx.models.ocean.column_declarations import Surface, numbered
from bmi_dmx.scan import cells, scan
from tests.kernels.on_host import needs_compiler
from tests.scan.cases import Case, some_case

LEVELS = (5.0, 5.0, 8.0, 13.0, 20.0)
PROFILES = {
    "temperature": (18.0, -0.8, 0.3), "salinity": (34.0, 0.05, 0.02),
    "x_velocity": (0.2, -0.05, 0.02), "y_velocity": (0.0, 0.0, 0.02),
}  # fmt: skip
"""At the surface, what a level adds, and by how much places and members differ."""
USUAL = {
    "stress_x": 0.1, "stress_y": 0.02, "heat": -60.0, "light": 150.0, "wind_x": 7.0,
    "wind_y": 2.0, "air_temperature": 288.0, "dew_point": 284.0,
    "air_pressure": 101500.0, "cloud_cover": 0.4, "day_of_year": 120.0,
}  # fmt: skip
GAINS = {"heat_gained": 4e6 * 51 * 20, "salt_gained": 1.0 * 51 * 35}
"""What the numbers are of that gains are the differences of."""
TOLERANCE = 1e-9
"""Convection sets in within 1e-8 s-2, of stabilities known to 1e-17 s-2."""
LEAST = 1e-2
"""Size below which numbers and gradients count as this large: some all but cancel."""


def water(surface: Surface, steps: int, locations: int, members: int) -> Case:
    """Return stratified water under usual weather, with parameters of all kinds."""
    process = Column({"thickness": LEVELS, "surface": surface})
    case = some_case(
        process, steps=steps, locations=locations, members=members, varying=3,
        gradient=True,
    )  # fmt: skip
    rng = np.random.default_rng(steps)

    def leaf(x: np.ndarray) -> Tensor:
        return torch.from_numpy(x).requires_grad_()

    for what, (top, more, apart) in PROFILES.items():
        for k, name in enumerate(numbered(what, len(LEVELS))):
            noise = rng.uniform(-apart, apart, (locations, members))
            case.state[name] = leaf(top + k * more + noise)
    for name in case.forcing:
        factor = rng.uniform(0.8, 1.2, (steps, locations))
        if name in ("air_temperature", "dew_point", "air_pressure"):
            factor = 1.0 + 0.01 * (factor - 1.0)
        case.forcing[name] = leaf(USUAL[name] * factor)
    return case


def found(case: Case, backend: str) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Return states and series, and the gradients of all but the gains."""
    ran = scan(
        case.process, case.state, case.forcing, case.parameters, dt=1.0,
        backend=backend, average=True,
    )  # fmt: skip
    every = {**ran.state, **ran.outputs}
    array = torch.cat([x.reshape(-1) for n, x in every.items() if n not in GAINS])
    slopes = torch.autograd.grad(
        array, case.leaves(), torch.linspace(0.5, 2.0, len(array), dtype=array.dtype),
        allow_unused=True, materialize_grads=True,
    )  # fmt: skip
    return every, list(slopes)


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """No turns, of which bits do not depend (tests/scan/test_turns.py)."""
    monkeypatch.setattr(cells, "ABREAST", (1,))


@needs_compiler
@pytest.mark.usefixtures("on_host", "one_by_one")
@pytest.mark.parametrize("backend", ["cells", "cuda"])
@pytest.mark.parametrize("surface", ["fluxes", "weather"])
@pytest.mark.parametrize("size", [(1, 1, 1), (7, 5, 3), (20, 5, 16)], ids=str)
def test_the_kernel_equals_the_loop(
    size: tuple[int, int, int], surface: Surface, backend: str
) -> None:
    case = water(surface, *size)
    (ours, slopes), (loop, expected) = (found(case, b) for b in (backend, "reference"))
    assert ours.keys() == loop.keys()
    pairs = [(x, loop[n], GAINS.get(n)) for n, x in ours.items()]
    pairs += [(x, y, None) for x, y in zip(slopes, expected, strict=True)]
    for x, y, scale in pairs:
        largest = max(float(y.detach().abs().max()), LEAST)
        allowed = 1e-13 * scale if scale else TOLERANCE * largest
        assert float((x - y).detach().abs().max()) <= allowed
