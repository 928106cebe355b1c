"""Tables of attributes that hold some catchments, and hydrofabrics that lack some."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from bmi_dmx.bundle import load_bundle
from bmi_dmx.cli import main
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.ngen.attributes import Attributes, attributes_of
from bmi_dmx.ngen.domain import Domain, open_domain
from bmi_dmx.ngen.forcing import STEP
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.prepare import prepare
from bmi_dmx.ngen.simulate import simulate
from bmi_dmx.operate.operation import Operation

SPAN = {"start": datetime(1979, 3, 1), "end": datetime(1979, 3, 2, 23)}
DAY = ["--start", "1979-03-01", "--end", "1979-03-01 23:00"]


@pytest.fixture
def opened(sample) -> Iterator[Domain]:
    with open_domain(*sample, **SPAN) as domain:
        yield domain


@pytest.fixture
def read(opened, operation) -> Callable[..., Attributes]:
    """Read a table of the sample's catchments, given as text."""

    def made(text: str, name: str = "a.csv") -> Attributes:
        Path(name).write_text(text, encoding="utf-8")
        return attributes_of(operation, opened.hydrofabric, opened.forcing, Path(name))

    return made


@pytest.fixture
def plain(opened, operation) -> Attributes:
    """The attributes without a table."""
    return attributes_of(operation, opened.hydrofabric, opened.forcing)


def test_a_table_may_hold_some_catchments_and_blank_cells(opened, read, plain):
    _, second, third, *_ = opened.ids
    text = f"id,elevation_mean,slope_mean\n{second},700,\n{third},,33\ncat-0,1,1\n"
    attributes = read(text)
    expected = {n: plain.values[n].copy() for n in ("elevation_mean", "slope_mean")}
    expected["elevation_mean"][1] = 700.0
    expected["slope_mean"][2] = 33.0
    for name, values in expected.items():
        np.testing.assert_array_equal(attributes.values[name], values)
    assert attributes.at(0) == plain.at(0)


def test_headings_may_be_in_capitals(opened, read, plain):
    attributes = read(f"ID,Slope_Mean\n{opened.ids[2]},33\n")
    expected = plain.values["slope_mean"].copy()
    expected[2] = 33.0
    np.testing.assert_array_equal(attributes.values["slope_mean"], expected)
    assert "a.csv: column 'Slope_Mean' is taken for 'slope_mean'" in attributes.remarks
    attributes = read(f"ID,Slope_Mean,slope_mean\n{opened.ids[2]},44,33\n")
    np.testing.assert_array_equal(attributes.values["slope_mean"], expected)
    assert any(
        "'Slope_Mean' is no attribute" in remark for remark in attributes.remarks
    )


def test_only_forcing_of_catchments_without_a_climate_is_read(opened, read, plain):
    rows = [f"{name},3.3,1.5" for name in opened.ids[1:]]
    calls = []
    block = opened.forcing.block
    opened.forcing.block = lambda ids, *args: calls.append(ids) or block(ids, *args)
    attributes = read("\n".join(["id,p_mean,pet_mean", *rows]))
    assert {tuple(ids) for ids in calls} == {opened.ids[:1]}
    assert attributes.values["p_mean"].tolist() == [
        plain.values["p_mean"][0],
        *[3.3] * 7,
    ]
    np.testing.assert_allclose(attributes.values["aridity"][1:], 1.5 / 3.3)


def test_aridity_follows_from_the_mean_that_is_given(opened, read, plain):
    name = opened.ids[2]
    attributes = read(f"id,p_mean\n{name},9.0")
    demand = plain.values["aridity"][2] * plain.values["p_mean"][2]
    assert attributes.values["aridity"][2] == pytest.approx(demand / 9.0)
    assert attributes.values["aridity"][1] == plain.values["aridity"][1]
    attributes = read(f"id,p_mean,aridity\n{name},9.0,0.7")
    assert attributes.values["aridity"][2] == 0.7


def test_other_columns_are_not_read_but_told(opened, read):
    first, *_ = opened.ids
    attributes = read(f"id,name,slop_mean,slope_mean,\n{first},Beaver Kill,12,13,\n")
    assert attributes.values["slope_mean"][0] == 13.0
    remarks = [r for r in attributes.remarks if "passed over" in r]
    assert remarks[0].startswith(
        "a.csv: column 'name' is no attribute and is passed over"
    )
    assert remarks[1].endswith("column 'slop_mean' is no attribute and is passed over; "
                            "did you mean 'slope_mean'?")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,aridity\n{0},1\n{0},2", "'{0}' is given twice, in rows 2 and 3"),
        ("id,aridity,aridity\n{0},1,2", "column 'aridity' is given twice"),
    ],
)
def test_what_cannot_be_is_refused(opened, read, text, message):
    first = opened.ids[0]
    pattern = message.format(first)
    with pytest.raises(DataError, match=rf"a\.csv: .*{pattern}"):
        read(text.format(first))


