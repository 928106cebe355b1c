"""What errors are learned from knows of each day what was known then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.twins.record import record

OFFSET = 0.02


def recorded(**changes: Any) -> dict[str, dict[str, Any]]:
    """Return a record of the shipped sample; changes replace arguments."""
    arguments = {
        "hindcast": "delaware",
        "models": {"dhbv-conus-daily": ["1979-01-01", "1979-04-30"]},
        "reads": {"precipitation": "mm d-1", "lower_zone": "mm"},
        "attributes": ["p_mean"], "offset": OFFSET, "spin_up": 30,
        **changes,
    }  # fmt: skip
    return record(**arguments)


def test_errors_are_those_of_the_day_before() -> None:
    record = recorded()
    forcing, observed = record["forcing"], record["targets"]["expected"]
    assert observed.shape[0] == 90
    assert observed.shape == forcing["lower_zone"].shape
    assert record["attributes"]["p_mean"].shape == observed.shape[1:]
    before = observed[:-1]
    valid = np.isfinite(before)
    np.testing.assert_array_equal(forcing["known"][1:], valid)
    np.testing.assert_array_equal(forcing["previous"][1:], forcing["predicted"][:-1])
    root = np.sqrt(forcing["predicted"][:-1] + OFFSET) + forcing["missed"][1:]
    np.testing.assert_allclose((root**2 - OFFSET)[valid], before[valid], atol=1e-12)
    assert not forcing["missed"][1:][~valid].any()
    assert np.abs(forcing["missed"]).max() > 0.1


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="no 'delawar'; did you mean 'delaware'"):
        recorded(hindcast="delawar")
    with pytest.raises(DataError, match="attributes: 'p_means'"):
        recorded(attributes=["p_means"])
    with pytest.raises(DataError, match="has no 1999-01-01"):
        recorded(models={"dhbv-conus-daily": ["1979-01-01", "1999-01-01"]})
    with pytest.raises(ConfigError, match="more than the 30 days of spin_up"):
        recorded(models={"dhbv-conus-daily": ["1979-01-01", "1979-01-15"]})
    with pytest.raises(ConfigError, match="models: found none"):
        recorded(models={})


def test_days_of_other_models_follow() -> None:
    base, later = recorded(), {"dhbv-conus-daily-0.1": ["1979-03-01", "1979-04-30"]}
    other = recorded(models=later)
    both = recorded(models={"dhbv-conus-daily": ["1979-01-01", "1979-04-30"], **later})
    for kind in ("forcing", "targets"):
        for name, series in both[kind].items():
            parts = [base[kind][name], other[kind][name]]
            np.testing.assert_array_equal(series, np.concatenate(parts), err_msg=name)
    # Both are of the same days, which they predict otherwise.
    same = base["targets"]["expected"][-31:]
    np.testing.assert_array_equal(other["targets"]["expected"], same)
    predicted = base["forcing"]["predicted"][-31:]
    assert np.abs(other["forcing"]["predicted"] - predicted).max() > 0.01
