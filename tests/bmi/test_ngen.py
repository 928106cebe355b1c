"""The component in NextGen's seat: its calls, its types, and what it must withstand."""

from __future__ import annotations

import logging
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bmi_dmx import Component, DeltaHbv
from bmi_dmx.errors import ConfigError, DataError, DmxError, VariableError

from .untrained import attributes, dynamic, static, weather

RUNOFF = "land_surface_water__runoff_depth"
HOURLY = {"time_step": "hourly", "units": "ngen"}

# Names and units of the framework.
TWO = {
    "atmosphere_water__liquid_equivalent_precipitation_rate": "mm h-1",
    "land_surface_air__temperature": "degC",
}
EIGHT = {
    **TWO,
    "atmosphere_air_water~vapor__relative_saturation": "kg kg-1",
    "land_surface_radiation~incoming~longwave__energy_flux": "W m-2",
    "land_surface_radiation~incoming~shortwave__energy_flux": "W m-2",
    "land_surface_air__pressure": "Pa",
    "land_surface_wind__x_component_of_velocity": "m s-1",
    "land_surface_wind__y_component_of_velocity": "m s-1",
}
VALUES = dict(
    zip(EIGHT, (0.5, 12.0, 0.006, 320.0, 250.0, 95000.0, 1.0, -2.0), strict=True)
)


@pytest.fixture
def component(start: Any) -> Component:
    found: Component = start(1, **HOURLY)
    return found


def step(model: Any, values: dict[str, float], columns: tuple[str, ...]) -> list[float]:
    """Do what the framework does in one step; return what it writes."""
    now = model.get_current_time()
    model.get_end_time()
    assert model.get_current_time() == now
    assert model.get_input_item_count() == len(model.get_input_var_names())
    for name in model.get_input_var_names():
        model.get_var_itemsize(name)
        model.get_var_units(name)
        model.get_var_type(name)
        items = model.get_var_nbytes(name) // model.get_var_itemsize(name)
        given = np.full(items, values[name], model.get_var_type(name))
        model.get_var_type(name)
        model.get_var_nbytes(name)
        model.get_var_itemsize(name)
        model.set_value(name, given)
    assert model.get_time_step() == 3600.0
    model.update()
    written = []
    for name in columns:
        assert model.get_output_item_count() == len(model.get_output_var_names())
        assert name in model.get_output_var_names()
        for _ in range(2):
            model.get_var_type(name)
            model.get_var_itemsize(name)
        assert model.get_input_item_count() == len(model.get_input_var_names())
        dest = np.zeros(1, model.get_var_type(name))
        model.get_value_at_indices(name, dest, np.zeros(1, np.int32))
        model.get_var_units(name)
        written.append(float(dest[0]))
    return written


@pytest.mark.parametrize(
    ("evaporation", "inputs"), [("bundle", TWO), ("penman_monteith", EIGHT)]
)
def test_inputs_are_those_of_the_framework_in_its_units(
    evaporation: str, inputs: dict[str, str], start: Any
) -> None:
    model = start(1, evaporation=evaporation, **HOURLY)
    found = {name: model.get_var_units(name) for name in model.get_input_var_names()}
    assert found == inputs


def test_external_evaporation_is_an_input_only_when_asked_for(start: Any) -> None:
    name = "land_surface_water__potential_evaporation_volume_flux"
    model = start(1, evaporation="given", **HOURLY)
    assert {*model.get_input_var_names()} == {*TWO, name}
    assert model.get_var_units(name) == "mm h-1"


@pytest.mark.parametrize("evaporation", ["bundle", "penman_monteith"])
@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
def test_a_run_by_the_calls_of_the_framework(
    spec: Any, evaporation: str, start: Any, bundle_of: Any
) -> None:
    model = start(1, bundle=str(bundle_of(spec)), evaporation=evaporation, **HOURLY)
    assert (model.get_time_units(), model.get_start_time()) == ("s", 0.0)
    assert model.get_end_time() == sys.float_info.max
    columns = (RUNOFF, "land_surface_water__runoff_volume_flux", "snowpack__leq_depth")
    rows = []
    for hour in range(24 * 60):
        assert model.get_current_time() == hour * 3600.0
        rows.append(step(model, VALUES, columns))
    depth, volume, _ = np.array(rows).T
    assert (depth > 0.0).all()
    assert depth[-1] < 1e-3
    area = attributes(1)["area_km2"][0] * 1e6
    np.testing.assert_allclose(volume, depth * area / 3600.0, rtol=1e-12)
    assert [model.get_var_units(name) for name in columns] == ["m", "m3 s-1", "m"]


