"""Bundles with a network of longer steps before another: what is refused of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.compose import Model, ModelSpec, Moments, Statistics
from bmi_dmx.conversion import convert

from .river import change_programs, edit, part, refused, sign

SPEC: dict[str, Any] = {
    "recipe": "lstm",
    "forcings": ["precipitation"],
    "options": {"hidden": 3},
    "daily": {"options": {"hidden": 4}},
    "time_step": "hourly",
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    spec = convert(SPEC, ModelSpec, "model")
    moments = {
        "precipitation": Moments(2.0, 6.0), "streamflow": Moments(1.0, 2.0),
        "daily.precipitation": Moments(2.0, 3.0),
    }  # fmt: skip
    model = Model(spec, Statistics(moments))
    folder = tmp_path_factory.mktemp("good") / "two"
    save_bundle(model, folder, licence="CC0-1.0", provenance={}, scores={})
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "two"))


def test_each_network_has_moments_of_its_own(folder: Path) -> None:
    model = load_bundle(folder).model()
    stds = [model.network(n).normalize_forcing.std.item() for n in ("daily", "dynamic")]
    assert stds == [3.0, 6.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"before": "outlet"}, r"daily\.before: found 'outlet', expected a network"),
        ({"before": "daily"}, r"daily\.before: found 'daily', expected a network"),
        ({"step": 43200.0}, r"daily\.step: found 43200\.0, expected one of the steps"),
        ({"before": ""}, r"daily\.gives: 'learned_flow' is supplied by 'dynamic'"),
    ],
)
def test_networks_that_lead_nowhere_are_refused(
    folder: Path, change: dict[str, Any], message: str
) -> None:
    edit(folder, lambda data: part(data, "daily").update(change))
    sign(folder)
    refused(folder, message)


def test_memories_that_do_not_meet_are_refused(folder: Path) -> None:
    def rename(data: dict[str, Any]) -> None:
        part(data, "dynamic")["variables"]["states"][0]["name"] = "other"

    edit(folder, rename)
    sign(folder)
    refused(folder, r"before: 'dynamic' remembers other, cell, and this network hidde")


CHANGES: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda data: data.pop("daily.transfer"), r"program 'daily\.transfer' is missing"),
    (
        lambda data: data.update({"daily.transfer": data["daily"]}),
        r"daily\.transfer: input 's?\S+",
    ),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_what_leads_on_is_looked_at(
    folder: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    change_programs(folder, change)
    refused(folder, message)


def test_what_leads_on_is_tried(folder: Path) -> None:
    """A memory as wide as that of the days is none for the hours."""

    def widen(data: dict[str, Any]) -> None:
        program = data["daily.transfer"]
        program["outputs"]["s.hidden"] = program["inputs"]["s.hidden"]

    change_programs(folder, widen)
    refused(folder, r"daily\.transfer: output 's\.hidden': expected 3 finite numbers")
