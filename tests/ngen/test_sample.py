"""The sample domain holds the weather and the land of its gauge."""

from __future__ import annotations

import netCDF4
import numpy as np

from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.netcdf_forcing import NetcdfForcing
from bmi_dmx.trainer.tasks.basins.data import DataSpec, read

RAIN = "atmosphere_water__liquid_equivalent_precipitation_rate"
WARMTH = "land_surface_air__temperature"


def test_the_days_of_all_catchments_are_those_of_the_gauge(sample):
    basin = read(DataSpec(reader="delaware")).select(["01420500"])
    fabric = read_hydrofabric(sample[0])
    area = np.array([c.area_km2 for c in fabric.catchments.values()])
    ids = list(fabric.catchments)
    with NetcdfForcing(sample[1]) as forcing:
        start, end = forcing.span(ids[0])
        hours = (end - start) // 3600
        rain = forcing.block(ids, RAIN, "mm d-1", start, hours)
        warmth = forcing.block(ids, WARMTH, "degC", start, hours)
    assert hours == 24 * len(basin.time)
    daily = rain.reshape(-1, 24, len(ids)).mean(axis=1) @ area / area.sum()
    np.testing.assert_allclose(
        daily, basin.forcing["precipitation"][:, 0], rtol=1e-4, atol=1e-4
    )
    mean = warmth.reshape(-1, 24, len(ids)).mean(axis=1) @ area / area.sum()
    np.testing.assert_allclose(mean, basin.forcing["air_temperature"][:, 0], atol=1e-3)


def test_the_warmest_hour_is_in_the_afternoon_of_the_place(sample):
    with NetcdfForcing(sample[1]) as forcing:
        ids = forcing.ids
        start, _ = forcing.span(ids[0])
        day = forcing.block(ids, WARMTH, "degC", start, 24)
    # 75 degrees west: 15 h of the sun is 20 h UTC.
    assert set(day.argmax(axis=0)) == {20}


def test_the_forcing_has_the_layout_of_the_framework(sample):
    with netCDF4.Dataset(sample[1]) as file:
        assert file.data_model == "NETCDF4"
        assert file["Time"].dimensions == ("catchment-id", "time")
        assert {"ids", "precip_rate", "TMP_2maboveground"} <= file.variables.keys()
