"""A domain all at once: the numbers of one by one, in pieces, and continued."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.simulate import simulate

from .modules import RUNOFF
from .run_folder import SPAN, ran


def test_all_at_once_gives_the_numbers_of_one_by_one(folder, sample, bundle):
    ran()
    ids = ["cat-1451", "cat-1453", "cat-1455"]
    with open_domain(*sample, catchments=ids, **SPAN) as domain:
        simulate(domain, str(bundle), Path("all.nc"))
    with netCDF4.Dataset("all.nc") as file:
        assert file["catchment_id"][:].tolist() == ids
        for k, name in enumerate(ids):
            with open(f"outputs/ngen/{name}.csv", encoding="utf-8") as lines:
                rows = list(csv.DictReader(lines))
            depth = np.array([float(row["runoff[m]"]) for row in rows])
            assert depth.max() > 0
            np.testing.assert_allclose(file[RUNOFF][:, k], depth, rtol=1e-6)


def test_a_simulation_is_continued_from_its_saved_state(sample, bundle):
    ids = ["cat-1451", "cat-1453"]
    last, middle = datetime(1979, 3, 2, 11), datetime(1979, 3, 2, 12)
    for name, start, end, states in (
        ("whole", SPAN["start"], SPAN["end"], {}),
        ("a", SPAN["start"], last, {"save_state": Path("state")}),
        ("b", middle, SPAN["end"], {"state": "state"}),
    ):
        span = {"start": start, "end": end}
        with open_domain(*sample, catchments=ids, **span) as domain:
            simulate(domain, str(bundle), Path(f"{name}.nc"), **states)
    with (
        netCDF4.Dataset("whole.nc") as expected,
        netCDF4.Dataset("a.nc") as a,
        netCDF4.Dataset("b.nc") as b,
    ):
        joined = np.concatenate([a[RUNOFF][:], b[RUNOFF][:]])
        np.testing.assert_array_equal(joined, expected[RUNOFF][:])
        assert b["time"][0] - a["time"][-1] == 3600


def test_nothing_depends_on_the_size_of_the_pieces(sample, bundle, monkeypatch):
    with open_domain(*sample, **SPAN) as domain:
        simulate(domain, str(bundle), Path("whole.nc"))
        monkeypatch.setattr("bmi_dmx.run.steps.BLOCK", 7 * len(domain.ids))
        simulate(domain, str(bundle), Path("pieces.nc"), outputs=["streamflow", RUNOFF])
    with netCDF4.Dataset("whole.nc") as a, netCDF4.Dataset("pieces.nc") as b:
        np.testing.assert_array_equal(a[RUNOFF][:], b[RUNOFF][:])
        # A depth of an hour (m) and a rate (mm h-1).
        np.testing.assert_allclose(b["streamflow"][:], b[RUNOFF][:] * 1e3, rtol=1e-12)


def test_single_numbers_are_double_ones_rounded(sample, bundle, tmp_path):
    with open_domain(*sample, **SPAN) as domain:
        for name, single in (("double.nc", False), ("single.nc", True)):
            simulate(domain, str(bundle), tmp_path / name, single=single)
    with (
        netCDF4.Dataset(tmp_path / "double.nc") as double,
        netCDF4.Dataset(tmp_path / "single.nc") as single,
    ):
        assert single[RUNOFF].dtype == np.float32
        rounded = double[RUNOFF][:].astype(np.float32)
        assert rounded.any()
        np.testing.assert_array_equal(single[RUNOFF][:], rounded)


def test_where_evaporation_comes_from_is_said(sample, bundle):
    for choice, words in (
        (None, "'oudin', as the bundle was trained"),
        ("hargreaves", "'hargreaves', as was chosen; the bundle was trained with"),
    ):
        with open_domain(*sample, catchments=["cat-1451"], **SPAN) as domain:
            report = simulate(domain, str(bundle), Path("a.nc"), evaporation=choice)
        (remark,) = (r for r in report.remarks if r.startswith("potential evaporation"))
        assert words in remark


def test_models_of_other_systems_are_refused_by_name(sample):
    with open_domain(*sample, **SPAN) as domain:
        for name, system in (("rivers-plain", "rivers"), ("leaf-c3-made", "none")):
            message = (
                f"bundle '{name}' has no units of ngen, for its system is {system}"
            )
            with pytest.raises(ConfigError, match=message):
                simulate(domain, name, Path("all.nc"))
