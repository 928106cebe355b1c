"""Tables between the names of a hydrofabric and those of its forcing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.hydrofabric import read_hydrofabric


@pytest.fixture
def ids(sample) -> list[str]:
    return list(read_hydrofabric(sample[0]).catchments)


def written(*rows: str) -> Path:
    path = Path("x.csv")
    path.write_text("\n".join(["catchment,name", *rows]), encoding="utf-8")
    return path


def test_a_catchment_that_is_given_twice_is_refused(sample, ids):
    table = written(f"{ids[0]},{ids[0]}", f"{ids[1]},{ids[1]}", f"{ids[0]},{ids[2]}")
    message = f"x.csv: column 'catchment': '{ids[0]}' is given twice, in rows 2 and 4"
    with pytest.raises(DataError, match=message):
        open_domain(*sample, crosswalk=table)


def test_catchments_of_other_hydrofabrics_are_noted(sample, ids):
    table = written(f"{ids[0]},{ids[0]}", "cat-99999,a", f"{ids[1]}0,b")
    with open_domain(*sample, crosswalk=table) as domain:
        assert domain.ids == (ids[0],)
    assert domain.remarks[0].startswith(
        f"x.csv: 2 of 3 catchments are not in {sample[0]} and are passed over; the "
        "first is 'cat-99999'"
    )


def test_a_table_that_fits_is_not_remarked_on(sample, ids):
    with open_domain(*sample, crosswalk=written(*(f"{i},{i}" for i in ids))) as domain:
        assert domain.remarks == ()
