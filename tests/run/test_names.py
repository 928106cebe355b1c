"""Names in files of forcing and of places, in whatever capitals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import DataError

from ..bmi.untrained import attributes
from .conftest import Ask, batch
from .files import UNITS, write_series, write_table

START = "1980-10-01"
CLOSE: Any = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def expected(bundle: Path, series: dict[str, Any]) -> Any:
    """Streamflow of the small model over the weather."""
    return batch(bundle, series, attributes(3), start=START)["streamflow"]


@pytest.mark.parametrize("file", ["table.csv", "table.nc", "forcing.nc"])
def test_capitals_of_names_do_not_matter(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any], expected: Any,
    file: str, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    columns = {name.upper(): values for name, values in attributes(3).items()}
    titled = {name.capitalize(): values for name, values in series.items()}
    within = {"constants": columns} if file == "forcing.nc" else {}
    units = {name.capitalize(): text for name, text in UNITS.items()}
    write_series(tmp_path / "forcing.nc", titled, ids=ids, units=units, **within)
    table = None
    if file == "table.csv":
        table = write_table(tmp_path / file, ids, columns)
    elif file == "table.nc":
        table = tmp_path / file
        write_series(table, {"unused": np.zeros((1, 3))}, ids=ids, constants=columns)
        with netCDF4.Dataset(table, "a") as dataset:
            dataset["place_id"].cf_role = "timeseries_id"
    outputs = ask(attributes=table)
    np.testing.assert_allclose(outputs["streamflow"], expected, **CLOSE)
    assert "'Precipitation' is taken for 'precipitation'" in caplog.text
    name = next(iter(columns))
    assert f"{name!r} is taken for {name.lower()!r}" in caplog.text


def test_a_name_as_it_is_goes_before_one_in_capitals(
    ask: Ask, tmp_path: Path, ids: list[str], expected: Any
) -> None:
    wrong = {name.upper(): np.full(3, 2.0) for name in attributes(3)}
    write_table(tmp_path / "table.csv", ids, {**wrong, **attributes(3)})
    np.testing.assert_allclose(ask()["streamflow"], expected, **CLOSE)


def test_of_two_names_in_other_capitals_none_is_chosen(
    ask: Ask, tmp_path: Path, ids: list[str]
) -> None:
    columns = attributes(3)
    name = next(iter(columns))
    twice = {name.upper(): columns[name], name.capitalize(): columns.pop(name)}
    table = tmp_path / "table.nc"
    write_series(
        table, {"unused": np.zeros((1, 3))}, ids=ids, constants={**columns, **twice}
    )
    with netCDF4.Dataset(table, "a") as dataset:
        dataset["place_id"].cf_role = "timeseries_id"
    with pytest.raises(DataError, match=f"variable '{name}' is given twice"):
        ask(attributes=table)


@pytest.mark.parametrize("kind", ["text", "number", "characters"])
def test_one_place_may_say_its_name(
    ask: Ask, tmp_path: Path, series: dict[str, Any], expected: Any, kind: str
) -> None:
    one = {name: values[:, 0] for name, values in series.items()}
    path = write_series(tmp_path / "forcing.nc", one, dims=())
    with netCDF4.Dataset(path, "a") as file:
        if kind == "text":
            file.createVariable("id", str, ())[...] = "007"
        elif kind == "number":
            file.createVariable("id", "i8", ())[...] = 7
        else:
            file.createDimension("length", 3)
            file.createVariable("station", "S1", ("length",))[:] = [*"007"]
            file["station"].cf_role = "timeseries_id"
    known = {name: values[:1] for name, values in attributes(3).items()}
    write_table(tmp_path / "table.csv", ["007"], known)
    found = ask(forcing=path)
    np.testing.assert_allclose(found["streamflow"][:, 0], expected[:, 0], **CLOSE)