def test_arrays_have_one_item_from_the_beginning(component: Component) -> None:
    for name in (*component.get_input_var_names(), *component.get_output_var_names()):
        assert component.get_var_type(name) == "float64"
        assert component.get_var_itemsize(name) == component.get_var_nbytes(name) == 8
        assert component.get_value_ptr(name).shape == (1,)


def test_sizes_and_units_are_right_before_initialize(bundle: Any) -> None:
    class WithBundle(DeltaHbv):
        default_bundle = str(bundle)

    model = WithBundle()
    for name in (*model.get_input_var_names(), *model.get_output_var_names()):
        assert model.get_var_type(name) == "float64"
        assert model.get_var_itemsize(name) == model.get_var_nbytes(name) == 8
        assert model.get_var_units(name)
    with pytest.raises(DmxError, match="initialize"):
        model.get_value_ptr(RUNOFF)
    with pytest.raises(DmxError, match="initialize"):
        model.get_var_units("nothing")


def test_update_until_over_several_steps(start: Any) -> None:
    one, other = (start(1, name=f"{k}.yaml", **HOURLY) for k in "ab")
    for model in (one, other):
        for name in TWO:
            model.set_value(name, np.array([VALUES[name]]))
    one.update_until(5 * 3600.0)
    for _ in range(5):
        other.update()
    assert one.state_bytes() == other.state_bytes()


def parameterized(model: Component, values: dict[str, float]) -> None:
    """Set ``model_params`` as the framework does: in order of the alphabet."""
    for name in sorted(values):
        size = model.get_var_nbytes(name) // model.get_var_itemsize(name)
        assert model.get_var_type(name) == "float64"
        model.set_value(name, np.full(size, values[name]))


def test_model_params_take_effect_at_the_first_update(start: Any) -> None:
    known = {**attributes(1), "aridity": [0.1]}
    del known["area_km2"]
    model = start(1, locations={"ids": ["cat-0"], "attributes": known}, **HOURLY)
    other = start(1, name="b.yaml", **HOURLY)
    wanted = {"aridity": attributes(1)["aridity"][0], "areasqkm": 12.5, "k0": 0.25}
    parameterized(model, wanted)
    parameterized(other, {"area_sqkm": 12.5, "k0": 0.25})
    for each in (model, other):
        for _ in range(48):
            step(each, VALUES, (RUNOFF,))
    for name in ("streamflow", "runoff_volume", "beta", "k0", "area_km2"):
        found = model.get_value_ptr(name)
        np.testing.assert_array_equal(found, other.get_value_ptr(name))
    assert model.get_value_ptr("k0") == 0.25


def test_parameters_of_the_hydrograph_can_be_set(start: Any) -> None:
    quick, slow = (start(1, name=f"{k}.yaml", **HOURLY) for k in "ab")
    parameterized(quick, {"routing_a": 0.0, "routing_b": 0.0})
    parameterized(slow, {"routing_a": 2.9, "routing_b": 6.5})
    for model in (quick, slow):
        for hour in range(100):
            rain = 20.0 if hour < 3 else 0.0
            name = "atmosphere_water__liquid_equivalent_precipitation_rate"
            step(model, {**VALUES, name: rain}, (RUNOFF,))
    flows = [model.get_value_ptr("mass_out")[0] for model in (quick, slow)]
    assert flows[0] > 2.0 * flows[1]


