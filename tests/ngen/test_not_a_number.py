"""Modules that answer what is no number."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.ngen.adapter import ModuleError
from bmi_dmx.ngen.check import check
from bmi_dmx.ngen.driver import run

from . import modules


@pytest.fixture
def spoilt(params, monkeypatch):
    """A module whose runoff is no number from hour 1 on."""

    def spoil(self):
        self.values[modules.RUNOFF][:] = 1.0 if self.time == 0.0 else np.nan

    monkeypatch.setattr(modules.Module, "run", spoil)
    return params


def test_a_runoff_that_is_no_number_ends_a_run(spoilt, realize, domain, forcing):
    message = (
        r"step 1 \(2015-12-01 01:00:00\) at cat-1: cat-1: module 'simple': "
        r"'land_surface_water__runoff_depth' is nan m, expected a finite number"
    )
    with pytest.raises(ModuleError, match=message):
        run(realize(), domain)
    assert Path("out/cat-1.csv").read_text().count("\n") == 2


def test_a_runoff_that_is_no_number_is_found_by_a_check(
    spoilt, realize, domain, forcing, monkeypatch
):
    def spoil(self):
        self.values[modules.RUNOFF][:] = np.nan

    monkeypatch.setattr(modules.Module, "run", spoil)
    problems = [f.problem for f in check(realize(), domain) if f.level == "error"]
    assert len(problems) == 1
    assert "is nan m, expected a finite number" in problems[0]


def test_a_balance_that_is_no_number_is_not_reported_as_closed(
    params, realize, domain, forcing, monkeypatch
):
    params["python_type"] = "tests.ngen.modules.Leaking"
    params["mass_balance"] = {"check": True, "tolerance": 1.0}
    monkeypatch.setattr(modules.Leaking, "leak", math.nan)
    report = run(realize(), domain)
    assert math.isnan(report.mass_residual)
    assert report.mass_breaches == 9
