"""Parameters that follow from the space are found by themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.compose.parts import make_parts
from bmi_dmx.compose.plan import plan
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError, ScanError
from bmi_dmx.process import Process, Stencil
from bmi_dmx.registries import processes
from bmi_dmx.scan import scan
from bmi_dmx.space import Grid, Ring
from bmi_dmx.variables import Parameter, State


@processes.register("filling")
class Filling(Process):
    """A store that takes in by the area of its cell."""

    time = "s"
    coupling = Stencil()
    states = (State(name="held", units="m3"),)
    parameters = (
        Parameter(name="area", units="m2", source="space", measure="area"),
        Parameter(name="rate", units="m s-1", bounds=(0.0, 1.0), default=0.5),
    )

    def refuse(self, p: Any) -> None:
        """Refuse what overflows."""
        if float(p.rate) > 2.0:
            raise ConfigError("rate: found more than 2")

    def step(self, s: Any, f: Any, p: Any) -> Any:
        """Take in, and lose half of it by turning around."""
        more = self.dt * p.rate * p.area
        return {"held": s.held + 0.5 * (more + torch.roll(more, 1, -1))}, {}


class Prepared(Filling):
    """The same, with what it sees made once."""

    prepared = (Parameter(name="more"),)

    def prepare(self, p: Any) -> Any:
        """Return what comes in a step."""
        return {"more": p.rate * p.area}

    def step(self, s: Any, f: Any, p: Any) -> Any:
        """Take in."""
        return {"held": s.held + p.more}, {}


GRID = Grid([0.0, 1.0, 3.0], [0.0, 2.0])


def held() -> dict[str, Any]:
    return {"held": torch.zeros(1, 2, dtype=torch.float64)}


def test_a_grid_gives_the_area_of_its_cells() -> None:
    ran = scan(Filling().on(GRID), held(), {}, {}, steps=2)
    torch.testing.assert_close(
        ran.state["held"], torch.full((1, 2), 3.0, dtype=torch.float64)
    )


def test_what_is_given_goes_first() -> None:
    area = torch.ones(1, 2, dtype=torch.float64)
    ran = scan(Filling().on(GRID), held(), {}, {"area": area}, steps=2)
    torch.testing.assert_close(ran.state["held"], area)


def test_a_model_asks_its_space_and_no_network() -> None:
    spec = convert(
        {"parts": {"store": {"process": "filling"}}, "seconds": 1.0,
         "space": GRID.to_dict()}, ModelSpec, "model",
    )  # fmt: skip
    whole = plan((m.part for m in make_parts(spec, GRID)), 1.0)
    assert whole.link(whole["store"], "area").giver == "space"
    assert "area" not in {a.name for a in whole.attributes}
    model = Model(spec, Statistics({})).double()
    ran = model.simulate({}, {}, steps=2, outputs=["held"])
    torch.testing.assert_close(
        ran.outputs["held"][-1], torch.full((1, 2), 3.0, dtype=torch.float64)
    )


def test_spaces_without_areas_are_refused() -> None:
    with pytest.raises(ScanError, match="'area': only a grid tells its 'area'"):
        scan(Filling().on(Ring(3)), {"held": torch.zeros(3)}, {}, {})


def test_a_measure_goes_with_the_space_alone() -> None:
    with pytest.raises(ValueError, match="measure 'area' does not go with source"):
        Parameter(name="x", measure="area")
    with pytest.raises(ValueError, match="measure '' does not go with source 'space'"):
        Parameter(name="x", source="space")


def test_parameters_are_refused_before_they_are_prepared() -> None:
    with pytest.raises(ConfigError, match="rate: found more than 2"):
        scan(Prepared().on(GRID), held(), {}, {"rate": 3.0})