@pytest.mark.parametrize("value", [0.0, 17.0, math.nan, math.inf])
def test_a_parameter_out_of_bounds_stops_the_run(value: float, start: Any) -> None:
    # An error of set_value would make the framework skip the value.
    model = start(1, **HOURLY)
    model.set_value("beta", np.array([value]))
    message = rf"parameter 'beta' at 'cat-0' cannot be {value:g}; expected 1 to 6"
    with pytest.raises(DataError, match=message):
        step(model, VALUES, (RUNOFF,))


def test_a_parameter_of_the_network_cannot_be_set(start: Any, bundle_of: Any) -> None:
    model = start(1, bundle=str(bundle_of(dynamic())), **HOURLY)
    with pytest.raises(VariableError, match="'k0' is changed by the dynamic network"):
        model.set_value("k0", np.array([0.3]))


def test_an_unknown_model_param_names_the_nearest(component: Component) -> None:
    for function in (
        component.get_var_itemsize, component.get_var_nbytes, component.get_var_type,
    ):  # fmt: skip
        with pytest.raises(VariableError, match="'bata'; did you mean 'beta'"):
            function("bata")


def test_the_volume_needs_an_area(start: Any) -> None:
    known = {k: v for k, v in attributes(1).items() if k != "area_km2"}
    model = start(1, locations={"ids": ["cat-0"], "attributes": known}, **HOURLY)
    name = "land_surface_water__runoff_volume_flux"
    assert name not in model.get_output_var_names()
    step(model, VALUES, (RUNOFF,))
    with pytest.raises(DataError, match="attribute 'area_km2' at 'cat-0' is nan"):
        model.get_value_ptr(name)
    model.set_value("areasqkm", np.array([3.0]))
    step(model, VALUES, (RUNOFF,))
    assert model.get_value_ptr(name) > 0.0


def test_an_area_that_was_promised_must_come(start: Any) -> None:
    known = {**attributes(1), "area_km2": None}
    model = start(1, locations={"ids": ["cat-0"], "attributes": known}, **HOURLY)
    with pytest.raises(DataError, match="attribute 'area_km2' at 'cat-0' is nan"):
        step(model, VALUES, (RUNOFF,))


