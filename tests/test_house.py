"""The house: links, metadata, and what is installed."""

from __future__ import annotations

import re
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

import bmi_dmx

ROOT = Path(__file__).resolve().parents[1]
LINKS = ("models", "trainer", "configs", "benchmarks")


@pytest.mark.parametrize("name", LINKS)
def test_doors_are_relative_links_into_the_package(name: str) -> None:
    link = ROOT / name
    assert link.is_symlink()
    assert link.readlink() == Path("bmi_dmx") / name
    assert (link / "__init__.py").is_file()


def test_a_wheel_installs_one_package_and_nothing_beside_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert tops == {"bmi_dmx", f"bmi_dmx-{bmi_dmx.__version__}.dist-info"}


def test_a_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    package = ROOT / "bmi_dmx"
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        members = {name for name in archive.namelist() if name.startswith("bmi_dmx/")}
    assert members == expected
    assert {
        "bmi_dmx/py.typed",
        "bmi_dmx/kernels/cells.c",
        "bmi_dmx/kernels/loop.c",
    } <= members


def test_a_wheel_carries_version_licence_and_command(wheel: Path) -> None:
    info = f"bmi_dmx-{bmi_dmx.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{info}/METADATA").decode()
        points = archive.read(f"{info}/entry_points.txt").decode()
        licence = archive.read(f"{info}/licenses/LICENSE").decode()
    assert f"\nVersion: {bmi_dmx.__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "dmx = bmi_dmx.cli:main" in points
    assert licence == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_runtime_requires_none_of_the_libraries_that_hosts_pin(
    wheel: Path,
) -> None:
    info = f"bmi_dmx-{bmi_dmx.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{info}/METADATA").decode()
    required = re.findall(r"^Requires-Dist: ([\w.-]+)[^;\n]*$", metadata, re.MULTILINE)
    assert sorted(name.lower() for name in required) == [
        "bmipy", "gimli-units", "netcdf4", "numpy", "pyyaml", "safetensors", "tqdm",
    ]  # fmt: skip


def test_the_licence_is_the_full_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert len(text.splitlines()) > 200


def test_every_entry_point_can_be_loaded(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    (installed,) = distributions(path=[str(tmp_path)])
    # Plug-ins are loaded by their host, which need not be there.
    points = [p for p in installed.entry_points if p.group != "ewatercycle.models"]
    components = {"DeltaHbv", "HybridOcean", "Leaf", "MuskingumCunge"}
    assert {point.name for point in points} >= {"dmx", *components}
    assert all(callable(point.load()) for point in points)


def test_continuous_integration_runs_what_make_test_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    lines = script.read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    assert lines[-1] == "make test"


def test_no_file_is_much_longer_than_400_lines() -> None:
    # A subject is not torn apart for a few lines.
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_bytes().splitlines())
        for folder in ("bmi_dmx", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".c")
    }
    assert {"bmi_dmx/cli.py", "bmi_dmx/kernels/loop.c", "tests/test_house.py"} <= {
        *lines
    }
    assert {name: n for name, n in lines.items() if n > 450} == {}
