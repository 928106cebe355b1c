"""A check compares the configuration of the routing with the run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmi_dmx.config import as_yaml
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.prepare import prepare

from .checks import GEOPACKAGE, change_realization, checked, prepared

PLAN = Path("config/troute.yaml")


@pytest.fixture
def folder(sample, bundle, somewhere, monkeypatch) -> None:
    """A run folder with routing of 48 hours, which is the current folder."""
    prepared(sample, bundle, Path("run"))
    monkeypatch.chdir("run")
    change_realization(
        lambda c: c.update(routing={"t_route_config_file_with_path": str(PLAN)})
    )
    plan = {
        "network_topology_parameters": {
            "supernetwork_parameters": {"geo_file_path": str(GEOPACKAGE)}
        },
        "compute_parameters": {
            "restart_parameters": {"start_datetime": "1979-03-01 00:00:00"},
            "forcing_parameters": {
                "dt": 300, "qts_subdivisions": 12, "nts": 576,
                "qlat_input_folder": "./outputs/ngen/",
            },
        },
    }  # fmt: skip
    PLAN.write_text(as_yaml(plan), encoding="utf-8")


def change(*keys: str, value: Any) -> None:
    """Replace a value of the plan, or remove it (None)."""
    plan = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    *path, last = keys
    block = plan
    for key in path:
        block = block[key]
    if value is None:
        del block[last]
    else:
        block[last] = value
    PLAN.write_text(as_yaml(plan), encoding="utf-8")


def test_a_plan_that_agrees_with_the_run_is_well(folder):
    assert checked() == []
    for start in ("1979-03-01_00:00", "1979/03/01 00:00:00", "1979-03-01T00:00:00Z"):
        change(*RESTART, "start_datetime", value=start)
        assert checked() == []


RESTART = ("compute_parameters", "restart_parameters")
FORCING = ("compute_parameters", "forcing_parameters")
NETWORK = ("network_topology_parameters", "supernetwork_parameters")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ((*NETWORK, "geo_file_path"), "config/other.gpkg",
         "geo_file_path: config/other.gpkg: no such file"),
        (NETWORK, None, "supernetwork_parameters.geo_file_path: missing"),
        ((*RESTART, "start_datetime"), "1979-03-02 00:00:00",
         "start_datetime: found '1979-03-02 00:00:00', the run starts at 1979-03-01"),
        ((*RESTART, "start_datetime"), "1979-03-01T00:00:00+02:00",
         "start_datetime: found '1979-03-01T00:00:00+02:00', the run starts at 1979"),
        ((*RESTART, "start_datetime"), "soon", "start_datetime: found 'soon', the run"),
        ((*FORCING, "nts"), 588,
         "nts: found 588, expected 576: 12 for each of the 48 hours"),
        ((*FORCING, "nts"), "many", "nts: found 'many', expected a whole number"),
        ((*FORCING, "nts"), None, "forcing_parameters.nts: missing; did you mean"),
        ((*FORCING, "dt"), 60, "dt 60 s times qts_subdivisions 12 is 720 s, expected"),
    ],
)  # fmt: skip
def test_what_does_not_agree_with_the_run_is_found(folder, keys, value, message):
    change(*keys, value=value)
    if message.endswith("did you mean"):
        change(*FORCING, "nst", value=1)
    (finding,) = checked()
    assert finding.level == "error"
    assert finding.problem.startswith("config/troute.yaml: ")
    assert message in finding.problem


def test_hours_that_are_not_routed_are_warned_of(folder):
    change(*FORCING, "nts", value=564)
    (finding,) = checked()
    assert finding.level == "warning"
    assert "nts: found 564, expected 576" in finding.problem


def test_inflow_from_elsewhere_is_warned_of(folder):
    change(*FORCING, "qlat_input_folder", value="elsewhere")
    (finding,) = checked()
    assert finding.level == "warning"
    assert "found 'elsewhere', the nexuses are written to './outputs" in finding.problem


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (PLAN.unlink, "t_route_config_file_with_path: config/troute.yaml: no such"),
        (lambda: PLAN.write_text("a: ["), "troute.yaml, line"),
        (lambda: PLAN.write_text("- 1"), "geo_file_path: missing"),
    ],
)
def test_a_plan_that_is_none_is_found(
    folder, spoil: Callable[[], object], message: str
):
    spoil()
    findings = checked()
    assert {f.level for f in findings} == {"error"}
    assert message in findings[0].problem


def test_a_run_that_starts_elsewhere_is_found(folder):
    change_realization(lambda c: c["time"].update(start_time="1979-03-01 12:00:00"))
    problems = " ".join(f.problem for f in checked())
    assert "start_datetime: found '1979-03-01 00:00:00', the run starts at" in problems
    assert "nts: found 576, expected 432" in problems


def test_routing_without_the_files_of_the_nexuses_is_found(folder):
    output = {"root": "./outputs/ngen", "nexus": {"enable": False}}
    change_realization(lambda c: c.update(output=output))
    (finding,) = checked()
    assert finding.level == "error"
    assert "output: nexus: enable: false" in finding.problem


def test_a_prepared_plan_agrees_with_its_run(sample, bundle, shared_data, monkeypatch):
    path = shared_data / "ngen/logan_river_gage-10109001.gpkg"
    ids = list(read_hydrofabric(path).catchments)[:2]
    ours = list(read_hydrofabric(sample[0]).catchments)
    table = Path("x.csv")
    table.write_text("a,b\n" + "".join(map("{},{}\n".format, ids, ours)))
    span = {"start": datetime(1979, 3, 1), "end": datetime(1979, 3, 1, 5)}
    with open_domain(
        path, sample[1], catchments=ids, crosswalk=table, **span
    ) as domain:
        prepare(domain, str(bundle), Path("run"), routing=True)
    monkeypatch.chdir("run")
    monkeypatch.setattr("tests.ngen.checks.GEOPACKAGE", Path(f"config/{path.name}"))
    assert checked() == []