def test_a_default_is_taken_only_if_stated_and_said(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    known = {k: v for k, v in attributes(1).items() if k != "aridity"}
    places = {"ids": ["cat-0"], "attributes": known}
    with pytest.raises(DataError, match=r"cat-0: attribute 'aridity' .* is missing"):
        start(1, locations=places, **HOURLY)
    defaults = {"aridity": 1.5, "p_mean": 9.0}
    model = start(1, locations=places, attribute_defaults=defaults, **HOURLY)
    assert model.get_value_ptr("aridity") == 1.5
    assert model.get_value_ptr("p_mean") == attributes(1)["p_mean"]
    said = [r.getMessage() for r in caplog.records if "default" in r.getMessage()]
    assert said == ["cat-0: attribute_defaults: aridity = 1.5"]
    with pytest.raises(ConfigError, match="attribute_defaults: unknown 'aridty'; did"):
        start(1, attribute_defaults={"aridty": 1.5}, **HOURLY)


BROKEN: list[dict[str, Any]] = [
    {"evaporation": "none"},
    {"bundle": "nowhere"},
    {"outputs": ["nothing"]},
    {"forcing_policy": {"rain": 0.0}},
    {"state": "gone.state"},
    {"spin_up": {"file": "gone.csv"}},
    {"state": "equlibrium"},
]


@pytest.mark.parametrize("changes", BROKEN, ids=lambda c: str(*c))
def test_every_error_names_file_and_catchment(
    changes: dict[str, Any], configure: Any
) -> None:
    path = configure(1, name="cat-0é.yaml", **{**HOURLY, **changes})
    with pytest.raises(DmxError) as caught:
        Component().initialize(str(path))
    text = str(caught.value)
    assert "cat-0\\xe9.yaml: cat-0: " in text
    assert text.isascii()
    (key,) = changes
    assert key in text or str(changes[key]) in text


def test_what_nobody_expected_names_file_and_catchment_too(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bmi_dmx.bmi import component as module

    def fail(*arguments: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module, "plan", fail)
    message = r"component\.yaml: cat-0: ZeroDivisionError: a bug"
    with pytest.raises(DmxError, match=message):
        Component().initialize(str(configure(1)))


def test_one_bad_hour_does_not_poison_the_model(start: Any) -> None:
    model = start(1, forcing_policy="hold", **HOURLY)
    bad = {**VALUES, "land_surface_air__temperature": math.nan}
    values = [VALUES, bad, VALUES, bad, bad, VALUES]
    rows = [step(model, each, (RUNOFF,)) for each in values * 20]
    assert np.isfinite(rows).all()
    assert model.get_value_ptr("repaired_air_temperature") == 60.0


def test_finalize_never_raises(
    component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise RuntimeError("a bug")

    monkeypatch.setattr(component._screen, "report", fail)
    component.finalize()
    component.finalize()
    Component().finalize()


QUIET = """
import logging, os, sys, threading
before = dict(os.environ), threading.active_count(), list(logging.root.handlers)
import numpy as np
from bmi_dmx import Component
model = Component()
model.initialize(sys.argv[1])
for name in model.get_input_var_names():
    model.set_value(name, np.array([1.0]))
model.update()
model.finalize()
after = dict(os.environ), threading.active_count(), list(logging.root.handlers)
assert before == after
assert logging.root.level == logging.WARNING
"""


def test_nothing_is_printed_and_nothing_of_the_host_is_changed(configure: Any) -> None:
    path = configure(1, **HOURLY)
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "HOME": str(Path.home())}
    done = subprocess.run(
        [sys.executable, "-c", QUIET, str(path)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")


def test_every_message_of_the_package_is_ascii() -> None:
    """Hosts whose text encoding is ASCII show docstrings to nobody, but messages."""
    import ast

    package = Path(sys.modules["bmi_dmx"].__file__ or "").parent / "bmi"
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body and isinstance(node.body[0], ast.Expr)
        }  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert id(node) in docs or node.value.isascii(), (path, node.value)


def test_further_catchments_share_what_they_can(start: Any) -> None:
    one, other = (start(1, name=f"{k}.yaml", **HOURLY) for k in "ab")
    assert one._model().plan is other._model().plan
    assert one._known.catalogue is other._known.catalogue


def test_a_further_catchment_is_cheap(configure: Any) -> None:
    """An hourly one with 16 members: a good deal less than 50 kB."""
    import tracemalloc

    path = str(configure(1, **HOURLY))
    alive = []

    def begin() -> None:
        model = Component()
        model.initialize(path)
        step(model, VALUES, (RUNOFF,))
        alive.append(model)

    begin()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            begin()
        each = (tracemalloc.get_traced_memory()[0] - before) / 20
    finally:
        tracemalloc.stop()
    assert each < 45_000


def test_numbers_do_not_depend_on_other_catchments(start: Any) -> None:
    forcing = weather(50, 3, hours=1.0)
    together = start(3, name="all.yaml", **HOURLY)
    alone = []
    for k in range(3):
        known = {name: values[k] for name, values in attributes(3).items()}
        places = {"ids": [f"cat-{k}"], "attributes": known}
        alone.append(start(1, name=f"{k}.yaml", locations=places, **HOURLY))
    for hour in range(50):
        for name, short in zip(TWO, ("precipitation", "air_temperature"), strict=True):
            values = forcing[short][hour]
            together.set_value(name, values)
            for k, model in enumerate(alone):
                model.set_value(name, values[k : k + 1])
        for model in (together, *alone):
            model.update()
    each = [model.get_value_ptr(RUNOFF)[0] for model in alone]
    np.testing.assert_allclose(together.get_value_ptr(RUNOFF), each, rtol=1e-12)


def test_the_configuration_is_read_as_utf8(configure: Any, tmp_path: Path) -> None:
    path = configure(1, **HOURLY)
    text = path.read_text(encoding="utf-8")
    path.write_text(f"# Größe\n{text}", encoding="utf-8")
    Component().initialize(str(path))
    assert yaml.safe_load(text)["time_step"] == "hourly"


def test_logging_is_left_to_the_host() -> None:
    assert not logging.getLogger("bmi_dmx").handlers