def test_impossible_values_are_refused_with_the_file_they_come_from(opened):
    model = Operation(load_bundle("dhbv-conus-daily"), STEP, STEP)
    first, second, *_ = opened.ids
    Path("a.csv").write_text(f"id,p_mean\n{second},1203\n", encoding="utf-8")
    message = rf"a\.csv: attribute 'p_mean' of '{second}' is 1203 mm d-1; expected 0 to"
    with pytest.raises(DataError, match=message):
        attributes_of(model, opened.hydrofabric, opened.forcing, Path("a.csv"))
    rows = {n: dict(r) for n, r in opened.hydrofabric.attributes.items()}
    rows[first]["mean.elevation"] *= 100.0
    wrong = replace(opened.hydrofabric, attributes=rows)
    message = rf"sample\.gpkg: attribute 'elevation_mean' of '{first}' is .* m; exp"
    with pytest.raises(DataError, match=message):
        attributes_of(model, wrong, opened.forcing)


# A hydrofabric of which a row is missing


@pytest.fixture
def logan(shared_data, sample) -> tuple[list[str], Path]:
    """The Logan River without one row of attributes, on the forcing of the sample."""
    source = shared_data / "ngen/logan_river_gage-10109001.gpkg"
    ids = list(read_hydrofabric(source).catchments)[:3]
    shutil.copyfile(source, "logan.gpkg")
    with closing(sqlite3.connect("logan.gpkg")) as connection:
        connection.execute(
            'DELETE FROM "divide-attributes" WHERE divide_id = ?', (ids[1],)
        )
        connection.commit()
    ours = list(read_hydrofabric(sample[0]).catchments)
    table = "catchment,name\n" + "".join(map("{},{}\n".format, ids, ours))
    Path("x.csv").write_text(table, encoding="utf-8")
    return ids, sample[1]


def test_a_missing_row_is_named_and_can_be_given(logan, bundle, capsys):
    ids, forcing = logan
    line = ["ngen", "prepare", "logan.gpkg", str(forcing), "--crosswalk", "x.csv"]
    line += ["--bundle", str(bundle), *DAY]
    assert main([*line, "--output", "run"]) == 1
    error = capsys.readouterr().err
    assert (
        "logan.gpkg: attributes 'elevation_mean', 'slope_mean', 'latitude' are not "
        f"known of '{ids[1]}', which has no row in divide-attributes; give them"
    ) in error
    table = f"divide_id,elevation_mean,slope_mean,latitude\n{ids[1]},2000,150,41.8\n"
    Path("a.csv").write_text(table, encoding="utf-8")
    assert main([*line, "--attributes", "a.csv", "--output", "run"]) == 0
    path = Path(f"run/config/cat_config/dmx/{ids[1]}.yml")
    attributes = yaml.safe_load(path.read_text())["locations"]["attributes"]
    assert attributes["elevation_mean"] == 2000.0
    # Nobody has said where it is.
    assert "longitude" not in attributes
    domain = ["--hydrofabric", "logan.gpkg", "--forcing", str(forcing)]
    domain += ["--crosswalk", "x.csv", "--bundle", str(bundle), *DAY]
    line = ["simulate", *domain, "--attributes", "a.csv", "--output", "all.nc"]
    assert main(line) == 0


# Files that nobody has seen


def test_a_fault_of_an_option_names_no_temporary_file(opened, bundle):
    for run in (
        lambda: prepare(opened, str(bundle), Path("run"), evaporation="oudi"),
        lambda: simulate(opened, str(bundle), Path("a.nc"), evaporation="oudi"),
    ):
        with pytest.raises(ConfigError) as caught:
            run()
        assert "evaporation: unknown 'oudi'; did you mean 'oudin'?" in str(caught.value)
        assert ".yml" not in str(caught.value)


def test_a_hydrofabric_with_half_a_channel_is_named_as_it_was_given(opened, bundle):
    with pytest.raises(DataError) as caught:
        prepare(opened, str(bundle), Path("run"), routing=True)
    message = f"{opened.hydrofabric.path}: flowpath-attributes: no column 'nCC'"
    assert str(caught.value).startswith(message)
