"""Anomalies of the surface, against loops over cells."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.compose import Model, Statistics
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.ocean.recipe import GridSpec, SurfaceAnomalyModel
from bmi_dmx.models.ocean.surface_anomaly import SurfaceAnomaly
from bmi_dmx.space import space_from

GRID = GridSpec(rows=6, columns=12, degrees=10.0, south=-30.0)
AROUND = GridSpec(rows=6, columns=18, degrees=20.0, south=-60.0)
R, MONTH = 6.371e6, 2629800.0


def process(grid: GridSpec = GRID, **options: Any) -> SurfaceAnomaly:
    anomaly = SurfaceAnomaly({"modes": 2, "history": 3, **options})
    return anomaly.on(space_from(grid.space()))  # type: ignore[return-value]


def drawn(
    seed: int = 0, grid: GridSpec = GRID
) -> tuple[SimpleNamespace, SimpleNamespace, SimpleNamespace]:
    """Return a state, forcing and parameters, an island among the cells."""
    rng = np.random.default_rng(seed)
    shape = (grid.rows, grid.columns)

    def field(low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, high, shape))

    sea = torch.ones(shape, dtype=torch.float64)
    sea[2:4, 3:5] = 0.0
    sea[5, 11] = 0.0
    p = SimpleNamespace(
        sea=sea, damping=field(0.0, 0.5), eastward_flow=field(-0.1, 0.1),
        northward_flow=field(-0.1, 0.1), diffusivity=field(0.0, 5e3),
        **{f"usual_{k}": field(0.0, 30.0) for k in range(1, 13)},
        **{f"weight_{k}": field(-0.1, 0.1) for k in (1, 2)},
        **{f"response_{k}": field(-1.0, 1.0) for k in (1, 2)},
    )  # fmt: skip
    s = SimpleNamespace(
        anomaly=field(-1.0, 1.0) * sea, earlier=(field(-1, 1), field(-1, 1))
    )
    f = SimpleNamespace(day_of_year=torch.full(shape, 60.0, dtype=torch.float64))
    return s, f, p


def loop(s: Any, p: Any, substeps: int, grid: GridSpec) -> np.ndarray[Any, Any]:
    """One month, cell by cell."""
    a, sea = s.anomaly.numpy(), p.sea.numpy()
    rows, columns = a.shape
    width, around = grid.degrees, grid.columns * grid.degrees == 360.0
    lat = [math.radians(grid.south + width * (j + 0.5)) for j in range(rows)]
    dy, dt = R * math.radians(width), MONTH / substeps
    strength = [float((getattr(p, f"weight_{k}").numpy() * a).sum()) for k in (1, 2)]

    def fluxes(x: Any, j: int, i: int, dj: int, di: int) -> tuple[float, float]:
        """Return the difference to a neighbour, and what diffuses from it."""
        J, i2 = j + dj, (i + di) % columns if around else i + di
        if not (0 <= J < rows and 0 <= i2 < columns) or not sea[j, i] or not sea[J, i2]:
            return 0.0, 0.0
        d = x[J, i2] - x[j, i]
        nu = 0.5 * (p.diffusivity.numpy()[j, i] + p.diffusivity.numpy()[J, i2])
        if di:
            return d, nu * dt * d / (dy * math.cos(lat[j])) ** 2
        face = math.cos(0.5 * (lat[j] + lat[J]))
        return d, nu * dt * d * face / (dy**2 * math.cos(lat[j]))

    x = a.copy()
    for _ in range(substeps):
        y = x.copy()
        for j in range(rows):
            for i in range(columns):
                east, north = fluxes(x, j, i, 0, 1), fluxes(x, j, i, 1, 0)
                west, south = fluxes(x, j, i, 0, -1), fluxes(x, j, i, -1, 0)
                u = p.eastward_flow.numpy()[j, i] * dt / (dy * math.cos(lat[j]))
                v = p.northward_flow.numpy()[j, i] * dt / dy
                y[j, i] += u * west[0] if u > 0 else -u * east[0]
                y[j, i] += v * south[0] if v > 0 else -v * north[0]
                y[j, i] += east[1] + west[1] + north[1] + south[1]
        x = y
    far = sum(getattr(p, f"response_{k}").numpy() * strength[k - 1] for k in (1, 2))
    return (a - p.damping.numpy() * a + far + x - a) * sea


@pytest.mark.parametrize("grid", [GRID, AROUND], ids=["open", "around"])
def test_a_month_is_that_of_a_loop_over_cells(grid: GridSpec) -> None:
    s, f, p = drawn(0, grid)
    state, fluxes = process(grid).step(s, f, p)
    expected = loop(s, p, 4, grid)
    np.testing.assert_allclose(state["anomaly"].numpy(), expected, atol=1e-13)
    # The first of March belongs to March.
    np.testing.assert_array_equal(
        fluxes["temperature"].numpy(), (state["anomaly"] + p.usual_3).numpy()
    )
    assert state["earlier"][0] is s.anomaly
    assert state["earlier"][1] is s.earlier[0]


def test_damping_and_far_cells_change_with_the_season() -> None:
    s, f, p = drawn()
    rng = np.random.default_rng(7)
    shape, day = p.sea.shape, 60.0
    for wave in ("cosine", "sine"):
        names = (f"damping_{wave}", f"response_{wave}_1", f"response_{wave}_2")
        for name in names:
            setattr(p, name, torch.from_numpy(rng.uniform(-0.2, 0.2, shape)))
    found = process(seasonal=True).step(s, f, p)[0]["anomaly"].numpy()
    turn = 2.0 * math.pi * (day - 1.0 + 365.25 / 24.0) / 365.25
    then = SimpleNamespace(**vars(p))
    for name in ("damping", "response_1", "response_2"):
        head, _, tail = name.partition("_")
        waves = [f"{head}_{wave}{'_' + tail if tail else ''}" for wave in
                 ("cosine", "sine")]  # fmt: skip
        cosine, sine = (getattr(p, wave) for wave in waves)
        there = getattr(p, name) + math.cos(turn) * cosine + math.sin(turn) * sine
        setattr(then, name, there)
    np.testing.assert_allclose(found, loop(s, then, 4, GRID), atol=1e-13)
    assert np.abs(found - loop(s, p, 4, GRID)).max() > 0.01


@given(seed=st.integers(0, 1000))
def test_the_strongest_flows_and_diffusion_make_no_new_extremes(seed: int) -> None:
    s, f, p = drawn(seed)
    rng = np.random.default_rng(seed)
    for name, most in (("eastward_flow", 0.1), ("northward_flow", 0.1)):
        signs = rng.choice((-most, most), p.sea.shape)
        setattr(p, name, torch.from_numpy(signs))
    p.diffusivity = torch.full_like(p.sea, 5e3)
    p.damping = p.damping * 0.0
    bare = process(modes=0)
    after = bare.step(s, f, p)[0]["anomaly"]
    inside = p.sea > 0
    assert after[inside].max() <= s.anomaly[inside].max() + 1e-12
    assert after[inside].min() >= s.anomaly[inside].min() - 1e-12


def test_diffusion_keeps_the_mean_over_the_sphere() -> None:
    s, f, p = drawn()
    for name in ("damping", "eastward_flow", "northward_flow"):
        setattr(p, name, torch.zeros_like(p.sea))
    after = process(modes=0).step(s, f, p)[0]["anomaly"]
    latitude = torch.deg2rad(-25.0 + 10.0 * torch.arange(6, dtype=torch.float64))
    weights = torch.cos(latitude).unsqueeze(-1)
    before, now = ((weights * x).sum() for x in (s.anomaly, after))
    assert float(now) == pytest.approx(float(before), abs=1e-12)
    assert not torch.equal(after, s.anomaly)


@pytest.mark.parametrize(
    ("day", "month"),
    [(1.0, 1), (31.0, 2), (32.0, 2), (61.0, 3), (335.0, 12), (336.0, 12), (366.0, 1)],
)
def test_the_month_is_the_one_that_begins_about_then(day: float, month: int) -> None:
    s, f, p = drawn()
    f.day_of_year = torch.full_like(p.sea, day)
    state, fluxes = process().step(s, f, p)
    usual = fluxes["temperature"] - state["anomaly"]
    expected = getattr(p, f"usual_{month}")
    torch.testing.assert_close(usual, expected, rtol=0, atol=1e-13)


def test_an_untrained_correction_changes_nothing() -> None:
    spec = {"grid": GRID, "modes": 2, "history": 3}
    bare = Model(SurfaceAnomalyModel(network=None, **spec).model(), Statistics({}))
    small = {"hidden": 4, "patch": 1}
    hybrid = SurfaceAnomalyModel(options=small, **spec)
    corrected = Model(hybrid.model(), Statistics({}))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in bare.state_dict().items():
            weight.copy_(torch.rand(weight.shape, generator=generator))
            corrected.state_dict()[name].copy_(weight)
    shape = (4, GRID.rows, GRID.columns)
    state = corrected.initial_state(4)
    state["surface.anomaly"] = torch.randn(shape, generator=generator)
    days = torch.full((3, *shape), 100.0)
    ran = [
        m.simulate({"day_of_year": days}, {}, state=state) for m in (bare, corrected)
    ]
    for name, x in ran[0].outputs.items():
        assert torch.equal(ran[1].outputs[name], x)
        assert x.abs().max() > 0.0


def test_steps_too_long_for_small_cells_are_refused() -> None:
    fine = GridSpec(rows=120, columns=360, degrees=1.0)
    with pytest.raises(ConfigError, match=r"substeps: found 4, expected at least \d+"):
        SurfaceAnomaly().on(space_from(fine.space()))
