"""Parameters of fields: one for each place, level or entry, and set by hosts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmi_dmx import Component, save_bundle
from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.config import as_yaml
from bmi_dmx.conversion import convert
from bmi_dmx.errors import DataError
from bmi_dmx.registries import processes

from ..guests import layered_rock as rock

SIZE = rock.LEVELS * rock.ROWS * rock.COLUMNS
BETWEEN = (rock.LEVELS + 1) * rock.ROWS * rock.COLUMNS


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name, process in rock.PROCESSES.items():
        if name not in processes:
            processes.register(name)(process)
    spec = convert(rock.MODEL, ModelSpec)
    path = tmp_path_factory.mktemp("rock") / "bundle"
    model = Model(spec, Statistics({})).double()
    save_bundle(model, path, licence="CC0-1.0", provenance={}, scores={})
    return path


@pytest.fixture
def component(bundle: Path, tmp_path: Path) -> Component:
    path = tmp_path / "rock.yaml"
    path.write_text(
        as_yaml({"bundle": str(bundle), "start_time": "2000-01-01"}), "utf-8"
    )
    component = Component()
    component.initialize(str(path))
    component.set_value("heating", np.full(rock.ROWS * rock.COLUMNS, 100.0))
    return component


def test_they_have_the_numbers_of_their_field(component: Component) -> None:
    sizes = {"conductivity": BETWEEN, "fraction": SIZE, "delay": 8, "thickness": SIZE}
    for name, size in sizes.items():
        values = component.get_value_ptr(name)
        assert values.size == size
        assert component.get_grid_size(component.get_var_grid(name)) == size
        assert np.isfinite(values).all()
    thickness = component.get_value_ptr("thickness").reshape(rock.LEVELS, -1)
    np.testing.assert_allclose(thickness[:, 0], [0.2, 0.3, 0.5])


def test_what_is_set_at_one_place_changes_what_happens_there(
    component: Component,
) -> None:
    component.update()
    component.set_value_at_indices("delay", np.array([5]), np.array([3e3]))
    component.update()
    down = component.get_value_ptr("down").reshape(rock.LEVELS + 1, -1)[1]
    assert np.argmax(np.abs(down - down[0])) == 5
    others = np.delete(down, 5)
    np.testing.assert_allclose(others, others[0], rtol=1e-9)
    np.testing.assert_allclose(np.delete(component.get_value_ptr("delay"), 5), 51e3)


@pytest.mark.parametrize(
    ("name", "index", "where"),
    [("fraction", 13, "'1,1', level 1"), ("conductivity", 24, "'0,0', level 3")],
)
def test_a_number_out_of_bounds_is_told_with_its_level(
    name: str, index: int, where: str, component: Component
) -> None:
    component.set_value_at_indices(name, np.array([index]), np.array([99.0]))
    with pytest.raises(DataError, match=f"{name}' at {where} cannot be 99"):
        component.update()


def test_what_was_set_comes_back_with_a_state(
    component: Component, bundle: Path, tmp_path: Path
) -> None:
    fraction = np.linspace(0.2, 0.9, SIZE)
    component.set_value("fraction", fraction)
    component.update()
    saved = component.state_bytes()
    other = Component()
    other.initialize(str(tmp_path / "rock.yaml"))
    other.set_state_bytes(saved)
    other.set_value("heating", np.full(8, 100.0))
    for one in (component, other):
        one.update()
    np.testing.assert_array_equal(other.get_value_ptr("fraction"), fraction)
    assert other.state_bytes() == component.state_bytes()
