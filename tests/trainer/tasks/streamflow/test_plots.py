"""Pictures: they are drawn, say what they show, and leave nothing behind."""

from __future__ import annotations

import math
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.tasks.streamflow import plots
from bmi_dmx.trainer.tasks.streamflow.metrics import score

from ...test_plots import words

DAYS = np.datetime64("1980-01-01") + np.arange(400)
BASINS = 9


def flows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simulated, observed, precipitation; basin i is worse than basin i - 1."""
    draw = np.random.default_rng(0)
    rain = draw.gamma(0.5, 6.0, (400, BASINS))
    observed = rain**0.7 + 0.1
    simulated = observed * (1 + 0.1 * np.arange(BASINS))
    observed[50:60] = np.nan
    return simulated, observed, rain


IDS = np.array([f"gauge{i}" for i in range(BASINS)])


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_suffix_chooses_the_format(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / "new folder" / f"cdf.{suffix}"
    assert plots.nse_cdf(target, {"a": np.array([0.2, 0.7])}) == target
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert target.read_bytes().startswith(start)
    assert [p.name for p in target.parent.iterdir()] == [target.name]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"suffix 'doc' is no picture format"):
        plots.nse_cdf(tmp_path / "cdf.doc", {"a": np.array([0.2])})


def test_drawing_leaves_the_state_of_matplotlib_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    plots.nse_cdf(tmp_path / "cdf.png", {"a": np.array([0.2, 0.7])})
    assert dict(mpl.rcParams) == before


def test_hydrographs_go_from_the_best_to_the_worst_basin(tmp_path: Path) -> None:
    simulated, observed, rain = flows()
    path = plots.hydrographs(
        tmp_path / "h.svg",
        time=DAYS,
        ids=IDS,
        simulated=simulated,
        observed=observed,
        precipitation=rain,
        names=[f"creek {i}" for i in range(BASINS)],
        panels=5,
        title="Nine basins",
    )
    text = words(path)
    assert "Nine basins" in text
    shown = re.findall(r"gauge(\d)  creek \d \| NSE ([-\d.]+)", text)
    assert [basin for basin, _ in shown] == ["0", "2", "4", "6", "8"]
    assert shown[0][1] == "1.00"
    assert re.search(r"gauge4  creek 4 \| NSE [-\d.]+  \(median\)", text)
    assert re.search(r"gauge8  creek 8 \| NSE [-\d.]+  \(worst\)", text)
    assert "flow (mm d⁻¹)" in text
    assert "precipitation (mm d⁻¹, right)" in text


def test_hydrographs_show_observations_between_gaps(tmp_path: Path) -> None:
    simulated, observed, _ = flows()
    weekly = np.arange(len(DAYS)) % 7 == 0
    observed[~weekly] = np.nan
    path = plots.hydrographs(
        tmp_path / "h.svg",
        time=DAYS,
        ids=IDS[:1],
        simulated=simulated[:, :1],
        observed=observed[:, :1],
    )
    dots = re.findall(r"<use [^>]*fill: #222222", path.read_text(encoding="utf-8"))
    assert len(dots) == np.isfinite(observed[:, 0]).sum()


def test_hydrographs_leave_out_basins_without_observations(tmp_path: Path) -> None:
    simulated, observed, _ = flows()
    observed[:, 1:] = np.nan
    arguments = {"time": DAYS, "ids": IDS, "simulated": simulated}
    path = plots.hydrographs(tmp_path / "h.svg", observed=observed, **arguments)
    assert re.findall(r"gauge\d", words(path)) == ["gauge0"]


def test_what_nobody_observed_is_drawn_as_simulated(tmp_path: Path) -> None:
    simulated, observed, _ = flows()
    path = plots.hydrographs(
        tmp_path / "h.svg", time=DAYS, ids=IDS, simulated=simulated,
        observed=np.full_like(observed, np.nan),
    )  # fmt: skip
    shown = words(path)
    assert [w for w in re.findall(r"gauge\d", shown)] == list(IDS)[:6]
    assert "no NSE" in shown
    assert "nan" not in shown


def test_hydrographs_are_ranked_by_the_nse_that_is_given(tmp_path: Path) -> None:
    simulated, observed, _ = flows()
    path = plots.hydrographs(
        tmp_path / "h.svg",
        time=DAYS,
        ids=IDS[:3],
        simulated=simulated[:, :3],
        observed=observed[:, :3],
        nse=np.array([0.11, 0.33, 0.22]),
        steps=100,
        title="Three basins",
    )
    pattern = r"gauge(\d) \| NSE ([-\d.]+) here, ([-\d.]+) in all"
    shown = re.findall(pattern, words(path))
    assert [(gauge, whole) for gauge, _, whole in shown] == [
        ("1", "0.33"), ("2", "0.22"), ("0", "0.11"),
    ]  # fmt: skip
    # Beside it stands that of the steps that are shown.
    nse = score(simulated[-100:, :3], observed[-100:, :3], ["nse"])["nse"]
    assert [float(here) for _, here, _ in shown] == pytest.approx(
        nse[[1, 2, 0]], abs=0.006
    )
    assert "Three basins (last 100 days shown)" in words(path)


def test_a_title_that_nothing_was_cut_from_stays(tmp_path: Path) -> None:
    simulated, observed, _ = flows()
    arguments = {"time": DAYS, "ids": IDS, "simulated": simulated, "observed": observed}
    path = plots.hydrographs(
        tmp_path / "h.svg", steps=400, title="All days", **arguments
    )
    assert "All days | " in words(path) + " | "


def test_days_with_observations_are_drawn_where_the_last_have_none(
    tmp_path: Path,
) -> None:
    simulated, observed, rain = flows()
    observed[250:, 0] = np.nan
    path = plots.hydrographs(
        tmp_path / "h.svg",
        time=DAYS,
        ids=IDS[:2],
        simulated=simulated[:, :2],
        observed=observed[:, :2],
        precipitation=rain[:, :2],
        steps=100,
        title="Two basins",
    )
    text = words(path)
    assert "Two basins (last 100 days with observations shown)" in text.replace(
        " | with", " with"
    )
    # The panel of the first one has days of 1980 only, that of the second of 1981.
    assert "1981" in text


@pytest.mark.parametrize("basins", [1, 2, 3, 6])
def test_title_and_legend_do_not_overlap(
    tmp_path: Path, drawn: list[Figure], basins: int
) -> None:
    simulated, observed, rain = flows()
    plots.hydrographs(
        tmp_path / "h.png",
        time=DAYS,
        ids=IDS[:basins],
        simulated=simulated[:, :basins],
        observed=observed[:, :basins],
        precipitation=rain[:, :basins],
        steps=300,
        title="a-basin-with-a-name, test 1980-01-01 to 1981-02-03",
    )
    (figure,) = drawn
    title, legend = figure.texts[0].get_window_extent(), figure.legends[0]
    assert title.x1 <= figure.bbox.x1
    assert not title.overlaps(legend.get_window_extent())


def test_the_legend_of_the_distribution_lies_outside_the_axes(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    name = "an experiment with a long name, group"
    nse = np.array([0.1, 0.2])
    plots.nse_cdf(tmp_path / "c.png", {f"{name} {i}": nse for i in range(3)})
    (figure,) = drawn
    box = figure.legends[0].get_window_extent()
    assert not box.overlaps(figure.axes[0].get_window_extent())
    assert box.x1 <= figure.bbox.x1


def test_a_model_has_one_colour_in_the_pictures_of_a_study(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    _, observed, _ = flows()
    models = {"small": observed + 0.1, "wide": observed + 0.2}
    plots.nse_cdf(tmp_path / "c.png", {n: np.array([0.1, 0.2]) for n in models})
    plots.flood_events(
        tmp_path / "f.png", time=DAYS, ids=IDS, observed=observed, models=models
    )  # fmt: skip
    distribution, floods = (figure.axes[0].get_lines() for figure in drawn)
    colours = [
        {str(line.get_label()).partition(" ")[0]: line.get_color() for line in lines}
        for lines in (distribution, floods)
    ]
    for model in models:
        assert colours[0][model] == colours[1][model]


def test_cdf_names_medians_of_experiments_and_publications(tmp_path: Path) -> None:
    path = plots.nse_cdf(
        tmp_path / "cdf.svg",
        {
            "static": np.array([0.5, 0.7, 0.9, math.nan]),
            "dynamic": np.array([0.8, 0.6]),
            "unseen": np.array([math.nan]),
        },
        published={"LSTM": 0.74},
    )
    text = words(path)
    assert "static (median 0.700, 3 basins, 1 undefined)" in text
    assert "dynamic (median 0.700, 2 basins)" in text
    assert "unseen (undefined)" in text
    assert "LSTM (published median 0.740)" in text
    with pytest.raises(DataError, match="no experiment has a basin with a defined NSE"):
        plots.nse_cdf(path, {"a": np.array([math.nan])})


def test_map_of_a_small_region_has_degrees_rivers_and_labels(tmp_path: Path) -> None:
    arguments = {
        "longitude": np.array([-75.2, -75.1, -75.0]),
        "latitude": np.array([40.0, 41.0, 42.0]),
        "scores": np.array([0.4, -2.0, math.nan]),
        "title": "Delaware",
    }
    plain = plots.score_map(tmp_path / "map.svg", **arguments)
    text = words(plain)
    assert "median -0.80 of 2 basins, 1 undefined (×)" in text
    assert "41°N" in text
    full = plots.score_map(
        tmp_path / "full.svg",
        rivers=[np.array([[-75.0, 42.0], [-75.2, 40.0]])],
        river_widths=np.array([2.0]),
        **arguments,
    )
    drawn = [path.read_text(encoding="utf-8").count("<path") for path in (plain, full)]
    assert drawn[1] > drawn[0]


def test_map_of_one_basin_is_drawn(tmp_path: Path) -> None:
    one = np.array([1.0])
    path = plots.score_map(tmp_path / "m.png", longitude=one, latitude=one, scores=one)
    assert imread(path).shape[2] == 4
    path = plots.score_map(tmp_path / "m.svg", longitude=one, latitude=one, scores=one)
    assert "median 1.00 of 1 basin |" in words(path) + " |"


def test_map_refuses_stations_without_coordinates(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no coordinates"):
        plots.score_map(
            tmp_path / "m.png",
            longitude=np.array([math.nan]),
            latitude=np.array([1.0]),
            scores=np.array([1.0]),
        )


def test_learned_parameters_show_bounds_and_units(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    path = plots.learned_parameters(
        tmp_path / "p.svg",
        {"fc": draw.uniform(50, 1000, (20, 16)), "beta": draw.uniform(1, 6, 20)},
        {"fc": (50, 1000), "beta": (1, 6)},
        units={"fc": "mm", "beta": "1"},
    )
    text = words(path)
    assert "fc (mm)" in text
    assert "1000" in text
    assert "| beta |" in text


def test_dynamic_parameters_are_drawn_through_time(tmp_path: Path) -> None:
    wave = 3 + np.sin(np.arange(400) / 60)
    path = plots.parameter_series(
        tmp_path / "d.svg",
        {"beta": wave[:, None] + np.linspace(-1, 1, 4), "k0": wave / 10},
        {"beta": (1, 6), "k0": (0.05, 0.9)},
        time=DAYS,
        units={"k0": "d-1"},
    )
    assert "k0 (d⁻¹)" in words(path)
