"""Many components in one process: what they share and cost, and never mix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component
from bmi_dmx.operate.bundle_cache import name_from, named_from

from ..bmi.nextgen import HOURLY, RUNOFF, TWO, VALUES, step
from ..bmi.untrained import attributes, weather


def test_further_catchments_share_what_they_can(start: Any) -> None:
    one, other = (start(1, name=f"{k}.yaml", **HOURLY) for k in "ab")
    assert one._model().stages is other._model().stages
    assert one._known.catalogue is other._known.catalogue


def test_a_further_catchment_is_cheap(configure: Any) -> None:
    """An hourly one with 16 members: a good deal less than 50 kB."""
    import gc
    import tracemalloc

    path = str(configure(1, **HOURLY))
    alive = []

    def begin() -> None:
        model = Component()
        model.initialize(path)
        step(model, VALUES, (RUNOFF,))
        alive.append(model)

    begin()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            begin()
        gc.collect()  # what waits to be collected costs no further catchment
        each = (tracemalloc.get_traced_memory()[0] - before) / 20
    finally:
        tracemalloc.stop()
    assert each < 45_000


def test_numbers_do_not_depend_on_other_catchments(start: Any) -> None:
    forcing = weather(50, 3, hours=1.0)
    together = start(3, name="all.yaml", **HOURLY)
    alone = []
    for k in range(3):
        columns = {name: values[k] for name, values in attributes(3).items()}
        places = {"ids": [f"cat-{k}"], "attributes": columns}
        alone.append(start(1, name=f"{k}.yaml", locations=places, **HOURLY))
    for hour in range(50):
        for name, short in zip(TWO, ("precipitation", "air_temperature"), strict=True):
            values = forcing[short][hour]
            together.set_value(name, values)
            for k, model in enumerate(alone):
                model.set_value(name, values[k : k + 1])
        for model in (together, *alone):
            model.update()
    each = [model.get_value_ptr(RUNOFF)[0] for model in alone]
    np.testing.assert_allclose(together.get_value_ptr(RUNOFF), each, rtol=1e-12)


def test_a_bundle_that_a_file_names_is_the_same_wherever_a_process_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    for folder in (here, elsewhere):
        (folder / "mine").mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    assert name_from(here, "mine") == str(here / "mine")
    assert name_from(here, "leaf-c3-made") == "leaf-c3-made"
    assert name_from(here, "there is none") == "there is none"
    settings = {"bundle": "mine", "fallback": "nudging"}
    assert named_from(here, settings) == {**settings, "bundle": str(here / "mine")}
    assert named_from(here, {"share": 0.5}) == {"share": 0.5}
