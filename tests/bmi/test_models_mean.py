"""Several models as one bundle, behind BMI as any other model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.evaporation import with_evaporation
from bmi_dmx.models.hydrology.system import trained_evaporation
from bmi_dmx.trainer.combine import combine

from .test_hourly import batch, by_day, daily
from .untrained import (
    attributes,
    dynamic,
    learned_flow,
    run,
    static,
    untrained,
    weather,
)

DAYS = 60
PRECISE = {"rtol": 1e-12, "atol": 1e-13}
WEIGHTS = (0.5, 0.3, 0.2)
MODELS = {
    "constant": static(),
    "varying": dynamic(process="hbv10", member_weights="learned"),
    "flow": learned_flow(evaporation="given"),
}


def elsewhere(spec: ModelSpec, shift: float) -> Model:
    """Return a model that has learned from other data than those beside it."""
    model = untrained(spec)
    moments = {
        name: replace(m, mean=m.mean + shift, std=m.std * (1.0 + shift))
        for name, m in model.statistics.items()
    }
    other = Model(spec, Statistics(moments)).double().eval()
    state = other.state_dict()
    weights = model.state_dict()
    moved = {n: x for n, x in state.items() if ".normalize" in n}
    other.load_state_dict({**weights, **moved})
    return other


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders of bundles that differ in everything."""
    folder = tmp_path_factory.mktemp("models")
    for shift, (name, spec) in enumerate(MODELS.items()):
        save_bundle(
            elsewhere(spec, 0.2 * shift), folder / name,
            licence="CC0-1.0", provenance={}, scores={},
        )  # fmt: skip
    return [folder / name for name in MODELS]


@pytest.fixture(scope="module")
def whole(parts: list[Path]) -> Path:
    """Folder of the bundle of all of them."""
    return combine(parts, parts[0].parent / "whole", WEIGHTS).path


def flows(folder: Path, forcing: dict[str, np.ndarray], n: int) -> np.ndarray:
    """Return the flow of a bundle run at once."""
    return batch(folder, forcing, n, outputs=("streamflow",)).outputs["streamflow"]


def test_the_answer_is_the_mean_of_what_the_models_answer_alone(
    parts: list[Path], whole: Path
) -> None:
    forcing = weather(DAYS, 3)
    alone = [flows(path, forcing, 3) for path in parts]
    expected = sum(w * np.asarray(x) for w, x in zip(WEIGHTS, alone, strict=True))
    assert np.ptp([np.asarray(x).mean() for x in alone]) > 0.1
    np.testing.assert_allclose(flows(whole, forcing, 3), expected, **PRECISE)


@pytest.mark.parametrize("n", [1, 3])
def test_stepping_gives_the_numbers_of_one_run(n: int, whole: Path, start: Any) -> None:
    forcing = weather(DAYS, n)
    outputs = run(
        start(n, bundle=str(whole)), forcing, range(DAYS),
        ("streamflow", "runoff_depth", "a_land.soil_moisture"),
    )  # fmt: skip
    expected = batch(
        whole, forcing, n, outputs=("streamflow", "a_land.soil_moisture")
    ).outputs
    for name, series in expected.items():
        np.testing.assert_allclose(outputs[name], series, **PRECISE)
    np.testing.assert_allclose(
        outputs["runoff_depth"], outputs["streamflow"] / 1000.0, rtol=1e-13
    )


def test_water_is_counted_once_whatever_the_number_of_models(
    whole: Path, start: Any
) -> None:
    forcing = weather(DAYS, 3)
    component = start(3, bundle=str(whole))
    run(component, forcing, range(DAYS), ())
    component.set_value("a_land.soil_moisture", np.array([100.0, 200.0, 150.0]))
    run(component, forcing, range(DAYS), ())
    entered, outflow, stored, leaked = (
        component.get_value_ptr(f"ngen::mass_{name}")
        for name in ("in", "out", "stored", "leaked")
    )
    rain = 2.0 * forcing["precipitation"].sum(axis=0)
    np.testing.assert_allclose(entered, rain, rtol=1e-12)
    assert (np.abs(entered - outflow - stored - leaked) < 1e-9 * entered).all()
    assert (outflow > 20.0).all()
    assert (leaked != 0.0).all()


