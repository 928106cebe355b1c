"""Lateral inflow under other names and in other orders, and what is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import MuskingumCunge
from bmi_dmx.errors import ConfigError, DataError

from .small_river import BELOW, COLUMNS, FLOW, IDS, SOURCES, run, started, weather

NEXUS = {"wb-3": "nex-1", "wb-4": "nex-1", "wb-5": "nex-9", "wb-1": "nex-9",
         "wb-9": "tnx-2"}  # fmt: skip
SHARES = {
    "nex-1": {"wb-3": 0.375, "wb-4": 0.625},
    "nex-9": {"wb-5": 5.0 / 13.0, "wb-1": 8.0 / 13.0},
    "tnx-2": {"wb-9": 1.0},
}
NAMES = tuple(SHARES)


def write_fabric(path: Path) -> Path:
    """Write the small river as a hydrofabric: pairs of reaches drain into a nexus."""
    numbers = {name: dict(zip(IDS, values, strict=True))
               for name, (values, _) in COLUMNS.items()}  # fmt: skip
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE flowpaths (id, toid, lengthkm, areasqkm)")
        file.execute("CREATE TABLE nexus (id, toid)")
        file.execute('CREATE TABLE "flowpath-attributes" (id, So, n)')
        for name in IDS:
            long, area = 1e-3 * numbers["length"][name], numbers["areasqkm"][name]
            row = (name, NEXUS[name], long, area)
            file.execute("INSERT INTO flowpaths VALUES (?, ?, ?, ?)", row)
            bed = (name, numbers["slope"][name], numbers["n"][name])
            file.execute('INSERT INTO "flowpath-attributes" VALUES (?, ?, ?)', bed)
        below = {NEXUS[name]: BELOW[name] or "wb-0" for name in IDS}
        file.executemany("INSERT INTO nexus VALUES (?, ?)", below.items())
        file.commit()
    return path


@pytest.fixture
def by_nexus(tmp_path: Path) -> MuskingumCunge:
    """A component to which water comes at nexuses."""
    write_fabric(tmp_path / "river.gpkg")
    return started(tmp_path, tree="river.gpkg", sources=list(NAMES), state="hot")


def shared(flow: Any) -> Any:
    """Return the lateral inflow of the reaches, (..., reach)."""
    inflow = np.zeros((*flow.shape[:-1], len(IDS)))
    for k, shares in enumerate(SHARES.values()):
        for reach, share in shares.items():
            inflow[..., IDS.index(reach)] += share * flow[..., k]
    return inflow


def test_reaches_may_come_in_any_order(tmp_path: Path) -> None:
    inflow = weather(10)
    (expected,) = run(started(tmp_path), inflow, "discharge")
    order = [3, 0, 4, 2, 1]
    for names in ([IDS[k] for k in order], np.array([1, 3, 9, 5, 4])):
        component = started(tmp_path)
        component.set_value(SOURCES, np.array(names))
        assert component.sources == tuple(IDS[k] for k in order)
        assert component.get_value_ptr(SOURCES).tolist() == [1, 3, 9, 5, 4]
        (discharge,) = run(component, inflow[:, order], "discharge")
        assert (discharge == expected).all()


def test_what_comes_to_a_nexus_is_shared_by_area(
    tmp_path: Path, by_nexus: MuskingumCunge
) -> None:
    flow = weather(12, 3)
    assert by_nexus.sources == NAMES
    assert by_nexus.get_value_ptr(SOURCES).tolist() == [1, 9, 2]
    assert by_nexus.get_grid_size(by_nexus.get_var_grid(FLOW)) == 3
    assert by_nexus.get_var_nbytes(FLOW) == 3 * 8
    (discharge,) = run(by_nexus, flow, "discharge")
    other = started(tmp_path, tree="river.gpkg", state="hot")
    (expected,) = run(other, shared(flow), "discharge")
    np.testing.assert_allclose(discharge, expected, rtol=1e-13)


def test_all_names_that_begin_alike_are_sources(tmp_path: Path) -> None:
    write_fabric(tmp_path / "river.gpkg")
    component = started(tmp_path, tree="river.gpkg", sources="nex-")
    assert component.sources == ("nex-1", "nex-9")


def test_what_is_written_into_the_array_counts(by_nexus: MuskingumCunge) -> None:
    values = by_nexus.get_value_ptr(FLOW)
    assert values is by_nexus.get_value_ptr("lateral_inflow")
    values[:] = [3.0, 2.0, 1.0]
    by_nexus.update()
    np.testing.assert_allclose(by_nexus.get_value_ptr("discharge")[4], 6.0)


def test_a_restored_run_goes_on_with_the_inflow_it_had(
    tmp_path: Path, by_nexus: MuskingumCunge
) -> None:
    run(by_nexus, weather(5, 3))
    saved = by_nexus.state_bytes()
    by_nexus.update()
    expected = by_nexus.get_value("discharge", np.empty(5))
    other = started(tmp_path, tree="river.gpkg", sources=list(NAMES))
    other.set_state_bytes(saved)
    other.update()
    assert (other.get_value_ptr("discharge") == expected).all()
    other.set_value(FLOW, np.zeros(3))
    other.update()
    assert other.get_value_ptr("lateral_inflow").tolist() == [0.0, 0.0, 0.0]
    assert (other.get_value_ptr("discharge") != expected).any()


def test_reaches_without_a_source_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "bmi_dmx.models.rivers.sources"):
        started(tmp_path, sources=["wb-3", "wb-9"])
    assert "3 of 5 reaches have no lateral inflow" in caplog.text
    assert "the first is 'wb-4'" in caplog.text


@pytest.mark.parametrize(("bad", "message"), [
    (np.nan, r"of source 'nex-9' is nan m3 s-1; expected 0 or more"),
    (-0.5, r"of source 'nex-9' is -0\.5 m3 s-1; expected 0 or more"),
])  # fmt: skip
def test_inflow_that_cannot_be_is_told_of_its_source(
    by_nexus: MuskingumCunge, bad: float, message: str
) -> None:
    run(by_nexus, weather(2, 3))
    before = by_nexus.get_value("discharge", np.empty(5))
    by_nexus.set_value(FLOW, np.array([1.0, bad, 1.0]))
    with pytest.raises(DataError, match=message):
        by_nexus.update()
    assert (by_nexus.get_value_ptr("discharge") == before).all()


@pytest.mark.parametrize(("ids", "message"), [
    (["nex-1", "nex-8"], r"'nex-8' is no name of a source; did you mean 'nex-9'"),
    (["nex-1", "nex-1"], r"'nex-1' is given twice"),
    ([1, 77], r"'77' is no name of a source"),
    ([], r"found none"),
    ([0.5, 1.0], r"found 0\.5, expected text or a whole number"),
])  # fmt: skip
def test_sources_that_are_not_there_are_refused(
    by_nexus: MuskingumCunge, ids: list[Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        by_nexus.set_value(SOURCES, np.array(ids))
    assert by_nexus.sources == NAMES


@pytest.mark.parametrize(("sources", "message"), [
    ("nez-", r"sources: no name begins with 'nez-'"),
    (["wb-3", "wb-8"], r"sources: 'wb-8' is no name of a source; did you mean 'wb-"),
    (["wb-3", "wb-3"], r"sources: names: 'wb-3' is given twice"),
])  # fmt: skip
def test_configured_sources_that_are_not_there_are_refused(
    tmp_path: Path, sources: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        started(tmp_path, sources=sources)
