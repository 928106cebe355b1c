"""Whatever a host hands over: a call does what it says, or it is an error and nothing.

Arguments are drawn from what hosts have been seen to give by mistake: lists, ragged and
read-only arrays, other types, names that are none, places and times out of range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmi_dmx import Component
from bmi_dmx.errors import ConfigError, DataError, DmxError, StateError, TimeError

from .untrained import give, weather

N = 2
DAY = 86400.0
TYPES = ("f8", "f4", "f2", "i8", "i4", "u1", "?", "O", "U8", "c16", "M8[s]", "f8,i4")
NUMBERS = (0.0, 1.0, 0.25, -1.0, 400.0, 1e9, 1e300, np.nan, np.inf, -np.inf)


def array(kind: str, shape: tuple[int, ...], value: float) -> np.ndarray:
    """Return an array of any type, with a value where it can hold it."""
    array = np.zeros(shape, kind)
    if array.dtype.kind in "fcO":
        with np.errstate(over="ignore"):
            array[...] = value
    return array


shapes = st.sampled_from([(), (0,), (1,), (N,), (N + 1,), (1, N), (N, 1)])
whole = st.builds(array, st.sampled_from(TYPES), shapes, st.sampled_from(NUMBERS))


def read_only(of: np.ndarray) -> np.ndarray:
    of.flags.writeable = False
    return of


arrays = st.one_of(
    whole,
    st.builds(array, st.just("f8"), st.just((N,)), st.sampled_from(NUMBERS)),
    whole.map(read_only),
    st.just(np.zeros(2 * N)).map(lambda a: a.copy()[::2]),
    st.just(np.zeros((N, 3))).map(lambda a: a.copy()[:, 1]),
    st.builds(np.ma.masked_array, st.just([1.0, 2.0]), st.just([True, False])),
)
no_arrays = st.sampled_from(
    [None, 1.0, "text", b"x", [1.0], [1.0, 2.0], [[1.0], [2.0, 3.0]], (), {}, object()]
)
things = st.one_of(arrays, no_arrays)
indices = st.one_of(
    things,
    st.lists(st.integers(-2, N + 1), max_size=3).map(lambda x: np.array(x, int)),
    st.sampled_from([np.array([2**63], "u8"), np.array([0.5]), [0, 1], [True, False]]),
)
WRONG = [None, 5, 1.5, b"precipitation", "nothing", "", ["snowpack"], np.zeros(2), {}]
SIGNALS = [
    f"{prefix}serialization_{what}"
    for prefix in ("", "ngen::")
    for what in ("create", "size", "state", "free")
]
OTHER_TIMES = [np.nan, np.inf, -np.inf, 1e300, -1.0, None, "86400", [DAY], 1j, 2**70]
GRIDS = st.sampled_from(
    [0, np.int32(0), 1, -1, 0.5, None, "0", [0], np.zeros(2), 2**70]
)
SHOWN = (
    "get_var_grid", "get_var_type", "get_var_units", "get_var_itemsize",
    "get_var_nbytes", "get_var_location", "get_value_ptr",
)  # fmt: skip
FUNCTIONS = (
    "update", "update_until", "get_value", "get_value_at_indices", "set_value",
    "set_value_at_indices", "shown", "asked", "filled",
)  # fmt: skip
ASKED = ("type", "rank", "size", "node_count", "edge_count", "face_count")
FILLED = ("shape", "spacing", "origin", "x", "y", "z", "edge_nodes", "face_nodes")


@st.composite
def calls(draw: st.DrawFn, names: list[Any]) -> tuple[str, tuple[Any, ...]]:
    """Draw a call of BMI: a function, and what it is given."""
    name = draw(st.sampled_from(names))
    function = draw(st.sampled_from(FUNCTIONS))
    if function == "update":
        return function, ()
    if function == "update_until":
        days = st.integers(0, 4).map(lambda k: k * DAY)
        return function, (draw(st.one_of(days, st.sampled_from(OTHER_TIMES))),)
    if function == "shown":
        return draw(st.sampled_from(SHOWN)), (name,)
    if function in ("asked", "filled"):
        what = draw(st.sampled_from(ASKED if function == "asked" else FILLED))
        more = () if function == "asked" else (draw(things),)
        return f"get_grid_{what}", (draw(GRIDS), *more)
    if function == "get_value_at_indices":
        return function, (name, draw(things), draw(indices))
    if function == "set_value_at_indices":
        return function, (name, draw(indices), draw(things))
    return function, (name, draw(things))


def held(component: Component) -> tuple[bytes, float]:
    """Return all that a component is."""
    return component.state_bytes(), component.get_current_time()


def attempt(
    component: Component, function: str, arguments: tuple[Any, ...]
) -> tuple[Exception | None, Any]:
    """Return the error of a call, if hosts are told of it, and else its answer."""
    try:
        return None, getattr(component, function)(*arguments)
    except (DmxError, NotImplementedError) as error:
        return error, None


def verify(
    component: Component,
    function: str,
    arguments: tuple[Any, ...],
    before: float,
    out: Any,
) -> None:
    """Check that a call that was no error did what it says."""
    now = component.get_current_time()
    if function == "update":
        assert now == before + DAY
    elif function == "update_until":
        assert now == float(arguments[0])
    elif function == "get_value":
        assert out is arguments[1]
        expected = component.get_value_ptr(arguments[0]).astype(out.dtype)
        np.testing.assert_array_equal(np.ravel(out), expected)
    elif function == "get_value_at_indices":
        assert out is arguments[1]
        expected = component.get_value_ptr(arguments[0])[
            np.ravel(arguments[2]).astype(int)
        ]
        np.testing.assert_array_equal(np.ravel(out), expected.astype(out.dtype))
    elif function == "set_value" and arguments[0] in component.names():
        expected = np.ma.filled(np.ma.asarray(arguments[1], float), np.nan)
        try:
            actual = component.get_value_ptr(arguments[0])
        except DataError:
            return  # parameters and attributes are looked at when they are needed
        np.testing.assert_allclose(actual, expected.ravel(), rtol=1e-12)


@pytest.fixture
def begun(start: Callable[..., Component]) -> Component:
    """A component that has made a step."""
    component = start(N)
    give(component, weather(1, N), 0)
    component.update()
    return component


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_call_does_what_it_says_or_nothing(
    begun: Component, data: st.DataObject
) -> None:
    names = [*begun.names(), *begun.get_input_var_names(), *WRONG, *SIGNALS]
    begin = begun.state_bytes()
    try:
        for _ in range(6):
            function, arguments = data.draw(calls(names))
            before = held(begun)
            error, out = attempt(begun, function, arguments)
            if error is not None:
                assert "\n" not in str(error)
                assert held(begun) == before
                continue
            verify(begun, function, arguments, before[1], out)
            if function.startswith("get"):
                assert held(begun) == before
    finally:
        begun.set_state_bytes(begin)


BEFORE = {
    "update": (),
    "update_until": (DAY,),
    "get_value": ("snowpack", np.empty(1)),
    "get_value_ptr": ("snowpack",),
    "set_value": ("snowpack", np.zeros(1)),
    "get_current_time": (),
    "get_end_time": (),
    "get_time_step": (),
    "get_grid_size": (0,),
    "state_bytes": (),
    "reset_clock": (),
}


@pytest.mark.parametrize("function", BEFORE)
def test_without_a_model_there_is_nothing_to_call(function: str, start: Any) -> None:
    finished = start(1)
    finished.finalize()
    for component in (Component(), finished):
        with pytest.raises(StateError, match=r"initialize\(config_file\) has not been"):
            getattr(component, function)(*BEFORE[function])


def test_a_component_that_runs_is_not_initialized_again(
    begun: Component, configure: Any
) -> None:
    before = held(begun)
    for path in (configure(1), "gone.yaml"):
        with pytest.raises(
            StateError, match="at cat-0 and 1 more: is initialized alre"
        ):
            begun.initialize(str(path))
        assert held(begun) == before
    begun.finalize()
    begun.initialize(str(configure(1)))
    assert begun.get_current_time() == 0.0


@pytest.mark.parametrize("file", [5, ["a.yaml"], b"a.yaml", object()])
def test_a_configuration_is_named_by_text(file: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"initialize\(config_file\): expected a file"
    ):
        Component().initialize(file)


@pytest.mark.parametrize("time", OTHER_TIMES)
def test_times_that_are_none_are_refused_at_once(time: Any, begun: Component) -> None:
    before = held(begun)
    with pytest.raises(TimeError):
        begun.update_until(time)
    assert held(begun) == before


def test_nothing_is_repaired_where_something_else_is_refused(start: Any) -> None:
    component = start(N, forcing_policy={"precipitation": 0.0})
    series = weather(2, N)
    give(component, series, 0)
    component.update()
    series["precipitation"][1], series["air_temperature"][1, 1] = np.nan, 99.0
    give(component, series, 1)
    before = held(component)
    with pytest.raises(DataError, match="'air_temperature' at 'cat-1' is 99"):
        component.update()
    assert held(component) == before


def test_nothing_is_repaired_for_a_step_that_is_not_made(start: Any) -> None:
    component = start(1, forcing_policy="hold", end_time="1980-10-02")
    give(component, weather(1, 1), 0)
    component.update()
    component.set_value("precipitation", np.array([np.nan]))
    before = held(component)
    with pytest.raises(TimeError, match="after the end"):
        component.update()
    assert held(component) == before


def test_a_beginning_that_fails_has_not_happened(start: Any, tmp_path: Any) -> None:
    """A property of the place comes late, and the run before the start needs it."""
    lines = ["time," + ",".join(weather(1, 1)), *("x,5,9,4,14,2" for _ in range(20))]
    (tmp_path / "before.csv").write_text("\n".join(lines), encoding="utf-8")
    places = {"ids": ["a"], "attributes": {"latitude": 40.0, "p_mean": 3.0}}
    places["attributes"] |= {"aridity": None, "elevation": 200.0, "area_km2": 5.0}
    spin_up = {"file": "before.csv"}
    late, early = (
        start(1, name=f"{k}.yaml", locations=places, spin_up=spin_up) for k in "ab"
    )
    give(late, weather(1, 1), 0)
    for _ in range(2):
        with pytest.raises(DataError, match="attribute 'aridity' at 'a' is nan"):
            late.update()
        assert late.get_current_time() == 0.0
        rain = late.get_value("precipitation", np.empty(1))
        np.testing.assert_array_equal(rain, weather(1, 1)["precipitation"][0])
    give(early, weather(1, 1), 0)
    for component in (late, early):
        component.set_value("aridity", np.array([1.2]))
        component.update()
    assert late.state_bytes() == early.state_bytes()


@pytest.mark.parametrize("repeat", [2**31, 10**20, 0, -1])
def test_a_run_before_the_start_is_not_repeated_for_ever(
    repeat: int, configure: Any
) -> None:
    path = configure(1, spin_up={"file": "gone.csv", "repeat": repeat})
    with pytest.raises(ConfigError, match=rf"spin_up: repeat: expected .* {repeat}"):
        Component().initialize(str(path))
