"""The CSDMS bmi-tester, with the flags without which it skips half of its checks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import bmi_tester
import pytest
from bmi_tester.api import WITH_GIMLI_UNITS

from bmi_dmx import Component

from .untrained import INPUTS, static

# -p no:dependency runs what is otherwise always skipped; the pins of this project keep
# the units library that its unit checks need. Where the tester finds its fixtures, and
# settings that are not meant for it, would else depend on where it is installed.
TESTER = Path(bmi_tester.__file__).parent
OPTIONS = "-p no:dependency -p no:cacheprovider -rs"
OPTIONS += f" -c {os.devnull} --rootdir={TESTER} --confcutdir={TESTER}"

# The tester does not know grids of points; test_contract.py checks these instead.
POINTS = " -k 'not test_grid_x and not test_grid_y and not test_get_grid_type'"

# The tester never sets a value, so forcing comes from the policy.
FILL = dict(zip(INPUTS, (3.0, 4.0, 0.0, 8.0), strict=True))

CASES = {
    "one location": (1, static(), "daily"),
    "one location, hourly": (1, static(), "hourly"),
    "points": (5, static(), "daily"),
}


def expected(inputs: int, outputs: int, n: int) -> list[int]:
    """Return how many checks each stage passes, so that none is skipped unseen."""
    names = inputs + outputs
    # Inputs are read, never set; points are spared three checks of the grid.
    values = inputs + 2 * outputs
    return [4, 8 + names, 6 * names, values + (3 if n == 1 else 2)]


def test_units_are_checked() -> None:
    assert WITH_GIMLI_UNITS is True


@pytest.mark.parametrize(("n", "spec", "time_step"), CASES.values(), ids=CASES)
def test_bmi_tester_passes(
    n: int, spec: Any, time_step: str, configure: Any, bundle_of: Any, tmp_path: Path
) -> None:
    # The extremes of a day are found in its hours.
    fill = {k: v for k, v in FILL.items() if time_step == "daily" or k[-4] != "_"}
    settings = {"bundle": str(bundle_of(spec)), "forcing_policy": fill}
    config = configure(n, name="run/model.yaml", time_step=time_step, **settings)
    process = subprocess.run(
        [
            sys.executable, "-m", "bmi_tester", "bmi_dmx:Component",
            "--root-dir", str(config.parent), "--config-file", str(config),
        ],
        env={**os.environ, "PYTEST_ADDOPTS": OPTIONS + POINTS * (n > 1)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    component = Component()
    component.initialize(str(config))
    counts = component.get_input_item_count(), component.get_output_item_count()
    passes = [int(count) for count in re.findall(r"(\d+) passed", output)]
    assert passes == expected(*counts, n), output
