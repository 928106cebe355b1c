"""Run folders: prepared, checked, run, and the same domain all at once."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import yaml

from bmi_dmx.cli import main
from bmi_dmx.errors import ConfigError, DataError, TimeError
from bmi_dmx.ngen.check import Finding, check
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.driver import run
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.prepare import prepare
from bmi_dmx.ngen.realization import read_realization
from bmi_dmx.ngen.simulate import simulate

SPAN = {"start": datetime(1979, 3, 1), "end": datetime(1979, 3, 4, 23)}
RUNOFF = "land_surface_water__runoff_depth"


@pytest.fixture
def folder(sample, bundle, somewhere) -> Path:
    """A run folder of three catchments and four days, which is the current folder."""
    ids = ["cat-1451", "cat-1453", "cat-1455"]
    with open_domain(*sample, catchments=ids, **SPAN) as domain:
        made = prepare(domain, str(bundle), Path("run"))
    assert (made.catchments, made.hours) == (3, 96)
    os.chdir("run")
    return somewhere / "run"


def checked() -> list[Finding]:
    return check(read_realization(REALIZATION), read_hydrofabric(GEOPACKAGE))


def ran() -> Any:
    return run(read_realization(REALIZATION), read_hydrofabric(GEOPACKAGE))


REALIZATION = Path("config/realization.json")
GEOPACKAGE = Path("config/sample.gpkg")


def change(edit: Callable[[dict[str, Any]], None]) -> None:
    """Change the params of the module in the realization."""
    content = json.loads(REALIZATION.read_text())
    edit(content["global"]["formulations"][0]["params"])
    REALIZATION.write_text(json.dumps(content))


def test_a_run_folder_has_the_layout_of_nextgen_in_a_box(folder):
    for name in ("config", "forcings", "outputs/ngen", "outputs/troute", "restart"):
        assert Path(name).is_dir()
    assert len(list(Path().rglob("*.gpkg"))) == 1
    assert len(list(Path("config").glob("*realization*.json"))) == 1
    assert sorted(read_hydrofabric(GEOPACKAGE).catchments) == [
        "cat-1451", "cat-1453", "cat-1455",
    ]  # fmt: skip
    with netCDF4.Dataset("forcings/forcings.nc") as file:
        assert file["Time"].dimensions == ("catchment-id", "time")
        assert file["precip_rate"].dtype == np.float32
        assert file["precip_rate"].units == "mm s^-1"


def test_a_prepared_folder_is_ready_and_runs_with_its_water_accounted_for(folder):
    assert checked() == []
    report = ran()
    assert report.mass_watched == 3
    assert report.mass_breaches == 0
    assert report.mass_residual < 1e-9
    assert len(list(Path("outputs/ngen").glob("cat-*.csv"))) == 3
    assert len(list(Path("outputs/ngen").glob("*_output.csv"))) == report.nexuses


def test_all_at_once_gives_the_numbers_of_one_by_one(folder, sample, bundle):
    ran()
    ids = ["cat-1451", "cat-1453", "cat-1455"]
    with open_domain(*sample, catchments=ids, **SPAN) as domain:
        simulate(domain, str(bundle), Path("all.nc"))
    with netCDF4.Dataset("all.nc") as file:
        assert file["catchment_id"][:].tolist() == ids
        for k, name in enumerate(ids):
            with open(f"outputs/ngen/{name}.csv", encoding="utf-8") as lines:
                rows = list(csv.DictReader(lines))
            depth = np.array([float(row["runoff[m]"]) for row in rows])
            assert depth.max() > 0
            np.testing.assert_allclose(file[RUNOFF][:, k], depth, rtol=1e-6)


def test_preparing_and_simulating_need_no_pytorch(sample, bundle):
    """The climate attributes of the model are computed from the forcing, too."""
    code = "import sys; sys.modules['torch'] = None; from bmi_dmx.cli import main; "
    code += "sys.exit(main())"
    files = [str(path) for path in sample]
    options = ["--bundle", str(bundle), "--start", "1979-03-01", "--end", "1979-03-01"]
    for line in (
        ["ngen", "prepare", *files, *options, "--output", "made"],
        ["simulate", "--hydrofabric", files[0], "--forcing", files[1], *options,
         "--output", "made.nc"],
    ):  # fmt: skip
        command = [sys.executable, "-c", code, *line]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_simulation_is_continued_from_its_saved_state(sample, bundle):
    ids = ["cat-1451", "cat-1453"]
    last, middle = datetime(1979, 3, 2, 11), datetime(1979, 3, 2, 12)
    for name, start, end, states in (
        ("whole", SPAN["start"], SPAN["end"], {}),
        ("a", SPAN["start"], last, {"save_state": Path("state")}),
        ("b", middle, SPAN["end"], {"state": "state"}),
    ):
        span = {"start": start, "end": end}
        with open_domain(*sample, catchments=ids, **span) as domain:
            simulate(domain, str(bundle), Path(f"{name}.nc"), **states)
    with (
        netCDF4.Dataset("whole.nc") as expected,
        netCDF4.Dataset("a.nc") as a,
        netCDF4.Dataset("b.nc") as b,
    ):
        joined = np.concatenate([a[RUNOFF][:], b[RUNOFF][:]])
        np.testing.assert_array_equal(joined, expected[RUNOFF][:])
        assert b["time"][0] - a["time"][-1] == 3600


def test_nothing_depends_on_the_size_of_the_pieces(sample, bundle, monkeypatch):
    with open_domain(*sample, **SPAN) as domain:
        simulate(domain, str(bundle), Path("whole.nc"))
        monkeypatch.setattr("bmi_dmx.ngen.simulate._BLOCK", 8 * 7)
        simulate(domain, str(bundle), Path("pieces.nc"), outputs=["streamflow", RUNOFF])
    with netCDF4.Dataset("whole.nc") as a, netCDF4.Dataset("pieces.nc") as b:
        np.testing.assert_array_equal(a[RUNOFF][:], b[RUNOFF][:])
        # A depth of an hour (m) and a rate (mm h-1).
        np.testing.assert_allclose(b["streamflow"][:], b[RUNOFF][:] * 1e3, rtol=1e-12)


def test_a_domain_with_routing_names_the_channels(shared_data, sample, bundle):
    path = shared_data / "ngen/logan_river_gage-10109001.gpkg"
    fabric = read_hydrofabric(path)
    ids = list(fabric.catchments)[:2]
    ours = list(read_hydrofabric(sample[0]).catchments)
    Path("x.csv").write_text(f"a,b\n{ids[0]},{ours[0]}\n{ids[1]},{ours[1]}\n")
    table = Path("x.csv")
    with open_domain(
        path, sample[1], catchments=ids, crosswalk=table, **SPAN
    ) as domain:
        prepare(domain, str(bundle), Path("run"), routing=True)
    plan = yaml.safe_load(Path("run/config/troute.yaml").read_text())
    forcing = plan["compute_parameters"]["forcing_parameters"]
    assert (forcing["nts"], forcing["dt"], forcing["qts_subdivisions"]) == (
        1152,
        300,
        12,
    )
    columns = plan["network_topology_parameters"]["supernetwork_parameters"]["columns"]
    assert columns["dx"] == "Length_m"
    assert columns["waterbody"] == "WaterbodyID"


def test_hydrofabric_and_forcing_must_be_of_one_version(shared_data):
    with pytest.raises(DataError, match="same version of the hydrofabric"):
        open_domain(
            shared_data / "ngen_clear_creek_06719505_hydrofabric_v2.2.gpkg",
            shared_data / "ngen_clear_creek_06719505_hourly_2024.nc",
        )


def test_catchments_without_forcing_are_left_out_and_told(sample):
    ids = read_hydrofabric(sample[0]).catchments
    some = list(ids)[:6]
    Path("x.csv").write_text("a,b\n" + "".join(f"{i},{i}\n" for i in some))
    with open_domain(*sample, crosswalk=Path("x.csv")) as domain:
        assert domain.ids == tuple(some)
    assert domain.remarks[0].startswith("2 of 8 catchments have no forcing")
    with pytest.raises(DataError, match="no forcing of 1 catchments"):
        open_domain(*sample, crosswalk=Path("x.csv"), catchments=[list(ids)[7]])


@pytest.mark.parametrize(
    "span",
    [
        {"start": datetime(1978, 12, 31)},
        {"end": datetime(1981, 1, 1)},
        {"start": datetime(1979, 3, 1, 0, 30)},
        {"start": datetime(1979, 3, 2), "end": datetime(1979, 3, 1)},
    ],
)
def test_the_period_must_be_covered(sample, span):
    with pytest.raises(TimeError, match="not one of whole hours within the forcing"):
        open_domain(*sample, **span)


def test_a_folder_that_is_there_is_left_alone(sample, bundle):
    Path("run").mkdir()
    Path("run/mine").touch()
    message = "run: is there already and not empty"
    with (
        open_domain(*sample, **SPAN) as domain,
        pytest.raises(ConfigError, match=message),
    ):
        prepare(domain, str(bundle), Path("run"))


def test_a_domain_of_geojson_and_csv_is_prepared_and_run(shared_data, bundle, capsys):
    """With the example of the framework itself, which needs a table of attributes."""
    folder = shared_data / "ngen"
    Path("forcing").mkdir()
    for path in folder.glob("cat-*.csv"):
        (Path("forcing") / path.name).symlink_to(path)
    rows = [f"cat-{n},3.1,0.9,230,20,35.2,-80.8" for n in (27, 52, 67)]
    names = "id,p_mean,aridity,elevation_mean,slope_mean,latitude,longitude"
    Path("a.csv").write_text("\n".join([names, *rows]), encoding="utf-8")
    fabric = [str(folder / "catchment_data.geojson"), "forcing"]
    options = ["--nexus", str(folder / "nexus_data.geojson"), "--attributes", "a.csv"]
    options += ["--bundle", str(bundle), "--end", "2015-12-02 23:00"]
    assert main(["ngen", "prepare", *fabric, *options, "--output", "run"]) == 0
    files = ["--hydrofabric", "run/config/catchment_data.geojson"]
    files += ["--nexus", "run/config/nexus_data.geojson"]
    assert main(["ngen", "check", "run", *files]) == 0
    assert main(["ngen", "run", "run"]) == 0
    told = capsys.readouterr().out
    assert "3 catchments, 3 nexuses, 48 hours" in told
    # What the example calls mm s^-1 are metres: said by prepare and by check.
    for said in ("note: forcing", "warning: forcings/forcings.nc"):
        assert told.count(f"{said}: precipitation from ") == 1
    first = Path("run/outputs/ngen/cat-27.csv").read_text().splitlines()[1]
    assert first.startswith("0,2015-12-01 00:00:00,")


def test_a_folder_that_fails_is_not_there_at_all(sample, bundle):
    with open_domain(*sample, **SPAN) as domain:
        with pytest.raises(DataError, match="layer 'flowpath-attributes' is missing"):
            prepare(domain, str(bundle), Path("run"), routing=True)
        with pytest.raises(ConfigError, match="expected cold or equilibrium"):
            prepare(domain, str(bundle), Path("run"), state="last.state")
    assert list(Path().iterdir()) == []


# What a check finds.


def wrong(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda params: params.update({key: value})


@pytest.mark.parametrize(
    ("edit", "level", "problem", "cure"),
    [
        (wrong("python_type", "bmi_dmx.Componentt"), "error",
         "no class 'Componentt'; did you mean 'Component'?", "module_path"),
        (wrong("init_config", "./config/{{id}}.yml"), "error",
         "cat-1451: init_config: ./config/cat-1451.yml: no such file", "{{id}}"),
        (wrong("init_config", "./config/cat_config/dmx/cat-1451.yml"), "warning",
         "the same file for all 3 catchments", "put {{id}} into the name"),
        (wrong("init_config", "./config/cat_config/dmx/cat-1451.yml"), "error",
         "cat-1453: init_config: ./config/cat_config/dmx/cat-1451.yml: is of cat-1451",
         "name the catchment in its own file"),
        (wrong("main_output_variable", "land_surface_water__runoff_volume_flux"),
         "error", "'m3 s-1' cannot be converted into 'm': the raw number would be",
         "land_surface_water__runoff_depth"),
        (wrong("main_output_variable", "runof"), "error",
         "main_output_variable: no module has an output 'runof'", "name one of"),
        (wrong("output_variables", ["swe"]), "error",
         "output_variables: no module has an output 'swe'", "name one of"),
        (wrong("uses_forcing_file", True), "error",
         "uses_forcing_file or forcing_file is set", "remove both"),
        (wrong("alow_exceed_end_time", True), "warning",
         "'alow_exceed_end_time'; did you mean 'allow_exceed_end_time'?"[1:20],
         "remove or correct it"),
        (wrong("output_header_fields", ["a"]), "warning",
         "1 output_header_fields for", "one heading for each"),
        (wrong("output_precision", 3), "warning", "output_precision is not used",
         "output: precision"),
        (wrong("mass_balance", {"check": True}), "warning",
         "tolerance 1e-16 is below the rounding", "1e-6"),
        (wrong("mass_balance", {"check": True, "tolerance": 1e-6, "frequency": -1}),
         "warning", "frequency -1 never fires", "set it to 1"),
    ],
)  # fmt: skip
def test_a_fault_of_the_realization_is_found(folder, edit, level, problem, cure):
    change(edit)
    found = checked()
    assert [f for f in found if f.level == level and problem in f.problem], found
    assert [f for f in found if cure in f.cure], found


def edited(edit: Callable[[dict[str, Any]], None], name: str = "cat-1453") -> None:
    """Change the configuration of one catchment."""
    path = Path(f"config/cat_config/dmx/{name}.yml")
    content = yaml.safe_load(path.read_text())
    edit(content)
    path.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda c: c["locations"]["attributes"].pop("aridity"), "attribute 'aridity'"),
        (lambda c: c.update(bundel="x"), "bundel"),
        (lambda c: c.update(bundle="nowhere"), "nowhere"),
    ],
)
def test_a_fault_of_one_catchment_names_it_and_its_file(folder, edit, problem):
    edited(edit)
    (found,) = [f for f in checked() if f.level == "error"]
    for part in ("cat-1453", "cat_config/dmx/cat-1453.yml", problem):
        assert part in found.problem


def test_a_start_other_than_that_of_the_run_is_found(folder):
    edited(lambda c: c.update(start_time="1979-03-02 00:00:00"))
    (found,) = checked()
    assert "cat-1453.yml: start_time: found '1979-03-02 00:00:00'" in found.problem
    assert "the run starts at 1979-03-01 00:00:00" in found.problem


def test_forcing_that_is_too_short_is_found(folder):
    content = json.loads(REALIZATION.read_text())
    content["time"]["end_time"] = "1979-03-05 00:00:00"
    REALIZATION.write_text(json.dumps(content))
    found = checked()
    assert len(found) == 3
    assert (
        "1979-03-01 00:00:00 to 1979-03-05 01:00:00 is not covered" in found[0].problem
    )


def test_a_catchment_without_forcing_is_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["ids"][1] = "cat-9"
    (found,) = checked()
    assert "no forcing of catchment 'cat-1453'" in found.problem
    assert "same version" in found.cure


def test_an_input_that_nothing_gives_is_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file.renameVariable("TMP_2maboveground", "temperature")
    found = checked()
    assert any(
        "nothing gives 'land_surface_air__temperature'" in f.problem for f in found
    )
    assert any("variables_names_map" in f.cure for f in found)


def test_units_that_do_not_convert_are_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["TMP_2maboveground"].units = "W m-2"
    found = checked()
    assert any("'W m-2' cannot be converted into" in f.problem for f in found)


def test_gaps_in_the_forcing_are_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["precip_rate"][2, 5] = np.nan
    (found, *_) = checked()
    assert found.level == "error"
    assert "of 'cat-1455' is missing at 1979-03-01 05:00:00" in found.problem


def test_a_missing_forcing_file_is_found(folder):
    Path("forcings/forcings.nc").unlink()
    (found,) = checked()
    assert "forcings/forcings.nc: no such file" in found.problem


def test_unknown_catchments_of_the_realization_are_told(folder):
    content = json.loads(REALIZATION.read_text())
    content["catchments"] = {
        "cat-14511": {"formulations": content["global"]["formulations"]}
    }
    REALIZATION.write_text(json.dumps(content))
    (found,) = checked()
    assert "'cat-14511' is not in" in found.problem


# Commands.


def test_the_sample_goes_through_all_the_commands(bundle, capsys):
    assert main(["ngen", "sample", "sample"]) == 0
    options = [
        "--bundle",
        str(bundle),
        "--start",
        "1979-03-01",
        "--end",
        "1979-03-01 05:00",
    ]
    domain = ["sample/sample.gpkg", "sample/forcing.nc"]
    line = ["ngen", "prepare", *domain, *options, "--output", "run"]
    assert main(line) == 0
    assert "run: 8 catchments, 6 hours" in capsys.readouterr().out
    assert main(["ngen", "check", "run"]) == 0
    assert "run: ready to run, 0 warnings" in capsys.readouterr().out
    assert main(["ngen", "run", "run", "--catchments", "cat-1451", "cat-1453"]) == 0
    assert "run/outputs/ngen: 2 catchments" in capsys.readouterr().out
    assert Path("run/outputs/ngen/cat-1453.csv").is_file()
    line = ["simulate", "--hydrofabric", domain[0], "--forcing", domain[1]]
    assert main([*line, *options, "--output", "all.nc"]) == 0
    assert "all.nc: 8 catchments, 6 hours" in capsys.readouterr().out


def test_a_failed_check_ends_with_1_and_says_how_to_mend_it(folder, capsys):
    Path("forcings/forcings.nc").unlink()
    os.chdir("..")
    assert main(["ngen", "check", "run"]) == 1
    captured = capsys.readouterr()
    assert (
        "error: forcings/forcings.nc: no such file\n  -> correct path" in captured.out
    )
    assert "run: 1 errors and 0 warnings" in captured.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ngen run nowhere", "nowhere: no such folder"),
        ("ngen check .",
         "config/*realization*.json: expected one realization, found"),
        ("simulate --hydrofabric a.gpkg --forcing b.nc --output c.nc", "a.gpkg: no"),
        (
            "simulate --hydrofabric a --forcing b --output c --start today",
            "--start: found 'today', expected such as",
        ),
    ],
)  # fmt: skip
def test_a_wrong_command_says_what_is_wrong(capsys, line, message):
    assert main(line.split()) == 1
    assert message in capsys.readouterr().err
