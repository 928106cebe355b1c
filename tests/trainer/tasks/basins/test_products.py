"""Several forcing products: read side by side, blended, learned from and operated."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from bmi_dmx import Component
from bmi_dmx.bundle import load_bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.hydrology.learned_flow import NetworkFlow
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import train
from bmi_dmx.trainer.tasks.basins.data import DataSpec, read

from .leaks import EXPERIMENT, made

PRODUCTS = ("daymet", "nldas")


def two_products() -> xr.Dataset:
    """Return made basins whose second product has another rain, the rest is shared."""
    data = made().rename(prcp="prcp_daymet")
    data["nldas_prcp"] = data["prcp_daymet"] * 0.5 + 1.0
    data["nldas_prcp"].attrs["units"] = "mm/day"
    return data


def test_products_stand_side_by_side(tmp_path: Path) -> None:
    file = tmp_path / "made.nc"
    two_products().to_netcdf(file)
    forcing = read(DataSpec(path=str(file), products=PRODUCTS)).forcing
    first, second = (forcing[f"precipitation_{name}"] for name in PRODUCTS)
    np.testing.assert_array_equal(forcing["precipitation"], first)
    np.testing.assert_allclose(second, 0.5 * first + 1.0, rtol=1e-5)
    # What bears no mark is of all of them.
    assert not [name for name in forcing if name.startswith("air_temperature_daymet")]


def test_tables_have_products_too(tmp_path: Path) -> None:
    days = "\n".join(
        f"2001-01-{day:02d},{day},{2 * day},1.5,4,1" for day in range(1, 29)
    )
    head = "date,prcp_a[mm/d],prcp_b[mm/d],tmin[degC],tmax[degC],q[mm/d]\n"
    (tmp_path / "one.csv").write_text(head + days + "\n", encoding="utf-8")
    spec = DataSpec(
        reader="tables", path=str(tmp_path), products=("b", "a"), attributes="file"
    )
    forcing = read(spec).forcing
    np.testing.assert_allclose(forcing["precipitation_b"][:, 0], 2 * np.arange(1, 29))
    np.testing.assert_allclose(forcing["precipitation_a"][:, 0], np.arange(1, 29))


def test_a_product_may_be_moved_in_time(tmp_path: Path) -> None:
    file = tmp_path / "made.nc"
    two_products().to_netcdf(file)
    still = read(DataSpec(path=str(file), products=PRODUCTS)).forcing
    moved = read(
        DataSpec(path=str(file), products=PRODUCTS, shift={"precipitation_nldas": 1})
    ).forcing
    second = "precipitation_nldas"
    np.testing.assert_array_equal(moved[second], still[second][:-1])
    np.testing.assert_array_equal(moved["precipitation"], still["precipitation"][1:])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"products": ["daymet"]}, "expected two or more"),
        ({"products": ["daymet", "daymet"]}, "expected two or more"),
        ({"products": ["daymet", "a b"]}, "found 'a b'"),
        ({"products": ["daymet", "nldas"], "product": "nldas"}, "one of them"),
    ],
)
def test_impossible_products_are_refused(keys: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"products: .*{message}"):
        DataSpec(path="made.nc", **{**keys, "products": tuple(keys["products"])})


def test_products_with_one_precipitation_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "made.nc"
    made().to_netcdf(file)
    with pytest.raises(DataError, match=r"'daymet' and of 'nldas' is the same, .*prcp"):
        read(DataSpec(path=str(file), products=PRODUCTS))


def test_readers_without_products_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.products: the reader 'caravan'"):
        read(DataSpec(reader="caravan", path=str(tmp_path), products=PRODUCTS))


def learned(folder: Path, model: dict[str, Any]) -> Any:
    """Train on two products and return the bundle, loaded from its folder."""
    folder.mkdir(exist_ok=True)
    two_products().to_netcdf(folder / "made.nc")
    experiment = deepcopy(EXPERIMENT)
    experiment["data"] |= {"products": list(PRODUCTS)}
    experiment["periods"]["test"] = ["2004-10-01", "2005-09-30"]
    experiment["model"] = model
    (folder / "made.yaml").write_text(as_yaml(experiment), encoding="utf-8")
    run = train(folder / "made.yaml", root=folder / "runs")
    export(run, folder / "bundle")
    return load_bundle(folder / "bundle")


def test_blended_products_close_the_budget_step_by_step(tmp_path: Path) -> None:
    bundle = learned(tmp_path, {**EXPERIMENT["model"], "products": list(PRODUCTS)})
    file = str(tmp_path / "made.nc")
    data = read(DataSpec(path=file, products=PRODUCTS, attributes="both"))
    model, days = bundle.model().double(), 40
    static = {n: data.attributes[n][:2] for n in model.attributes}
    settings = {
        "bundle": str(tmp_path / "bundle"),
        "start_time": str(data.time[0]),
        "locations": {
            "ids": ["a", "b"], "attributes": {n: x.tolist() for n, x in static.items()}
        },
    }  # fmt: skip
    (tmp_path / "run.yaml").write_text(as_yaml(settings), encoding="utf-8")
    component = Component()
    component.initialize(str(tmp_path / "run.yaml"))
    series = {n: x[:days, :2].astype("f8") for n, x in data.dated_forcing().items()}
    inputs = {
        "land_surface_air__temperature": "air_temperature",
        "land_surface_air__daily_min_of_temperature": "air_temperature_min",
        "land_surface_air__daily_max_of_temperature": "air_temperature_max",
        "precipitation_daymet": "precipitation_daymet",
        "precipitation_nldas": "precipitation_nldas",
    }
    assert set(component.get_input_var_names()) == inputs.keys()
    stepped: dict[str, list[Any]] = {"streamflow": [], "precipitation": []}
    for day in range(days):
        for name, variable in inputs.items():
            component.set_value(name, series[variable][day])
        component.update()
        for name, column in stepped.items():
            column.append(component.get_value(name, np.empty(2)))
    with torch.no_grad():
        batch = model.simulate(
            {n: torch.from_numpy(series[n]) for n in model.forcings},
            {n: torch.from_numpy(x) for n, x in static.items()},
            outputs=[*stepped, *(f"share_{n}" for n in PRODUCTS)],
        ).outputs
    for name, column in stepped.items():
        np.testing.assert_allclose(column, batch[name], rtol=1e-10, atol=1e-12)
    shares = np.stack([batch[f"share_{n}"].numpy()[0] for n in PRODUCTS])
    first, second = shares / shares.sum(axis=0)
    rain = [series[f"precipitation_{n}"] for n in PRODUCTS]
    expected = first * rain[0] + second * rain[1]
    np.testing.assert_allclose(stepped["precipitation"], expected, rtol=1e-10)
    # What entered is the blend, and nothing of it is lost.
    entered, outflow, stored = (
        component.get_value(f"mass_{n}", np.empty(2)) for n in ("in", "out", "stored")
    )
    np.testing.assert_allclose(entered, expected.sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(entered - outflow, stored, atol=1e-8)


def test_a_network_reads_all_products(tmp_path: Path) -> None:
    forcings = ["precipitation_daymet", "precipitation_nldas", "air_temperature"]
    model = {
        "recipe": "lstm", "products": list(PRODUCTS), "forcings": forcings,
        "attributes": ["height"], "options": {"hidden": 4},
    }  # fmt: skip
    bundle = learned(tmp_path, model)
    assert set(bundle.model().forcings) == set(forcings)


def test_a_network_knows_no_product_that_is_not_listed() -> None:
    with pytest.raises(ConfigError, match="unknown 'precipitation_maurer'"):
        NetworkFlow(forcings=("precipitation_maurer",), products=PRODUCTS)
