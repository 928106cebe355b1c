"""Starting without a file: as with one, at many places, and at what cost."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component
from bmi_dmx.benchmarks.measure import in_new_process
from bmi_dmx.bmi.settings import LocationSettings, Settings
from bmi_dmx.bundle import Bundle
from bmi_dmx.errors import ConfigError, DataError, StateError
from bmi_dmx.operate.bundle_cache import shared_bundle

from .untrained import START, attributes, run, weather

IDS = ("cat-0", "cat-1", "cat-2")


@pytest.fixture
def known(bundle: Path) -> Bundle:
    return shared_bundle(bundle)


def settings(**changes: Any) -> Settings:
    usual = {
        "start_time": datetime.fromisoformat(START),
        "locations": LocationSettings(ids=IDS),
    }
    return Settings(**{**usual, **changes})


def arrays(n: int = 3) -> dict[str, np.ndarray]:
    return {name: np.array(values) for name, values in attributes(n).items()}


def test_a_start_from_arrays_is_a_start_from_a_file(start: Any, known: Bundle) -> None:
    forcing, outputs = weather(40, 3), ("streamflow", "snowpack")
    expected = run(start(3), forcing, range(40), outputs)
    component = Component()
    component.start(settings(), known, arrays())
    series = run(component, forcing, range(40), outputs)
    for name in outputs:
        np.testing.assert_array_equal(series[name], expected[name])


def test_attributes_may_stand_in_both(known: Bundle) -> None:
    properties = arrays()
    places = LocationSettings(ids=IDS, attributes={"aridity": 0.7, "p_mean": 3.0})
    component = Component()
    others = {name: x for name, x in properties.items() if name != "aridity"}
    component.start(settings(locations=places), known, others)
    assert component.get_value_ptr("aridity").tolist() == [0.7, 0.7, 0.7]
    assert component.get_value_ptr("p_mean").tolist() == properties["p_mean"].tolist()


@pytest.mark.parametrize(
    ("changes", "given", "error", "message"),
    [
        ({}, {"ariditi": np.ones(3)}, ConfigError, "unknown 'ariditi'; did you mean"),
        ({}, {"aridity": np.ones(2)}, ConfigError, "aridity: found 2 values, expected"),
        ({}, {"latitude": np.full(3, 95.0)}, DataError, "'latitude' at 'cat-0' is 95"),
        ({"locations": None}, {}, ConfigError, "locations: missing"),
        ({"state": "gone"}, {}, StateError, "state: gone: no such file"),
    ],
)
def test_what_is_wrong_is_said(
    known: Bundle,
    changes: dict[str, Any],
    given: dict[str, np.ndarray],
    error: type[Exception],
    message: str,
) -> None:
    component = Component()
    with pytest.raises(error, match=message):
        component.start(settings(**changes), known, {**arrays(), **given})
    with pytest.raises(StateError, match="has not been called"):
        component.update()


COST = """
import gc, json, sys
from datetime import datetime
from pathlib import Path
from time import process_time
import numpy as np
from bmi_dmx import Component
from bmi_dmx.benchmarks.measure import resident
from bmi_dmx.bmi.settings import LocationSettings, Settings
from bmi_dmx.operate.bundle_cache import bundle_named

bundle = bundle_named("dhbv-conus-daily", Path())
usual = {name: known.typical for name, known in bundle.statistics.items()}

def started(n):
    ids = tuple(f"cat-{k}" for k in range(n))
    given = {"latitude": 40.0, "area_km2": 10.0, **usual}
    component = Component()
    component.start(
        Settings(start_time=datetime(2000, 1, 1), time_step="%s",
                 locations=LocationSettings(ids=ids)),
        bundle, {name: np.full(n, value) for name, value in given.items()},
    )
    for name in component.get_input_var_names():
        component.set_value(name, np.full(n, 5.0))
    component.update()
    return component

first = started(1)
gc.collect()
before, begin = resident(), process_time()
many = started(10_000)
spent = process_time() - begin
gc.collect()
print(json.dumps({"seconds": spent, "bytes": (resident() - before) / 10_000}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by Linux alone")
@pytest.mark.parametrize("time_step", ["daily", "hourly"])
def test_ten_thousand_places_start_at_once(time_step: str) -> None:
    cost = in_new_process(COST % time_step)
    assert cost["seconds"] < 2.0
    assert cost["bytes"] < 10_000
