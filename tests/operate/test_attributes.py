"""What is known of places, and what a model has never seen like it."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from bmi_dmx.networks.statistics import Moments, Statistics
from bmi_dmx.operate.attributes import far_ones
from bmi_dmx.operate.repeated_warnings import afresh, warn_once
from bmi_dmx.variables import Attribute

from ..bmi.untrained import attributes

TOLD = "bmi_dmx.operate.attributes"


def far(name: str, values: list[float], moments: Moments) -> list[str]:
    attributes = {name: Attribute(name=name, bounds=(0.0, 1e6))}
    ids = [f"p{k}" for k in range(len(values))]
    statistics = Statistics({name: moments})
    outliers = far_ones(statistics, attributes, ids, {name: np.array(values)})
    return [str(each) for each in outliers]


def test_the_furthest_place_is_named_with_what_is_usual() -> None:
    moments = Moments(3.0, 0.5)
    assert far("x", [3.0, 1.6, np.nan, 4.4], moments) == []
    assert far("x", [3.0, 4.6], moments) == ["'x' of 'p1' is 4.6 (usually 1.5 to 4.5)"]
    assert far("x", [9.0, 3.0, 0.0, 20.0, np.nan], moments) == [
        "'x' of 3 places, furthest of 'p3' with 20 (usually 1.5 to 4.5)"
    ]


@pytest.mark.parametrize(
    ("transform", "usual", "typical"),
    [("log", (0.5, 32.0), 4.0), ("sqrt", (0.0, 256.0), 49.0)],
)
def test_what_is_usual_follows_the_transform(
    transform: Any, usual: tuple[float, float], typical: float
) -> None:
    mean, std = {"log": (np.log(4.0), np.log(2.0)), "sqrt": (7.0, 3.0)}[transform]
    moments = Moments(float(mean), float(std), transform)
    assert moments.typical == pytest.approx(typical)
    assert moments.usual == pytest.approx(usual)
    inside = [usual[0] + 1e-6, typical, usual[1] - 1e-6]
    assert far("x", inside, moments) == []
    assert np.abs(moments.standardized(inside)).max() <= 3.0
    assert far("x", [typical, usual[1] + 0.1], moments)[0].startswith("'x' of 'p1'")


def test_a_component_says_once_which_attributes_are_far(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    columns = attributes(3)
    start(3, name="usual.yaml")
    assert not [r for r in caplog.records if r.name == TOLD and r.levelname != "INFO"]
    columns["elevation"][1], columns["p_mean"][:2] = 4000.0, [9.0, 20.0]
    places = {"ids": ["a", "b", "c"], "attributes": columns}
    component = start(3, name="far.yaml", locations=places)
    component.get_value_ptr("beta")
    records = [r for r in caplog.records if r.name == TOLD and r.levelname == "WARNING"]
    assert [r.getMessage() for r in records] == [
        "a and 2 more: attributes are far from what the model was trained with: "
        "'p_mean' of 2 places, furthest of 'b' with 20 (usually 0 to 6); "
        "'elevation' of 'b' is 4000 (usually -400 to 1400); more of this is said at "
        "level DEBUG"
    ]


def test_each_command_says_it_anew(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger(TOLD)
    for _ in range(2):
        with afresh():
            for place in "ab":
                warn_once(log, "x", "%s is far", place)
    messages = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert messages == ["a is far; more of this is said at level DEBUG"] * 2
