"""A learned analysis: what it is before it has learned, and what it remembers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bmi_dmx.compose.analysis import Analysis
from bmi_dmx.errors import ConfigError
from bmi_dmx.program import entry_names
from bmi_dmx.program.trace import call_step

SMALL = {"settings": {"hidden": 4, "kernel": 3, "blocks": 1}, "memory": 2}
PUBLISHED = {
    "form": "gain", "network": "amenf_conv", "spread": "band",
    "settings": {"hidden": 4, "kernel": 3}, "memory": 2,
}  # fmt: skip
SIZE = 8


def made(options: dict[str, Any], shaken: float = 0.0) -> Analysis:
    """Return an analysis, its weights moved from where they begin."""
    torch.manual_seed(1)
    process = Analysis(options)
    process.network.double().eval()
    with torch.no_grad():
        for weight in process.network.parameters():
            weight += shaken * torch.randn_like(weight)
    return process


def inputs(process: Analysis, lead: tuple[int, ...] = (3,)) -> dict[str, Tensor]:
    """Return some forecast and observations at a cold start."""
    torch.manual_seed(2)
    shape = (*lead, SIZE)
    arguments = {
        name: torch.full(shape, s.initial, dtype=torch.float64)
        for s in process.states
        for name in entry_names("s", s)
    }
    for forcing in process.forcings:
        arguments[f"f.{forcing.name}"] = torch.rand(shape, dtype=torch.float64) + 0.5
    for state in process.options.states:
        mask = arguments[f"f.{state}_seen"]
        arguments[f"f.{state}_seen"] = (mask > 1.0).double()
    return arguments


@pytest.mark.parametrize("reach", [0, 2])
@pytest.mark.parametrize("states", [("x",), ("x", "y")])
def test_what_has_learned_nothing_is_nudging(
    states: tuple[str, ...], reach: int
) -> None:
    process = made({**SMALL, "states": states, "reach": reach})
    arguments = inputs(process)
    outputs = call_step(process, arguments)
    gain = 1.0 / (1.0 + torch.exp(torch.tensor(2.0, dtype=torch.float64)))
    assert gain == pytest.approx(0.119, abs=1e-3)
    for state in states:
        x, y, mask = (
            arguments[f"f.{state}{end}"] for end in ("", "_observed", "_seen")
        )
        torch.testing.assert_close(
            outputs[f"q.{state}_analysis"], x + gain * mask * (y - x)
        )


@pytest.mark.parametrize("options", [SMALL, PUBLISHED], ids=["increment", "gain"])
def test_where_nothing_is_observed_nothing_changes(options: dict[str, Any]) -> None:
    process = made(options, shaken=0.3)
    arguments = inputs(process)
    arguments["s.memory.0"] = arguments["s.memory.0"] + 0.7
    arguments["f.x_seen"][1] = 0.0
    outputs = call_step(process, arguments)
    assert torch.equal(outputs["q.x_analysis"][1], arguments["f.x"][1])
    assert torch.equal(outputs["s.memory.0"][1], arguments["s.memory.0"][1])
    assert not torch.equal(outputs["q.x_analysis"][0], arguments["f.x"][0])
    assert torch.equal(outputs["s.x_age"][1], torch.ones(SIZE, dtype=torch.float64))


def test_what_stands_where_nothing_was_observed_does_not_matter() -> None:
    process = made(SMALL, shaken=0.3)
    arguments = inputs(process)
    other = dict(arguments)
    missing = arguments["f.x_seen"] == 0.0
    other["f.x_observed"] = torch.where(missing, 1e6, arguments["f.x_observed"])
    one, two = call_step(process, arguments), call_step(process, other)
    for name, values in one.items():
        assert torch.equal(values, two[name]), name


def test_places_age_until_they_are_observed() -> None:
    process = made(SMALL)
    arguments = inputs(process)
    arguments["s.x_age"] = arguments["s.x_age"] + 4.0
    age = call_step(process, arguments)["s.x_age"]
    expected = torch.where(arguments["f.x_seen"] == 1.0, 0.0, 5.0)
    torch.testing.assert_close(age, expected.double())


def test_places_around_have_gains_of_their_own() -> None:
    """With gains that are the same everywhere, increments are a sum of departures."""
    process = made({**SMALL, "reach": 2})
    last = process.network.body.output
    gains = torch.tensor([0.3, -0.2, 0.0, 0.1, 0.6], dtype=torch.float64)
    with torch.no_grad():
        last.bias[1:6] = torch.atanh(gains)
    given = inputs(process)
    found = call_step(process, given)["q.x_analysis"]
    x, y, seen = (given[f"f.x{end}"] for end in ("", "_observed", "_seen"))
    own = torch.sigmoid(torch.tensor(-2.0, dtype=torch.float64))
    weights = torch.tensor([0.3, -0.2, float(own), 0.1, 0.6], dtype=torch.float64)
    departure, expected = seen * (y - x), x.clone()
    for place in range(SIZE):
        for k, weight in zip(range(-2, 3), weights, strict=True):
            near = departure[..., (place + k) % SIZE]
            expected[..., place] += weight * near
    torch.testing.assert_close(found, expected)


def test_members_are_analysed_each_by_itself() -> None:
    process = made({**SMALL, "spread": "none"}, shaken=0.3)
    arguments = inputs(process, (5,))
    order = torch.tensor([3, 0, 4, 1, 2])
    outputs = call_step(process, arguments)
    turned = call_step(process, {name: x[order] for name, x in arguments.items()})
    torch.testing.assert_close(turned["q.x_analysis"], outputs["q.x_analysis"][order])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": 0}, "memory: expected at least 1, found 0"),
        ({"states": []}, "states: found none, expected at least one"),
        ({"reach": -1}, "reach: expected at least 0, found -1"),
        ({"form": "gain", "reach": 2}, "reach: found 2 with form 'gain', expected 0"),
        ({"network": "residual_cnv"}, "residual_conv"),
    ],
)
def test_impossible_analyses_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Analysis(options)
