"""``dmx route``: the flow of a river in a file, whatever interrupts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError, DmxError, StateError
from bmi_dmx.models.rivers.formats import read_river
from bmi_dmx.routing.route import BUNDLE, route
from bmi_dmx.run.pieces import Pieces
from tests.models.rivers.small_river import IDS, run, started, weather, write_tree

from .rivers import DAY, asked, flow, routed, times, write_inflow


def test_the_numbers_are_those_of_a_component(tmp_path: Path) -> None:
    inflow = weather(72)
    routed(tmp_path, inflow)
    component = started(tmp_path, bundle=BUNDLE, state="hot")
    (expected,) = run(component, inflow, "discharge")
    np.testing.assert_array_equal(flow(tmp_path / "out.nc"), expected)
    first, last = times(tmp_path / "out.nc")[[0, -1]]
    assert (str(first), str(last)) == ("2000-01-01T01:00:00", "2000-01-04T00:00:00")


@pytest.mark.parametrize("block", [1, 60, 5 * 24 * 2, 2**20])
@pytest.mark.parametrize("daily", [False, True])
def test_the_size_of_blocks_changes_nothing(
    tmp_path: Path, block: int, daily: bool
) -> None:
    when = {"daily": daily}
    routed(tmp_path, when=when, output=tmp_path / "whole.nc")
    routed(tmp_path, when=when, block=block)
    series, expected = (flow(tmp_path / name) for name in ("out.nc", "whole.nc"))
    # Sums of a day are made in parts.
    np.testing.assert_allclose(series, expected, rtol=1e-13)
    if not daily:
        np.testing.assert_array_equal(series, expected)


def test_water_is_accounted_for(tmp_path: Path) -> None:
    report = routed(tmp_path, weather(240), when={"warmup": 0.0})
    entered = weather(240).sum() * 3600.0
    assert report.water["lateral_inflow"] == pytest.approx(entered)
    assert abs(report.residual) < 1e-9 * entered
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        assert file.water_lateral_inflow_m3 == pytest.approx(entered)


def test_steady_inflow_is_summed_up_and_nothing_is_made(tmp_path: Path) -> None:
    report = routed(tmp_path, np.tile([1.0, 2.0, 0.5, 3.0, 4.0], (240, 1)))
    expected = [[1.0, 2.0, 0.5, 6.0, 10.5]] * 240
    np.testing.assert_allclose(flow(tmp_path / "out.nc"), expected, rtol=1e-12)
    whole = report.water["lateral_inflow"]
    assert report.water["leaving"] == pytest.approx(whole)
    assert abs(report.water["created"]) < 1e-9 * whole
    assert abs(report.water["stored"]) < 1e-9 * whole


def test_means_of_local_days_are_those_of_their_hours(tmp_path: Path) -> None:
    inflow = weather(24 * 6)
    routed(tmp_path, inflow, output=tmp_path / "hours.nc")
    routed(tmp_path, when={"daily": True, "utc_offset": -5.0, "warmup": 9.0})
    hours, days = flow(tmp_path / "hours.nc"), flow(tmp_path / "out.nc")
    # From five o'clock on; the flow changes evenly between the ends of two hours.
    means = 0.5 * (hours[4:-1] + hours[5:])
    np.testing.assert_allclose(days, means[: 24 * 5].reshape(5, 24, -1).mean(1))
    assert str(times(tmp_path / "out.nc")[0]) == "2000-01-01T05:00:00"
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        assert file["discharge"].cell_methods == "time: mean"
        np.testing.assert_array_equal(np.diff(file["time_bounds"][:]), DAY)


def test_what_comes_before_the_start_is_run(tmp_path: Path) -> None:
    inflow = weather(24 * 8)
    routed(tmp_path, inflow, output=tmp_path / "all.nc")
    when = {"start": "2000-01-06", "end": "2000-01-07", "warmup": 30.0}
    routed(tmp_path, when=when)
    part, whole = flow(tmp_path / "out.nc"), flow(tmp_path / "all.nc")
    np.testing.assert_array_equal(part, whole[24 * 5 : 24 * 7])
    routed(tmp_path, when={**when, "warmup": 0.0})
    assert (flow(tmp_path / "out.nc")[0] != part[0]).any()


def test_inflow_of_days_is_spread_over_hours(tmp_path: Path) -> None:
    daily = weather(6)
    write_inflow(tmp_path / "days.nc", daily, seconds=DAY)
    routed(tmp_path, inflow=tmp_path / "days.nc")
    routed(tmp_path, np.repeat(daily, 24, axis=0), output=tmp_path / "hours.nc")
    np.testing.assert_array_equal(
        flow(tmp_path / "out.nc"), flow(tmp_path / "hours.nc")
    )
    # Lines that are cut into blocks know what lies beyond.
    for block in (7 * len(IDS), 2**20):
        output = tmp_path / f"{block}.nc"
        routed(
            tmp_path, inflow=tmp_path / "days.nc", lines=True, block=block,
            output=output,
        )  # fmt: skip
    lines = flow(tmp_path / f"{2**20}.nc")
    np.testing.assert_array_equal(flow(tmp_path / f"{7 * len(IDS)}.nc"), lines)
    assert (lines != flow(tmp_path / "out.nc")).any()


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("pieces", [0, 1, 4])
@pytest.mark.parametrize("daily", [False, True])
def test_a_run_that_ended_early_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int, daily: bool
) -> None:
    more = {
        "when": {"daily": daily, "start": "2000-01-03"}, "block": 24 * len(IDS),
        "save_state": tmp_path / "last.state",
    }  # fmt: skip
    routed(tmp_path, weather(24 * 9), **more)
    expected, state = flow(tmp_path / "out.nc"), more["save_state"].read_bytes()
    (tmp_path / "out.nc").unlink()
    countdown, add = [pieces], Pieces.add

    def fail(self: Pieces, *arguments: Any) -> None:
        if not countdown[0]:
            raise Killed
        countdown[0] -= 1
        add(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Pieces, "add", fail)
        with pytest.raises(Killed):
            routed(tmp_path, **more)
    assert not (tmp_path / "out.nc").exists()
    report = routed(tmp_path, **more)
    np.testing.assert_array_equal(flow(tmp_path / "out.nc"), expected)
    assert more["save_state"].read_bytes() == state
    assert abs(report.residual) < 1e-9 * report.water["lateral_inflow"]
    assert not list(tmp_path.glob(".*.pieces"))


def test_pieces_of_another_run_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Pieces, suffix: str) -> Path:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Pieces, "whole", fail)
        with pytest.raises(Killed):
            routed(tmp_path)
    with pytest.raises(ConfigError, match=r"out.nc.pieces: pieces of another run: "):
        routed(tmp_path, at="outlets")
    with pytest.raises(ConfigError, match="pieces of another run: inflow was"):
        routed(tmp_path, weather(48))


def test_a_saved_state_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    inflow = weather(96)
    state = tmp_path / "noon.state"
    routed(tmp_path, inflow, output=tmp_path / "all.nc")
    early = {"end": "2000-01-02 12:00"}
    routed(tmp_path, when=early, output=tmp_path / "one.nc", save_state=state)
    routed(tmp_path, state=str(state), output=tmp_path / "two.nc")
    parts = [flow(tmp_path / name) for name in ("one.nc", "two.nc")]
    np.testing.assert_array_equal(np.concatenate(parts), flow(tmp_path / "all.nc"))
    with pytest.raises(ConfigError, match="found inflow from 2000-01-02 12:00:00 to"):
        routed(tmp_path, state=str(state), when={"start": "2000-01-01"})
    with pytest.raises(StateError, match=r"state: .*hott: no such file; did you mean"):
        routed(tmp_path, state="hott")


def test_flow_that_is_known_is_where_it_starts(tmp_path: Path) -> None:
    streamflow = np.full((3, 5), 9.0)
    streamflow[:, 1] = np.nan
    path = write_inflow(tmp_path / "in.nc", np.full((3, 5), 1.0))
    with netCDF4.Dataset(path, "a") as file:
        variable = file.createVariable("streamflow", "f8", ("time", "reach"))
        variable.units = "m3 s-1"
        variable[:] = streamflow
    routed(tmp_path, inflow=path, first_flow="streamflow", bundle="rivers-plain")
    first = flow(tmp_path / "out.nc")[0]
    # Before it was dry but for the inflow: waves arrive, the known flow still leaves.
    assert first[4] > 5.0
    with pytest.raises(DataError, match=r"in.nc: no variable 'streamflo'; did you"):
        routed(tmp_path, inflow=path, first_flow="streamflo")
    with pytest.raises(ConfigError, match="has no flow of 1999-12-31 00:00:00"):
        routed(
            tmp_path, inflow=path, first_flow="streamflow", when={"start": "1999-12-31"}
        )


def test_channels_may_be_those_of_the_tree(tmp_path: Path) -> None:
    routed(tmp_path)
    baseline = flow(tmp_path / "out.nc")
    routed(tmp_path, parameters="tree")
    assert (flow(tmp_path / "out.nc") != baseline).any()
    routed(tmp_path, bundle="rivers-compound", when={"step": 300.0})
    assert flow(tmp_path / "out.nc").shape == baseline.shape


def test_the_file_says_what_is_in_it(tmp_path: Path) -> None:
    report = routed(tmp_path, at="wb-9,wb-4")
    river = read_river(tmp_path / "tree.nc")
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        assert list(file["reach_id"][:]) == ["wb-9", "wb-4"]
        assert file.featureType == "timeSeries"
        series = file["discharge"]
        assert series.standard_name == "water_volume_transport_in_river_channel"
        assert (series.units, series.cell_methods) == ("m3 s-1", "time: point")
        assert series.coordinates == "reach_id longitude latitude"
        assert file["longitude"][0] == pytest.approx(-75.02)
        assert BUNDLE in file.source
        assert file.tree_fingerprint == river.tree.fingerprint
        for remark in report.remarks:
            assert remark in file.comment


def test_only_what_is_above_is_run(tmp_path: Path) -> None:
    inflow = weather(48)
    routed(tmp_path, inflow, at="wb-1")
    whole = flow(tmp_path / "out.nc")
    report = routed(tmp_path, at="outlets", above=("wb-1",))
    assert report.reaches == 3
    np.testing.assert_array_equal(flow(tmp_path / "out.nc"), whole)
    assert any("2 of 5 are not of the river" in text for text in report.remarks)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"at": "wb-77"}, r"--at: .*tree.nc: no reach or gauge 'wb-77'"),
        ({"at": "gauges"}, r"--at: .*tree.nc has no gauges; --gauges TABLE names"),
        ({"when": {"start": "yesterday"}}, "--start: found 'yesterday', expected a da"),
        ({"when": {"end": "2000-02-01"}}, "found inflow from 2000-01-01 00:00:00 to"),
        ({"when": {"start": "2000-01-03", "end": "2000-01-02"}}, "no whole 1 h from"),
        ({"when": {"step": 7.0}}, "--step: found 7 s, expected a whole part of the"),
        ({"when": {"step": 7200.0}}, "--step: found 7200 s, expected a whole part"),
        ({"when": {"start": "2000-01-01 00:30"}}, "is not at the end of a step of 1 h"),
        ({"variable": "rain"}, "no variable 'rain'"),
        ({"bundle": "rivers-delawar"}, "did you mean 'rivers-delaware'"),
        ({"state": "hot", "bundle": "rivers-compound", "attributes": {"sloppe": 1.0}},
         "sloppe"),
    ],
)  # fmt: skip
def test_what_cannot_be_routed_is_refused(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    request = asked(tmp_path, **more)
    with pytest.raises(DmxError, match=message):
        route(request)
    assert not request.output.exists()


def test_a_tree_without_what_the_bundle_reads(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree.nc", without=["slope"])
    with pytest.raises(DataError, match=r"tree.nc: attribute 'slope', which the model"):
        routed(tmp_path)
    routed(tmp_path, attributes={"slope": 0.002})
    assert np.isfinite(flow(tmp_path / "out.nc")).all()


def test_files_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="is a folder, expected a file"):
        routed(tmp_path, output=tmp_path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space left"):
            routed(tmp_path)
    # What is there by then is not lost, and it goes on.
    routed(tmp_path)
    assert np.isfinite(flow(tmp_path / "out.nc")).all()
