"""The Delaware sample: network, catchments, and what ships."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.tasks.basins.data import PORTABLE_ATTRIBUTES, DataSpec, read
from bmi_dmx.trainer.tasks.basins.data.delaware import Delaware, upstream


@pytest.fixture(scope="module")
def data():
    return read(DataSpec(reader="delaware", attributes="both"))


@pytest.fixture(scope="module")
def sample():
    with xr.open_dataset(Delaware.shipped()) as opened:
        yield opened.load()


def test_upstream_of_a_small_network():
    # 1 -> 3, 2 -> 3, 3 -> outlet; 4 -> outlet
    through = upstream(np.array([3, 3, 0, 0]))
    assert through.astype(int).tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [1, 1, 1, 0],
        [0, 0, 0, 1],
    ]


def test_circle_is_refused():
    with pytest.raises(DataError, match=r"circle"):
        upstream(np.array([2, 3, 1, 0]))


def test_catchments_are_found_by_walking_upstream(data, sample):
    """Area and rain of every catchment, by a search that knows no matrices."""
    down = sample["segment_downstream"].values
    receiving, area = sample["hru_segment"].values, sample["hru_area"].values
    above = {s: np.flatnonzero(down == s) + 1 for s in range(1, down.size + 1)}
    rain = sample["prcp"].values
    for gauge in data.ids[::10]:
        (at,) = np.flatnonzero(sample["gauge_id"].values == gauge)
        waiting, hrus = [int(sample["gauge_segment"][at])], []
        while waiting:
            segment = waiting.pop()
            hrus.extend(np.flatnonzero(receiving == segment))
            waiting.extend(above[segment])
        total = area[hrus].sum()
        here = data.select([str(gauge)])
        assert here.attributes["units"] == len(hrus)
        np.testing.assert_allclose(
            here.attributes["area_mismatch"],
            total / float(sample["gauge_area"][at]) - 1,
            atol=1e-5,
        )
        mean = (rain[hrus] * area[hrus, None]).sum(axis=0) / total
        np.testing.assert_allclose(
            here.forcing["precipitation"][:, 0], mean, rtol=1e-4, atol=1e-4
        )


def test_gauges_kept_are_complete_and_plausible(data):
    assert data.ids.size == 101
    assert data.time.size == 731
    assert np.isfinite(data.target).all()
    attributes = data.attributes
    ratio = data.target.mean(axis=0) / attributes["p_mean"]
    assert np.sum(np.abs(attributes["area_mismatch"]) < 0.1) == 91
    natural = (np.abs(attributes["area_mismatch"]) < 0.1) & (
        attributes["regulated_fraction"] < 0.1
    )
    assert natural.sum() == 48
    assert ratio[natural].min() > 0.3
    assert ratio[natural].max() < 0.75


def test_water_diverted_to_new_york_is_missing(data):
    below = data.select(["01436000", "01417000"])  # Neversink, Pepacton
    ratio = below.target.mean(axis=0) / below.attributes["p_mean"]
    assert (ratio < 0.2).all()
    assert (below.attributes["regulated_fraction"] > 0.99).all()


def test_portable_attributes_are_complete(data):
    data.require((), (*PORTABLE_ATTRIBUTES, "latitude", "longitude"))


def test_conditions_apply(data):
    where = {"area_mismatch": (-0.1, 0.1), "regulated_fraction": (0.0, 0.1)}
    subset = read(DataSpec(reader="delaware", attributes="file", where=where))
    assert subset.ids.size == 48


def test_names_cannot_be_chosen():
    with pytest.raises(ConfigError, match=r"data.target: the reader 'delaware'"):
        read(DataSpec(reader="delaware", target="flow"))


def test_file_is_small_and_says_where_it_is_from(sample):
    assert Delaware.shipped().stat().st_size < 4e6
    assert sample.attrs["license"] == "CC0-1.0"
    assert "pywatershed" in sample.attrs["source"]
    assert "history" not in sample.attrs


@pytest.fixture(scope="module")
def reference(shared_data):
    path = shared_data / "drb_prms_2yr_1979_1980.nc"
    if not path.is_file():
        pytest.skip(f"{path.name} is absent")
    with xr.open_dataset(path) as opened:
        yield opened.load()


@pytest.mark.parametrize("name", ["prcp", "tmin", "tmax"])
def test_forcing_is_that_of_another_conversion(sample, reference, name):
    np.testing.assert_allclose(sample[name], reference[name], rtol=1e-6, atol=2e-5)


def test_network_is_that_of_another_conversion(sample, reference):
    for ours, theirs in (
        ("hru_segment", "hru_segment"),
        ("hru_id", "nhm_id"),
        ("segment_downstream", "tosegment"),
    ):
        np.testing.assert_array_equal(sample[ours], reference[theirs])
    for ours, theirs in (
        ("hru_area", "hru_area"),
        ("hru_slope", "hru_slope"),
        ("segment_length", "seg_length"),
        ("segment_manning_n", "mann_n"),
    ):
        np.testing.assert_allclose(sample[ours], reference[theirs], rtol=1e-6)


def test_discharge_is_that_of_another_conversion(sample, reference):
    order = np.argsort(reference["gauge_id"].values)
    gauges = reference.isel(gauge=order)
    np.testing.assert_array_equal(sample["gauge_id"], gauges["gauge_id"])
    np.testing.assert_array_equal(sample["gauge_segment"], gauges["gauge_segment"])
    np.testing.assert_allclose(sample["discharge"], gauges["qobs_vol"], rtol=1e-6)


def test_common_gauges_agree_with_camels(data, shared_data):
    path = shared_data / "camels_us_569_daymet_1980_2010.nc"
    if not path.is_file():
        pytest.skip(f"{path.name} is absent")
    camels = read(DataSpec(path=str(path), attributes="file"))
    common = [name for name in data.ids if name in set(camels.ids)]
    assert len(common) == 10
    ours, theirs = data.select(common), camels.select(common)
    autumn = ("1980-10-01", "1980-12-31")
    volume = ours.attributes["area_km2"] * ours.period(*autumn).target
    other = theirs.attributes["area_km2"] * theirs.period(*autumn).target
    np.testing.assert_allclose(volume, other, rtol=0.02, atol=0.5)
    slope = ours.attributes["slope_mean"] / theirs.attributes["slope_mean"]
    assert np.median(slope) == pytest.approx(1.0, abs=0.1)
    height = ours.attributes["elevation_mean"] - theirs.attributes["elevation_mean"]
    assert np.abs(height).max() < 90
