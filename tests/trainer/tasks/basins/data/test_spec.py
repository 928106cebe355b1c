"""The data block: what is chosen, where files are looked for, what is refused."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.tasks.basins.data import DataSpec, read
from bmi_dmx.trainer.tasks.basins.data.source import numeric

IDS = np.array(["01", "02", "03", "04"])
ATTRIBUTES = {
    "listed": np.array([1.0, 0.0, 1.0, 1.0]),
    "mismatch": np.array([0.0, 0.05, -0.2, np.nan]),
}


def chosen(tmp_path, **keys):
    return list(DataSpec(**keys).choose(IDS, ATTRIBUTES, tmp_path))


def test_all_basins_unless_said_otherwise(tmp_path):
    assert chosen(tmp_path) == ["01", "02", "03", "04"]


def test_conditions_keep_what_satisfies_all(tmp_path):
    assert chosen(tmp_path, where={"listed": True}) == ["01", "03", "04"]
    assert chosen(tmp_path, where={"mismatch": (-0.1, 0.1)}) == ["01", "02"]
    both = {"listed": True, "mismatch": (-0.2, 0.1)}
    assert chosen(tmp_path, where=both) == ["01", "03"]


def test_one_of_some_words_or_codes_satisfies(tmp_path):
    region = numeric("region", np.array(["01", "02", "17", "02"]))
    soil = numeric("soil", np.array(["Silt, deep", "sand", "sand", ""]))
    attributes = {**region, **soil}

    def kept(**where):
        return list(DataSpec(where=where).choose(IDS, attributes, tmp_path))

    assert kept(region=("02", "17")) == ["02", "03", "04"]
    assert kept(region=("02", "17"), soil=("sand",)) == ["02", "03"]
    assert kept(soil=("Silt, deep",)) == ["01"]
    with pytest.raises(DataError, match="no attribute 'region__03'"):
        kept(region=("01", "03"))
    with pytest.raises(ConfigError, match=r"data.where.region: the list is empty"):
        kept(region=())
    with pytest.raises(ConfigError, match=r"data.where.size: found \[9.0, 2.0\]"):
        kept(size=(9, 2))


def test_lists_keep_their_order_and_meet_conditions(tmp_path):
    keys = {"basins": ["04", "02", "01"], "where": {"listed": True}}
    assert chosen(tmp_path, **keys) == ["04", "01"]


def test_list_in_a_file_beside_the_configuration(tmp_path):
    (tmp_path / "few.txt").write_text("# two of them\n03\n\n01  # first\n")
    assert chosen(tmp_path, basins="few.txt") == ["03", "01"]
    (tmp_path / "windows.txt").write_bytes(b"\xef\xbb\xbf03\r\n\r\n01\r\n")
    assert chosen(tmp_path, basins="windows.txt") == ["03", "01"]
    (tmp_path / "row.csv").write_text("03, 01,\n")
    assert chosen(tmp_path, basins="row.csv") == ["03", "01"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"basins": "none.txt"}, "data.basins: no file .*none.txt"),
        ({"basins": ["05"]}, "^data.basins: basin '05' is not in the data"),
        ({"basins": ["01", "02", "01"]}, "^data.basins: .*'01' .* positions 0 and 2"),
        ({"where": {"listd": True}}, "no attribute 'listd'.*mean 'listed'"),
        ({"where": {"listed": 7}}, "none of 4 basins satisfies"),
    ],
)
def test_impossible_choices_are_refused(tmp_path, keys, message):
    with pytest.raises(DataError, match=message):
        chosen(tmp_path, **keys)


def test_lists_without_identifiers_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.basins: the list is empty"):
        chosen(tmp_path, basins=[])
    (tmp_path / "few.txt").write_text("# none yet\n")
    with pytest.raises(DataError, match=r"data\.basins: .*few.txt lists no identifier"):
        chosen(tmp_path, basins="few.txt")


def test_paths_are_expanded(tmp_path, monkeypatch):
    (tmp_path / "a.nc").touch()
    monkeypatch.setenv("BASINS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in ("$BASINS/a.nc", "${BASINS}/a.nc", "~/a.nc", "a.nc"):
        assert DataSpec(path=text).locate(tmp_path) == tmp_path / "a.nc"


def test_unset_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(ConfigError, match=r"data.path.*'NOWHERE'.*not set"):
        DataSpec(path="$NOWHERE/a.nc").locate(tmp_path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing found at .*a.nc"):
        read(DataSpec(path="a.nc"), tmp_path)
    with pytest.raises(ConfigError, match=r"'basins' needs a path"):
        read(DataSpec())


@pytest.mark.parametrize(
    ("reader", "key", "used"),
    [
        ("camels_us", "target", "product, products, forcings"),
        ("delaware", "product", "none of them"),
        ("delaware", "target", "none of them"),
    ],
)
def test_keys_of_other_readers_are_refused(tmp_path, reader, key, used):
    message = rf"data\.{key}: the reader '{reader}' does not use it; .* it uses {used}$"
    with pytest.raises(ConfigError, match=message):
        read(DataSpec(reader=reader, path=str(tmp_path), **{key: "daymet"}))


def test_unknown_reader_is_refused():
    with pytest.raises(ConfigError, match=r"data.reader.*'delawar'.*mean 'delaware'"):
        read(DataSpec(reader="delawar"))


def test_block_from_yaml_becomes_typed():
    spec = convert(
        {
            "reader": "basins",
            "period": ["1980-10-01", date(1981, 9, 30)],
            "where": {"in_list": True, "mismatch": [-0.1, 0.1], "huc": 2},
            "basins": ["01", "02"],
        },
        DataSpec,
    )
    assert spec.period == (date(1980, 10, 1), date(1981, 9, 30))
    assert spec.where == {"in_list": True, "mismatch": (-0.1, 0.1), "huc": 2.0}
    assert spec.basins == ["01", "02"]


def test_every_path_is_made_absolute():
    paths = {
        "path": "a.nc",
        "basins": "few.txt",
        "places": "p.csv",
        "withheld": "w.csv",
    }
    spec = DataSpec(**paths).resolved(lambda key, text: f"/there/{text}")
    assert {key: getattr(spec, key) for key in paths} == {
        key: f"/there/{text}" for key, text in paths.items()
    }


def test_a_missing_table_of_places_is_named_by_its_key(tmp_path):
    (tmp_path / "a.nc").touch()
    with pytest.raises(DataError, match=r"data\.places: nothing found at .*p\.csv"):
        DataSpec(path="a.nc", places="p.csv").locate(tmp_path, "places")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            {"period": ["2001-06-01", "2001-01-01"]},
            "^period: 2001-06-01 to 2001-01-01 ends before it starts",
        ),
        (
            {"attributes_period": ["2001-06-01", "2001-01-01"]},
            "^attributes_period: .* ends before it starts",
        ),
        ({"gaps": "hld"}, "gaps: unknown value 'hld'.*mean 'hold'"),
        ({"forcings": {"precip": "P"}}, "forcing 'precip'"),
        ({"max_gap": 0}, "max_gap: found 0"),
        ({"where": {"a": "yes"}}, "where.a"),
        ({"atributes": "file"}, "atributes: unknown key.*'attributes'"),
    ],
)
def test_wrong_blocks_are_refused(block, message):
    with pytest.raises(ConfigError, match=message):
        convert(block, DataSpec)
