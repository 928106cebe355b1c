"""Data are read by the reader that understands them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.tasks.basins import recognition
from bmi_dmx.trainer.tasks.basins.data.delaware import Delaware
from bmi_dmx.trainer.tasks.basins.data.read import READERS
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec
from bmi_dmx.trainer.tasks.basins.recognition import reader_of


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT"])
def test_a_netcdf_file_is_known_by_how_it_begins(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "no-suffix"
    xr.Dataset({"a": ("x", np.arange(2.0))}).to_netcdf(path, format=kind)
    assert reader_of(path) == "basins"


@pytest.mark.parametrize(
    ("folder", "reader"),
    [
        ("basin_dataset_public_v1p2/basin_mean_forcing", "camels_us"),
        ("basin_mean_forcing", "camels_us"),
        ("timeseries/netcdf", "caravan"),
        ("timeseries/csv", "caravan"),
    ],
)
def test_a_tree_is_known_by_its_folders(
    tmp_path: Path, folder: str, reader: str
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    assert reader_of(tmp_path) == reader


def test_the_sample_is_known_by_name_and_by_file() -> None:
    shipped = Delaware.shipped()
    assert shipped is not None
    assert reader_of(Path("delaware")) == reader_of(shipped) == "delaware"


class OneCell:
    """A reader that opens text files of one word."""

    @classmethod
    def shipped(cls) -> Path | None:
        return None

    def __init__(self, spec: DataSpec, path: Path) -> None:
        if path.read_text() != "cell":
            raise DataError(f"{path}: not one cell")


def test_what_has_no_mark_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READERS._entries, "one_cell", OneCell)
    path = tmp_path / "a.cell"
    path.write_text("cell")
    assert reader_of(path) == "one_cell"
    path.write_text("other")
    with pytest.raises(DataError, match=r"a\.cell: no reader .*one_cell: .*not one"):
        reader_of(path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder; did you mean 'delawa"):
        reader_of(Path("delawar"))
    assert set(recognition._LOOKS) < set(READERS)
