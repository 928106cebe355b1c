"""Lakes that a file describes, as properties of reaches."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.models.rivers.formats import Lakes, River
from bmi_dmx.models.rivers.lake_table import lake_reaches
from bmi_dmx.models.rivers.lakes import LAKE_PARAMETERS
from bmi_dmx.space import Tree


def river(**changed: list[float]) -> River:
    attributes = {
        "area_km2": [2.0, 3.0], "orifice_elevation": [10.0, 20.0],
        "orifice_coefficient": [0.1, 0.1], "orifice_area": [1.0, 1.0],
        "weir_elevation": [12.0, 22.0], "weir_coefficient": [0.4, 0.4],
        "weir_length": [10.0, 10.0], "maximum_elevation": [13.0, np.nan],
        "Dam_Length": [10.0, 10.0], "initial_fraction": [0.5, np.nan],
        "initial_elevation": [np.nan, 21.0], **changed,
    }  # fmt: skip
    # b and c lie in one lake, which c leaves; e is another.
    lakes = Lakes(
        ids=("one", "two"), outlets=("c", "e"), reaches=(("b", "c"), ("e",)),
        attributes={n: np.array(x) for n, x in attributes.items() if x}, units={},
    )  # fmt: skip
    tree = Tree(list("abcde"), [1, 2, 4, 4, -1])
    return River(tree=tree, attributes={}, units={}, lakes=lakes)


def test_the_outlet_of_a_lake_stands_for_it_and_the_rest_passes_on() -> None:
    reaches = lake_reaches(river())
    assert reaches.attributes["lake"].tolist() == [0.0, 3.0, 1.0, 0.0, 1.0]
    assert reaches.attributes["lake_area"][[2, 4]].tolist() == [2.0, 3.0]
    assert reaches.attributes["weir_elevation"][[2, 4]].tolist() == [12.0, 22.0]
    assert reaches.attributes["dam_elevation"][[2, 4]].tolist() == [13.0, 1e4]


def test_all_numbers_are_within_their_bounds() -> None:
    attributes = lake_reaches(river()).attributes
    for parameter in LAKE_PARAMETERS:
        if parameter.name != "residence_time":
            assert parameter.first_outside(attributes[parameter.name]) is None


def test_lakes_start_where_the_table_says() -> None:
    elevation = lake_reaches(river()).elevation
    np.testing.assert_array_equal(elevation, [np.nan, np.nan, 11.5, np.nan, 21.0])


def test_a_river_without_lakes_has_none() -> None:
    tree = Tree(["a"], [-1])
    reaches = lake_reaches(River(tree=tree, attributes={}, units={}))
    assert reaches.attributes["lake"].tolist() == [0.0]
    assert np.isnan(reaches.elevation).all()


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("area_km2", [0.0, 3.0], "lake 'one': area_km2: found 0, expected a number ab"),
        ("weir_length", [1.0, np.nan], "lake 'two': weir_length: found nan, expected "),
        ("orifice_area", [], "lake 'one': orifice_area: found nan, expected a number"),
    ],
)
def test_lakes_of_which_too_little_is_known_are_refused(
    column: str, values: list[float], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        lake_reaches(river(**{column: values}))


def test_lakes_of_a_file_need_no_pytorch() -> None:
    room = "bmi_dmx.models.rivers"
    code = f"import sys, {room}.lake_table; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
