"""A network whose answer is the flow, behind BMI as any other model."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from bmi_dmx.operate.repeated_warnings import afresh

from .test_hourly import batch, by_day, daily
from .untrained import learned_flow, run, weather

DAYS = 40
PRECISE = {"rtol": 1e-12, "atol": 1e-13}


def whole(path: Any, forcing: dict[str, np.ndarray], n: int) -> Any:
    """Return the flow of the model run at once over days."""
    return batch(path, forcing, n, outputs=("streamflow",)).outputs["streamflow"]


NETWORKS = {
    "lstm": {"hidden": 6},
    "lstm_heads": {"hidden": 6, "head_hidden": [4]},
    "transformer": {"hidden": 8, "heads": 2, "window": 9},
    "mlp": {"hidden": [5]},
    "kan": {"hidden": 4, "layers": 1, "grid": 5},
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("n", [1, 3])
def test_stepping_gives_the_numbers_of_one_run(
    n: int, network: str, start: Any, bundle_of: Any
) -> None:
    path = bundle_of(learned_flow(network=network, options=NETWORKS[network]))
    forcing = weather(DAYS, n)
    outputs = ("streamflow", "runoff_depth")
    series = run(start(n, bundle=str(path)), forcing, range(DAYS), outputs)
    flow = whole(path, forcing, n)
    np.testing.assert_allclose(series["streamflow"], flow, **PRECISE)
    np.testing.assert_allclose(series["runoff_depth"], flow / 1000.0, rtol=1e-13)


def test_no_flow_is_negative(start: Any, bundle_of: Any) -> None:
    path = bundle_of(learned_flow())
    series = run(
        start(3, bundle=str(path)), weather(200, 3), range(200), ("streamflow",)
    )
    flow = series["streamflow"]
    assert flow.min() == 0.0 < flow.max()


def test_a_restored_state_goes_on_as_if_nothing_had_been(
    start: Any, bundle_of: Any, tmp_path: Any
) -> None:
    path = str(bundle_of(learned_flow()))
    forcing = weather(DAYS, 2)
    first = start(2, bundle=path)
    run(first, forcing, range(20), ())
    saved = tmp_path / "saved.state"
    first.save_state(saved)
    rest = run(first, forcing, range(20, DAYS), ("streamflow",))
    other = start(2, bundle=path, state=str(saved), start_time="state")
    again = run(other, forcing, range(20, DAYS), ("streamflow",))
    np.testing.assert_array_equal(again["streamflow"], rest["streamflow"])


def test_hours_are_gathered_for_days_and_that_is_said(
    start: Any, bundle_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = bundle_of(learned_flow())
    forcing = weather(DAYS * 24, 2, hours=1.0)
    with caplog.at_level(logging.WARNING), afresh():
        component = start(2, bundle=str(path), time_step="hourly")
    assert "all is late by 1 d" in caplog.text
    streamflow = run(component, forcing, range(DAYS * 24), ("streamflow",))[
        "streamflow"
    ]
    flow = whole(path, daily(forcing), 2)
    for hour in range(24):
        np.testing.assert_allclose(
            by_day(streamflow, 23)[:, hour], flow[:-1], **PRECISE
        )
