"""What a notebook shows of a component."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bmi_dmx import DeltaHbv
from bmi_dmx.config import as_yaml


def test_a_component_without_a_model_says_so() -> None:
    assert DeltaHbv()._repr_html_() == "<p><b>DeltaHbv</b>, not initialized</p>"


def test_a_component_shows_time_units_and_values(tmp_path: Path) -> None:
    model = DeltaHbv()
    properties = {
        "p_mean": 3.3, "pet_mean": 2.2, "p_seasonality": 0.1, "frac_snow": 0.2,
        "low_prec_freq": 240, "t_mean": 8.5, "area_km2": 303, "elevation_mean": 400,
        "slope_mean": 20, "latitude": 41.1,
    }  # fmt: skip
    settings = {"start_time": "1980-10-01",
             "locations": {"ids": ["a<b"], "attributes": properties}}  # fmt: skip
    file = tmp_path / "model.yaml"
    file.write_text(as_yaml(settings), encoding="utf-8")
    model.initialize(str(file))
    model.set_value("precipitation", np.array([22.5]))
    shown = model._repr_html_()
    assert "<td>22.5</td>" in shown
    for name in (*model.get_input_var_names(), *model.get_output_var_names()):
        assert f"<td>{name}</td>" in shown
    assert "at 0 " in shown
    model.finalize()
