"""Months and blocks of the global ocean in the package that nothing is learned from."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.models.ocean.exclusion import MONTHS, Exclusion
from bmi_dmx.models.ocean.formats.global_ocean import GlobalOcean, read_global_ocean


@pytest.fixture(scope="module")
def ocean() -> GlobalOcean:
    return read_global_ocean()


@pytest.mark.parametrize(
    ("name", "errors"),
    [("January", (2.149, 1.368, 0.419)), ("months beside", (0.860, 0.816, 0.298))],
)
def test_forecasts_without_a_model_err_as_is_known(
    ocean: GlobalOcean, name: str, errors: tuple[float, ...]
) -> None:
    apart = Exclusion(ocean)
    scores = apart.score(apart.baselines()[name]).values()
    assert [one["everywhere"] for one in scores] == pytest.approx(errors, abs=6e-4)


def test_a_quarter_of_the_sphere_is_left_out_in_blocks(ocean: GlobalOcean) -> None:
    blocks = Exclusion(ocean).blocks
    assert blocks.mean() == 0.25
    inside = blocks.any(1)
    # Blocks are five rows high, and five rows lie between them.
    assert set(np.diff(np.flatnonzero(np.diff(inside)))) == {5}


def test_nothing_known_of_months_left_out_gets_in(ocean: GlobalOcean) -> None:
    apart = Exclusion(ocean)
    before, baselines = apart.without_targets(), apart.baselines()
    poisoned = read_global_ocean()
    for fields in poisoned.months.values():
        fields[list(MONTHS)] += 1e3
    other = Exclusion(poisoned)
    after = other.without_targets()
    for name in ("target_temperature", "target_salinity"):
        np.testing.assert_array_equal(before.months[name], after.months[name])
        targets = before.months[name][list(apart.known)]
        np.testing.assert_array_equal(targets, ocean.months[name][list(apart.known)])
    for name, fields in other.baselines().items():
        for month in MONTHS:
            np.testing.assert_array_equal(fields[month], baselines[name][month])


def test_targets_may_be_hidden_in_some_of_the_months_left_out(
    ocean: GlobalOcean,
) -> None:
    apart = Exclusion(ocean, (1, 3, 5, 7, 9, 11))
    known, hidden = ocean.months, apart.without_targets(MONTHS).months
    for name in ("target_temperature", "target_salinity"):
        changed = [m for m in range(12) if (hidden[name][m] != known[name][m]).any()]
        assert tuple(changed) == MONTHS


def test_a_run_that_errs_alike_in_all_months_is_set_right(ocean: GlobalOcean) -> None:
    apart = Exclusion(ocean)
    run = {m: x + 2.0 for m, x in enumerate(ocean.months["temperature"])}
    assert apart.score(run)["all"]["blocks"] == pytest.approx(2.0)
    assert apart.score(apart.corrected(run))["all"]["blocks"] < 1e-6
