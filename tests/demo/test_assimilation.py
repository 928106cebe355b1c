"""The demonstration of assimilation shows that gauges are worth something."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.demo.assimilation import assimilation_demo


def test_it_prints_scores_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assimilation_demo(
        tmp_path,
        [
            "data.basins=['01423000', '01413500', '01439500']",
            "scored=[1980-03-01, 1980-04-30]",
            "spin_up=60",
            "leads=3",
            "methods={ETKF: {}}",
        ],
    )
    shown = capsys.readouterr().out
    rows = {line[:20].strip(): line[20:].split() for line in shown.splitlines()}
    assert float(rows["ETKF"][0]) > float(rows["open loop"][0])
    assert {file.name for file in tmp_path.iterdir()} == {
        "scores.png", "forecasts.png",
    }  # fmt: skip