def test_a_restored_state_goes_on_as_if_nothing_had_been(
    whole: Path, start: Any, tmp_path: Path
) -> None:
    forcing = weather(DAYS, 2)
    names = ("streamflow", "b_land.snowpack", "mass_in", "mass_out")
    first = start(2, bundle=str(whole))
    run(first, forcing, range(25), ())
    first.save_state(tmp_path / "saved.state")
    rest = run(first, forcing, range(25, DAYS), names)
    other = start(
        2, bundle=str(whole), state=str(tmp_path / "saved.state"), start_time="state"
    )
    again = run(other, forcing, range(25, DAYS), names)
    for name in names:
        np.testing.assert_array_equal(again[name], rest[name])


def test_networks_that_lag_are_restored_one_by_one(
    start: Any, tmp_path: Path, bundle_of: Any
) -> None:
    """At hours, what networks of days answered last is a memory of each."""
    paths = [bundle_of(dynamic()), bundle_of(dynamic(process="hbv10", members=3))]
    path = str(combine(paths, tmp_path / "both").path)
    forcing = weather(80, 2, hours=1.0)
    keys = {"bundle": path, "time_step": "hourly", "mode": "hourly"}
    first = start(2, **keys)
    run(first, forcing, range(40), ())
    first.save_state(tmp_path / "saved.state")
    names = ("streamflow", "a_land.beta", "b_land.beta")
    rest = run(first, forcing, range(40, 80), names)
    other = start(2, **keys, state=str(tmp_path / "saved.state"), start_time="state")
    again = run(other, forcing, range(40, 80), names)
    for name in names:
        np.testing.assert_array_equal(again[name], rest[name])
    assert (rest["a_land.beta"] != rest["b_land.beta"]).all()


def test_hours_are_gathered_for_days(whole: Path, start: Any) -> None:
    forcing = weather(DAYS * 24, 2, hours=1.0)
    component = start(2, bundle=str(whole), time_step="hourly", mode="daily")
    streamflow = run(component, forcing, range(DAYS * 24), ("streamflow",))[
        "streamflow"
    ]
    flow = flows(whole, daily(forcing), 2)
    np.testing.assert_allclose(by_day(streamflow, 23)[:, 0], flow[:-1], **PRECISE)


def test_hosts_are_asked_once_and_told_standard_names_of_the_whole_alone(
    whole: Path, start: Any
) -> None:
    component = start(1, bundle=str(whole))
    inputs = component.get_input_var_names()
    outputs = component.get_output_var_names()
    assert len(set(inputs)) == len(inputs)
    assert len(set(outputs)) == len(outputs)
    assert "land_surface_water__runoff_volume_flux" in outputs
    assert "a_land.soil_moisture" in outputs


def test_what_one_model_computes_and_another_is_given_are_two_things(
    whole: Path, start: Any
) -> None:
    component = start(1, bundle=str(whole))
    names = ("potential_evaporation", "evaporation.potential_evaporation")
    forcing = {**weather(3, 1), "potential_evaporation": np.full((3, 1), 1.75)}
    run(component, forcing, range(3), ())
    prescribed, computed = (component.get_value_ptr(name)[0] for name in names)
    assert prescribed == 1.75
    assert computed != prescribed
    series = batch(whole, forcing, 1, outputs=names[1:]).outputs[names[1]]
    assert computed == pytest.approx(float(series[-1, 0]), rel=1e-12)


def test_parameters_of_each_model_are_read_and_set_by_its_name(
    whole: Path, start: Any
) -> None:
    component = start(1, bundle=str(whole))
    component.set_value("a_land.fc", np.array([321.0]))
    run(component, weather(3, 1), range(3), ())
    assert component.get_value_ptr("a_land.fc")[0] == 321.0
    assert component.get_value_ptr("b_land.fc")[0] != 321.0


def test_a_start_in_equilibrium_fills_the_stores_of_every_model(
    start: Any, tmp_path: Path, bundle_of: Any
) -> None:
    paths = [bundle_of(static()), bundle_of(static(process="hbv10"))]
    path = str(combine(paths, tmp_path / "both").path)
    properties = {**attributes(1), "t_mean": [8.0]}
    component = start(
        1, bundle=path, state="equilibrium",
        locations={"ids": ["x"], "attributes": properties},
    )  # fmt: skip
    run(component, weather(1, 1), range(1), ())
    for letter, path in zip("ab", paths, strict=True):
        alone = start(
            1, bundle=str(path), state="equilibrium",
            locations={"ids": ["x"], "attributes": properties},
        )  # fmt: skip
        run(alone, weather(1, 1), range(1), ())
        for store in ("soil_moisture", "lower_zone"):
            storage = float(component.get_value_ptr(f"{letter}_land.{store}")[0])
            expected = float(alone.get_value_ptr(store)[0])
            assert storage == pytest.approx(expected, rel=1e-3)
            assert expected > 0.1


