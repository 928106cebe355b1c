"""What the container images are made with works in an empty environment.

The images themselves are built in test_images.py, where that is possible.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .commands_of_images import COMMANDS, TABLE
from .environment import Environment

ROOT = Path(__file__).resolve().parents[1]
DOCKER = ROOT / "docker"
IMAGES = sorted(DOCKER.glob("Dockerfile.*"))
SCRIPTS = sorted(DOCKER.glob("*.sh"))


def pins(name: str) -> dict[str, str]:
    """Return the requirements of a file by lower-case name."""
    text = (DOCKER / name).read_text(encoding="utf-8")
    requirements = re.findall(r"^([\w.]+)([=<].*)$", text, re.MULTILINE)
    return {package.lower(): rule for package, rule in requirements}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_run_and_stop_at_errors(path: Path) -> None:
    assert os.access(path, os.X_OK)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in text
    subprocess.run(["sh", "-n", path], check=True)


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
def test_images_are_pinned_checked_and_not_run_as_root(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert not [name for name in stages if name.endswith(":latest")]
    arguments = dict(re.findall(r"^ARG (\w+)=?(\S*)$", text, re.MULTILINE))
    assert re.fullmatch(r"3\.11\.\d+-slim-\w+", arguments["PYTHON"])
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] in ("1000", "${RUN_AS}")
    assert arguments.get("RUN_AS", "1000") == "1000"
    assert "\nHEALTHCHECK " in text
    # The check is made once as the user who runs, while the image is built.
    assert re.search(r"^USER .*\nRUN \S*/health\.sh$", text, re.MULTILINE)
    for script in re.findall(r"docker/(\w+\.sh)", text):
        assert (DOCKER / script).is_file()


def test_what_the_images_copy_is_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    names = {line[1:] for line in lines if line.startswith("!")}
    assert {"bmi_dmx", "docker", "pyproject.toml", "README.md", "LICENSE"} == names
    assert all((ROOT / name).exists() for name in names)


def test_the_pins_are_those_of_ngiab_and_all_that_operation_imports() -> None:
    required, hosts = pins("requirements.txt"), pins("ngiab.txt")
    assert {name: required[name] for name in required.keys() & hosts.keys()} == {
        "numpy": "==1.26.4",
        "netcdf4": "==1.6.3",
    }
    assert all(rule.startswith("==") for rule in required.values())
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = project.partition("\ndependencies = [")[2].partition("\n]")[0]
    direct = {n.lower() for n in re.findall(r'^\s+"([\w.-]+)', block, re.MULTILINE)}
    pinned = {name.replace("_", "-") for name in required}
    assert direct == pinned - {"cftime"}


@pytest.fixture(scope="module")
def machine(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the pins of NGIAB, into which the scripts installed."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("NGIAB has Python 3.11")
    machine = Environment.made(tmp_path_factory.mktemp("machine"))
    machine.install("-r", DOCKER / "ngiab.txt")
    machine.run(DOCKER / "install.sh", wheel, compiler=True)
    machine.run(DOCKER / "prebuild_kernels.sh", machine.kernels, compiler=True)
    return machine


# Two places, so that the kernels for many are used as well.
RUN = """
import sys
from pathlib import Path
import numpy as np
from bmi_dmx import DeltaHbv, load_bundle
from bmi_dmx.kernels import build
assert build.compiler() is None
bundle = load_bundle("dhbv-conus-daily")
known = bundle.statistics
names = [a.name for a in bundle.plan.attributes if a.name in known]
lines = ["start_time: 2000-01-01", "locations:", "  ids: [a, b]", "  attributes:"]
lines += [f"    {name}: {known[name].typical}" for name in names]
Path("basin.yaml").write_text("\\n".join([*lines, "    latitude: 40.0"]))
model = DeltaHbv()
model.initialize("basin.yaml")
for name in model.get_input_var_names():
    model.set_value(name, np.array([5.0, 5.0]))
model.update_until(30 * 86400.0)
flow = model.get_value_ptr("streamflow")
assert flow[0] == flow[1] > 0.0
assert "torch" not in sys.modules
print("done")
"""


@pytest.mark.slow
def test_components_run_in_ngiab_without_compiler_pytorch_and_warnings(
    machine: Environment,
) -> None:
    # One test, because what it needs takes half a minute to make.
    versions = machine.versions()
    assert (versions["numpy"], versions["netcdf4"]) == ("1.26.4", "1.6.3")
    assert (versions["pydantic"][:2], versions["pandas"][:2]) == ("1.", "2.")
    assert "bmi-dmx" in versions
    assert not {"torch", "black", "jinja2"} & versions.keys()
    assert "dhbv-conus-daily: whole" in machine.run(DOCKER / "health.sh")
    assert "torch not installed" in machine.run("dmx", "info")
    assert "name: dhbv-conus-daily" in machine.run("dmx", "info", "dhbv-conus-daily")
    assert machine.run("python", "-W", "error", "-c", RUN) == "done\n"
    assert not machine.cache.exists()
    assert not (machine.folder / "home" / ".cache").exists()


@pytest.mark.slow
def test_domains_are_prepared_checked_and_run_in_ngiab(machine: Environment) -> None:
    """Nothing is there that the installation did not bring."""
    machine.run("python", "-W", "error", "-c", TABLE)
    outputs = {line: machine.run(*shlex.split(line)) for line in COMMANDS}
    for line, expected in COMMANDS.items():
        assert expected in outputs[line], line


@pytest.mark.slow
def test_what_is_installed_lacks_nothing_that_is_used(machine: Environment) -> None:
    """Beside the template tool of bmipy, which nobody here calls."""
    missing = machine.missing()
    assert missing <= {"black", "click", "jinja2"}
