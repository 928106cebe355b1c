"""Realizations as the framework's own examples write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bmi_dmx.errors import ConfigError
from bmi_dmx.ngen.check import check
from bmi_dmx.ngen.driver import run


@pytest.fixture
def csv_forcing() -> dict[str, Path]:
    """One file of three hours for each catchment, called as nobody would guess."""
    files = {}
    for k in (1, 2, 3):
        path = files[f"cat-{k}"] = Path(f"rain {k}.csv")
        rows = [f"2015-12-01 0{h}:00:00,{k},278.15" for h in range(3)]
        header = "Time,precip_rate[mm h-1],T2D[K]"
        path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return files


def test_a_catchment_may_name_the_one_file_of_its_forcing(
    realize, content, params, domain, csv_forcing
):
    formulations = content["global"]["formulations"]
    content["catchments"] = {
        name: {"formulations": formulations, "forcing": {"path": str(path)}}
        for name, path in csv_forcing.items()
    }
    params["init_config"] = "/dev/null"
    assert check(realize(), domain) == []
    report = run(realize(), domain)
    assert report.runoff == pytest.approx({"cat-1": 3e-3, "cat-2": 6e-3, "cat-3": 9e-3})


def test_forcing_without_a_provider_is_one_csv_file_per_catchment(
    realize, content, domain, csv_forcing
):
    Path("csv").mkdir()
    for name, path in csv_forcing.items():
        path.rename(f"csv/{name}.csv")
    content["global"]["forcing"] = {"path": "csv", "file_pattern": "{{id}}[.]csv"}
    assert realize().source("cat-1").provider == "CsvPerFeature"
    assert run(realize(), domain).runoff["cat-2"] == pytest.approx(6e-3)
    content["global"]["forcing"] = {"path": "nowhere"}
    with pytest.raises(ConfigError, match="nowhere: no such file"):
        run(realize(), domain)


@pytest.fixture
def chain(content, params) -> dict[str, Any]:
    """A chain whose module has no configuration."""
    part = {**params, "init_config": "/dev/null"}
    multi = {
        "model_type_name": "chain", "init_config": "/dev/null",
        "main_output_variable": params["main_output_variable"],
        "modules": [{"name": "bmi_python", "params": part}],
    }  # fmt: skip
    content["global"]["formulations"] = [{"name": "bmi_multi", "params": multi}]
    return part


def test_a_module_may_have_no_configuration(realize, domain, forcing, chain):
    assert check(realize(), domain) == []
    assert run(realize(), domain).runoff["cat-1"] == pytest.approx(6e-3, rel=1e-6)
    chain["init_config"] = "."
    with pytest.raises(ConfigError, match=r"cat-1: init_config: \.: no such file"):
        run(realize(), domain)


def test_the_interval_of_output_changes_nothing_and_is_warned_of(
    realize, content, params, domain, forcing
):
    params["init_config"] = "/dev/null"
    expected = run(realize(), domain).runoff
    content["time"]["output_interval"] = 86400
    assert run(realize(), domain).runoff == expected
    (finding,) = check(realize(), domain)
    assert finding.level == "warning"
    assert "output_interval: 86400 changes nothing" in finding.problem
