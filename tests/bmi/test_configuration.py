"""Configurations: what they may say, and exact errors for what they may not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import yaml

from bmi_dmx import Component, DeltaHbv
from bmi_dmx.errors import (
    BundleError,
    ConfigError,
    DataError,
    DmxError,
    StateError,
    TimeError,
    UnitsError,
)

from .untrained import attributes, dynamic, run, weather

PLACES = {"ids": ["a", "b"], "attributes": attributes(2)}


def without(name: str) -> dict[str, Any]:
    properties = {k: v for k, v in attributes(2).items() if k != name}
    return {"ids": ["a", "b"], "attributes": properties}


def replaced(**changes: Any) -> dict[str, Any]:
    return {"ids": ["a", "b"], "attributes": {**attributes(2), **changes}}


WRONG: list[tuple[dict[str, Any], type[DmxError], str]] = [
    (
        {"locations": {"ids": ["a", "b"], "attributes": {"aridity": 1.0}}},
        DataError,
        ": attributes of the model are missing: p_mean, elevation, latitude",
    ),
    (
        {"locations": {"ids": [None], "attributes": {}}},
        ConfigError,
        ": locations.ids.0: found nothing, expected text",
    ),
    ({"time_stp": "daily"}, ConfigError, "time_stp: .*did you mean 'time_step'"),
    ({"time_step": "dayly"}, ConfigError, "time_step: .*did you mean 'daily'"),
    ({"start_time": None}, ConfigError, "start_time: missing"),
    ({"start_time": "soon"}, ConfigError, "start_time: found 'soon', expected a date"),
    ({"start_time": "1980-10-01T00:00+01:00"}, ConfigError, "expected UTC"),
    ({"end_time": "1970-01-01"}, ConfigError, "end_time: .* is before start_time"),
    ({"locations": {}}, ConfigError, "locations: ids: expected at least one"),
    ({"locations": {"ids": ["a", "a"]}}, ConfigError, "ids: 'a' is given twice"),
    ({"bundle": None}, ConfigError, "bundle: missing; it has no default"),
    ({"bundle": "dhbv-conus-daly"}, BundleError, "dhbv-conus-daly: no such folder"),
    (
        {"evaporation": "oudin", "parts": {"evaporation": "hargreaves"}},
        ConfigError,
        "evaporation: found 'oudin', and 'hargreaves' in parts; expected one",
    ),
    ({"state": "equilibirum"}, StateError, "state: .*; did you mean 'equilibrium'"),
    (
        {"forcing_policy": {"precipitation": -5.0}},
        ConfigError,
        "forcing_policy: precipitation: found -5, expected 0 to 3000 mm d-1",
    ),
    ({"outputs": ["stremflow"]}, ConfigError, "outputs: .* mean 'streamflow'"),
    ({"locations": without("aridity")}, DataError, "attribute 'aridity' .* missing"),
    (
        {"locations": replaced(aridity=[1.0])},
        ConfigError,
        "locations: attributes: aridity: found 1 values, expected one for each of 2",
    ),
    (
        {"locations": replaced(ariditi=1.0)},
        ConfigError,
        "locations: attributes: unknown 'ariditi'; did you mean 'aridity'",
    ),
    (
        {"locations": replaced(aridity="dry")},
        ConfigError,
        "locations.attributes.aridity: found 'dry', expected a number",
    ),
    (
        {"locations": replaced(latitude=[40.0, 95.0])},
        DataError,
        "attribute 'latitude' at 'b' is 95; expected -90 to 90",
    ),
    (
        {"locations": {**PLACES, "file": "gone.csv"}},
        ConfigError,
        "locations: file: .*gone.csv: no such file",
    ),
    (
        {
            "outputs": ["land_surface_water__runoff_volume_flux"],
            "locations": without("area_km2"),
        },
        ConfigError,
        "outputs: .*runoff_volume_flux'; it needs attribute 'area_km2'",
    ),
]


@pytest.mark.parametrize(("changes", "error", "message"), WRONG)
def test_what_is_wrong_is_said_exactly(
    changes: dict[str, Any], error: type[DmxError], message: str, configure: Any
) -> None:
    path = configure(2, **changes)
    with pytest.raises(error, match=rf"(?s)component\.yaml.*{message}") as caught:
        Component().initialize(str(path))
    assert str(caught.value).isascii()


def test_text_that_is_no_yaml_is_named_once(configure: Any) -> None:
    path = configure(1)
    path.write_text(f"{path.read_text()}\nbundle: twice\n")
    with pytest.raises(ConfigError) as caught:
        Component().initialize(str(path))
    assert str(caught.value).count(str(path)) == 1
    assert type(caught.value) is ConfigError


def test_a_component_that_failed_to_initialize_is_not_initialized(
    configure: Any,
) -> None:
    component = Component()
    with pytest.raises(StateError):
        component.initialize(str(configure(1, state="gone.state")))
    with pytest.raises(StateError, match="initialize"):
        component.get_current_time()


def test_a_configuration_is_needed() -> None:
    for nothing in ("", None):
        with pytest.raises(ConfigError, match="expected a file, found nothing"):
            Component().initialize(nothing)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"gone\.yaml: no such file"):
        Component().initialize("gone.yaml")


def test_a_model_with_a_dynamic_network_runs_no_longer_steps_than_its_own(
    configure: Any, bundle_of: Any
) -> None:
    hourly = str(bundle_of(dynamic(time_step="hourly")))
    message = "time_step: model 'untrained' runs at steps of 1 h and cannot run at 1 d"
    with pytest.raises(ConfigError, match=message):
        Component().initialize(str(configure(1, bundle=hourly)))
    path = configure(1, bundle=hourly, time_step="hourly", mode="daily")
    with pytest.raises(ConfigError, match=r"mode: model .* cannot run at 1 d"):
        Component().initialize(str(path))


def test_paths_are_relative_to_the_configuration(
    configure: Any,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(bundle, tmp_path / "model")
    path = configure(1, bundle="model")
    monkeypatch.chdir("/")
    component = Component()
    component.initialize(str(path))
    assert component.get_component_name() == "Component (untrained)"


def test_paths_may_begin_at_home_or_hold_variables(
    configure: Any,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(bundle, tmp_path / "home" / "model")
    csv_file(tmp_path / "home" / "a.csv")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TABLES", str(tmp_path / "home"))
    path = configure(1, bundle="~/model", locations={"file": "$TABLES/a.csv"})
    component = Component()
    component.initialize(str(path))
    assert component.get_grid_size(0) == 3
    configure(1, bundle="~/model", state="~/last.state")
    with pytest.raises(StateError, match=rf"state: {tmp_path}/home/last.state: no suc"):
        Component().initialize(str(path))


def test_a_class_may_have_a_bundle_of_its_own(configure: Any, bundle: Path) -> None:
    class Own(DeltaHbv):
        default_bundle = str(bundle)

    component = Own()
    component.initialize(str(configure(1, bundle=None)))
    assert component.bundle.name == "untrained"


def test_a_bundle_that_was_replaced_is_read_again(
    configure: Any, bundle: Path, bundle_of: Any, tmp_path: Path
) -> None:
    path = configure(1, bundle="model")
    fingerprints = []
    for source in (bundle, bundle_of(dynamic())):
        shutil.rmtree(tmp_path / "model", ignore_errors=True)
        shutil.copytree(source, tmp_path / "model")
        component = Component()
        component.initialize(str(path))
        fingerprints.append(component.bundle.fingerprint)
    assert fingerprints[0] != fingerprints[1]


@pytest.mark.parametrize("zone", ["Z", "+00:00"])
def test_a_time_may_say_that_it_is_in_utc(start: Any, zone: str) -> None:
    plain = start(start_time="1980-10-01 06:00", time_step="hourly")
    zoned = start(start_time=f"1980-10-01T06:00{zone}", time_step="hourly")
    assert zoned.get_time_units() == plain.get_time_units()


def test_the_end_is_not_passed(start: Any) -> None:
    component = start(1, end_time="1980-10-03")
    assert component.get_end_time() == 2 * 86400.0
    run(component, weather(2, 1), range(2), ())
    before = component.state_bytes()
    with pytest.raises(TimeError, match="time 259200 s is after the end at 172800 s"):
        component.update()
    with pytest.raises(TimeError, match="after the end"):
        component.update_until(3 * 86400.0)
    assert component.state_bytes() == before


def test_one_value_serves_all_locations(start: Any) -> None:
    component = start(2, locations=replaced(aridity=1.25))
    assert (component.get_value_ptr("aridity") == 1.25).all()


def csv_file(path: Path) -> None:
    table = attributes(3)
    rows = [["divide_id", "note", *table]]
    rows += [
        [f"cat-{k}", "é", *(f"{x[k]!r}" for x in table.values())] for k in range(3)
    ]
    path.write_text("\n".join(map(",".join, rows)) + "\n", encoding="utf-8")


def netcdf_file(path: Path) -> None:
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("basin", 3)
        file.createVariable("basin", str, ("basin",))[:] = np.array(
            ["cat-0", "cat-1", "cat-2"], dtype=object
        )
        for name, values in attributes(3).items():
            file.createVariable(name, "f8", ("basin",))[:] = values
        file["area_km2"][:] = np.array(attributes(3)["area_km2"]) * 100.0
        file["area_km2"].units = "ha"


@pytest.mark.parametrize(
    ("name", "write"), [("a.csv", csv_file), ("a.nc", netcdf_file)]
)
@pytest.mark.parametrize("ids", [[], ["cat-2", "cat-0"]])
def test_attributes_may_stand_in_a_file(
    name: str, write: Any, ids: list[str], start: Any, tmp_path: Path
) -> None:
    write(tmp_path / name)
    component = start(3, locations={"file": name, "ids": ids})
    rows = [int(i[-1]) for i in ids] or [0, 1, 2]
    for attribute, values in attributes(3).items():
        expected = np.array(values)[rows]
        actual = component.get_value_ptr(attribute)
        np.testing.assert_allclose(actual, expected, rtol=1e-14)


def test_the_configuration_completes_and_overrides_a_file(
    start: Any, tmp_path: Path
) -> None:
    csv_file(tmp_path / "a.csv")
    places = {"file": "a.csv", "attributes": {"aridity": [0.7, 0.8, 0.9]}}
    component = start(3, locations=places)
    np.testing.assert_array_equal(component.get_value_ptr("aridity"), [0.7, 0.8, 0.9])


CELLS = {
    ("cat-1", "cat-9"): (DataError, "a.csv: no location|a.csv: location 'cat-1'"),
    ("cat-1", "cat-0"): (
        DataError,
        "a.csv: .* 'cat-0' is given twice, in rows",
    ),
    ("é", "é,5"): (DataError, "a.csv: row 2 has 9 cells, the header 8"),
}


@pytest.mark.parametrize(("change", "expected"), CELLS.items())
def test_a_wrong_table_is_refused(
    change: tuple[str, str], expected: Any, configure: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    csv_file(path)
    path.write_text(path.read_text("utf-8").replace(*change), encoding="utf-8")
    config = configure(3, locations={"file": "a.csv", "ids": ["cat-1"]})
    error, message = expected
    with pytest.raises(error, match=message):
        Component().initialize(str(config))


def test_a_cell_that_is_no_number_is_named(configure: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,aridity\ncat-1,wet\n", encoding="utf-8")
    message = "a.csv: row 2, column 'aridity': found 'wet', expected a number"
    with pytest.raises(DataError, match=message):
        Component().initialize(str(configure(1, locations={"file": "a.csv"})))


def test_wrong_units_in_a_file_are_refused(configure: Any, tmp_path: Path) -> None:
    netcdf_file(tmp_path / "a.nc")
    with netCDF4.Dataset(tmp_path / "a.nc", "a") as file:
        file["area_km2"].units = "mm"
    config = configure(3, locations={"file": "a.nc"})
    with pytest.raises(UnitsError, match=r"a\.nc: area_km2: .* cannot be converted"):
        Component().initialize(str(config))


def test_variables_that_differ_in_capitals_alone_are_refused(
    configure: Any, tmp_path: Path
) -> None:
    netcdf_file(tmp_path / "a.nc")
    with netCDF4.Dataset(tmp_path / "a.nc", "a") as file:
        file.renameVariable("aridity", "Aridity")
    Component().initialize(str(configure(3, locations={"file": "a.nc"})))
    with netCDF4.Dataset(tmp_path / "a.nc", "a") as file:
        file.createVariable("ARIDITY", "f8", file["Aridity"].dimensions)[:] = 1.0
    config = configure(3, locations={"file": "a.nc"})
    with pytest.raises(DataError, match=r"a\.nc: variable 'aridity' is given twice"):
        Component().initialize(str(config))


@pytest.mark.parametrize("name", ["empty.csv", "broken.nc"])
def test_a_file_that_is_no_table_is_refused(
    name: str, configure: Any, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("nothing", encoding="utf-8")
    config = configure(1, locations={"file": name})
    with pytest.raises(DataError, match=f"{name}: (expected a header|not a NetCDF)"):
        Component().initialize(str(config))


def test_a_netcdf_file_without_names_is_refused(configure: Any, tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("x", 1)
        file.createVariable("aridity", "f8", ("x",))[:] = 1.0
    config = configure(1, locations={"file": "a.nc"})
    with pytest.raises(DataError, match="no variable names the locations; expected"):
        Component().initialize(str(config))


def test_a_configuration_is_plain_yaml(configure: Any) -> None:
    settings = yaml.safe_load(configure(1).read_text(encoding="utf-8"))
    assert {*settings} == {"bundle", "start_time", "time_step", "locations"}
