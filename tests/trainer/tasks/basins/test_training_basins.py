"""What a bundle says of the basins and days it learned from."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from bmi_dmx.bundle import load_bundle
from bmi_dmx.errors import BundleError
from bmi_dmx.trainer.tasks.basins.training_basins import learned

PERIODS = {
    "train": ["1980-10-01", "1990-09-30"],
    "validation": ["1992-10-01", "1995-09-30"],
    "test": ["1995-10-01", "2010-09-30"],
}


def test_basins_are_told_by_their_numbers() -> None:
    training = learned({"basin_ids": ["01013500", "camelsgb_1001"]}, "b")
    ids = ["01013500", "1013500", "camels_01013500", "1001", "camelsbr_1001", "013500"]
    overlap = training.among(np.array(ids))
    assert overlap is not None
    assert overlap.tolist() == [True, True, True, True, False, False]


def test_where_basins_are_not_listed_nobody_knows() -> None:
    provenance = {"basins": 541, "data": {"path": "a.nc"}}
    training = learned(provenance, "b")
    assert training.among(np.array(["1"])) is None
    assert training.about == "541 basins of a.nc"


@pytest.mark.parametrize(
    ("period", "shared"),
    [
        ((date(1990, 9, 30), date(1991, 1, 1)), True),
        ((date(1990, 10, 1), date(1992, 9, 30)), False),
        ((date(1991, 1, 1), date(2000, 1, 1)), True),
        ((date(1995, 10, 1), date(2010, 9, 30)), False),
    ],
)
def test_training_and_validation_are_learned_from(
    period: tuple[date, date], shared: bool
) -> None:
    assert learned({"periods": PERIODS}, "b").shares_days(period) is shared


@pytest.mark.parametrize(
    "provenance",
    [
        {"basin_ids": "01013500"},
        {"periods": {"train": ["1980-10-01"]}},
        {"periods": {"train": ["1980", "x"]}},
        {"periods": ["a"]},
    ],
)
def test_what_is_not_written_so_is_refused(provenance: dict[str, object]) -> None:
    with pytest.raises(BundleError, match=r"b: provenance\."):
        learned(provenance, "b")


def test_the_shipped_bundle_lists_its_basins() -> None:
    provenance = load_bundle("dhbv-conus-daily").manifest.provenance
    ids = learned(provenance, "shipped").ids
    assert ids is not None
    assert len(set(ids)) == len(ids) == provenance["basins"]
