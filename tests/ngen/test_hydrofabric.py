"""Hydrofabrics: GeoPackage and GeoJSON, and copies of parts."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.subset import copy_hydrofabric


def write(features, name="c.geojson"):
    path = Path(name)
    path.write_text(json.dumps({"features": features}), encoding="utf-8")
    return path


def feature(identifier="cat-1", **properties):
    return {
        "id": identifier,
        "properties": {"toid": "nex-1", "areasqkm": 1.0, **properties},
    }


def test_the_older_name_of_the_area_will_do():
    path = write([{"id": "cat-1", "properties": {"toid": "nex-1", "area_sqkm": 2.0}}])
    assert read_hydrofabric(path).catchments["cat-1"].area_km2 == 2.0


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([feature(), feature()], "'cat-1' is given twice"),
        ([feature(areasqkm=0.0)], "catchment 'cat-1': no area: areasqkm: found 0.0"),
        ([feature(areasqkm="1")], "areasqkm: found '1', expected a number above 0"),
        ([feature(toid=None)], "toid: found None, expected a nexus"),
        ([feature(identifier=[7])], r"feature 0: id: found \[7\]"),
        ([], "no catchments"),
    ],
)
def test_a_wrong_feature_is_named(features, message):
    with pytest.raises(DataError, match=f"c.geojson: .*{message}"):
        read_hydrofabric(write(features))


def test_a_catchment_must_drain_to_a_nexus_there_is():
    nexuses = write([{"id": "nex-2", "properties": {"toid": "wb-2"}}], "n.geojson")
    with pytest.raises(
        DataError, match=r"catchment 'cat-1': .*drains to 'nex-1', which is not among"
    ):
        read_hydrofabric(write([feature()]), nexuses)


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("a.geojson", "no json", "not a GeoPackage and not JSON"),
        ("a.geojson", "{}", "expected a GeoJSON collection"),
        ("a.gpkg", "no database, but text", "not a GeoPackage"),
    ],
)
def test_other_files_are_refused(name, text, error):
    Path(name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=f"{name}: .*{error}"):
        read_hydrofabric(Path(name))


def test_a_missing_file_or_layer_is_named():
    with pytest.raises(ConfigError, match=r"a\.gpkg: no such file"):
        read_hydrofabric(Path("a.gpkg"))
    with closing(sqlite3.connect("a.gpkg")) as connection:
        connection.execute("CREATE TABLE nexus (id TEXT)")
    with pytest.raises(DataError, match=r"a\.gpkg: layer 'divides' is missing"):
        read_hydrofabric(Path("a.gpkg"))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("divideid", "'cat-1'", "no column 'divide_id'; did you mean 'divideid'"),
        ("divide_id", "null", "row 0: divide_id: found nothing, expected a name"),
    ],
)
def test_what_names_no_divide_is_named(column, value, message):
    with closing(sqlite3.connect("a.gpkg")) as connection:
        connection.execute("CREATE TABLE nexus (id TEXT)")
        connection.execute(f"CREATE TABLE divides ({column} TEXT)")
        connection.execute(f"INSERT INTO divides VALUES ({value})")
        connection.commit()
    with pytest.raises(DataError, match=rf"a\.gpkg: divides: {message}"):
        read_hydrofabric(Path("a.gpkg"))


def test_an_unknown_catchment_is_named_with_the_nearest(domain):
    with pytest.raises(
        ConfigError, match="no catchment 'cat-33'; did you mean 'cat-3'"
    ):
        domain.select(["cat-1", "cat-33"])


def test_the_sample_is_a_connected_river(sample):
    domain = read_hydrofabric(sample[0])
    assert len(domain.catchments) == 8
    outlets = [n for n in domain.nexuses.values() if n.kind == "terminal"]
    assert len(outlets) == 1
    total = sum(c.area_km2 for c in domain.catchments.values())
    # The gauge at Cooks Falls: 241 square miles.
    assert total == pytest.approx(241 * 2.589988, rel=0.02)
    below = [c.properties["tot_drainage_areasqkm"] for c in domain.catchments.values()]
    assert max(below) == pytest.approx(total)
    for nexus in domain.nexuses.values():
        flowpaths = {c.properties["id"] for c in domain.catchments.values()}
        assert nexus.toid in flowpaths | {"wb-0"}


def test_a_copy_holds_the_chosen_catchments(sample):
    domain = read_hydrofabric(sample[0])
    some = list(domain.catchments)[2:5]
    copied = read_hydrofabric(copy_hydrofabric(domain.select(some), Path("config")))
    assert list(copied.catchments) == some
    assert set(copied.attributes) == set(some)
    assert copied.nexuses == domain.nexuses
    assert len(list(Path("config").iterdir())) == 1


def test_a_geojson_domain_is_copied_with_its_nexuses():
    nexuses = [{"id": f"nex-{k}", "properties": {"toid": ""}} for k in (1, 2)]
    divides = write([feature(), feature("cat-2", toid="nex-2")])
    domain = read_hydrofabric(divides, write(nexuses, "n.geojson"))
    path = copy_hydrofabric(domain.select(["cat-2"]), Path("config"))
    copy = read_hydrofabric(path, Path("config/n.geojson"))
    assert list(copy.catchments) == ["cat-2"]
    assert list(copy.nexuses) == ["nex-2"]


@pytest.mark.parametrize(
    ("name", "catchments", "nexuses"),
    [
        ("ngen_clear_creek_06719505_hydrofabric_v2.2.gpkg", 123, 64),
        ("ngen/logan_river_gage-10109001.gpkg", 88, 38),
    ],
)
def test_real_hydrofabrics_are_read_and_cut(shared_data, name, catchments, nexuses):
    domain = read_hydrofabric(shared_data / name)
    assert (len(domain.catchments), len(domain.nexuses)) == (catchments, nexuses)
    assert len(domain.attributes) == catchments
    some = domain.select(list(domain.catchments)[:7])
    copied = read_hydrofabric(copy_hydrofabric(some, Path("config")))
    assert list(copied.catchments) == list(some.catchments)
    assert copied.catchments == some.catchments


def test_a_copy_without_room_is_named_and_not_what_it_is_of(sample, monkeypatch):
    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("bmi_dmx.ngen.subset._keep_divides", full)
    fabric = read_hydrofabric(sample[0])
    with pytest.raises(OSError, match="disk is full") as raised:
        copy_hydrofabric(fabric, Path("copy"))
    assert raised.value.filename == str(Path("copy") / fabric.path.name)
    assert list(Path("copy").iterdir()) == []
