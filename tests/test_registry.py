"""Registries: names to objects, imported when they are wanted."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from bmi_dmx.errors import ConfigError
from bmi_dmx.process import Process
from bmi_dmx.registries import networks, processes, recipes, systems
from bmi_dmx.registry import Registry


def test_registered_objects_are_found_by_name_in_order() -> None:
    tools: Registry[object] = Registry("tool")
    hammer = tools.register("hammer")(object())
    saw = tools.register("axe")(object())
    assert tools["hammer"] is hammer
    assert tools["axe"] is saw
    assert tools.names() == tuple(tools) == ("hammer", "axe")
    assert len(tools) == 2
    assert "axe" in tools
    assert "ax" not in tools


def test_register_gives_back_what_it_decorates() -> None:
    functions: Registry[object] = Registry("function")

    @functions.register("twice")
    def twice(x: int) -> int:
        return 2 * x

    assert twice(3) == 6
    assert functions["twice"] is twice


def test_a_name_is_given_once() -> None:
    tools: Registry[int] = Registry("tool", {"saw": 1})
    with pytest.raises(ValueError, match="tool 'saw' is registered twice"):
        tools.register("saw")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    tools: Registry[int] = Registry("tool", {"hammer": 1, "saw": 2})
    with pytest.raises(ConfigError, match=r"^unknown tool 'hamer'; did you mean 'hamm"):
        tools["hamer"]


def test_a_place_is_imported_when_the_entry_is_asked_for() -> None:
    sys.modules.pop("colorsys", None)
    tools: Registry[object] = Registry("tool", {"hls": "colorsys:rgb_to_hls"})
    assert tools.names() == ("hls",)
    assert "colorsys" not in sys.modules
    assert tools["hls"] is sys.modules["colorsys"].rgb_to_hls


@pytest.mark.parametrize("place", ["no_such_module:x", "math:no_such_name"])
def test_a_place_that_does_not_exist_is_named(place: str) -> None:
    tools: Registry[object] = Registry("tool", {"x": place})
    with pytest.raises(
        ConfigError, match=f"tool 'x' cannot be imported from '{place}'"
    ):
        tools["x"]


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Entry points of other distributions."""
    points = [
        EntryPoint("pi", "math:pi", "tests.constants"),
        EntryPoint("own", "math:e", "tests.constants"),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    return points


def test_other_distributions_add_entries_but_replace_none(
    offered: list[EntryPoint],
) -> None:
    constants: Registry[float] = Registry(
        "constant", {"own": 1.0}, group="tests.constants"
    )
    with pytest.warns(UserWarning, match=r"'own' = 'math:e' .* is ignored"):
        assert constants.names() == ("own", "pi")
    assert constants["own"] == 1.0
    assert constants["pi"] == pytest.approx(3.14159265)


def test_every_registered_process_is_one_and_can_be_made() -> None:
    for name in processes:
        assert isinstance(processes[name](), Process)


def test_every_registered_recipe_and_system_can_be_imported() -> None:
    assert all(isinstance(recipes[name], type) for name in recipes)
    assert all(systems[name].name == name for name in systems)


def test_every_registered_network_can_be_imported() -> None:
    assert all(isinstance(networks[name], type) for name in networks)
