"""Rivers behind BMI: the numbers of a batch run, by whatever names hosts have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bmi_dmx
from bmi_dmx import MuskingumCunge, load_bundle, save_bundle, scan
from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.conversion import convert
from bmi_dmx.errors import DataError
from bmi_dmx.models.rivers.formats import read_river
from bmi_dmx.models.rivers.lake_table import lake_reaches
from bmi_dmx.models.rivers.start import hot_start

from .small_river import FLOW, IDS, run, started, weather, write_tree

STEPS = 60
DISCHARGE = "channel_exit_water_x-section__volume_flow_rate"
CHANNEL = {"manning": 0.05, "width_exponent": 0.5, "width_coefficient": 21.0}


def batch(tree: Path, inflow: Any, seconds: float = 3600.0) -> dict[str, Any]:
    """Return outputs of one scan with the channels of ``rivers-plain``."""
    river = read_river(tree)
    process = load_bundle("rivers-plain").model().processes["river"]
    attributes = {name: river.attributes[name] for name in ("length", "slope")}
    parameters = {n: np.full(len(river), x) for n, x in CHANNEL.items()} | attributes
    ran = scan(
        process.on(river.tree),
        None,
        {"lateral_inflow": torch.from_numpy(inflow)},
        {name: torch.from_numpy(x).unsqueeze(-1) for name, x in parameters.items()},
        dt=seconds,
        outputs=["discharge", "volume", "velocity", "depth", "created"],
        average=True,
    )
    return {name: x.numpy() for name, x in ran.outputs.items()}


def test_it_is_public_and_has_a_bundle_of_its_own() -> None:
    assert bmi_dmx.MuskingumCunge is MuskingumCunge
    assert MuskingumCunge.default_bundle in bmi_dmx.bundle.bundles
    component = MuskingumCunge()
    assert component.get_input_var_names()[0] == FLOW
    assert DISCHARGE in component.get_output_var_names()


@pytest.mark.parametrize("seconds", [300, 3600, 86400])
def test_stepped_it_gives_the_numbers_of_one_run(tmp_path: Path, seconds: int) -> None:
    inflow = weather(STEPS)
    component = started(tmp_path, time_step=seconds)
    expected = batch(tmp_path / "tree.nc", inflow, seconds)
    outputs = run(component, inflow, *expected)
    for name, series in zip(expected, outputs, strict=True):
        np.testing.assert_allclose(
            series, expected[name], rtol=1e-12, atol=1e-12 * np.abs(series).max()
        )


def test_the_usual_bundle_stepped_is_its_model_at_once(tmp_path: Path) -> None:
    inflow = weather(STEPS)
    component = started(tmp_path, bundle=MuskingumCunge.default_bundle)
    river = read_river(tmp_path / "tree.nc")
    model = load_bundle(MuskingumCunge.default_bundle).model().double()
    attributes = {n: torch.from_numpy(river.attributes[n]) for n in model.attributes}
    names = ("discharge", "volume", "created")
    with torch.no_grad():
        ran = model.on(river.tree).simulate(
            {"lateral_inflow": torch.from_numpy(inflow)}, attributes, outputs=names
        )
    outputs = run(component, inflow, *names)
    for name, series in zip(names, outputs, strict=True):
        expected = ran.outputs[name].numpy()
        np.testing.assert_allclose(
            series, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max()
        )


def test_a_hot_start_is_the_steady_flow_of_the_first_inflow(tmp_path: Path) -> None:
    component = started(tmp_path, state="hot")
    inflow = np.array([1.0, 2.0, 0.5, 3.0, 4.0])
    discharge, volume = run(component, [inflow] * 20, "discharge", "volume")
    np.testing.assert_allclose(discharge, [[1.0, 2.0, 0.5, 6.0, 10.5]] * 20, rtol=1e-12)
    np.testing.assert_allclose(volume[-1], volume[0], rtol=1e-12)
    np.testing.assert_allclose(volume[0], component.get_value_ptr("stored"), rtol=1e-12)
    river = read_river(tmp_path / "tree.nc")
    process = load_bundle("rivers-plain").model().processes["river"]
    attributes = {
        n: torch.from_numpy(river.attributes[n])[:, None] for n in ("length", "slope")
    }
    expected = hot_start(
        process.on(river.tree),
        torch.from_numpy(inflow),
        {**CHANNEL, **attributes},
        dt=3600.0,
    )
    np.testing.assert_allclose(volume[0], expected["volume"][:, 0].numpy(), rtol=1e-12)


@pytest.fixture(scope="module")
def compound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with the channels of the National Water Model, and no network."""
    spec = {
        "parts": {
            "river": {"process": "muskingum_cunge", "options": {"geometry": "compound"}}
        },
        "seconds": 300,
        "system": "rivers",
    }
    path = tmp_path_factory.mktemp("bundle") / "compound"
    model = Model(convert(spec, ModelSpec), Statistics({})).double()
    save_bundle(model, path, licence="CC0-1.0", provenance={}, scores={})
    return path


