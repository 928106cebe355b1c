"""Threads: one component is one thread's at a time, several run side by side."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx import Component
from bmi_dmx.errors import StateError

from .nextgen import HOURLY
from .untrained import attributes, give, weather

THREADS = 4


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Let threads change as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[int], int]) -> list[int]:
    """Return what several threads answer that begin together."""
    gate = threading.Barrier(THREADS)

    def begin(number: int) -> int:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


@pytest.mark.parametrize("n", [1, 300])
def test_a_component_in_four_threads_makes_whole_steps_alone(
    n: int, start: Any
) -> None:
    together, alone = start(n, name="a.yaml"), start(n, name="b.yaml")
    for component in (together, alone):
        give(component, weather(1, n), 0)

    def step(_: int) -> int:
        steps = 0
        for _ in range(400):
            with suppress(StateError):
                together.update()
                steps += 1
        return steps

    steps = sum(at_once(step))
    alone.update_until(steps * alone.get_time_step())
    assert together.get_current_time() == alone.get_current_time()
    assert together.state_bytes() == alone.state_bytes()


def test_while_one_call_is_inside_every_other_is_refused(start: Any) -> None:
    component = start(1)
    give(component, weather(1, 1), 0)
    before = component.state_bytes()
    one, at = np.empty(1), np.zeros(1, int)
    calls: dict[str, Callable[[], Any]] = {
        "update": component.update,
        "update_until": lambda: component.update_until(86400.0),
        "get": lambda: component.get_value("streamflow", one),
        "get at": lambda: component.get_value_at_indices("streamflow", one, at),
        "pointer": lambda: component.get_value_ptr("mass_stored"),
        "set": lambda: component.set_value("precipitation", one),
        "set state": lambda: component.set_value("snowpack", np.ones(1)),
        "set at": lambda: component.set_value_at_indices("snowpack", at, np.ones(1)),
        "signal": lambda: component.set_value("ngen::serialization_create", at),
        "state": component.state,
        "size": component.state_size,
        "restore": lambda: component.set_state_bytes(before),
        "take": lambda: component.take_state(before, clock=True),
        "reset": component.reset_clock,
        "initialize": lambda: component.initialize("other.yaml"),
    }
    refused = []

    def meanwhile() -> None:
        for name, call in calls.items():
            with pytest.raises(StateError, match=r"Component at cat-0: another call"):
                call()
            refused.append(name)

    advance = component._advance

    def interrupted() -> None:
        other = threading.Thread(target=meanwhile)
        other.start()
        other.join()
        advance()

    component._advance = interrupted
    component.update()
    assert refused == list(calls)
    component._advance = advance
    component.set_state_bytes(before)
    assert component.state_bytes() == before


def test_a_call_that_fails_lets_others_in(start: Any) -> None:
    component = start(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="is nan"):
            component.update()
        with pytest.raises(ValueError, match="found 2 values"):
            component.get_value("streamflow", np.empty(2))


def test_components_in_threads_of_their_own_do_not_see_each_other(
    configure: Any,
) -> None:
    paths = [configure(2, name=f"{k}.yaml", **HOURLY) for k in range(THREADS)]
    series = [weather(48, 2, hours=1.0) for _ in range(THREADS)]
    for number, each in enumerate(series):
        each["precipitation"] *= number

    def course(number: int) -> bytes:
        component = Component()
        component.initialize(str(paths[number]))
        for step in range(48):
            give(component, series[number], step)
            component.update()
        return component.state_bytes()

    states: dict[int, bytes] = {}

    def run(number: int) -> int:
        states[number] = course(number)
        return number

    assert at_once(run) == list(range(THREADS))
    for number in range(THREADS):
        assert states[number] == course(number)


FROM_NETCDF = """
import sys
from concurrent.futures import ThreadPoolExecutor
from bmi_dmx import Component

def begin(_):
    component = Component()
    component.initialize(sys.argv[1])
    return len(component.runner.ids)

with ThreadPoolExecutor(4) as pool:
    print(set(pool.map(begin, range(24))))
"""


def test_places_are_read_from_one_file_in_many_threads(
    configure: Any, tmp_path: Path
) -> None:
    """In a process of its own: the NetCDF library ends it where it goes wrong."""
    properties = attributes(300)
    with netCDF4.Dataset(tmp_path / "places.nc", "w") as file:
        file.createDimension("id", 300)
        file.createVariable("id", str, ("id",))[:] = np.array(
            [f"cat-{k}" for k in range(300)], object
        )
        for name, values in properties.items():
            file.createVariable(name, "f8", ("id",))[:] = values
    path = configure(1, locations={"file": "places.nc"})
    process = subprocess.run(
        [sys.executable, "-c", FROM_NETCDF, str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (process.returncode, process.stdout) == (0, "{300}\n"), process.stderr
