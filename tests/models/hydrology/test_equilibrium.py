"""What the first step starts from."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError, UnitsError
from bmi_dmx.models.hydrology.climate import seasonality
from bmi_dmx.models.hydrology.equilibrium import seasons

from ...bmi.untrained import attributes, dynamic, give, run, static, weather

HOURLY = {"time_step": "hourly"}
DAYS = np.arange(1.0, 366.0)[:, None]


def places(n: int, **more: Any) -> dict[str, Any]:
    climate = {
        "p_mean": [3.0 + k for k in range(n)], "t_mean": 8.0, "pet_mean": 2.4,
        "p_seasonality": 0.3, "low_prec_freq": 230.0,
    }  # fmt: skip
    properties = {**attributes(n), **climate, **more}
    return {"ids": [f"cat-{k}" for k in range(n)], "attributes": properties}


def climate(**changes: float) -> dict[str, np.ndarray]:
    properties = {"p_mean": 3.0, "t_mean": 8.0, "latitude": 45.0, **changes}
    return {name: np.array([value]) for name, value in properties.items()}


def test_the_seasons_have_the_means_of_the_climate() -> None:
    properties = climate(pet_mean=2.2, p_seasonality=-0.6, low_prec_freq=200.0)
    year = seasons(properties, DAYS)
    assert year["precipitation"].mean() == pytest.approx(3.0, rel=0.02)
    assert year["air_temperature"].mean() == pytest.approx(8.0, abs=0.1)
    assert year["potential_evaporation"].mean() == pytest.approx(2.2, rel=1e-9)
    dry = (year["precipitation"] == 0.0).sum()
    assert dry == pytest.approx(200.0, abs=2.0)
    amplitude = seasonality(
        year["precipitation"] / 3.0 - 1.0,
        year["air_temperature"],
        DAYS[:, 0].astype(int),
    )
    assert amplitude == pytest.approx(-0.6, abs=0.05)


def test_summer_is_in_january_south_of_the_equator() -> None:
    year = seasons(climate(latitude=-40.0), DAYS)
    assert int(year["air_temperature"].argmax()) in (*range(40), *range(350, 365))
    assert year["potential_evaporation"].argmax() in (*range(40), *range(330, 365))


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
@pytest.mark.parametrize("mode", ["hourly", "daily"])
def test_an_equilibrium_stays_one(
    n: int, spec: Any, mode: str, start: Any, bundle_of: Any
) -> None:
    """A year of the same weather brings the stores back to where they were."""
    settings = {"bundle": str(bundle_of(spec)), "locations": places(n)}
    component = start(n, state="equilibrium", mode=mode, **HOURLY, **settings)
    cold = start(n, name="cold.yaml", mode=mode, **HOURLY, **settings)
    for model in (component, cold):
        give(model, weather(1, n), 0)
        model.update()
    warm = component.state()
    stored = sum(warm[f"land.{k}"] for k in ("soil_moisture", "lower_zone"))
    assert (stored.mean(axis=1) > 20.0).all()
    assert (warm["outlet.in_transit"].sum(axis=0) > 0.0).all()
    m = {k: component.get_value_ptr(f"mass_{k}") for k in ("in", "out", "stored")}
    np.testing.assert_allclose(m["in"] - m["out"], m["stored"], atol=1e-10)
    if mode == "hourly":
        flow, other = (x.get_value_ptr("streamflow") for x in (component, cold))
        assert (flow > 10.0 * other).all()
        # Runoff is what precipitation leaves, within the range of the seasons.
        rain = np.array(places(n)["attributes"]["p_mean"])
        assert (flow < 2.0 * rain).all()


def test_the_equilibrium_of_days_is_that_of_more_years(start: Any) -> None:
    component = start(1, state="equilibrium", locations=places(1))
    give(component, weather(1, 1), 0)
    component.set_value("snowpack", np.zeros(1))
    first = component.state()
    properties = {
        k: np.array(x).reshape(-1) for k, x in places(1)["attributes"].items()
    }
    other = start(1, name="given.yaml", evaporation="given", locations=places(1))
    other._runner.restore({**other.state(), **{
        k: x for k, x in first.items() if k.startswith(("land", "outlet"))
    }})  # fmt: skip
    begin = other._clock.day_of_year
    days = (begin - 1.0 + np.arange(365.0)) % 365.0 + 1.0
    run(other, seasons(properties, days[:, None]), range(365), ())
    after = other.state()
    for name in ("soil_moisture", "lower_zone", "upper_zone"):
        actual, expected = after[f"land.{name}"], first[f"land.{name}"]
        np.testing.assert_allclose(actual, expected, rtol=0.02, atol=0.3)


def test_model_params_come_before_the_equilibrium(start: Any) -> None:
    settings = {"state": "equilibrium", "locations": places(1), **HOURLY}
    one, other = (start(1, name=f"{k}.yaml", **settings) for k in "ab")
    other.set_value("p_mean", np.array([6.0]))
    for model in (one, other):
        give(model, weather(1, 1), 0)
        model.update()
    flows = [model.get_value_ptr("streamflow")[0] for model in (one, other)]
    assert flows[1] > 1.5 * flows[0]


def test_an_equilibrium_does_not_depend_on_those_found_before(start: Any) -> None:
    """What one is found with serves the next, of which nothing is left then."""
    settings = {"state": "equilibrium", **HOURLY}
    cold = places(1, t_mean=-9.0)
    states = []
    for k in range(3):
        middle = k == 1
        component = start(
            1, name=f"{k}.yaml", locations=cold if middle else places(1), **settings
        )
        if middle:
            component.set_value("fc", np.array([900.0]))
        states.append(component.state())
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[2][name], err_msg=name)
    before, between = (state["land.soil_moisture"] for state in states[:2])
    assert (before != between).all()


def test_a_restored_state_replaces_the_equilibrium(start: Any) -> None:
    cold = start(1, name="cold.yaml", locations=places(1), **HOURLY)
    warm = start(1, state="equilibrium", locations=places(1), **HOURLY)
    warm.take_state(cold.state_bytes(), clock=False)
    for model in (cold, warm):
        give(model, weather(1, 1), 0)
        model.update()
    assert warm.state_bytes() == cold.state_bytes()


@pytest.mark.parametrize("name", ["p_mean", "t_mean"])
def test_the_climate_must_be_known(name: str, start: Any) -> None:
    locations = places(1, **{name: None})
    component = start(1, state="equilibrium", locations=locations, **HOURLY)
    give(component, weather(1, 1), 0)
    for _ in range(2):
        with pytest.raises((ConfigError, DataError), match=f"'{name}' at '?cat-0"):
            component.update()


def table(path: Path, forcing: dict[str, np.ndarray], heading: str) -> None:
    rows = [heading]
    columns = (forcing["precipitation"][:, 0], forcing["air_temperature"][:, 0])
    cells = zip(*(x.tolist() for x in columns), strict=True)
    rows += [f"{k},{rain!r},{warmth!r}" for k, (rain, warmth) in enumerate(cells)]
    path.write_text("\n".join(rows), encoding="utf-8")


PRECIPITATION = "atmosphere_water__liquid_equivalent_precipitation_rate"


@pytest.mark.parametrize(
    ("heading", "factor", "offset"),
    [
        ("time,precipitation,air_temperature", 1.0, 0.0),
        (f"Time,{PRECIPITATION}[mm s-1],air_temperature (K)", 1 / 86400, 273.15),
    ],
)
def test_a_spin_up_is_the_run_that_ends_at_the_start(
    heading: str, factor: float, offset: float, start: Any, tmp_path: Path
) -> None:
    hours = 240
    forcing = weather(hours + 24, 1, hours=1.0)
    before = {
        "precipitation": forcing["precipitation"][:hours] * factor,
        "air_temperature": forcing["air_temperature"][:hours] + offset,
    }
    table(tmp_path / "before.csv", before, heading)
    spun = start(1, spin_up={"file": "before.csv"}, **HOURLY)
    whole = start(1, name="whole.yaml", start_time="1980-09-21", **HOURLY)
    run(whole, forcing, range(hours), ())
    outputs = ("streamflow", "soil_moisture", "potential_evaporation")
    steps = range(hours, hours + 24)
    runs = [run(model, forcing, steps, outputs) for model in (spun, whole)]
    for name in outputs:
        np.testing.assert_allclose(runs[0][name], runs[1][name], rtol=1e-9)
    assert spun.get_current_time() == 24 * 3600.0
    rain = forcing["precipitation"][hours:].sum() / 24.0
    np.testing.assert_allclose(spun.get_value_ptr("mass_in"), rain, rtol=1e-12)


def test_a_spin_up_can_be_repeated_and_cut(start: Any, tmp_path: Path) -> None:
    forcing = weather(100, 1, hours=1.0)
    table(tmp_path / "a.csv", forcing, "time,precipitation,air_temperature")
    settings = {"spin_up": {"file": "a.csv", "steps": 48, "repeat": 3}, **HOURLY}
    component = start(1, **settings)
    other = start(1, name="other.yaml", **HOURLY)
    for _ in range(3):
        run(other, forcing, range(48), ())
    for model in (component, other):
        give(model, forcing, 48)
        model.update()
    for name in ("soil_moisture", "lower_zone", "streamflow"):
        actual, expected = (m.get_value_ptr(name) for m in (component, other))
        np.testing.assert_allclose(actual, expected, rtol=0.02)


FAULTS: dict[str, tuple[Any, type[Exception], str]] = {
    "gone": (None, DataError, "no such file"),
    "empty": ("time\n", DataError, "expected a header and rows"),
    "column": ("time,precipitation\n0,1\n", DataError, "no column 'air_temperature'"),
    "text": (
        "t,precipitation,air_temperature\n0,x,1\n",
        DataError,
        "row 2, column 'precip",
    ),
    "absurd": (
        "t,precipitation,air_temperature\n0,1,1\n0,-3,1\n",
        DataError,
        "precipitation: row 3 is -3 mm d-1; expected 0 to 3000",
    ),
    "units": (
        "t,precipitation[K],air_temperature\n0,1,1\n",
        UnitsError,
        "precipitation: units 'K' cannot be converted",
    ),
    "short": ("t,precipitation,air_temperature\n0,1,1\n", DataError, "expected 9"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_spin_up_is_refused_at_once(
    fault: str, start: Any, tmp_path: Path
) -> None:
    text, error, message = FAULTS[fault]
    if text is not None:
        (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    spin_up: dict[str, Any] = {"file": "a.csv"}
    if fault == "short":
        spin_up["steps"] = 9
    with pytest.raises(error, match=rf"cat-0: spin_up: file: .*a\.csv.*{message}"):
        start(1, spin_up=spin_up, **HOURLY)


@pytest.mark.parametrize(
    ("repeat", "message"), [(0, "at least 1, found 0"), (2**31, "at most 65536")]
)
def test_an_absurd_number_of_repetitions_is_refused(
    repeat: int, message: str, start: Any
) -> None:
    with pytest.raises(ConfigError, match=rf"spin_up: repeat: expected {message}"):
        start(1, spin_up={"file": "a.csv", "repeat": repeat}, **HOURLY)


def test_the_choice_is_logged(
    start: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    table(tmp_path / "a.csv", weather(5, 1), "time,precipitation,air_temperature")
    caplog.set_level(logging.INFO, logger="bmi_dmx")
    start(1, **HOURLY).save_state(tmp_path / "b.state")
    start(1, state="equilibrium", locations=places(1), **HOURLY)
    start(1, spin_up={"file": "a.csv"}, **HOURLY)
    start(1, state="b.state", **HOURLY)
    messages = [
        r.getMessage() for r in caplog.records if "starts from" in r.getMessage()
    ]
    assert messages == [
        "cat-0: starts from cold",
        "cat-0: starts from equilibrium",
        "cat-0: starts from cold, then a.csv",
        "cat-0: starts from b.state",
    ]


@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
def test_an_equilibrium_does_not_depend_on_the_places_beside(
    spec: Any, start: Any, bundle_of: Any
) -> None:
    """From a wet place, which settles at once, to one that takes many years."""
    many = places(3, p_mean=[12.0, 2.0, 0.4])
    settings = {"bundle": str(bundle_of(spec)), "state": "equilibrium", **HOURLY}
    together = start(3, name="all.yaml", locations=many, **settings)
    give(together, weather(1, 3), 0)
    together.update()
    for k in range(3):
        properties = {
            n: [v[k]] if isinstance(v, list) else v
            for n, v in many["attributes"].items()
        }
        one = {"ids": [many["ids"][k]], "attributes": properties}
        alone = start(1, name=f"{k}.yaml", locations=one, **settings)
        give(alone, {n: x[:, k : k + 1] for n, x in weather(1, 3).items()}, 0)
        alone.update()
        for name in ("soil_moisture", "lower_zone", "runoff"):
            np.testing.assert_allclose(
                alone.get_value_ptr(name)[0], together.get_value_ptr(name)[k], rtol=1e-9
            )


def test_snow_does_not_grow_without_end(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cold = places(2, t_mean=[8.0, -9.0])
    component = start(2, state="equilibrium", locations=cold, **HOURLY)
    give(component, weather(1, 2), 0)
    component.update()
    snow = component.get_value_ptr("snow_water_equivalent")
    assert snow[1] < 365.0 * cold["attributes"]["p_mean"][1]
    messages = [r.getMessage() for r in caplog.records if "all year" in r.getMessage()]
    assert len(messages) == 1
    assert messages[0].startswith("cat-1: state: equilibrium has snow all year")


def test_an_equilibrium_that_is_not_reached_is_told(
    start: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bmi_dmx.models.hydrology.equilibrium._MOST_YEARS", 1)
    component = start(2, state="equilibrium", locations=places(2), **HOURLY)
    give(component, weather(1, 2), 0)
    component.update()
    assert "cat-0 and 1 more: state: equilibrium has not come to rest" in caplog.text


@pytest.mark.parametrize("order", [("snowpack", "t_mean"), ("t_mean", "snowpack")])
def test_a_state_that_is_set_waits_for_the_attributes(
    order: tuple[str, str], start: Any
) -> None:
    settings = {"state": "equilibrium", "locations": places(1), **HOURLY}
    component = start(1, **settings)
    expected = start(1, **{**settings, "locations": places(1, t_mean=3.0)})
    for name in order:
        component.set_value(name, np.array([{"snowpack": 120.0, "t_mean": 3.0}[name]]))
    assert component.get_value_ptr("snowpack") == 120.0
    with pytest.raises(DataError, match="store 'snowpack' at 'cat-0' cannot be set"):
        component.set_value("snowpack", np.array([-1.0]))
    states = [model.state() for model in (component, expected)]
    lower = [state["land.lower_zone"] for state in states]
    np.testing.assert_array_equal(*lower)
    assert states[0]["land.snowpack"].mean() == pytest.approx(120.0)


def test_states_are_not_known_before_the_start_is_found(start: Any) -> None:
    """Set at one place, they are those of the equilibrium at all others."""
    settings = {"state": "equilibrium", "locations": places(3)}
    component, other = (start(3, name=f"{k}.yaml", **settings) for k in "ab")
    soil = component.get_value_ptr("soil_moisture")
    assert np.isnan(soil).all()
    assert np.isnan(component.get_value("water_stored", np.empty(3))).all()
    component.set_value_at_indices("soil_moisture", [1], [150.0])
    np.testing.assert_array_equal(soil, [np.nan, 150.0, np.nan])
    for each in (component, other):
        each.state()
    expected = other.get_value("soil_moisture", np.empty(3))
    assert expected.min() > 1.0
    expected[1] = 150.0
    np.testing.assert_array_equal(soil, expected)
    assert (component.get_value("water_stored", np.empty(3)) > soil).all()
