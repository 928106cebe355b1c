"""What a check refuses, a run refuses, and the other way round."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import netCDF4
import pytest

from bmi_dmx import Component
from bmi_dmx.errors import DmxError

from .checks import (
    GEOPACKAGE,
    REALIZATION,
    change_catchments,
    change_forcing,
    change_params,
    change_realization,
    checked,
    prepared,
    ran,
)

CONFIG = "config/cat_config/dmx"
RUNOFF = "land_surface_water__runoff_depth"
PRECIPITATION = "atmosphere_water__liquid_equivalent_precipitation_rate"


@pytest.fixture
def folder(sample, bundle, somewhere, monkeypatch) -> Path:
    prepared(sample, bundle, Path("run"))
    monkeypatch.chdir("run")
    return Path.cwd()


def refused() -> tuple[str | None, str | None]:
    """Return what a check and a run refuse with, as they are called one by one."""
    return reason(check_refuses), reason(ran)


def reason(action: Callable[[], object]) -> str | None:
    try:
        action()
    except (DmxError, OSError) as error:
        return str(error)
    return None


def check_refuses() -> None:
    errors = [finding.problem for finding in checked() if finding.level == "error"]
    if errors:
        raise DmxError(errors[0])


def params(**keys: Any) -> Callable[[], None]:
    return lambda: change_params(**keys)


def time(**keys: Any) -> Callable[[], None]:
    return lambda: change_realization(lambda c: c["time"].update(keys))


def top(**keys: Any) -> Callable[[], None]:
    return lambda: change_realization(lambda c: c.update(keys))


def configuration(**keys: Any) -> Callable[[], None]:
    return lambda: change_catchments("cat-1453", **keys)


def forcing(edit: Callable[[netCDF4.Dataset], object]) -> Callable[[], None]:
    def change() -> None:
        with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
            edit(file)

    return change


def units(name: str, text: str) -> Callable[[], None]:
    return forcing(lambda file: file[name].setncattr("units", text))


def text(edit: Callable[[str], str]) -> Callable[[], None]:
    return lambda: REALIZATION.write_text(edit(REALIZATION.read_text()))


def a_file(path: str) -> Callable[[], None]:
    def change() -> None:
        with suppress(OSError):
            Path(path).rmdir()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("")

    return change


def a_folder(path: str) -> Callable[[], None]:
    return lambda: Path(path).mkdir(parents=True)


def state_of(catchment: str, hours: int = 0) -> Callable[[], None]:
    def change() -> None:
        model = Component()
        model.initialize(f"{CONFIG}/{catchment}.yml")
        for name, value in zip(model.get_input_var_names(), (0.1, 5.0), strict=True):
            model.set_value(name, value)
        model.update_until(3600.0 * hours)
        model.save_state(f"{CONFIG}/a.state")
        change_catchments("cat-1453", state="a.state")

    return change


def own(entry: Mapping[str, Any]) -> Callable[[], None]:
    def change(content: dict[str, Any]) -> None:
        content["catchments"] = {"cat-1453": {**content["global"], **entry}}

    return lambda: change_realization(change)


def groups(formulation: str) -> Callable[[], None]:
    def change(content: dict[str, Any]) -> None:
        content["formulation_groups"] = {"a": content["global"]["formulations"]}
        content["forcing_groups"] = {"b": content["global"]["forcing"]}
        entry = {"formulations": formulation, "forcing": "b"}
        content["catchments"] = {"cat-1453": entry}

    return lambda: change_realization(change)


def both(*changes: Callable[[], None]) -> Callable[[], None]:
    return lambda: [change() for change in changes] and None


SAVE = {"direction": "save", "label": "l", "path": "s", "type": "FilePerUnit"}

REFUSED: dict[str, Callable[[], None]] = {
    "an output root that is a file": a_file("outputs/ngen"),
    "an output root below a file": both(a_file("a"), top(output_root="a/b")),
    "an output root nobody can make": top(output_root="/proc/nowhere"),
    "a file of output that is a folder": a_folder("outputs/ngen/cat-1453.csv"),
    "a file of a nexus that is a folder": a_folder("outputs/ngen/nex-1454_output.csv"),
    "a parameter out of bounds": params(model_params={"fc": 1e6}),
    "a parameter out of bounds at one": params(
        model_params={"lp": {"source": "hydrofabric", "from": "areasqkm"}}
    ),
    "a parameter nobody knows": params(model_params={"field_capacity": 1.0}),
    "a parameter from elsewhere": params(model_params={"fc": {"source": "table"}}),
    "units that cannot be converted": units("precip_rate", "K"),
    "units that are none": units("TMP_2maboveground", "furlongs of snow"),
    "a forcing under another name": forcing(
        lambda file: file.renameVariable("TMP_2maboveground", "warmth")
    ),
    "a gap": lambda: change_forcing("precip_rate", 1, 5, float("nan")),
    "an absurd value": lambda: change_forcing("precip_rate", 1, 5, -3.0),
    "a state of another catchment": state_of("cat-1451"),
    "a state of another time": state_of("cat-1453", 5),
    "a state that is none": both(
        a_file(f"{CONFIG}/a.state"), configuration(state="a.state")
    ),
    "no state": configuration(state="nowhere.state"),
    "a start of a state that is not there": configuration(start_time="state"),
    "another start": configuration(start_time="1979-03-02"),
    "an end before the last hour": configuration(end_time="1979-03-02"),
    "a key nobody knows": configuration(mod="daily"),
    "a daily step": configuration(time_step="daily"),
    "a file of another": params(init_config=f"{CONFIG}/cat-1451.yml"),
    "a file that is not there": params(init_config=f"{CONFIG}/{{{{ID}}}}.yml"),
    "folders of another system": params(init_config=CONFIG.replace("/", "\\")),
    "a class nobody knows": params(python_type="bmi_dmx.Componentt"),
    "a forcing file of its own": params(uses_forcing_file=True),
    "no outputs at all": params(output_variables=[]),
    "a column nobody knows": params(output_variables=["runof"]),
    "a main output nobody knows": params(main_output_variable="runof"),
    "a flow for a depth": params(
        main_output_variable="land_surface_water__runoff_volume_flux"
    ),
    "more hours than the forcing has": time(end_time="1979-03-09 00:00:00"),
    "hours between those of the forcing": time(
        start_time="1979-03-01 00:30:00", end_time="1979-03-01 10:30:00"
    ),
    "an end before the start": time(end_time="1979-02-01 00:00:00"),
    "no interval": lambda: change_realization(
        lambda c: c["time"].pop("output_interval")
    ),
    "another provider": lambda: change_realization(
        lambda c: c["global"]["forcing"].update(provider="CsvPerFeature")
    ),
    "no forcing": lambda: Path("forcings/forcings.nc").unlink(),
    "a catchment the forcing lacks": forcing(
        lambda file: file["ids"].__setitem__(1, "cat-9")
    ),
    "a routing that is not there": top(
        routing={"t_route_config_file_with_path": "config/troute.yaml"}
    ),
    "states to restore that are not there": top(
        serialization={"path": "nowhere", "restore": {"check": True}}
    ),
    "states saved at no time": top(state_saving=[{**SAVE, "when": "StartOfRun"}]),
    "an own formulation without a file": own({
        "formulations": [{"name": "bmi_python", "params": {
            "model_type_name": "x", "python_type": "bmi_dmx.Component",
            "init_config": "{{id}}.yml", "main_output_variable": RUNOFF}}],
    }),
    "a group nobody knows": groups("c"),
    "a format nobody knows": top(output={"nexus": {"format": "hdf"}}),
    "a comment": text(lambda content: f"// mine\n{content}"),
    "a comma too many": text(lambda content: content.rstrip()[:-1] + ",}"),
    "a key twice": text(lambda c: c.replace('"time"', '"output_root": "a", "time"')),
}  # fmt: skip

ACCEPTED: dict[str, Callable[[], None]] = {
    "nothing": lambda: None,
    "an output root to be made": top(output_root="a/b/c"),
    "a parameter": params(model_params={"fc": "250"}),
    "an attribute that is skipped": params(model_params={"p_mean": -1.0}),
    "a parameter from the hydrofabric": params(
        model_params={"area_km2": {"source": "hydrofabric", "from": "areasqkm"}}
    ),
    "a parameter that is not in the hydrofabric": params(
        model_params={"area_km2": {"source": "hydrofabric", "from": "area"}}
    ),
    "units of the same kind": units("precip_rate", "mm/s"),
    "a gap that is filled": both(
        lambda: change_forcing("precip_rate", 1, 5, float("nan")),
        lambda: change_catchments(
            "cat-1451", "cat-1453", "cat-1455", forcing_policy="hold"
        ),
    ),
    "a state of its own": state_of("cat-1453"),
    "a start at the time of a state": both(
        state_of("cat-1453"), configuration(state="a.state", start_time="state")
    ),
    "fewer headings": params(output_header_fields=["a"]),
    "a column twice": params(output_variables=[RUNOFF] * 2),
    "an interval of a day": time(output_interval=86400),
    "an interval in text": time(output_interval="3600"),
    "a mark of the byte order": text(lambda content: f"\ufeff{content}"),
    "an own formulation with a name put in": own({}),
    "groups": groups("a"),
    "output together": top(output={"catchment": {"grouping": "per_formulation"}}),
    "nexuses in NetCDF": top(output={"nexus": {"format": "netcdf"}}),
    "states saved": top(serialization={"path": "s", "save": {"frequency": -1}}),
    "states of the other dialect": top(state_saving=[{**SAVE, "when": "EndOfRun"}]),
    "a catchment that is not there": lambda: change_realization(
        lambda c: c.update(catchments={"cat-9": c["global"]})
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_one_refuses_the_other_refuses(folder, name):
    REFUSED[name]()
    check, run = refused()
    assert check, "the check accepts it"
    assert run, "the run accepts it"
    files = [path for path in Path("outputs").rglob("*.csv") if path.is_file()]
    # Values are looked at when their hour has come.
    assert bool(files) == (name in ("a gap", "an absurd value"))


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_one_accepts_the_other_accepts(folder, name):
    ACCEPTED[name]()
    assert refused() == (None, None)


def test_a_domain_is_as_it_was_after_a_check(folder):
    before = sorted(Path().rglob("*"))
    change_realization(lambda c: c.update(output_root="a/b"))
    assert checked() == []
    assert sorted(Path().rglob("*")) == before
    assert json.loads(REALIZATION.read_text())["output_root"] == "a/b"
    assert GEOPACKAGE.is_file()
