"""What a page holds: numbers as text, places, scores."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.trainer.report.content import (
    Curve,
    Line,
    Panel,
    Places,
    PlaceScore,
    SeriesSet,
)
from bmi_dmx.trainer.report.live_page import LivePage
from bmi_dmx.trainer.report.numbers_in_pages import encoded, shown_places

NUMBERS = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=30
)


def decoded(text: str, low: float, high: float) -> np.ndarray:
    """Return numbers as the script of the page reads them."""
    levels = np.frombuffer(base64.b64decode(text), dtype="<u2").astype(float)
    values = low + (high - low) * (levels / 65534) ** 2
    return np.where(levels == 65535, np.nan, values)


@given(NUMBERS)
def test_numbers_in_a_page_are_near_those_they_stand_for(numbers: list[float]) -> None:
    values = np.array(numbers)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    copies = decoded(encoded(values, low, high), low, high)
    np.testing.assert_array_equal(np.isnan(copies), np.isnan(values))
    # A level of the root is widest at the greatest number.
    np.testing.assert_allclose(copies, values, rtol=0, atol=(high - low) / 32000 + 1e-9)


def test_of_too_many_places_the_best_the_worst_and_the_median_are_shown() -> None:
    scores = np.random.default_rng(0).permutation(np.linspace(0, 1, 101))
    shown = shown_places(scores, 9)
    assert len(shown) <= 10
    assert {scores.argmin(), scores.argmax(), np.argsort(scores)[50]} <= set(shown)
    assert shown_places(scores, 101) == list(range(101))


def test_colours_span_what_a_score_can_be() -> None:
    values = np.array([-3.0, 0.4, 0.9])
    assert PlaceScore.of("NSE", "", values, 1.0).range == (0.0, 1.0)
    bias = PlaceScore.of("bias", "", np.array([-10.0, 2.0, 30.0]), 0.0)
    assert bias.range[0] == -bias.range[1]
    assert 2.0 < bias.range[1] <= 30.0


def test_series_keep_their_places_and_times() -> None:
    places = Places(
        what="place", ids=["a", "b"],
        scores=[PlaceScore.of("x", "", np.array([0.2, 0.8]), 1.0)],
    )  # fmt: skip
    time = np.datetime64("1980-02-28") + np.arange(3)
    values = np.array([[0.0, 1.0], [2.0, np.nan], [4.0, 9.0]])
    line = Line(name="s", label="s", units="1", values=values)
    series = SeriesSet(time=time, units="1", lines=[line], judged=("s", "s"))
    plain = series.plain(places)
    assert (plain["start"], plain["step"], plain["count"]) == (
        320544000000,
        86400000,
        3,
    )
    (one,) = plain["lines"]
    second = decoded(one["data"][1], one["low"], one["high"])
    np.testing.assert_allclose(second, [1.0, np.nan, 9.0], atol=1e-3)


def test_nothing_in_a_page_ends_its_script(tmp_path: Path) -> None:
    page = LivePage("a & b")
    curve = Curve(label="</script><b>", x=np.arange(2.0), y=np.array([1.0, np.nan]))
    page.panels([Panel(title="t", x_label="x", curves=[curve])])
    page.write(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("</script>") == 2
    inside = text.split('type="application/json">')[1].split("</script>")[0]
    (line,) = json.loads(inside)["panels"][0]["lines"]
    assert line["label"] == "</script><b>"
    assert line["y"] == [1.0, None]
