"""What others build and check with says the same as the package does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

import bmi_dmx

from .test_distribution import PYTHONS

ROOT = Path(__file__).resolve().parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def dependencies() -> dict[str, str]:
    """Return what operation needs, and which versions, by normal names."""
    block = PROJECT.partition("\ndependencies = [")[2].partition("\n]")[0]
    requirements = re.findall(r'^\s+"([\w.-]+)([<>=.,\d]*)', block, re.MULTILINE)
    return {name.lower().replace("-", "_"): rule for name, rule in requirements}


def test_the_recipe_of_conda_asks_for_what_the_package_asks_for() -> None:
    recipe = read("conda/recipe.yaml")
    assert recipe["context"]["version"] == bmi_dmx.__version__
    run = [line.partition(" ") for line in recipe["requirements"]["run"]]
    requirements = {name: rule for name, _, rule in run}
    python = requirements.pop("python")
    assert f'requires-python = "{python}"' in PROJECT
    assert requirements == dependencies()
    (torch,) = re.findall(r'^torch = \["torch(.*?)"\]', PROJECT, re.MULTILINE)
    assert recipe["requirements"]["run_constraints"] == [f"pytorch {torch}"]


def test_the_command_of_conda_is_that_of_the_package() -> None:
    (entry,) = read("conda/recipe.yaml")["build"]["python"]["entry_points"]
    name, _, place = entry.partition(" = ")
    assert f'[project.scripts]\n{name} = "{place}"\n' in PROJECT


def test_continuous_integration_calls_targets_that_there_are() -> None:
    jobs = read(".github/workflows/test.yml")["jobs"]
    steps = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    targets = {x for step in steps for x in re.findall(r"make (\w+)", step)}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    promised = {"check", "test", "dist", "images", "nightly", "sanitize", "coverage"}
    assert promised | {"bench"} <= targets


def test_continuous_integration_covers_what_is_promised() -> None:
    cases = read(".github/workflows/test.yml")["jobs"]["fast"]["strategy"]["matrix"]
    assert {case["python"] for case in cases["include"]} == set(PYTHONS)
    assert {case["cc"] for case in cases["include"]} == {"gcc", "clang"}
    (lowest, above) = re.findall(
        r'^torch = \["torch>=([\d.]+),<([\d.]+)"\]', PROJECT, re.MULTILINE
    )[0]
    versions = {case["torch"] for case in cases["include"]}
    assert versions >= {f"torch=={lowest}.*", f"torch<{above}"}
    arrays = {case["numpy"] for case in cases["include"]}
    assert arrays == {"numpy==1.26.*", "numpy>=2"}
    promised = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
    assert promised == list(PYTHONS)
