"""Lateral inflow in files: names, units, gaps, orders, and folders of NextGen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError, UnitsError
from bmi_dmx.models.rivers.formats import read_river
from bmi_dmx.routing.inflow import NetcdfInflow
from bmi_dmx.routing.run_folder import RunFolder
from tests.models.rivers.formats.made import MADE, geopackage
from tests.models.rivers.small_river import COLUMNS, IDS, weather

from .rivers import flow, routed, write_inflow


@pytest.mark.parametrize("places_first", [False, True])
@pytest.mark.parametrize("name", ["q_lateral", "Qr", "q_prime", "lateral_inflow"])
def test_usual_names_and_either_order(
    tmp_path: Path, name: str, places_first: bool
) -> None:
    inflow = weather(30)
    routed(tmp_path, inflow, output=tmp_path / "usual.nc")
    order = list(IDS[::-1])
    path = write_inflow(
        tmp_path / "other.nc", inflow[:, ::-1], ids=order, name=name,
        places_first=places_first,
    )  # fmt: skip
    routed(tmp_path, inflow=path)
    np.testing.assert_array_equal(
        flow(tmp_path / "out.nc"), flow(tmp_path / "usual.nc")
    )


@pytest.mark.parametrize(
    ("units", "factor"), [("l s-1", 1e-3), ("ft3 s-1", 0.3048**3), ("m3 h-1", 1 / 3600)]
)
def test_units_are_converted(tmp_path: Path, units: str, factor: float) -> None:
    values = np.full((30, 5), 7.0)
    routed(tmp_path, values * factor, output=tmp_path / "usual.nc")
    path = write_inflow(tmp_path / "other.nc", values, units=units)
    routed(tmp_path, inflow=path)
    np.testing.assert_allclose(
        flow(tmp_path / "out.nc"), flow(tmp_path / "usual.nc"), rtol=1e-12
    )


def test_a_depth_becomes_flow_by_the_area_of_the_reach(tmp_path: Path) -> None:
    path = write_inflow(tmp_path / "depth.nc", np.full((30, 5), 2.0), units="mm h-1")
    routed(tmp_path, inflow=path)
    area = np.array(COLUMNS["areasqkm"][0])
    routed(tmp_path, np.tile(2.0 * area / 3.6, (30, 1)), output=tmp_path / "flow.nc")
    np.testing.assert_allclose(
        flow(tmp_path / "out.nc"), flow(tmp_path / "flow.nc"), rtol=1e-12
    )


def test_units_of_something_else_are_refused(tmp_path: Path) -> None:
    path = write_inflow(tmp_path / "in.nc", weather(9), units="degC")
    with pytest.raises(UnitsError, match=r"in.nc: q_lateral: units 'degC' cannot be"):
        routed(tmp_path, inflow=path)


def test_units_that_nobody_states_are_assumed_and_said(tmp_path: Path) -> None:
    path = write_inflow(tmp_path / "in.nc", weather(9), units="")
    report = routed(tmp_path, inflow=path)
    assert any("no units are stated, taken as m3 s-1" in x for x in report.remarks)
    report = routed(tmp_path, inflow=path, units="l s-1")
    assert not any("no units" in text for text in report.remarks)


@pytest.mark.parametrize(
    ("value", "said"),
    [(np.nan, "missing"), (-0.5, "-0.5 m3 s-1"), (2e5, "200000 m3 s-1")],
)
def test_gaps_and_absurd_numbers_are_refused_by_name_and_time(
    tmp_path: Path, value: float, said: str
) -> None:
    inflow = weather(60)
    inflow[40, 2] = inflow[41, 2] = inflow[50, 0] = value
    message = rf"inflow.nc: lateral inflow of 'wb-5' at 2000-01-02T16:00:00 is {said}"
    count = r"\(3 such values, under 2 of 5 names, in the 60 steps read\)"
    with pytest.raises(DataError, match=rf"{message}.*{count}"):
        routed(tmp_path, inflow)
    assert not (tmp_path / "out.nc").exists()


def test_names_that_are_not_of_the_river(tmp_path: Path) -> None:
    path = write_inflow(tmp_path / "in.nc", weather(9), ids=["a", "b", "c", "d", "e"])
    with pytest.raises(DataError, match="none of its 5 names is of the river: found"):
        routed(tmp_path, inflow=path)
    some = [*IDS[:3], "elsewhere", "nowhere"]
    path = write_inflow(tmp_path / "some.nc", weather(9), ids=some)
    report = routed(tmp_path, inflow=path)
    remarks = "\n".join(report.remarks)
    assert (
        "2 of 5 are not of the river, and left out; the first is 'elsewhere'" in remarks
    )
    assert "2 of 5 reaches get nothing from it" in remarks


def test_two_variables_that_may_both_be_it(tmp_path: Path) -> None:
    path = write_inflow(tmp_path / "in.nc", weather(9))
    with netCDF4.Dataset(path, "a") as file:
        file.createVariable("Qr", "f8", ("time", "reach"))[:] = 1.0
    with pytest.raises(DataError, match="q_lateral and Qr may both be lateral inflow"):
        routed(tmp_path, inflow=path)
    routed(tmp_path, inflow=path, variable="Qr")
    with pytest.raises(DataError, match="nothing is called as lateral inflow; --var"):
        routed(tmp_path, inflow=write_inflow(tmp_path / "x.nc", weather(9), name="x"))


def test_times_may_be_those_of_the_ends_of_steps(tmp_path: Path) -> None:
    path = write_inflow(tmp_path / "in.nc", weather(9))
    for ends, begin in ((False, "2000-01-01T00"), (True, "1999-12-31T23")):
        inflow = NetcdfInflow(path, None, "", ends=ends)
        assert str(inflow.axis.first.astype("datetime64[h]")) == begin
        inflow.close()


def test_a_zarr_store_serves_as_well(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    inflow = weather(30)
    with netCDF4.Dataset(tmp_path / "numbers.nc", "w") as file:
        file.createDimension("reach", 5)
        for name, numbers in (
            ("reach_id", [3, 4, 5, 1, 9]), ("down_id", [1, 1, 9, 9, 0]),
            ("length", [1e3] * 5), ("slope", [1e-3] * 5),
        ):  # fmt: skip
            file.createVariable(name, "f8", ("reach",))[:] = numbers
    store = zarr.open_group(tmp_path / "in.zarr", mode="w")
    for name, values, dims, attributes in (
        ("time", np.arange(30), ["time"], {"units": "hours since 2000-01-01"}),
        ("reach_id", np.array([3, 4, 5, 1, 9]), ["reach"], {}),
        ("q_prime", inflow, ["time", "reach"], {"units": "m3 s-1"}),
    ):
        array = store.create_array(
            name, shape=values.shape, dtype=values.dtype, dimension_names=dims
        )
        array[:] = values
        array.attrs.update(attributes)
    reader = NetcdfInflow(tmp_path / "in.zarr", None, "", ends=False)
    assert reader.ids == ("3", "4", "5", "1", "9")
    reader.join(read_river(tmp_path / "numbers.nc"))
    np.testing.assert_array_equal(reader.read(10, 5), inflow[10:15])


@pytest.fixture
def domain(tmp_path: Path) -> Path:
    """A hydrofabric, and files of its nexuses and catchments, an hour each."""
    return geopackage(tmp_path, MADE)


def write_nexuses(folder: Path, names: Any, values: Any, start: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    times = np.datetime64("2015-12-01T00") + np.arange(len(values))
    for name, series in zip(names, np.transpose(values), strict=True):
        lines = [
            f"{k}, {str(t).replace('T', ' ')}:00:00, {x!r}\n"
            for k, (t, x) in enumerate(zip(times, series.tolist(), strict=True), start)
        ]
        (folder / f"{name}_output.csv").write_text("".join(lines), encoding="utf-8")
    return folder


def test_flow_at_nexuses_is_shared_out_by_area(domain: Path, tmp_path: Path) -> None:
    river = read_river(domain)
    names = [name for name in river.entering if name.startswith("nex-")]
    values = np.random.default_rng(0).gamma(1.0, 2.0, (40, len(names)))
    folder = write_nexuses(tmp_path / "run", names, values)
    inflow = RunFolder(folder, None, "", by_catchment=False)
    assert inflow.ids == tuple(sorted(names))
    inflow.join(river)
    order = [names.index(name) for name in inflow.ids]
    expected = river.map_from(inflow.ids).apply(values[:, order])
    np.testing.assert_allclose(inflow.read(0, 40), expected)
    # Out of order, and in pieces.
    pieces = [inflow.read(k, 8) for k in (32, 0, 8, 24, 16)]
    flow = np.concatenate([pieces[k] for k in (1, 2, 4, 3, 0)])
    np.testing.assert_allclose(flow, expected)
    np.testing.assert_allclose(flow.sum(axis=1), values.sum(axis=1))
    report = routed(tmp_path, inflow=folder, tree=domain)
    assert report.water["lateral_inflow"] == pytest.approx(3600.0 * values.sum())


def test_files_of_catchments(domain: Path, tmp_path: Path) -> None:
    river = read_river(domain)
    folder = tmp_path / "run"
    folder.mkdir()
    names = [name for name in river.entering if name.startswith("cat-")]
    for k, name in enumerate(names):
        rows = [f"{h},2015-12-01 {h:02d}:00:00,9,{k + h}" for h in range(24)]
        text = "\n".join(["Time Step,Time,RAIN,runoff_volume (l s-1)", *rows, ""])
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    inflow = RunFolder(folder, None, "", by_catchment=False)
    inflow.join(river)
    flow = inflow.read(3, 2)
    total = sum(k + 3 for k in range(len(names)))
    assert flow[0].sum() == pytest.approx(1e-3 * total)
    with pytest.raises(DataError, match=r"found 0 columns of Q_OUT; --variable NAME"):
        RunFolder(folder, "Q_OUT", "", by_catchment=True)
    with pytest.raises(DataError, match=r"cat-\d+.csv: 'RAIN' has no units; --units"):
        RunFolder(folder, "RAIN", "", by_catchment=True)
    area = river.attributes["area_km2"]
    # In a time, or in a step of an hour.
    for units in ("mm h-1", "mm", "0.001 m"):
        deep = RunFolder(folder, "RAIN", units, by_catchment=True)
        deep.join(river)
        np.testing.assert_allclose(deep.read(0, 1)[0].sum(), (9.0 * area / 3.6).sum())


def damage(folder: Path, name: str, change: Any) -> Path:
    path = folder / f"{name}_output.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(change(lines)), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:-3], r"nex-\S+csv: has 37 rows, nex-\S+ has 40"),
        (lambda x: [*x[:5], x[5].replace("2015", "2016"), *x[6:]], "row 6 is of 2016"),
        (lambda x: [*x[:7], x[7].rpartition(",")[0] + ", none\n", *x[8:]],
         "step 7: found '7,2015-12-01 07:00:00,none', expected a number"),
        (lambda x: [*x[:7], "7, 2015-12-01 07:00:00\n", *x[8:]],
         "row 8 has 2 cells, the first line 3"),
        (lambda x: [*x[:7], x[7].rpartition(",")[0] + ", -1.0\n", *x[8:]],
         r"lateral inflow of 'nex-\S+' at 2015-12-01T07:00:00 is -1 m3 s-1"),
        (lambda x: [], "is empty, expected rows"),
    ],
)  # fmt: skip
def test_a_damaged_file_of_a_nexus(
    domain: Path, tmp_path: Path, change: Any, message: str
) -> None:
    names = [n for n in read_river(domain).entering if n.startswith("nex-")]
    folder = write_nexuses(tmp_path / "run", names, np.ones((40, len(names))))
    damage(folder, sorted(names)[-1], change)
    more = {"inflow": folder, "tree": domain, "block": 5 * len(names)}
    with pytest.raises(DataError, match=message):
        routed(tmp_path, **more)


def test_a_folder_without_such_files(domain: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(ConfigError, match="found neither nex-"):
        routed(tmp_path, inflow=tmp_path / "run", tree=domain)
    with pytest.raises(DataError, match="no such file or folder"):
        routed(tmp_path, inflow=tmp_path / "nothing.nc", tree=domain)
