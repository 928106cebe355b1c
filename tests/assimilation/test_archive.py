"""Archives of noisy observations."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.assimilation.archive import read_archive, write_archive
from bmi_dmx.assimilation.truth import Truth, truth_of
from bmi_dmx.errors import ConfigError, DataError

from .small import experiment


@pytest.fixture(scope="module")
def truth() -> Truth:
    observe = {"every": 4, "projections": True, "missing": 0.1, "error": 0.5}
    return truth_of(experiment(cycles=12, burn_in=0, observe=observe))


def test_what_is_written_is_read(truth: Truth, tmp_path: Path) -> None:
    write_archive(tmp_path / "a.nc", truth, tell=True)
    archive = read_archive(tmp_path / "a.nc")
    assert archive.experiment == truth.experiment
    np.testing.assert_array_equal(archive.values, np.moveaxis(truth.values, 0, 1))
    np.testing.assert_array_equal(archive.seeds, [1, 2, 3])
    np.testing.assert_allclose(archive.seconds, 0.05 * np.arange(12), atol=1e-6)
    np.testing.assert_array_equal(archive.error, np.full(5, 0.5))
    assert archive.truth is not None
    for cycle in range(12):
        predicted = truth.operators.predict(archive.truth[:, cycle], cycle)
        if (archive.entries[cycle] >= 0).all():
            expected = archive.truth[:, cycle][:, archive.entries[cycle]]
        else:
            assert archive.projection is not None
            expected = archive.truth[:, cycle] @ archive.projection.T
        np.testing.assert_allclose(expected, predicted)
        error = archive.values[:, cycle] - predicted
        assert np.nanmax(np.abs(error)) < 2.5


def test_the_truth_is_told_only_where_it_is_asked_for(
    truth: Truth, tmp_path: Path
) -> None:
    write_archive(tmp_path / "a.nc", truth)
    assert read_archive(tmp_path / "a.nc").truth is None


def rename(name: str) -> Callable[[Any], None]:
    return lambda file: file.renameVariable(name, f"{name}_of_old")


def error_of_nothing(file: Any) -> None:
    file["observation_error"][2] = 0.0


def no_experiment(file: Any) -> None:
    file.delncattr("experiment")


def another(file: Any) -> None:
    file.experiment = file.experiment.replace("lorenz_96", "lorenz_69")


@pytest.mark.parametrize(
    ("damage", "kind", "message"),
    [
        (rename("observation"), DataError, "variable 'observation' is missing"),
        (rename("projection"), DataError, "variable 'projection' is missing"),
        (
            error_of_nothing,
            DataError,
            "observation_error: found 0.0, expected a number",
        ),
        (no_experiment, DataError, "attribute 'experiment' is missing"),
        (another, ConfigError, "unknown 'lorenz_69'; did you mean 'lorenz_96'"),
    ],
)
def test_a_damaged_archive_is_refused(
    truth: Truth, tmp_path: Path, damage: Any, kind: type[Exception], message: str
) -> None:
    path = tmp_path / "a.nc"
    write_archive(path, truth)
    with netCDF4.Dataset(path, "a") as file:
        damage(file)
    with pytest.raises(kind, match=re.escape(message)) as error:
        read_archive(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_archive(tmp_path / "a.nc")
    (tmp_path / "a.nc").write_text("not one")
    with pytest.raises(DataError, match="not a NetCDF file"):
        read_archive(tmp_path / "a.nc")


def test_an_older_archive_stays_where_writing_fails(
    truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.nc"
    write_archive(path, truth)
    before = path.read_bytes()

    def fails(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr("bmi_dmx.assimilation.archive._write_seen", fails)
    with pytest.raises(OSError, match="no room"):
        write_archive(path, truth)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]
