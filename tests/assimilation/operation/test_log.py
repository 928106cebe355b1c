"""Where the log of observations goes, what is warned of, and the least ensemble."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError

from .twins import ERROR, block, follow, made

DAY = 86400.0
START = 339206400.0
"""1980-10-01, seconds since 1970."""


def test_the_log_is_written_into_a_new_folder(start: Any, tmp_path: Path) -> None:
    component = start(1, assimilation=block(log="new/deep/log.nc"))
    follow(component, made(2, 1), range(2), np.ones((2, 1)))
    component.finalize()
    assert [path.name for path in (tmp_path / "new" / "deep").iterdir()] == ["log.nc"]


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("pipe", "is a device or pipe"), (".", "is a folder"),
        ("file/log.nc", "Not a directory|File exists"),
    ],
)  # fmt: skip
def test_a_log_that_could_not_be_written_is_refused_before_the_run(
    start: Any, tmp_path: Path, log: str, message: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=f"assimilation: log: .*({message})"):
        start(1, assimilation=block(log=log))


def test_one_member_at_one_place_is_a_run_like_any_other(start: Any) -> None:
    settings = block(members=1, filter={"name": "none"}, perturbations={})
    forcing = made(5, 1)
    alone = follow(start(1), forcing, range(5))
    member = follow(start(1, assimilation=settings), forcing, range(5))
    np.testing.assert_allclose(
        member["streamflow"], alone["streamflow"], rtol=1e-12, atol=0.0
    )


@pytest.mark.parametrize(("unit", "used"), [(1.0, True), (1000.0, False)])
def test_it_is_warned_of_values_that_came_in_vain(
    start: Any, caplog: pytest.LogCaptureFixture, unit: float, used: bool
) -> None:
    quantities = {"streamflow": {"error": ERROR, "gross_error": None}}
    component = start(1, assimilation=block(observed=quantities))
    forcing = made(3, 1)
    for step in range(3):
        # Times in milliseconds are far in the future.
        valid = (START + (step + 1) * DAY) * unit
        component.set_value("streamflow~valid_time", np.array([valid]))
        follow(component, forcing, range(step, step + 1), np.ones((3, 1)))
    component.finalize()
    warned = [r for r in caplog.records if "observed: streamflow: " in r.getMessage()]
    assert len(warned) == (not used)
