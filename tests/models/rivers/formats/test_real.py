"""Real rivers have the reaches, levels, gauges and lakes that are known of them."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from bmi_dmx.models.rivers.formats import partial_area, read_river, read_series


def test_the_juniata_has_213_reaches_in_39_levels(shared_data: Path) -> None:
    path = shared_data / "juniata_reaches.nc"
    river = read_river(path)
    assert (len(river), len(river.tree.levels)) == (213, 39)
    assert river.gauges == {"01567000": "73005278"}
    assert river.tree.downstream[-1] == -1
    with netCDF4.Dataset(path) as file:
        np.testing.assert_array_equal(river.tree.downstream, file["down_index"][:])
        slope = file["slope"][:].data
    assert np.count_nonzero(slope < 1e-3) == 42
    np.testing.assert_array_equal(river.attributes["slope"] == 1e-5, slope == 0.0)
    assert "slope: not above 0, taken as 1e-05: 3 of 213" in "\n".join(river.remarks)
    # The drainage areas at the gauge differ by more than what enters its reach.
    assert river.attributes["area_km2"][-1] < 10.0
    assert partial_area(river) == {"01567000": 1.0}


def test_inflow_and_flow_of_the_juniata_are_daily(shared_data: Path) -> None:
    path = shared_data / "juniata_reaches.nc"
    inflow = read_series(path, "q_prime")
    assert inflow.values.shape == (11323, 213)
    assert inflow.ids == read_river(path).tree.ids
    assert (inflow.values > 0.0).all()
    flow = read_series(path, "gauge_flow")
    assert flow.ids == ("01567000",)
    days = flow.time.times[np.isfinite(flow.values[:, 0])].astype("datetime64[D]")
    assert (str(days[0]), str(days[-1])) == ("1980-10-01", "1995-09-30")


def test_the_lower_colorado_has_11248_reaches_in_649_levels(shared_data: Path) -> None:
    path = shared_data / "lowercolorado_tx.nc"
    river = read_river(path)
    assert (len(river), len(river.tree.levels)) == (11248, 649)
    above = np.bincount(river.tree.downstream[river.tree.downstream >= 0])
    assert above.max() == 3
    assert river.lakes is not None
    assert len(river.lakes) == 30
    elevation = river.lakes.attributes["initial_elevation"]
    assert np.isfinite(elevation).sum() == 28
    with netCDF4.Dataset(path) as file:
        # The source found orders before some reaches were left out.
        same = river.tree.strahler == file["order"][:]
        assert np.count_nonzero(~same) == 44
        outlets = file["lake_outlet_index"][:].tolist()
        assert river.lakes.outlets == tuple(river.tree.ids[k] for k in outlets)
        side = 1.0 / file["ChSlp"][:].data.astype(np.float64)
        np.testing.assert_allclose(river.attributes["side_slope"], side)
    inflow = read_series(path, "q_lateral")
    assert (inflow.time.seconds, inflow.values.shape) == (3600.0, (28, 11248))


def test_clear_creek_has_two_flowpaths_with_two_gauges(shared_data: Path) -> None:
    river = read_river(shared_data / "ngen_clear_creek_06719505_hydrofabric_v2.2.gpkg")
    assert (len(river), len(river.tree.levels)) == (123, 26)
    assert river.gauges["06714600"] == river.gauges["06714800"] == "wb-1570886"
    assert river.gauges["06719500"] == "wb-1570822"
    remarks = "\n".join(river.remarks)
    assert "repeated and left out: 2 (wb-1570886, wb-1570808)" in remarks
    assert "outlets: 1 of 123 (wb-1570823 to wb-1570824)" in remarks
    east, north = river.tree.longitude, river.tree.latitude
    assert east is not None
    assert north is not None
    assert -106.0 < east.min() < east.max() < -105.2
    assert 39.6 < north.min() < north.max() < 39.9


def test_up_to_nine_flowpaths_of_the_logan_enter_one_nexus(shared_data: Path) -> None:
    river = read_river(shared_data / "ngen" / "logan_river_gage-10109001.gpkg")
    assert (len(river), len(river.tree.levels)) == (88, 15)
    assert river.gauges == {"10109001": "wb-2861391"}
    nexuses = {n: x for n, x in river.entering.items() if n.startswith("nex-")}
    assert len(nexuses) == 38
    assert max(map(len, nexuses.values())) == 9
    assert sum(map(len, nexuses.values())) == 88
    shares = [sum(shares.values()) for shares in nexuses.values()]
    np.testing.assert_allclose(shares, 1.0, rtol=1e-14)


def test_the_delaware_has_456_segments_that_761_units_enter() -> None:
    river = read_river("delaware")
    assert len(river) == 456
    assert {"length", "slope", "manning"} <= set(river.attributes)
    assert (len(river.gauges), len(river.entering)) == (168, 761)
    land = river.map_from(list(river.entering))
    assert land.apply(np.ones(761)).sum() == pytest.approx(761.0)


def test_the_sample_is_the_network_that_it_was_made_of(shared_data: Path) -> None:
    shipped = read_river("delaware")
    source = read_river(shared_data / "drb_prms_2yr_1979_1980.nc")
    np.testing.assert_array_equal(shipped.tree.downstream, source.tree.downstream)
    np.testing.assert_allclose(
        shipped.attributes["length"], source.attributes["length"], rtol=1e-5
    )
    # Those of the source were summed up by its own authors.
    np.testing.assert_allclose(
        shipped.attributes["drainage_area_km2"],
        source.attributes["drainage_area_km2"],
        atol=0.002,
    )
