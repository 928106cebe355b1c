"""What the files of a run have to have, and what is said where they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import DataError

from ..bmi.untrained import attributes
from .conftest import Ask
from .files import write_csv, write_series, write_table


@pytest.mark.parametrize("value", [np.nan, 95.0])
def test_an_attribute_that_cannot_be_is_refused_with_its_table(
    ask: Ask, tmp_path: Path, ids: list[str], value: float
) -> None:
    columns = attributes(3)
    columns["lat"] = [*columns.pop("latitude")[:2], value]
    write_table(tmp_path / "table.csv", ids, columns)
    message = (
        rf"table.csv: column 'lat': attribute 'latitude' at 'lower' is {value:g}; "
        "expected -90 to 90"
    )
    with pytest.raises(DataError, match=message):
        ask()


def test_one_of_the_file_of_forcing_is_refused_with_that(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any]
) -> None:
    wrong = {**attributes(3), "latitude": np.array([1.0, 100.0, 2.0])}
    write_series(tmp_path / "forcing.nc", series, ids=ids, constants=wrong)
    message = r"forcing.nc: attribute 'latitude' at 'middle' is 100; expected -90 to 90"
    with pytest.raises(DataError, match=message):
        ask(attributes=None)


def test_a_table_that_is_not_there_is_called_by_its_option(
    ask: Ask, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"^--attributes: .*none\.csv: no such file"):
        ask(attributes=tmp_path / "none.csv")


def one_day(
    tmp_path: Path, series: dict[str, Any], ids: list[str], **more: Any
) -> Path:
    """Write the first day of the weather."""
    first = {name: x[:1] for name, x in series.items()}
    return write_series(tmp_path / "day.nc", first, ids=ids, **more)


def test_of_one_time_the_step_is_that_of_the_model_which_is_said(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    outputs = ask(forcing=one_day(tmp_path, series, ids))
    assert "day.nc: time: one time, taken for a step of 1 d" in caplog.text
    assert outputs["streamflow"].shape == (1, 3)
    np.testing.assert_array_equal(outputs["streamflow"], ask()["streamflow"][:1])


def test_bounds_of_one_time_go_before_the_step_of_the_model(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    day = one_day(tmp_path, series, ids)
    with netCDF4.Dataset(day, "a") as file:
        file["time"].bounds = "ends"
        file.createDimension("two", 2)
        file.createVariable("ends", "f8", ("time", "two"))[:] = [[0.0, 24.0]]
    flow = ask(forcing=day)["streamflow"]
    assert "one time" not in caplog.text
    np.testing.assert_array_equal(flow, ask()["streamflow"][:1])


def test_a_table_may_have_one_row(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    rows = [["time", *series], ["1980-10-01", *(x[0, 0] for x in series.values())]]
    path = write_csv(tmp_path / "upper.csv", rows)
    flow = ask(forcing=path)["streamflow"]
    assert "upper.csv: time: one time, taken for a step of 1 d" in caplog.text
    np.testing.assert_allclose(flow[0, 0], ask()["streamflow"][0, 0], rtol=1e-12)
