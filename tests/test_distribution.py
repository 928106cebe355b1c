"""What is given away: a wheel and a source distribution that stand alone."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest

from .commands_of_images import COMMANDS, TABLE
from .environment import Environment, interpreter

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
RUNTIME = {
    "bmi-dmx", "bmipy", "cftime", "gimli.units", "netcdf4", "numpy", "pyyaml",
    "safetensors", "tqdm",
}  # fmt: skip
OF_BMIPY = {"black", "click", "jinja2"}
"""Its template tool, which brings packages of its own along."""


def contents(wheel: Path) -> dict[str, str]:
    """Return the hash of every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
        }


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in a source distribution."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        for member in archive:
            assert member.isreg(), f"{member.name}: neither links nor devices"
            target = folder / member.name
            assert target.resolve().is_relative_to(folder.resolve())
            target.parent.mkdir(parents=True, exist_ok=True)
            stream = archive.extractfile(member)
            assert stream is not None
            target.write_bytes(stream.read())
            target.chmod(member.mode)
    (top,) = folder.iterdir()
    return top


def test_the_index_would_take_both(wheel: Path, sdist: Path) -> None:
    pytest.importorskip("twine")
    process = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", wheel, sdist],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.count("PASSED") == 2


def test_a_source_distribution_holds_what_is_built_and_read(unpacked: Path) -> None:
    entries = {path.name for path in unpacked.iterdir()}
    assert entries == {
        "bmi_dmx", "docs", "docker", ".dockerignore", ".gitignore", "CHANGELOG.md",
        "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "PKG-INFO", "README.md",
        "SECURITY.md", "pyproject.toml",
    }  # fmt: skip
    names = [path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*")]
    assert not [name for name in names if "__pycache__" in name or "tests" in name]
    assert [name for name in names if name.endswith("/weights.safetensors")]


@pytest.mark.slow
def test_a_source_distribution_builds_the_same_wheel(
    unpacked: Path, wheel: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    subprocess.run([*command, tmp_path], cwd=unpacked, check=True, capture_output=True)
    (again,) = tmp_path.glob("*.whl")
    assert contents(again) == contents(wheel)


@pytest.fixture(scope="module")
def make(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Environment]:
    """Return a clean environment of a Python; all share what they compile."""
    cache = tmp_path_factory.mktemp("kernels")

    def made(version: str) -> Environment:
        python = interpreter(version)
        if python is None:
            pytest.skip(f"Python {version} is not installed")
        folder = tmp_path_factory.mktemp("environment")
        return Environment.made(folder, python, cache)

    return made


def use(environment: Environment) -> None:
    """Run what a stranger runs."""
    environment.run("python", "-W", "error", "-c", TABLE, compiler=True)
    for line, expected in COMMANDS.items():
        output = environment.run(*shlex.split(line), compiler=True)
        assert expected in output, line


@pytest.mark.slow
@pytest.mark.parametrize(
    "python",
    [
        pytest.param(python, marks=[] if python == OWN else pytest.mark.release)
        for python in PYTHONS
    ],
)
def test_a_wheel_is_all_that_operation_needs(
    python: str, make: Callable[[str], Environment], wheel: Path
) -> None:
    environment = make(python)
    environment.install(wheel)
    assert environment.missing() == set()
    packages = set(environment.versions())
    assert packages >= RUNTIME | OF_BMIPY
    assert not packages & {"torch", "pandas", "xarray", "matplotlib", "lightning"}
    use(environment)


def requirements(wheel: Path) -> list[str]:
    """Return what a wheel requires of whoever installs it, extras aside."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        fields = message_from_bytes(archive.read(name))
    every = fields.get_all("Requires-Dist") or []
    return [line for line in every if "extra ==" not in line]


@pytest.mark.release
def test_the_oldest_libraries_that_are_allowed_will_do(
    make: Callable[[str], Environment], wheel: Path
) -> None:
    environment = make("3.10")
    environment.install("uv")
    uv = ("uv", "pip", "install", "--quiet", "--resolution", "lowest-direct")
    # Lowest are those that are asked for here, not what a wheel that is asks for.
    packages = (wheel, *requirements(wheel))
    environment.run(*uv, "--python", "venv/bin/python", *packages, compiler=True)
    versions = environment.versions()
    assert versions["numpy"] == "1.26.0"
    assert versions["netcdf4"] == "1.6.3"
    use(environment)


@pytest.mark.release
def test_ewatercycle_runs_the_installed_components(
    make: Callable[[str], Environment], wheel: Path
) -> None:
    environment = make("3.11")
    environment.install(wheel)
    # Of its requirements, those without which it cannot be imported.
    environment.install("pytest", "grpc4bmi", "cartopy", "fiona", "matplotlib",
                        "pydantic", "remotebmi", "ruamel-yaml", "shapely", "xarray",
                        "dask", "hydroerr")  # fmt: skip
    environment.install("--no-deps", "ewatercycle>=2.5,<3")
    output = environment.run(
        "python", "-m", "pytest", "--noconftest", "-c", "/dev/null", "-rs", "-W",
        "default", "-p", "no:cacheprovider",
        Path(__file__).parent / "run" / "test_ewatercycle.py", compiler=True,
    )  # fmt: skip
    assert "4 passed" in output
    assert "skipped" not in output
