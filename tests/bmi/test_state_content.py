"""States whose seals are right are believed only as far as a model can hold them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx import Component
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import StateError
from bmi_dmx.operate.persistence import pack, unpack
from tests.damage import examples

from .untrained import START, attributes, dynamic, run, static, weather

Arrays = dict[str, np.ndarray[Any, Any]]
Change = Callable[[Arrays, dict[str, str]], object]
N = 3


def changed(content: bytes, change: Change) -> bytes:
    """Return a state with something changed, and sealed anew."""
    arrays, owner = unpack(content, "state", {})
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(arrays, owner)
    return pack(arrays, owner)


def put(name: str, at: Any, value: float) -> Change:
    return lambda arrays, owner: arrays[name].__setitem__(at, value)


def cast(name: str, kind: str) -> Change:
    return lambda arrays, owner: arrays.update({name: arrays[name].astype(kind)})


NAN = float("nan")
CONTENT = {
    "a store that is no number": (
        put("land.snowpack", (1, 2), NAN),
        r"land\.snowpack at 'cat-1' is nan mm, expected 0 to 1e\+06",
    ),
    "a negative store": (
        put("land.lower_zone", (2, 0), -5.0), r"land\.lower_zone at 'cat-2' is -5 mm",
    ),
    "an absurd store": (
        put("land.upper_zone", (0, 0), 1e300), r"land\.upper_zone at 'cat-0' is 1e\+30",
    ),
    "water on its way": (
        put("outlet.in_transit", (3, 1), -1.0), r"outlet\.in_transit at 'cat-1' is -1 ",
    ),
    "a sum": (put("balance.mass_in", 2, NAN), r"balance\.mass_in at 'cat-2' is nan"),
    "a beginning": (put("balance.begun", 0, 7.0), r"balance\.begun is 7, expected 0 "),
    "an attribute": (
        put("settings.attributes", (0, 1), np.inf),
        r"settings\.attributes: p_mean at 'cat-1' is inf",
    ),
    "a parameter": (
        put("settings.parameters", (1, 2), 1e6),
        r"settings\.parameters: fc at 'cat-2' is 1e\+06 mm, expected 50 to 1000",
    ),
    "forcing": (
        put("forcing.precipitation", 0, -1e300),
        r"forcing\.precipitation at 'cat-0' is -1e\+300, expected a finite number",
    ),
    "an output": (put("output.runoff", 1, np.inf), r"output\.runoff at 'cat-1' is inf"),
    "a far future": (
        put("clock", 0, 2**61), r"clock: the state is of 2\.\d+e\+18 s since 1970",
    ),
    "a far past": (
        put("clock", 0, -(2**62)), r"clock: the state is of -4\.\d+e\+18 s since 1970",
    ),
    "a type": (
        cast("land.snowpack", "float32"),
        r"array 'land\.snowpack' is float32\(3, 4\), expected float64\(3, 4\)",
    ),
    "a shape": (
        lambda arrays, owner: arrays.update({"land.snowpack": np.zeros((2, 4))}),
        r"array 'land\.snowpack' is float64\(2, 4\), expected float64\(3, 4\)",
    ),
    "another name": (
        lambda a, owner: a.update({"land.snowpak": a.pop("land.snowpack")}),
        r"unknown array 'land\.snowpak'; did you mean 'land\.snowpack'",
    ),
    "another bundle": (
        lambda arrays, owner: owner.update(
            {"bundle": "f" * 64, "name of the bundle": "mine"}
        ),
        r"belongs to another bundle: found mine, this component has \S+$",
    ),
    "another bundle of an earlier build": (
        lambda arrays, owner: (
            owner.update(bundle="f" * 64), owner.pop("name of the bundle")
        ),
        r"belongs to another bundle: found one that is not named, this component has",
    ),
    "other weights": (
        lambda arrays, owner: owner.update(bundle="f" * 64),
        r"belongs to another bundle: found one of the same name with other weights or ",
    ),
    "other units": (
        lambda arrays, owner: owner.update(
            {k: v.replace("model", "ngen") for k, v in owner.items()}
        ),
        r"belongs to another way of running",
    ),
    "places that are no names": (
        lambda arrays, owner: owner.update(places="[1, 2, 3]"),
        r"places: found '\[1, 2, 3\]', expected a list of names, each once",
    ),
    "a place twice": (
        lambda arrays, owner: owner.update(places='["cat-0", "cat-0", "cat-1"]'),
        r"places: found .*, expected a list of names, each once",
    ),
}  # fmt: skip


@pytest.fixture
def component(start: Any) -> Component:
    component: Component = start(N)
    run(component, weather(3, N), range(3), ())
    return component


@pytest.mark.parametrize(("change", "message"), CONTENT.values(), ids=CONTENT)
def test_what_no_model_holds_is_refused_from_a_file(
    component: Component, tmp_path: Path, change: Any, message: str
) -> None:
    before = component.state_bytes()
    path = tmp_path / "bad.state"
    path.write_bytes(changed(before, change))
    with pytest.raises(StateError, match=rf"bad\.state: {message}"):
        component.load_state(path)
    assert component.state_bytes() == before


@pytest.mark.parametrize("prefix", ["", "ngen::"])
@pytest.mark.parametrize(("change", "message"), CONTENT.values(), ids=CONTENT)
def test_what_no_model_holds_is_refused_from_a_host(
    component: Component, prefix: str, change: Any, message: str
) -> None:
    before = component.state_bytes()
    payload = np.frombuffer(changed(before, change), np.uint8)
    with pytest.raises(StateError, match=rf"^cat-0 and 2 more: {message}"):
        component.set_value(f"{prefix}serialization_state", payload)
    assert component.state_bytes() == before


def test_a_configured_start_from_such_a_state_names_file_and_place(
    component: Component, configure: Any, tmp_path: Path
) -> None:
    change, message = CONTENT["a negative store"]
    (tmp_path / "s").write_bytes(changed(component.state_bytes(), change))
    path = configure(N, name="b.yaml", state="s", start_time="1980-10-04")
    with pytest.raises(StateError, match=rf"b\.yaml: .*s: {message}"):
        Component().initialize(str(path))


def test_rounding_below_nothing_is_no_damage(component: Component) -> None:
    content = changed(component.state_bytes(), put("land.snowpack", (0, 0), -1e-9))
    component.set_state_bytes(content)
    assert component.state()["land.snowpack"][0, 0] == -1e-9


def reordered(order: tuple[int, ...]) -> dict[str, Any]:
    """Return the block of places, in another order."""
    properties = {n: [x[k] for k in order] for n, x in attributes(len(order)).items()}
    return {"ids": [f"cat-{k}" for k in order], "attributes": properties}


HALF, WHOLE, PLACES = 36, 60, 5
KINDS = {
    "static": (static(), {}),
    "dynamic": (dynamic(), {}),
    "a day of hours": (static(), {"time_step": "hourly", "mode": "daily"}),
    "networks of days": (dynamic(), {"time_step": "hourly"}),
    "held forcing": (static(), {"forcing_policy": "hold"}),
}


@pytest.fixture(scope="module")
def halves(
    bundle_of: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Any]:
    """Return a model, the state half way, what came of it, and a new component."""
    runs: dict[str, Any] = {}

    def fresh(kind: str, order: tuple[int, ...]) -> Component:
        spec, changes = KINDS[kind]
        settings = {
            "bundle": str(bundle_of(spec)), "start_time": START, "time_step": "daily",
            "locations": reordered(order), **changes,
        }  # fmt: skip
        path = tmp_path_factory.mktemp("order") / "component.yaml"
        path.write_text(as_yaml(settings), encoding="utf-8")
        component = Component()
        component.initialize(str(path))
        return component

    def of(kind: str) -> tuple[bytes, Arrays]:
        if kind not in runs:
            one = fresh(kind, tuple(range(PLACES)))
            one.set_value("fc", np.linspace(100.0, 900.0, PLACES))
            run(one, weather(WHOLE, PLACES), range(HALF), ())
            half = one.state_bytes()
            run(one, weather(WHOLE, PLACES), range(HALF, WHOLE), ())
            runs[kind] = half, unpack(one.state_bytes(), "", {})[0]
        return runs[kind]

    return lambda kind, order: (*of(kind), fresh(kind, order))


@pytest.mark.parametrize("kind", KINDS)
@given(order=st.permutations(range(PLACES)))
@settings(max_examples=examples(3))
def test_places_are_found_by_name_in_any_order(
    halves: Any, kind: str, order: list[int]
) -> None:
    half, end, other = halves(kind, tuple(order))
    other.set_state_bytes(half)
    forcing = {name: x[:, order] for name, x in weather(WHOLE, PLACES).items()}
    run(other, forcing, range(HALF, WHOLE), ())
    again = other.state_bytes()
    arrays = unpack(again, "", {})[0]
    back = np.argsort(order)
    for name, array in arrays.items():
        axes = [k for k, size in enumerate(array.shape) if size == PLACES]
        whole = np.take(array, back, axes[-1]) if axes else array
        if name.startswith(("land.", "varying.", "dynamic.")):
            whole = np.take(array, back, -2)
        np.testing.assert_array_equal(whole, end[name], err_msg=name)
    assert json.loads(unpack(again, "", {})[1]["places"])[0] == f"cat-{order[0]}"


def test_some_of_the_places_that_differ_are_named(start: Any) -> None:
    one = start(9)
    ids = [f"cat-{k}" for k in range(7)] + ["cat-x", "cat-y"]
    places = {"ids": ids, "attributes": attributes(9)}
    other = start(9, name="b.yaml", locations=places)
    message = (
        r"other places: it lacks 'cat-x', 'cat-y' of this component, and it has "
        r"'cat-7', 'cat-8' besides"
    )
    with pytest.raises(StateError, match=message):
        other.set_state_bytes(one.state_bytes())
    with pytest.raises(StateError, match=r"'cat-1', 'cat-2', 'cat-3', 'cat-4' and 4 m"):
        start(1, name="c.yaml").set_state_bytes(one.state_bytes())


@pytest.mark.parametrize("choice", ["saved", "configured"])
def test_whose_settings_hold_is_chosen_and_said(
    choice: str, start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    one = start(2)
    one.set_value("fc", np.array([200.0, 300.0]))
    run(one, weather(5, 2), range(5), ())
    properties = {**attributes(2), "elevation": [900.0, attributes(2)["elevation"][1]]}
    other = start(
        2, name="b.yaml", state_parameters=choice,
        locations={"ids": ["cat-0", "cat-1"], "attributes": properties},
    )  # fmt: skip
    other.set_value("fc", np.array([200.0, 700.0]))
    other.set_state_bytes(one.state_bytes())
    differing = (
        r"elevation \(\S+, here 900, at 'cat-0'\), fc \(300, here 700, at 'cat-1'\)"
    )
    run(other, weather(6, 2), range(5, 6), ())
    values = [*other.get_value_ptr("fc"), other.get_value_ptr("elevation")[0]]
    if choice == "saved":
        assert values == [200.0, 300.0, attributes(2)["elevation"][0]]
        message = (
            rf"WARNING .*of its own, which now hold: {differing}; state_parameters"
        )
    else:
        assert values == [200.0, 700.0, 900.0]
        message = rf"INFO .*has other settings, {differing}; those configured hold"
    assert re.search(message, caplog.text)


def test_settings_that_do_not_differ_continue_bitwise_either_way(start: Any) -> None:
    one = start(2)
    run(one, weather(5, 2), range(5), ())
    other = start(2, name="b.yaml", state_parameters="configured")
    other.set_state_bytes(one.state_bytes())
    for component in (one, other):
        run(component, weather(9, 2), range(5, 9), ())
    assert one.state_bytes() == other.state_bytes()


def test_a_file_that_is_no_state_is_not_read_to_its_end(
    start: Any, tmp_path: Path
) -> None:
    path = tmp_path / "endless"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(StateError, match=r"endless: has more than \d+ bytes"):
        start(1).load_state(path)