def test_the_mean_is_a_bundle_that_is_rebuilt_with_the_same_numbers(
    whole: Path, tmp_path: Path
) -> None:
    first = load_bundle(whole)
    again = save_bundle(
        first.model(), tmp_path / "again", licence="CC0-1.0", provenance={}, scores={}
    )
    assert again.fingerprint == first.fingerprint
    assert again.manifest.parts == first.manifest.parts
    assert [m["weight"] for m in first.manifest.provenance["models"]] == list(WEIGHTS)


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ((1.0, 1.0), "found 2 for 3 models"),
        ((1.0, 0.0, 1.0), "expected all above 0"),
    ],
)
def test_weights_that_are_none_are_refused(
    weights: tuple[float, ...], problem: str, parts: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=problem):
        combine(parts, tmp_path / "x", weights)


def test_what_does_not_go_together_is_refused(
    parts: list[Path], whole: Path, tmp_path: Path, bundle_of: Any
) -> None:
    with pytest.raises(ConfigError, match="given twice"):
        combine([parts[0], parts[0]], tmp_path / "x")
    with pytest.raises(ConfigError, match="whole: it is combined of several"):
        combine([parts[0], whole], tmp_path / "x")
    hourly = bundle_of(static(time_step="hourly"))
    with pytest.raises(ConfigError, match=r"seconds: found 3600\.0, expected 86400"):
        combine([parts[0], hourly], tmp_path / "x")
    with pytest.raises(ConfigError, match="found 1, expected 2 to 26"):
        combine(parts[:1], tmp_path / "x")


def test_evaporation_that_differs_between_models_cannot_be_chosen(
    start: Any, tmp_path: Path, bundle_of: Any
) -> None:
    paths = [bundle_of(static()), bundle_of(static(evaporation="oudin"))]
    path = str(combine(paths, tmp_path / "both").path)
    assert trained_evaporation(load_bundle(path)) == "hargreaves and oudin"
    for choice in ("given", "hargreaves"):
        with pytest.raises(ConfigError, match="a_evaporation, b_evaporation"):
            start(1, bundle=path, evaporation=choice)
    model = load_bundle(path).model()
    with pytest.raises(ConfigError, match="a_evaporation, b_evaporation"):
        with_evaporation(model.spec, "given")
    run(start(1, bundle=path), weather(3, 1), range(3), ())


def test_the_spread_of_models_is_told_when_asked(
    parts: list[Path], whole: Path, start: Any
) -> None:
    forcing = weather(DAYS, 3)
    start_of = "streamflow__ensemble_"
    names = [f"{start_of}standard_deviation", f"{start_of}quantile_05"]
    component = start(3, bundle=str(whole), outputs=["streamflow", *names])
    assert component.get_output_var_names() == ("streamflow", *names)
    statistics = run(component, forcing, range(DAYS), tuple(names))
    alone = np.array([flows(path, forcing, 3) for path in parts])
    mean = np.tensordot(WEIGHTS, alone, 1)
    square = np.tensordot(WEIGHTS, (alone - mean) ** 2, 1)
    np.testing.assert_allclose(statistics[names[0]] ** 2, square, rtol=1e-9, atol=1e-12)
    assert (statistics[names[1]] <= mean).all()
    assert (statistics[names[1]] >= alone.min(axis=0) - 1e-12).all()


def test_the_spread_of_members_is_told_of_stores(start: Any, bundle: Path) -> None:
    component = start(2)
    run(component, weather(DAYS, 2), range(DAYS), ())
    spread, median = (
        component.get_value_ptr(f"soil_moisture__ensemble_{end}")
        for end in ("standard_deviation", "quantile_50")
    )
    assert (spread > 0.0).all()
    mean = component.get_value_ptr("soil_moisture")
    assert (np.abs(median - mean) < 3.0 * spread).all()
    standard = "land_surface_soil_water__volume-per-area_storage_density"
    assert component.get_value_ptr(f"{standard}__ensemble_quantile_50") is median
