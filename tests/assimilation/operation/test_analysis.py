"""Observations correct what is stored, and all they change is accounted for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.assimilation.operation.innovations import COLUMNS
from bmi_dmx.errors import ConfigError, VariableError
from tests.bmi.untrained import static

from .twins import ERROR, block, follow, made, observed

DAY = 86400.0
START = 339206400.0
"""1980-10-01, seconds since 1970."""

STORES = ("soil_moisture", "lower_zone")


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


@pytest.mark.parametrize(("hours", "steps", "spin"), [(24.0, 300, 90), (1.0, 480, 240)])
def test_perfect_observations_bring_flow_and_stores_to_the_truth(
    hours: float, steps: int, spin: int, start: Any
) -> None:
    """Of what the members know, the rain is wrong by 40 %."""
    forcing = made(steps, 2)
    keys = {"time_step": f"{hours:g} h"}
    truth = start(2, name="truth.yaml", **keys)
    truth.set_value("soil_moisture", np.full(2, 150.0))
    rain = observed(forcing, hours)
    real = follow(truth, rain, range(steps), names=("streamflow", *STORES))
    errors = {}
    for kind in ("none", "etkf"):
        settings = block(members=16, filter={"name": kind})
        component = start(2, name=f"{kind}.yaml", assimilation=settings, **keys)
        component.set_value("soil_moisture", np.full(2, 150.0))
        names = tuple(real)
        series = follow(component, forcing, range(steps), real["streamflow"], names)
        errors[kind] = {n: rms((series[n] - real[n])[spin:]) for n in names}
    for name in real:
        assert errors["etkf"][name] < 0.7 * errors["none"][name], name


@pytest.mark.parametrize("keys", [{}, {"time_step": "hourly"}])
@pytest.mark.parametrize("update", [None, ["lower_zone", "in_transit"]])
def test_the_budget_is_closed_with_what_analyses_add(
    update: Any, keys: dict[str, str], start: Any
) -> None:
    settings = block(
        perturbations={
            "forcing": {"precipitation": {"kind": "lognormal", "std": 0.5}},
            "state": {"soil_moisture": {"std": 0.1}},
        },
        update=update,
    )
    component = start(3, assimilation=settings, **keys)
    forcing, steps = made(60, 3), 60
    stores = ("snowpack", "meltwater", "soil_moisture", "upper_zone", "lower_zone")
    increments = [f"{n}__increment" for n in (*stores, "in_transit")]
    masses = [f"ngen::mass_{k}" for k in ("in", "out", "stored", "leaked")]
    names = (*increments, *masses, "mass_adjusted", "mass_assimilated")
    series = follow(component, forcing, range(steps), forcing["precipitation"], names)
    entered, outflow, stored, leaked = (series[n] for n in masses)
    residual = entered - outflow - stored - leaked
    assert np.abs(residual).max() <= 1e-12 * max(entered.max(), np.abs(leaked).max())
    added = sum(series[n] for n in increments)
    np.testing.assert_allclose(
        added.cumsum(0), series["mass_assimilated"], rtol=1e-9, atol=1e-9
    )
    assert np.abs(series["mass_assimilated"][-1]).min() > 0.0
    assert not np.allclose(series["mass_adjusted"], series["mass_assimilated"])
    for name in ("soil_moisture", "lower_zone", "in_transit"):
        moved = update is None or name in update
        assert np.any(series[f"{name}__increment"] != 0.0) == moved


def test_no_store_leaves_its_bounds_however_strange_what_is_observed(
    start: Any, bundle_of: Any
) -> None:
    """Without capillary rise, by which days overfill a soil."""
    settings = block(
        members=16,
        observed={"streamflow": {"error": {"absolute": 0.01}, "gross_error": None}},
    )
    bundle = str(bundle_of(static(process="hbv10")))
    component = start(2, bundle=bundle, assimilation=settings)
    forcing = made(150, 2)
    strange = np.random.default_rng(2).choice([0.0, 1e-3, 40.0], (150, 2))
    stores = ("snowpack", "meltwater", "soil_moisture", "upper_zone", "lower_zone")
    follow(component, forcing, range(150), strange)
    runner = component.runner.members
    capacity = runner.parameter("land", "fc")
    for name in stores:
        assert runner.stores()["land", name].min() >= 0.0
    assert (runner.stores()["land", "soil_moisture"] <= capacity).all()
    assert runner.stores()["outlet", "in_transit"].min() >= 0.0


def test_a_limit_of_innovations_keeps_increments_small(start: Any) -> None:
    forcing = made(40, 2)
    flood = np.full((40, 2), 40.0)
    moved = {}
    for name, limit in {"bounded": 2.0, "free": None}.items():
        error = {"absolute": 0.01}
        observed = {"error": error, "gross_error": None, "innovation_limit": limit}
        settings = block(members=16, observed={"streamflow": observed})
        component = start(2, name=f"{name}.yaml", assimilation=settings)
        masses = ("mass_assimilated",)
        moved[name] = follow(component, forcing, range(40), flood, masses)[masses[0]]
    largest = {name: np.abs(x[:10]).max() for name, x in moved.items()}
    assert 0.0 < largest["bounded"] < largest["free"]
    assert np.isfinite(moved["bounded"]).all()


def test_what_is_missing_changes_nothing(start: Any) -> None:
    n, forcing = 2, made(40, 2)
    one, other = (start(n, name=f"{k}.yaml", assimilation=block()) for k in "ab")
    values = forcing["precipitation"]
    gaps = np.where(np.arange(40)[:, None] < 20, values, np.nan)
    follow(one, forcing, range(20), values)
    follow(other, forcing, range(20), values)
    follow(one, forcing, range(20, 40), gaps)
    follow(other, forcing, range(20, 40))
    assert one.state_bytes() == other.state_bytes()


def test_a_place_without_observations_is_not_changed_by_those_of_others(
    start: Any,
) -> None:
    n, forcing = 3, made(40, 3)
    observing = start(n, name="a.yaml", assimilation=block())
    blind = start(n, name="b.yaml", assimilation=block(filter={"name": "none"}))
    values = np.array(forcing["precipitation"])
    values[:, 1] = np.nan
    names = ("streamflow__ensemble", "soil_moisture__ensemble")
    series = follow(observing, forcing, range(40), values, names)
    expected = follow(blind, forcing, range(40), values, names)
    for name in names:
        a, b = (x[name].reshape(40, -1, n) for x in (series, expected))
        np.testing.assert_array_equal(a[..., 1], b[..., 1])
        assert not np.array_equal(a[..., 0], b[..., 0])


def test_inputs_are_named_after_what_is_observed(start: Any) -> None:
    component = start(2, assimilation=block())
    names = [n for n in component.get_input_var_names() if "~" in n][-3:]
    assert names == [f"streamflow~{n}" for n in ("observed", "error_std", "valid_time")]
    assert component.get_var_units("streamflow~observed") == "mm d-1"
    assert component.get_var_units(names[2]) == "seconds since 1970-01-01"
    for name in names:
        assert component.get_var_grid(name) == 0
        assert np.isnan(component.get_value(name, np.empty(2))).all()


def test_quantities_of_the_ensemble_are_found_under_both_names(start: Any) -> None:
    settings = block(observed={"runoff_volume": {"error": ERROR}})
    outputs = ["streamflow", "streamflow__ensemble", "lower_zone__increment"]
    component = start(2, assimilation=settings, outputs=outputs)
    assert component.get_output_var_names() == tuple(outputs)
    follow(component, made(9, 2), range(9))
    whole = "land_surface_water__runoff_volume_flux"
    members = component.get_value_ptr(f"{whole}__ensemble").reshape(8, 2)
    same = component.get_value_ptr("runoff_volume__ensemble")
    np.testing.assert_array_equal(members.ravel(), same)
    spread = component.get_value_ptr(f"{whole}__ensemble_standard_deviation")
    np.testing.assert_allclose(spread, members.std(0, ddof=1))
    for percent in ("05", "50"):
        quantile = component.get_value_ptr(f"{whole}__ensemble_quantile_{percent}")
        expected = np.quantile(members, float(percent) / 100.0, axis=0)
        np.testing.assert_allclose(quantile, expected)
    grid = component.get_var_grid(f"{whole}__ensemble")
    shape = component.get_grid_shape(grid, np.empty(2, int))
    assert shape.tolist() == [8, 2]
    assert component.get_grid_size(grid) == 16
    assert component.get_var_nbytes(f"{whole}__ensemble") == 128
    with pytest.raises(VariableError, match="cannot be set"):
        component.set_value(f"{whole}__ensemble", np.zeros(16))
    with pytest.raises(VariableError, match="unknown variable"):
        component.get_value_ptr("nothing__ensemble")
    with pytest.raises(VariableError, match="unknown variable"):
        component.get_value_ptr("streamflow__increment")


def test_a_late_value_acts_as_if_it_had_come_in_time(start: Any) -> None:
    """But for the rain since, which the analysis then had not seen."""
    forcing = made(31, 2)
    settings = block(
        members=16, observed={"streamflow": {"error": ERROR, "max_age": "2 d"}}
    )
    early, late = (start(2, name=f"{k}.yaml", assimilation=settings) for k in "ab")
    blind = follow(early, forcing, range(30), names=("streamflow",))["streamflow"]
    follow(late, forcing, range(30))
    value = blind[-1] * 1.5
    valid = START + 31 * DAY
    for component in (early, late):
        component.set_value("streamflow~valid_time", np.full(2, valid))
    early.set_value("streamflow~observed", value)
    follow(early, forcing, range(30, 31))
    follow(late, forcing, range(30, 31))
    dry = {**forcing, "precipitation": np.zeros_like(forcing["precipitation"])}
    late.set_value("streamflow~valid_time", np.full(2, valid))
    late.set_value("streamflow~observed", value)
    for component in (early, late):
        follow(component, dry, range(1))
    gain = late.get_value_ptr("mass_assimilated")
    expected = early.get_value_ptr("mass_assimilated")
    assert np.sign(gain).tolist() == np.sign(expected).tolist()
    np.testing.assert_allclose(gain, expected, rtol=0.35)


def test_the_log_says_what_became_of_every_value(start: Any, tmp_path: Any) -> None:
    n, forcing = 2, made(60, 2)
    settings = block(
        observed={"streamflow": {"error": ERROR, "max_age": "1 d"}}, log="log.nc"
    )
    component = start(n, assimilation=settings)
    value, valid = "streamflow~observed", "streamflow~valid_time"

    def step(at: int, values: list[float], times: list[float] | None = None) -> None:
        if times is not None:
            component.set_value(valid, np.array(times))
        component.set_value(value, np.array(values))
        follow(component, forcing, range(at, at + 1))

    follow(component, forcing, range(40))
    usual = component.get_value_ptr("streamflow").tolist()
    now = START + 41 * DAY
    step(40, usual)
    step(41, usual, [now + DAY, now])  # the second was there in the step before
    step(42, [usual[0], np.nan], [now - 5 * DAY, now])  # too old
    step(43, [1e6, np.inf])
    step(44, [usual[0], np.nan], [now + 6 * DAY, np.nan])  # two days ahead
    for at in (45, 46):
        follow(component, forcing, range(at, at + 1))
    assert np.isnan(component.get_value_ptr(value)).all()
    component.finalize()
    with netCDF4.Dataset(tmp_path / "log.nc") as file:
        assert [str(x) for x in file["quantity_name"][:]] == ["streamflow"]
        assert [str(x) for x in file["place_name"][:]] == ["cat-0", "cat-1"]
        meanings = file["status"].flag_meanings.split()
        rows = {name: np.ma.filled(file[name][:], np.nan) for name in COLUMNS
                if name not in ("status", "place")}  # fmt: skip
        status = [meanings[k] for k in file["status"][:]]
        place = file["place"][:].tolist()
    entries = [
        *zip(((rows["time"] - START) / DAY).tolist(), place, status, strict=True)
    ]
    assert entries == [
        (41.0, 0, "used"), (41.0, 1, "used"),
        (42.0, 0, "used"), (42.0, 1, "duplicate"),
        (43.0, 0, "late"),
        (44.0, 0, "absurd"), (44.0, 1, "absurd"),
        (45.0, 0, "early"), (46.0, 0, "early"), (47.0, 0, "used"),
    ]  # fmt: skip
    used = np.array([s == "used" for s in status])
    np.testing.assert_allclose(
        rows["innovation"][used], (rows["observed"] - rows["predicted"])[used]
    )
    closer = np.abs(rows["observed"] - rows["analysed"])[used]
    assert (closer <= np.abs(rows["innovation"][used]) + 1e-12).all()
    expected = rows["innovation"] ** 2 / (rows["spread"] ** 2 + rows["error"] ** 2)
    np.testing.assert_allclose(rows["chi_square"][used], expected[used])


def test_an_error_of_the_host_goes_before_that_of_the_settings(start: Any) -> None:
    forcing = made(31, 2)
    one, other = (start(2, name=f"{k}.yaml", assimilation=block()) for k in "ab")
    for component in (one, other):
        follow(component, forcing, range(30))
    value = one.get_value_ptr("streamflow") * 1.2
    other.set_value("streamflow~error_std", np.array([1e-3, 10.0]))
    for component in (one, other):
        component.set_value("streamflow~observed", value)
        follow(component, forcing, range(30, 31))
    usual, custom = (c.get_value_ptr("mass_assimilated") for c in (one, other))
    assert abs(custom[0]) > abs(usual[0])
    assert abs(custom[1]) < abs(usual[1])


def test_values_are_compared_as_logarithms_where_asked_for(start: Any) -> None:
    forcing = made(60, 2)
    settings = block(observed={"streamflow": {"error": ERROR, "scale": "log"}})
    component = start(2, assimilation=settings)
    follow(component, forcing, range(60), 0.3 * forcing["precipitation"])
    innovations = component.ensemble.assimilation.innovations
    used = innovations.column("status") == 1
    expected = np.log(innovations.column("observed") + 0.05) - np.log(
        innovations.column("predicted") + 0.05
    )
    np.testing.assert_allclose(
        innovations.column("innovation")[used], expected[used], atol=1e-12
    )
    assert used.sum() > 30


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"membres": 3}, "assimilation: membres: unknown key; did you mean 'members'"),
        ({"filter": {"name": "etfk"}}, "filter: name: unknown filter 'etfk'.*'etkf'"),
        ({"filter": {"name": "etkf", "rotation": True}}, "rotation: unknown key"),
        ({"filter": {"name": "none", "rotate": True}}, "'none' has no 'rotate'"),
        ({"observed": {"streamflw": {"error": ERROR}}}, "did you mean 'streamflow'"),
        ({"observed": {"streamflow": {"error": {}}}}, "both are 0"),
        ({"update": ["soil_moistur"]}, "did you mean 'soil_moisture'"),
        ({"perturbations": {"forcing": {"rain": {"std": 1}}}}, "unknown 'rain'"),
        ({"perturbations": {"parameters": {"fcc": {"std": 1}}}}, "unknown 'fcc'"),
        (
            {"perturbations": {"parameters": {"routing_a": {"std": 1.0}}}},
            "routing_a: what part 'outlet' makes of it",
        ),
        (
            {"perturbations": {"parameters": {"k0": {"std": 0.1}}}},
            "k0: kind: found 'additive'",
        ),
        ({"members": 0}, "members: expected at least 1"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_key(
    changes: dict[str, Any], message: str, start: Any
) -> None:
    with pytest.raises(ConfigError, match=message):
        start(1, assimilation=block(**changes))


@pytest.mark.slow
def test_a_thousand_places_of_32_members_are_stepped_in_one_process(
    start: Any,
) -> None:
    n, steps = 1000, 6
    forcing = made(steps, n)
    component = start(n, assimilation=block(members=32))
    series = follow(
        component, forcing, range(steps), forcing["precipitation"] * 0.1,
        ("streamflow__ensemble", "mass_assimilated"),
    )  # fmt: skip
    assert series["streamflow__ensemble"].shape == (steps, 32 * n)
    assert np.isfinite(series["streamflow__ensemble"]).all()
    assert np.count_nonzero(series["mass_assimilated"][-1]) > n / 2


def test_the_order_of_members_does_not_matter(start: Any) -> None:
    settings = block(perturbations={})
    one, other = (start(2, name=f"{k}.yaml", assimilation=settings) for k in "ab")
    generator = np.random.default_rng(9)
    order = generator.permutation(8)
    for name, high in (("soil_moisture", 60.0), ("upper_zone", 20.0)):
        values = generator.uniform(1.0, high, (8, 2))
        one.set_value(f"{name}__ensemble", values.ravel())
        other.set_value(f"{name}__ensemble", values[order].ravel())
    names = ("streamflow__analysis", "lower_zone__ensemble", "soil_moisture__ensemble")
    forcing = made(4, 2)
    flow = forcing["precipitation"] * 0.1 + 0.5
    series, expected = (
        follow(component, forcing, range(4), flow, names) for component in (other, one)
    )
    for name in names[1:]:
        inner = expected[name].reshape(4, 8, 2)[:, order]
        np.testing.assert_allclose(series[name].reshape(4, 8, 2), inner, rtol=1e-8)
    np.testing.assert_allclose(series[names[0]], expected[names[0]], rtol=1e-8)
    assert one.get_value_ptr("mass_assimilated").any()


@pytest.mark.parametrize("name", ["enkf", "denkf", "enkf_n", "particle"])
def test_other_filters_are_chosen_by_name(name: str, start: Any) -> None:
    forcing = made(30, 2)
    component = start(2, assimilation=block(filter={"name": name}))
    follow(component, forcing, range(30), forcing["precipitation"] * 0.2)
    assert component.get_value_ptr("mass_assimilated").any()
    entered, outflow, stored, leaked = (
        component.get_value_ptr(f"ngen::mass_{k}")
        for k in ("in", "out", "stored", "leaked")
    )
    np.testing.assert_allclose(entered - outflow - stored - leaked, 0.0, atol=1e-9)


@pytest.mark.parametrize("name", ["ienks", "letkf"])
def test_filters_that_a_component_cannot_serve_are_refused(
    name: str, start: Any
) -> None:
    with pytest.raises(ConfigError, match=f"filter: name: '{name}'"):
        start(1, assimilation=block(filter={"name": name}))


def test_nothing_of_it_is_loaded_where_there_is_no_block() -> None:
    code = "import sys, bmi_dmx.bmi.component; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "bmi_dmx.bmi.ensembles" in process.stdout
    assert "bmi_dmx.assimilation" not in process.stdout


def test_several_quantities_are_observed_side_by_side(start: Any) -> None:
    """Of each what is missing changes nothing."""
    forcing = made(60, 2)
    flow = {"streamflow": {"error": ERROR}}
    soil = {"soil_moisture": {"error": {"absolute": 2.0}, "gross_error": None}}
    runs = {}
    for name, observed_ones in (("flow", flow), ("soil", soil), ("both", flow | soil)):
        component = start(
            2, name=f"{name}.yaml", assimilation=block(observed=observed_ones)
        )
        follow(component, forcing, range(50))
        moisture = 1.2 * component.get_value_ptr("soil_moisture")
        for step in range(50, 60):
            if name != "flow":
                component.set_value("soil_moisture~observed", [moisture[0], np.nan])
            if name != "soil":
                discharge = 1.1 * component.get_value_ptr("streamflow")
                component.set_value("streamflow~observed", [np.nan, discharge[1]])
            follow(component, forcing, range(step, step + 1))
        runs[name] = component.get_value_ptr("soil_moisture__ensemble").reshape(8, 2)
    np.testing.assert_allclose(runs["both"][:, 0], runs["soil"][:, 0], rtol=1e-9)
    np.testing.assert_allclose(runs["both"][:, 1], runs["flow"][:, 1], rtol=1e-9)
    assert np.abs(runs["both"][:, 0] - runs["flow"][:, 0]).max() > 0.1
