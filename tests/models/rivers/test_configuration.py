"""What can be wrong with the configuration of a river, and how it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component, MuskingumCunge
from bmi_dmx.errors import (
    ConfigError,
    DataError,
    StateError,
    UnitsError,
    VariableError,
)

from .small_river import FLOW, IDS, configured, run, started, weather, write_tree

WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no tree": ({"tree": None}, ConfigError, "tree: missing; expected a file of"),
    "points": (
        {"tree": None, "locations": {"ids": ["a"], "attributes": {}}}, ConfigError,
        "tree: missing; expected a file of reaches",
    ),
    "no such file": (
        {"tree": "tre.nc"}, ConfigError, r"river\.yaml: tree: .*tre\.nc: no such file",
    ),
    "no such format": (
        {"format": "rapidd"}, ConfigError, "format: found 'rapidd'; did you mean",
    ),
    "no such outlet": (
        {"outlets": ["wb-2"]}, ConfigError, "outlets: no reach or gauge 'wb-2'",
    ),
    "format without a tree": (
        {"tree": None, "format": "reaches"}, ConfigError,
        "format: says more of a tree, but 'tree' is not there",
    ),
    "sources without a tree": (
        {"tree": None, "sources": "nex-"}, ConfigError, "but 'tree' is not there",
    ),
    "a space beside the tree": (
        {"space": {"kind": "ring", "size": 3}}, ConfigError, "space: the reaches are",
    ),
    "ids beside the tree": (
        {"locations": {"ids": ["wb-3"]}}, ConfigError, "ids: the reaches are those of",
    ),
    "no such parameters": (
        {"parameters": "n.csv"}, ConfigError, r"n\.csv: no such file; expected a table",
    ),
    "a misspelt key": ({"outlet": ["wb-1"]}, ConfigError, "did you mean 'outlets'"),
    "a step that is none of the bundle": (
        {"time_step": 1000}, ConfigError, "cannot run at 1000 s",
    ),
    "a start that is none": ({"state": "warm"}, StateError, "no such file"),
    "an output that is none": ({"outputs": ["flow"]}, ConfigError, "no output 'flow'"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, what: str) -> None:
    changes, error, message = WRONG[what]
    with pytest.raises(error, match=message):
        started(tmp_path, **changes)


def test_a_tree_without_what_the_model_reads_is_refused(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree.nc", without=["slope"])
    with pytest.raises(
        DataError, match=r"tree\.nc: attribute 'slope', which the model"
    ):
        started(tmp_path)
    component = started(tmp_path, attribute_defaults={"slope": 0.001})
    assert (component.get_value_ptr("slope") == 0.001).all()
    (tmp_path / "beds.csv").write_text(
        "reach,slope [m km-1]\n" + "".join(f"{name},2\n" for name in IDS),
        encoding="utf-8",
    )
    component = started(tmp_path, locations={"file": "beds.csv"})
    np.testing.assert_allclose(component.get_value_ptr("slope"), 0.002)


def test_channels_out_of_bounds_are_refused_by_name(tmp_path: Path) -> None:
    rough = (0.04, 0.05, 0.9, 0.045, 0.03)
    write_tree(tmp_path / "tree.nc", n=rough)
    component = started(tmp_path, parameters="tree")
    component.set_value(FLOW, np.ones(5))
    message = r"parameter 'manning' at 'wb-5' cannot be 0\.9; expected 0\.015 to 0\.25"
    with pytest.raises(DataError, match=message):
        component.update()


TABLES = {
    "other reaches": ("reach,n\nwb-8,0.05\n", DataError, "names none of the reaches"),
    "nothing of the model": ("reach,m\nwb-3,1\n", DataError, "has no parameter of"),
    "twice": ("reach,n,manning\nwb-3,0.1,0.1\n", DataError, "'manning' is given twice"),
    "other units": ("reach,n [kg]\nwb-3,0.1\n", UnitsError, "kg"),
}


@pytest.mark.parametrize("what", TABLES)
def test_tables_of_channels_that_do_not_fit_are_refused(
    tmp_path: Path, what: str
) -> None:
    text, error, message = TABLES[what]
    (tmp_path / "channels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=message):
        started(tmp_path, parameters="channels.csv")


@pytest.mark.parametrize(("flow", "message"), [
    (None, r"forcing 'lateral_inflow' at 'wb-3' is nan m3 s-1 at 2000-01-01"),
    (-1.0, r"forcing 'lateral_inflow' at 'wb-3' is -1 m3 s-1 .* expected 0 to 100000"),
    (np.inf, r"forcing 'lateral_inflow' at 'wb-3' is inf"),
])  # fmt: skip
@pytest.mark.parametrize("state", ["cold", "hot"])
def test_inflow_that_is_missing_or_cannot_be_is_refused(
    tmp_path: Path, flow: float | None, message: str, state: str
) -> None:
    component = started(tmp_path, state=state)
    if flow is not None:
        component.set_value(FLOW, np.full(5, flow))
    with pytest.raises(DataError, match=message):
        component.update()
    assert component.get_current_time() == 0.0


def test_a_hot_start_without_inflow_cannot_be_saved(tmp_path: Path) -> None:
    component = started(tmp_path, state="hot")
    with pytest.raises(
        DataError, match="state: hot: forcing 'lateral_inflow' at 'wb-3'"
    ):
        component.state_bytes()


@pytest.mark.parametrize("length", [5400.0, 1800.0, np.nan, 0.0, -3600.0])
def test_steps_of_the_host_that_are_no_multiple_are_refused(
    tmp_path: Path, length: float
) -> None:
    component = started(tmp_path)
    with pytest.raises(
        DataError, match=r"ngen_dt: found .* a multiple of the time_step"
    ):
        component.set_value("ngen_dt", np.array([length]))
    assert component.get_time_step() == 3600.0


def test_numbers_of_other_reaches_are_refused(tmp_path: Path) -> None:
    component = started(tmp_path)
    component.set_value("segment_id", np.array([3, 4, 5, 1, 9]))
    with pytest.raises(
        DataError, match="segment_id: found 2 in place 1, the tree has 4"
    ):
        component.set_value("segment_id", np.array([3, 2, 5, 1, 9]))
    with pytest.raises(
        DataError, match="segment_toid: found 2 numbers, the tree has 5"
    ):
        component.set_value("segment_toid", np.array([1, 1]))


def test_reaches_without_numbers_have_no_ids_of_numbers(tmp_path: Path) -> None:
    tree = {"kind": "tree", "ids": ["low", "high"], "downstream": ["", "low"]}
    attributes = {"length": 5000.0, "slope": 0.001}
    component = started(
        tmp_path, tree=None, space=tree,
        locations={"ids": ["low", "high"], "attributes": attributes},
    )  # fmt: skip
    assert "channel_water__id" not in component.get_output_var_names()
    with pytest.raises(VariableError, match="no numbers of their own: 'low' ends with"):
        component.get_value_ptr("land_surface_water_source__id")
    component.set_value("land_surface_water_source__id", ["high", "low"])
    component.set_value(FLOW, np.array([2.0, 3.0]))
    component.update()
    assert component.get_value_ptr("discharge")[0] > 0.0


def test_a_state_of_another_tree_is_refused(tmp_path: Path) -> None:
    component = started(tmp_path)
    run(component, weather(2))
    saved = component.state_bytes()
    other = started(tmp_path, outlets=["wb-1"])
    with pytest.raises(
        StateError, match=r"belongs to other places: it has 'wb-5', 'wb-9'"
    ):
        other.set_state_bytes(saved)
    below = {"ids": list(IDS), "downstream": ["wb-1", "wb-1", "wb-1", "wb-9", ""]}
    turned = started(
        tmp_path, tree=None, space={"kind": "tree", **below},
        locations={"ids": list(IDS), "attributes": {"length": 5e3, "slope": 1e-3}},
    )  # fmt: skip
    with pytest.raises(StateError, match="places stand to each other in another way"):
        turned.set_state_bytes(saved)


def test_without_a_bundle_of_its_own_a_component_runs_rivers_too(
    tmp_path: Path,
) -> None:
    expected = started(tmp_path, bundle=None)
    component = Component()
    bundle = MuskingumCunge.default_bundle
    component.initialize(str(configured(tmp_path, bundle=bundle)))
    for each in (expected, component):
        each.set_value(FLOW, np.arange(5.0))
        each.update()
    discharge = component.get_value_ptr("discharge")
    assert (discharge == expected.get_value_ptr("discharge")).all()


def test_what_networks_read_is_the_mean_where_a_reach_lacks_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tree(tmp_path / "tree.nc", upstream_length=(4.0, 6.0, 3.0, np.nan, 27.0))
    component = started(tmp_path, bundle=None)
    np.testing.assert_array_equal(
        component.get_value_ptr("upstream_length"), [4.0, 6.0, 3.0, 10.0, 27.0]
    )
    assert "missing at 1 of 5 reaches, and taken as the mean" in caplog.text
