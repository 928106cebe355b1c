"""Maps of catchments: outlines of the hydrofabric, means of the simulation."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from bmi_dmx.cli import main
from bmi_dmx.errors import DataError
from bmi_dmx.ngen.catchment_map import LAYER, write_map
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.simulate import simulate

geopandas = pytest.importorskip("geopandas")

RUNOFF = "land_surface_water__runoff_depth"
SPAN = {"start": datetime(1979, 3, 1), "end": datetime(1979, 3, 2, 23)}
IDS = ["cat-1455", "cat-1451"]


@pytest.fixture
def outlines(sample: tuple[Path, Path]):
    return geopandas.read_file(sample[0], layer="divides").set_index("divide_id")


def test_a_map_has_the_means_of_the_simulation(sample, bundle, somewhere, monkeypatch):
    monkeypatch.setattr("bmi_dmx.run.steps.BLOCK", 2 * 7)
    target = Path("maps/all.gpkg")
    with open_domain(*sample, catchments=IDS, **SPAN) as domain:
        simulate(domain, str(bundle), Path("all.nc"), map_file=target)
    layer = geopandas.read_file(target, layer=LAYER)
    assert layer["divide_id"].tolist() == IDS
    with netCDF4.Dataset("all.nc") as file:
        means = file[RUNOFF][:].mean(axis=0)
    assert means.min() > 0
    np.testing.assert_allclose(layer[f"{RUNOFF}[m]"], means, rtol=1e-12)


@pytest.mark.parametrize("name", ["sample.gpkg", "divides.geojson"])
def test_outlines_are_those_of_the_hydrofabric(name, sample, outlines, somewhere):
    path = sample[0]
    if name.endswith("geojson"):
        path = Path(name)
        features = outlines[["toid", "areasqkm", "geometry"]].rename_axis("id")
        features.reset_index().to_file(path, driver="GeoJSON")
    fabric = read_hydrofabric(path).select(IDS)
    write_map(Path("map.gpkg"), fabric, {"score": np.array([0.25, np.nan])})
    layer = geopandas.read_file("map.gpkg", layer=LAYER)
    assert layer["score"][0] == 0.25
    assert np.isnan(layer["score"][1])
    ours = layer.to_crs(outlines.crs).geometry.area.to_numpy()
    assert ours == pytest.approx(outlines.geometry.area.loc[IDS].to_numpy(), rel=1e-3)


def test_a_hydrofabric_without_outlines_makes_no_map(sample, somewhere):
    fabric = read_hydrofabric(sample[0]).select(IDS)
    table = Path("table.geojson")
    features = "".join(
        f'{{"type": "Feature", "geometry": null, "properties": {{"id": "{name}"}}}},'
        for name in IDS
    )
    table.write_text(f'{{"type": "FeatureCollection", "features": [{features[:-1]}]}}')
    with pytest.raises(DataError, match="have no outlines"):
        write_map(Path("map.gpkg"), replace(fabric, path=table), {})
    assert not Path("map.gpkg").exists()


def test_without_geopandas_the_command_says_what_brings_it(
    sample, bundle, somewhere, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "geopandas", None)
    line = ["simulate", "--hydrofabric", str(sample[0]), "--forcing", str(sample[1])]
    line += ["--bundle", str(bundle), "--start", "1979-03-01", "--end", "1979-03-01"]
    assert main([*line, "--output", "all.nc", "--map", "all.gpkg"]) == 1
    assert "pip install 'bmi-dmx[ngen]'" in capsys.readouterr().err
    assert not Path("all.nc").exists()
