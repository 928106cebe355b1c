"""The bundles of rivers that come with the package, on rivers they do not know."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx import MuskingumCunge, load_bundle
from bmi_dmx.models.rivers.settings import RiverSettings
from bmi_dmx.operate.kernels import needed

OTHERS = (
    "juniata_reaches.nc", "lowercolorado_tx.nc",
    "ngen_clear_creek_06719505_hydrofabric_v2.2.gpkg",
    "ngen/logan_river_gage-10109001.gpkg",
)  # fmt: skip


def channels(tree: Path) -> dict[str, np.ndarray]:
    """Return what the bundle answers for the reaches of a file."""
    component = MuskingumCunge()
    component.start(
        RiverSettings(tree=tree, start_time=datetime(2000, 1, 1)),
        load_bundle(MuskingumCunge.default_bundle),
    )
    component.runner.parameterize()
    names = ("manning", "width_exponent", "width_coefficient")
    return {name: component.get_value_ptr(name).copy() for name in names}


def refuse_odd(channels: dict[str, np.ndarray]) -> None:
    """Fail where channels are not those of natural streams (Chow 1959)."""
    n, q, p = channels.values()
    assert (n > 0.025).all()
    assert (n < 0.12).all()
    assert 0.04 < np.median(n) < 0.08
    assert (q > 0.3).all()
    assert (q < 0.7).all()
    assert (p > 10.0).all()
    assert (p < 60.0).all()


def test_channels_of_the_river_it_learned_from() -> None:
    refuse_odd(channels(Path("delaware")))


@pytest.mark.parametrize("name", OTHERS)
def test_channels_of_rivers_it_never_saw(shared_data: Path, name: str) -> None:
    path = shared_data / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the data beside the checkout")
    refuse_odd(channels(path))


def test_how_it_was_learned_is_in_it() -> None:
    manifest = load_bundle(MuskingumCunge.default_bundle).manifest
    assert manifest.licence == "CC-BY-4.0"
    assert len(manifest.provenance["gauges"]) == 57
    assert not manifest.provenance["commit"].endswith("dirty")
    scored = manifest.scores["test"]
    assert scored["scored"] == ["1980-01-01", "1980-12-31"]
    assert scored["medians"]["from 10000 km2"]["nse"] > 0.8


@pytest.mark.parametrize("name", ["rivers-plain", "rivers-compound"])
def test_nothing_is_learned_in_the_others(name: str) -> None:
    manifest = load_bundle(name).manifest
    assert manifest.licence == "CC0-1.0"
    assert manifest.provenance["made_by"] == "scripts/make_rivers_bundle.py"


@pytest.mark.parametrize("name", ["rivers-delaware", "rivers-compound"])
def test_kernels_of_rivers_can_be_made_before_a_tree_is_known(name: str) -> None:
    assert any("flow" in source for source in needed(load_bundle(name)))


def test_lakes_let_out_the_flow_that_is_known(tmp_path: Path) -> None:
    from bmi_dmx.models.rivers.hot_start import hot_start

    from .small_river import write_tree

    tree = write_tree(tmp_path / "tree.nc", lake="wb-1")
    component = MuskingumCunge()
    component.start(
        RiverSettings(tree=tree, start_time=datetime(2000, 1, 1)),
        load_bundle("rivers-compound"),
    )
    component.set_value("lateral_inflow", np.zeros(5))
    discharge = np.array([1.0, 1.0, 0.5, 3.5, 4.0])
    hot_start(component.runner, discharge)
    component.update()
    flow = component.get_value_ptr("discharge")
    # The water of five minutes hardly lowers it: 2 flow in, 3.5 out.
    assert flow[3] == pytest.approx(3.5, rel=1e-2)
    assert flow[3] < 3.5
