"""`dmx ngen` and `dmx simulate`: from a domain to numbers, and how they fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bmi_dmx import config
from bmi_dmx.cli import main


def test_the_sample_goes_through_all_the_commands(bundle, capsys):
    assert main(["ngen", "sample", "sample"]) == 0
    options = [
        "--bundle",
        str(bundle),
        "--start",
        "1979-03-01T00:00Z",
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


def test_a_domain_of_geojson_and_csv_is_prepared_and_run(shared_data, bundle, capsys):
    """With the example of the framework itself, which needs a table of attributes.

    Where it lies is said by its outlines.
    """
    folder = shared_data / "ngen"
    Path("forcing").mkdir()
    for path in folder.glob("cat-*.csv"):
        (Path("forcing") / path.name).symlink_to(path)
    rows = [f"cat-{n},3.1,0.9,230,20" for n in (27, 52, 67)]
    names = "id,p_mean,aridity,elevation_mean,slope_mean"
    Path("a.csv").write_text("\n".join([names, *rows]), encoding="utf-8")
    fabric = [str(folder / "catchment_data.geojson"), "forcing"]
    options = ["--nexus", str(folder / "nexus_data.geojson"), "--attributes", "a.csv"]
    options += ["--bundle", str(bundle), "--end", "2015-12-02 23:00"]
    assert main(["ngen", "prepare", *fabric, *options, "--output", "run"]) == 0
    locations = config.read(Path("run/config/cat_config/dmx/cat-67.yml"))["locations"]
    assert locations["attributes"]["latitude"] == pytest.approx(35.2, abs=0.1)
    files = ["--hydrofabric", "run/config/catchment_data.geojson"]
    files += ["--nexus", "run/config/nexus_data.geojson"]
    assert main(["ngen", "check", "run", *files]) == 0
    assert main(["ngen", "run", "run"]) == 0
    output = capsys.readouterr().out
    assert "3 catchments, 3 nexuses, 48 hours" in output
    # What the example calls mm s^-1 are metres: said by prepare and by check.
    for prefix in ("note: forcing", "warning: forcings/forcings.nc"):
        assert output.count(f"{prefix}: precipitation from ") == 1
    first = Path("run/outputs/ngen/cat-27.csv").read_text().splitlines()[1]
    assert first.startswith("0,2015-12-01 00:00:00,")


def test_preparing_and_simulating_need_no_pytorch(sample, bundle):
    """The climate attributes of the model are computed from the forcing, too."""
    code = "import sys; sys.modules['torch'] = None; from bmi_dmx.cli import main; "
    code += "sys.exit(main())"
    files = [str(path) for path in sample]
    options = ["--bundle", str(bundle), "--start", "1979-03-01", "--end", "1979-03-02"]
    for line in (
        ["ngen", "prepare", *files, *options, "--output", "made"],
        ["simulate", "--hydrofabric", files[0], "--forcing", files[1], *options,
         "--output", "made.nc"],
    ):  # fmt: skip
        command = [sys.executable, "-c", code, *line]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr


def test_a_failed_check_ends_with_1_and_says_how_to_mend_it(folder, capsys):
    Path("forcings/forcings.nc").unlink()
    os.chdir("..")
    assert main(["ngen", "check", "run"]) == 1
    captured = capsys.readouterr()
    assert (
        "error: forcings/forcings.nc: no such file\n  -> correct path" in captured.out
    )
    assert "run: 1 error, 0 warnings" in captured.err
    assert main(["ngen", "check", "run", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found["level"] == "error"
    assert found["problem"] == "forcings/forcings.nc: no such file"
    assert found["cure"].startswith("correct path")


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
