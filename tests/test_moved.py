"""Names of 0.1 that are found for one version more, with a word about it."""

from __future__ import annotations

from importlib import import_module

import pytest

_DATA = "bmi_dmx.trainer.tasks.basins.data"


@pytest.mark.parametrize(
    ("old", "name", "present"),
    [
        ("bmi_dmx.trainer.data.read", "read", f"{_DATA}.read"),
        ("bmi_dmx.trainer.data.spec", "DataSpec", f"{_DATA}.spec"),
        ("bmi_dmx.ngen.projection", "from_conus_albers", "bmi_dmx.data.projection"),
    ],
)
def test_names_are_found_where_they_were(old: str, name: str, present: str) -> None:
    module = import_module(old)
    with pytest.warns(DeprecationWarning, match=f"{old} is {present} now"):
        assert getattr(module, name) is getattr(import_module(present), name)
    with pytest.raises(AttributeError):
        _ = module.nothing_of_the_kind
