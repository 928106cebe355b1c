"""``dmx info``: what there is, and what a name stands for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from bmi_dmx import __version__, info
from bmi_dmx.cli import main
from bmi_dmx.describe import versions
from bmi_dmx.registry import Registry


def test_info_lists_what_configurations_can_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"bmi_dmx {__version__}, python 3.")
    assert ", torch " in text
    for line in (
        "processes",
        "networks",
        "losses",
        "metrics",
        "bundles",
        "  hbv11p                  HBV 1.1p: HBV 1.0 with capillary rise",
        "  dhbv-conus-daily      HBV with parameters learned",
    ):
        assert f"\n{line}" in text


def test_info_shows_the_declarations_of_a_process(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["info", "hbv11p"]) == 0
    text = capsys.readouterr().out
    assert "\nparameters\n" in text
    assert "\n  fc (FC, mm, 50 to 1000): soil capacity\n" in text


def test_what_info_tells_fits_into_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = (name for registry in info.registries().values() for name in registry)
    for name in ("", *sorted(set(named) - set(info.registries()["bundles"]))):
        assert main(["info", *filter(None, [name])]) == 0
        lines = capsys.readouterr().out.splitlines()
        # Docstrings are as wide as the source.
        assert [line for line in lines if len(line) > 88] == [], name


def test_info_says_what_a_loss_and_a_metric_of_one_name_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["info", "kge"]) == 0
    text = capsys.readouterr().out
    assert "kge (losses)" in text
    assert "kge (metrics)" in text


def test_info_shows_experiments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    _, _, told = capsys.readouterr().out.partition("\nexperiments\n  ")
    assert {"camels_dynamic,", "camels_static,", "delaware,"} <= set(told.split())
    assert max(map(len, told.splitlines())) <= 80
    assert main(["info", "delaware"]) == 0
    assert "\nname: delaware\n" in capsys.readouterr().out


def test_info_about_nothing_known_suggests_a_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["info", "hbv11q"]) == 1
    assert "nothing is called 'hbv11q'; did you mean 'hbv11p'?" in (
        capsys.readouterr().err
    )


def test_a_library_that_is_absent_has_no_version() -> None:
    assert versions(["numpy", "no-such-thing"])["no-such-thing"] == "not installed"


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # as if it were not installed
from bmi_dmx.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("info", "\n  hbv11p                  HBV 1.1p: HBV 1.0 with capillary rise"),
        (
            "info",
            "  Linear layer and activation, unless left out, one",
        ),
        ("info dhbv-conus-daily", "\nname: dhbv-conus-daily\n"),
        ("info dhbv-conus-daily", "\nreads      air_temperature [degC], precip"),
        ("info rivers-plain", "\nof places  length [m], slope\n"),
        ("info rivers-plain", "\nanswers    discharge [m3 s-1], velocity [m s-1]"),
        ("info hbv11p", "\n  fc (FC, mm, 50 to 1000): soil capacity\n"),
        ("info mlp", "\nhidden : int or sequence of int\n"),
        ("info unit_hydrograph", "\n\noptions: "),
        ("info hbv20", "\nexchange: true\nelevation_threshold: false\n"),
        ("info kge", "kge (losses)\n\nMean over basins of 1 − KGE"),
        ("info kge", "kge (metrics)\n\nKling-Gupta efficiency (2009)"),
    ],
)
def test_info_needs_no_torch(line: str, expected: str) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, *line.split()]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert expected in done.stdout


def test_what_is_told_of_registered_things_is_what_they_say() -> None:
    recorded = json.loads(info.FILE.read_text(encoding="utf-8"))
    assert recorded == info.records(), "run scripts/make_registered.py"


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of which none is what the package registers under that name."""
    place = "bmi_dmx.models.hydrology.hbv:Hbv11p"
    registry: Registry[Any] = Registry("process", {"hbv10": place, "new": "gone:New"})
    monkeypatch.setattr(info, "registries", lambda: {"processes": registry})


@pytest.mark.usefixtures("elsewhere")
def test_what_is_not_recorded_is_asked() -> None:
    assert "HBV 1.1p" in info.about("hbv10")
    assert info.about("new").endswith("needs gone, which is not installed")
    assert "new    more about it needs gone, which is not" in info.everything()


def test_long_lists_of_names_in_a_bundle_are_shortened() -> None:
    told = info.about("dhbv-conus-daily")
    assert '"01013500", "01022500", "01030500", … 541 in all]' in told
    assert max(map(len, told.splitlines())) < 120