def test_all_of_a_channel_may_be_known_of_the_tree(
    compound: Path, tmp_path: Path
) -> None:
    component = started(tmp_path, bundle=str(compound), state="hot")
    aliases = {
        "bw": "bottom_width", "tw": "top_width", "twcc": "floodplain_width",
        "ncc": "floodplain_manning", "n": "manning",
    }  # fmt: skip
    for alias, name in aliases.items():
        assert component.get_value_ptr(alias) is component.get_value_ptr(name)
    river = read_river(tmp_path / "tree.nc")
    process = load_bundle(str(compound)).model().processes["river"].on(river.tree)
    channel = {
        p.name: torch.from_numpy(river.attributes[p.name])[:, None]
        for p in process.parameters
    }
    inflow = 0.2 + weather(STEPS)
    state = hot_start(process, torch.from_numpy(inflow[0]), channel, dt=300.0)
    outputs = run(component, inflow, "discharge", "volume", "depth")
    expected = scan(
        process, state, {"lateral_inflow": torch.from_numpy(inflow)}, channel, dt=300.0,
        outputs=["discharge", "volume", "depth"], average=True,
    ).outputs  # fmt: skip
    for series, x in zip(outputs, expected.values(), strict=True):
        np.testing.assert_allclose(series, x.numpy(), rtol=1e-11)
    component.set_value("bw", np.full(5, 3.0))
    component.update()
    assert component.get_value_ptr("depth").min() > outputs[2][-1].min()


