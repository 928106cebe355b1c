"""An ocean with a network keeps what an ocean keeps, and begins as the physics."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bmi_dmx.compose import Model, Statistics
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.ocean.forms import FORMS
from bmi_dmx.models.ocean.hybrid import HybridOcean
from bmi_dmx.models.ocean.hybrid_recipe import HybridOceanModel, LevelGrid, faces
from bmi_dmx.models.ocean.wind_stress import wind_stress
from bmi_dmx.scan import ScanResult, scan

from .boxes import field
from .test_conservation import AMOUNTS, LEVELS, PHYSICS, held, rough, run, turbulent

NETWORKS: dict[str, dict[str, Any]] = {
    "unet": {"hidden": 8, "patch": 2},
    "ste": {"hidden": 8, "patch": 4, "blocks": 1, "heads": 2},
    "local_mlp": {"hidden": [8]},
}
COEFFICIENTS = {"viscosity": 1e4, "diffusivity": 1e3, "vertical_diffusivity": 1e-4}
WEATHER = {"eastward_wind": 12.0, "northward_wind": -4.0, "air_temperature": 288.0,
           "air_pressure": 1.01e5}  # fmt: skip


def hybrid(network: str | None = "unet", **options: Any) -> Any:
    torch.manual_seed(0)
    setup = {
        "levels": LEVELS, "network": network, "forms": tuple(FORMS),
        "settings": NETWORKS.get(network or "", {}), "coefficients": COEFFICIENTS,
        "physics": {"rotation": 1e-4, "internal": 0.0}, **options,
    }  # fmt: skip
    process = HybridOcean(setup)
    if network is not None:
        process.network.double()
        process.network.measure({n: ([x], [abs(x)]) for n, x in WEATHER.items()})
    return process


def trained(process: Any, size: float = 1.0) -> Any:
    """Return it with a network that has something to say."""
    with torch.no_grad():
        for weight in process.network.network.output.parameters():
            weight.normal_(0.0, size)
    return process


def whole_sea(model: Model) -> Model:
    """Return it without any land."""
    with torch.no_grad():
        for share in model.network("bottom").parameters():
            share.fill_(1.0)
    return model


def flow(
    process: Any, state: dict[str, Tensor], steps: int, parameters: Any = None,
    **keys: Any,
) -> ScanResult:  # fmt: skip
    grid, fraction = rough()
    weather = {
        name: field(grid, value, axes=()).expand(steps, *grid.field("cell", ()))
        for name, value in WEATHER.items()
    }
    coefficients = {"cell_fraction": fraction, **(parameters or {})}
    return scan(process.on(grid), state, weather, coefficients, dt=3600.0, **keys)


@pytest.mark.parametrize("network", NETWORKS)
def test_heat_salt_and_volume_are_kept_with_all_that_is_learned(network: str) -> None:
    grid, fraction = rough()
    state = turbulent(grid)
    process = trained(hybrid(network))
    with torch.no_grad():
        ran = flow(process, state, 12, outputs=AMOUNTS)
        bare = flow(hybrid(None), state, 12)
    for name in ("temperature", "salinity", "u"):
        assert float((ran.state[name] - bare.state[name]).abs().max()) > 1e-4
    for name, state_name, scale in (
        ("volume", "volume", 1.0), ("heat", "temperature", 4.1e6 * 10.0),
        ("salt", "salinity", 36.0),
    ):  # fmt: skip
        gained = ran.outputs[f"{name}_gained"].sum((1, 2)).cumsum(0)
        whole = held(grid, fraction, state, "volume") * scale
        assert float(gained.abs().max()) < 1e-13 * whole, state_name


def test_what_columns_gain_is_what_their_water_says() -> None:
    grid, fraction = rough()
    state = turbulent(grid)
    with torch.no_grad():
        ran = flow(trained(hybrid()), state, 1, outputs=["heat_gained"])
    thickness = fraction * torch.from_numpy(grid.widths("z").copy())[:, None, None]
    depth = thickness.sum(0)

    def content(s: Any) -> Tensor:
        stretch = 1.0 + torch.where(depth > 0.0, s["elevation"] / depth, 0.0)
        area = torch.from_numpy(grid.areas.copy())
        return 1026.0 * 3990.0 * (s["temperature"] * thickness).sum(0) * stretch * area

    more = content(ran.state) - content(state)
    gain = ran.outputs["heat_gained"][0]
    assert float(gain.abs().max()) > 1e15
    torch.testing.assert_close(gain, more, rtol=1e-6, atol=1e10)


def test_before_training_it_is_the_physics_bit_for_bit() -> None:
    grid, fraction = rough()
    state = turbulent(grid)
    x, y = wind_stress(*(field(grid, WEATHER[n], axes=()) for n in
                         ("eastward_wind", "northward_wind")))  # fmt: skip
    x, y = (x + torch.roll(x, -1, -1)) * 0.5, (y + torch.roll(y, -1, -2)) * 0.5
    walls = torch.zeros(1, y.shape[1], dtype=y.dtype)
    ran = flow(hybrid(), state, 6)
    plain = run(
        state, grid, fraction, steps=6,
        options={"forced_by": ("wind",), "damping": 0.01},
        forcing={"stress_x": x, "stress_y": torch.cat((walls, y))},
        parameters={"vertical_viscosity": 1e-3, "convection": 1.0},
    )  # fmt: skip
    assert PHYSICS["drag"] == 1e-3
    for name, values in plain.state.items():
        assert torch.equal(ran.state[name], values), name


def test_the_gradient_by_weights_and_coefficients_is_that_of_differences() -> None:
    grid, _ = rough()
    state = turbulent(grid)
    process = trained(hybrid(physics={"rotation": 1e-4, "internal": 0.0,
                                      "advection": "upwind"}), 0.3)  # fmt: skip
    weights = [
        process.network.network.output.convolution.bias,
        process.network.network.down[1].convolution.weight,
    ]
    viscosity = torch.tensor(1e4, dtype=torch.float64, requires_grad=True)

    def value() -> Tensor:
        s = flow(process, state, 6, {"viscosity": viscosity}).state
        return (
            s["temperature"].square().mean() + 1e3 * s["u"].square().mean()
            + s["elevation"].square().mean() + s["salinity"].square().mean()
        )  # fmt: skip

    torch.manual_seed(1)
    for x, h in ((weights[0], 1e-4), (weights[1], 1e-4), (viscosity, 10.0)):
        way = torch.randn_like(x)
        (along,) = torch.autograd.grad(value(), x)
        with torch.no_grad():
            x += h * way
            more = value()
            x -= 2.0 * h * way
            less = value()
            x += h * way
        differences = float(more - less) / (2.0 * h)
        assert differences != 0.0
        assert float((along * way).sum()) == pytest.approx(differences, rel=1e-5)


def test_learned_coefficients_begin_as_they_are_given() -> None:
    grid = LevelGrid(rows=8, columns=24, degrees=15.0, south=-60.0, west=0.0,
                     depths=(10.0, 40.0, 120.0))  # fmt: skip
    learned = {"viscosity": "map", "vertical_diffusivity": "profile", "drag": "number"}
    spec = HybridOceanModel(
        grid=grid, seconds=7200.0, targets=False, learned=learned,
        coefficients={"viscosity": 3e5}, forms=("mixing",),
    )  # fmt: skip
    model = Model(spec.model(), Statistics({})).double()
    process = model.processes["ocean"]
    bounds = {p.name: p.limits for p in process.parameters}
    assert bounds["viscosity"] == pytest.approx((6e4, 1.5e6))
    assert {f"vertical_diffusivity_{k}" for k in (1, 2)} <= bounds.keys()
    state = model.initial_state(1)
    state["ocean.temperature"] = state["ocean.temperature"] + torch.rand(
        state["ocean.temperature"].shape, dtype=torch.float64
    )
    weather = {n: torch.full((3, 1, 8, 24), x, dtype=torch.float64)
               for n, x in WEATHER.items()}  # fmt: skip
    ran = whole_sea(model).simulate(weather, {}, state=state, outputs=[])
    fixed = HybridOceanModel(
        grid=grid, seconds=7200.0, targets=False, coefficients={"viscosity": 3e5}
    )
    plain = Model(fixed.model(), Statistics({})).double()
    same = whole_sea(plain).simulate(weather, {}, state=state, outputs=[])
    for name, values in same.state.items():
        torch.testing.assert_close(ran.state[name], values, rtol=1e-10, atol=1e-13)
    ran.state["ocean.temperature"].square().sum().backward()
    for part in ("maps", "numbers"):
        assert float(model.network(part).network.output.bias.grad.abs().max()) > 0.0


def test_levels_meet_halfway_between_their_middles() -> None:
    assert faces([1.0, 3.0, 7.0]) == [0.0, 2.0, 5.0, 9.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learned": {"viscosty": "map"}}, "unknown coefficient 'viscosty'"),
        ({"learned": {"drag": "profile"}}, "learned.drag: found a profile"),
        (
            {"coefficients": {"drag": 3.0}},
            "coefficients.drag: found 3, expected 1e-06 to 0.1",
        ),
        ({"range": 1.0}, "range: found 1, expected above 1"),
        ({"forms": ()}, "forms: found none"),
        ({"physics": {"forced_by": ["wind"]}}, "'wind' follows from the weather"),
        ({"network": "lstm", "settings": {}}, "'lstm' remembers"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hybrid(**options)


def test_factors_with_which_a_step_would_overshoot_are_refused() -> None:
    grid, _ = rough()
    high = hybrid(coefficients={"viscosity": 1e5})
    with pytest.raises(ConfigError, match=r"viscosity: found 7.389e\+05 m2/s"):
        flow(high, turbulent(grid), 1)
    flow(hybrid(coefficients={"viscosity": 1e5}, forms=("mixing",)), turbulent(grid), 1)


def test_the_stress_of_the_wind_is_that_of_its_source() -> None:
    speed = torch.tensor(
        [0.0, 5.0, 20.0, 30.0], dtype=torch.float64, requires_grad=True
    )
    x, y = wind_stress(speed, torch.zeros_like(speed))
    expected = [
        0.0,
        1.22 * 1.2e-3 * 25.0,
        1.22 * 1.79e-3 * 400.0,
        1.22 * 2.115e-3 * 900.0,
    ]
    assert x.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert y.tolist() == [0.0] * 4
    x.sum().backward()
    assert speed.grad is not None
    assert speed.grad.isfinite().all()
