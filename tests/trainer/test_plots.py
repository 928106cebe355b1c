"""The picture of a training, and how all pictures look."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bmi_dmx.errors import DataError
from bmi_dmx.trainer import plots
from bmi_dmx.trainer.plots.style import with_units


def words(path: Path) -> str:
    """Text of a picture in SVG, which matplotlib leaves in comments."""
    return " | ".join(re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8")))


def test_training_curve_sorts_columns_into_panels(tmp_path: Path) -> None:
    log = tmp_path / "metrics.csv"
    rows = ["epoch,step,train_loss,validation_loss,validation_nse,lr-AdamW"]
    for step in range(300):
        validation = f"{1 / (step + 2)},{step / 400}" if step % 50 == 49 else ","
        rows.append(f"{step // 50},{step},{1 / (step + 1)},{validation},0.001")
    log.write_text("\n".join(rows), encoding="utf-8")
    text = words(plots.training_curve(tmp_path / "t.svg", log))
    for word in ("train loss (running median)", "validation loss", "learning rate"):
        assert word in text
    assert "epoch" not in text


def test_a_training_of_one_step_has_whole_steps(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    log = tmp_path / "metrics.csv"
    log.write_text("step,loss,validation_nse\n1,0.3,0.5\n", encoding="utf-8")
    plots.training_curve(
        tmp_path / "t.png", log, {"validation_nse": "median validation NSE"}
    )
    low, high = drawn[0].axes[-1].get_xlim()
    ticks = [x for x in drawn[0].axes[-1].get_xticks() if low <= x <= high]
    assert ticks == [1.0]
    legend = drawn[0].axes[-1].get_legend()
    assert legend is not None
    assert legend.get_texts()[0].get_text() == "median validation NSE"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no column 'step'"),
        ("steps,loss\n1,2\n", r"no column 'step'; did you mean 'steps'\?"),
        ("step,loss\n1,\n", "there is no number to draw against 'step'"),
    ],
)
def test_a_log_without_curves_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    log = tmp_path / "metrics.csv"
    log.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        plots.training_curve(tmp_path / "t.svg", log)


def test_units_are_set_as_people_write_them() -> None:
    assert with_units("cfmax", "mm degC-1 d-1") == "cfmax (mm °C⁻¹ d⁻¹)"
    assert with_units("area", "km2") == "area (km²)"
    assert with_units("beta", "1") == "beta"