@pytest.fixture(scope="module")
def with_lakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of reaches some of which are lakes; channels are the usual ones."""
    river = {"process": "muskingum_cunge", "options": {"lakes": True}}
    channel = {"network": "constant", "gives": ["manning", "width_exponent"]}
    spec = {
        "parts": {"channel": channel, "river": river}, "seconds": 3600,
        "system": "rivers",
    }  # fmt: skip
    path = tmp_path_factory.mktemp("bundle") / "lakes"
    model = Model(convert(spec, ModelSpec), Statistics({})).double()
    save_bundle(model, path, licence="CC0-1.0", provenance={}, scores={})
    return path


def test_lakes_of_the_tree_are_lakes(with_lakes: Path, tmp_path: Path) -> None:
    write_tree(tmp_path / "tree.nc", lake="wb-1")
    component = started(tmp_path, bundle=str(with_lakes), state="hot")
    assert component.get_value_ptr("lake").tolist() == [0, 0, 0, 1, 0]
    river = read_river(tmp_path / "tree.nc")
    process = load_bundle(str(with_lakes)).model().processes["river"].on(river.tree)
    lakes = lake_reaches(river)
    attributes = {**river.attributes, **lakes.attributes}
    attributes |= {
        n: component.get_value(n, np.empty(5)) for n in component.runner.parameters.mean
    }
    parameters = {
        p.name: torch.from_numpy(attributes[p.name])[:, None]
        for p in process.parameters
    }
    inflow = 0.2 + weather(STEPS)
    state = hot_start(
        process, torch.from_numpy(inflow[0]), parameters, dt=3600.0,
        elevation=torch.from_numpy(lakes.elevation),
    )  # fmt: skip
    names = ("discharge", "volume", "lake_surface__elevation")
    outputs = run(component, inflow, *names)
    expected = scan(
        process, state, {"lateral_inflow": torch.from_numpy(inflow)}, parameters,
        dt=3600.0, outputs=["discharge", "volume", "elevation"], average=True,
    ).outputs  # fmt: skip
    for series, x in zip(outputs, expected.values(), strict=True):
        np.testing.assert_allclose(series, x.numpy(), rtol=1e-11)
    assert 100.0 < outputs[2][-1][3] < 110.0


def test_lakes_of_unknown_height_have_no_hot_start(
    with_lakes: Path, tmp_path: Path
) -> None:
    write_tree(tmp_path / "tree.nc", lake="wb-1")
    component = started(tmp_path, bundle=str(with_lakes), state="hot")
    component.set_value("initial_elevation", np.full(5, np.nan))
    component.set_value(FLOW, np.ones(5))
    with pytest.raises(DataError, match="how high the lake at 'wb-1' stands"):
        component.update()


def test_lakes_that_the_model_does_not_have_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tree(tmp_path / "tree.nc", lake="wb-1")
    with caplog.at_level("DEBUG", "bmi_dmx.models.rivers.reaches"):
        started(tmp_path)
    assert "its lakes (1) are run as the reaches that lie in them" in caplog.text


def test_a_hot_start_without_inflow_has_the_least_flow(tmp_path: Path) -> None:
    component = started(tmp_path, state="hot")
    component.set_value(FLOW, np.zeros(5))
    assert (component.state()["river.discharge"] == 1e-4).all()


def test_the_grid_is_the_tree(tmp_path: Path) -> None:
    component = started(tmp_path)
    assert component.get_grid_type(0) == "unstructured"
    assert component.get_grid_node_count(0) == component.get_grid_size(0) == 5
    assert component.get_grid_edge_count(0) == 4
    edges = component.get_grid_edge_nodes(0, np.empty(8, int)).reshape(-1, 2)
    pairs = [(IDS[a], IDS[b]) for a, b in edges.tolist()]
    assert pairs == [
        ("wb-3", "wb-1"), ("wb-4", "wb-1"), ("wb-5", "wb-9"), ("wb-1", "wb-9")
    ]  # fmt: skip
    assert component.get_grid_x(0, np.empty(5))[1] == -75.0
    assert component.get_grid_y(0, np.empty(5))[1] == 41.3
    for name in (*component.get_input_var_names(), *component.get_output_var_names()):
        grid = component.get_var_grid(name)
        size = component.get_grid_size(grid)
        one = component.get_var_itemsize(name)
        assert component.get_var_nbytes(name) == size * one
        assert component.get_value_ptr(name).dtype == component.get_var_type(name)


def test_reaches_have_the_numbers_in_their_names(tmp_path: Path) -> None:
    component = started(tmp_path)
    assert component.get_value_ptr("channel_water__id").tolist() == [3, 4, 5, 1, 9]
    assert component.get_value_ptr("segment_id").tolist() == [3, 4, 5, 1, 9]
    assert component.get_value_ptr("segment_toid").tolist() == [1, 1, 9, 9, 0]
    assert component.get_var_type("channel_water__id") == "int64"


def test_names_of_t_route_are_understood(tmp_path: Path) -> None:
    component = started(tmp_path)
    pairs = {"dx": "length", "s0": "slope", "n": "manning"}
    for alias, name in pairs.items():
        assert component.get_value_ptr(alias) is component.get_value_ptr(name)
    np.testing.assert_allclose(
        component.get_value_ptr("cs"), [0.5, 0.25, 0.2, 0.5, 0.1]
    )
    component.set_value("cs", np.full(5, 0.4))
    np.testing.assert_allclose(component.get_value_ptr("side_slope"), 2.5)
    component.set_value("n", np.full(5, 0.1))
    component.set_value(FLOW, np.full(5, 2.0))
    component.update()
    slow = component.get_value("channel_water_flow__speed", np.empty(5))
    other = started(tmp_path)
    other.set_value(FLOW, np.full(5, 2.0))
    other.update()
    assert (other.get_value_ptr("velocity") > slow).all()


@pytest.mark.parametrize("way", ["tree", "table"])
def test_channels_may_be_given_in_place_of_learned_ones(
    tmp_path: Path, way: str
) -> None:
    if way == "table":
        text = "reach,n,width_coefficient\nwb-9,0.03,\nwb-4,0.05,30\n"
        (tmp_path / "channels.csv").write_text(text, encoding="utf-8")
    component = started(
        tmp_path, parameters="tree" if way == "tree" else "channels.csv"
    )
    component.settle()
    expected = [0.04, 0.05, 0.06, 0.045, 0.03]
    if way == "table":
        expected = [0.05, 0.05, 0.05, 0.05, 0.03]
        widths = component.get_value_ptr("width_coefficient")
        np.testing.assert_allclose(widths, [21.0, 30.0, 21.0, 21.0, 21.0])
    np.testing.assert_allclose(component.get_value_ptr("manning"), expected)


def test_the_order_of_the_file_is_of_no_importance(tmp_path: Path) -> None:
    inflow = weather(STEPS)
    (here,) = run(started(tmp_path), inflow, "discharge")
    folder = tmp_path / "other"
    folder.mkdir()
    order = [4, 1, 3, 0, 2]
    write_tree(folder / "tree.nc", [IDS[k] for k in order])
    (there,) = run(started(folder), inflow[:, order], "discharge")
    np.testing.assert_allclose(there, here[:, order], rtol=1e-12)


def test_what_drains_through_an_outlet_may_be_run_alone(tmp_path: Path) -> None:
    inflow = weather(STEPS)
    (whole,) = run(started(tmp_path), inflow, "discharge")
    component = started(tmp_path, outlets=["wb-1"])
    assert component.runner.ids == ("wb-3", "wb-4", "wb-1")
    at = [0, 1, 3]
    for row, expected in zip(inflow[:, at], whole[:, at], strict=True):
        component.set_value(FLOW, row)
        component.update()
        np.testing.assert_allclose(
            component.get_value_ptr("discharge"), expected, rtol=1e-12
        )


def test_a_step_of_the_host_may_be_many_of_the_model(tmp_path: Path) -> None:
    fine, coarse = (started(tmp_path, time_step=300) for _ in range(2))
    coarse.set_value("ngen_dt", np.array([3600.0]))
    assert coarse.get_time_step() == 3600.0
    for row in weather(5):
        fine.set_value(FLOW, row)
        coarse.set_value(FLOW, row)
        coarse.update()
        created = np.zeros(5)
        for _ in range(12):
            fine.update()
            created += fine.get_value_ptr("created") / 12.0
        for name in ("discharge", "volume", "depth", "mass_out"):
            assert (fine.get_value_ptr(name) == coarse.get_value_ptr(name)).all()
        np.testing.assert_allclose(coarse.get_value_ptr("created"), created)
    assert coarse.get_current_time() == 5 * 3600.0


def test_water_is_accounted_for_in_every_reach_and_in_all(tmp_path: Path) -> None:
    component = started(tmp_path, state="hot")
    inflow = weather(500)
    inflow[100:200] = 0.0  # water is made where the least flow is taken
    created = np.zeros(5)
    for row in inflow:
        component.set_value(FLOW, row)
        component.update()
        created += component.get_value_ptr("created") * 3600.0
    terms = ("mass_in", "mass_out", "mass_adjusted", "mass_stored")
    into, out, adjusted, stored = (
        component.get_value(name, np.empty(5)) for name in terms
    )
    assert np.abs(into - out + adjusted - stored).max() <= 1e-12 * into.max()
    # Of the river as a whole: what came from the sides, and left at its end.
    came = inflow.sum() * 3600.0 + created.sum()
    np.testing.assert_allclose(came, out[4] + stored.sum(), rtol=1e-12)
    assert created.sum() > 0.0
    names = [f"ngen::mass_{term}" for term in ("in", "out", "stored", "leaked")]
    whole = [component.get_value(name, np.empty(1))[0] for name in names]
    assert abs(whole[0] - whole[1] - whole[2] - whole[3]) <= 1e-12 * whole[0]


def test_a_saved_state_goes_on_bitwise_in_another_process(tmp_path: Path) -> None:
    inflow = weather(STEPS)
    component = started(tmp_path, state="hot")
    run(component, inflow[:20])
    component.save_state(tmp_path / "saved.safetensors")
    (expected,) = run(component, inflow[20:], "discharge")
    np.save(tmp_path / "inflow.npy", inflow[20:])
    script = (
        "import numpy as np, sys\n"
        "from bmi_dmx import MuskingumCunge\n"
        "model = MuskingumCunge()\n"
        "model.initialize('river.yaml')\n"
        "model.load_state('saved.safetensors')\n"
        "found = []\n"
        "for row in np.load('inflow.npy'):\n"
        f"    model.set_value({FLOW!r}, row)\n"
        "    model.update()\n"
        "    found.append(model.get_value('discharge', np.empty(5)))\n"
        "np.save('found.npy', found)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    assert (np.load(tmp_path / "found.npy") == expected).all()


def test_a_state_is_found_by_name_in_a_tree_of_another_order(tmp_path: Path) -> None:
    component = started(tmp_path, state="hot")
    run(component, weather(20))
    saved = component.state_bytes()
    folder = tmp_path / "other"
    folder.mkdir()
    order = [4, 1, 3, 0, 2]
    write_tree(folder / "tree.nc", [IDS[k] for k in order])
    other = started(folder)
    other.set_state_bytes(saved)
    for name in ("discharge", "volume", FLOW, "mass_in"):
        here, there = component.get_value_ptr(name), other.get_value_ptr(name)
        assert (there == here[order]).all(), name
