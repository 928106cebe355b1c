"""Which steps of which basins a table withholds."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.tasks.basins.data.withheld_days import read_withheld

IDS = np.array(["01466500", "01467150", "a"])
TIME = np.datetime64("2000-01-01") + np.arange(6)


def table(path, *rows):
    path.write_text("\n".join(["place,first,last", *rows]) + "\n", encoding="utf-8")
    return path


def test_days_of_the_table_are_withheld_of_its_basins(tmp_path):
    path = table(
        tmp_path / "days.csv",
        "01466500,2000-01-02,2000-01-03",
        "01466500,2000-01-06,2000-02-01",
        "elsewhere,2000-01-01,2000-01-06",
    )
    mask = read_withheld(path, IDS, TIME)
    assert np.flatnonzero(mask[:, 0]).tolist() == [1, 2, 5]
    assert not mask[:, 1:].any()


def test_names_that_lost_their_zeros_are_withheld_too(tmp_path, caplog):
    path = table(tmp_path / "days.csv", "1466500,2000-01-02,2000-01-03")
    mask = read_withheld(path, IDS, TIME)
    assert np.argwhere(mask).tolist() == [[1, 0], [2, 0]]
    assert "days.csv: '1466500' is taken for '01466500'" in caplog.text


def test_a_table_of_other_basins_is_told(tmp_path, caplog):
    path = table(tmp_path / "days.csv", "01466501,2000-01-02,2000-01-03")
    assert not read_withheld(path, IDS, TIME).any()
    assert caplog.record_tuples[0][1] == logging.WARNING
    assert "names none of 3 basins, so that nothing of them is withheld" in caplog.text
    assert "did you mean '01466500'?" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,2000-01-03,2000-01-02", "place 'a': .*ends before it starts"),
        ("a,2000-13-01,2000-01-02", "place 'a': "),
    ],
)
def test_days_that_are_none_are_refused(tmp_path, row, message):
    with pytest.raises(DataError, match=rf"days\.csv: {message}"):
        read_withheld(table(tmp_path / "days.csv", row), IDS, TIME)
