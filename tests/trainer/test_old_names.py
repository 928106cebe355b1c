"""Names of 0.1 that are found for one version more, with a word about it."""

from __future__ import annotations

from importlib import import_module

import pytest

from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec


@pytest.mark.parametrize(
    ("module", "name", "present"),
    [("read", "read", read), ("spec", "DataSpec", DataSpec)],
)
def test_readers_are_found_where_they_were(
    module: str, name: str, present: object
) -> None:
    old = import_module(f"bmi_dmx.trainer.data.{module}")
    with pytest.warns(DeprecationWarning, match=r"is bmi_dmx.trainer.tasks.basins"):
        assert getattr(old, name) is present
    with pytest.raises(AttributeError):
        _ = old.nothing_of_the_kind
