"""Numbers that cannot be in the units that are assumed."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from bmi_dmx.data.plausibility import UsualMeans
from bmi_dmx.errors import UnitsError
from bmi_dmx.models.hydrology.names import NEXTGEN, USUAL
from bmi_dmx.models.hydrology.system import HYDROLOGY
from bmi_dmx.run.netcdf_series import NetcdfSeries
from bmi_dmx.units import convert
from bmi_dmx.variables import Forcing

RAIN = UsualMeans(0.02, 40.0, "mm d-1", ("m s-1", "mm h-1"), 30 * 86400.0)


@pytest.mark.parametrize(
    ("mean", "meant"),
    [
        (3.0 / 86400.0, ""),
        (3.0 / 86400.0 / 1000.0, "in m s-1 it would be usual"),
        (3.0 / 24.0, "in mm h-1 it would be usual"),
        (0.0, ""),
        (np.nan, ""),
        (1e12, ""),
    ],
)
def test_what_is_usual_in_other_units_is_doubted(mean: float, meant: str) -> None:
    doubt = RAIN.doubt(np.full(40, mean), "mm s-1")
    assert doubt.endswith(meant)
    assert bool(doubt) == bool(meant)


def test_markers_do_not_decide() -> None:
    values = np.full(40, 3.0 / 86400.0)
    values[::7] = -9999999.0
    assert RAIN.doubt(values, "mm s-1") == ""


@pytest.mark.parametrize("known", NEXTGEN, ids=lambda k: k.variable)
def test_the_usual_lies_within_what_can_be(known: object) -> None:
    name, units = known.variable, known.units  # type: ignore[attr-defined]
    if name not in USUAL:
        return
    usual = USUAL[name]
    middle = 0.5 * (usual.low + usual.high)
    values = convert(np.full(3, middle), usual.units, units)
    assert usual.doubt(values, units) == ""
    for other in usual.others:
        assert usual.doubt(convert(np.full(3, middle), usual.units, other), other) == ""


def test_units_that_the_file_states_are_doubted_as_well() -> None:
    values = np.full(40, 3.0 / 86400.0 / 1000.0)
    doubt = RAIN.doubt(values, "mm h-1", certain=True)
    assert doubt.startswith("in 'mm h-1', as the file says, the mean is 8.33e-07 mm d")
    assert doubt.endswith("in m s-1 it would be usual")
    assert RAIN.doubt(values, "m s-1", certain=True) == ""
    assert RAIN.doubt(values, "kg", certain=True) == ""  # the reader refuses it


def test_a_sum_since_some_time_is_told_from_what_comes_in_each_step() -> None:
    rain = np.random.default_rng(1).gamma(0.3, 9.0, (200, 3))
    usual = USUAL["precipitation"]
    assert usual.total(rain) == ""
    doubt = usual.total(np.cumsum(rain, axis=0))
    assert doubt.startswith("rises 199 times and never falls in 200 steps: is it a sum")
    one = rain.copy()
    one[:, 0] = np.cumsum(rain[:, 0])
    assert usual.total(one) == ""
    for dry in (np.zeros((200, 3)), np.full((200, 3), np.nan), rain[:1], rain[:0]):
        assert usual.total(dry) == ""
    assert USUAL["air_temperature"].total(np.cumsum(rain, axis=0)) == ""
    for marker in (np.nan, np.inf, -np.inf):  # each twice in a row, in every column
        broken = np.cumsum(rain, axis=0)
        broken[7:9] = marker
        assert usual.total(broken).startswith("rises 196 times and never falls")


def _write(path: Path, values: np.ndarray, name: str = "prcp") -> None:
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", len(values))
        time = file.createVariable("time", "f8", ("time",))
        time.units = "days since 2000-01-01"
        time[:] = np.arange(len(values))
        file.createVariable(name, "f8", ("time",))[:] = values


@pytest.mark.parametrize(("days", "refused"), [(60, True), (20, False)])
def test_a_run_looks_before_it_computes(
    tmp_path: Path, days: int, refused: bool, caplog: pytest.LogCaptureFixture
) -> None:
    rain = Forcing(
        name="precipitation", units="mm d-1", per_step="rate", bounds=(0.0, 3000.0)
    )
    path = tmp_path / "a.nc"
    _write(path, np.full(days, 3e-3 / 86400.0))
    with NetcdfSeries(path, {}, HYDROLOGY) as series:
        if refused:
            with pytest.raises(UnitsError, match=r"a.nc: prcp: no units .* m s-1 it"):
                series.choose([rain], {"precipitation": "mm d-1"})
        else:
            series.choose([rain], {"precipitation": "mm d-1"})
            assert "in m s-1 it would be usual" in caplog.text
