"""Models of whole fields: without memory, on levels, on grids of one column."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bmi_dmx.compose import Ensemble, Model, ModelSpec, Statistics
from bmi_dmx.conversion import convert
from bmi_dmx.process import Process, Stencil
from bmi_dmx.registries import processes
from bmi_dmx.space import Grid
from bmi_dmx.variables import Flux, Forcing, Parameter, State

STEPS, ROWS = 4, 3
DEEP: dict[str, Any] = {"axes": ("level",)}


class Density(Process):
    """Mass by area and depth, of cells of a grid; no memory."""

    time = "s"
    coupling = Stencil()
    forcings = (Forcing(name="mass", units="kg"),)
    parameters = (
        Parameter(name="depth", units="m", bounds=(0.5, 2.0), per="place"),
        Parameter(name="area", units="m2", source="space", measure="area"),
    )
    fluxes = (Flux(name="density", units="kg m-3"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {"density": f.mass / (p.area * p.depth)}


class Warming(Process):
    """Heat that is stored where it is released, on every level."""

    time = "s"
    coupling = Stencil()
    forcings = (Forcing(name="heating", units="K s-1", **DEEP),)
    states = (State(name="warmth", units="K", **DEEP),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {"warmth": s.warmth + f.heating}, {}


class Ageing(Process):
    """Time since the start, on every level; nothing is given to it."""

    time = "s"
    coupling = Stencil()
    states = (State(name="age", units="s", **DEEP),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {"age": s.age + 1.0}, {}


for _kind in (Density, Warming, Ageing):
    processes.register(f"made_{_kind.__name__.lower()}")(_kind)


def made(process: str, grid: Grid, *, maps: int = 0) -> Model:
    parts: dict[str, Any] = {"it": {"process": process}}
    if maps:
        depths = {"network": "maps", "options": {"places": maps}, "gives": "all"}
        parts = {"depths": depths, **parts}
    block = {"seconds": 1, "space": grid.to_dict(), "parts": parts}
    return Model(convert(block, ModelSpec), Statistics({})).double().eval()


def layered(columns: int = 2) -> Grid:
    return Grid.uniform((ROWS, columns), z_edges=[0.0, -1.0, -3.0])


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("gradient", [True, False])
def test_a_process_without_memory_is_its_step_at_every_time(
    columns: int, gradient: bool
) -> None:
    grid = Grid.uniform((ROWS, columns), spacing=(2.0, 5.0))
    model = made("made_density", grid, maps=ROWS * columns)
    mass = torch.rand(STEPS, ROWS, columns, dtype=torch.float64)
    with torch.no_grad():
        model.network("depths").network.output.bias.normal_()
    with torch.set_grad_enabled(gradient):
        ran = model.simulate({"mass": mass}, {}, outputs=["density", "depth"])
    depth = model.constant_parameters({})["depth"].reshape(ROWS, columns)
    torch.testing.assert_close(ran.outputs["density"], mass / (10.0 * depth))
    torch.testing.assert_close(ran.outputs["depth"], depth.expand_as(mass))


@pytest.mark.parametrize("size", [1, 3])
def test_a_forcing_may_have_levels(size: int) -> None:
    grid = layered()
    model = made("made_warming", grid)
    heating = torch.rand(STEPS, 2, ROWS, 2, dtype=torch.float64)
    total = heating.sum(0)
    ran = model.simulate({"heating": heating}, {})
    torch.testing.assert_close(ran.state["it.warmth"], total)
    together = Ensemble(model, size).simulate({"heating": heating}, {})
    torch.testing.assert_close(
        together.state["it.warmth"], total.expand(size, *total.shape)
    )


@pytest.mark.parametrize("batch", [(), (5,)])
def test_a_model_without_forcing_goes_on_from_a_state_on_levels(
    batch: tuple[int, ...],
) -> None:
    model = made("made_ageing", layered())
    first = model.simulate({}, {}, state=model.initial_state(batch), steps=2)
    second = model.simulate({}, {}, state=first.state, steps=3)
    assert second.state["it.age"].shape == (*batch, 2, ROWS, 2)
    assert (second.state["it.age"] == 5.0).all()
