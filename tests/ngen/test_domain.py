"""Domains: a hydrofabric and the forcing of its catchments."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from bmi_dmx.errors import DataError, TimeError
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.hydrofabric import read_hydrofabric


def test_hydrofabric_and_forcing_must_be_of_one_version(shared_data):
    with pytest.raises(DataError, match="same version of the hydrofabric"):
        open_domain(
            shared_data / "ngen_clear_creek_06719505_hydrofabric_v2.2.gpkg",
            shared_data / "ngen_clear_creek_06719505_hourly_2024.nc",
        )


def test_catchments_without_forcing_are_left_out_and_told(sample):
    ids = read_hydrofabric(sample[0]).catchments
    some = list(ids)[:6]
    Path("x.csv").write_text("a,b\n" + "".join(f"{i},{i}\n" for i in some))
    with open_domain(*sample, crosswalk=Path("x.csv")) as domain:
        assert domain.ids == tuple(some)
    assert domain.remarks[0].startswith("2 of 8 catchments have no forcing")
    with pytest.raises(DataError, match="no forcing of 1 catchments"):
        open_domain(*sample, crosswalk=Path("x.csv"), catchments=[list(ids)[7]])


@pytest.mark.parametrize(
    "span",
    [
        {"start": datetime(1978, 12, 31)},
        {"end": datetime(1981, 1, 1)},
        {"start": datetime(1979, 3, 1, 0, 30)},
        {"start": datetime(1979, 3, 2), "end": datetime(1979, 3, 1)},
    ],
)
def test_the_period_must_be_covered(sample, span):
    with pytest.raises(TimeError, match="not one of whole hours within the forcing"):
        open_domain(*sample, **span)
